// The words of the state block: what the host tells the core of its memory and of the kernel's layout.

import { PREDICATE, STATE } from "./memory";

export enum Encoding {
  POINTER,
  FAKE_HEADS,
  MASK,
}

export enum MapcountRule {
  COMPOUND,
  PRECISE,
  AVERAGE,
}

/** How hugetlb folios and slabs are told. */
export enum KindMark {
  TYPE,
  FLAG,
  DTOR,
}

/** One 64-bit word each. An offset of a field the kernel does not have is NO_FIELD. */
export enum Word {
  /** Address of slot 0 in linear memory. */
  SLOTS,
  /** How many slots there are. */
  NR_SLOTS,
  /** Entries of the section table. */
  NR_SECTIONS,
  /** How many 64-slot pages share their frame. */
  NR_SHARED,

  VMEMMAP_BASE,
  ENCODING,
  MAX_FOLIO_ORDER,

  /** Flag masks over the flags word. */
  PG_HEAD,
  PG_SWAPCACHE,
  PG_SWAPBACKED,
  PG_HWPOISON,
  PG_HAS_HWPOISONED,
  PG_LARGE_RMAPPABLE,
  PG_DOUBLE_MAP,
  /** PAGE_FLAGS_CHECK_AT_PREP: what a page loses when it is freed or becomes a head of its own. */
  CHECK_AT_PREP_MASK,
  /** What a split copies from the old head to each new one. */
  SPLIT_COPY_MASK,
  /** What the free path clears in page 1. */
  SECOND_MASK,

  NODE_SHIFT,
  NODE_MASK,
  ZONE_SHIFT,
  ZONE_MASK,
  CPUPID_SHIFT,
  CPUPID_MASK,

  /** Folio fields: bytes from the head slot. */
  ORDER,
  DTOR,
  NR_PAGES,
  LARGE_MAPCOUNT,
  ENTIRE_MAPCOUNT,
  NR_PAGES_MAPPED,
  PINCOUNT,
  PINCOUNT_MIN_ORDER,
  MM_IDS,
  MM_ID_MAPCOUNTS,
  DEFERRED_LIST,

  PREP_ZEROES_TAIL_PRIVATE,
  PREP_DTOR,
  PREP_INITS_DEFERRED_LIST,
  FREE_ZEROES_NR_PAGES,
  FREE_ZEROES_PRIVATE,
  FREE_RESETS_TYPE,
  FREE_MAPPING_MASK,
  SPLIT_KEEPS_HAS_HWPOISONED,
  SPLIT_ZEROES_PRIVATE,
  SPLIT_MOVES_SWAP,

  /** A word of +48 below this (signed) is a page type, no mapcount. */
  TYPE_LIMIT,
  /** 1 where the type is the top byte (6.12 on), 0 where types are low bits. */
  TYPES_IN_TOP_BYTE,
  /** What a typed word is compared under, and what it must be. */
  HUGETLB_BY,
  HUGETLB_MASK,
  HUGETLB_VALUE,
  SLAB_BY,
  SLAB_MASK,
  SLAB_VALUE,
  MAPCOUNT_RULE,
}

/** Room for words in memory. */
const MAX_WORDS: u32 = (PREDICATE - STATE) >> 3;

export const NO_FIELD: u32 = 0xffff_ffff;

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function word(name: Word): u32 {
  return load<u32>(STATE + ((<u32>name) << 3));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function word64(name: Word): u64 {
  return load<u64>(STATE + ((<u32>name) << 3));
}

/** Set a state word; low and high half, since no 64-bit value crosses the ABI. */
export function state_set(name: u32, low: u32, high: u32): void {
  if (name >= MAX_WORDS) return;
  store<u32>(STATE + (name << 3), low);
  store<u32>(STATE + (name << 3), high, 4);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function add_to_word(name: Word, delta: i32): void {
  store<u32>(STATE + ((<u32>name) << 3), word(name) + delta);
}
