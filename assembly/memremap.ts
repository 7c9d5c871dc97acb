// ZONE_DEVICE pages: which pgmap each belongs to, how a driver takes one into use, and what happens when its last
// reference goes (mm/memremap.c, include/linux/memremap.h).
//
// The word at +8 of a head or single page is its pgmap: page->pgmap up to 6.14, folio->pgmap from 6.15 on. On a tail it is
// the tag, so the way leads through the head in either case. Zone bits come first: on any other page the word is a list
// pointer. And they do not suffice: pages that hold an altmap's struct pages are ZONE_DEVICE and have a list there, and a
// word may name a pgmap that is gone. So it is held against the pgmaps the host has named.

import { PageCompound, check_place, compound_head, compound_order, make_compound } from "./compound";
import { counted_folio, folio_nr_pages } from "./folio";
import { index_are_singles, index_compound, index_device, index_forget } from "./head_index";
import { index_blocks } from "./index_scan";
import { INVALID } from "./memory";
import { MAPPING_ANON, is_tagged, page } from "./page";
import { in_zone_device, is_zone_device_page } from "./page_links";
import { clear_flags, ref_count, ref_set, set_flags } from "./page_ref";
import {
  MemoryType,
  Pgmap,
  in_set,
  live_pgmap_of_pfn,
  pgmap_has_free,
  pgmap_held,
  pgmap_hold,
  pgmap_is_dying,
  pgmap_address,
  pgmap_number,
  pgmap_of_pfn,
  pgmap_type,
} from "./pgmap";
import { NO_FIELD, Word, word, word64 } from "./profile";
import { slot_to_pfn_low } from "./slots";
import { slot_to_page, slot_to_pfn, slot_valid, span_valid } from "./sparse";
import { Status, refused } from "./status";
import { STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE } from "./x86_64";

// ---- Which pgmap --------------------------------------------------------------------------------------------------

/** page_pgmap: the number of the page's pgmap, NOT_DEVICE, UNKNOWN, or INVALID where the page has no head. */
export function page_pgmap(slot: u32): u32 {
  if (!slot_valid(slot)) return INVALID;
  if (!is_zone_device_page(slot)) return <u32>Pgmap.NOT_DEVICE;
  const head = compound_head(slot);
  return head == INVALID ? INVALID : pgmap_number(changetype<page>(slot_to_page(head)).compound_info);
}

/** page->pgmap, as up to 6.14: by the page's own word. On a tail, where that is the tag, UNKNOWN. */
export function own_pgmap(slot: u32): u32 {
  if (!slot_valid(slot)) return INVALID;
  if (!is_zone_device_page(slot)) return <u32>Pgmap.NOT_DEVICE;
  return pgmap_number(changetype<page>(slot_to_page(slot)).compound_info);
}

/** get_dev_pagemap of a PFN by its halves, whether or not there is such a slot: a number, or UNKNOWN. */
export function dev_pagemap_of_pfn(low: u32, high: u32): u32 {
  return live_pgmap_of_pfn(((<u64>high) << 32) | low);
}

/** get_dev_pagemap: the number of the pgmap whose range holds the slot's PFN, UNKNOWN where none does or it is dying. */
export function get_dev_pagemap(slot: u32): u32 {
  return slot_valid(slot) ? live_pgmap_of_pfn(slot_to_pfn(slot)) : INVALID;
}

/** zone_device_pages_have_same_pgmap: both normal, or both ZONE_DEVICE with the same word. */
export function zone_device_pages_have_same_pgmap(a: u32, b: u32): bool {
  if (!slot_valid(a) || !slot_valid(b)) return false;
  const device = is_zone_device_page(a);
  if (device != is_zone_device_page(b)) return false;
  if (!device) return true;
  const head_a = compound_head(a);
  const head_b = compound_head(b);
  if (head_a == INVALID || head_b == INVALID) return false;
  return changetype<page>(slot_to_page(head_a)).compound_info == changetype<page>(slot_to_page(head_b)).compound_info;
}

