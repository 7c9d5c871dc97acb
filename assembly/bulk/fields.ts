// Lists of pages to lists of fields. A page that does not exist, or a tail that leads nowhere where the head is asked
// for, answers all ones. Each call answers how many were so. 32-bit answers may overwrite the pages they are of.

import { compound_head, compound_order } from "../compound";
import { folio_mapcount, page_mapcount } from "../folio";
import { has_index } from "../head_index";
import { INVALID, notes, ZEROES } from "../memory";
import { page } from "../page";
import { ref_count } from "../page_ref";
import { Word, word } from "../profile";
import { slot_to_page, slot_valid } from "../sparse";
import { STRUCT_PAGE_SHIFT } from "../x86_64";
import { BY_SLOTS } from "./heads";
import { is_indexed, order_by_index, orders_by_index } from "./indexed";
import { BLOCK, WORDS, head_addresses, mark_absent, page_addresses, words_at_notes } from "./pages";

/** What a page, or its head, is asked for. */
const enum Field {
  ORDER,
  /** The flags word, 64 bits. */
  FLAGS,
  REFCOUNT,
}

/** The size of an answer, as a shift. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function answer_shift(field: Field): u32 {
  return field == Field.FLAGS ? 3 : 2;
}

/** The slot a question is about: the page's own where it exists, or its head. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function asked_slot(slot: u32, of_folio: bool): u32 {
  if (of_folio) return compound_head(slot);
  return slot_valid(slot) ? slot : INVALID;
}

// ---- Lists of slots -----------------------------------------------------------------------------------------------

// @ts-ignore: top level decorators are AssemblyScript
@inline
function slot_list(src: u32, dst: u32, nr: u32, field: Field, of_folio: bool): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = asked_slot(load<u32>(src + (at << 2)), of_folio);
    const valid = slot != INVALID;
    const out = dst + (at << answer_shift(field));
    if (field == Field.FLAGS) store<u64>(out, valid ? changetype<page>(slot_to_page(slot)).flags : ~(<u64>0));
    else if (field == Field.REFCOUNT) store<i32>(out, valid ? ref_count(slot_to_page(slot)) : -1);
    else store<u32>(out, valid ? compound_order(slot) : INVALID);
    invalid += <u32>!valid;
  }
  return invalid;
}

/** folio_order of each page's folio. The head index is asked first. */
export function orders_of_slots(src: u32, dst: u32, nr: u32): u32 {
  if (!has_index()) return slot_list(src, dst, nr, Field.ORDER, true);
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const from = src + (at << 2);
    const to = dst + (at << 2);
    if (is_indexed(load<u32>(from))) store<u32>(to, order_by_index(load<u32>(from)));
    else invalid += slot_list(from, to, 1, Field.ORDER, true);
  }
  return invalid;
}

/** The pages' own 64-bit flags words. */
export function page_flags_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return slot_list(src, dst, nr, Field.FLAGS, false);
}

/** The flags words of the pages' heads. */
export function folio_flags_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return slot_list(src, dst, nr, Field.FLAGS, true);
}

/** page_ref_count of each page. */
export function page_refcounts_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return slot_list(src, dst, nr, Field.REFCOUNT, false);
}

/** page_count of each page: its folio's. */
export function folio_refcounts_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return slot_list(src, dst, nr, Field.REFCOUNT, true);
}

/** Mappings of each page, as in /proc/kpagecount. */
export function page_mapcounts_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    const valid = compound_head(slot) != INVALID;
    store<i32>(dst + (at << 2), valid ? page_mapcount(slot) : -1);
    invalid += <u32>!valid;
  }
  return invalid;
}

/**
 * folio_mapcount of each page's folio. Up to 6.1 that reads all pages of a folio, so a folio met twice in a row is not
 * counted twice.
 */
export function folio_mapcounts_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  let last_head = INVALID;
  let last_count: i32 = -1;
  for (let at: u32 = 0; at < nr; at++) {
    const head = compound_head(load<u32>(src + (at << 2)));
    if (head != last_head) {
      last_head = head;
      last_count = head != INVALID ? folio_mapcount(head) : -1;
    }
    store<i32>(dst + (at << 2), last_count);
    invalid += <u32>(head == INVALID);
  }
  return invalid;
}

// ---- Lists of PFNs ------------------------------------------------------------------------------------------------

