// Lists of pages to lists of heads. Answers are of the list's kind: PFNs (their low 32 bits) or slots; INVALID where
// the page is absent or its word leads nowhere. `dst` may be `src`.
//
// Four at a time: four entries of the section table (in cache), four tagged words (a cache miss each, all under way
// together), then the arithmetic of all four at once. A group with a page outside the PLAIN sections takes the checked
// way one by one.

import { checked_distance, compound_head, tagged_distance } from "../compound";
import { has_index } from "../head_index";
import { INVALID, notes, STATE } from "../memory";
import { COMPOUND_INFO } from "../page";
import { Encoding, Word, word, word64 } from "../profile";
import { PLAIN, PLAIN_FLAGS, pfn_to_slot, section_entry } from "../sparse";
import { PFN_SECTION_SHIFT, SLOT_IN_VMEMMAP_PAGE_MASK, STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE } from "../x86_64";
import { head_by_index, heads_by_index, is_indexed } from "./indexed";

/** Addresses by a PLAIN entry carry its flags; reading as many bytes before the field takes them off again. */
const TAG_OF_PLAIN: u32 = COMPOUND_INFO - PLAIN_FLAGS;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function plain_slot_address(entry: u32, pfn: u32): u32 {
  return entry + (pfn << STRUCT_PAGE_SHIFT);
}

/** Bytes of a list that go through the slots where the index does not answer, before it is asked again. */
export const BY_SLOTS: u32 = 64 * sizeof<u32>();

/** Head of one PFN below 2^32, the checked way. */
function checked_head_of_pfn(pfn: u32): u32 {
  const slot = pfn_to_slot(pfn);
  if (slot == INVALID) return INVALID;
  const distance = checked_distance(slot);
  return distance == INVALID ? INVALID : pfn - distance;
}

// The encodings as types, so that each has a loop of its own, made by the compiler: `sizeof<E>()` is known when it runs.
export type Pointer = u8;
export type FakeHeads = u16;
export type Mask = u32;

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

/** Head of one PFN by its tag. Free of branches on the tag: whether a random page is a tail is a coin toss. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function head_by_tag<E>(pfn: u32, tag: u32, base_low: u32): u32 {
  return pfn - (tagged_distance(encoding_of<E>(), pfn, tag, base_low) & (0 - (tag & 1)));
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

// A fake head has no tag and is the first slot of a vmemmap page. Pages like that are few, but which they are is hard to
// foresee, so the loop takes no branch for them: it notes each group of four that has one, and a block's notes are gone
// through behind it. A note is the group's offset in the block, a multiple of 16, with a bit for each lane that may be fake.

const BLOCK: u32 = 512 * sizeof<u32>();

// @ts-ignore: top level decorators are AssemblyScript
@inline
function fake_lanes(pfns: v128, tags: v128): u32 {
  const offset = v128.and(pfns, i32x4.splat(SLOT_IN_VMEMMAP_PAGE_MASK));
  return i32x4.bitmask(i32x4.eq(v128.or(offset, v128.and(tags, i32x4.splat(1))), i32x4.splat(0)));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function may_be_fake(pfn: u32, tag: u32): u32 {
  return <u32>(((pfn & SLOT_IN_VMEMMAP_PAGE_MASK) | (tag & 1)) == 0);
}

/** Answers that pages with PG_head wait for: so far behind notes(), and behind lists that stand there too. */
const FLAGGED: u32 = 2 * BLOCK;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function plain_page(pfn: u32): u32 {
  return plain_slot_address(section_entry(pfn >> PFN_SECTION_SHIFT), pfn) - PLAIN_FLAGS;
}

/**
 * Go through a block's notes, up to one of no lanes. The answers of those lanes so far are their own PFNs. First those with
 * PG_head are told from others, then their next slots are read, so that the cache misses of all are under way together.
 */
function resolve_fakes(dst: u32): void {
  const base_low = <u32>word64(Word.VMEMMAP_BASE);
  const head_flag = word(Word.PG_HEAD);
  const first = notes() + FLAGGED;
  let flagged = first;
  for (let note = notes(); ; note += sizeof<u32>()) {
    const group = load<u32>(note);
    if ((group & 15) == 0) break;
    for (let lanes = group & 15; lanes != 0; lanes &= lanes - 1) {
      const out = dst + (group & ~15) + (ctz(lanes) << 2);
      store<u32>(flagged, out);
      flagged += (<u32>((load<u32>(plain_page(load<u32>(out))) & head_flag) != 0)) << 2;
    }
  }
  for (let at = first; at != flagged; at += sizeof<u32>()) {
    const out = load<u32>(at);
    const pfn = load<u32>(out);
    const next = load<u32>(plain_page(pfn), STRUCT_PAGE_SIZE + COMPOUND_INFO);
    store<u32>(out, head_by_tag<FakeHeads>(pfn, next, base_low));
  }
}

