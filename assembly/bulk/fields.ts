// Lists of pages to lists of fields. A page that does not exist, or a tail that leads nowhere where the head is asked
// for, answers all ones. Each call answers how many were so. 32-bit answers may overwrite the pages they are of.

import { compound_head, compound_order, has_page } from "../compound";
import { folio_mapcount, page_mapcount } from "../folio";
import { INVALID, NOTES, ZEROES } from "../memory";
import { page } from "../page";
import { ref_count } from "../page_ref";
import { Encoding, Word, word } from "../profile";
import { pfn_to_slot, slot_to_page, slot_valid } from "../sparse";
import { STRUCT_PAGE_SHIFT } from "../x86_64";
import { FakeHeads, Mask, Pointer } from "./heads";
import { BLOCK, head_addresses, page_addresses, words_at_notes } from "./pages";

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

/** Store the answer of one page, the checked way; 1 where there is none. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function store_answer(at: u32, page_slot: u32, field: Field, of_folio: bool): u32 {
  const slot = asked_slot(page_slot, of_folio);
  const valid = slot != INVALID;
  if (field == Field.FLAGS) {
    store<u64>(at, valid ? changetype<page>(slot_to_page(slot)).flags : ~(<u64>0));
  } else if (field == Field.REFCOUNT) {
    store<i32>(at, valid ? ref_count(slot_to_page(slot)) : -1);
  } else {
    store<u32>(at, valid ? compound_order(slot) : INVALID);
  }
  return <u32>!valid;
}

// ---- Lists of slots -----------------------------------------------------------------------------------------------

// @ts-ignore: top level decorators are AssemblyScript
@inline
function slot_list(src: u32, dst: u32, nr: u32, field: Field, of_folio: bool): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    invalid += store_answer(dst + (at << answer_shift(field)), load<u32>(src + (at << 2)), field, of_folio);
  }
  return invalid;
}

/** folio_order of each page's folio. */
export function orders_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return slot_list(src, dst, nr, Field.ORDER, true);
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

/** Turn the addresses of heads at NOTES into those of their orders; zeroes where there is none. */
function order_addresses(nr: u32): void {
  const head_flag = word(Word.PG_HEAD);
  const order = word(Word.ORDER);
  const slots = word(Word.SLOTS);
  for (let at: u32 = 0; at < nr; at++) {
    const p = load<u32>(NOTES + (at << 2));
    const slot = (p - slots) >> STRUCT_PAGE_SHIFT;
    const large = (load<u32>(p) & head_flag) != 0;
    let address = select<u32>(p + order, ZEROES, large);
    // Where no page 1 may follow stands no head of a well-formed folio: a branch that is never taken.
    if (((<u32>large) & (<u32>((slot & 3) == 3))) != 0 && !has_page(slot, 1)) address = ZEROES;
    store<u32>(NOTES + (at << 2), address);
  }
}

function orders_at_notes(dst: u32, nr: u32): void {
  for (let at: u32 = 0; at < nr; at++) store<u32>(dst + (at << 2), load<u8>(load<u32>(NOTES + (at << 2))));
}

function refcounts_at_notes(dst: u32, nr: u32): void {
  for (let at: u32 = 0; at < nr; at++) store<i32>(dst + (at << 2), ref_count(load<u32>(NOTES + (at << 2))));
}

/** Answers of the pages, or heads, whose addresses stand at NOTES. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function answers_at_notes(dst: u32, nr: u32, field: Field): void {
  if (field == Field.FLAGS) words_at_notes(dst, nr, offsetof<page>("flags"));
  else if (field == Field.REFCOUNT) refcounts_at_notes(dst, nr);
  else {
    order_addresses(nr);
    orders_at_notes(dst, nr);
  }
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function pfn_list<E>(src: u32, dst: u32, nr: u32, field: Field, of_folio: bool): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr;) {
    const done = page_addresses(src + (at << 2), min(BLOCK, nr - at));
    if (of_folio) head_addresses<E>(src + (at << 2), done, 0, 0);
    answers_at_notes(dst + (at << answer_shift(field)), done, field);
    at += done;
    if (done == BLOCK || at == nr) continue;
    const slot = pfn_to_slot(load<u32>(src + (at << 2)));
    invalid += store_answer(dst + (at << answer_shift(field)), slot, field, of_folio);
    at++;
  }
  return invalid;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function folio_list(src: u32, dst: u32, nr: u32, field: Field): u32 {
  switch (word(Word.ENCODING)) {
    case Encoding.POINTER:
      return pfn_list<Pointer>(src, dst, nr, field, true);
    case Encoding.FAKE_HEADS:
      return pfn_list<FakeHeads>(src, dst, nr, field, true);
    default:
      return pfn_list<Mask>(src, dst, nr, field, true);
  }
}

/** folio_order of the folio of each page of a list of PFNs below 2^32. */
export function orders_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return folio_list(src, dst, nr, Field.ORDER);
}

/** Flags words of the heads of a list of PFNs below 2^32. Lists must not overlap. */
export function folio_flags_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return folio_list(src, dst, nr, Field.FLAGS);
}

/** page_count of a list of PFNs below 2^32: the folios' counts. */
export function folio_refcounts_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return folio_list(src, dst, nr, Field.REFCOUNT);
}

/** Own flags words of a list of PFNs below 2^32. Lists must not overlap. */
export function page_flags_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return pfn_list<Pointer>(src, dst, nr, Field.FLAGS, false);
}

/** page_ref_count of a list of PFNs below 2^32. */
export function page_refcounts_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  return pfn_list<Pointer>(src, dst, nr, Field.REFCOUNT, false);
}
