// Folios: what the pages of a compound share (struct folio, include/linux/mm_types.h; include/linux/mm.h, rmap.h).
// Functions named folio_* take a head and read pages 1 to 3 behind it at the profile's offsets.

import { PageHead, PageTail, compound_head, compound_order, has_head_flag, has_page } from "./compound";
import { INVALID } from "./memory";
import { MAPPING_ANON, page } from "./page";
import { ref_add_unless, ref_change, ref_count, ref_exchange, ref_set } from "./page_ref";
import { KindMark, MapcountRule, NO_FIELD, Word, word, word64 } from "./profile";
import { slot_to_pfn_low } from "./slots";
import { any_shared, follows, slot_to_page, slot_valid } from "./sparse";
import { Status, refused } from "./status";
import { STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE } from "./x86_64";

/** page_folio: the head's slot; the folio is named by it. INVALID where the page has none. */
export function page_folio(slot: u32): u32 {
  return compound_head(slot);
}

/** folio_order. */
export function folio_order(folio: u32): u32 {
  return compound_order(folio);
}

/** folio_nr_pages: the field where the kernel has one, else 2^order. */
export function folio_nr_pages(folio: u32): u32 {
  if (!slot_valid(folio) || !has_head_flag(slot_to_page(folio)) || !has_page(folio, 1)) return 1;
  const offset = word(Word.NR_PAGES);
  return offset != NO_FIELD
    ? load<u32>(slot_to_page(folio) + offset)
    : 1 << min(compound_order(folio), word(Word.MAX_FOLIO_ORDER));
}

/** folio_page: slot of page `n`, or INVALID past the folio's end. */
export function folio_page(folio: u32, n: u32): u32 {
  return slot_valid(folio) && n < folio_nr_pages(folio) && follows(folio, n) ? folio + n : INVALID;
}

/** folio_page_idx: which page of its folio this is. */
export function folio_page_idx(slot: u32): u32 {
  const head = compound_head(slot);
  return head == INVALID ? INVALID : slot - head;
}

// ---- Fields behind the head -----------------------------------------------------------------------------------------

/** A folio's 32-bit field by the state word that holds its offset; `none` where there is no field or no such page. */
function folio_field(folio: u32, name: Word, none: i32): i32 {
  const offset = word(name);
  if (offset == NO_FIELD || !slot_valid(folio)) return none;
  const p = slot_to_page(folio);
  if (!has_head_flag(p) || !has_page(folio, offset >> STRUCT_PAGE_SHIFT)) return none;
  return load<i32>(p + offset);
}

/** folio_entire_mapcount: mappings by PMD, PUD or as a hugetlb page. */
export function folio_entire_mapcount(folio: u32): i32 {
  return folio_field(folio, Word.ENTIRE_MAPCOUNT, -1) + 1;
}

/** folio_large_mapcount: all mappings of a large folio; 0 where the kernel keeps no such count. */
export function folio_large_mapcount(folio: u32): i32 {
  return folio_field(folio, Word.LARGE_MAPCOUNT, -1) + 1;
}

/** `_nr_pages_mapped` as it stands: pages in the low 23 bits, 0x800000 while mapped entirely. */
export function folio_nr_pages_mapped(folio: u32): i32 {
  return folio_field(folio, Word.NR_PAGES_MAPPED, 0);
}

/** `_pincount`: FOLL_PIN references of a large folio. */
export function folio_pincount(folio: u32): i32 {
  return compound_order(folio) >= word(Word.PINCOUNT_MIN_ORDER) ? folio_field(folio, Word.PINCOUNT, 0) : 0;
}

/** `_mm_id[which]` without its top bit; 0 is no mm. */
export function folio_mm_id(folio: u32, which: u32): u32 {
  return mm_id_word(folio, which) & 0x7fff_ffff;
}

/** `_mm_id_mapcount[which]` as it stands, -1 based. */
export function folio_mm_id_mapcount(folio: u32, which: u32): i32 {
  const offset = word(Word.MM_ID_MAPCOUNTS);
  if (offset == NO_FIELD || !slot_valid(folio)) return -1;
  const p = slot_to_page(folio);
  return has_head_flag(p) && has_page(folio, 1) ? load<i32>(p + offset + ((which & 1) << 2)) : -1;
}

function mm_id_word(folio: u32, which: u32): u32 {
  const offset = word(Word.MM_IDS);
  if (offset == NO_FIELD || !slot_valid(folio)) return 0;
  const p = slot_to_page(folio);
  return has_head_flag(p) && has_page(folio, 1) ? load<u32>(p + offset + ((which & 1) << 2)) : 0;
}

