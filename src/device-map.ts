import { BatchMap } from "./batch-map.js";
import {
  type Census,
  type CensusCounts,
  type CensusKey,
  type CensusOptions,
  censusKey,
  censusOf,
  countPages,
  withAltmaps,
  withFiltered,
} from "./census.js";
import { checkKeys, display, whole } from "./check.js";
import { collect, throwFirst } from "./callbacks.js";
import type { Devices } from "./devices.js";
import { INVALID, stagingPlaces } from "./engine/core.js";
import { halves } from "./engine/halves.js";
import { errorOf } from "./engine/status.js";
import { VmemmapError, type VmemmapErrorCode } from "./errors.js";
import type { Folio } from "./folio.js";
import { getFolios, putFolios } from "./folio-lists.js";
import type { UsageKind } from "./kinds.js";
import type { PgmapRecord } from "./image/image.js";
import { isRange, sourceLength } from "./lists.js";
import type { MemremapOptions, Pgmap } from "./pgmap.js";
import { NOT_DEVICE } from "./pgmaps.js";
import type { MemoryType } from "./profile/index.js";
import { PFN_LIMIT } from "./sections.js";
import type { PagePredicate } from "./select.js";
import type { PfnList, PfnRange, PfnSource } from "./types.js";
import { usageKindOf, usageKindsInto } from "./usage-kinds.js";
import type { VmemmapUsage } from "./usage.js";

/** What {@link DeviceMap.daxAssociateEntry} takes: an entry of a DAX file. */
export interface DaxEntry {
  /** 0, or 9 for a 2 MiB entry, as kernels have them; any other is taken as well. @default 0 */
  readonly order?: number;
  /** Kernel address of the file's address_space. */
  readonly mapping: bigint;
  /** Offset in the file, in pages. */
  readonly index: bigint | number;
  /** The file shares the page with others (reflink). @default false */
  readonly shared?: boolean;
}

/** Pages that migrate_vma_setup may collect (MIGRATE_VMA_SELECT_*). */
export type MigrateKind = "system" | "device-private" | "device-coherent";
const MIGRATE_KINDS: readonly string[] = ["system", "device-private", "device-coherent"];

/** Pages and folios of a kind. */
export interface PageTotals {
  readonly pages: number;
  readonly folios: number;
}

/** What {@link DeviceMap.zoneDeviceTotals} counts. */
export interface ZoneDeviceTotals extends PageTotals {
  readonly byType: Readonly<Record<MemoryType, PageTotals>>;
  /** In the order of {@link DeviceMap.pgmaps}. */
  readonly byPgmap: readonly (PageTotals & { readonly pgmap: PgmapRecord })[];
  /** ZONE_DEVICE pages of no known pgmap, beside the others: those that hold an altmap's struct pages, and stale ones. */
  readonly unknown: number;
}

/** ZONE_DEVICE: device page maps and the life of their pages. {@link Vmemmap} has all of it. */
export abstract class DeviceMap<B extends ArrayBufferLike = ArrayBuffer> extends BatchMap<B> {
  /** @internal */
  abstract readonly devices: Devices;
  /** @internal */
  abstract checkAlive(): void;
  /** @internal */
  abstract headSlot(pfn: number): number;
  abstract slotOf(pfn: number): number;
  abstract readWord(pfn: number, offset: number): bigint;
  abstract compoundHead(pfn: number): number;
  abstract folio(pfn: number): Folio;

  // ---- Device page maps ---------------------------------------------------------------------------------------------

  /** Device page maps (struct dev_pagemap) that pages may belong to; a pgmap's number is its place here. */
  get pgmaps(): readonly PgmapRecord[] {
    this.checkAlive();
    return this.devices.records;
  }

  /**
   * The pgmaps of a dump. Only names are given here; {@link memremapPages} makes pages.
   *
   * @throws VmemmapError "bad-range": ranges that are empty or meet; "bad-argument": an address twice, or too many
   */
  set pgmaps(pgmaps: readonly PgmapRecord[]) {
    this.devices.replace(pgmaps);
  }

