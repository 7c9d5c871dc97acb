// Lists of pages to lists of heads. Answers are of the list's kind: PFNs (their low 32 bits) or slots; INVALID where
// the page is absent or its word leads nowhere. `dst` may be `src`.
//
// Four at a time: four entries of the section table (in cache), four tagged words (a cache miss each, all under way
// together), then the arithmetic of all four at once. A group with a page outside the PLAIN sections takes the checked
// way one by one.

import { checked_distance, compound_head, plain_distance, tagged_distance } from "../compound";
import { INVALID } from "../memory";
import { COMPOUND_INFO } from "../page";
import { Encoding, Word, word, word64 } from "../profile";
import { PLAIN, pfn_to_slot, section_entry } from "../sparse";
import { PAGE_IN_SECTION_MASK, PFN_SECTION_SHIFT, SLOT_IN_VMEMMAP_PAGE_MASK, STRUCT_PAGE_SHIFT } from "../x86_64";

/** PLAIN is bit 0 of an entry; reading one byte before the field takes it off again. */
const TAG_OF_PLAIN: u32 = COMPOUND_INFO - PLAIN;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function plain_slot_address(entry: u32, pfn: u32): u32 {
  return entry + ((pfn & PAGE_IN_SECTION_MASK) << STRUCT_PAGE_SHIFT);
}

/** Head of one PFN below 2^32, the checked way. */
function checked_head_of_pfn(pfn: u32): u32 {
  const slot = pfn_to_slot(pfn);
  if (slot == INVALID) return INVALID;
  const distance = checked_distance(slot);
  return distance == INVALID ? INVALID : pfn - distance;
}

