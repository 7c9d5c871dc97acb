// The first two words, flags and +8, of the pages of a block. What they have in common is gathered at the speed of reading the slots, and
// tells most blocks of a real machine: single pages throughout, or part of one large folio. Of the others, which are in cache then, it is
// gathered which pages have a tag and which PG_head.

import { BLOCK_PAGES } from "./head_index";
import { notes } from "./memory";
import { COMPOUND_INFO } from "./page";
import { Word, word } from "./profile";
import { STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE } from "./x86_64";


@unmanaged
export class BlockWords {
  /** Bits set in any word of all pages but the first, whose words a head may make others, */
  any_flags: u64;
  any_info: u64;
  /** and in each of them. */
  all_flags: u64;
  all_info: u64;
  /** Bit n: page n has a tag, */
  tagged: u64;
  /** and PG_head. */
  flagged: u64;
}

/** Where they are gathered, behind notes(). */
const BLOCK_WORDS: u32 = 128;

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function block_words(): BlockWords {
  return changetype<BlockWords>(notes() + BLOCK_WORDS);
}

/**
 * Gather what the pages of the block whose first slot is at `p` have in common. One instruction reads all slots in a row, page 0 too: that
 * is what processors prefetch best; with four slots a round the pass takes a third longer.
 */
export function gather_common(p: u32): void {
  const to = block_words();
  const end = p + (BLOCK_PAGES << STRUCT_PAGE_SHIFT);
  if (ASC_FEATURE_SIMD) {
    let any = i64x2.splat(0);
    let all = i64x2.splat(-1);
    for (let at = p; at != end; at += STRUCT_PAGE_SIZE) {
      const words = v128.load(at);
      if (at == p) continue;
      any = v128.or(any, words);
      all = v128.and(all, words);
    }
    v128.store(changetype<usize>(to), any, offsetof<BlockWords>("any_flags"));
    v128.store(changetype<usize>(to), all, offsetof<BlockWords>("all_flags"));
  } else {
    let any_flags: u64 = 0;
    let any_info: u64 = 0;
    let all_flags: u64 = -1;
    let all_info: u64 = -1;
    for (let at = p + STRUCT_PAGE_SIZE; at != end; at += STRUCT_PAGE_SIZE) {
      const flags = load<u64>(at);
      const info = load<u64>(at, COMPOUND_INFO);
      any_flags |= flags;
      all_flags &= flags;
      any_info |= info;
      all_info &= info;
    }
    to.any_flags = any_flags;
    to.any_info = any_info;
    to.all_flags = all_flags;
    to.all_info = all_info;
  }
}

/** All ones where two pages have no PG_head, and no tag: four lanes of 32 bits. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function clear_of_two(at: u32, mask: v128): v128 {
  const low = v128.shuffle<i32>(v128.load(at), v128.load(at, STRUCT_PAGE_SIZE), 0, 2, 4, 6);
  return i32x4.eq(v128.and(low, mask), i32x4.splat(0));
}

/** The same of eight pages, in lanes of 8 bits. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function clear_of_eight(at: u32, mask: v128): v128 {
  const first = i16x8.narrow_i32x4_s(clear_of_two(at, mask), clear_of_two(at + 2 * STRUCT_PAGE_SIZE, mask));
  const last = i16x8.narrow_i32x4_s(
    clear_of_two(at + 4 * STRUCT_PAGE_SIZE, mask),
    clear_of_two(at + 6 * STRUCT_PAGE_SIZE, mask),
  );
  return i8x16.narrow_i16x8_s(first, last);
}

/** Gather which pages of the block whose first slot is at `p` have a tag, and which PG_head. */
export function gather_kinds(p: u32): void {
  const to = block_words();
  let tagged: u64 = 0;
  let flagged: u64 = 0;
  if (ASC_FEATURE_SIMD) {
    const mask = i64x2.splat(<i64>((1 << 32) | (<u64>word(Word.PG_HEAD))));
    for (let page: u32 = 0; page != BLOCK_PAGES; page += 16) {
      const at = p + (page << STRUCT_PAGE_SHIFT);
      const a = clear_of_eight(at, mask);
      const b = clear_of_eight(at + 8 * STRUCT_PAGE_SIZE, mask);
      const flags = i8x16.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
      const tags = i8x16.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
      flagged |= (<u64>i8x16.bitmask(flags)) << page;
      tagged |= (<u64>i8x16.bitmask(tags)) << page;
    }
    to.tagged = ~tagged;
    to.flagged = ~flagged;
  } else {
    const to_top = 63 - ctz(word(Word.PG_HEAD));
    for (let at = p, end = p + (BLOCK_PAGES << STRUCT_PAGE_SHIFT); at != end; at += STRUCT_PAGE_SIZE) {
      tagged = (tagged >> 1) | (load<u64>(at, COMPOUND_INFO) << 63);
      flagged = (flagged >> 1) | ((load<u64>(at) << to_top) & ((<u64>1) << 63));
    }
    to.tagged = tagged;
    to.flagged = flagged;
  }
}
