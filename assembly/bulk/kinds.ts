// Kinds of pages in a row, written down or counted, at the speed of reading the slots.
//
// A pass goes block by block. What heads a block has, and whose its first tails are, the head index tells, or the slots' tags where it
// does not: so of tails no slot is read that the index knows, nor any of a block inside a large folio. Free blocks are told by where the
// last one ends, since a pass begins where none reaches over. Blocks that do not fit that picture are gone through page by page.

import { KNOWN } from "../block_byte";
import { PageTail, plain_distance, tagged_distance } from "../compound";
import { BLOCK_PAGES, BLOCK_SHIFT, block_order, block_word, has_index, is_one_order, order_in } from "../head_index";
import {
  MAX_FREE_PAGES,
  NR_KINDS,
  UsageKind,
  free_block_at,
  free_block_pages,
  kind_of_head,
  kind_of_mapping,
  kind_of_type,
  marking_flags,
  page_kind,
} from "../kinds";
import { INVALID, notes } from "../memory";
import { COMPOUND_INFO, is_tagged, page } from "../page";
import { links, zone_field } from "../page_links";
import { KindMark, Word, word, word64 } from "../profile";
import { slot_to_pfn_low } from "../slots";
import { section_is_plain, slot_to_page, slot_valid } from "../sparse";
import { STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE } from "../x86_64";
import { uniform_kind } from "./uniform_kinds";

/** The byte of a page that has no kind. */
const NO_KIND: u8 = 0xff;
const ALL: u64 = 0xffff_ffff_ffff_ffff;

// ---- What is noted for a pass -------------------------------------------------------------------------------------

// Behind notes():

/** The kind of each value of a type's byte, and of what to look in its word for to find it so. */
const BY_TYPE_BYTE: u32 = 0;
const TYPE_SHIFT: u32 = 256;
/** All bits but those of the byte, which are ones in a word that the table is for; of types in the top byte all are the owner's to use. */
const TYPE_WINDOW: u32 = TYPE_SHIFT + 4;
/** Bits of the pages of a block that are no tails. */
const HEADS: u32 = TYPE_WINDOW + 4;
/** The head of the tails that a block begins with. */
const LEAD: u32 = HEADS + 8;
/** The slot after the last free block. */
const FREE_END: u32 = LEAD + 4;
/** The last word of a device page that was no page's own address, and the kind it says. */
const DEVICE_WORD: u32 = FREE_END + 4;
const DEVICE_KIND: u32 = DEVICE_WORD + 8;
/** The flag of folios whose destructor says whether they are hugetlb's, that of slabs, and those of which a call tells. */
const DTOR_FLAG: u32 = DEVICE_KIND + 4;
const SLAB_FLAG: u32 = DTOR_FLAG + 8;
const CALLING_FLAGS: u32 = SLAB_FLAG + 8;
/** Whether the heads of the block before were all of one kind. */
const UNIFORM: u32 = CALLING_FLAGS + 8;

/** Where types as low bits begin: those of the kernels are in the 8 bits from here on, active low. */
const LOW_TYPE_SHIFT: u32 = 7;