  /**
   * memremap_pages: make the sections of device memory present, its slots with them, each page as the kernel leaves it for this
   * type. All of it or nothing.
   *
   * @throws VmemmapError "bad-argument": what the type needs is missing; "bad-range": a range that is no multiple of 2 MiB, or
   * meets System RAM or another pgmap, which the message names; "unaligned": no multiple of the folios' size;
   * "order-too-large"; "out-of-memory"
   */
  memremapPages(options: MemremapOptions): Pgmap {
    return this.devices.memremap(options);
  }

  /**
   * memunmap_pages: the sections go again, but those of boot.
   *
   * @throws VmemmapError "pgmap-busy": a folio of it is in use; "no-pgmap": it is none of this map's
   */
  memunmapPages(pgmap: PgmapRecord): void {
    this.devices.memunmap(pgmap);
  }

  /**
   * memunmap_pages, which waits: from now on the pgmap gives no new references, and when the last one is gone it is unmapped
   * and the promise resolves.
   */
  async memunmapPagesWhenIdle(pgmap: PgmapRecord): Promise<void> {
    await this.devices.memunmapWhenIdle(pgmap);
  }

  /**
   * Bytes of the vmemmap: nominal, 64 for each page that is present, and real, where pages of it that show one frame (HVO,
   * device-dax) count once.
   */
  abstract vmemmapUsage(): VmemmapUsage;

  // ---- Which pgmap --------------------------------------------------------------------------------------------------

  /** is_zone_device_page: by the page's own zone bits. */
  isZoneDevicePage(pfn: number): boolean {
    return this.core.exports.is_zone_device_page(this.slotOf(pfn)) !== 0;
  }

  /**
   * page_pgmap: the pgmap of the page's folio, zone test first, then the head's word. Null on a page that is not ZONE_DEVICE, and
   * where the word names no known pgmap: pages that hold an altmap's slots, and stale ones. {@link pagePgmapWord} tells them
   * apart.
   */
  pagePgmap(pfn: number): PgmapRecord | null {
    const number = this.core.exports.page_pgmap(this.slotOf(pfn)) >>> 0;
    if (number === INVALID) this.headSlot(pfn); // which throws
    return this.devices.at(number);
  }

  /** folio->pgmap of the page's folio, by the head's zone bits. Null as for {@link pagePgmap}. */
  folioPgmap(pfn: number): PgmapRecord | null {
    return this.devices.at(this.core.exports.folio_pgmap(this.headSlot(pfn)));
  }

  /** page->pgmap, as up to 6.14: by the page's own word. Null on tails too, where that word is the tag. */
  ownPgmap(pfn: number): PgmapRecord | null {
    return this.devices.at(this.core.exports.own_pgmap(this.slotOf(pfn)));
  }

  /** The word that names the page's pgmap, as it stands in the head; null on a page that is not ZONE_DEVICE. */
  pagePgmapWord(pfn: number): bigint | null {
    return this.isZoneDevicePage(pfn) ? this.readWord(this.compoundHead(pfn), 8) : null;
  }

  /**
   * get_dev_pagemap: the pgmap whose range holds the PFN, an altmap's pages included, whatever the slots say and whether or not
   * there are any; null where it is being torn down.
   */
  getDevPagemap(pfn: number): PgmapRecord | null {
    whole(pfn, 0, PFN_LIMIT - 1, "PFN");
    return this.devices.at(this.core.exports.dev_pagemap_of_pfn(...halves(BigInt(pfn))));
  }

  /** zone_device_pages_have_same_pgmap: both normal pages, or both ZONE_DEVICE with the same pgmap. */
  zoneDevicePagesHaveSamePgmap(a: number, b: number): boolean {
    return this.core.exports.zone_device_pages_have_same_pgmap(this.slotOf(a), this.slotOf(b)) !== 0;
  }

  /** The type of the page's pgmap; null as for {@link pagePgmap}. */
  memoryType(pfn: number): MemoryType | null {
    const pgmap = this.pagePgmap(pfn);
    return pgmap === null ? null : this.devices.typeOf(pgmap);
  }

  /** is_device_private_page. */
  isDevicePrivatePage(pfn: number): boolean {
    return this.memoryType(pfn) === "private";
  }

  /** is_device_coherent_page. */
  isDeviceCoherentPage(pfn: number): boolean {
    return this.memoryType(pfn) === "coherent";
  }

  /** is_fsdax_page, folio_is_fsdax (6.15 on). */
  isFsdaxPage(pfn: number): boolean {
    return this.memoryType(pfn) === "fs-dax";
  }