/** folio_maybe_mapped_shared (6.15 on; before, whether more than one mapping is counted). */
export function folio_maybe_mapped_shared(folio: u32): bool {
  const count = folio_mapcount(folio);
  if (word(Word.MM_IDS) == NO_FIELD || compound_order(folio) == 0 || folio_is_hugetlb(folio)) return count > 1;
  return count > 1 && mm_id_word(folio, 1) >>> 31 != 0;
}

// ---- Kinds --------------------------------------------------------------------------------------------------------

function has_kind(folio: u32, by: Word, mask: Word, value: Word): bool {
  if (!slot_valid(folio)) return false;
  const p = slot_to_page(folio);
  const mark = word(by);
  if (mark == KindMark.TYPE) return ((<u32>changetype<page>(p)._mapcount) & word(mask)) == word(value);
  if (mark == KindMark.FLAG) return (changetype<page>(p).flags & word64(mask)) != 0;
  return has_head_flag(p) && has_page(folio, 1) && load<u8>(p + word(Word.DTOR)) == <u8>word(value);
}

/** folio_test_hugetlb: by page type (6.9 on) or by the compound destructor (up to 6.5). */
export function folio_is_hugetlb(folio: u32): bool {
  return has_kind(folio, Word.HUGETLB_BY, Word.HUGETLB_MASK, Word.HUGETLB_VALUE);
}

/** folio_test_slab: by page type (6.10 on) or PG_slab. */
export function folio_is_slab(folio: u32): bool {
  return has_kind(folio, Word.SLAB_BY, Word.SLAB_MASK, Word.SLAB_VALUE);
}

// ---- Mapcounts ----------------------------------------------------------------------------------------------------

/** page_has_type: the word at +48 is no count of mappings. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function is_typed(p: u32): bool {
  return changetype<page>(p)._mapcount < <i32>word(Word.TYPE_LIMIT);
}

/** The page's own count of mappings: 0 where the word is a page type. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function own_mapcount(p: u32): i32 {
  return is_typed(p) ? 0 : changetype<page>(p)._mapcount + 1;
}

/** folio_mapcount: all mappings of the folio's pages, each entire mapping counted once. */
export function folio_mapcount(folio: u32): i32 {
  if (!slot_valid(folio)) return 0;
  const p = slot_to_page(folio);
  if (!has_head_flag(p) || !has_page(folio, 1)) return folio_is_slab(folio) ? 0 : own_mapcount(p);
  if (word(Word.MAPCOUNT_RULE) != MapcountRule.COMPOUND) return folio_large_mapcount(folio);
  return total_compound_mapcount(folio);
}

/** Pages of the largest folio that may start here, by its PFN's alignment. */
function largest_at(folio: u32): u32 {
  const most: u32 = 1 << word(Word.MAX_FOLIO_ORDER);
  const pfn = slot_to_pfn_low(folio);
  return pfn == 0 ? most : min(most, pfn & (0 - pfn));
}