// The encodings as types, so that each has a loop of its own, made by the compiler: `sizeof<E>()` is known when it runs.
type Pointer = u8;
type FakeHeads = u16;
type Mask = u32;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function may_have_fakes<E>(): bool {
  return sizeof<E>() == sizeof<FakeHeads>();
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function encoding_of<E>(): u32 {
  return sizeof<E>() == sizeof<Mask>() ? Encoding.MASK : Encoding.POINTER;
}

/** What a slot that may be a fake head leads to: the first of a vmemmap page, with PG_head and a tail behind it. */
function fixed_fake_head(p: u32, pfn: u32, base_low: u32): u32 {
  return pfn - plain_distance(Encoding.FAKE_HEADS, p, pfn, base_low);
}

/** Head of one PFN by its tag. Free of branches on the tag: whether a random page is a tail is a coin toss. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function head_behind_fake<E>(p: u32, pfn: u32, tag: u32, base_low: u32): u32 {
  const tagged = 0 - (tag & 1);
  if (may_have_fakes<E>() && (pfn & SLOT_IN_VMEMMAP_PAGE_MASK) == 0 && tagged == 0) {
    return fixed_fake_head(p - PLAIN, pfn, base_low);
  }
  return pfn - (tagged_distance(encoding_of<E>(), pfn, tag, base_low) & tagged);
}

/** Heads of four tags at once; untagged lanes give their own PFN. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function heads_of_lanes<E>(pfns: v128, tags: v128, bases: v128): v128 {
  const tagged = i32x4.shr_s(i32x4.shl(tags, 31), 31);
  if (sizeof<E>() == sizeof<Mask>()) {
    return v128.and(pfns, v128.or(i32x4.shr_s(tags, STRUCT_PAGE_SHIFT), v128.not(tagged)));
  }
  // tags - 1 as tags + tagged: what untagged lanes give is masked away.
  const own = i32x4.add(bases, i32x4.shl(pfns, STRUCT_PAGE_SHIFT));
  const distances = i32x4.shr_u(i32x4.sub(own, i32x4.add(tags, tagged)), STRUCT_PAGE_SHIFT);
  return i32x4.sub(pfns, v128.and(distances, tagged));
}

/** Whether a lane may be a fake head: no tail, and the first slot of a vmemmap page. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function any_fake(pfns: v128, tags: v128): bool {
  const offset = v128.and(pfns, i32x4.splat(SLOT_IN_VMEMMAP_PAGE_MASK));
  return v128.any_true(i32x4.eq(v128.or(offset, v128.and(tags, i32x4.splat(1))), i32x4.splat(0)));
}

/** Heads of four PFNs of PLAIN sections to `out`. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function store_plain_heads<E>(
  src: u32,
  out: u32,
  base_low: u32,
  entry0: u32,
  entry1: u32,
  entry2: u32,
  entry3: u32,
): void {
  const pfn0 = load<u32>(src);
  const pfn1 = load<u32>(src, 4);
  const pfn2 = load<u32>(src, 8);
  const pfn3 = load<u32>(src, 12);
  const p0 = plain_slot_address(entry0, pfn0);
  const p1 = plain_slot_address(entry1, pfn1);
  const p2 = plain_slot_address(entry2, pfn2);
  const p3 = plain_slot_address(entry3, pfn3);
  if (ASC_FEATURE_SIMD) {
    let tags = v128.load32_zero(p0, TAG_OF_PLAIN);
    tags = v128.load_lane<u32>(p1, tags, 1, TAG_OF_PLAIN);
    tags = v128.load_lane<u32>(p2, tags, 2, TAG_OF_PLAIN);
    tags = v128.load_lane<u32>(p3, tags, 3, TAG_OF_PLAIN);
    const pfns = v128.load(src);
    v128.store(out, heads_of_lanes<E>(pfns, tags, i32x4.splat(base_low)));
    if (!may_have_fakes<E>() || !any_fake(pfns, tags)) return;
    store<u32>(out, head_behind_fake<E>(p0, pfn0, i32x4.extract_lane(tags, 0), base_low));
    store<u32>(out, head_behind_fake<E>(p1, pfn1, i32x4.extract_lane(tags, 1), base_low), 4);
    store<u32>(out, head_behind_fake<E>(p2, pfn2, i32x4.extract_lane(tags, 2), base_low), 8);
    store<u32>(out, head_behind_fake<E>(p3, pfn3, i32x4.extract_lane(tags, 3), base_low), 12);
  } else {
    const tag0 = load<u32>(p0, TAG_OF_PLAIN);
    const tag1 = load<u32>(p1, TAG_OF_PLAIN);
    const tag2 = load<u32>(p2, TAG_OF_PLAIN);
    const tag3 = load<u32>(p3, TAG_OF_PLAIN);
    store<u32>(out, head_behind_fake<E>(p0, pfn0, tag0, base_low));
    store<u32>(out, head_behind_fake<E>(p1, pfn1, tag1, base_low), 4);
    store<u32>(out, head_behind_fake<E>(p2, pfn2, tag2, base_low), 8);
    store<u32>(out, head_behind_fake<E>(p3, pfn3, tag3, base_low), 12);
  }
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function head_list<E>(src: u32, dst: u32, nr: u32): u32 {
  const base_low = <u32>word64(Word.VMEMMAP_BASE);
  const end = src + (nr << 2);
  const end_of_fours = src + ((nr & ~3) << 2);
  const to_dst = dst - src;
  let invalid: u32 = 0;
  let at = src;
  for (; at != end_of_fours; at += 16) {
    const entry0 = section_entry(load<u32>(at) >> PFN_SECTION_SHIFT);
    const entry1 = section_entry(load<u32>(at, 4) >> PFN_SECTION_SHIFT);
    const entry2 = section_entry(load<u32>(at, 8) >> PFN_SECTION_SHIFT);
    const entry3 = section_entry(load<u32>(at, 12) >> PFN_SECTION_SHIFT);
    if ((entry0 & entry1 & entry2 & entry3 & PLAIN) != 0) {
      store_plain_heads<E>(at, at + to_dst, base_low, entry0, entry1, entry2, entry3);
    } else {
      invalid += checked_heads(at, at + to_dst, 4);
    }
  }
  return invalid + checked_heads(at, at + to_dst, (end - at) >> 2);
}

/** The checked way for `nr` PFNs; answers how many were invalid. */
function checked_heads(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    invalid += store_head(dst + (at << 2), checked_head_of_pfn(load<u32>(src + (at << 2))));
  }
  return invalid;
}

/** Store an answer; 1 where it is none. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function store_head(at: u32, head: u32): u32 {
  store<u32>(at, head);
  return <u32>(head == INVALID);
}

/** compound_head by PFN, below 2^32: the head's PFN or INVALID. */
export function head_of_pfn(pfn: u32): u32 {
  return checked_head_of_pfn(pfn);
}

/** Heads of a list of PFNs below 2^32; answers how many were invalid. */
export function heads_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  switch (word(Word.ENCODING)) {
    case Encoding.POINTER:
      return head_list<Pointer>(src, dst, nr);
    case Encoding.FAKE_HEADS:
      return head_list<FakeHeads>(src, dst, nr);
    default:
      return head_list<Mask>(src, dst, nr);
  }
}

/** Heads of a list of slots; answers how many were invalid. */
export function heads_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    invalid += store_head(dst + (at << 2), compound_head(load<u32>(src + (at << 2))));
  }
  return invalid;
}
