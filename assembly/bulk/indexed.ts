// Lists of PFNs by the head index: no slot is read. Each function goes as far as the index answers, four pages at a time, and the
// callers take the way through the slots from there on.

import { KNOWN, MIXED } from "../block_byte";
import {
  ASK_PGMAP,
  BLOCK_SHIFT,
  NO_PGMAP_HERE,
  ONE_PGMAP,
  block_order,
  index_bitmap,
  index_orders,
  index_pgmaps,
  index_table,
  lookup_bits,
  order_in,
} from "../head_index";
import { ONES } from "../memory";
import { Pgmap, pgmap_address } from "../pgmap";
import { Word, word } from "../profile";
import { slot_to_pfn_low } from "../slots";
import { PAGE_IN_SECTION_MASK, PFN_SECTION_SHIFT, PFN_SUBSECTION_SHIFT } from "../x86_64";

const BLOCK_IN_SECTION_MASK: u32 = PAGE_IN_SECTION_MASK >> BLOCK_SHIFT;
const SUBSECTION_SHIFT_OF_BLOCK: u32 = PFN_SUBSECTION_SHIFT - BLOCK_SHIFT;

/** Address of the byte of a PFN's block: in low memory, where there is none, it reads as ASK. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function byte_address(table: u32, pfn: u32): u32 {
  return load<u32>(table + ((pfn >> PFN_SECTION_SHIFT) << 2)) + ((pfn >> BLOCK_SHIFT) & BLOCK_IN_SECTION_MASK);
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
  return max(order_in(order), ctz(run));
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

/** The answer where all folios of the block have one order. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function answer_by_order(question: Question, order: u32, pfn: u32): u32 {
  return question == Question.HEAD ? pfn & ((<u32>-1) << order) : order_in(order);
}

/** A block's word; where only that of a MIXED one is to be read, else ones, which are always in cache. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function bits_at(address: u32, order: u32, few_mixed: bool): u64 {
  return load<u64>(few_mixed ? select<u32>(address, ONES, (order & MIXED) != 0) : address);
}

/**
 * Answers for groups of four PFNs, from `src` up to the first with a block that is not KNOWN, or to `end`: where it stopped. Where
 * MIXED blocks are few, bytes alone are read as a rule; where they are many, words for all, and no branch is taken.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function by_blocks(question: Question, few_mixed: bool, src: u32, end: u32, dst: u32): u32 {
  const table = index_table();
  const bitmap = index_bitmap() - (index_orders() << 3);
  let at = src;
  for (let out = dst; at != end; at += 16, out += 16) {
    const pfn0 = load<u32>(at);
    const pfn1 = load<u32>(at, 4);
    const pfn2 = load<u32>(at, 8);
    const pfn3 = load<u32>(at, 12);
    const block0 = byte_address(table, pfn0);
    const block1 = byte_address(table, pfn1);
    const block2 = byte_address(table, pfn2);
    const block3 = byte_address(table, pfn3);
    const order0: u32 = load<u8>(block0);
    const order1: u32 = load<u8>(block1);
    const order2: u32 = load<u8>(block2);
    const order3: u32 = load<u8>(block3);
    if ((order0 & order1 & order2 & order3 & KNOWN) == 0) break;
    if (few_mixed && ((order0 | order1 | order2 | order3) & MIXED) == 0) {
      store<u32>(out, answer_by_order(question, order0, pfn0));
      store<u32>(out, answer_by_order(question, order1, pfn1), 4);
      store<u32>(out, answer_by_order(question, order2, pfn2), 8);
      store<u32>(out, answer_by_order(question, order3, pfn3), 12);
      continue;
    }
    store<u32>(out, answer(question, bits_at(bitmap + (block0 << 3), order0, few_mixed), order0, pfn0));
    store<u32>(out, answer(question, bits_at(bitmap + (block1 << 3), order1, few_mixed), order1, pfn1), 4);
    store<u32>(out, answer(question, bits_at(bitmap + (block2 << 3), order2, few_mixed), order2, pfn2), 8);
    store<u32>(out, answer(question, bits_at(bitmap + (block3 << 3), order3, few_mixed), order3, pfn3), 12);
  }
  return at;
}

/** Bytes of a list for which a sample decides which loop they take. */
const PIECE: u32 = 4096 * sizeof<u32>();
const SAMPLE: u32 = 64;
const MANY_MIXED: u32 = 5;

