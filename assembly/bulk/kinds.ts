// Kinds of pages in a row, written down or counted, at the speed of reading the slots.
//
// A pass goes block by block. What heads a block has, and whose its first tails are, the head index tells, or the slots' tags where it
// does not: so of tails no slot is read that the index knows, nor any of a block inside a large folio. Free blocks are told by where the
// last one ends, since a pass begins where none reaches over. Blocks that do not fit that picture are gone through page by page.

import { PageTail, plain_distance, tagged_distance } from "../compound";
import {
  ASK,
  BLOCK_PAGES,
  BLOCK_SHIFT,
  block_order,
  block_word,
  has_index,
  is_one_order,
  order_in,
} from "../head_index";
import {
  MAX_FREE_PAGES,
  NR_KINDS,
  UsageKind,
  free_block_at,
  free_block_pages,
  kind_of_device,
  kind_of_head,
  kind_of_mapping,
  kind_of_mark,
  kind_of_type,
  marking_flags,
  page_kind,
} from "../kinds";
import { INVALID, notes } from "../memory";
import { COMPOUND_INFO, is_tagged, page } from "../page";
import { links, zone_field } from "../page_links";
import { Word, word, word64 } from "../profile";
import { slot_to_pfn_low } from "../slots";
import { section_is_plain, slot_to_page, slot_valid } from "../sparse";
import { STRUCT_PAGE_SHIFT } from "../x86_64";

/** The byte of a page that has no kind. */
const NO_KIND: u8 = 0xff;

// ---- What is noted for a pass -------------------------------------------------------------------------------------

/** Behind notes(): the kind of each top byte of a page type. */
const BY_TOP_BYTE: u32 = 0;
/** Bits of the pages of a block that are no tails. */
const HEADS: u32 = 256;
/** The head of the tails that a block begins with. */
const LEAD: u32 = HEADS + 8;

/** Note which kind each top byte of a type is: its low bytes are the owner's to use. */
function note_types(): void {
  const at = notes() + BY_TOP_BYTE;
  for (let byte: u32 = 0x80; byte < 0x100; byte++) store<u8>(at + byte, <u8>kind_of_type(byte << 24));
}

/**
 * Note the heads of a block of a PLAIN section, and whose its first tails are, by the slots' tags. False where a tail is of another than
 * the head before it.
 */
function note_heads(slot: u32): bool {
  const encoding = word(Word.ENCODING);
  const base_low = <u32>word64(Word.VMEMMAP_BASE);
  const pfn = slot_to_pfn_low(slot);
  const p = slot_to_page(slot);
  const first = plain_distance(encoding, p, pfn, base_low);
  if (first == 0 && is_tagged(p)) return false;
  let distance = first;
  let heads: u64 = <u64>(first == 0);
  let wrong: u32 = 0;
  for (let i: u32 = 1; i < BLOCK_PAGES; i++) {
    const tag = load<u32>(p + (i << STRUCT_PAGE_SHIFT), COMPOUND_INFO);
    const is_tail = (tag & 1) != 0;
    distance = is_tail ? distance + 1 : 0;
    heads |= (<u64>!is_tail) << i;
    if (is_tail) wrong |= tagged_distance(encoding, pfn + i, tag, base_low) ^ distance;
  }
  store<u64>(notes(), heads, HEADS);
  store<u32>(notes(), slot - first, LEAD);
  return wrong == 0 && slot - first < word(Word.NR_SLOTS);
}

/** The same by the head index, whose byte of the block this is. */
function note_indexed_heads(slot: u32, byte: u32): void {
  const is_large = is_one_order(byte) && order_in(byte) > BLOCK_SHIFT;
  const back = is_large ? slot_to_pfn_low(slot) & (((<u32>1) << order_in(byte)) - 1) : 0;
  const heads: u64 = is_large ? <u64>(back == 0) : load<u64>(block_word(slot));
  store<u64>(notes(), heads, HEADS);
  store<u32>(notes(), slot - back, LEAD);
}

