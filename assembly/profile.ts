// The words of the state block: what the host tells the core of its memory and of the kernel's layout.

import { STATE, STATE_SIZE } from "./memory";

/** How a tail leads to its head: what its word at +8 holds. */
export enum Encoding {
  /** The address of the head plus 1. */
  POINTER,
  /** The same, and slots of an optimised hugetlb folio may show copies of its head (6.1 to 7.0). */
  FAKE_HEADS,
  /** A mask that rounds the tail's own address down to the head's, plus 1 (from 7.1). */
  MASK,
}

/** How the mappings of one page of a large folio are counted. */
export enum MapcountRule {
  /** Its own count, the compound's, and what double-mapped and file THPs add (5.15, 6.1). */
  COMPOUND,
  /** Its own count and the entire mappings (6.12 on). */
  PRECISE,
  /** The folio's average (CONFIG_NO_PAGE_MAPCOUNT). */
  AVERAGE,
}

/** How hugetlb folios and slabs are told. */
export enum KindMark {
  /** By page type: the word at +48 of the head, under a mask. */
  TYPE,
  /** By a flag of the head. */
  FLAG,
  /** By the compound destructor's id. */
  DTOR,
}

/**
 * One 64-bit word each. Comments begin with the unit, which is a column of docs/abi.md; offsets are bytes from the
 * folio's head slot, NO_FIELD where the kernel has no such field.
 */
export enum Word {
  /** address: slot 0 in linear memory, a multiple of 64. */
  SLOTS,
  /** count, the core's own: slots there are. */
  NR_SLOTS,
  /** count: entries of the section table. */
  NR_SECTIONS,
  /** count, the core's own: vmemmap pages (64 slots each) that share their frame. */
  NR_SHARED,
  /** count, the core's own: pgmaps named by pgmap_add. */
  NR_PGMAPS,
  /** count, the core's own: their ranges. */
  NR_PGMAP_RANGES,
  /** address: room for the head index, a multiple of 8; 0 where there is none. */
  HEAD_INDEX_ROOM,
  /** count: sections of slots that it has room for, HEAD_INDEX_BYTES_PER_SECTION each. */
  HEAD_INDEX_SECTIONS,
  /** address, the core's own: the head index at work; 0 while it is not. */
  HEAD_INDEX,

  /** kernel address: vmemmap_base, where the struct page of PFN 0 would be. */
  VMEMMAP_BASE,
  /** Encoding: how tails lead to their heads. */
  ENCODING,
  /** order: the largest folio's (MAX_FOLIO_ORDER), at most 22. */
  MAX_FOLIO_ORDER,

  /** mask: the flag locked. */
  PG_LOCKED,
  /** mask: the flag reserved. */
  PG_RESERVED,
  /** mask: the flag head. */
  PG_HEAD,
  /** mask: the flag swapcache. */
  PG_SWAPCACHE,
  /** mask: the flag swapbacked. */
  PG_SWAPBACKED,
  /** mask: the flag hwpoison. */
  PG_HWPOISON,
  /** mask: the flag has_hwpoisoned of page 1, 0 where there is none. */
  PG_HAS_HWPOISONED,
  /** mask: the flag large_rmappable of page 1, 0 where there is none. */
  PG_LARGE_RMAPPABLE,
  /** mask: the flag double_map of page 1, 0 where there is none. */
  PG_DOUBLE_MAP,
  /** mask: the flag anon_exclusive, 0 where there is none. */
  PG_ANON_EXCLUSIVE,
  /** mask: PAGE_FLAGS_CHECK_AT_PREP, what a page loses when it is freed or becomes a head of its own. */
  CHECK_AT_PREP_MASK,
  /** mask: what a split copies from the old head to each new one. */
  SPLIT_COPY_MASK,
  /** mask: what the free path clears in the flags word of page 1, the order's byte included where it is there. */
  SECOND_MASK,

  /** shift: the node's number. */
  NODE_SHIFT,
  /** width mask: the node's number. */
  NODE_MASK,
  /** shift: the zone's number. */
  ZONE_SHIFT,
  /** width mask: the zone's number. */
  ZONE_MASK,
  /** shift: last_cpupid. */
  CPUPID_SHIFT,
  /** width mask: last_cpupid, 0 where the flags word has none. */
  CPUPID_MASK,
  /** zone number: ZONE_DEVICE, 0xffffffff where the kernel has none. */
  ZONE_DEVICE,

  /** offset: u8, the order; every kernel has it. */
  ORDER,
  /** offset: u8, id of the compound destructor (up to 6.5). */
  DTOR,
  /** offset: u32, the number of pages. */
  NR_PAGES,
  /** offset: i32, -1 based, `_large_mapcount`. */
  LARGE_MAPCOUNT,
  /** offset: i32, -1 based, `_entire_mapcount`. */
  ENTIRE_MAPCOUNT,
  /** offset: i32, `_nr_pages_mapped`. */
  NR_PAGES_MAPPED,
  /** offset: i32, `_pincount`. */
  PINCOUNT,
  /** order: the smallest whose folios have a `_pincount`. */
  PINCOUNT_MIN_ORDER,
  /** offset: two u32, `_mm_id`. */
  MM_IDS,
  /** offset: two i32, -1 based, `_mm_id_mapcount`. */
  MM_ID_MAPCOUNTS,
  /** offset: two u64, `_deferred_list`, from order 2 on. */
  DEFERRED_LIST,
  /** count: pages behind the head whose mapping may hold a field of the folio. */
  META_PAGES,

