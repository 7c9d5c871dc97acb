import { MAX_LIST_ENTRIES } from "../batch-map.js";
import {
  addCounts,
  type Census,
  type CensusCounts,
  type CensusKey,
  type CensusOptions,
  censusKey,
  stretchesOf,
} from "../census.js";
import { checkKeys, checkObject, whole } from "../check.js";
import { type Core, STAGED_ELEMENTS } from "../engine/core.js";
import { constant } from "../engine/modules.js";
import { VmemmapError } from "../errors.js";
import type { DecodedImage } from "../image/image.js";
import { ordersOf, pfnsOfParts } from "../passes.js";
import { PAGES_PER_SECTION } from "../sections.js";
import { type PagePredicate, predicateAt, writePredicate } from "../select.js";
import type { AnswerList, PfnList, PfnSource } from "../types.js";
import { limitOf, type VerifyOptions, type VerifyReport } from "../verify.js";
import { type ImageSource, type LoadOptions, Vmemmap, type VmemmapOptions } from "../vmemmap.js";
import { type BatchName, checkBatch, type OutList, runBatch } from "./batches.js";
import { Pool, poolEntries } from "./pool.js";
import { getFolios, putFolios } from "./reference-lists.js";
import { hostThreads, whyNoThreads } from "./support.js";
import { unpackSlots } from "./unpack.js";
import { fixed } from "./views.js";

/** How many threads a map gets. */
export interface ThreadOptions {
  /** Worker threads, up to 64. @default as many as the host runs at the same time */
  readonly threads?: number;
}

/** What {@link ThreadedVmemmap.create} takes: what `new Vmemmap` takes, but for `build`. */
export type ThreadedOptions = Omit<VmemmapOptions, "build"> & ThreadOptions;

/** What {@link ThreadedVmemmap.load} takes beside the image. */
export type ThreadedLoadOptions = Omit<LoadOptions, "build"> & ThreadOptions;

const MAX_THREADS = 64;
const LOAD_KEYS = ["threads", "listCapacity", "hotplugCapacity", "maxPhysmemBits", "headIndex"];

/** Options as `new Vmemmap` takes them, for a map whose memory has room for so many threads. */
function withRoom<T extends { readonly listCapacity?: number }>(options: T, threads: number) {
  const { listCapacity = 0, ...rest } = options;
  whole(listCapacity, 0, MAX_LIST_ENTRIES, "listCapacity");
  return { ...rest, build: "shared" as const, listCapacity: listCapacity + poolEntries(threads) };
}

/**
 * A map in shared memory, and worker threads that answer batches and passes over it with promises. {@link sync} is the same map
 * for everything else, on this thread. Where the host has no shared memory or no threads, this thread does it all, and
 * {@link reason} says why.
 *
 * Promises' lists are the threads' until they are answered. Calls may be made while others are under way: they are answered one
 * after another. Lookups may run beside changes of counts and flags, splits and frees on this thread, and each answers what was
 * before or what is after; memory that is added or taken away, raw writes and HVO are for when no promise is awaited.
 */
export class ThreadedVmemmap {
  #closed = false;

  private constructor(
    /** The map on this thread, with all its calls; its lists are in the shared memory. Closing ends it as well. */
    readonly sync: Vmemmap<ArrayBufferLike>,
    /** @internal */
    readonly pool: Pool | null,
    /** Why there are no worker threads; null where there are. */
    readonly reason: string | null,
  ) {}

  /** How many threads answer: workers, or this one alone. */
  get threads(): number {
    return this.pool?.members.length ?? 1;
  }

  /**
   * Make a map, as `new Vmemmap` does.
   *
   * @throws VmemmapError as `new Vmemmap`; "worker-failed": a worker could not be started
   */
  static async create(options: ThreadedOptions = {}): Promise<ThreadedVmemmap> {
    checkObject(options, "ThreadedVmemmap");
    const { threads, ...rest } = options;
    const number = await numberOf(threads);
    checkNoBuild(rest);
    const reason = whyNoThreads();
    if (reason !== null) return new ThreadedVmemmap(new Vmemmap(rest), null, reason);
    const map = new Vmemmap<SharedArrayBuffer>(withRoom(rest, number));
    return new ThreadedVmemmap(map, await startPool(map, number), null);
  }