  /** Whether the page is device-dax's: what is_devdax_page of the series' drafts asked, and no released kernel does. */
  isDevDaxPage(pfn: number): boolean {
    return this.memoryType(pfn) === "generic";
  }

  /** is_pci_p2pdma_page. */
  isPciP2pdmaPage(pfn: number): boolean {
    return this.memoryType(pfn) === "pci-p2pdma";
  }

  // ---- Totals and choices ---------------------------------------------------------------------------------------------

  /** ZONE_DEVICE pages and folios of the whole map, by type and by pgmap. */
  zoneDeviceTotals(): ZoneDeviceTotals {
    const { answers } = stagingPlaces(this.core);
    const unknown = this.core.exports.count_pgmaps(answers) >>> 0;
    const byPgmap = this.pgmaps.map((pgmap, number) => ({
      pgmap,
      pages: this.core.u32[answers / 4 + 2 * number]!,
      folios: this.core.u32[answers / 4 + 2 * number + 1]!,
    }));
    const sum = (totals: readonly PageTotals[]): PageTotals => ({
      pages: totals.reduce((all, { pages }) => all + pages, 0),
      folios: totals.reduce((all, { folios }) => all + folios, 0),
    });
    const ofType = (type: MemoryType) => sum(byPgmap.filter(({ pgmap }) => this.devices.typeOf(pgmap) === type));
    return {
      ...sum(byPgmap),
      byType: {
        private: ofType("private"),
        coherent: ofType("coherent"),
        "fs-dax": ofType("fs-dax"),
        generic: ofType("generic"),
        "pci-p2pdma": ofType("pci-p2pdma"),
      },
      byPgmap,
      unknown,
    };
  }

  abstract readonly filtered: readonly PfnRange[];

  /**
   * Count pages and folios by what they are used for, or by what their words say. By kind that runs at the speed of reading the slots.
   *
   * @throws VmemmapError "bad-argument"
   */
  census(options: CensusOptions = {}): Census {
    return this.censusOf(censusKey(this.core, options), this.censusCounts(options), options.range);
  }

  /** What {@link census} counts, filtered pages as they read. @internal */
  censusCounts(options: CensusOptions): CensusCounts {
    return countPages(this.core, this.profile, censusKey(this.core, options), options.range);
  }

  /** What such counts say. @internal */
  censusOf(by: CensusKey, counts: CensusCounts, range: PfnRange | undefined): Census {
    const { core, profile, filtered, pgmaps } = this;
    const whole =
      by === "kind"
        ? withFiltered(core, profile, counts, filtered, range)
        : by === "pgmap"
          ? withAltmaps(core, profile, counts, pgmaps, range)
          : counts;
    return censusOf(profile, pgmaps, by, whole);
  }

  /**
   * What pages are used for: places in `PAGE_KINDS`; 255 for a page that does not exist, or leads nowhere. Ranges run at the speed of
   * reading the slots.
   *
   * @returns how many pages were invalid
   * @throws VmemmapError "bad-array", "bad-argument"
   */
  usageKindsInto(pages: PfnSource, out: Uint8Array): number {
    return usageKindsInto(this.core, pages, out, this.filtered);
  }

  /** What a page is used for: the first of `PAGE_KINDS` that matches its folio. */
  usageKind(pfn: number): UsageKind {
    const kind = usageKindOf(this.core, pfn, this.slotOf(pfn), this.filtered);
    if (kind === null) this.headSlot(pfn); // which throws
    return kind!;
  }

  /** @internal */
  override pgmapNumbers({ pgmap, memoryType, owner }: PagePredicate): readonly number[] | undefined {
    if (pgmap === undefined && memoryType === undefined && owner === undefined) return undefined;
    if (pgmap !== undefined && !this.pgmaps.includes(pgmap)) {
      throw new VmemmapError(
        "no-pgmap",
        "select: the pgmap is none of this map's: take it from memremapPages or pgmaps",
      );
    }
    return this.devices.numbersOf(
      (record, type) =>
        (pgmap === undefined || record === pgmap) &&
        (memoryType === undefined || type === memoryType) &&
        (owner === undefined || record.owner === owner),
    );
  }

