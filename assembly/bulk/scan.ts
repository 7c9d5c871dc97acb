// Passes over all slots.

import { PageTail, compound_head, compound_order, has_head_flag } from "../compound";
import { scan_section } from "../index_scan";
import { page_pgmap } from "../memremap";
import { INVALID, MAX_PGMAPS, notes, predicate } from "../memory";
import { is_tagged, page } from "../page";
import { Encoding, Word, word } from "../profile";
import { slot_to_page, slot_valid } from "../sparse";
import { PFN_SECTION_SHIFT, PFN_SUBSECTION_SHIFT, SLOT_IN_VMEMMAP_PAGE_MASK, STRUCT_PAGE_SIZE } from "../x86_64";

/** Check every section's tagged words and mark the sections where all are well-formed; answers how many are not. */
export function scan_all(): u32 {
  let ill: u32 = 0;
  const sections = word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT;
  for (let s: u32 = 0; s < sections; s++) ill += scan_section(s);
  return ill;
}

// A pass goes subsection by subsection, which are valid or not as a whole. One loop over a subsection looks at each slot at
// the speed of reading it, without a call, and notes the few that need more; those are gone through behind it.

const SUBSECTION_MASK: u32 = (1 << PFN_SUBSECTION_SHIFT) - 1;

/** How many folios of each order there are, to 256 u32 counts at `dst` (an order is a byte); single pages are order 0. */
export function count_folios_by_order(dst: u32): void {
  count_folios_between(0, word(Word.NR_SLOTS), dst);
}

/** The same of the folios whose heads are among the slots from `first` up to `end`. */
export function count_folios_between(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, 256 * sizeof<u32>());
  const stop = min(end, word(Word.NR_SLOTS));
  for (let at = first; at < stop; at = (at | SUBSECTION_MASK) + 1) {
    if (slot_valid(at)) count_subsection(at, dst);
  }
}

function count_subsection(first: u32, counts: u32): void {
  const head_flag = word(Word.PG_HEAD);
  const order = word(Word.ORDER);
  const may_be_fake = word(Word.ENCODING) == Encoding.FAKE_HEADS ? SLOT_IN_VMEMMAP_PAGE_MASK : INVALID;
  let singles: u32 = 0;
  let note = notes();
  for (let slot = first, p = slot_to_page(first); slot <= (first | SUBSECTION_MASK); slot++, p += STRUCT_PAGE_SIZE) {
    if (is_tagged(p)) continue;
    if ((load<u32>(p) & head_flag) == 0) singles++;
    else if ((slot & may_be_fake) == 0 || (slot & 3) == 3) {
      // It may be a fake head, or have no page 1.
      store<u32>(note, slot);
      note += sizeof<u32>();
    } else add_folio(counts, load<u8>(p + order));
  }
  store<u32>(counts, load<u32>(counts) + singles);
  for (let at = notes(); at != note; at += sizeof<u32>()) {
    const slot = load<u32>(at);
    if (!PageTail(slot)) add_folio(counts, compound_order(slot));
  }
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function add_folio(counts: u32, order: u32): void {
  const count = counts + (order << 2);
  store<u32>(count, load<u32>(count) + 1);
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
  return has_head_flag(slot_to_page(slot)) ? PageKind.HEAD : PageKind.SINGLE;
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
 * Note the slots of a subsection, from `first` on, that may match by their flags and their tag; answers where the notes end.
 * A kind is no more than that: a single page or head has no tag, and but one of them PG_head.
 */
function note_candidates(first: u32, want: Predicate): u32 {
  const head_flag = <u64>word(Word.PG_HEAD);
  const no_tag = (want.kinds & PageKind.TAIL) == 0;
  const head_bit = want.kinds == PageKind.HEAD || want.kinds == PageKind.SINGLE ? head_flag : 0;
  const mask = want.flags_mask | head_bit;
  const value = want.kinds == PageKind.HEAD ? want.flags_value | head_bit : want.flags_value;
  let note = notes();
  for (let slot = first, p = slot_to_page(first); slot <= (first | SUBSECTION_MASK); slot++, p += STRUCT_PAGE_SIZE) {
    if ((load<u64>(p) & mask) != value || (no_tag && is_tagged(p))) continue;
    store<u32>(note, slot);
    note += sizeof<u32>();
  }
  return note;
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
  for (let from = first; from < stop && found < room; from = (from | SUBSECTION_MASK) + 1) {
    if (!slot_valid(from)) continue;
    const noted = note_candidates(from, want);
    for (let note = notes(); note != noted && found < room; note += sizeof<u32>()) {
      const slot = load<u32>(note);
      if (!matches(slot, want)) continue;
      store<u32>(dst + (found << 2), slot);
      found++;
    }
  }
  return found;
}