/** folio->pgmap: the number of the pgmap of a head or single page, NOT_DEVICE, UNKNOWN, or INVALID where there is no slot. */
export function folio_pgmap(folio: u32): u32 {
  if (!slot_valid(folio)) return INVALID;
  const p = slot_to_page(folio);
  return in_zone_device(p) ? pgmap_number(changetype<page>(p).compound_info) : <u32>Pgmap.NOT_DEVICE;
}

/** The count of an idle folio of this type. */
export function idle_count(type: u32): i32 {
  return <i32>in_set(Word.DEVICE_IDLE_AT_ONE, type);
}

// ---- Into use -----------------------------------------------------------------------------------------------------

/** Whether a driver hands out pages of this type: where they come back to it. In 5.15 p2pdma pages are not mapped, so not counted. */
function is_allocated(type: u32): bool {
  if (type == MemoryType.PCI_P2PDMA) return in_set(Word.DEVICE_CALLS_FREE, type);
  return type == MemoryType.PRIVATE || type == MemoryType.COHERENT;
}

/** References to its pgmap that a folio in use holds: one, from 7.0 on one a page; of p2pdma one to the pool the page is from. */
function refs_of_folio(type: u32, nr: u32): i32 {
  if (type == MemoryType.PCI_P2PDMA) return is_allocated(type) ? 1 : 0;
  if (in_set(Word.DEVICE_BASE_REFS, type)) return 0;
  return word(Word.DEVICE_PAGE_INIT_REWRITES) != 0 ? <i32>nr : 1;
}

/** Whether a page is in nobody's use: neither itself, nor as a tail of a folio that is. A tail may outlive its folio. */
function is_idle_page(slot: u32, type: u32): bool {
  const p = slot_to_page(slot);
  if (!is_tagged(p)) return ref_count(p) == idle_count(type);
  if (ref_count(p) != 0) return false;
  const head = compound_head(slot);
  if (head == INVALID || is_tagged(slot_to_page(head))) return true;
  const in_folio = (slot - head) >> min(compound_order(head), 31) == 0;
  return !in_folio || ref_count(slot_to_page(head)) == idle_count(type);
}

/** Whether a page is one that the pgmap has in use: in its ranges, of its zone, and with its word where that is not a tag. */
function is_page_of(slot: u32, number: u32): bool {
  const p = slot_to_page(slot);
  if (!in_zone_device(p) || pgmap_of_pfn(slot_to_pfn(slot)) != number) return false;
  return is_tagged(p) || pgmap_number(changetype<page>(p).compound_info) == number;
}

/** The Status for which zone_device_page_init would be refused, or OK. */
export function check_zone_device_page_init(slot: u32, order: u32): Status {
  const place = check_place(slot, order);
  if (place != Status.OK) return place;
  if (order > 0 && word(Word.DEVICE_PAGE_INIT_REWRITES) == 0) return Status.ORDER;
  const number = pgmap_of_pfn(slot_to_pfn(slot));
  const type = pgmap_type(number);
  if (!is_allocated(type)) return Status.NO_PGMAP;
  if (order > 0 && type == MemoryType.PCI_P2PDMA) return Status.ORDER;
  if (pgmap_is_dying(number)) return Status.PGMAP_DYING;
  const end = slot + ((<u32>1) << order);
  for (let s = slot; s != end; s++) {
    if (!is_page_of(s, number)) return Status.NO_PGMAP;
    if (!is_idle_page(s, type)) return Status.BUSY;
  }
  // Nothing undoes a compound of p2pdma pages, nor up to 6.18 any.
  const undoes = word(Word.DEVICE_PAGE_INIT_REWRITES) != 0 && type != MemoryType.PCI_P2PDMA;
  if (!undoes && PageCompound(slot)) return Status.BUSY;
  return Status.OK;
}

