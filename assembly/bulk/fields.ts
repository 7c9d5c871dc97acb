// Lists of slots to lists of fields. A slot that does not exist, or a tail that leads nowhere where the head is asked
// for, answers all ones. Each call answers how many were so. 32-bit answers may overwrite the slots they are of.

import { compound_head, compound_order } from "../compound";
import { folio_mapcount, page_mapcount } from "../folio";
import { has_index } from "../head_index";
import { INVALID } from "../memory";
import { page } from "../page";
import { ref_count } from "../page_ref";
import { pfn_to_slot, slot_to_page, slot_valid } from "../sparse";
import { is_indexed, order_by_index, orders_by_index } from "./indexed";

/** folio_order of a page's folio, or INVALID. */
function folio_order_of(slot: u32): u32 {
  const head = compound_head(slot);
  return head != INVALID ? compound_order(head) : INVALID;
}

/** folio_order of each page's folio. The head index is asked first. */
export function orders_of_slots(src: u32, dst: u32, nr: u32): u32 {
  const indexed = has_index();
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    const order = indexed && is_indexed(slot) ? order_by_index(slot) : folio_order_of(slot);
    store<u32>(dst + (at << 2), order);
    invalid += <u32>(order == INVALID);
  }
  return invalid;
}

/** The same for PFNs below 2^32. */
export function orders_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  const groups_end = has_index() ? src + ((nr & ~3) << 2) : src;
  const end = src + (nr << 2);
  const to_dst = dst - src;
  let invalid: u32 = 0;
  let at = src;
  while (at != end) {
    if (at < groups_end) at = orders_by_index(at, groups_end, at + to_dst);
    const stop = at < groups_end ? at + 16 : end;
    for (; at != stop; at += 4) {
      const order = folio_order_of(pfn_to_slot(load<u32>(at)));
      store<u32>(at + to_dst, order);
      invalid += <u32>(order == INVALID);
    }
  }
  return invalid;
}

/** The slot a question is about: the page's own where it exists, or its head. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function asked_slot(slot: u32, of_folio: bool): u32 {
  if (of_folio) return compound_head(slot);
  return slot_valid(slot) ? slot : INVALID;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function flags_list(src: u32, dst: u32, nr: u32, of_folio: bool): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = asked_slot(load<u32>(src + (at << 2)), of_folio);
    const valid = slot != INVALID;
    store<u64>(dst + (at << 3), valid ? changetype<page>(slot_to_page(slot)).flags : ~(<u64>0));
    invalid += <u32>!valid;
  }
  return invalid;
}

/** The pages' own 64-bit flags words. */
export function page_flags_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return flags_list(src, dst, nr, false);
}

/** The flags words of the pages' heads. */
export function folio_flags_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return flags_list(src, dst, nr, true);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function refcount_list(src: u32, dst: u32, nr: u32, of_folio: bool): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = asked_slot(load<u32>(src + (at << 2)), of_folio);
    const valid = slot != INVALID;
    store<i32>(dst + (at << 2), valid ? ref_count(slot_to_page(slot)) : -1);
    invalid += <u32>!valid;
  }
  return invalid;
}

/** page_ref_count of each page. */
export function page_refcounts_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return refcount_list(src, dst, nr, false);
}

/** page_count of each page: its folio's. */
export function folio_refcounts_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return refcount_list(src, dst, nr, true);
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