  /** 0 or 1: prep_compound_tail stores 0 to private. */
  PREP_ZEROES_TAIL_PRIVATE,
  /** number: the destructor's id that prep_compound_page stores, where there is a DTOR. */
  PREP_DTOR,
  /** 0 or 1: prep_compound_page links `_deferred_list` to itself. */
  PREP_INITS_DEFERRED_LIST,
  /** 0 or 1: the free path stores 0 to NR_PAGES, which must be there. */
  FREE_ZEROES_NR_PAGES,
  /** 0 or 1: the free path stores 0 to the head's private. */
  FREE_ZEROES_PRIVATE,
  /** 0 or 1: the free path takes the head's page type off. */
  FREE_RESETS_TYPE,
  /** bits of mapping: where the head has one of them, the free path stores 0 to mapping. */
  FREE_MAPPING_MASK,
  /** 0 or 1: a split to large folios marks those that hold a poisoned page. */
  SPLIT_KEEPS_HAS_HWPOISONED,
  /** 0 or 1: a split stores 0 to private of each new head that is not in the swap cache. */
  SPLIT_ZEROES_PRIVATE,
  /** 0 or 1: a split gives each new head in the swap cache its own swap entry. */
  SPLIT_MOVES_SWAP,

  /** word at +48, signed: one below it is a page type, no mapcount. */
  TYPE_LIMIT,
  /** 0 or 1: the page type is the top byte (6.12 on), else low bits. */
  TYPES_IN_TOP_BYTE,
  /** KindMark: how hugetlb folios are told. */
  HUGETLB_BY,
  /** by KindMark: over the word at +48 (TYPE) or the flags word (FLAG). */
  HUGETLB_MASK,
  /** by KindMark: what the word at +48 must be under the mask (TYPE), or the destructor's id (DTOR). */
  HUGETLB_VALUE,
  /** KindMark: how slabs are told. */
  SLAB_BY,
  /** by KindMark: as HUGETLB_MASK. */
  SLAB_MASK,
  /** by KindMark: as HUGETLB_VALUE. */
  SLAB_VALUE,
  /** type: buddy. Of such words, mask in the low half and value in the high one: the word at +48 under the mask is the value. */
  TYPE_BUDDY,
  /** type: offline. */
  TYPE_OFFLINE,
  /** type: table. */
  TYPE_TABLE,
  /** type: guard. */
  TYPE_GUARD,
  /** type: zsmalloc. Mask 0 and value 1 where the kernel has no such type. */
  TYPE_ZSMALLOC,
  /** type: unaccepted. */
  TYPE_UNACCEPTED,
  /** type: large_kmalloc. */
  TYPE_LARGE_KMALLOC,
  /** MapcountRule: how page_mapcount counts. */
  MAPCOUNT_RULE,

  /** set of MemoryType: whose idle pages have a count of 1, else 0. */
  DEVICE_IDLE_AT_ONE,
  /** set of MemoryType: whose pages are given back when the count drops to 1, else to 0. */
  DEVICE_FREED_AT_ONE,
  /** set of MemoryType: whose pages keep their mapping when they are given back. */
  DEVICE_KEEPS_MAPPING,
  /** set of MemoryType: whose pages go to the driver's page_free or folio_free when they are given back. */
  DEVICE_CALLS_FREE,
  /** set of MemoryType: whose pgmap holds a reference to itself for each unit from memremap_pages on. */
  DEVICE_BASE_REFS,
  /** set of MemoryType: whose mappings hold references to the folio. */
  DEVICE_MAPPINGS_COUNT,
  /** mask: flags that a device-private page loses when it is given back. */
  DEVICE_FREE_CLEARS,
  /** 0 or 1: device-private folios (7.0 on): zone_device_page_init takes an order and writes each page anew. */
  DEVICE_PAGE_INIT_REWRITES,
  /** 0 or 1: memmap_init_compound writes page 2 after the head's fields, `_deferred_list` among them. */
  DEVICE_WIPES_DEFERRED_LIST,
  /** 0 or 1: fs-dax makes folios of its entries (6.15 on), else it writes page by page. */
  DAX_MAKES_FOLIOS,
  /** 0 or 1: fs-dax files may share pages. */
  DAX_SHARES,
  /** 0 or 1: a single fs-dax page that leaves its file loses share and index too. */
  DAX_RESETS_SINGLE_PAGES,
}

/** Room for words in memory. */
const MAX_WORDS: u32 = STATE_SIZE >> 3;

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

/** Set a state word by its halves, since no 64-bit value crosses the ABI. */
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
