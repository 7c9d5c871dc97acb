// Passes over all slots.

import { PageHead, PageTail, compound_head, compound_order, scan_section } from "../compound";
import { page_pgmap } from "../memremap";
import { INVALID, MAX_PGMAPS, predicate } from "../memory";
import { page } from "../page";
import { Word, word } from "../profile";
import { slot_to_page, slot_valid } from "../sparse";
import { PFN_SECTION_SHIFT } from "../x86_64";

/** Check every section's tagged words and mark the sections where all are well-formed; answers how many are not. */
export function scan_all(): u32 {
  let ill: u32 = 0;
  const sections = word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT;
  for (let s: u32 = 0; s < sections; s++) ill += scan_section(s);
  return ill;
}

/** How many folios of each order there are, to 256 u32 counts at `dst` (an order is a byte); single pages are order 0. */
export function count_folios_by_order(dst: u32): void {
  count_folios_between(0, word(Word.NR_SLOTS), dst);
}

/** The same of the folios whose heads are among the slots from `first` up to `end`. */
export function count_folios_between(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, 256 * sizeof<u32>());
  const stop = min(end, word(Word.NR_SLOTS));
  for (let slot = first; slot < stop; slot++) {
    if (!slot_valid(slot) || PageTail(slot)) continue;
    const at = dst + (compound_order(slot) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
}

/** What a page is in its compound: bits of the predicate's `kinds`. */
export enum PageKind {
  /** No page of a compound. */
  SINGLE = 1,
  /** The head of a compound. */
  HEAD = 2,
  /** A tail, fake heads among them. */
  TAIL = 4,
}

/** What select_slots looks for: every part must hold. The host writes it at PREDICATE. */
@unmanaged
export class Predicate {
  /** Bits of the page's own flags word to look at. */
  flags_mask: u64;
  /** What those bits must be: (flags & flags_mask) == flags_value. */
  flags_value: u64;
  /** Bits of the word at +48 to look at. */
  type_mask: u32;
  /** What those bits must be: (word & type_mask) == type_value. */
  type_value: u32;
  /** PageKinds it may be, added up: 7 is any. */
  kinds: u32;
  /** Lowest order of the page's folio: 0 is any. */
  min_order: u32;
  /** Highest order: 255 is any. */
  max_order: u32;
  /** Lowest count of the page's own: -2^31 is any. */
  min_refcount: i32;
  /** Highest count of the page's own: 2^31 - 1 is any. */
  max_refcount: i32;
  /** 0: any page. 1: ZONE_DEVICE pages of the pgmaps whose bits are set in the 128 bytes at PREDICATE + 64. */
  by_pgmap: u32;
}

const PGMAP_SET: u32 = 64;

function in_pgmap_set(slot: u32): bool {
  const number = page_pgmap(slot);
  return number < MAX_PGMAPS && ((load<u8>(predicate() + (number >> 3), PGMAP_SET) >> (<u8>(number & 7))) & 1) != 0;
}

function kind_of(slot: u32): u32 {
  if (PageTail(slot)) return PageKind.TAIL;
  return PageHead(slot) ? PageKind.HEAD : PageKind.SINGLE;
}

function matches(slot: u32, want: Predicate): bool {
  const p = changetype<page>(slot_to_page(slot));
  if ((p.flags & want.flags_mask) != want.flags_value) return false;
  if (((<u32>p._mapcount) & want.type_mask) != want.type_value) return false;
  if (p._refcount < want.min_refcount || p._refcount > want.max_refcount) return false;
  if (want.kinds != (PageKind.SINGLE | PageKind.HEAD | PageKind.TAIL) && (kind_of(slot) & want.kinds) == 0)
    return false;
  if (want.by_pgmap != 0 && !in_pgmap_set(slot)) return false;
  if (want.min_order == 0 && want.max_order >= 255) return true;
  const head = compound_head(slot);
  if (head == INVALID) return false;
  const order = compound_order(head);
  return order >= want.min_order && order <= want.max_order;
}

/**
 * Write the slots from `first` on that match the predicate to a list of up to `room` at `dst`; answers how many. The
 * caller goes on after the last one while the list comes back full.
 */
export function select_slots(first: u32, dst: u32, room: u32): u32 {
  return select_between(first, word(Word.NR_SLOTS), dst, room);
}

/** The same of the slots from `first` up to `end`. */
export function select_between(first: u32, end: u32, dst: u32, room: u32): u32 {
  const want = changetype<Predicate>(predicate());
  const stop = min(end, word(Word.NR_SLOTS));
  let found: u32 = 0;
  for (let slot = first; slot < stop && found < room; slot++) {
    if (!slot_valid(slot) || !matches(slot, want)) continue;
    store<u32>(dst + (found << 2), slot);
    found++;
  }
  return found;
}
