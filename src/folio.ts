import type { Vmemmap } from "./vmemmap.js";
import { checkKeys, MAX_I32, MIN_I32, whole } from "./check.js";
import { throwFirst } from "./callbacks.js";
import { INVALID } from "./engine/core.js";
import { constant } from "./engine/modules.js";
import { errorOf } from "./engine/status.js";
import { VmemmapError, type VmemmapErrorCode } from "./errors.js";

/** How a folio is pinned. */
export interface PinOptions {
  /** FOLL_LONGTERM. @default false */
  readonly longterm?: boolean;
  /** FOLL_PCI_P2PDMA: the caller can deal with p2pdma memory. @default false */
  readonly p2pdma?: boolean;
}

function references(count: number): number {
  return whole(count, 1, MAX_I32, "number of references");
}

function int32(count: number): number {
  return whole(count, MIN_I32, MAX_I32, "count");
}

/**
 * A folio, named by its head: a cheap value, no copy. Each property reads the slots as they are at that moment, so a folio
 * that was split or freed meanwhile reads as what stands there now.
 *
 * Changes throw "aliased-slots" where the head's own frame shows elsewhere too (a hugetlb folio optimised by HVO, up to 7.0), and
 * "bad-argument" for counts that are no 32-bit numbers.
 */
export class Folio {
  readonly #map: Vmemmap<ArrayBufferLike>;
  readonly #slot: number;
  #generation: number;

  private constructor(
    map: Vmemmap<ArrayBufferLike>,
    /** PFN of the head page. */
    readonly pfn: number,
    slot: number,
  ) {
    this.#map = map;
    this.#slot = slot;
    this.#generation = map.devices.generation;
  }

  /** @internal */
  static at(map: Vmemmap<ArrayBufferLike>, pfn: number, slot: number): Folio {
    return new Folio(map, pfn, slot);
  }

  get #core() {
    const { core, devices } = this.#map;
    if (this.#generation !== devices.generation) {
      // Sections went meanwhile, and their slots may be other pages' by now.
      if (core.slotOf(this.pfn) !== this.#slot)
        throw new VmemmapError("pfn-absent", `the folio at PFN ${this.pfn} is gone`);
      this.#generation = devices.generation;
    }
    return core.exports;
  }