/** The same, whichever way it goes; false where the block is to be gone through page by page. */
function note_block(slot: u32): bool {
  if (has_index()) {
    const byte: u32 = load<u8>(block_order(slot));
    if (byte != ASK) {
      note_indexed_heads(slot, byte);
      return true;
    }
  }
  return section_is_plain(slot) && note_heads(slot);
}

// ---- Where kinds go -----------------------------------------------------------------------------------------------

/** What a pass does with kinds. */
const enum Sink {
  /** A byte a page, from `dst` on. */
  LIST,
  /** Pages and folios of each kind, two u32 each, at `dst`. */
  COUNT,
}

const ONE_FOLIO: u64 = (<u64>1) << 32;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function add(dst: u32, kind: u32, pages_and_folios: u64): void {
  const at = dst + (kind << 3);
  store<u64>(at, load<u64>(at) + pages_and_folios);
}

/** The kinds of these slots, page by page; answers where the last free block among them ends. */
function kinds_one_by_one(sink: Sink, first: u32, end: u32, free_end: u32, dst: u32): u32 {
  let last = free_end;
  for (let slot = first; slot < end; slot++) {
    const kind = page_kind(slot);
    if (sink == Sink.LIST) store<u8>(dst + (slot - first), kind == INVALID ? NO_KIND : <u8>kind);
    else if (slot_valid(slot)) add(dst, min(kind, UsageKind.OTHER), PageTail(slot) ? 1 : ONE_FOLIO | 1);
    if (kind == UsageKind.FREE) last = max(last, slot + free_block_at(slot));
  }
  return last;
}

// ---- Passes -------------------------------------------------------------------------------------------------------

