// Compound pages: how a tail leads to its head (include/linux/page-flags.h), and how compounds are made, freed and
// split (mm/page_alloc.c, mm/huge_memory.c).
//
// The word at +8 of a tail has bit 0 set. With b = vmemmap_base, p = b + 64 * pfn and a folio of 2^n pages at head h:
//
//     POINTER, FAKE_HEADS   63 ....................................... 1 0
//                           address of h                               | 1     up to 7.0
//     MASK                  63 ...................... n+6 n+5 ....... 1 0
//                           1 1 1 ............. 1 1 1 | 0 0 0 ... 0 0  | 1     from 7.1; h = p & word
//
// FAKE_HEADS (6.1 to 7.0 with HVO): where the vmemmap of a hugetlb folio is optimised, every 64th slot shows the
// head's own bytes. Such a slot has PG_head and no tag; the slot after it is a tail and tells the head.
//
// A folio's slots stand in a row and no folio has more than 2^22 pages, so the low halves of word and address tell
// how many pages back the head is, wherever in physical memory that happens: `distance`. Only words known to be
// well-formed are read that way (sparse.ts, PLAIN); all others are judged in 64 bits.

import { forget_pgmaps, index_compound, index_freed, index_pgmaps_meet, index_split } from "./head_index";
import { INVALID } from "./memory";
import { COMPOUND_INFO, NOT_MAPPED, is_tagged, page } from "./page";
import { cpupid_field, in_zone_device } from "./page_links";
import { assign_flags, clear_flags, ref_count, set_flags, set_order_byte } from "./page_ref";
import { Encoding, NO_FIELD, Word, word, word64 } from "./profile";
import { slot_section_nr, slot_to_pfn_low } from "./slots";
import {
  PLAIN,
  any_shared,
  follows,
  pfn_to_slot,
  section_entry,
  slot_to_page,
  slot_to_pfn,
  slot_valid,
  span_valid,
} from "./sparse";
import { Status, refused } from "./status";
import { SLOT_IN_VMEMMAP_PAGE_MASK, STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE, TAIL_MAPPING } from "./x86_64";

// ---- Reading ------------------------------------------------------------------------------------------------------

/** Pages from a tail back to its head, for a well-formed word (its low half). */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function tagged_distance(encoding: u32, pfn_low: u32, word_low: u32, base_low: u32): u32 {
  if (encoding == Encoding.MASK) return pfn_low & ~(<u32>((<i32>word_low) >> STRUCT_PAGE_SHIFT));
  return (base_low + (pfn_low << STRUCT_PAGE_SHIFT) - (word_low - 1)) >> STRUCT_PAGE_SHIFT;
}

/** The word that tells the head: a tail's own, the next slot's where this may be a fake head, else 0. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function fake_head_word(p: u32, pfn_low: u32): u64 {
  if ((pfn_low & SLOT_IN_VMEMMAP_PAGE_MASK) != 0 || (load<u32>(p) & word(Word.PG_HEAD)) == 0) return 0;
  const next = load<u64>(p, STRUCT_PAGE_SIZE + COMPOUND_INFO);
  return (next & 1) != 0 ? next : 0;
}

/** Pages from any page of a PLAIN section back to its head; 0 for heads and single pages. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function plain_distance(encoding: u32, p: u32, pfn_low: u32, base_low: u32): u32 {
  const tag = load<u32>(p, COMPOUND_INFO);
  if ((tag & 1) != 0) return tagged_distance(encoding, pfn_low, tag, base_low);
  if (encoding == Encoding.FAKE_HEADS) {
    const next = <u32>fake_head_word(p, pfn_low);
    if (next != 0) return tagged_distance(encoding, pfn_low, next, base_low);
  }
  return 0;
}

/** The same for a page of any section, judged in all 64 bits; INVALID where the word leads nowhere. */
export function checked_distance(slot: u32): u32 {
  const p = slot_to_page(slot);
  const pfn = slot_to_pfn(slot);
  const encoding = word(Word.ENCODING);
  let tag = changetype<page>(p).compound_info;
  if ((tag & 1) == 0) {
    tag = encoding == Encoding.FAKE_HEADS ? fake_head_word(p, <u32>pfn) : 0;
    if (tag == 0) return 0;
  }
  const own = word64(Word.VMEMMAP_BASE) + (pfn << STRUCT_PAGE_SHIFT);
  const head = encoding == Encoding.MASK ? own & tag : tag - 1;
  const distance = (own - head) >> STRUCT_PAGE_SHIFT;
  if (((own - head) & (STRUCT_PAGE_SIZE - 1)) != 0 || distance >> word(Word.MAX_FOLIO_ORDER) != 0) return INVALID;
  return pfn_to_slot(pfn - distance) != INVALID ? <u32>distance : INVALID;
}

