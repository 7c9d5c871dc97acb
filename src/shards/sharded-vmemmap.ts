import { type Census, type CensusOptions, censusKey } from "../census.js";
import { checkKeys, display, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import type { Folio } from "../folio.js";
import type { PgmapRecord } from "../image/image.js";
import { bestBuild } from "../engine/modules.js";
import { isRange, isWide } from "../lists.js";
import { type MemoryRange, type Section, sectionsOf } from "../sections.js";
import type { PagePredicate } from "../select.js";
import { type BatchName, checkBatch, type OutList, runBatch } from "../threads/batches.js";
import { hostThreads, whyNoThreads } from "../threads/support.js";
import { ThreadedVmemmap } from "../threads/threaded-vmemmap.js";
import { part } from "../threads/views.js";
import type { AnswerList, PfnList, PfnRange, PfnSource } from "../types.js";
import { DEFAULT_LIMIT, type VerifyOptions, type VerifyReport } from "../verify.js";
import { Vmemmap, type VmemmapOptions } from "../vmemmap.js";
import { checkPagesPerShard, cutMemory, piecesOf } from "./cut.js";
import { ShardedHeadIndex } from "./head-index.js";
import { addCounts, joinCensuses, joinLists, joinReports } from "./merge.js";
import { fillAbsent, type Lane, ROUTED, Router } from "./router.js";

/** How to make a map of several memories. */
export interface ShardOptions extends Pick<
  VmemmapOptions,
  "profile" | "vmemmapBase" | "maxPhysmemBits" | "headIndex" | "initialize"
> {
  /** Physical memory, in PFNs. */
  readonly memory: readonly MemoryRange[];
  /** PFNs of a shard, a multiple of 2^22: the map is cut at multiples of it. @default 15 * 2^22, what fits 4 GiB */
  readonly pagesPerShard?: number;
  /**
   * 1: this thread answers. More: each shard has a worker thread of its own, or several where there are fewer shards than threads.
   * @default as many as the host runs at the same time
   */
  readonly threads?: number;
}

const OPTIONS = [
  "profile",
  "vmemmapBase",
  "maxPhysmemBits",
  "headIndex",
  "initialize",
  "memory",
  "pagesPerShard",
  "threads",
];
const MAX_THREADS = 4096;
const MAX_THREADS_PER_SHARD = 64;

/** One memory, and what PFNs it is for. */
interface Shard {
  readonly start: number;
  readonly end: number;
  readonly map: Vmemmap<ArrayBufferLike>;
  /** The same map with its worker threads; null where this thread answers. */
  readonly threaded: ThreadedVmemmap | null;
}

/**
 * The memory map of a machine whose slots do not fit one memory of 4 GiB: several, each a {@link Vmemmap} over the PFNs of its own,
 * cut where no folio can be. PFNs are the machine's throughout.
 *
 * Batches and passes have the names, lists and answers of {@link Vmemmap}, with promises. Lists are routed to the shards in
 * WebAssembly, and the shards answer at the same time where they have threads. A list is the map's until its promise is answered. What is
 * asked of one page goes to the page's shard at once; {@link shardOf} has all the rest.
 */
export class ShardedVmemmap {
  /** The index that lists of pages are looked up in, in all shards. */
  readonly headIndex = new ShardedHeadIndex(() => this.shards.map(({ headIndex }) => headIndex));
  readonly #shards: readonly Shard[];
  readonly #pagesPerShard: number;
  readonly #byStretch: ReadonlyMap<number, Shard>;
  readonly #router: Router;
  readonly #wide: boolean;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(
    shards: readonly Shard[],
    pagesPerShard: number,
    /** Why there are no worker threads; null where there are. */
    readonly reason: string | null,
  ) {
    this.#shards = shards;
    this.#pagesPerShard = pagesPerShard;
    this.#byStretch = new Map(shards.map((shard) => [shard.start / pagesPerShard, shard]));
    const last = shards.at(-1)!.map.core;
    this.#wide = isWide(last);
    for (const { map } of shards) map.core.reachTo(last.lastSection);
    this.#router = new Router({ build: reason === null ? "shared" : bestBuild(), shards, wide: this.#wide });
  }

  /**
   * Make a map, as `new Vmemmap` makes one of one memory.
   *
   * @throws VmemmapError as `new Vmemmap`; "worker-failed": a worker could not be started
   */
  static async create(options: ShardOptions): Promise<ShardedVmemmap> {
    checkKeys(options, OPTIONS, "ShardedVmemmap.create");
    const { memory, pagesPerShard, threads, ...rest } = options;
    const pages = checkPagesPerShard(pagesPerShard);
    const wished = whole(threads ?? (await hostThreads()), 1, MAX_THREADS, "threads");
    if (sectionsOf(memory).length === 0) {
      throw new VmemmapError("bad-range", "a map needs at least one range of memory");
    }
    const stretches = [...cutMemory(memory, pages)];
    const reason = wished === 1 ? "one thread was asked for" : whyNoThreads();
    const each = Math.min(Math.max(1, Math.floor(wished / stretches.length)), MAX_THREADS_PER_SHARD);
    const shards: Shard[] = [];
    try {
      for (const [number, ranges] of stretches) {
        const place = { start: number * pages, end: (number + 1) * pages };
        const one = { ...rest, memory: ranges };
        const threaded = reason === null ? await ThreadedVmemmap.create({ ...one, threads: each }) : null;
        shards.push({ ...place, map: threaded?.sync ?? new Vmemmap(one), threaded });
      }
      return new ShardedVmemmap(shards, pages, reason);
    } catch (error) {
      for (const { map, threaded } of shards) (threaded ?? map).dispose();
      throw error;
    }
  }

  /** End the threads once what was asked for is answered, and dispose of all memories. Later calls are refused ("disposed"). */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await Promise.all(
      this.#shards.map(async ({ map, threaded }) => (threaded === null ? map.dispose() : threaded.close())),
    );
  }

  /** End the threads at once, and dispose of all memories: promises that are not answered yet are rejected ("disposed"). */
  dispose(): void {
    this.#closed = true;
    for (const { map, threaded } of this.#shards) (threaded ?? map).dispose();
  }

  #check(): void {
    if (this.#closed) throw new VmemmapError("disposed", "this map was closed");
  }

  // ---- The map --------------------------------------------------------------------------------------------------------

  /** The maps of the single memories, by rising PFN. */
  get shards(): readonly Vmemmap<ArrayBufferLike>[] {
    return this.#shards.map(({ map }) => map);
  }

  /** Worker threads, or 1 where this thread answers. */
  get threads(): number {
    return this.#shards.reduce((sum, { threaded }) => sum + (threaded?.threads ?? 0), 0) || 1;
  }

  /** Present sections by rising number. */
  get sections(): readonly Section[] {
    return this.shards.flatMap(({ sections }) => sections);
  }

  /** How many slots there are. */
  get slots(): number {
    return this.shards.reduce((sum, { slots }) => sum + slots, 0);
  }

  /** First PFN of the first present section. */
  get startPfn(): number {
    return this.#shards[0]!.map.startPfn;
  }

  /** First PFN after the last present section. */
  get endPfn(): number {
    return this.#shards.at(-1)!.map.endPfn;
  }

  /** Bytes of the shards' memories. */
  get memoryBytes(): number {
    return this.shards.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }

  /**
   * The map of the memory that holds a PFN, for whatever there is to ask or to change of one page, or of pages of one shard.
   * Memory that is added there has to be for that shard's PFNs, and not the first past PFN 2^32.
   *
   * @throws VmemmapError "pfn-absent": no shard is for it; "bad-argument"
   */
  shardOf(pfn: number): Vmemmap<ArrayBufferLike> {
    this.#check();
    if (!Number.isSafeInteger(pfn) || pfn < 0) {
      throw new VmemmapError("bad-argument", `PFN ${display(pfn)}: expected a whole number from 0`);
    }
    const shard = this.#byStretch.get(Math.floor(pfn / this.#pagesPerShard));
    if (shard === undefined) throw new VmemmapError("pfn-absent", `PFN ${pfn}: no shard holds it`);
    return shard.map;
  }

  /** The device page maps of a dump, the same in all shards: a pgmap may reach over several. */
  get pgmaps(): readonly PgmapRecord[] {
    return this.#shards[0]!.map.pgmaps;
  }

  set pgmaps(pgmaps: readonly PgmapRecord[]) {
    this.#check();
    for (const { map } of this.#shards) map.pgmaps = pgmaps;
  }

  // ---- One page -------------------------------------------------------------------------------------------------------

  /** {@link Vmemmap.pfnValid} */
  pfnValid(pfn: number): boolean {
    this.#check();
    return this.#byStretch.get(Math.floor(pfn / this.#pagesPerShard))?.map.pfnValid(pfn) ?? false;
  }

  /** {@link Vmemmap.compoundHead} */
  compoundHead(pfn: number): number {
    return this.shardOf(pfn).compoundHead(pfn);
  }

  /** {@link Vmemmap.folio} */
  folio(pfn: number): Folio {
    return this.shardOf(pfn).folio(pfn);
  }

  /** {@link Vmemmap.readWord} */
  readWord(pfn: number, offset: number): bigint {
    return this.shardOf(pfn).readWord(pfn, offset);
  }

  /** {@link Vmemmap.writeWord} */
  writeWord(pfn: number, offset: number, value: bigint): void {
    this.shardOf(pfn).writeWord(pfn, offset, value);
  }

  /** {@link Vmemmap.prepCompoundPage} */
  prepCompoundPage(pfn: number, order: number): void {
    this.shardOf(pfn).prepCompoundPage(pfn, order);
  }

  /** {@link Vmemmap.freePagesPrepare} */
  freePagesPrepare(pfn: number, order: number): void {
    this.shardOf(pfn).freePagesPrepare(pfn, order);
  }

  /** {@link Vmemmap.splitFolioToOrder} */
  splitFolioToOrder(pfn: number, newOrder: number): void {
    this.shardOf(pfn).splitFolioToOrder(pfn, newOrder);
  }

  // ---- Batches --------------------------------------------------------------------------------------------------------
  // As those of Vmemmap. Pages of no shard are absent. A garbage word that leads over a cut leads nowhere.

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

  /** {@link Vmemmap.folioRefcountsInto} */
  folioRefcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("folioRefcountsInto", pages, out);
  }

  /** {@link Vmemmap.mapcountsInto} */
  mapcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("mapcountsInto", pages, out);
  }

  /** {@link Vmemmap.folioMapcountsInto} */
  folioMapcountsInto(pages: PfnSource, out: AnswerList): Promise<number> {
    return this.#batch("folioMapcountsInto", pages, out);
  }

  /** {@link Vmemmap.pgmapsInto}: places in {@link pgmaps}, which has to be set here and not in a shard. */
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

  /** Batches are answered one after another: they have the router in turn. */
  async #batch(name: BatchName, pages: PfnSource, out: OutList): Promise<number> {
    this.#check();
    const length = checkBatch(this.#shards.at(-1)!.map.core, name, pages, out);
    const work = () => (isRange(pages) ? this.#range(name, pages, out) : this.#list(name, pages, out, length));
    const turn = this.#last.then(work).catch((cause: unknown) => {
      if (cause instanceof VmemmapError) throw cause;
      throw new VmemmapError("bad-array", `${name}: a list was taken away before it was answered`, { cause });
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Ask a shard, or where there is none say that the pages are absent. */
  #ask(shard: Shard | undefined, name: BatchName, pages: PfnSource, out: OutList): number | Promise<number> {
    if (shard?.threaded) return shard.threaded[name as "headsInto"](pages, out as PfnList);
    if (shard !== undefined) return runBatch(shard.map, name, pages, out);
    fillAbsent(out);
    return out.length;
  }

  async #range(name: BatchName, { start, count }: PfnRange, out: OutList): Promise<number> {
    const pieces = [...piecesOf(start, start + count, this.#pagesPerShard)];
    return sumOf(
      pieces.map(async ({ number, start: from, end }) => {
        const answers = part(out, from - start, end - from);
        return this.#ask(this.#byStretch.get(number), name, { start: from, count: end - from }, answers);
      }),
    );
  }

  /** Stretch by stretch, in two lanes: one is routed while the shards are at work on the one before. */
  async #list(name: BatchName, pages: PfnList, out: OutList, length: number): Promise<number> {
    const working: Promise<number>[] = [];
    let invalid = 0;
    try {
      for (let at = 0, turn = 0; at < length; at += ROUTED, turn ^= 1) {
        if (working.length === this.#router.lanes.length) invalid += await working.shift()!;
        const count = Math.min(ROUTED, length - at);
        const stretch = this.#stretch(this.#router.lanes[turn]!, name, part(pages, at, count), part(out, at, count));
        stretch.catch(() => {}); // it may fail before it is awaited
        working.push(stretch);
      }
      return invalid + (await sumOf(working));
    } finally {
      await Promise.allSettled(working);
    }
  }

  async #stretch(lane: Lane, name: BatchName, pages: PfnList, out: OutList): Promise<number> {
    lane.fill(pages);
    if (lane.isOfOneShard()) {
      return this.#ask(this.#byStretch.get(Math.floor(pages[0]! / this.#pagesPerShard)), name, pages, out);
    }
    lane.route();
    const invalid = await sumOf(
      this.#shards.map(async (shard, number) => {
        const bucket = lane.bucketOf(number, out);
        return bucket === null ? 0 : this.#ask(shard, name, bucket.pages, bucket.out);
      }),
    );
    lane.gather(out);
    return lane.absent + invalid;
  }

  // ---- Whole-map passes -----------------------------------------------------------------------------------------------

  /** The same of all shards, at the same time where they have threads. */
  #pass<T>(ask: (map: Vmemmap<ArrayBufferLike> | ThreadedVmemmap) => T | Promise<T>): Promise<T[]> {
    return allOf(
      this.#shards.map(async ({ map, threaded }) => {
        this.#check();
        return ask(threaded ?? map);
      }),
    );
  }

  /** {@link Vmemmap.foliosByOrder} */
  async foliosByOrder(): Promise<number[]> {
    return addCounts(await this.#pass((map) => map.foliosByOrder()));
  }

  /** {@link Vmemmap.census} */
  async census(options: CensusOptions = {}): Promise<Census> {
    this.#check();
    const { core } = this.#shards.at(-1)!.map;
    const by = censusKey(core, options);
    const parts = await this.#pass((map) => map.census(options));
    return joinCensuses(by, parts);
  }

  /** {@link Vmemmap.select}, rising with their PFNs */
  async select(want: PagePredicate): Promise<PfnList> {
    return joinLists(await this.#pass((map) => map.select(want)), this.#wide);
  }

  /** {@link Vmemmap.listHeads}, rising with their PFNs */
  listHeads(): Promise<PfnList> {
    return this.select({ kinds: ["head"] });
  }

  /** {@link Vmemmap.checkWellFormed} */
  async checkWellFormed(): Promise<number> {
    return sumOf(await this.#pass((map) => map.checkWellFormed()));
  }

  /** {@link Vmemmap.verify}: where there are more findings than wished for, those with the lowest PFNs. */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const reports = await this.#pass((map) => map.verify(options));
    return joinReports(reports, options.limit ?? DEFAULT_LIMIT);
  }
}

/** What all give, or the first error once none is at work any more. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function sumOf(work: readonly (number | Promise<number>)[]): Promise<number> {
  return (await allOf(work.map(async (part) => part))).reduce((sum, part) => sum + part, 0);
}