/**
 * zone_device_page_init, and what p2pdma_mmap does for its pages: the driver takes an idle page, from 7.0 on 2^order of them
 * as one folio, into use. The folio has one reference more than an idle one, is locked, and holds references to its pgmap.
 */
export function zone_device_page_init(slot: u32, order: u32): i32 {
  const status = check_zone_device_page_init(slot, order);
  if (status != Status.OK) return refused(status);
  const number = pgmap_of_pfn(slot_to_pfn(slot));
  const type = pgmap_type(number);
  const p = slot_to_page(slot);
  pgmap_hold(number, refs_of_folio(type, 1 << order));
  if (type == MemoryType.PCI_P2PDMA) {
    ref_set(p, 1);
    return 0;
  }
  const rewrites = word(Word.DEVICE_PAGE_INIT_REWRITES) != 0;
  const were_singles = !rewrites || index_are_singles(slot, order);
  if (!were_singles) index_forget(slot, 1 << order);
  if (rewrites) {
    const end = p + (STRUCT_PAGE_SIZE << order);
    for (let at = p; at != end; at += STRUCT_PAGE_SIZE) rewrite_page(at, pgmap_address(number));
  }
  ref_set(p, idle_count(type) + 1);
  set_flags(p, word64(Word.PG_LOCKED));
  if (order > 0) make_compound(slot, order);
  if (!were_singles) index_blocks(slot, 1 << order);
  else if (order > 0) index_compound(slot, order);
  index_device(slot, 1 << order, number);
  return 0;
}

/** A page may have been a head, a tail or page 1 of an earlier folio: whatever of that stands here goes (7.0). */
function rewrite_page(p: u32, pgmap: u64): void {
  clear_flags(p, 0xff);
  const nr_pages = word(Word.NR_PAGES);
  if (nr_pages != NO_FIELD) store<u32>(p + nr_pages - STRUCT_PAGE_SIZE, 0);
  changetype<page>(p).mapping = 0;
  changetype<page>(p).compound_info = pgmap;
  changetype<page>(p).index = 0;
}

// ---- Out of use ---------------------------------------------------------------------------------------------------

/** What the host has to do after a reference was dropped. */
export enum Event {
  /** Nothing. */
  NONE,
  /** The last reference of an ordinary folio went: it is the host's to release. */
  RELEASED,
  /** A device folio went back to its pgmap, and is idle. */
  FREED,
  /** The same, and who waits for an fs-dax folio to be idle is to be woken. */
  WOKEN,
  /** Call the driver's page_free or folio_free, then zone_device_folio_freed with the pages it had before. */
  CALL_FREE,
}

/** The count at which a folio of this type goes back to its pgmap. */
export function freed_count(type: u32): i32 {
  return <i32>in_set(Word.DEVICE_FREED_AT_ONE, type);
}

/** The Status for which a device folio may not go back, or OK. */
export function check_device_free(number: u32): Status {
  const type = pgmap_type(number);
  if (type == 0) return Status.NO_PGMAP;
  // Up to 6.14 p2pdma pages have a count of 1 whether or not they are in use: their pool's references tell that none is.
  const tells = type == MemoryType.PCI_P2PDMA && idle_count(type) != 0 && freed_count(type) == 0;
  if (tells && pgmap_held(number) <= 0) return Status.REFCOUNT;
  return in_set(Word.DEVICE_CALLS_FREE, type) && !pgmap_has_free(number) ? Status.PGMAP_OPS : Status.OK;
}

