/** The device page maps of one map, and the life of their pages: what the core leaves to the host. */
import { type AliasTable, SLOTS_PER_VMEMMAP_PAGE } from "./aliases.js";
import { collect, throwFirst } from "./callbacks.js";
import { display, whole } from "./check.js";
import { type Core, INVALID } from "./engine/core.js";
import { constant } from "./engine/modules.js";
import { memoryTypeNumber } from "./engine/state.js";
import { errorOf } from "./engine/status.js";
import { VmemmapError } from "./errors.js";
import type { Folio } from "./folio.js";
import { dedupFolios } from "./dedup.js";
import { checkRecords } from "./image/pgmaps.js";
import type { PgmapRange, PgmapRecord } from "./image/image.js";
import {
  checkContiguous,
  checkOptions,
  checkRanges,
  planAltmap,
  recordOf,
  sectionsInReach,
  showRange,
  stretchesOf,
  withoutRanges,
  withRanges,
} from "./memremap.js";
import { type MemremapOptions, Pgmap, type PgmapOps, type PgmapState } from "./pgmap.js";
import { checkPgmaps, type PgmapFacts, tellPgmaps } from "./pgmaps.js";
import type { MemoryType, Profile } from "./profile/index.js";
import { PAGES_PER_SECTION } from "./sections.js";
import { Waiting } from "./waiting.js";

/** Where the addresses begin that memremapPages makes up: the direct map without KASLR, 4 GiB up. */
const INVENTED = 0xffff888100000000n;
const INVENTED_STEP = 0x1000n;
/** Slots of a folio that a deduplicated vmemmap keeps (VMEMMAP_RESERVE_NR pages). */
const RESERVED_SLOTS = 128;

type References = Pick<PgmapFacts, "refs" | "held">;

interface Entry {
  readonly record: PgmapRecord;
  readonly type: MemoryType | null;
  /** Null where the functions are a kernel's, in a dump. */
  readonly callbacks: PgmapOps | null;
  dying: boolean;
  /** Told when the last reference is gone. */
  readonly whenIdle: Waiting;
  /** Slot of a folio that was in use when it was looked for. */
  busyAt: number;
}

/** Where a map's parts are. */
export interface DeviceHost {
  readonly core: Core;
  readonly profile: Profile;
  readonly aliases: AliasTable;
  folioAt(slot: number): Folio;
}

export class Devices implements PgmapState {
  #entries: Entry[] = [];
  #invented = 0n;
  /** Who waits for a folio to be idle, by its slot. */
  readonly #waiters = new Map<number, Waiting>();

  /** How often sections went: a slot may be another page's since. */
  generation = 0;

  constructor(readonly host: DeviceHost) {}

  // ---- The list -----------------------------------------------------------------------------------------------------

  /** By number. */
  get records(): readonly PgmapRecord[] {
    return Object.freeze(this.#entries.map(({ record }) => record));
  }

  at(number: number): PgmapRecord | null {
    return this.#entries[number]?.record ?? null;
  }

  /** These are the pgmaps from now on, as a dump has them. */
  replace(records: readonly PgmapRecord[]): void {
    checkRecords(records);
    checkPgmaps(records);
    const known = new Map(this.#entries.map((entry) => [entry.record, entry]));
    const kept = records.map((record) => known.get(record));
    const lost = this.#entries.find((entry) => !entry.whenIdle.isEmpty && !kept.includes(entry));
    if (lost !== undefined) {
      const address = `0x${lost.record.address.toString(16)}`;
      throw new VmemmapError("pgmap-dying", `pgmaps: memunmapPagesWhenIdle waits for the one at ${address}`);
    }
    const gone = this.#entries.find((entry) => entry.callbacks !== null && !kept.includes(entry));
    if (gone !== undefined) {
      const address = `0x${gone.record.address.toString(16)}`;
      throw new VmemmapError(
        "pgmap-busy",
        `pgmaps: memremapPages made the one at ${address}; memunmapPages takes it away`,
      );
    }
    const old = new Map(this.#references().map((references, number) => [this.#entries[number]!, references]));
    this.#entries = records.map(
      (record, i) =>
        kept[i] ?? {
          record,
          type: this.typeOf(record),
          callbacks: null,
          dying: false,
          whenIdle: new Waiting(),
          busyAt: 0,
        },
    );
    // A dump tells neither: they are what its pages say. The pages are counted by what the core knows of the pgmaps.
    this.#tell(this.#entries.map((entry) => old.get(entry) ?? { refs: 1 + this.#baseRefs(entry.record), held: 0 }));
    this.#entries.forEach((entry, number) => {
      if (!old.has(entry)) this.host.core.exports.pgmap_hold(number, this.#heldRefs(entry.record));
    });
  }

  /** References on each pgmap, by number. */
  #references(): References[] {
    const { pgmap_held, pgmap_refs } = this.host.core.exports;
    return this.#entries.map((_, number) => ({ refs: pgmap_refs(number), held: pgmap_held(number) }));
  }