/** Leave the low halves of the flags words of the heads at notes(), WORDS behind. */
function flags_at_notes(nr: u32): void {
  const noted = notes();
  for (let at: u32 = 0; at < nr; at++) store<u32>(noted + (at << 2), load<u32>(load<u32>(noted + (at << 2))), WORDS);
}

/** Place in bytes of the last of four slots, where page 1 of a head may be missing. No well-formed head stands there. */
const LAST_OF_FOUR: u32 = 3 << STRUCT_PAGE_SHIFT;

/** Turn the flags at WORDS into addresses of orders, zeroes where there is none; 1 where a head stands as none should. */
function order_addresses(nr: u32): u32 {
  const head_flag = word(Word.PG_HEAD);
  const order = word(Word.ORDER);
  const slots = word(Word.SLOTS);
  const noted = notes();
  let odd: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const p = load<u32>(noted + (at << 2));
    const large = <u32>((load<u32>(noted + (at << 2), WORDS) & head_flag) != 0);
    const last = <u32>(((p - slots) & LAST_OF_FOUR) == LAST_OF_FOUR);
    store<u32>(noted + (at << 2), select<u32>(p + order, ZEROES, large > last), WORDS);
    odd |= large & last;
  }
  return odd;
}

/** compound_order of the heads whose addresses stand at notes(). */
function orders_at_notes(dst: u32, nr: u32): void {
  flags_at_notes(nr);
  const odd = order_addresses(nr);
  const noted = notes();
  for (let at: u32 = 0; at < nr; at++) store<u32>(dst + (at << 2), load<u8>(load<u32>(noted + (at << 2), WORDS)));
  if (odd == 0) return;
  for (let at: u32 = 0; at < nr; at++) {
    store<u32>(dst + (at << 2), compound_order((load<u32>(noted + (at << 2)) - word(Word.SLOTS)) >> STRUCT_PAGE_SHIFT));
  }
}

function refcounts_at_notes(dst: u32, nr: u32): void {
  const noted = notes();
  for (let at: u32 = 0; at < nr; at++) store<i32>(dst + (at << 2), ref_count(load<u32>(noted + (at << 2))));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function pfn_list(src: u32, dst: u32, nr: u32, field: Field, of_folio: bool): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at += BLOCK) {
    const count = min(BLOCK, nr - at);
    const pfns = src + (at << 2);
    const out = dst + (at << answer_shift(field));
    const absent = of_folio ? head_addresses(pfns, count) : page_addresses(pfns, count);
    if (field == Field.FLAGS) words_at_notes(out, count, offsetof<page>("flags"));
    else if (field == Field.REFCOUNT) refcounts_at_notes(out, count);
    else orders_at_notes(out, count);
    if (absent == 0) continue;
    if (field == Field.FLAGS) mark_absent<u64>(out, count);
    else mark_absent<u32>(out, count);
    invalid += absent;
  }
  return invalid;
}

/** folio_order of the folio of each page of a list of PFNs below 2^32. The head index is asked first. */
export function orders_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  if (!has_index()) return pfn_list(src, dst, nr, Field.ORDER, true);
  const to_dst = dst - src;
  const end = src + (nr << 2);
  const groups_end = src + ((nr & ~3) << 2);
  let invalid: u32 = 0;
  let at = src;
  while (at != end) {
    at = orders_by_index(at, groups_end, at + to_dst);
    const stop = at == groups_end ? end : min(at + BY_SLOTS, groups_end);
    invalid += pfn_list(at, at + to_dst, (stop - at) >> 2, Field.ORDER, true);
    at = stop;
  }
  return invalid;
}

/** Flags words of the heads of a list of PFNs below 2^32. Lists must not overlap. */
export function folio_flags_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return pfn_list(src, dst, nr, Field.FLAGS, true);
}

/** page_count of a list of PFNs below 2^32: the folios' counts. */
export function folio_refcounts_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return pfn_list(src, dst, nr, Field.REFCOUNT, true);
}

/** Own flags words of a list of PFNs below 2^32. Lists must not overlap. */
export function page_flags_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return pfn_list(src, dst, nr, Field.FLAGS, false);
}

/** page_ref_count of a list of PFNs below 2^32. */
export function page_refcounts_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return pfn_list(src, dst, nr, Field.REFCOUNT, false);
}