/** total_mapcount of 6.1: a file THP counts an entire mapping on each page too, a double-mapped anonymous one once. */
function total_compound_mapcount(folio: u32): i32 {
  if (folio_is_slab(folio)) return 0;
  const compound = folio_entire_mapcount(folio);
  if (folio_is_hugetlb(folio)) return compound;
  const nr = min(min(folio_nr_pages(folio), largest_at(folio)), word(Word.NR_SLOTS) - folio);
  const p = slot_to_page(folio);
  let sum = compound;
  for (let i: u32 = 0; i < nr; i++) sum += own_mapcount(p + (i << STRUCT_PAGE_SHIFT));
  if ((changetype<page>(p).mapping & MAPPING_ANON) == 0) return sum - compound * <i32>nr;
  return is_double_mapped(p) ? sum - <i32>nr : sum;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function is_double_mapped(head: u32): bool {
  return (changetype<page>(head + STRUCT_PAGE_SIZE).flags & word64(Word.PG_DOUBLE_MAP)) != 0;
}

/**
 * Mappings of this one page, what /proc/kpagecount shows: folio_precise_page_mapcount (6.12 on), page_mapcount (6.1),
 * or the folio's average where CONFIG_NO_PAGE_MAPCOUNT keeps no count of single pages.
 */
export function page_mapcount(slot: u32): i32 {
  const folio = compound_head(slot);
  if (folio == INVALID) return 0;
  const p = slot_to_page(slot);
  const head = slot_to_page(folio);
  const large = has_head_flag(head) && has_page(folio, 1);
  const rule = word(Word.MAPCOUNT_RULE);
  if (rule == MapcountRule.COMPOUND) return compound_page_mapcount(folio, p, large);
  if (!large) return own_mapcount(p);
  if (rule == MapcountRule.AVERAGE) return average_page_mapcount(folio);
  return own_mapcount(p) + folio_entire_mapcount(folio);
}

function compound_page_mapcount(folio: u32, p: u32, large: bool): i32 {
  const own = own_mapcount(p);
  if (folio_is_slab(folio) || is_typed(p)) return 0;
  if (!large) return own;
  if (folio_is_hugetlb(folio)) return folio_entire_mapcount(folio);
  const head = slot_to_page(folio);
  if ((changetype<page>(head).mapping & MAPPING_ANON) == 0) return own;
  const count = own + folio_entire_mapcount(folio);
  return is_double_mapped(head) ? count - 1 : count;
}

/** folio_average_page_mapcount: entire mappings and the others' rounded average, at least 1 for a mapped folio. */
function average_page_mapcount(folio: u32): i32 {
  const mapcount = folio_large_mapcount(folio);
  const entire = folio_entire_mapcount(folio);
  if (mapcount <= 0) return 0;
  if (mapcount <= entire) return entire;
  const order = min<u32>(compound_order(folio), 30);
  const rounded = <i32>((<u32>(mapcount - entire) + (((<u32>1) << order) >> 1)) >> order);
  return max(entire + rounded, 1);
}

// ---- Reference counts (include/linux/page_ref.h, mm.h) ----------------------------------------------------------------

/** page_ref_count: the slot's own count. */
export function page_ref_count(slot: u32): i32 {
  return slot_valid(slot) ? ref_count(slot_to_page(slot)) : 0;
}

/** page_count: the folio's count, by any of its pages. */
export function page_count(slot: u32): i32 {
  const folio = compound_head(slot);
  return folio == INVALID ? 0 : ref_count(slot_to_page(folio));
}

/** Why no count of this folio may be changed. Its own frame must be nobody else's; its tails may share theirs. */
export function check_counted(folio: u32): Status {
  if (!slot_valid(folio)) return Status.ABSENT;
  if (PageTail(folio)) return Status.TAIL;
  return any_shared(folio, 1) ? Status.ALIASED : Status.OK;
}

/** Slot of the folio of a page, fit to be counted, or minus the Status for which it is not. */
export function counted_folio(slot: u32): i32 {
  const folio = compound_head(slot);
  if (folio == INVALID) return refused(slot_valid(slot) ? Status.BAD_HEAD : Status.ABSENT);
  const status = check_counted(folio);
  return status != Status.OK ? refused(status) : <i32>folio;
}

/** set_page_count of a head or single page. */
export function set_page_count(folio: u32, count: i32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  ref_set(slot_to_page(folio), count);
  return 0;
}

/** folio_ref_zero_or_close_to_overflow: counts that folio_get is refused at. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function zero_or_close_to_overflow(count: i32): bool {
  return <u32>count + 127 <= 127;
}

/** The Status for which folio_get would be refused. */
export function check_get(folio: u32): Status {
  const status = check_counted(folio);
  if (status != Status.OK) return status;
  return zero_or_close_to_overflow(ref_count(slot_to_page(folio))) ? Status.REFCOUNT : Status.OK;
}

/** folio_get. */
export function folio_get(folio: u32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  const p = slot_to_page(folio);
  let count: i32;
  do {
    count = ref_count(p);
    if (zero_or_close_to_overflow(count)) return refused(Status.REFCOUNT);
  } while (!ref_change(p, count, count + 1));
  return 0;
}

/** folio_ref_add_unless: 1 where `nr` was added, 0 where the count was `unless`. */
export function folio_ref_add_unless(folio: u32, nr: i32, unless: i32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  return ref_add_unless(slot_to_page(folio), nr, unless) ? 1 : 0;
}

/** folio_ref_try_add, folio_try_get: 1 where `nr` was added, 0 where the folio is free or frozen. */
export function folio_try_get(folio: u32, nr: i32): i32 {
  return nr < 1 ? refused(Status.ARGUMENT) : folio_ref_add_unless(folio, nr, 0);
}

/** folio_ref_freeze: 1 where the count was exactly `count`, and is 0 now. */
export function folio_ref_freeze(folio: u32, count: i32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  return ref_exchange(slot_to_page(folio), count, 0) ? 1 : 0;
}

/** folio_ref_unfreeze: only a frozen folio, only to a count that is not 0. */
export function folio_ref_unfreeze(folio: u32, count: i32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  if (count == 0 || !ref_exchange(slot_to_page(folio), 0, count)) return refused(Status.REFCOUNT);
  return 0;
}