/** free_zone_device_folio, and up to 6.14 the end of put_devmap_managed_page: the count has dropped. Answers an Event. */
export function free_zone_device_folio(folio: u32, number: u32): Event {
  const p = slot_to_page(folio);
  const type = pgmap_type(number);
  const frees = freed_count(type) == 0 || in_set(Word.DEVICE_CALLS_FREE, type);
  if (frees) {
    changetype<page>(p).memcg_data = 0;
    clear_anon_exclusive(folio, p);
    clear_flags(p, word64(Word.DEVICE_FREE_CLEARS));
    if (!in_set(Word.DEVICE_KEEPS_MAPPING, type)) changetype<page>(p).mapping = 0;
    if (in_set(Word.DEVICE_CALLS_FREE, type)) return Event.CALL_FREE;
    if (idle_count(type) != 0) ref_set(p, idle_count(type));
  }
  if (type == MemoryType.FS_DAX) return Event.WOKEN;
  return frees ? Event.FREED : Event.NONE;
}

/** PG_anon_exclusive goes from an anonymous folio: from its head, from 7.0 on from all its pages. */
function clear_anon_exclusive(folio: u32, p: u32): void {
  if ((changetype<page>(p).mapping & MAPPING_ANON) == 0) return;
  const order = min(compound_order(folio), word(Word.MAX_FOLIO_ORDER));
  const all = word(Word.DEVICE_PAGE_INIT_REWRITES) != 0 && span_valid(folio, 1 << order);
  const nr: u32 = all ? 1 << order : 1;
  for (let i: u32 = 0; i < nr; i++) clear_flags(p + (i << STRUCT_PAGE_SHIFT), word64(Word.PG_ANON_EXCLUSIVE));
}

/**
 * What follows the driver's callback, which may have taken the page into use again: the references to the pgmap that the folio of
 * `nr` pages held go, and up to 6.14 the count is that of an idle one.
 */
export function zone_device_folio_freed(folio: u32, nr: u32): i32 {
  if (!slot_valid(folio)) return refused(Status.ABSENT);
  const number = folio_pgmap(folio);
  const type = pgmap_type(number);
  if (type == 0) return refused(Status.NO_PGMAP);
  pgmap_hold(number, -refs_of_folio(type, nr));
  if (idle_count(type) != 0) ref_set(slot_to_page(folio), idle_count(type));
  return 0;
}

/** References to their pgmap that the folios in use among `nr` slots hold. */
export function refs_of_folios(slot: u32, nr: u32): u32 {
  let refs: u32 = 0;
  const end = end_of(slot, nr);
  for (let s = first_busy_folio(slot, nr); s != INVALID; s = first_busy_folio(s + 1, end - (s + 1))) {
    refs += refs_of_folio(pgmap_type(folio_pgmap(s)), folio_nr_pages(s));
  }
  return refs;
}

/** The slot after the last of `nr` from `slot` on, or of all there are. */
function end_of(slot: u32, nr: u32): u32 {
  return <u32>min<u64>(<u64>slot + nr, word(Word.NR_SLOTS));
}

/** mf_generic_kill_procs: the folio's head is marked as poisoned. Not done to memory the CPU does not map. */
export function mf_generic_kill_procs(slot: u32): i32 {
  const folio = counted_folio(slot);
  if (folio < 0) return folio;
  const type = pgmap_type(folio_pgmap(folio));
  if (type == 0) return refused(Status.NO_PGMAP);
  if (type == MemoryType.PRIVATE || type == MemoryType.COHERENT) return refused(Status.PGMAP_OPS);
  set_flags(slot_to_page(folio), word64(Word.PG_HWPOISON));
  return 0;
}

/** First slot of the `nr` from `slot` on whose folio is in use: its count is not an idle one's. INVALID: none. */
export function first_busy_folio(slot: u32, nr: u32): u32 {
  const end = end_of(slot, nr);
  for (let s = slot; s < end; s++) {
    if (!slot_valid(s)) continue;
    const p = slot_to_page(s);
    if (is_tagged(p) || !in_zone_device(p)) continue;
    const type = pgmap_type(pgmap_number(changetype<page>(p).compound_info));
    if (type != 0 && ref_count(p) != idle_count(type)) return s;
  }
  return INVALID;
}