  /**
   * Make the map of an image, as `Vmemmap.load` does, with its sections unpacked by the threads.
   *
   * @throws VmemmapError as `Vmemmap.load`; "worker-failed"
   */
  static async load(source: ImageSource, options: ThreadedLoadOptions = {}): Promise<ThreadedVmemmap> {
    checkKeys(options, LOAD_KEYS, "ThreadedVmemmap.load");
    const { threads, ...rest } = options;
    const number = await numberOf(threads);
    const reason = whyNoThreads();
    if (reason !== null) return new ThreadedVmemmap(await Vmemmap.load(source, rest), null, reason);
    let pool: Pool | null = null;
    try {
      const fillSlots = async (map: Vmemmap<SharedArrayBuffer>, { packedSlots }: DecodedImage) => {
        pool = await startPool(map, number);
        await unpackSlots(map.core, pool, packedSlots);
        await scan(map.core, pool);
      };
      const map = await Vmemmap.fill(source, withRoom(rest, number), fillSlots);
      return new ThreadedVmemmap(map, pool, null);
    } catch (error) {
      await (pool as Pool | null)?.stop();
      throw error;
    }
  }

  /** Room for `length` PFNs or slots in the shared memory: {@link Vmemmap.list}. Batches over such lists copy nothing. */
  list(length: number): Uint32Array {
    return this.sync.list(length);
  }

  /** End the threads once what was asked for is answered, and dispose of the map. Later calls are refused ("disposed"). */
  async close(): Promise<void> {
    this.#closed = true;
    await this.pool?.idle();
    await this.pool?.stop();
    this.sync.dispose();
  }

  /** End the threads at once: promises that are not answered yet are rejected ("disposed"). */
  dispose(): void {
    this.#closed = true;
    void this.pool?.stop();
    this.sync.dispose();
  }

  #check(): void {
    if (this.#closed) throw new VmemmapError("disposed", "this map was closed");
  }

  // ---- Batches ------------------------------------------------------------------------------------------------------
  // As those of Vmemmap, with the same lists and the same answers. Short lists are answered at once, on this thread: waking
  // another takes longer.