  /**
   * Which of these pages migrate_vma_collect_pmd would take: system memory, and device memory of one owner, by the owner of
   * the folio's pgmap. Absent pages are left out.
   *
   * @param want `kinds`: MIGRATE_VMA_SELECT_*; `owner`: pgmap_owner
   */
  migrateVmaSelect(
    pages: PfnSource,
    want: { readonly kinds: readonly MigrateKind[]; readonly owner?: bigint | null },
  ): PfnList {
    checkKeys(want, ["kinds", "owner"], "migrateVmaSelect");
    const stranger = want.kinds.find((kind) => !MIGRATE_KINDS.includes(kind));
    if (stranger !== undefined) {
      throw new VmemmapError(
        "bad-argument",
        `migrateVmaSelect: kind ${display(stranger)}: expected ${MIGRATE_KINDS.join(", ")}`,
      );
    }
    const { owner = null } = want;
    if (owner !== null && typeof owner !== "bigint") {
      throw new VmemmapError("bad-argument", `migrateVmaSelect: owner ${display(owner)}: expected a bigint`);
    }
    const numbers = new Uint32Array(sourceLength(this.core, pages, "migrateVmaSelect"));
    this.pgmapsInto(pages, numbers);
    const kinds: readonly string[] = want.kinds;
    const taken = new Set(
      this.devices.numbersOf(
        (record, type) => kinds.includes(`device-${type}`) && (record.owner ?? 0n) === (owner ?? 0n),
      ),
    );
    if (kinds.includes("system")) taken.add(NOT_DEVICE);
    const chosen = Array.from(numbers.keys()).filter((i) => taken.has(numbers[i]!));
    const pfns = chosen.map((i) => (isRange(pages) ? pages.start + i : pages[i]!));
    return isRange(pages) || pages instanceof Uint32Array ? Uint32Array.from(pfns) : Float64Array.from(pfns);
  }

  // ---- Life of a page -----------------------------------------------------------------------------------------------

  /**
   * zone_device_page_init, and what p2pdma_mmap does: the driver takes an idle page of private, coherent or p2pdma memory into use,
   * from 7.0 on 2^order of them as one folio.
   *
   * @throws VmemmapError "no-pgmap": pages of no such memory; "folio-busy": a page is in use; "pgmap-dying"; "order-too-large";
   * "unaligned"; "pfn-absent"
   */
  zoneDevicePageInit(pfn: number, order = 0): Folio {
    this.zoneDevicePagesInit([pfn], order);
    return this.folio(pfn);
  }

  /** {@link zoneDevicePageInit} for each of a list, or for none if one is refused. */
  zoneDevicePagesInit(pfns: ArrayLike<number>, order: number | ArrayLike<number> = 0): void {
    const { check_zone_device_page_init, zone_device_page_init } = this.core.exports;
    this.changeFolios("zoneDevicePageInit", pfns, order, check_zone_device_page_init, zone_device_page_init, false);
  }

  /**
   * A batch of changes: all are checked, then all are made.
   *
   * @param takesFolios whether a change is about all of the folio that a page is the head of, or about 2^order pages
   * @internal
   */
  abstract changeFolios(
    name: string,
    pfns: ArrayLike<number>,
    orders: number | ArrayLike<number>,
    check: (slot: number, order: number) => number,
    change: (slot: number, order: number) => number,
    takesFolios?: boolean,
  ): void;

  /** folio_get of each page's folio, or of none if one is refused. @throws VmemmapError as {@link Folio.get} */
  getFolios(pages: PfnSource): void {
    getFolios(this.core, pages);
  }

  /**
   * folio_put of each page's folio, or of none if one is refused. Free steps run in the list's order, callbacks with them.
   *
   * @returns how many folios were freed
   * @throws VmemmapError as {@link Folio.put}; what a callback threw, once all is done
   */
  putFolios(pages: PfnSource): number {
    return putFolios(this.core, this.devices, pages);
  }

  /**
   * The CPU touches a device-private page (do_swap_page): a reference is taken, the driver's migrateToRam runs, the reference
   * goes.
   *
   * @throws VmemmapError "no-pgmap": the page is not device-private; "pgmap-ops": its driver has no migrateToRam; "refcount": it
   * is not in use; what the callback threw, once the reference is gone
   */
  migrateToRam(pfn: number): void {
    if (!this.isDevicePrivatePage(pfn))
      throw refusal("no-pgmap", "migrateToRam", pfn, "the page is not device-private");
    const driver = this.devices.callbacksOf(this.headSlot(pfn));
    if (driver?.migrateToRam === undefined)
      throw refusal("pgmap-ops", "migrateToRam", pfn, "its pgmap has no such function");
    const folio = this.folio(pfn);
    folio.get();
    const errors: unknown[] = [];
    collect(errors, () => {
      driver.migrateToRam!(pfn);
    });
    collect(errors, () => folio.put());
    throwFirst(errors);
  }

