// The head index: which pages are heads, and how large the folios are, in 0.14 bytes a page, so that a lookup of a head or of an
// order reads no slot. It is derived from the slots, never the other way round: it can be dropped at any time and made again.
//
// A block is 64 pages. Of each block there is a word whose bit n says that page n is no tail (a head or a single page; bit 0
// is set in every block that stands in one folio as a whole), and a byte (block_byte.ts) that says the order its folios have, or MIXED.
//
// In a MIXED block all folios begin and end, and their orders are told by how far the bits are apart. Most blocks of a real machine are
// of one order, so most lookups read the byte alone, and the bytes are few enough to stay in a second-level cache.
//
// Folios are as large as their order says and aligned, so nothing else is to be known of them. Where the slots say anything else
// (a tag that leads elsewhere, an order that is not the run of tails, absent pages) the byte is 0, ASK, and lookups ask the slots.
//
// Of each subsection there is the number of the pgmap that page_pgmap answers for all its pages, NOT_DEVICE, or ASK_PGMAP.
//
// What holds between blocks: one of a folio that begins in a block before it is only expressed where that block is.

import { ASK, KNOWN, MIXED, ask_bytes, mix_byte, set_byte, spoil_claim } from "./block_byte";
import { Word, state_set, word } from "./profile";
import { slot_to_pfn_low } from "./slots";
import {
  PAGES_PER_SECTION,
  PFN_SECTION_SHIFT,
  PFN_SUBSECTION_SHIFT,
  SLOTS_PER_VMEMMAP_PAGE,
  SLOT_IN_VMEMMAP_PAGE_MASK,
  VMEMMAP_PAGE_SHIFT,
} from "./x86_64";

/** Pages of a block: those whose slots fill a page of the vmemmap. */
export const BLOCK_PAGES: u32 = SLOTS_PER_VMEMMAP_PAGE;
export const BLOCK_SHIFT: u32 = VMEMMAP_PAGE_SHIFT;
const PAGE_IN_BLOCK_MASK: u32 = SLOT_IN_VMEMMAP_PAGE_MASK;

const ORDER_MASK: u32 = 0x1f;
/** Number of a subsection whose slots are to be asked. */
export const ASK_PGMAP: u32 = 0xffff;
/** Number of a subsection without ZONE_DEVICE pages. */
export const NO_PGMAP_HERE: u32 = 0xfffe;
/** Number of a subsection whose pages have one pgmap, which has no number yet. */
export const ONE_PGMAP: u32 = 0xfffd;

const ALL_HEADS: u64 = 0xffff_ffff_ffff_ffff;

const BITMAP_BYTES: u32 = PAGES_PER_SECTION >> 3;
const ORDER_BYTES: u32 = PAGES_PER_SECTION >> BLOCK_SHIFT;
const PGMAP_SHIFT: u32 = PFN_SECTION_SHIFT - PFN_SUBSECTION_SHIFT;
const PGMAP_BYTES: u32 = (1 << PGMAP_SHIFT) * sizeof<u16>();
/** Bytes of room that the head index needs in any case, from a multiple of 8 on. */
export const HEAD_INDEX_BYTES: u32 = (1 << (32 - PFN_SECTION_SHIFT)) * sizeof<u32>();
/** Bytes of room behind it for each section of slots there may be. */
export const HEAD_INDEX_BYTES_PER_SECTION: u32 = BITMAP_BYTES + ORDER_BYTES + PGMAP_BYTES;

// ---- Where things are ---------------------------------------------------------------------------------------------

/** Whether there is an index to be asked and kept current. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function has_index(): bool {
  return word(Word.HEAD_INDEX) != 0;
}

/** Address of the table that leads from a section's number, below 2^17, to its blocks' bytes; 0 for absent ones. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_table(): u32 {
  return word(Word.HEAD_INDEX);
}

/** Address of the blocks' words. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_bitmap(): u32 {
  return word(Word.HEAD_INDEX) + HEAD_INDEX_BYTES;
}

/** Address of the blocks' bytes. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_orders(): u32 {
  return index_bitmap() + word(Word.HEAD_INDEX_SECTIONS) * BITMAP_BYTES;
}

/** Address of the subsections' pgmap numbers. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_pgmaps(): u32 {
  return index_bitmap() + word(Word.HEAD_INDEX_SECTIONS) * (BITMAP_BYTES + ORDER_BYTES);
}

/** Address of the word of a slot's block. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function block_word(slot: u32): u32 {
  return index_bitmap() + ((slot >> BLOCK_SHIFT) << 3);
}

/** Address of the byte of a slot's block. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function block_order(slot: u32): u32 {
  return index_orders() + (slot >> BLOCK_SHIFT);
}

/** Address of the pgmap number of a slot's subsection. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function subsection_pgmap(slot: u32): u32 {
  return index_pgmaps() + ((slot >> PFN_SUBSECTION_SHIFT) << 1);
}

/** Whether the head index is at work. */
export function head_index_ready(): bool {
  return has_index();
}

