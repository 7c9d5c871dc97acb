// Sections: which PFNs exist, and where their slots are (mm/sparse.c, include/linux/mmzone.h, 5.15 to 7.3).
//
// A section's slots are 2 MiB in a row; sections next to each other are next to each other. An entry of the section
// table holds what to add to 64 * pfn (in 32 bits) for the slot's address. That is a multiple of 64, so low bits are free:
//
//     31 ............................. 6 5 ..... 2   1         0
//     slots' address - 64 * first PFN    | unused | PRESENT | PLAIN      0: section absent
//
// PLAIN says that lookups in this section need no checks: all its subsections are valid, and each tagged word leads
// to a present slot that stands as many slots before as it stands PFNs before.

import { index_forget, index_has_room, index_section, index_subsection } from "./head_index";
import {
  ALIAS_BITMAP,
  INVALID,
  MAX_SLOT_SECTIONS,
  SECTION_TABLE,
  SHARED_BITMAP,
  SLOT_SECTIONS,
  SUBSECTION_MAPS,
} from "./memory";
import { Word, add_to_word, state_set, word } from "./profile";
import { slot_section_nr } from "./slots";
import {
  ALL_SUBSECTIONS,
  PAGES_PER_SECTION,
  PAGE_IN_SECTION_MASK,
  PFN_SECTION_SHIFT,
  PFN_SUBSECTION_SHIFT,
  SECTION_MEMMAP_SHIFT,
  SLOTS_PER_VMEMMAP_PAGE,
  STRUCT_PAGE_SHIFT,
  SUBSECTION_MEMMAP_SHIFT,
  VMEMMAP_PAGE_SHIFT,
} from "./x86_64";