/** Give `nr` bytes from `at` on a kind, and up to seven after, which are of pages still to come. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function fill(at: u32, kind: u32, nr: u32): void {
  const bytes = <u64>kind * 0x0101_0101_0101_0101;
  for (let i: u32 = 0; i < nr; i += 8) store<u64>(at + i, bytes);
}

/** Whole blocks, from a slot that no free block reaches over. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function kinds_of_blocks(sink: Sink, first: u32, end: u32, dst: u32): void {
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const marks = marking_flags();
  const swapbacked = word64(Word.PG_SWAPBACKED);
  const reserved = word64(Word.PG_RESERVED);
  const type_limit = <i32>word(Word.TYPE_LIMIT);
  const by_top_byte = word(Word.TYPES_IN_TOP_BYTE) != 0;
  const types = notes() + BY_TOP_BYTE;
  if (by_top_byte) note_types();

  let free_end: u32 = 0;
  let last_head = INVALID;
  let last_kind: u32 = UsageKind.OTHER;
  let last_info: u64 = 0;
  let last_device: u32 = UsageKind.OTHER;
  // Pages of one kind come in runs.
  let run_kind: u32 = UsageKind.OTHER;
  let run: u64 = 0;

  for (let block = first; block < end; block += BLOCK_PAGES) {
    const out = dst + (block - first);
    if (!slot_valid(block)) {
      if (sink == Sink.LIST) memory.fill(out, NO_KIND, BLOCK_PAGES);
      continue;
    }
    if (!note_block(block)) {
      free_end = kinds_one_by_one(sink, block, block + BLOCK_PAGES, free_end, sink == Sink.LIST ? out : dst);
      continue;
    }
    let heads = load<u64>(notes(), HEADS);
    if ((heads & 1) == 0) {
      const lead = load<u32>(notes(), LEAD);
      if (lead != last_head) {
        last_head = lead;
        last_kind = kind_of_head(lead);
      }
      const nr = heads == 0 ? BLOCK_PAGES : <u32>ctz(heads);
      if (sink == Sink.LIST) fill(out, last_kind, nr);
      else add(dst, last_kind, nr);
    }
    const base = slot_to_page(block);
    while (heads != 0) {
      const at = <u32>ctz(heads);
      const slot = block + at;
      const p = base + (at << STRUCT_PAGE_SHIFT);
      heads &= heads - 1;
      const nr = (heads == 0 ? BLOCK_PAGES : <u32>ctz(heads)) - at;

      const flags = load<u64>(p);
      const type_word = load<i32>(p, offsetof<page>("_mapcount"));
      const is_typed = type_word < type_limit;
      const is_idle = load<i32>(p, offsetof<page>("_refcount")) == 0;
      let kind: u32 = UsageKind.OTHER;
      if ((flags & zone_bits) == zone_device) {
        const info = load<u64>(p, COMPOUND_INFO);
        // An altmap's page is told by its own address.
        if (info != last_info || last_device > <u32>UsageKind.DEVICE_P2PDMA) {
          last_info = info;
          last_device = kind_of_device(slot);
        }
        kind = last_device;
      } else {
        if (is_typed) {
          kind = by_top_byte ? load<u8>(types + ((<u32>type_word) >> 24)) : kind_of_type(type_word);
          if (kind == UsageKind.FREE) {
            free_end = max(free_end, slot + free_block_pages(slot, load<u64>(p, offsetof<page>("private_"))));
          }
        }
        if ((flags & marks) != 0) kind = min(kind, kind_of_mark(slot));
        if (is_idle && slot < free_end) kind = UsageKind.FREE;
        if (kind == UsageKind.OTHER) {
          const mapping = load<u64>(p, offsetof<page>("mapping"));
          if (mapping != 0) kind = kind_of_mapping(mapping, (flags & swapbacked) != 0);
          else if ((flags & reserved) != 0) kind = UsageKind.RESERVED;
          else if (is_idle && !is_typed) kind = UsageKind.FREE_PCP;
        }
      }
      last_head = slot;
      last_kind = kind;
      if (sink == Sink.LIST) {
        if (nr == 1) store<u8>(out + at, <u8>kind);
        else fill(out + at, kind, nr);
      } else {
        if (kind != run_kind) {
          add(dst, run_kind, run);
          run_kind = kind;
          run = 0;
        }
        run += ONE_FOLIO | nr;
      }
    }
  }
  if (sink == Sink.COUNT) add(dst, run_kind, run);
}

function list_blocks(first: u32, end: u32, dst: u32): void {
  kinds_of_blocks(Sink.LIST, first, end, dst);
}

function count_blocks(first: u32, end: u32, dst: u32): void {
  kinds_of_blocks(Sink.COUNT, first, end, dst);
}

/** Slots up to a multiple of the largest free block, and after the last block, go one by one. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function kinds_from_to(sink: Sink, first: u32, end: u32, dst: u32): void {
  const from = min(end, (first + (MAX_FREE_PAGES - 1)) & ~(MAX_FREE_PAGES - 1));
  const to = max(from, end & ~(BLOCK_PAGES - 1));
  kinds_one_by_one(sink, first, from, 0, dst);
  const middle = sink == Sink.LIST ? dst + (from - first) : dst;
  if (sink == Sink.LIST) list_blocks(from, to, middle);
  else count_blocks(from, to, middle);
  kinds_one_by_one(sink, to, end, 0, sink == Sink.LIST ? dst + (to - first) : dst);
}

/**
 * Kinds of the slots from `first` up to `end`, a u8 each, to `dst`; 255 where there is no slot, or it leads nowhere. Up to seven bytes more
 * are overwritten.
 */
export function kinds_between(first: u32, end: u32, dst: u32): void {
  const stop = min(end, word(Word.NR_SLOTS));
  if (first < stop) kinds_from_to(Sink.LIST, first, stop, dst);
  const from = max(first, stop);
  if (from < end) memory.fill(dst + (from - first), NO_KIND, end - from);
}

/** Pages and folios of each UsageKind among the slots from `first` up to `end`, two u32 each, to `dst`. Pages that lead nowhere are OTHER. */
export function count_kinds_between(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, NR_KINDS << 3);
  const stop = min(end, word(Word.NR_SLOTS));
  if (first < stop) kinds_from_to(Sink.COUNT, first, stop, dst);
}

/** Kinds of a list of slots, a u8 each; 255 where there is no slot, or it leads nowhere, and the answer is how many those are. */
export function kinds_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const kind = page_kind(load<u32>(src + (at << 2)));
    store<u8>(dst + at, kind == INVALID ? NO_KIND : <u8>kind);
    invalid += <u32>(kind == INVALID);
  }
  return invalid;
}
