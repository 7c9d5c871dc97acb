// The ABI: every export, and nothing else. Slots, lengths and list addresses are u32, counts i32; a change answers 0 or
// more where it was done and minus a Status where it was refused. docs/abi.md has the list with types.

import { INVALID } from "./memory";
import { pfn_to_slot as slot_of_pfn, slot_to_pfn, slot_valid } from "./sparse";

// Where the host finds its places in linear memory, and the numbers of words, statuses and policies
export { MAX_PGMAPS, MAX_PGMAP_RANGES, MAX_SLOTS, PREDICATE, SECTION_TABLE, STAGING, STAGING_SIZE } from "./memory";
export { Encoding, KindMark, MapcountRule, Word } from "./profile";
export { Sharing } from "./sparse";
export { Status } from "./status";
export { Policy } from "./page_flags";
export { PageKind } from "./bulk/scan";

export { state_set } from "./profile";

// Sections, slots, PFNs
export {
  sparse_add_section,
  section_is_plain,
  slots_written,
  slot_valid,
  slot_is_alias,
  set_slot_sharing,
} from "./sparse";

/** Slot of a PFN given by its halves, or INVALID. */
export function pfn_to_slot(low: u32, high: u32): u32 {
  return slot_of_pfn(((<u64>high) << 32) | low);
}

/** Low half of a slot's PFN; INVALID where there is no such slot. */
export function slot_to_pfn_low(slot: u32): u32 {
  return slot_valid(slot) ? <u32>slot_to_pfn(slot) : INVALID;
}

/** High half of a slot's PFN. */
export function slot_to_pfn_high(slot: u32): u32 {
  return slot_valid(slot) ? <u32>(slot_to_pfn(slot) >> 32) : INVALID;
}

// Compound pages
export {
  PageCompound,
  PageHead,
  PageTail,
  compound_head,
  compound_order,
  check_free,
  check_prep,
  check_split,
  free_pages_prepare,
  prep_compound_page,
  split_folio_to_order,
} from "./compound";
export { hugetlb_vmemmap_optimize_folio, hugetlb_vmemmap_restore_folio } from "./hugetlb_vmemmap";

// Flags, links, types
export {
  memmap_init_range,
  page_change_flag,
  page_clear_type,
  page_cpupid_last,
  page_cpupid_xchg_last,
  page_has_type,
  page_set_type,
  page_test_flag,
  page_to_nid,
  page_type_word,
  page_zonenum,
  set_page_links,
} from "./page_flags";

// Folios and counts
export {
  folio_entire_mapcount,
  folio_get,
  folio_is_hugetlb,
  folio_is_slab,
  folio_large_mapcount,
  folio_mapcount,
  folio_maybe_mapped_shared,
  folio_mm_id,
  folio_mm_id_mapcount,
  folio_nr_pages,
  folio_nr_pages_mapped,
  folio_order,
  folio_page,
  folio_page_idx,
  folio_pincount,
  folio_put_refs,
  folio_ref_add_unless,
  folio_ref_freeze,
  folio_ref_unfreeze,
  folio_try_get,
  page_count,
  page_folio,
  page_mapcount,
  page_ref_count,
  set_page_count,
  try_get_page,
} from "./folio";

// Device page maps
export {
  Pgmap,
  dev_pagemaps_of_slots,
  get_dev_pagemap,
  is_zone_device_page,
  page_pgmap,
  pgmap_add,
  pgmap_add_range,
  pgmap_words_of_slots,
  pgmaps_clear,
  pgmaps_of_slots,
  zone_device_pages_have_same_pgmap,
} from "./memremap";

// Lists and passes
export { head_of_pfn, heads_of_pfns, heads_of_slots } from "./bulk/heads";
export { f64_of_slots, f64_run, pfn_run, pfns_of_slots, slots_of_f64, slots_of_pfns } from "./bulk/convert";
export {
  folio_flags_of_slots,
  folio_mapcounts_of_slots,
  folio_refcounts_of_slots,
  orders_of_slots,
  page_flags_of_slots,
  page_mapcounts_of_slots,
  page_refcounts_of_slots,
} from "./bulk/fields";
export { count_folios_by_order, scan_all, select_slots } from "./bulk/scan";
