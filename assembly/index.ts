// The ABI: every export, and nothing else. Slots, lengths and list addresses are u32, counts i32; a change answers 0 or
// more where it was done and minus a Status where it was refused. docs/abi.md has the list with types.

import { INVALID } from "./memory";
import { pfn_to_slot as slot_of_pfn, slot_to_pfn, slot_valid } from "./sparse";

// Where the host finds its places in linear memory, and the numbers of words, statuses and policies
export {
  MAX_PGMAPS,
  MAX_PGMAP_RANGES,
  MAX_SLOTS,
  PREDICATE,
  SECTION_TABLE,
  STAGING,
  STAGING_SIZE,
  THREAD_AREA_SIZE,
  thread_area,
} from "./memory";
export { Encoding, KindMark, MapcountRule, Word } from "./profile";
export { Sharing } from "./sparse";
export { Status } from "./status";
export { Policy } from "./page_flags";
export { PageKind } from "./bulk/scan";

export { state_set } from "./profile";

// Sections, slots, PFNs
export {
  sparse_add_section,
  sparse_add_section_at,
  sparse_remove_section,
  sparse_set_subsections,
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

// The head index
export { HEAD_INDEX_BYTES, HEAD_INDEX_BYTES_PER_SECTION, head_index_drop, head_index_ready } from "./head_index";
export { head_index_asks, head_index_pgmaps, head_index_settle, head_index_start, scan_section } from "./index_scan";

// Flags, links, types
export {
  memmap_init_range,
  page_change_flag,
  page_clear_type,
  page_cpupid_xchg_last,
  page_has_type,
  page_set_type,
  page_test_flag,
  page_type_word,
  set_page_links,
} from "./page_flags";
export { is_zone_device_page, page_cpupid_last, page_to_nid, page_zonenum } from "./page_links";

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
  folio_ref_add_unless,
  folio_ref_freeze,
  folio_ref_unfreeze,
  folio_try_get,
  page_count,
  page_folio,
  page_mapcount,
  page_ref_count,
  set_page_count,
} from "./folio";

export {
  check_get_page,
  check_put_page,
  check_put_pages,
  folio_put_refs,
  folio_ref_inc,
  get_folios,
  put_folios,
  restore_counts,
  try_put_folios,
} from "./swap";
export { Foll, folio_maybe_dma_pinned, folio_pin, folio_unpin, last_passed, try_get_page, try_get_pages } from "./gup";

// Device page maps and their pages
export {
  MemoryType,
  Pgmap,
  PgmapFlag,
  pgmap_add,
  pgmap_add_range,
  pgmap_add_refs,
  pgmap_held,
  pgmap_hold,
  pgmap_kill,
  pgmap_refs,
  pgmaps_clear,
} from "./pgmap";
export {
  Event,
  check_zone_device_page_init,
  dev_pagemap_of_pfn,
  folio_pgmap,
  first_busy_folio,
  get_dev_pagemap,
  mf_generic_kill_procs,
  own_pgmap,
  page_pgmap,
  refs_of_folios,
  zone_device_folio_freed,
  zone_device_page_init,
  zone_device_pages_have_same_pgmap,
} from "./memremap";
export { memmap_init_zone_device, vmemmap_dedup_folio } from "./mm_init";
export { dax_associate_entry, dax_disassociate_entry, dax_folio_is_shared } from "./dax";

// Lists and passes
export { head_of_pfn, heads_of_pfns, heads_of_slots } from "./bulk/heads";
export { f64_of_slots, f64_run, pfn_run, pfns_of_slots, slots_of_f64, slots_of_pfns } from "./bulk/convert";
export {
  folio_flags_of_pfns,
  folio_flags_of_slots,
  folio_mapcounts_of_slots,
  folio_refcounts_of_pfns,
  folio_refcounts_of_slots,
  orders_of_pfns,
  orders_of_slots,
  page_flags_of_pfns,
  page_flags_of_slots,
  page_mapcounts_of_slots,
  page_refcounts_of_pfns,
  page_refcounts_of_slots,
} from "./bulk/fields";
export {
  count_pgmaps,
  dev_pagemaps_of_pfns,
  dev_pagemaps_of_slots,
  memory_types_of_slots,
  own_pgmap_words_of_pfns,
  own_pgmap_words_of_slots,
  own_pgmaps_of_slots,
  pgmap_words_of_pfns,
  pgmap_words_of_slots,
  pgmaps_of_pfns,
  pgmaps_of_slots,
  same_pgmaps_of_slots,
} from "./bulk/pgmaps";
export { next_device_words } from "./bulk/device_words";
export { count_folios_between, count_folios_by_order, scan_all, select_between, select_slots } from "./bulk/scan";
export { UsageKind, page_kind } from "./kinds";
export { count_kinds_between, kinds_between, kinds_of_slots } from "./bulk/kinds";
export { TALLY_LIMIT, tally_flags, tally_nodes, tally_orders, tally_pgmaps, tally_zones } from "./bulk/tallies";
export { Fault } from "./bulk/findings";
export { verify_all } from "./bulk/verify";

// Lists for a map of several memories
export {
  SHARD_UNIT_SHIFT,
  gather_u32,
  gather_u64,
  leading_f64_of_shard,
  leading_pfns_of_shard,
  route_f64,
  route_pfns,
} from "./bulk/route";