  /**
   * memory_failure_dev_pagemap: the driver's memoryFailure, and where there is none, or it answers false, PG_hwpoison on the
   * folio's head (mf_generic_kill_procs).
   *
   * @throws VmemmapError "no-pgmap": the PFN is none a pgmap has in use; "pgmap-ops": private or coherent memory whose driver does
   * not deal with it; "aliased-slots"
   */
  memoryFailure(pfn: number): void {
    const slot = this.slotOf(pfn);
    const pgmap = this.getDevPagemap(pfn);
    const offset = pgmap?.altmap ? pgmap.altmap.basePfn + pgmap.altmap.reserve + pgmap.altmap.free : 0;
    if (pgmap === null || pfn < offset) throw refusal("no-pgmap", "memoryFailure", pfn, "no pgmap has it in use");
    const [number = 0] = this.devices.numbersOf((record) => record === pgmap);
    const driver = this.devices.callbacksAt(number);
    if (driver?.memoryFailure !== undefined && driver.memoryFailure(pfn, 1) !== false) return;
    const status = this.core.exports.mf_generic_kill_procs(slot);
    if (status < 0) throw errorOf(-status, `memoryFailure(${pfn})`);
  }

  // ---- fs-dax -------------------------------------------------------------------------------------------------------

  /**
   * dax_associate_entry: the pages of an entry of a file come into use. From 6.15 on those of a 2 MiB entry become one folio;
   * a page that is in a file already is shared.
   *
   * @throws VmemmapError "no-pgmap": pages of no fs-dax pgmap; "folio-busy": in a file already, part of a folio, or referenced;
   * "order-too-large": a shared folio of another order; "unaligned"; "pgmap-dying"
   */
  daxAssociateEntry(pfn: number, entry: DaxEntry): void {
    checkKeys(entry, ["order", "mapping", "index", "shared"], "daxAssociateEntry");
    const order = whole(entry.order ?? 0, 0, 63, "order");
    const { mapping, shared = false } = entry;
    const index = typeof entry.index === "number" ? BigInt(whole(entry.index, 0, 2 ** 52, "index")) : entry.index;
    for (const [name, word] of Object.entries({ mapping, index })) {
      if (typeof word !== "bigint" || BigInt.asUintN(64, word) !== word) {
        throw new VmemmapError("bad-argument", `${name} ${display(word)}: expected a bigint of 64 bits`);
      }
    }
    if (mapping === 0n || mapping % 8n !== 0n) {
      throw new VmemmapError(
        "bad-argument",
        `mapping 0x${mapping.toString(16)}: expected the address of an address_space`,
      );
    }
    const status = this.core.exports.dax_associate_entry(
      this.slotOf(pfn),
      order,
      ...halves(mapping),
      ...halves(index),
      Number(shared),
    );
    if (status < 0) throw errorOf(-status, `daxAssociateEntry(PFN ${pfn}, order ${order})`);
  }

  /**
   * dax_disassociate_entry: the entry leaves its file; where that was the last one the pages are single and idle again.
   *
   * @param order of the entry; up to 6.14 nothing but the entry tells it. @default the folio's
   * @throws VmemmapError "folio-busy": there are references; "no-pgmap"; "not-compound": a tail; "order-too-large": the folio
   * has another order
   */
  daxDisassociateEntry(pfn: number, order?: number): void {
    const slot = this.slotOf(pfn);
    const given = order ?? this.core.exports.compound_order(slot);
    const status = this.core.exports.dax_disassociate_entry(slot, whole(given, 0, 255, "order"));
    if (status < 0) throw errorOf(-status, `daxDisassociateEntry(PFN ${pfn}, order ${given})`);
  }
}

function refusal(code: VmemmapErrorCode, call: string, pfn: number, reason: string): VmemmapError {
  return new VmemmapError(code, `${call}(${pfn}): ${reason}`);
}
