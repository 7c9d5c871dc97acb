// Lists of PFNs by the head index: no slot is read. Each function goes as far as the index answers, four pages at a time, and the
// callers take the way through the slots from there on.

import {
  ASK,
  ASK_PGMAP,
  BLOCK_SHIFT,
  NO_PGMAP_HERE,
  ONE_PGMAP,
  MIXED,
  block_order,
  lookup_bits,
  index_bitmap,
  index_orders,
  index_pgmaps,
} from "../head_index";
import { ONES } from "../memory";
import { Pgmap, pgmap_address } from "../pgmap";
import { Word, word } from "../profile";
import { PRESENT, section_entry, slot_to_pfn_low } from "../sparse";
import { PFN_SECTION_SHIFT, PFN_SUBSECTION_SHIFT, STRUCT_PAGE_SHIFT } from "../x86_64";

/** A slot's address, shifted by this, is the number of its block: of those from address 0 on. */
const ADDRESS_TO_BLOCK: u32 = BLOCK_SHIFT + STRUCT_PAGE_SHIFT;
/** The order in a block's byte. */
const ORDER_MASK: u32 = MIXED - 1;
const ADDRESS_TO_SUBSECTION: u32 = PFN_SUBSECTION_SHIFT + STRUCT_PAGE_SHIFT;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function unit_of(entry: u32, pfn: u32, shift: u32): u32 {
  return (entry + (pfn << STRUCT_PAGE_SHIFT)) >> shift;
}