/** compound_head: the head's slot, the slot itself where it is no tail, or INVALID. */
export function compound_head(slot: u32): u32 {
  if (slot >= word(Word.NR_SLOTS)) return INVALID;
  const entry = section_entry(slot_section_nr(slot));
  if ((entry & PLAIN) != 0) {
    const base_low = <u32>word64(Word.VMEMMAP_BASE);
    const head = slot - plain_distance(word(Word.ENCODING), slot_to_page(slot), slot_to_pfn_low(slot), base_low);
    // A host that writes slots behind our back must not lead the core out of the map.
    return head < word(Word.NR_SLOTS) ? head : INVALID;
  }
  if (!slot_valid(slot)) return INVALID;
  const distance = checked_distance(slot);
  return distance == INVALID ? INVALID : pfn_to_slot(slot_to_pfn(slot) - distance);
}

/** page_is_fake_head (6.1 to 7.0). */
export function page_is_fake_head(slot: u32): bool {
  if (word(Word.ENCODING) != Encoding.FAKE_HEADS) return false;
  const p = slot_to_page(slot);
  if (is_tagged(p)) return false;
  const next = fake_head_word(p, slot_to_pfn_low(slot));
  return next != 0 && next - 1 != page_address(slot);
}

/** PageTail: whether the page is a tail, or shows a fake head in place of one. */
export function PageTail(slot: u32): bool {
  return slot_valid(slot) && (is_tagged(slot_to_page(slot)) || page_is_fake_head(slot));
}

/** PageHead: whether the page has PG_head and is no fake head. */
export function PageHead(slot: u32): bool {
  return slot_valid(slot) && has_head_flag(slot_to_page(slot)) && !page_is_fake_head(slot);
}

