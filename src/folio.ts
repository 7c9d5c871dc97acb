import type { Vmemmap } from "./vmemmap.js";
import { MAX_I32, MIN_I32, whole } from "./check.js";
import { INVALID } from "./engine/core.js";
import { errorOf } from "./engine/status.js";

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
 * Changes throw "aliased-slots" where a slot of the folio is an alias (an optimised hugetlb folio, a deduplicated device-dax
 * one), and "bad-argument" for counts that are no 32-bit numbers.
 */
export class Folio {
  readonly #map: Vmemmap;
  readonly #slot: number;

  private constructor(
    map: Vmemmap,
    /** PFN of the head page. */
    readonly pfn: number,
    slot: number,
  ) {
    this.#map = map;
    this.#slot = slot;
  }

  /** @internal */
  static at(map: Vmemmap, pfn: number, slot: number): Folio {
    return new Folio(map, pfn, slot);
  }

  get #core() {
    return this.#map.core.exports;
  }

  #change(status: number, what: string): number {
    if (status < 0) {
      const refcount = `it is ${this.refcount}`;
      throw errorOf(-status, `${what} of the folio at PFN ${this.pfn}`, { refcount });
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

  /** folio_ref_sub_and_test: drop `count` references; true when the last one went. @throws VmemmapError "refcount" */
  put(count = 1): boolean {
    return this.#change(this.#core.folio_put_refs(this.#slot, references(count)), `put(${count})`) === 1;
  }

  /** folio_ref_add_unless: whether `count` was added, which it is unless the refcount is `unless`. */
  refAddUnless(count: number, unless: number): boolean {
    return (
      this.#change(
        this.#core.folio_ref_add_unless(this.#slot, int32(count), int32(unless)),
        `refAddUnless(${count})`,
      ) === 1
    );
  }

  /** folio_ref_freeze: to 0 if the refcount is exactly `count`. */
  freeze(count: number): boolean {
    return this.#change(this.#core.folio_ref_freeze(this.#slot, int32(count)), `freeze(${count})`) === 1;
  }

  /** folio_ref_unfreeze: from 0 to `count`. @throws VmemmapError "refcount": the folio is not frozen */
  unfreeze(count: number): void {
    this.#change(this.#core.folio_ref_unfreeze(this.#slot, int32(count)), `unfreeze(${count})`);
  }

  /** set_page_count: the count, whatever it was. */
  setRefcount(count: number): void {
    this.#change(this.#core.set_page_count(this.#slot, int32(count)), `setRefcount(${count})`);
  }
}