  typeOf(record: PgmapRecord): MemoryType | null {
    return this.host.profile.zoneDevice.memoryTypes[record.type - 1] ?? null;
  }

  #tell(references: readonly References[]): void {
    const dying = constant("PgmapFlag.DYING");
    const hasFree = constant("PgmapFlag.HAS_FREE");
    tellPgmaps(
      this.host.core,
      this.#entries.map((entry, i) => ({
        record: entry.record,
        type: entry.type === null ? 0 : memoryTypeNumber(entry.type),
        flags: (entry.dying ? dying : 0) | (canFree(entry) ? hasFree : 0),
        ...references[i]!,
      })),
    );
  }

  #number(pgmap: PgmapRecord): number {
    return this.#entries.findIndex(({ record }) => record === pgmap);
  }

  refs(pgmap: PgmapRecord): number {
    const number = this.#number(pgmap);
    return number < 0 ? 0 : this.host.core.exports.pgmap_refs(number);
  }

  isDying(pgmap: PgmapRecord): boolean {
    return this.#entries[this.#number(pgmap)]?.dying ?? true;
  }

  /** References that memremap_pages takes: one for each folio-sized unit past the altmap's pages. */
  #baseRefs(record: PgmapRecord): number {
    const type = this.typeOf(record);
    if (type === null || !this.host.profile.zoneDevice.baseRefs.includes(type)) return 0;
    return usable(record).reduce(
      (sum, { start, end }) => sum + Math.floor((end - start) / 2 ** record.vmemmapShift),
      0,
    );
  }

  /** References that pages in use hold, as their counts tell. */
  #heldRefs(record: PgmapRecord): number {
    return this.#sum(record, (slot, pages) => this.host.core.exports.refs_of_folios(slot, pages));
  }

  #sum(record: PgmapRecord, of: (slot: number, pages: number) => number): number {
    let sum = 0;
    for (const { slot, pages } of this.#slotsOf(record)) sum += of(slot, pages);
    return sum;
  }

  /** Slots of a pgmap's usable pages, in rows; those of absent pages left out. */
  #slotsOf(record: PgmapRecord): { slot: number; pages: number }[] {
    const { core } = this.host;
    const sectionSlot = (number: number) => core.sectionSlot(number);
    return usable(record)
      .flatMap((range) => stretchesOf(range, core.sections, sectionSlot))
      .map(({ start, end }) => ({ slot: core.slotOf(start), pages: end - start }));
  }

  // ---- memremap_pages -----------------------------------------------------------------------------------------------

  memremap(options: MemremapOptions): Pgmap {
    const { core, profile } = this.host;
    checkOptions(options, profile);
    const node = whole(options.node ?? 0, 0, 2 ** profile.node.width - 1, "node");
    checkRanges(options, core.sections, this.records, core.plan.tableEntries);
    checkContiguous(options, core.sections);
    const early = new Set(core.sections.filter((section) => section.early).map(({ number }) => number));
    const altmap = planAltmap(options, (number) => early.has(number));
    const address = options.address ?? this.#inventAddress();
    const record = recordOf(options, profile, address, altmap);
    const pgmap = new Pgmap(record, options.type, options.ops ?? {}, this);
    checkPgmaps([...this.records, pgmap]);

    core.setSections(withRanges(core.sections, pgmap.ranges));
    const references = this.#references();
    this.#entries.push({
      record: pgmap,
      type: options.type,
      callbacks: pgmap.callbacks,
      dying: false,
      whenIdle: new Waiting(),
      busyAt: 0,
    });
    this.#tell([...references, { refs: 1 + this.#baseRefs(pgmap), held: 0 }]);
    this.#initPages(pgmap, node, options.vmemmapOptimize ?? true);
    this.#rescan(pgmap.ranges);
    return pgmap;
  }

  #inventAddress(): bigint {
    const taken = new Set(this.#entries.map(({ record }) => record.address));
    let address: bigint;
    do address = INVENTED + INVENTED_STEP * this.#invented++;
    while (taken.has(address));
    return address;
  }

  /** memmap_init_range for the altmap's pages, memmap_init_zone_device for the others. */
  #initPages(pgmap: Pgmap, node: number, optimize: boolean): void {
    const { core, profile, aliases } = this.host;
    const { altmap, vmemmapShift } = pgmap;
    const sectionSlot = (number: number) => core.sectionSlot(number);
    const done = (status: number) => {
      if (status < 0) throw errorOf(-status, `memremapPages(${pgmap.ranges.map(showRange).join(", ")})`);
    };
    if (altmap !== null && altmap.free > 0) {
      const hosts = { start: altmap.basePfn + altmap.reserve, end: altmap.basePfn + altmap.reserve + altmap.free };
      const zone = profile.zones.indexOf("DEVICE");
      const reserved = 1 << profile.flags["reserved"]!.bit;
      for (const { start, end } of stretchesOf(hosts, core.sections, sectionSlot)) {
        done(core.exports.memmap_init_range(core.slotOf(start), end - start, zone, node, 1, reserved));
      }
    }
    const number = this.#number(pgmap);
    // vmemmap_can_optimize: from the third page of the vmemmap on, and not where the device holds it.
    const dedups = optimize && altmap === null && 2 ** vmemmapShift > RESERVED_SLOTS;
    for (const range of usable(pgmap)) {
      for (const { start, end, early } of stretchesOf(range, core.sections, sectionSlot)) {
        const written = dedups && (!early || !profile.zoneDevice.initsEarlyFolios) ? RESERVED_SLOTS : 2 ** vmemmapShift;
        const slot = core.slotOf(start);
        done(core.exports.memmap_init_zone_device(slot, end - start, number, node, vmemmapShift, written));
        if (dedups && !early) dedupFolios(core, aliases, { start, end }, vmemmapShift);
      }
    }
  }

  /** Mark the sections well-formed again whose words may lead into these ranges, if they are. */
  #rescan(ranges: readonly PgmapRange[]): void {
    const { core, profile } = this.host;
    for (const number of sectionsInReach(core.sections, ranges, profile.maxFolioOrder)) {
      core.exports.scan_section(core.sectionSlot(number) / PAGES_PER_SECTION);
    }
  }

  // ---- memunmap_pages -----------------------------------------------------------------------------------------------

  memunmap(pgmap: PgmapRecord): void {
    const entry = this.#entry(pgmap, "memunmapPages");
    entry.busyAt = 0;
    const busy = this.#busy(entry);
    if (busy !== null) throw new VmemmapError("pgmap-busy", `memunmapPages: ${busy}`);
    this.#unmap(entry);
  }

  async memunmapWhenIdle(pgmap: PgmapRecord): Promise<void> {
    const entry = this.#entry(pgmap, "memunmapPagesWhenIdle");
    const gone = entry.whenIdle.wait();
    this.#kill(entry);
    this.#unmapIfIdle(entry);
    await gone;
  }

  #entry(pgmap: PgmapRecord, what: string): Entry {
    const entry = this.#entries[this.#number(pgmap)];
    if (entry !== undefined) return entry;
    const known = typeof pgmap === "object" && (pgmap as unknown) !== null && typeof pgmap.address === "bigint";
    const name = known ? `the pgmap at 0x${pgmap.address.toString(16)}` : display(pgmap);
    throw new VmemmapError("no-pgmap", `${what}: ${name} is none of this map's`);
  }

  /** percpu_ref_kill, and the references of memremap_pages. */
  #kill(entry: Entry): void {
    if (entry.dying) return;
    const { pgmap_add_refs, pgmap_kill } = this.host.core.exports;
    const number = this.#number(entry.record);
    entry.dying = true;
    pgmap_kill(number);
    pgmap_add_refs(number, -1 - this.#baseRefs(entry.record));
  }

  /** What keeps a pgmap from going, or null. */
  #busy(entry: Entry): string | null {
    const { core } = this.host;
    const { record } = entry;
    const at = `the pgmap at 0x${record.address.toString(16)}`;
    const busy = this.#busySlot(entry);
    if (busy !== null) {
      const references = core.exports.page_ref_count(busy) - this.#idleCount(record);
      const folio = `${at}: the folio at PFN ${core.pfnOf(busy)}`;
      if (references < 0) return `${folio} is frozen`;
      return `${folio} has ${references} reference${references === 1 ? "" : "s"} beyond those of an idle one`;
    }
    const held = core.exports.pgmap_held(this.#number(record));
    return held > 0 ? `${at}: its pages hold ${held} reference${held === 1 ? "" : "s"} to it` : null;
  }

  /** First slot of a folio in use. Where one was found before, the search goes on from there, and from the start at last. */
  #busySlot(entry: Entry): number | null {
    const rows = this.#slotsOf(entry.record);
    const after = rows.map(({ slot, pages }) => {
      const from = Math.max(slot, Math.min(entry.busyAt, slot + pages));
      return { slot: from, pages: slot + pages - from };
    });
    for (const { slot, pages } of entry.busyAt === 0 ? rows : [...after, ...rows]) {
      const busy = this.host.core.exports.first_busy_folio(slot, pages) >>> 0;
      if (busy === INVALID) continue;
      entry.busyAt = busy;
      return busy;
    }
    return null;
  }

  #idleCount(record: PgmapRecord): number {
    const type = this.typeOf(record);
    return Number(type !== null && this.host.profile.zoneDevice.idleAtOne.includes(type));
  }

  #unmap(entry: Entry): void {
    const { core, aliases } = this.host;
    const { ranges } = entry.record;
    const sectionSlot = (number: number) => core.sectionSlot(number);
    const stretches = ranges.flatMap((range) => stretchesOf(range, core.sections, sectionSlot));
    const rows = stretches.map(({ start, end, early }) => ({ slot: core.slotOf(start), pages: end - start, early }));
    const references = this.#references();
    references.splice(this.#number(entry.record), 1);
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#tell(references);
    for (const { start, end } of ranges) aliases.deleteRange(start, end);
    for (const { slot, pages, early } of rows) if (early) this.#unshare(slot, pages);
    core.setSections(withoutRanges(core.sections, ranges));
    this.#rescan(ranges);
    this.generation++;
    entry.whenIdle.end();
    for (const [slot, waiters] of this.#waiters) {
      if (!rows.some((row) => slot >= row.slot && slot < row.slot + row.pages)) continue;
      this.#waiters.delete(slot);
      waiters.end();
    }
  }

  /** Slots of an early section stay, each on its own frame. */
  #unshare(slot: number, pages: number): void {
    for (let i = 0; i < pages; i += SLOTS_PER_VMEMMAP_PAGE) {
      this.host.core.exports.set_slot_sharing(slot + i, constant("Sharing.NONE"));
    }
  }

  #unmapIfIdle(entry: Entry): void {
    if (this.#busy(entry) === null) this.#unmap(entry);
  }

  // ---- What follows a dropped reference -----------------------------------------------------------------------------

  /**
   * Do what an Event of the core asks for.
   *
   * @param errors takes what a callback throws: the step is completed all the same
   * @returns whether a folio was freed
   */
  finish(event: number, slot: number, errors: unknown[]): boolean {
    if (event === constant("Event.NONE")) {
      this.noteCount(slot);
      return false;
    }
    if (event === constant("Event.CALL_FREE")) this.#callFree(slot, errors);
    if (event !== constant("Event.RELEASED")) this.#wake(slot);
    return true;
  }

  #callFree(slot: number, errors: unknown[]): void {
    const { core } = this.host;
    const entry = this.#entryOfSlot(slot);
    const pages = core.exports.folio_nr_pages(slot) >>> 0;
    const { callbacks } = entry ?? {};
    collect(errors, () => {
      if (callbacks?.folioFree !== undefined) callbacks.folioFree(this.host.folioAt(slot));
      else callbacks?.pageFree?.(core.pfnOf(slot));
    });
    // The callback may have unmapped its pgmap, and mapped another.
    if (entry !== undefined && this.#entryOfSlot(slot) === entry) core.exports.zone_device_folio_freed(slot, pages);
  }

  #entryOfSlot(slot: number): Entry | undefined {
    return this.#entries[this.host.core.exports.folio_pgmap(slot)];
  }

  /** Who waited for the folio goes on, and so does who waits for its pgmap. */
  #wake(slot: number): void {
    const entry = this.#entryOfSlot(slot);
    const waiters = this.#waiters.get(slot);
    this.#waiters.delete(slot);
    waiters?.end();
    if (entry?.dying === true) this.#unmapIfIdle(entry);
  }

  /** Somebody waits for a folio or a pgmap to be idle. */
  get isWaitedFor(): boolean {
    return this.#waiters.size > 0 || this.#entries.some(({ dying }) => dying);
  }

  /** A count changed, and no free step followed: generic pages are idle at 1, where nothing is freed. */
  noteCount(slot: number): void {
    if (this.isWaitedFor && this.isIdle(slot)) this.#wake(slot);
  }

  /** Whether the device folio at `slot` has no references but an idle one's. */
  isIdle(slot: number): boolean {
    const entry = this.#entryOfSlot(slot);
    return entry !== undefined && this.host.core.exports.page_ref_count(slot) === this.#idleCount(entry.record);
  }

  /** Resolves with the free event of the folio at `slot`. */
  async whenWoken(slot: number): Promise<void> {
    const waiters = this.#waiters.get(slot) ?? new Waiting();
    this.#waiters.set(slot, waiters);
    await waiters.wait();
  }

  /** The map is gone: who waits for something in it hears so. */
  dispose(): void {
    const reason = new VmemmapError("disposed", "this map was disposed of");
    for (const waiters of [...this.#waiters.values(), ...this.#entries.map(({ whenIdle }) => whenIdle)]) {
      waiters.end(reason);
    }
  }

  /** zone_device_private_split_cb: the driver of each split device-private folio is told of its parts, then that these were all. */
  tellSplits(splits: readonly { slot: number; order: number; newOrder: number }[]): void {
    const errors: unknown[] = [];
    for (const { slot, order, newOrder } of splits) {
      const entry = this.#entryOfSlot(slot);
      const driver = entry?.callbacks;
      if (entry?.type !== "private" || driver?.folioSplit === undefined) continue;
      const original = this.host.folioAt(slot);
      for (let i = 2 ** newOrder; i < 2 ** order; i += 2 ** newOrder) {
        collect(errors, () => {
          driver.folioSplit!(original, this.host.folioAt(slot + i));
        });
      }
      collect(errors, () => {
        driver.folioSplit!(original, null);
      });
    }
    throwFirst(errors);
  }

  /** The driver's functions for a page, by its folio; null where the page is of no pgmap that has any. */
  callbacksOf(slot: number): PgmapOps | null {
    return this.#entryOfSlot(slot)?.callbacks ?? null;
  }

  /** The driver's functions of a pgmap, by its number. */
  callbacksAt(number: number): PgmapOps | null {
    return this.#entries[number]?.callbacks ?? null;
  }

  /** The numbers of the pgmaps of which `wanted` holds. */
  numbersOf(wanted: (record: PgmapRecord, type: MemoryType | null) => boolean): number[] {
    return this.#entries.flatMap(({ record, type }, number) => (wanted(record, type) ? [number] : []));
  }
}

/** Whether someone takes freed pages: a driver's function, or a kernel's ops that are not NULL. */
function canFree({ record, callbacks }: Entry): boolean {
  if (callbacks === null) return record.ops !== 0n;
  return callbacks.pageFree !== undefined || callbacks.folioFree !== undefined;
}

/** A pgmap's ranges without the pages that are its altmap's (pfn_first). */
function usable({ ranges, altmap }: PgmapRecord): PgmapRange[] {
  const offset = altmap === null ? 0 : altmap.reserve + altmap.free;
  return ranges.map(({ start, end }, i) => ({ start: i === 0 ? Math.min(start + offset, end) : start, end }));
}