/** Let lookups ask the slots from now on, and changes take no care of the index. */
export function head_index_drop(): void {
  state_set(Word.HEAD_INDEX, 0, 0);
}

/** Whether there is an index with room for a section's slots; one without is dropped. */
export function index_has_room(slot_section: u32): bool {
  if (!has_index()) return false;
  if (slot_section < word(Word.HEAD_INDEX_SECTIONS)) return true;
  head_index_drop();
  return false;
}

/** Whether all folios of a block have one order, by its byte. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function is_one_order(byte: u32): bool {
  return (byte & (KNOWN | MIXED)) == KNOWN;
}

/** That order. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function order_in(byte: u32): u32 {
  return byte & ORDER_MASK;
}

/** Whether a block's word tells its heads: not where it is part of one large folio, whose byte tells all. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function has_word(byte: u32): bool {
  return (byte & KNOWN) != 0 && (!is_one_order(byte) || order_in(byte) <= BLOCK_SHIFT);
}

/** Whether all pages of a block are single ones. */
function has_single_pages(slot: u32): bool {
  return has_word(load<u8>(block_order(slot))) && load<u64>(block_word(slot)) == ALL_HEADS;
}

/** What a lookup goes by: a MIXED block's word, else a bit for each page. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function lookup_bits(slot: u32): u64 {
  return (load<u8>(block_order(slot)) & MIXED) != 0 ? load<u64>(block_word(slot)) : ALL_HEADS;
}

// ---- What changes say ---------------------------------------------------------------------------------------------
// Each takes slots whose PFNs are in a row. A block that is ASK stays so unless the change covers it as a whole.

/** A section has these slots, or is gone. */
export function index_section(nr: u32, slot_section: u32, present: bool): void {
  if (nr >= 1 << (32 - PFN_SECTION_SHIFT)) return;
  store<u32>(index_table() + (nr << 2), present ? block_order(slot_section << PFN_SECTION_SHIFT) : 0);
}

/** The bytes of `nr` blocks: known, and of one order. */
function set_bytes(slot: u32, nr: u32, order: u32): void {
  const at = block_order(slot);
  if (nr == 1) store<u8>(at, <u8>(KNOWN | order));
  else memory.fill(at, <u8>(KNOWN | order), nr);
}

/**
 * The words and bytes of `nr` blocks, of whole folios. Whoever looks meanwhile reads what was or what is: a byte of a large order goes alone
 * and tells all, whatever the word is, whose bit 0 is always set.
 */
function set_blocks(slot: u32, nr: u32, bits: u64, order: u32): void {
  if (ASC_FEATURE_THREADS) {
    const step: u32 = 1 << (max(order, BLOCK_SHIFT) - BLOCK_SHIFT);
    for (let i: u32 = 0; i < nr; i += step) set_folio_blocks(slot + (i << BLOCK_SHIFT), step, bits, order);
    return;
  }
  const at = block_word(slot);
  if (order <= BLOCK_SHIFT) for (let i: u32 = 0; i < nr; i++) store<u64>(at + (i << 3), bits);
  set_bytes(slot, nr, order);
}

/** The same of one folio, or one block of smaller ones, where a scan may be at work: its blocks are known only where the first is. */
function set_folio_blocks(slot: u32, nr: u32, bits: u64, order: u32): void {
  const at = block_order(slot);
  if (order <= BLOCK_SHIFT) {
    if (spoil_claim(at)) return;
    atomic.store<u64>(block_word(slot), bits);
  }
  const known = set_byte(at, KNOWN | order);
  for (let i: u32 = 1; i < nr; i++) set_byte(at + i, known ? KNOWN | order : ASK);
}

/** Bits of the pages of a block from the slot's on, `nr` of them; `nr` below 64. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function bits_of(slot: u32, nr: u32): u64 {
  return (((<u64>1) << nr) - 1) << (slot & PAGE_IN_BLOCK_MASK);
}

/** Every 2^order-th bit. */
export function bits_of_order(order: u32): u64 {
  let bits: u64 = 1;
  for (let step: u64 = (<u64>1) << order; step < BLOCK_PAGES; step <<= 1) bits |= bits << step;
  return bits;
}

