// Pages of fs-dax files (fs/dax.c). From 6.15 on the pages of a 2 MiB entry are one folio while they are in a file:
//
//     idle        single pages, mapping 0                          dax_folio_init, or page by page
//     in a file   mapping and index on the folio                   dax_folio_put
//     shared      mapping 0, and +32 counts the files (reflink)    dax_folio_make_shared
//
// Up to 6.14 no folio is made: each page has mapping and index, and mapping 1 marks shared ones.

import { PageCompound, PageTail, check_place, compound_order, make_compound } from "./compound";
import { index_compound, index_freed, index_pgmaps_meet } from "./head_index";
import { folio_pgmap, idle_count, page_pgmap } from "./memremap";
import { page } from "./page";
import { clear_flags, ref_count } from "./page_ref";
import { MemoryType, pgmap_is_dying, pgmap_type } from "./pgmap";
import { NO_FIELD, Word, word, word64 } from "./profile";
import { slot_to_page, slot_valid } from "./sparse";
import { Status, refused } from "./status";
import { STRUCT_PAGE_SIZE } from "./x86_64";

/** PAGE_MAPPING_DAX_COW (6.1), PAGE_MAPPING_DAX_SHARED (up to 6.14). */
const MAPPING_SHARED: u64 = 1;

/** dax_folio_is_shared, dax_page_is_shared. The index of a page that left its file reads as a share up to 7.0. */
export function dax_folio_is_shared(folio: u32): bool {
  if (!slot_valid(folio)) return false;
  const p = changetype<page>(slot_to_page(folio));
  if (word(Word.DAX_MAKES_FOLIOS) == 0) return p.mapping == MAPPING_SHARED;
  return p.mapping == 0 && p.index != 0;
}

/** Whether all pages of a span are of one living fs-dax pgmap. */
function check_fsdax(slot: u32, order: u32): Status {
  const place = check_place(slot, order);
  if (place != Status.OK) return place;
  const number = page_pgmap(slot);
  if (pgmap_type(number) != MemoryType.FS_DAX) return Status.NO_PGMAP;
  const end = slot + ((<u32>1) << order);
  for (let s = slot + 1; s != end; s++) {
    if (page_pgmap(s) != number) return Status.NO_PGMAP;
  }
  return pgmap_is_dying(number) ? Status.PGMAP_DYING : Status.OK;
}

/** Whether a folio of `order` can be made of single pages that are in no file and nobody's. */
function check_init(slot: u32, order: u32): Status {
  const end = slot + ((<u32>1) << order);
  for (let s = slot; s != end; s++) {
    const p = slot_to_page(s);
    if (PageCompound(s)) return Status.BUSY;
    if (order > 0 && (ref_count(p) != 0 || changetype<page>(p).mapping != 0)) return Status.BUSY;
  }
  return changetype<page>(slot_to_page(slot)).mapping != 0 ? Status.BUSY : Status.OK;
}

/** The Status for which dax_associate_entry would be refused, or OK. */
function check_associate(slot: u32, order: u32, shared: bool): Status {
  if (shared && word(Word.DAX_SHARES) == 0) return Status.ARGUMENT;
  if (slot_valid(slot) && PageTail(slot)) return Status.TAIL;
  const status = check_fsdax(slot, order);
  if (status != Status.OK) return status;
  if (word(Word.DAX_MAKES_FOLIOS) != 0) {
    const p = changetype<page>(slot_to_page(slot));
    if (!shared || (p.mapping == 0 && p.index == 0)) return check_init(slot, order);
    return compound_order(slot) == order ? Status.OK : Status.ORDER;
  }
  const end = slot + ((<u32>1) << order);
  for (let s = slot; s != end; s++) {
    if (PageCompound(s) || (!shared && changetype<page>(slot_to_page(s)).mapping != 0)) return Status.BUSY;
  }
  return Status.OK;
}