/** Whether MIXED blocks are many in a piece of a list: then a branch on them would be missed too often. */
function has_many_mixed(src: u32): bool {
  const table = index_table();
  let mixed: u32 = 0;
  for (let at = src; at != src + PIECE; at += PIECE / SAMPLE) {
    mixed += load<u8>(byte_address(table, load<u32>(at))) & MIXED;
  }
  return mixed >= MANY_MIXED * MIXED;
}

function heads_by_bytes(src: u32, end: u32, dst: u32): u32 {
  return by_blocks(Question.HEAD, true, src, end, dst);
}

function heads_by_words(src: u32, end: u32, dst: u32): u32 {
  return by_blocks(Question.HEAD, false, src, end, dst);
}

/** Heads of groups of four PFNs, from `src` up to the first group that the index does not answer, or to `end`: where it stopped. */
export function heads_by_index(src: u32, end: u32, dst: u32): u32 {
  const to_dst = dst - src;
  let at = src;
  while (end - at >= PIECE) {
    const stop = at + PIECE;
    at = has_many_mixed(at) ? heads_by_words(at, stop, at + to_dst) : heads_by_bytes(at, stop, at + to_dst);
    if (at != stop) return at;
  }
  return heads_by_bytes(at, end, at + to_dst);
}

function orders_by_bytes(src: u32, end: u32, dst: u32): u32 {
  return by_blocks(Question.ORDER, true, src, end, dst);
}

function orders_by_words(src: u32, end: u32, dst: u32): u32 {
  return by_blocks(Question.ORDER, false, src, end, dst);
}

/** The same for orders. */
export function orders_by_index(src: u32, end: u32, dst: u32): u32 {
  const to_dst = dst - src;
  let at = src;
  while (end - at >= PIECE) {
    const stop = at + PIECE;
    at = has_many_mixed(at) ? orders_by_words(at, stop, at + to_dst) : orders_by_bytes(at, stop, at + to_dst);
    if (at != stop) return at;
  }
  return orders_by_bytes(at, end, at + to_dst);
}

// ---- Slots --------------------------------------------------------------------------------------------------------

/** Whether the index answers for a slot. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function is_indexed(slot: u32): bool {
  return slot < word(Word.NR_SLOTS) && (load<u8>(block_order(slot)) & KNOWN) != 0;
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
  const table = index_table();
  const orders = index_orders();
  const numbers = index_pgmaps();
  let at = src;
  for (let out = dst; at != end; at += 4, out += 4) {
    const pfn = load<u32>(at);
    const byte = byte_address(table, pfn);
    if (byte < orders) break;
    const number: u32 = load<u16>(numbers + (((byte - orders) >> SUBSECTION_SHIFT_OF_BLOCK) << 1));
    if (number == ASK_PGMAP || number == ONE_PGMAP) break;
    store<u32>(out, number == NO_PGMAP_HERE ? <u32>Pgmap.NOT_DEVICE : number);
  }
  return at;
}

/** The same for the words that the pages' heads hold: the pgmaps' kernel addresses, 0 for pages that are not ZONE_DEVICE. */
export function pgmap_words_by_index(src: u32, end: u32, dst: u32): u32 {
  const table = index_table();
  const orders = index_orders();
  const numbers = index_pgmaps();
  let at = src;
  for (let out = dst; at != end; at += 4, out += 8) {
    const pfn = load<u32>(at);
    const byte = byte_address(table, pfn);
    if (byte < orders) break;
    const number: u32 = load<u16>(numbers + (((byte - orders) >> SUBSECTION_SHIFT_OF_BLOCK) << 1));
    if (number == ASK_PGMAP || number == ONE_PGMAP) break;
    store<u64>(out, number == NO_PGMAP_HERE ? 0 : pgmap_address(number));
  }
  return at;
}