function note_start(): void {
  const at = notes();
  const in_top_byte = word(Word.TYPES_IN_TOP_BYTE) != 0;
  const shift = in_top_byte ? 24 : LOW_TYPE_SHIFT;
  const others = ~((<u32>0xff) << shift);
  for (let byte: u32 = 0; byte < 0x100; byte++) {
    store<u8>(at + byte, <u8>kind_of_type(others | (byte << shift)), BY_TYPE_BYTE);
  }
  store<u32>(at, shift, TYPE_SHIFT);
  store<u32>(at, in_top_byte ? INVALID : ~others, TYPE_WINDOW);
  store<u32>(at, 0, FREE_END);
  store<u64>(at, 0, DEVICE_WORD);
  store<u32>(at, UsageKind.OTHER, DEVICE_KIND);
  const dtor_flag = word(Word.HUGETLB_BY) == KindMark.DTOR ? word64(Word.PG_HEAD) : 0;
  const slab_flag = word(Word.SLAB_BY) == KindMark.FLAG ? word64(Word.SLAB_MASK) : 0;
  const is_usual = word(Word.HUGETLB_BY) != KindMark.FLAG && word(Word.SLAB_BY) != KindMark.DTOR;
  store<u64>(at, dtor_flag, DTOR_FLAG);
  store<u64>(at, slab_flag, SLAB_FLAG);
  store<u64>(at, is_usual ? 0 : marking_flags(), CALLING_FLAGS);
  store<u32>(at, 1, UNIFORM);
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
    if ((byte & KNOWN) != 0) {
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

/** A head or single page that takes more than a look, with the tails behind it: its kind is noted where that helps the next ones. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function kind_of_rare(sink: Sink, slot: u32, nr: u32, dst: u32): void {
  const kind = kind_of_head(slot);
  if (kind == UsageKind.FREE) {
    store<u32>(notes(), max(load<u32>(notes(), FREE_END), slot + free_block_at(slot)), FREE_END);
  } else if (kind <= <u32>UsageKind.DEVICE_UNKNOWN) {
    const info = changetype<page>(slot_to_page(slot)).compound_info;
    if ((info & (STRUCT_PAGE_SIZE - 1)) != COMPOUND_INFO) {
      store<u64>(notes(), info, DEVICE_WORD);
      store<u32>(notes(), kind, DEVICE_KIND);
    }
  }
  if (sink == Sink.LIST) fill(dst, kind, nr);
  else add(dst, kind, ONE_FOLIO | nr);
}

/**
 * The kinds of a block's heads, and of the tails behind each, up to the first that takes more than a look: answers which are left. There is
 * no call in the loop, and where all are `single` nothing but the slots is looked at.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function kinds_of_heads(sink: Sink, single: bool, block: u32, heads: u64, dst: u32): u64 {
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const marks = marking_flags();
  const swapbacked = word64(Word.PG_SWAPBACKED);
  const reserved = word64(Word.PG_RESERVED);
  const type_limit = <i32>word(Word.TYPE_LIMIT);
  const noted = notes();
  const shift = load<u32>(noted, TYPE_SHIFT);
  const window = load<u32>(noted, TYPE_WINDOW);
  const device_word = load<u64>(noted, DEVICE_WORD);
  const device_kind = load<u32>(noted, DEVICE_KIND);
  const dtor_flag = load<u64>(noted, DTOR_FLAG);
  const slab_flag = load<u64>(noted, SLAB_FLAG);
  const calling_flags = load<u64>(noted, CALLING_FLAGS);
  const dtor = word(Word.DTOR);
  const hugetlb_dtor = word(Word.HUGETLB_VALUE) & 0xff;
  const base = slot_to_page(block);
  let free_end = load<u32>(noted, FREE_END);
  // Pages of one kind come in runs.
  let runs: u32 = 0;
  let run_kind: u32 = INVALID;
  let run: u64 = 0;
  let left = heads;
  let at: u32 = 0;
  while (single ? at != BLOCK_PAGES : left != 0) {
    if (!single) at = <u32>ctz(left);
    const p = base + (at << STRUCT_PAGE_SHIFT);
    const flags = load<u64>(p);
    const type_word = load<u32>(p, offsetof<page>("_mapcount"));
    let kind: u32 = UsageKind.OTHER;
    if ((flags & zone_bits) == zone_device) {
      if (load<u64>(p, COMPOUND_INFO) != device_word) break;
      kind = device_kind;
      if (kind == UsageKind.OTHER) break;
    } else {
      let marked: u32 = UsageKind.OTHER;
      if ((flags & marks) != 0) {
        // The destructor stands in page 1.
        if ((flags & calling_flags) != 0 || (at & 3) == 3) break;
        if ((flags & dtor_flag) != 0 && load<u8>(p + dtor) == hugetlb_dtor) marked = UsageKind.HUGETLB;
        else if ((flags & slab_flag) != 0) marked = UsageKind.SLAB;
      }
      const is_idle = load<u32>(p, offsetof<page>("_refcount")) == 0;
      const is_typed = <i32>type_word < type_limit;
      if (is_idle && block + at < free_end) kind = UsageKind.FREE;
      else if (is_typed) {
        if ((type_word | window) != INVALID) break;
        kind = load<u8>(noted + ((type_word >> shift) & 0xff), BY_TYPE_BYTE);
        if (kind == UsageKind.FREE) {
          const pages = free_block_pages(block + at, load<u64>(p, offsetof<page>("private_")));
          free_end = max(free_end, block + at + pages);
        }
      }
      kind = min(kind, marked);
      if (kind == UsageKind.OTHER) {
        const mapping = load<u64>(p, offsetof<page>("mapping"));
        if (mapping != 0) kind = kind_of_mapping(mapping, (flags & swapbacked) != 0);
        else if ((flags & reserved) != 0) kind = UsageKind.RESERVED;
        else if (is_idle && !is_typed) kind = UsageKind.FREE_PCP;
      }
    }
    let nr: u32 = 1;
    if (!single) {
      left &= left - 1;
      nr = (left == 0 ? BLOCK_PAGES : <u32>ctz(left)) - at;
    }
    if (kind != run_kind) {
      if (sink == Sink.COUNT && runs != 0) add(dst, run_kind, run);
      run_kind = kind;
      run = 0;
      runs++;
    }
    if (sink == Sink.COUNT) run += ONE_FOLIO | nr;
    else if (single) store<u8>(dst + at, <u8>kind);
    else fill(dst + at, kind, nr);
    if (single) at++;
  }
  if (sink == Sink.COUNT && runs != 0) add(dst, run_kind, run);
  if (ASC_FEATURE_SIMD) store<u32>(noted, <u32>(runs == 1), UNIFORM);
  store<u32>(noted, free_end, FREE_END);
  if (single) return at == BLOCK_PAGES ? 0 : ALL << at;
  return left;
}

function list_singles(block: u32, dst: u32): u64 {
  return kinds_of_heads(Sink.LIST, true, block, ALL, dst);
}

function list_heads(block: u32, heads: u64, dst: u32): u64 {
  return kinds_of_heads(Sink.LIST, false, block, heads, dst);
}

function count_singles(block: u32, dst: u32): u64 {
  return kinds_of_heads(Sink.COUNT, true, block, ALL, dst);
}

function count_heads(block: u32, heads: u64, dst: u32): u64 {
  return kinds_of_heads(Sink.COUNT, false, block, heads, dst);
}

/** Whole blocks, from a slot that no free block reaches over. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function kinds_of_blocks(sink: Sink, first: u32, end: u32, dst: u32): void {
  note_start();
  let last_lead = INVALID;
  let last_kind: u32 = UsageKind.OTHER;
  for (let block = first; block < end; block += BLOCK_PAGES) {
    const out = sink == Sink.LIST ? dst + (block - first) : dst;
    if (!slot_valid(block)) {
      if (sink == Sink.LIST) memory.fill(out, NO_KIND, BLOCK_PAGES);
      continue;
    }
    if (!note_block(block)) {
      const free_end = kinds_one_by_one(sink, block, block + BLOCK_PAGES, load<u32>(notes(), FREE_END), out);
      store<u32>(notes(), free_end, FREE_END);
      continue;
    }
    let heads = load<u64>(notes(), HEADS);
    if ((heads & 1) == 0) {
      const lead = load<u32>(notes(), LEAD);
      if (lead != last_lead) {
        last_lead = lead;
        last_kind = kind_of_head(lead);
      }
      const nr = heads == 0 ? BLOCK_PAGES : <u32>ctz(heads);
      if (sink == Sink.LIST) fill(out, last_kind, nr);
      else add(dst, last_kind, nr);
    } else if (ASC_FEATURE_SIMD && load<u32>(notes(), UNIFORM) != 0 && (heads & (heads - 1)) != 0) {
      const kind = uniform_kind(block, heads, load<u32>(notes(), FREE_END));
      if (kind != INVALID) {
        if (sink == Sink.LIST) memory.fill(out, <u8>kind, BLOCK_PAGES);
        else add(dst, kind, ((<u64>popcnt(heads)) << 32) | BLOCK_PAGES);
        continue;
      }
    }
    if (heads == ALL) {
      heads = sink == Sink.LIST ? list_singles(block, out) : count_singles(block, dst);
    }
    while (heads != 0) {
      heads = sink == Sink.LIST ? list_heads(block, heads, out) : count_heads(block, heads, dst);
      if (heads == 0) break;
      const at = <u32>ctz(heads);
      heads &= heads - 1;
      const nr = (heads == 0 ? BLOCK_PAGES : <u32>ctz(heads)) - at;
      kind_of_rare(sink, block + at, nr, sink == Sink.LIST ? out + at : dst);
    }
  }
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

/** How many of `nr` bytes from `at` on are NO_KIND. */
function count_without_kind(at: u32, nr: u32): u32 {
  const end = at + nr;
  let count: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const no_kind = i8x16.splat(-1);
    for (; at + 16 <= end; at += 16) count += <u32>popcnt(i8x16.bitmask(i8x16.eq(v128.load(at), no_kind)));
  }
  for (; at < end; at++) count += <u32>(load<u8>(at) == NO_KIND);
  return count;
}

/**
 * Kinds of the slots from `first` up to `end`, a u8 each, to `dst`; 255 where there is no slot, or it leads nowhere, and the answer is how many
 * those are. Up to seven bytes more are overwritten.
 */
export function kinds_between(first: u32, end: u32, dst: u32): u32 {
  const stop = min(end, word(Word.NR_SLOTS));
  if (first < stop) kinds_from_to(Sink.LIST, first, stop, dst);
  const from = max(first, stop);
  if (from < end) memory.fill(dst + (from - first), NO_KIND, end - from);
  return count_without_kind(dst, end - first);
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