/** dax_associate_entry: the pages of an entry of a file come into use. Mapping and index by halves. */
export function dax_associate_entry(
  slot: u32,
  order: u32,
  mapping_low: u32,
  mapping_high: u32,
  index_low: u32,
  index_high: u32,
  shared: bool,
): i32 {
  const status = check_associate(slot, order, shared);
  if (status != Status.OK) return refused(status);
  const mapping = ((<u64>mapping_high) << 32) | mapping_low;
  const index = ((<u64>index_high) << 32) | index_low;
  if (word(Word.DAX_MAKES_FOLIOS) == 0) {
    for (let i: u32 = 0, nr: u32 = 1 << order; i < nr; i++) {
      const p = changetype<page>(slot_to_page(slot + i));
      if (shared) share_page(p);
      else {
        p.mapping = mapping;
        p.index = index + i;
      }
    }
    return 0;
  }
  const folio = changetype<page>(slot_to_page(slot));
  if (shared && (folio.mapping != 0 || folio.index != 0)) {
    if (folio.mapping != 0) {
      folio.mapping = 0;
      folio.index = 1;
    }
    folio.index += 1;
    return 0;
  }
  if (order > 0) {
    make_compound(slot, order);
    index_compound(slot, order);
  }
  folio.mapping = mapping;
  folio.index = index;
  return 0;
}

/** dax_page_share_get (up to 6.14). */
function share_page(p: page): void {
  if (p.mapping != MAPPING_SHARED) {
    if (p.mapping != 0) p.index = 1;
    p.mapping = MAPPING_SHARED;
  }
  p.index += 1;
}

/** Whether this is the last file of a shared folio, or its only one. */
function is_last(p: page): bool {
  const shared = word(Word.DAX_MAKES_FOLIOS) == 0 ? p.mapping == MAPPING_SHARED : p.mapping == 0 && p.index != 0;
  return !shared || p.index == 1;
}

/** The Status for which dax_disassociate_entry would be refused, or OK. */
function check_disassociate(slot: u32, order: u32): Status {
  if (!slot_valid(slot)) return Status.ABSENT;
  if (PageTail(slot)) return Status.TAIL;
  const folios = word(Word.DAX_MAKES_FOLIOS) != 0;
  if (folios && compound_order(slot) != order) return Status.ORDER;
  const place = check_place(slot, order);
  if (place != Status.OK) return place;
  const end = slot + (folios ? 1 : (<u32>1) << order);
  for (let s = slot; s != end; s++) {
    const type = pgmap_type(folio_pgmap(s));
    if (!folios && PageCompound(s)) return Status.BUSY;
    if (type != MemoryType.FS_DAX) return Status.NO_PGMAP;
    const p = slot_to_page(s);
    if (is_last(changetype<page>(p)) && ref_count(p) != idle_count(type)) return Status.BUSY;
  }
  return Status.OK;
}

/** dax_disassociate_entry: the pages of an entry leave the file, and are single and idle again when it was the last. */
export function dax_disassociate_entry(slot: u32, order: u32): i32 {
  const status = check_disassociate(slot, order);
  if (status != Status.OK) return refused(status);
  if (word(Word.DAX_MAKES_FOLIOS) != 0) {
    dax_folio_put(slot);
    return 0;
  }
  for (let i: u32 = 0, nr: u32 = 1 << order; i < nr; i++) {
    const p = changetype<page>(slot_to_page(slot + i));
    if (p.mapping == MAPPING_SHARED && --p.index > 0) continue;
    p.mapping = 0;
    p.index = 0;
  }
  return 0;
}

function dax_folio_put(slot: u32): void {
  const folio = changetype<page>(slot_to_page(slot));
  if (folio.mapping == 0 && folio.index != 0 && --folio.index != 0) return;
  folio.mapping = 0;
  if (compound_order(slot) > 0) dax_folio_reset_order(slot);
  else if (word(Word.DAX_RESETS_SINGLE_PAGES) != 0) folio.index = 0;
}

/**
 * dax_folio_reset_order: the folio falls apart into single pages. The pgmap shares its word with the tag, so it is kept from the
 * head's and written to each page; and the order's byte, which on a single page would be flags, goes first.
 */
function dax_folio_reset_order(slot: u32): void {
  const p = slot_to_page(slot);
  const pgmap = changetype<page>(p).compound_info;
  const order = compound_order(slot);
  const end = p + (STRUCT_PAGE_SIZE << order);
  clear_flags(p + STRUCT_PAGE_SIZE, 0xff);
  const nr_pages = word(Word.NR_PAGES);
  if (nr_pages != NO_FIELD) store<u32>(p + nr_pages, 0);
  for (let at = p; at != end; at += STRUCT_PAGE_SIZE) {
    const single = changetype<page>(at);
    clear_flags(at, word64(Word.PG_HEAD));
    single.compound_info = pgmap;
    single.mapping = 0;
    single.index = 0;
  }
  index_freed(slot, order);
  index_pgmaps_meet(slot, order);
}