/** PageCompound: whether the page is a head or a tail. */
export function PageCompound(slot: u32): bool {
  if (!slot_valid(slot)) return false;
  const p = slot_to_page(slot);
  return has_head_flag(p) || is_tagged(p);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function has_head_flag(p: u32): bool {
  return (load<u32>(p) & word(Word.PG_HEAD)) != 0;
}

/** Kernel virtual address of a slot. */
export function page_address(slot: u32): u64 {
  return word64(Word.VMEMMAP_BASE) + (slot_to_pfn(slot) << STRUCT_PAGE_SHIFT);
}

/**
 * compound_order: 0 unless this very slot has PG_head. Its place is in page 1, so a PG_head on a page that none
 * follows reads as order 0.
 */
export function compound_order(slot: u32): u32 {
  if (!slot_valid(slot)) return 0;
  const p = slot_to_page(slot);
  if (!has_head_flag(p) || !has_page(slot, 1)) return 0;
  return load<u8>(p + word(Word.ORDER));
}

/** Whether page `n` (1 to 3) of a folio is there to be read. Well-formed heads are aligned, so it nearly always is. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function has_page(slot: u32, n: u32): bool {
  return (slot & 3) + n < 4 || follows(slot, n);
}

// ---- Changing -----------------------------------------------------------------------------------------------------

/** Whether a compound of `order` may stand at `slot`: not too large, aligned, and all its slots there. */
export function check_span(slot: u32, order: u32): Status {
  if (!slot_valid(slot)) return Status.ABSENT;
  if (order > word(Word.MAX_FOLIO_ORDER)) return Status.ORDER;
  const nr: u32 = 1 << order;
  if ((slot_to_pfn_low(slot) & (nr - 1)) != 0) return Status.UNALIGNED;
  return span_valid(slot, nr) ? Status.OK : Status.ABSENT;
}

/** The same, and all of them its own. */
export function check_place(slot: u32, order: u32): Status {
  const status = check_span(slot, order);
  if (status != Status.OK) return status;
  return any_shared(slot, 1 << order) ? Status.ALIASED : Status.OK;
}

/** set_compound_head, and the tail's other words (prep_compound_tail). */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function prep_compound_tail(tail: u32, info: u64, zero_private: bool): void {
  changetype<page>(tail).mapping = TAIL_MAPPING;
  changetype<page>(tail).compound_info = info;
  if (zero_private) changetype<page>(tail).private_ = 0;
}

/** The tagged word of the tails of a folio of `order` at `head`. */
export function compound_info_of(head: u32, order: u32): u64 {
  if (word(Word.ENCODING) == Encoding.MASK) return ((<u64>-1) << (order + STRUCT_PAGE_SHIFT)) | 1;
  return page_address(head) | 1;
}

/** folio_set_order: the order's byte and the number of pages. */
function folio_set_order(head: u32, order: u32): void {
  const p = slot_to_page(head);
  set_order_byte(p + word(Word.ORDER), order);
  const nr_pages = word(Word.NR_PAGES);
  if (nr_pages != NO_FIELD) store<u32>(p + nr_pages, 1 << order);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function store_field(p: u32, name: Word, value: i32): void {
  const offset = word(name);
  if (offset != NO_FIELD) store<i32>(p + offset, value);
}

/** prep_compound_head. Comes after the tails: its fields stand in them. */
export function prep_compound_head(head: u32, order: u32): void {
  const p = slot_to_page(head);
  const dtor = word(Word.DTOR);
  if (dtor != NO_FIELD) store<u8>(p + dtor, <u8>word(Word.PREP_DTOR));
  folio_set_order(head, order);
  store_field(p, Word.LARGE_MAPCOUNT, -1);
  store_field(p, Word.NR_PAGES_MAPPED, 0);
  store_field(p, Word.ENTIRE_MAPCOUNT, -1);
  if (order >= word(Word.PINCOUNT_MIN_ORDER)) store_field(p, Word.PINCOUNT, 0);
  const mm_ids = word(Word.MM_IDS);
  if (mm_ids != NO_FIELD) store<u64>(p + mm_ids, 0);
  const mm_id_mapcounts = word(Word.MM_ID_MAPCOUNTS);
  if (mm_id_mapcounts != NO_FIELD) store<u64>(p + mm_id_mapcounts, -1);
  if (order > 1 && word(Word.PREP_INITS_DEFERRED_LIST) != 0) {
    const offset = word(Word.DEFERRED_LIST);
    const self = page_address(head) + offset;
    store<u64>(p + offset, self);
    store<u64>(p + offset, self, 8);
  }
}

/** prep_compound_page on slots known to be fit for it. */
export function make_compound(head: u32, order: u32): void {
  const info = compound_info_of(head, order);
  const zero_private = word(Word.PREP_ZEROES_TAIL_PRIVATE) != 0;
  const p = slot_to_page(head);
  set_flags(p, word(Word.PG_HEAD));
  const end = p + (STRUCT_PAGE_SIZE << order);
  for (let tail = p + STRUCT_PAGE_SIZE; tail != end; tail += STRUCT_PAGE_SIZE) {
    prep_compound_tail(tail, info, zero_private);
  }
  prep_compound_head(head, order);
}

/** The Status for which prep_compound_page would be refused, or OK. */
export function check_prep(slot: u32, order: u32): Status {
  const place = check_place(slot, order);
  if (place != Status.OK) return place;
  const end = slot + ((<u32>1) << order);
  for (let s = slot; s != end; s++) {
    if (PageCompound(s)) return Status.OVERLAP;
  }
  return Status.OK;
}

/** prep_compound_page: make 2^order single pages one compound page. Order 0 changes nothing. */
export function prep_compound_page(slot: u32, order: u32): i32 {
  const status = check_prep(slot, order);
  if (status != Status.OK) return refused(status);
  if (order == 0) return 0;
  make_compound(slot, order);
  index_compound(slot, order);
  index_pgmaps_meet(slot, order);
  return 0;
}

/** Status of a call that takes the head of a compound page with slots of its own. */
function check_head(slot: u32): Status {
  if (!slot_valid(slot)) return Status.ABSENT;
  if (PageTail(slot)) return Status.TAIL;
  if (!PageHead(slot)) return Status.NOT_COMPOUND;
  return check_place(slot, compound_order(slot));
}

/** The Status for which free_pages_prepare would be refused, or OK. */
export function check_free(slot: u32, order: u32): Status {
  const place = check_place(slot, order);
  if (place != Status.OK) return place;
  if (PageTail(slot)) return Status.TAIL;
  if (PageHead(slot)) {
    if (compound_order(slot) != order) return Status.ORDER;
  } else {
    const status = check_prep(slot, order);
    if (status != Status.OK) return status;
  }
  if (order == 0 && range_has_hwpoisoned(slot_to_page(slot), 0)) return Status.HWPOISON;
  if (ref_count(slot_to_page(slot)) != 0) return Status.NOT_FROZEN;
  return is_mapped(slot, order) ? Status.MAPPED : Status.OK;
}

/** A 32-bit folio field, or `none` where the kernel has no such field. */
function field_or(p: u32, name: Word, none: i32): i32 {
  const offset = word(name);
  return offset != NO_FIELD ? load<i32>(p + offset) : none;
}

/** Whether a large folio still carries a count (free_tail_page_prepare's checks on pages 1 and 2). */
function has_counts(p: u32, order: u32): bool {
  if (field_or(p, Word.ENTIRE_MAPCOUNT, -1) != -1 || field_or(p, Word.LARGE_MAPCOUNT, -1) != -1) return true;
  if (field_or(p, Word.NR_PAGES_MAPPED, 0) != 0) return true;
  if (order >= word(Word.PINCOUNT_MIN_ORDER) && field_or(p, Word.PINCOUNT, 0) != 0) return true;
  const mm_id_mapcounts = word(Word.MM_ID_MAPCOUNTS);
  return mm_id_mapcounts != NO_FIELD && load<u64>(p + mm_id_mapcounts) != 0xffff_ffff_ffff_ffff;
}

/** Whether the folio or one of its pages is mapped or pinned. A page type is no mapping. */
function is_mapped(head: u32, order: u32): bool {
  const p = slot_to_page(head);
  if (order > 0 && has_head_flag(p) && has_counts(p, order)) return true;
  const end = p + (STRUCT_PAGE_SIZE << order);
  for (let at = p; at != end; at += STRUCT_PAGE_SIZE) {
    if (changetype<page>(at)._mapcount >= 0) return true;
  }
  return false;
}

/**
 * What __free_pages_prepare and free_tail_page_prepare write: a compound page, or 2^order single ones, become free
 * single pages. Words they do not write keep what they held, as in the kernel.
 */
export function free_pages_prepare(slot: u32, order: u32): i32 {
  const status = check_free(slot, order);
  if (status != Status.OK) return refused(status);
  const p = slot_to_page(slot);
  const prep_mask = word64(Word.CHECK_AT_PREP_MASK);
  const compound = order > 0 && has_head_flag(p);
  if (compound) {
    clear_flags(p + STRUCT_PAGE_SIZE, word64(Word.SECOND_MASK));
    if (word(Word.FREE_ZEROES_NR_PAGES) != 0) store<u32>(p + word(Word.NR_PAGES), 0);
  }
  const end = p + (STRUCT_PAGE_SIZE << order);
  for (let at = p + STRUCT_PAGE_SIZE; at != end; at += STRUCT_PAGE_SIZE) {
    const tail = changetype<page>(at);
    if (compound) {
      tail.mapping = 0;
      tail.compound_info = 0;
    }
    clear_flags(at, prep_mask);
  }
  const head = changetype<page>(p);
  if ((head.mapping & word64(Word.FREE_MAPPING_MASK)) != 0) head.mapping = 0;
  if (word(Word.FREE_RESETS_TYPE) != 0 && head._mapcount < <i32>word(Word.TYPE_LIMIT)) head._mapcount = NOT_MAPPED;
  assign_flags(p, prep_mask, cpupid_field());
  if (word(Word.FREE_ZEROES_PRIVATE) != 0) head.private_ = 0;
  if (compound) {
    index_freed(slot, order);
    index_pgmaps_meet(slot, order);
    if (in_zone_device(p)) forget_pgmaps(slot, 1 << order);
  }
  return 0;
}

/** The Status for which split_folio_to_order would be refused, or OK. */
export function check_split(slot: u32, new_order: u32): Status {
  const status = check_head(slot);
  if (status != Status.OK) return status;
  const order = compound_order(slot);
  if (new_order >= order) return Status.SPLIT_UPWARDS;
  if (ref_count(slot_to_page(slot)) != 0) return Status.NOT_FROZEN;
  return is_mapped(slot, order) ? Status.MAPPED : Status.OK;
}

/**
 * __split_folio_to_order (7.3; 6.12 to 6.17 do the same page by page): a frozen, unmapped folio becomes folios of
 * `new_order`. No count is written: unfreezing each part is the caller's. In MASK encoding the tails of the first
 * part keep the mask of the old order, which leads them to the same head. The word at +8 of each new head turns from tag
 * to list pointer, or on ZONE_DEVICE to the folio's pgmap (zone_device_private_split_cb, 7.0).
 */
export function split_folio_to_order(slot: u32, new_order: u32): i32 {
  const status = check_split(slot, new_order);
  if (status != Status.OK) return refused(status);
  const order = compound_order(slot);
  const p = slot_to_page(slot);
  const page1 = p + STRUCT_PAGE_SIZE;
  const has_hwpoisoned = word64(Word.PG_HAS_HWPOISONED);
  const keeps = new_order > 0 && word(Word.SPLIT_KEEPS_HAS_HWPOISONED) != 0;
  const poisoned = keeps && (changetype<page>(page1).flags & has_hwpoisoned) != 0;
  clear_flags(page1, has_hwpoisoned);
  if (poisoned && range_has_hwpoisoned(p, new_order)) set_flags(page1, has_hwpoisoned);

  const step: u32 = 1 << new_order;
  const nr: u32 = 1 << order;
  for (let i = step; i < nr; i += step) split_off(slot, i, new_order, poisoned);

  if (new_order > 0) folio_set_order(slot, new_order);
  else clear_flags(p, word(Word.PG_HEAD));
  index_split(slot, order, new_order);
  index_pgmaps_meet(slot, order);
  return 0;
}

/** One new folio: page `i` of the old one becomes a head (the loop body of __split_folio_to_order). */
function split_off(old: u32, i: u32, new_order: u32, poisoned: bool): void {
  const from = changetype<page>(slot_to_page(old));
  const p = slot_to_page(old + i);
  const to = changetype<page>(p);
  assign_flags(p, word64(Word.CHECK_AT_PREP_MASK), from.flags & word64(Word.SPLIT_COPY_MASK));
  if (poisoned && range_has_hwpoisoned(p, new_order)) {
    set_flags(p + STRUCT_PAGE_SIZE, word64(Word.PG_HAS_HWPOISONED));
  }
  to.mapping = from.mapping;
  to.index = from.index + i;
  if (folio_test_swapcache(from)) {
    if (word(Word.SPLIT_MOVES_SWAP) != 0) to.private_ = from.private_ + i;
  } else if (word(Word.SPLIT_ZEROES_PRIVATE) != 0) {
    to.private_ = 0;
  }
  to.compound_info = in_zone_device(slot_to_page(old)) ? from.compound_info : 0;
  if (new_order > 0) {
    make_compound(old + i, new_order);
    set_flags(p + STRUCT_PAGE_SIZE, word64(Word.PG_LARGE_RMAPPABLE));
  }
  to.memcg_data = from.memcg_data;
  assign_flags(p, cpupid_field(), from.flags & cpupid_field());
}

/** PG_swapcache is owner_priv_1 on folios that are not swap-backed. */
function folio_test_swapcache(folio: page): bool {
  const both = word64(Word.PG_SWAPCACHE) | word64(Word.PG_SWAPBACKED);
  return (folio.flags & both) == both;
}

function range_has_hwpoisoned(p: u32, order: u32): bool {
  const hwpoison = word64(Word.PG_HWPOISON);
  const end = p + (STRUCT_PAGE_SIZE << order);
  for (let at = p; at != end; at += STRUCT_PAGE_SIZE) {
    if ((changetype<page>(at).flags & hwpoison) != 0) return true;
  }
  return false;
}