export const PLAIN: u32 = 1;
export const PRESENT: u32 = 2;
/** The flags of a PLAIN entry. Its slots' addresses are that much too high. */
export const PLAIN_FLAGS: u32 = PRESENT | PLAIN;

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function section_entry(nr: u32): u32 {
  return load<u32>(SECTION_TABLE + (nr << 2));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function set_section_entry(nr: u32, entry: u32): void {
  store<u32>(SECTION_TABLE + (nr << 2), entry);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function subsection_map(slot_section: u32): u64 {
  return load<u64>(SUBSECTION_MAPS + (slot_section << 3));
}

/** Linear address of a slot. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function slot_to_page(slot: u32): u32 {
  return word(Word.SLOTS) + (slot << STRUCT_PAGE_SHIFT);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function page_to_slot(p: u32): u32 {
  return (p - word(Word.SLOTS)) >> STRUCT_PAGE_SHIFT;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function slot_to_pfn(slot: u32): u64 {
  return ((<u64>slot_section_nr(slot)) << PFN_SECTION_SHIFT) | (slot & PAGE_IN_SECTION_MASK);
}

/** pfn_section_valid: whether there is such a slot and its subsection is valid; early sections have all bits set. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function slot_valid(slot: u32): bool {
  if (slot >= word(Word.NR_SLOTS)) return false;
  const index: u64 = (slot & PAGE_IN_SECTION_MASK) >> PFN_SUBSECTION_SHIFT;
  return ((subsection_map(slot >> PFN_SECTION_SHIFT) >> index) & 1) != 0;
}

/** pfn_valid and pfn_to_page in one: the slot, or INVALID. */
export function pfn_to_slot(pfn: u64): u32 {
  const nr = pfn >> PFN_SECTION_SHIFT;
  if (nr >= <u64>word(Word.NR_SECTIONS)) return INVALID;
  const entry = section_entry(<u32>nr);
  if (entry == 0) return INVALID;
  const slot = page_to_slot((entry & ~PLAIN_FLAGS) + ((<u32>pfn) << STRUCT_PAGE_SHIFT));
  return slot_valid(slot) ? slot : INVALID;
}

/** Whether the slot `n` after `slot` is the PFN `n` after its PFN, and valid. */
export function follows(slot: u32, n: u32): bool {
  const last = slot + n;
  if (last < slot || !slot_valid(last)) return false;
  const sections = (last >> PFN_SECTION_SHIFT) - (slot >> PFN_SECTION_SHIFT);
  return slot_section_nr(last) - slot_section_nr(slot) == sections;
}

/** Whether `nr` slots from `slot` on are all valid and stand for PFNs in a row. */
export function span_valid(slot: u32, nr: u32): bool {
  if (nr == 0 || !slot_valid(slot) || !follows(slot, nr - 1)) return false;
  const step: u32 = 1 << PFN_SUBSECTION_SHIFT;
  const last = slot + (nr - 1);
  for (let at = (slot | (step - 1)) + 1; at <= last; at += step) {
    if (!follows(slot, at - slot)) return false;
  }
  return true;
}

/** Give section `nr` the slots after all others: answers the first, or -1 where the section has no room or is there. */
export function sparse_add_section(nr: u32, subsections_low: u32, subsections_high: u32): i32 {
  return sparse_add_section_at(nr, word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT, subsections_low, subsections_high);
}

/** Whether no section has these slots: those of one removed, or the first after all others. */
function is_vacant(slot_section: u32): bool {
  const end = word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT;
  if (slot_section >= end) return slot_section == end;
  return load<u32>(SLOT_SECTIONS + (slot_section << 2)) == word(Word.NR_SECTIONS);
}

/** The same, with the slots from 32768 * `slot_section` on: those of a section removed before, or the next after all. */
export function sparse_add_section_at(nr: u32, slot_section: u32, subsections_low: u32, subsections_high: u32): i32 {
  if (nr >= word(Word.NR_SECTIONS) || slot_section >= MAX_SLOT_SECTIONS || section_entry(nr) != 0) return -1;
  if (!is_vacant(slot_section)) return -1;
  const end = <u64>word(Word.SLOTS) + ((<u64>slot_section + 1) << SECTION_MEMMAP_SHIFT);
  if (end > (<u64>memory.size()) << 16) return -1;
  const subsections = ((<u64>subsections_high) << 32) | subsections_low;
  store<u32>(SLOT_SECTIONS + (slot_section << 2), nr);
  store<u64>(SUBSECTION_MAPS + (slot_section << 3), subsections);
  const plain = subsections == ALL_SUBSECTIONS ? PLAIN : 0;
  const delta = word(Word.SLOTS) + ((slot_section - nr) << SECTION_MEMMAP_SHIFT);
  set_section_entry(nr, delta | PRESENT | plain);
  const slot = slot_section << PFN_SECTION_SHIFT;
  // A host may have written where no section was.
  if (slot < word(Word.NR_SLOTS)) memory.fill(slot_to_page(slot), 0, 1 << SECTION_MEMMAP_SHIFT);
  state_set(Word.NR_SLOTS, max(word(Word.NR_SLOTS), slot + PAGES_PER_SECTION), 0);
  if (index_has_room(slot_section)) {
    index_section(nr, slot_section, true);
    index_subsections(slot, ALL_SUBSECTIONS, subsections);
  }
  return <i32>slot;
}

/** Tell the head index which of a section's subsections, those of a set, are there now: with slots of zeroes. */
function index_subsections(slot: u32, changed: u64, present: u64): void {
  for (; changed != 0; changed &= changed - 1) {
    const at = ctz(changed);
    index_subsection(slot + ((<u32>at) << PFN_SUBSECTION_SHIFT), ((present >> at) & 1) != 0);
  }
}

/** Whether a section has these slots. */
function is_taken(slot_section: u32): bool {
  return slot_section < word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT && !is_vacant(slot_section);
}

/** The subsections of a section that are valid from now on. Slots that turn valid are zeroes, and nobody else's. */
export function sparse_set_subsections(slot_section: u32, subsections_low: u32, subsections_high: u32): void {
  if (!is_taken(slot_section)) return;
  const subsections = ((<u64>subsections_high) << 32) | subsections_low;
  const changed = subsections ^ subsection_map(slot_section);
  const first = slot_section << PFN_SECTION_SHIFT;
  for (let at: u32 = 0; at < 64; at++) {
    if (((changed >> at) & 1) == 0) continue;
    const slot = first + (at << PFN_SUBSECTION_SHIFT);
    clear_sharing(slot, 1 << PFN_SUBSECTION_SHIFT);
    memory.fill(slot_to_page(slot), 0, 1 << SUBSECTION_MEMMAP_SHIFT);
    index_forget(slot, 1 << PFN_SUBSECTION_SHIFT);
  }
  store<u64>(SUBSECTION_MAPS + (slot_section << 3), subsections);
  index_subsections(first, changed, subsections);
  set_section_plain(slot_section, false);
}

/** Take a section away: its slots are nobody's until another section gets them. */
export function sparse_remove_section(slot_section: u32): void {
  if (!is_taken(slot_section)) return;
  const slot = slot_section << PFN_SECTION_SHIFT;
  clear_sharing(slot, PAGES_PER_SECTION);
  index_forget(slot, PAGES_PER_SECTION);
  memory.fill(slot_to_page(slot), 0, 1 << SECTION_MEMMAP_SHIFT);
  set_section_entry(slot_section_nr(slot), 0);
  if (index_has_room(slot_section)) index_section(slot_section_nr(slot), slot_section, false);
  store<u32>(SLOT_SECTIONS + (slot_section << 2), word(Word.NR_SECTIONS));
  store<u64>(SUBSECTION_MAPS + (slot_section << 3), 0);
}

function clear_sharing(slot: u32, nr: u32): void {
  if (word(Word.NR_SHARED) == 0) return;
  for (let at = slot; at < slot + nr; at += SLOTS_PER_VMEMMAP_PAGE) set_page_sharing(at, Sharing.NONE);
}

/** Whether the slot's section is marked PLAIN: lookups in it take the unchecked loops. */
export function section_is_plain(slot: u32): bool {
  return slot < word(Word.NR_SLOTS) && (section_entry(slot_section_nr(slot)) & PLAIN) != 0;
}

/** Set or clear PLAIN; a section with absent subsections never gets it. */
export function set_section_plain(slot_section: u32, plain: bool): void {
  const nr = load<u32>(SLOT_SECTIONS + (slot_section << 2));
  const whole = subsection_map(slot_section) == ALL_SUBSECTIONS;
  const entry = section_entry(nr) & ~PLAIN;
  set_section_entry(nr, plain && whole ? entry | PLAIN : entry);
}

/** The host wrote raw bytes into these slots: their sections are to be checked again. */
export function slots_written(slot: u32, nr: u32): void {
  const end = min<u64>(<u64>slot + nr, word(Word.NR_SLOTS));
  if (nr == 0 || <u64>slot >= end) return;
  const last = (<u32>(end - 1)) >> PFN_SECTION_SHIFT;
  for (let s = slot >> PFN_SECTION_SHIFT; s <= last; s++) {
    set_section_plain(s, false);
    index_forget(s << PFN_SECTION_SHIFT, PAGES_PER_SECTION);
  }
}

// Aliases: slots that show another frame's bytes, since HVO or device-dax mapped one frame at many places of the
// vmemmap. The unit is the page of the vmemmap, 64 slots. A page at home on its frame is no alias, but shared all the
// same: a write to it would have to show in the others.

/** How the 64 slots of a vmemmap page stand to their frame. */
export enum Sharing {
  /** The frame is theirs alone. */
  NONE,
  /** Others show this page's frame. */
  HOME,
  /** This page shows a frame that is not its own. */
  ALIAS,
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function test_bit(bitmap: u32, at: u32): bool {
  return ((load<u8>(bitmap + (at >> 3)) >> (<u8>(at & 7))) & 1) != 0;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function assign_bit(bitmap: u32, at: u32, value: bool): void {
  const byte = bitmap + (at >> 3);
  const bit: u32 = 1 << (at & 7);
  const old: u32 = load<u8>(byte);
  store<u8>(byte, <u8>(value ? old | bit : old & ~bit));
}

/** Whether the slot shows a frame that is not its own. */
export function slot_is_alias(slot: u32): bool {
  return slot_valid(slot) && test_bit(ALIAS_BITMAP, slot >> VMEMMAP_PAGE_SHIFT);
}

/** Say how the 64 slots around `slot` share their frame: a Sharing. */
export function set_slot_sharing(slot: u32, sharing: u32): void {
  if (slot_valid(slot)) set_page_sharing(slot, sharing);
}

function set_page_sharing(slot: u32, sharing: u32): void {
  const at = slot >> VMEMMAP_PAGE_SHIFT;
  const shared = sharing == Sharing.HOME || sharing == Sharing.ALIAS;
  if (test_bit(SHARED_BITMAP, at) != shared) add_to_word(Word.NR_SHARED, shared ? 1 : -1);
  assign_bit(SHARED_BITMAP, at, shared);
  assign_bit(ALIAS_BITMAP, at, sharing == Sharing.ALIAS);
}

/** Whether any of `nr` slots from `slot` on shares its frame. */
export function any_shared(slot: u32, nr: u32): bool {
  if (word(Word.NR_SHARED) == 0 || nr == 0) return false;
  const last = (slot + (nr - 1)) >> VMEMMAP_PAGE_SHIFT;
  let at = slot >> VMEMMAP_PAGE_SHIFT;
  while (at <= last) {
    if (test_bit(SHARED_BITMAP, at)) return true;
    at = load<u8>(SHARED_BITMAP + (at >> 3)) == 0 ? (at | 7) + 1 : at + 1;
  }
  return false;
}