/** Single pages became a folio. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_compound(slot: u32, order: u32): void {
  if (!has_index()) return;
  const nr: u32 = 1 << order;
  if (nr < BLOCK_PAGES) {
    take_heads(slot, bits_of(slot, nr - 1) << 1);
  } else {
    set_blocks(slot, nr >> BLOCK_SHIFT, 1, order);
  }
}

/** Whether 2^order slots are single pages, as far as the index tells. */
export function index_are_singles(slot: u32, order: u32): bool {
  if (!has_index()) return true;
  const nr: u32 = 1 << order;
  if (nr >= BLOCK_PAGES) {
    for (let at = slot, end = slot + nr; at < end; at += BLOCK_PAGES) {
      if (!has_single_pages(at)) return false;
    }
    return true;
  }
  // A page is the last of its folio where a head follows, or the block ends.
  const heads = load<u64>(block_word(slot)) >> (slot & PAGE_IN_BLOCK_MASK);
  const wanted = bits_of(0, nr + 1) & (ALL_HEADS >> (slot & PAGE_IN_BLOCK_MASK));
  return has_word(load<u8>(block_order(slot))) && (heads & wanted) == wanted;
}

/** A folio of `order` became folios of `new_order`. The first of them keeps its tails, and so its blocks what else is known of them. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_split(slot: u32, order: u32, new_order: u32): void {
  if (!has_index()) return;
  const nr: u32 = 1 << order;
  if (nr < BLOCK_PAGES) add_heads(slot, bits_of_order(new_order) & bits_of(slot, nr));
  else split_blocks(slot, nr >> BLOCK_SHIFT, order, new_order);
}

// Folios of one block may be changed by several threads at once.

// @ts-ignore: top level decorators are AssemblyScript
@inline
function take_heads(slot: u32, bits: u64): void {
  if (spoil_claim(block_order(slot))) return;
  const at = block_word(slot);
  if (ASC_FEATURE_THREADS) atomic.and<u64>(at, ~bits);
  else store<u64>(at, load<u64>(at) & ~bits);
  mix_byte(block_order(slot));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function add_heads(slot: u32, bits: u64): void {
  if (spoil_claim(block_order(slot))) return;
  const at = block_word(slot);
  if (ASC_FEATURE_THREADS) atomic.or<u64>(at, bits);
  else store<u64>(at, load<u64>(at) | bits);
  mix_byte(block_order(slot));
}

function split_blocks(slot: u32, nr: u32, order: u32, new_order: u32): void {
  const bits = bits_of_order(new_order);
  const kept: u32 = max<u32>(((<u32>1) << new_order) >> BLOCK_SHIFT, 1);
  if (ASC_FEATURE_THREADS) split_first(slot, kept, bits, order, new_order);
  else
    for (let i: u32 = 0; i < kept; i++) {
      const at = slot + (i << BLOCK_SHIFT);
      if (load<u8>(block_order(at)) == (KNOWN | order)) set_blocks(at, 1, bits, new_order);
    }
  if (kept < nr) set_blocks(slot + (kept << BLOCK_SHIFT), nr - kept, bits, new_order);
}

/** The blocks of the first of the folios, where a scan may be at work. */
function split_first(slot: u32, kept: u32, bits: u64, order: u32, new_order: u32): void {
  const at = block_order(slot);
  let known = true;
  for (let i: u32 = 0; i < kept; i++) {
    known = known && load<u8>(at + i) == (KNOWN | order);
  }
  if (known) set_folio_blocks(slot, kept, bits, new_order);
  else ask_bytes(at, kept);
}

/** A folio of `order` became single pages, all of them written anew. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function index_freed(slot: u32, order: u32): void {
  if (!has_index()) return;
  const nr: u32 = 1 << order;
  if (nr < BLOCK_PAGES) add_heads(slot, bits_of(slot, nr));
  else set_blocks(slot, nr >> BLOCK_SHIFT, ALL_HEADS, 0);
}

/** Pages of the folio that a block is part of as a whole, or of the block. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function pages_around(slot: u32): u32 {
  const order: u32 = load<u8>(block_order(slot));
  return is_one_order(order) ? 1 << max(order_in(order), BLOCK_SHIFT) : BLOCK_PAGES;
}

/**
 * Anything may stand in `nr` slots: of them, and of the folios they are part of, the slots are to be asked. What is written near a head
 * concerns its folio, and a folio told wrongly may reach over heads of others: so it is looked again until nothing is added.
 */
export function index_forget(slot: u32, nr: u32): void {
  if (!has_index() || nr == 0) return;
  let start = slot & ~PAGE_IN_BLOCK_MASK;
  let end = ((slot + (nr - 1)) | PAGE_IN_BLOCK_MASK) + 1;
  for (let grown = true; grown;) {
    const from = start;
    const to = end;
    for (let at = from; at < to; at += BLOCK_PAGES) {
      const pages = pages_around(at);
      if (pages == BLOCK_PAGES) continue;
      const first = at - (slot_to_pfn_low(at) & (pages - 1));
      start = min(start, first);
      end = max(end, min(first + pages, word(Word.NR_SLOTS)));
    }
    grown = start != from || end != to;
  }
  ask_bytes(block_order(start), (end - start) >> BLOCK_SHIFT);
  forget_pgmaps(start, end - start);
}