  #change(status: number, what: string, details: Partial<Record<VmemmapErrorCode, string>> = {}): number {
    if (status < 0) {
      const refcount = `it is ${this.refcount}`;
      throw errorOf(-status, `${what} of the folio at PFN ${this.pfn}`, { refcount, ...details });
    }
    return status;
  }

  /** folio_order: log2 of its pages; 0 for a single page. */
  get order(): number {
    return this.#core.folio_order(this.#slot);
  }

  /** folio_nr_pages. */
  get nrPages(): number {
    return this.#core.folio_nr_pages(this.#slot) >>> 0;
  }

  /** PFN of page `index` of the folio, or NaN past its end. folio_page */
  page(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.nrPages) return NaN;
    return this.#core.folio_page(this.#slot, index) >>> 0 === INVALID ? NaN : this.pfn + index;
  }

  /** folio_ref_count. */
  get refcount(): number {
    return this.#core.page_ref_count(this.#slot);
  }

  /** folio_mapcount: all mappings of its pages, an entire mapping counted once. */
  get mapcount(): number {
    return this.#core.folio_mapcount(this.#slot);
  }

  /** folio_entire_mapcount: mappings by PMD, PUD or as a hugetlb page. */
  get entireMapcount(): number {
    return this.#core.folio_entire_mapcount(this.#slot);
  }

  /** `_large_mapcount` + 1 (6.12 on), 0 where the kernel has none. */
  get largeMapcount(): number {
    return this.#core.folio_large_mapcount(this.#slot);
  }

  /** `_nr_pages_mapped` as it stands: pages in the low 23 bits, 0x800000 while mapped entirely. */
  get nrPagesMapped(): number {
    return this.#core.folio_nr_pages_mapped(this.#slot);
  }

  /** `_pincount`: FOLL_PIN references of a large folio. */
  get pincount(): number {
    return this.#core.folio_pincount(this.#slot);
  }

  /** `_mm_id` of the two mms that the folio keeps apart (6.15 on); 0 is none. */
  get mmIds(): [number, number] {
    return [this.#core.folio_mm_id(this.#slot, 0), this.#core.folio_mm_id(this.#slot, 1)];
  }

  /** `_mm_id_mapcount` as it stands, -1 based. */
  get mmIdMapcounts(): [number, number] {
    return [this.#core.folio_mm_id_mapcount(this.#slot, 0), this.#core.folio_mm_id_mapcount(this.#slot, 1)];
  }

  /** folio_maybe_mapped_shared; before 6.15, whether it is mapped more than once. */
  get maybeMappedShared(): boolean {
    return this.#core.folio_maybe_mapped_shared(this.#slot) !== 0;
  }

  /** folio_test_hugetlb, by page type or by compound destructor. */
  get isHugetlb(): boolean {
    return this.#core.folio_is_hugetlb(this.#slot) !== 0;
  }

  /** folio_test_slab, by page type or by flag. */
  get isSlab(): boolean {
    return this.#core.folio_is_slab(this.#slot) !== 0;
  }

  /** folio_get. @throws VmemmapError "refcount": the count is 0 or near overflow; "aliased-slots" */
  get(): void {
    this.#change(this.#core.folio_get(this.#slot), "get");
  }

  /** folio_ref_try_add: take `count` references unless the folio is free or frozen. */
  tryGet(count = 1): boolean {
    return this.#change(this.#core.folio_try_get(this.#slot, references(count)), `tryGet(${count})`) === 1;
  }

  /**
   * folio_put_refs: drop `count` references; true when the last one went. A ZONE_DEVICE folio then goes back to its pgmap as
   * its type has it (free_zone_device_folio): the driver's callback runs, who waits is woken.
   *
   * @throws VmemmapError "refcount"; "pgmap-ops": freeing it needs a callback its pgmap lacks; what the callback threw, once the
   * step is complete
   */
  put(count = 1): boolean {
    return this.#dropped(this.#core.folio_put_refs(this.#slot, references(count)), `put(${count})`);
  }

  /** Whether the references that went were the last, with all that follows. */
  #dropped(event: number, what: string): boolean {
    const errors: unknown[] = [];
    const freed = this.#map.devices.finish(this.#change(event, what), this.#slot, errors);
    throwFirst(errors);
    return freed;
  }

  /** folio_ref_inc: a plain increment, from 0 too, as a DAX fault does. @throws VmemmapError "refcount", "pgmap-dying" */
  refInc(): void {
    this.#change(this.#core.folio_ref_inc(this.#slot), "refInc");
  }

  /**
   * FOLL_PIN (try_grab_folio): `count` pins. A large folio counts them beside its references, a small one as 1024 references
   * each.
   *
   * @throws VmemmapError "not-pinnable": for long on fs-dax, coherent or movable memory, or p2pdma memory without the option;
   * "bad-argument": both options;
   * "refcount": the folio is free, or the count would overflow
   */
  pin(count = 1, how: PinOptions = {}): void {
    checkKeys(how, ["longterm", "p2pdma"], "pin");
    const { longterm = false, p2pdma = false } = how;
    if (longterm && this.#map.profile.zones[this.#map.pageZone(this.pfn)] === "MOVABLE") {
      throw new VmemmapError("not-pinnable", `pin of the folio at PFN ${this.pfn} for long: it is in zone MOVABLE`);
    }
    // is_valid_gup_args: a pgmap of p2pdma memory may have to go at any time.
    if (longterm && p2pdma) {
      throw new VmemmapError(
        "bad-argument",
        `pin of the folio at PFN ${this.pfn}: longterm and p2pdma exclude each other`,
      );
    }
    const flags = (longterm ? constant("Foll.LONGTERM") : 0) | (p2pdma ? constant("Foll.PCI_P2PDMA") : 0);
    const reason = longterm ? "longterm, on memory that may have to move" : "p2pdma memory, without { p2pdma: true }";
    this.#change(this.#core.folio_pin(this.#slot, references(count), flags), `pin(${count})`, {
      "not-pinnable": reason,
    });
  }

  /** gup_put_folio of FOLL_PIN: `count` pins go; otherwise as {@link put}. @throws VmemmapError "refcount": there are not as many */
  unpin(count = 1): boolean {
    return this.#dropped(this.#core.folio_unpin(this.#slot, references(count)), `unpin(${count})`);
  }

  /** folio_maybe_dma_pinned: exact for large folios; a small one with 1024 references says so too. */
  get maybeDmaPinned(): boolean {
    return this.#core.folio_maybe_dma_pinned(this.#slot) !== 0;
  }

  // ---- DAX ------------------------------------------------------------------------------------------------------------

  /** dax_page_is_idle: nobody has the folio but its pgmap. A refcount of 1 up to 6.14, of 0 from 6.15 on. */
  get daxIsIdle(): boolean {
    return this.refcount === Number(this.#map.profile.zoneDevice.idleAtOne.includes("fs-dax"));
  }

  /** dax_busy_page: there are references beside those of page tables, which count from 6.15 on only. */
  get daxIsBusy(): boolean {
    const { idleAtOne, mappingsCount } = this.#map.profile.zoneDevice;
    if (idleAtOne.includes("fs-dax")) return this.refcount > 1;
    return this.refcount - (mappingsCount.includes("fs-dax") ? this.mapcount : 0) !== 0;
  }

  /** dax_folio_is_shared: several files have it (reflink). */
  get daxIsShared(): boolean {
    return this.#core.dax_folio_is_shared(this.#slot) !== 0;
  }

  /**
   * Resolves when the device folio is idle, as {@link daxIsIdle} for fs-dax: at once, or with the wake-up that its last
   * reference brings (dax_break_layout).
   *
   * @throws VmemmapError "no-pgmap": it is no device folio
   */
  async whenIdle(): Promise<void> {
    if (this.#map.folioPgmap(this.pfn) === null) {
      throw new VmemmapError("no-pgmap", `whenIdle of the folio at PFN ${this.pfn}: it is of no pgmap`);
    }
    if (!this.#map.devices.isIdle(this.#slot)) await this.#map.devices.whenWoken(this.#slot);
  }

  /** folio_ref_add_unless: whether `count` was added, which it is unless the refcount is `unless`. */
  refAddUnless(count: number, unless: number): boolean {
    const status = this.#core.folio_ref_add_unless(this.#slot, int32(count), int32(unless));
    return this.#counted(this.#change(status, `refAddUnless(${count})`)) === 1;
  }

  /** The count changed otherwise than by put: who waits for the folio may have to know. */
  #counted(answer: number): number {
    this.#map.devices.noteCount(this.#slot);
    return answer;
  }

  /** folio_ref_freeze: to 0 if the refcount is exactly `count`. */
  freeze(count: number): boolean {
    return this.#counted(this.#change(this.#core.folio_ref_freeze(this.#slot, int32(count)), `freeze(${count})`)) === 1;
  }

  /** folio_ref_unfreeze: from 0 to `count`. @throws VmemmapError "refcount": the folio is not frozen */
  unfreeze(count: number): void {
    this.#counted(this.#change(this.#core.folio_ref_unfreeze(this.#slot, int32(count)), `unfreeze(${count})`));
  }

  /** set_page_count: the count, whatever it was. */
  setRefcount(count: number): void {
    this.#counted(this.#change(this.#core.set_page_count(this.#slot, int32(count)), `setRefcount(${count})`));
  }
}