  async #batch(name: BatchName, pages: PfnSource, out: OutList): Promise<number> {
    this.#check();
    const { core } = this.sync;
    const { pool } = this;
    const count = checkBatch(core, name, pages, out);
    if (pool === null || count <= STAGED_ELEMENTS) return runBatch(this.sync, name, pages, out);
    const lists = [fixed(pages), fixed(out)] as const;
    return pool.queue(() => pool.batch(name, ...lists, count));
  }

  /** {@link Vmemmap.headsInto} */
  headsInto(pages: PfnSource, out: PfnList): Promise<number> {
    return this.#batch("headsInto", pages, out);
  }

  /** {@link Vmemmap.heads} */
  heads(pages: PfnList): Promise<number> {
    return this.#batch("headsInto", pages, pages);
  }

  /** {@link Vmemmap.ordersInto} */
  ordersInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("ordersInto", pages, out);
  }

  /** {@link Vmemmap.orders} */
  orders(pages: PfnList): Promise<number> {
    return this.#batch("ordersInto", pages, pages);
  }

  /** {@link Vmemmap.folioIdsInto} */
  folioIdsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("folioIdsInto", pages, out);
  }

  /** {@link Vmemmap.folioIds} */
  folioIds(pages: PfnList): Promise<number> {
    return this.#batch("folioIdsInto", pages, pages);
  }

  /** {@link Vmemmap.flagsInto} */
  flagsInto(pages: PfnSource, out: BigUint64Array): Promise<number> {
    return this.#batch("flagsInto", pages, out);
  }

  /** {@link Vmemmap.folioFlagsInto} */
  folioFlagsInto(pages: PfnSource, out: BigUint64Array): Promise<number> {
    return this.#batch("folioFlagsInto", pages, out);
  }

  /** {@link Vmemmap.refcountsInto} */
  refcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("refcountsInto", pages, out);
  }

  /** {@link Vmemmap.refcounts} */
  refcounts(pages: PfnList): Promise<number> {
    return this.#batch("refcountsInto", pages, pages);
  }

  /** {@link Vmemmap.folioRefcountsInto} */
  folioRefcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("folioRefcountsInto", pages, out);
  }

  /** {@link Vmemmap.folioRefcounts} */
  folioRefcounts(pages: PfnList): Promise<number> {
    return this.#batch("folioRefcountsInto", pages, pages);
  }

  /** {@link Vmemmap.mapcountsInto} */
  mapcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("mapcountsInto", pages, out);
  }

  /** {@link Vmemmap.mapcounts} */
  mapcounts(pages: PfnList): Promise<number> {
    return this.#batch("mapcountsInto", pages, pages);
  }

  /** {@link Vmemmap.folioMapcountsInto} */
  folioMapcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("folioMapcountsInto", pages, out);
  }

  /** {@link Vmemmap.folioMapcounts} */
  folioMapcounts(pages: PfnList): Promise<number> {
    return this.#batch("folioMapcountsInto", pages, pages);
  }

  /** {@link Vmemmap.slotsOf} */
  slotsOf(pages: PfnSource, out: Uint32Array): Promise<number> {
    return this.#batch("slotsOf", pages, out);
  }

  /** {@link Vmemmap.pgmapsInto} */
  pgmapsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("pgmapsInto", pages, out);
  }

  /** {@link Vmemmap.devPagemapsInto} */
  devPagemapsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("devPagemapsInto", pages, out);
  }

  /** {@link Vmemmap.pgmapWordsInto} */
  pgmapWordsInto(pages: PfnSource, out: BigUint64Array): Promise<number> {
    return this.#batch("pgmapWordsInto", pages, out);
  }

  /** {@link Vmemmap.ownPgmapsInto} */
  ownPgmapsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("ownPgmapsInto", pages, out);
  }

  /** {@link Vmemmap.ownPgmapWordsInto} */
  ownPgmapWordsInto(pages: PfnSource, out: BigUint64Array): Promise<number> {
    return this.#batch("ownPgmapWordsInto", pages, out);
  }

  /** {@link Vmemmap.memoryTypesInto} */
  memoryTypesInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("memoryTypesInto", pages, out);
  }

  // ---- References on lists ------------------------------------------------------------------------------------------

  /**
   * folio_get of each page's folio, or of none if one is refused: by the kernel's protocol (try_get_folio), a reference is taken, then the
   * head is checked to be the page's head still. Others may count, split and free meanwhile. Where a page is refused, those taken are put
   * again: until then other threads see them, as they see any reference.
   *
   * @param pages read when the call is made
   * @throws VmemmapError as {@link Vmemmap.getFolios}; "worker-failed", "worker-error": some may have been taken
   */
  async getFolios(pages: PfnSource): Promise<void> {
    this.#check();
    const { sync, pool } = this;
    if (pool === null) sync.getFolios(pages);
    else await getFolios(sync, pool, pages);
  }

  /**
   * folio_put of each page's folio. Where a page of the list has no reference to drop, none is dropped. That is seen page by page, before the
   * first is: a list that names a folio more often than it has references, or whose references other threads drop at the same time, is refused
   * when all that could be dropped are, which the message counts. None that was dropped can be taken back, for its folio may be another's by then.
   * Free steps run once all are dropped, in the list's order, callbacks with them.
   *
   * @param pages read when the call is made
   * @returns how many folios were freed
   * @throws VmemmapError as {@link Vmemmap.putFolios}, but see above; what a callback threw, once all is done; "worker-failed",
   *   "worker-error": some may have been dropped
   */
  async putFolios(pages: PfnSource): Promise<number> {
    this.#check();
    const { sync, pool } = this;
    return pool === null ? sync.putFolios(pages) : putFolios(sync, pool, pages);
  }

  // ---- Whole-map passes -----------------------------------------------------------------------------------------------

  /** A pass: by the threads, or where there are none on this one. */
  async #pass<T>(byThreads: (pool: Pool) => Promise<T>, here: () => T): Promise<T> {
    this.#check();
    const { pool } = this;
    return pool === null ? here() : pool.queue(() => byThreads(pool));
  }

  /** {@link Vmemmap.foliosByOrder} */
  foliosByOrder(): Promise<number[]> {
    const { sync } = this;
    return this.#pass(
      async (pool) => {
        const sections = sectionsOf(sync.core);
        const counts = await pool.shareTask("countFolios", { sections }, sections);
        const sum = new Uint32Array(256);
        for (const part of counts) part.forEach((count, order) => (sum[order]! += count));
        return ordersOf(sync.profile, sum);
      },
      () => sync.foliosByOrder(),
    );
  }

  /** {@link Vmemmap.census} */
  async census(options: CensusOptions = {}): Promise<Census> {
    const { sync } = this;
    const by = censusKey(sync.core, options);
    return sync.censusOf(by, await this.censusCounts(options), options.range);
  }

  /** What {@link census} counts, filtered pages as they read. @internal */
  censusCounts(options: CensusOptions): Promise<CensusCounts> {
    const { sync } = this;
    const by: CensusKey = censusKey(sync.core, options);
    const stretches = stretchesOf(sync.core, options.range);
    return this.#pass(
      async (pool) => {
        const [first, ...others] = await pool.shareTask("census", { by, stretches }, stretches.length);
        for (const counts of others) addCounts(first!, counts);
        return first!;
      },
      () => sync.censusCounts(options),
    );
  }

  /** {@link Vmemmap.select} */
  async select(want: PagePredicate): Promise<PfnList> {
    this.#check();
    const { sync } = this;
    const { core } = sync;
    writePredicate(core, sync.profile, want, (asked) => sync.pgmapNumbers(asked));
    const predicate = core.u8.slice(predicateAt(core), core.area + constant("THREAD_AREA_SIZE"));
    return this.#pass(
      async (pool) => {
        const sections = sectionsOf(core);
        const found = await pool.shareTask("select", { sections, predicate }, sections);
        const parts = found.flat().sort(([a], [b]) => a - b);
        return pfnsOfParts(
          core,
          parts.flatMap(([, slots]) => slots),
        );
      },
      () => sync.select(want),
    );
  }

  /** {@link Vmemmap.listHeads} */
  listHeads(): Promise<PfnList> {
    return this.select({ kinds: ["head"] });
  }

  /** {@link Vmemmap.checkWellFormed} */
  checkWellFormed(): Promise<number> {
    const { sync } = this;
    return this.#pass(
      (pool) => scan(sync.core, pool),
      () => sync.checkWellFormed(),
    );
  }

  /** {@link Vmemmap.verify}, by one thread: folios may reach over any place where the map could be cut. */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const limit = limitOf(options);
    return this.#pass(
      (pool) => pool.oneTask("verify", { limit }),
      () => this.sync.verify({ limit }),
    );
  }
}

async function numberOf(threads: number | undefined): Promise<number> {
  return whole(threads === undefined ? Math.min(await hostThreads(), MAX_THREADS) : threads, 1, MAX_THREADS, "threads");
}

function checkNoBuild(options: object): void {
  if ("build" in options)
    throw new VmemmapError("bad-argument", "ThreadedVmemmap: no option build: threads have their own");
}

function sectionsOf(core: Core): number {
  return core.slotLimit / PAGES_PER_SECTION;
}

async function startPool(map: Vmemmap<SharedArrayBuffer>, threads: number): Promise<Pool> {
  const place = map.list(poolEntries(threads));
  return Pool.start(map.core, map.profile, threads, place.byteOffset);
}

/** Mark the sections that are well-formed; how many words are not. */
async function scan(core: Core, pool: Pool): Promise<number> {
  const sections = sectionsOf(core);
  core.exports.slots_written(0, core.slotLimit);
  const ill = await pool.shareTask("scan", { sections }, sections);
  core.exports.head_index_settle();
  return ill.reduce((sum, part) => sum + part, 0);
}