/** Of no slot there is anything known, and no scan is under way. */
export function index_forget_all(): void {
  const nr = word(Word.NR_SLOTS);
  memory.fill(index_orders(), <u8>ASK, nr >> BLOCK_SHIFT);
  memory.fill(index_bitmap(), 0xff, nr >> 3);
  forget_pgmaps(0, nr);
}

/** The same for the pgmaps of slots alone. */
export function forget_pgmaps(slot: u32, nr: u32): void {
  if (!has_index() || nr == 0) return;
  const end = subsection_pgmap(slot + (nr - 1));
  for (let at = subsection_pgmap(slot); at <= end; at += sizeof<u16>()) ask_pgmap(at);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function ask_pgmap(at: u32): void {
  if (ASC_FEATURE_THREADS) atomic.store<u16>(at, <u16>ASK_PGMAP);
  else store<u16>(at, <u16>ASK_PGMAP);
}

/** `nr` slots were written as single pages, whatever stood there. */
export function index_singles(slot: u32, nr: u32): void {
  if (!has_index() || nr == 0) return;
  const end = slot + nr;
  // A block of single pages stays one, however few of them are written.
  for (let at = slot; at < end;) {
    const stop = min(end, (at | PAGE_IN_BLOCK_MASK) + 1);
    const whole = stop - at == BLOCK_PAGES;
    if (!has_single_pages(at)) index_forget(at, stop - at);
    if (whole) set_blocks(at, 1, ALL_HEADS, 0);
    at = stop;
  }
}

/** `nr` slots got the zone of ordinary memory, or of device memory: what pages of one subsection have in common. */
export function index_zone(slot: u32, nr: u32, is_device: bool): void {
  if (!has_index() || nr == 0) return;
  const step: u32 = 1 << PFN_SUBSECTION_SHIFT;
  for (let at = slot, end = slot + nr; at < end;) {
    const stop = min(end, (at | (step - 1)) + 1);
    const to = subsection_pgmap(at);
    const keeps = stop - at == step || load<u16>(to) == NO_PGMAP_HERE;
    store<u16>(to, <u16>(!is_device && keeps ? NO_PGMAP_HERE : ASK_PGMAP));
    at = stop;
  }
}

/** `nr` slots have this pgmap, all of them; of subsections that they share with others nothing is known. */
export function index_device(slot: u32, nr: u32, number: u32): void {
  if (!has_index() || nr == 0) return;
  const step: u32 = 1 << PFN_SUBSECTION_SHIFT;
  for (let at = slot, end = slot + nr; at < end;) {
    const stop = min(end, (at | (step - 1)) + 1);
    const to = subsection_pgmap(at);
    if (load<u16>(to) != number) store<u16>(to, <u16>(stop - at == step ? number : ASK_PGMAP));
    at = stop;
  }
}

/** A subsection's slots are zeroes, or absent. */
export function index_subsection(slot: u32, present: bool): void {
  if (!has_index()) return;
  const nr: u32 = 1 << PFN_SUBSECTION_SHIFT;
  set_blocks(slot, nr >> BLOCK_SHIFT, ALL_HEADS, 0);
  if (!present) memory.fill(block_order(slot), <u8>ASK, nr >> BLOCK_SHIFT);
  // The zone of a page of zeroes is the first.
  const zone_device = word(Word.ZONE_DEVICE);
  store<u16>(subsection_pgmap(slot), <u16>(present && zone_device != 0 ? NO_PGMAP_HERE : ASK_PGMAP));
}

/** The folio of a head that reaches over several subsections changes: where they are not of one pgmap, whose it is is not known any more. */
export function index_pgmaps_meet(head: u32, order: u32): void {
  if (!has_index() || order <= PFN_SUBSECTION_SHIFT) return;
  const first = subsection_pgmap(head);
  const end = subsection_pgmap(head + ((<u32>1) << order));
  const number = load<u16>(first);
  let differs = false;
  for (let at = first; at != end; at += sizeof<u16>()) differs = differs || load<u16>(at) != number;
  if (differs) forget_pgmaps(head, 1 << order);
}

/** Pgmaps have other numbers from now on: which pages have one in common is still known. */
export function index_renumber(): void {
  if (!has_index()) return;
  const end = subsection_pgmap(word(Word.NR_SLOTS));
  for (let at = index_pgmaps(); at < end; at += sizeof<u16>()) {
    if (load<u16>(at) < ONE_PGMAP) store<u16>(at, <u16>ONE_PGMAP);
  }
}