/** Heads of four PFNs at `src`, whose slots are at `p0` to `p3`; a bit for each lane that may be a fake head. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function store_four_heads<E>(src: u32, out: u32, p0: u32, p1: u32, p2: u32, p3: u32, base_low: u32): u32 {
  if (ASC_FEATURE_SIMD) {
    const pfns = v128.load(src);
    let tags = v128.load32_zero(p0, TAG_OF_PLAIN);
    tags = v128.load_lane<u32>(p1, tags, 1, TAG_OF_PLAIN);
    tags = v128.load_lane<u32>(p2, tags, 2, TAG_OF_PLAIN);
    tags = v128.load_lane<u32>(p3, tags, 3, TAG_OF_PLAIN);
    v128.store(out, heads_of_lanes<E>(pfns, tags, v128.load32_splat(STATE + ((<u32>Word.VMEMMAP_BASE) << 3))));
    return may_have_fakes<E>() ? fake_lanes(pfns, tags) : 0;
  } else {
    const pfn0 = load<u32>(src);
    const pfn1 = load<u32>(src, 4);
    const pfn2 = load<u32>(src, 8);
    const pfn3 = load<u32>(src, 12);
    const tag0 = load<u32>(p0, TAG_OF_PLAIN);
    const tag1 = load<u32>(p1, TAG_OF_PLAIN);
    const tag2 = load<u32>(p2, TAG_OF_PLAIN);
    const tag3 = load<u32>(p3, TAG_OF_PLAIN);
    store<u32>(out, head_by_tag<E>(pfn0, tag0, base_low));
    store<u32>(out, head_by_tag<E>(pfn1, tag1, base_low), 4);
    store<u32>(out, head_by_tag<E>(pfn2, tag2, base_low), 8);
    store<u32>(out, head_by_tag<E>(pfn3, tag3, base_low), 12);
    if (!may_have_fakes<E>()) return 0;
    const fakes01 = may_be_fake(pfn0, tag0) | (may_be_fake(pfn1, tag1) << 1);
    return fakes01 | (may_be_fake(pfn2, tag2) << 2) | (may_be_fake(pfn3, tag3) << 3);
  }
}

/**
 * Heads of groups of four PFNs, from `src` up to the first group that is not all in PLAIN sections, or to `end`. Answers
 * where it stopped. A function of its own and no call in the loop: with one, engines keep everything on the stack.
 */
function plain_groups<E>(src: u32, end: u32, dst: u32): u32 {
  const base_low = <u32>word64(Word.VMEMMAP_BASE);
  let note = notes();
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
    if ((entry0 & entry1 & entry2 & entry3 & PLAIN) == 0) break;
    const p0 = plain_slot_address(entry0, pfn0);
    const p1 = plain_slot_address(entry1, pfn1);
    const p2 = plain_slot_address(entry2, pfn2);
    const p3 = plain_slot_address(entry3, pfn3);
    const fakes = store_four_heads<E>(at, out, p0, p1, p2, p3, base_low);
    if (may_have_fakes<E>()) {
      store<u32>(note, (out - dst) | fakes);
      note += (<u32>(fakes != 0)) << 2;
    }
  }
  if (may_have_fakes<E>()) store<u32>(note, 0);
  return at;
}

/** Heads of a block of groups of four; answers how many were invalid. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function head_block<E>(src: u32, end: u32, dst: u32): u32 {
  const to_dst = dst - src;
  let invalid: u32 = 0;
  let at = plain_groups<E>(src, end, dst);
  if (may_have_fakes<E>()) resolve_fakes(dst);
  while (at != end) {
    invalid += checked_heads(at, at + to_dst, 4);
    const next = at + 16;
    at = plain_groups<E>(next, end, next + to_dst);
    if (may_have_fakes<E>()) resolve_fakes(next + to_dst);
  }
  return invalid;
}

/**
 * Read the tagged words of PFNs up to the first outside the PLAIN sections: answers their sum, of no use to anyone. Without
 * SIMD the loop over groups does so much for each that few misses are under way; it comes behind, and finds all in cache.
 */
function touch_words(src: u32, end: u32): u32 {
  let sum: u32 = 0;
  for (let at = src; at != end; at += sizeof<u32>()) {
    const pfn = load<u32>(at);
    const entry = section_entry(pfn >> PFN_SECTION_SHIFT);
    if ((entry & PLAIN) == 0) break;
    sum += load<u32>(plain_slot_address(entry, pfn), TAG_OF_PLAIN);
  }
  return sum;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function head_list<E>(src: u32, dst: u32, nr: u32): u32 {
  const end = src + ((nr & ~3) << 2);
  const to_dst = dst - src;
  let invalid: u32 = 0;
  let at = src;
  while (at != end) {
    const stop = may_have_fakes<E>() || !ASC_FEATURE_SIMD ? at + min(BLOCK, end - at) : end;
    if (!ASC_FEATURE_SIMD) store<u32>(notes(), touch_words(at, stop));
    invalid += head_block<E>(at, stop, at + to_dst);
    at = stop;
  }
  return invalid + checked_heads(at, at + to_dst, nr & 3);
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

/** Heads of a list of PFNs below 2^32; answers how many were invalid. The head index is asked first. */
export function heads_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  if (!has_index()) return heads_of_pfns_by_slots(src, dst, nr);
  const to_dst = dst - src;
  const end = src + (nr << 2);
  const groups_end = src + ((nr & ~3) << 2);
  let invalid: u32 = 0;
  let at = src;
  while (at != end) {
    at = heads_by_index(at, groups_end, at + to_dst);
    const stop = at == groups_end ? end : min(at + BY_SLOTS, groups_end);
    invalid += heads_of_pfns_by_slots(at, at + to_dst, (stop - at) >> 2);
    at = stop;
  }
  return invalid;
}

/** The same through the slots alone. */
function heads_of_pfns_by_slots(src: u32, dst: u32, nr: u32): u32 {
  switch (word(Word.ENCODING)) {
    case Encoding.POINTER:
      return head_list<Pointer>(src, dst, nr);
    case Encoding.FAKE_HEADS:
      return head_list<FakeHeads>(src, dst, nr);
    default:
      return head_list<Mask>(src, dst, nr);
  }
}

/** Heads of a list of slots; answers how many were invalid. The head index is asked first. */
export function heads_of_slots(src: u32, dst: u32, nr: u32): u32 {
  const indexed = has_index();
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    const head = indexed && is_indexed(slot) ? head_by_index(slot) : compound_head(slot);
    invalid += store_head(dst + (at << 2), head);
  }
  return invalid;
}
