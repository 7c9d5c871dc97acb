// Passes over all slots.

import { PageHead, PageTail, compound_head, compound_order, scan_section } from "../compound";
import { INVALID, PREDICATE } from "../memory";
import { page } from "../page";
import { Word, word } from "../profile";
import { slot_to_page, slot_valid } from "../sparse";
import { PFN_SECTION_SHIFT } from "../x86_64";

/** Check every section's tagged words; answers how many are ill-formed. */
export function scan_all(): u32 {
  let ill: u32 = 0;
  const sections = word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT;
  for (let s: u32 = 0; s < sections; s++) ill += scan_section(s);
  return ill;
}

/** How many folios of each order there are, to 256 u32 counts at `dst` (an order is a byte); single pages are order 0. */
export function count_folios_by_order(dst: u32): void {
  memory.fill(dst, 0, 256 * sizeof<u32>());
  const nr = word(Word.NR_SLOTS);
  for (let slot: u32 = 0; slot < nr; slot++) {
    if (!slot_valid(slot) || PageTail(slot)) continue;
    const at = dst + (compound_order(slot) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
}

/** What a page is in its compound: bits of the predicate's `kinds`. */
export enum PageKind {
  SINGLE = 1,
  HEAD = 2,
  TAIL = 4,
}

/** What select_slots looks for: every part must hold. The host writes it at PREDICATE. */
@unmanaged
export class Predicate {
  /** flags & flags_mask == flags_value, of the page's own word. */
  flags_mask: u64;
  flags_value: u64;
  /** word at +48 & type_mask == type_value. */
  type_mask: u32;
  type_value: u32;
  /** Which of SINGLE, HEAD, TAIL. */
  kinds: u32;
  /** Order of the page's folio, both ends included. */
  min_order: u32;
  max_order: u32;
  min_refcount: i32;
  max_refcount: i32;
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
  if (want.min_order == 0 && want.max_order >= 255) return true;
  const head = compound_head(slot);
  if (head == INVALID) return false;
  const order = compound_order(head);
  return order >= want.min_order && order <= want.max_order;
}

/**
 * Slots from `first` on that match the predicate, to a list of up to `room` at `dst`. Answers how many; the caller
 * goes on after the last one while the list comes back full.
 */
export function select_slots(first: u32, dst: u32, room: u32): u32 {
  const want = changetype<Predicate>(PREDICATE);
  const nr = word(Word.NR_SLOTS);
  let found: u32 = 0;
  for (let slot = first; slot < nr && found < room; slot++) {
    if (!slot_valid(slot) || !matches(slot, want)) continue;
    store<u32>(dst + (found << 2), slot);
    found++;
  }
  return found;
}
