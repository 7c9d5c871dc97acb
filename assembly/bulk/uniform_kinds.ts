// Blocks whose heads and single pages are all of one kind, as most are where the one before is: told by what their words have in common,
// gathered at the speed of reading the slots. Without SIMD that takes no less than going through them one by one.

import { BLOCK_PAGES } from "../head_index";
import { UsageKind, kind_of_mapping, marking_flags } from "../kinds";
import { INVALID } from "../memory";
import { page } from "../page";
import { in_zone_device, zone_field } from "../page_links";
import { KindMark, Word, word, word64 } from "../profile";
import { slot_to_page } from "../sparse";
import { STRUCT_PAGE_SHIFT } from "../x86_64";

/** lru_prev and mapping, _mapcount and _refcount are read by one instruction each; flags by one with the word at +8. */
const MAPPING_PAIR: u32 = offsetof<page>("lru_prev");
const COUNTS: u32 = offsetof<page>("_mapcount");

// @ts-ignore: top level decorators are AssemblyScript
@inline
function low_half(words: v128): u64 {
  return i64x2.extract_lane(words, 0);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function high_half(words: v128): u64 {
  return i64x2.extract_lane(words, 1);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function kind_of_all(by_dtor: bool, block: u32, heads: u64, free_end: u32): u32 {
  const base = slot_to_page(block);
  // The destructor stands in page 1: of the last page it may not be there.
  const last = base + ((BLOCK_PAGES - 2) << STRUCT_PAGE_SHIFT);
  const dtor = word(Word.DTOR);
  const hugetlb_dtor = word(Word.HUGETLB_VALUE) & 0xff;
  const none = i32x4.splat(0);
  const limits = i32x4.replace_lane(i32x4.splat(i32.MIN_VALUE), 0, <i32>word(Word.TYPE_LIMIT));
  let any_flags = none;
  let all_flags = i32x4.splat(-1);
  let any_mapping = none;
  let all_mapping = all_flags;
  let any_count = none;
  let typed = none;
  let idle = none;
  let is_hugetlb: u32 = 0;
  for (let left = heads; left != 0; left &= left - 1) {
    const p = base + ((<u32>ctz(left)) << STRUCT_PAGE_SHIFT);
    const flags = v128.load(p);
    const mapping = v128.load(p, MAPPING_PAIR);
    const counts = v128.load(p, COUNTS);
    any_flags = v128.or(any_flags, flags);
    all_flags = v128.and(all_flags, flags);
    any_mapping = v128.or(any_mapping, mapping);
    all_mapping = v128.and(all_mapping, mapping);
    any_count = v128.or(any_count, counts);
    typed = v128.or(typed, i32x4.lt_s(counts, limits));
    idle = v128.or(idle, i32x4.eq(counts, none));
    if (by_dtor) is_hugetlb |= <u32>(load<u8>(min(p, last) + dtor) == hugetlb_dtor);
  }
  const flags = low_half(any_flags);
  const differing = flags ^ low_half(all_flags);
  if ((differing & zone_field()) != 0) return INVALID;
  const is_idle = i32x4.extract_lane(any_count, 1) == 0;
  if (is_idle && block + BLOCK_PAGES <= free_end) return UsageKind.FREE;
  // Amid a free block that ends here, or with some pages taken out of it.
  if (block < free_end || i32x4.extract_lane(typed, 0) != 0) return INVALID;
  const marks = flags & marking_flags();
  if (by_dtor) {
    const marks_of_last = heads >> (BLOCK_PAGES - 1) != 0 ? marks & load<u64>(last + (1 << STRUCT_PAGE_SHIFT)) : 0;
    if ((marks & ~word64(Word.PG_HEAD)) != 0 || marks_of_last != 0 || (marks != 0 && is_hugetlb != 0)) return INVALID;
  } else if (marks != 0) return INVALID;
  const mapping = high_half(any_mapping);
  const common = high_half(all_mapping);
  if (mapping != 0) {
    if (common == 0 || ((mapping ^ common) & 3) != 0) return INVALID;
    const swapbacked = word64(Word.PG_SWAPBACKED);
    return (common & 3) == 0 && (differing & swapbacked) != 0
      ? INVALID
      : kind_of_mapping(common, (flags & swapbacked) != 0);
  }
  const reserved = word64(Word.PG_RESERVED);
  if ((differing & reserved) != 0) return INVALID;
  if ((flags & reserved) != 0) return UsageKind.RESERVED;
  if (is_idle) return UsageKind.FREE_PCP;
  return i32x4.extract_lane(idle, 1) == 0 ? UsageKind.OTHER : INVALID;
}

function kind_of_all_by_dtor(block: u32, heads: u64, free_end: u32): u32 {
  return kind_of_all(true, block, heads, free_end);
}

function kind_of_all_by_head(block: u32, heads: u64, free_end: u32): u32 {
  return kind_of_all(false, block, heads, free_end);
}

/**
 * The kind of all pages of a valid block that are no tails, whose bits `heads` are, where the last free block ends at the slot `free_end`.
 * INVALID where they may be of several, or take more than a look.
 */
export function uniform_kind(block: u32, heads: u64, free_end: u32): u32 {
  if (!ASC_FEATURE_SIMD) return INVALID;
  const p = changetype<page>(slot_to_page(block));
  if (p._mapcount < <i32>word(Word.TYPE_LIMIT) || in_zone_device(slot_to_page(block))) return INVALID;
  return word(Word.HUGETLB_BY) == KindMark.DTOR && word(Word.SLAB_BY) != KindMark.DTOR
    ? kind_of_all_by_dtor(block, heads, free_end)
    : kind_of_all_by_head(block, heads, free_end);
}