/** Pages back to the last head at or before a page of a block, by the bits of the block's heads. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function pages_back(bits: u64, pfn: u32): u32 {
  return <u32>clz(bits << (~(<u64>pfn) & 63));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function head_of(bits: u64, order: u32, pfn: u32): u32 {
  return (pfn - pages_back(bits, pfn)) & ((<u32>-1) << order);
}

/** The order of a page's folio: the block's, or by the distance from the head to the next, or to the end of the block. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function order_of(bits: u64, order: u32, pfn: u32): u32 {
  const after = (bits >> 1) | ((<u64>1) << 63);
  const run = pages_back(bits, pfn) + 1 + <u32>ctz(after >> ((<u64>pfn) & 63));
  return max(order & ORDER_MASK, ctz(run));
}

/** The bits a lookup goes by: of a MIXED block its word, else ones, which stay in cache. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function bits_at(address: u32, order: u32): u64 {
  return load<u64>(select<u32>(address, ONES, (order & MIXED) != 0));
}

/** What is asked of each page. */
const enum Question {
  HEAD,
  ORDER,
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function answer(question: Question, bits: u64, order: u32, pfn: u32): u32 {
  return question == Question.HEAD ? head_of(bits, order, pfn) : order_of(bits, order, pfn);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function by_blocks(question: Question, src: u32, end: u32, dst: u32): u32 {
  const first = word(Word.SLOTS) >> ADDRESS_TO_BLOCK;
  const orders = index_orders() - first;
  const bitmap = index_bitmap() - (first << 3);
  let at = src;
  for (let out = dst; at != end; at += 16, out += 16) {
    const pfn0 = load<u32>(at);
    const pfn1 = load<u32>(at, 4);
    const pfn2 = load<u32>(at, 8);
    const pfn3 = load<u32>(at, 12);
    const entry0 = section_entry(pfn0 >> PFN_SECTION_SHIFT);
    const entry1 = section_entry(pfn1 >> PFN_SECTION_SHIFT);
    const entry2 = section_entry(pfn2 >> PFN_SECTION_SHIFT);
    const entry3 = section_entry(pfn3 >> PFN_SECTION_SHIFT);
    if ((entry0 & entry1 & entry2 & entry3 & PRESENT) == 0) break;
    const block0 = unit_of(entry0, pfn0, ADDRESS_TO_BLOCK);
    const block1 = unit_of(entry1, pfn1, ADDRESS_TO_BLOCK);
    const block2 = unit_of(entry2, pfn2, ADDRESS_TO_BLOCK);
    const block3 = unit_of(entry3, pfn3, ADDRESS_TO_BLOCK);
    const order0: u32 = load<u8>(orders + block0);
    const order1: u32 = load<u8>(orders + block1);
    const order2: u32 = load<u8>(orders + block2);
    const order3: u32 = load<u8>(orders + block3);
    if (((order0 | order1 | order2 | order3) & ASK) != 0) break;
    store<u32>(out, answer(question, bits_at(bitmap + (block0 << 3), order0), order0, pfn0));
    store<u32>(out, answer(question, bits_at(bitmap + (block1 << 3), order1), order1, pfn1), 4);
    store<u32>(out, answer(question, bits_at(bitmap + (block2 << 3), order2), order2, pfn2), 8);
    store<u32>(out, answer(question, bits_at(bitmap + (block3 << 3), order3), order3, pfn3), 12);
  }
  return at;
}

/** Heads of groups of four PFNs, from `src` up to the first group that the index does not answer, or to `end`: where it stopped. */
export function heads_by_index(src: u32, end: u32, dst: u32): u32 {
  return by_blocks(Question.HEAD, src, end, dst);
}

/** The same for orders. */
export function orders_by_index(src: u32, end: u32, dst: u32): u32 {
  return by_blocks(Question.ORDER, src, end, dst);
}

// ---- Slots --------------------------------------------------------------------------------------------------------

/** Whether the index answers for a slot. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function is_indexed(slot: u32): bool {
  return slot < word(Word.NR_SLOTS) && (load<u8>(block_order(slot)) & ASK) == 0;
}

/** compound_head of a slot that the index answers for. */
export function head_by_index(slot: u32): u32 {
  const pfn = slot_to_pfn_low(slot);
  return slot - (pfn - head_of(lookup_bits(slot), load<u8>(block_order(slot)), pfn));
}

/** folio_order of a slot that the index answers for. */
export function order_by_index(slot: u32): u32 {
  return order_of(lookup_bits(slot), load<u8>(block_order(slot)), slot);
}

// ---- Pgmaps -------------------------------------------------------------------------------------------------------

/** Numbers of pgmaps (page_pgmap) of PFNs, from `src` up to the first that the index does not answer, or to `end`: where it stopped. */
export function pgmaps_by_index(src: u32, end: u32, dst: u32): u32 {
  const numbers = index_pgmaps() - ((word(Word.SLOTS) >> ADDRESS_TO_SUBSECTION) << 1);
  let at = src;
  for (let out = dst; at != end; at += 4, out += 4) {
    const pfn = load<u32>(at);
    const entry = section_entry(pfn >> PFN_SECTION_SHIFT);
    if ((entry & PRESENT) == 0) break;
    const number: u32 = load<u16>(numbers + (unit_of(entry, pfn, ADDRESS_TO_SUBSECTION) << 1));
    if (number == ASK_PGMAP || number == ONE_PGMAP) break;
    store<u32>(out, number == NO_PGMAP_HERE ? <u32>Pgmap.NOT_DEVICE : number);
  }
  return at;
}

/** The same for the words that the pages' heads hold: the pgmaps' kernel addresses, 0 for pages that are not ZONE_DEVICE. */
export function pgmap_words_by_index(src: u32, end: u32, dst: u32): u32 {
  const numbers = index_pgmaps() - ((word(Word.SLOTS) >> ADDRESS_TO_SUBSECTION) << 1);
  let at = src;
  for (let out = dst; at != end; at += 4, out += 8) {
    const pfn = load<u32>(at);
    const entry = section_entry(pfn >> PFN_SECTION_SHIFT);
    if ((entry & PRESENT) == 0) break;
    const number: u32 = load<u16>(numbers + (unit_of(entry, pfn, ADDRESS_TO_SUBSECTION) << 1));
    if (number == ASK_PGMAP || number == ONE_PGMAP) break;
    store<u64>(out, number == NO_PGMAP_HERE ? 0 : pgmap_address(number));
  }
  return at;
}
