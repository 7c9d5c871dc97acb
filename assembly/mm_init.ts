// The first state of ZONE_DEVICE pages (memmap_init_zone_device, mm/mm_init.c; mm/page_alloc.c in 5.15 and 6.1), and of the
// vmemmap that holds them (vmemmap_populate_compound_pages, mm/sparse-vmemmap.c).

import { KNOWN } from "./block_byte";
import { check_span, compound_info_of, prep_compound_head, prep_compound_tail } from "./compound";
import { block_order, has_index, index_compound, index_device, index_forget, index_singles } from "./head_index";
import { index_blocks } from "./index_scan";
import { idle_count } from "./memremap";
import { page } from "./page";
import { init_single_page } from "./page_flags";
import { cpupid_field, links, zone_field } from "./page_links";
import { ref_set, set_flags } from "./page_ref";
import { Pgmap, pgmap_address, pgmap_number, pgmap_type } from "./pgmap";
import { NO_FIELD, Word, word, word64 } from "./profile";
import { slot_to_pfn_low } from "./slots";
import { Sharing, set_slot_sharing, slot_to_page, span_valid } from "./sparse";
import { Status, refused } from "./status";
import { RESERVED_SLOTS, SLOTS_PER_VMEMMAP_PAGE, STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE, TAIL_MAPPING } from "./x86_64";

/** __init_zone_device_page. */
function init_zone_device_page(slot: u32, flags: u64, pgmap: u64, count: i32): void {
  init_single_page(slot, flags, count);
  changetype<page>(slot_to_page(slot)).compound_info = pgmap;
  changetype<page>(slot_to_page(slot)).lru_prev = 0; // zone_device_data
}

/** memmap_init_compound: the pages of one folio, of which only the first `nr` are written. */
function memmap_init_compound(head: u32, order: u32, nr: u32, flags: u64, pgmap: u64): void {
  const info = compound_info_of(head, order);
  set_flags(slot_to_page(head), word64(Word.PG_HEAD));
  for (let i: u32 = 1; i < nr; i++) {
    init_zone_device_page(head + i, flags, pgmap, 0);
    prep_compound_tail(slot_to_page(head + i), info, true);
  }
  prep_compound_head(head, order);
  if (word(Word.DEVICE_WIPES_DEFERRED_LIST) != 0 && order > 1) wipe_deferred_list(slot_to_page(head));
}

/** From 6.12 to 6.17 page 2 comes after the head's fields, and is written like any tail. */
function wipe_deferred_list(p: u32): void {
  const at = word(Word.DEFERRED_LIST);
  if (at == NO_FIELD) return;
  store<u64>(p + at, 0);
  store<u64>(p + at, TAIL_MAPPING, 8);
}

/**
 * memmap_init_zone_device: `nr` pages of a pgmap as folios of `order`. Of each folio the first `nr_init` slots are written
 * (compound_nr_pages): all of them, or those that a deduplicated vmemmap keeps.
 */
export function memmap_init_zone_device(slot: u32, nr: u32, number: u32, nid: u32, order: u32, nr_init: u32): i32 {
  if (pgmap_type(number) == 0 || order > word(Word.MAX_FOLIO_ORDER)) return refused(Status.ARGUMENT);
  const step: u32 = 1 << order;
  if (!span_valid(slot, nr)) return refused(Status.ABSENT);
  if (((slot_to_pfn_low(slot) | nr) & (step - 1)) != 0) return refused(Status.UNALIGNED);
  if (nid > word(Word.NODE_MASK)) return refused(Status.ARGUMENT);
  const flags = links(word(Word.ZONE_DEVICE), nid) | word64(Word.PG_RESERVED) | cpupid_field();
  const count = idle_count(pgmap_type(number));
  const end = slot + nr;
  for (let head = slot; head < end; head += step) {
    init_zone_device_page(head, flags, pgmap_address(number), count);
    if (order > 0) memmap_init_compound(head, order, min(nr_init, step), flags, pgmap_address(number));
  }
  index_zone_device(slot, nr, number, order, nr_init);
  return 0;
}

/** Tell the head index; where not all slots are written, vmemmap_dedup_folio does. */
function index_zone_device(slot: u32, nr: u32, number: u32, order: u32, nr_init: u32): void {
  if (!has_index()) return;
  const step: u32 = 1 << order;
  if (nr_init < step) {
    index_forget(slot, nr);
    return;
  }
  index_singles(slot, nr);
  if (order > 0) for (let head = slot, end = slot + nr; head < end; head += step) index_compound(head, order);
  index_device(slot, nr, pgmap_number(pgmap_address(number)));
}

/** A deduplicated folio: what its own two pages of the vmemmap say holds for all that show the second. */
function index_dedup_folio(head: u32, order: u32): void {
  if (!has_index()) return;
  const nr: u32 = 1 << order;
  index_forget(head, nr);
  index_blocks(head, RESERVED_SLOTS);
  const told = KNOWN | order;
  if (load<u8>(block_order(head)) != told || load<u8>(block_order(head + SLOTS_PER_VMEMMAP_PAGE)) != told) return;
  index_compound(head, order);
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  for (let i: u32 = 0; i < RESERVED_SLOTS; i++) {
    if ((changetype<page>(slot_to_page(head + i)).flags & zone_field()) != zone_device) return;
  }
  const number = pgmap_number(changetype<page>(slot_to_page(head)).compound_info);
  if (number != <u32>Pgmap.UNKNOWN) index_device(head, nr, number);
}

/** vmemmap_populate_compound_pages: from now on the folio's slots past the second page of the vmemmap show that page's. */
export function vmemmap_dedup_folio(head: u32, order: u32): i32 {
  const status = check_span(head, order);
  if (status != Status.OK) return refused(status);
  const nr: u32 = 1 << order;
  if (nr <= RESERVED_SLOTS) return refused(Status.NOT_OPTIMIZED);
  const shown = slot_to_page(head + SLOTS_PER_VMEMMAP_PAGE);
  set_slot_sharing(head + SLOTS_PER_VMEMMAP_PAGE, Sharing.HOME);
  for (let i = RESERVED_SLOTS; i < nr; i += SLOTS_PER_VMEMMAP_PAGE) {
    memory.copy(slot_to_page(head + i), shown, SLOTS_PER_VMEMMAP_PAGE << STRUCT_PAGE_SHIFT);
    set_slot_sharing(head + i, Sharing.ALIAS);
  }
  index_dedup_folio(head, order);
  return 0;
}
