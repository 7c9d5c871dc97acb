/**
 * A profile says how one kernel build lays out `struct page`: flag numbers, field offsets, the encoding of tail
 * pages and page types. The engine asks the profile, never a version.
 *
 * All offsets are bytes from the start of the folio's head slot (page 1 begins at 64), so one number names both the
 * page and the place in it.
 */

/** How a tail page leads to its head (the word at +8, bit 0 set). */
export type TailEncoding =
  /** Address of the head plus 1. */
  | "pointer"
  /** The same, and HVO may show copies of a head in place of tails (fixed_fake_head, 6.1 to 7.0). */
  | "fake-heads"
  /** A mask that rounds the tail's own address down to the head, plus 1 (compound_info, 7.1 on). */
  | "mask";

/** Which page of a compound a flag operation touches (include/linux/page-flags.h). */
export type FlagPolicy = "any" | "head" | "no-tail" | "no-compound" | "only-head" | "second";

/** One page flag: its bit in the flags word, and its policy. */
export interface PageFlag {
  readonly bit: number;
  readonly policy: FlagPolicy;
}

/** A bit field of the flags word; width 0 where the kernel has none. */
export interface BitField {
  readonly shift: number;
  readonly width: number;
}

/** Byte offsets of folio fields from the head slot; null where the kernel has no such field. */
export interface FolioLayout {
  /** u8 holding the order. 6.1 and before: page[1].compound_order; from 6.6 on the low byte of page[1].flags. */
  readonly order: number;
  /** u8 compound destructor (up to 6.5), or null. */
  readonly dtor: number | null;
  /** u32 number of pages, or null. */
  readonly nrPages: number | null;
  /** i32, -1 based: all mappings of the folio (6.11 on), or null. */
  readonly largeMapcount: number | null;
  /** i32, -1 based: mappings of the folio as a whole (compound_mapcount in 6.1). */
  readonly entireMapcount: number;
  /** i32, or null. */
  readonly nrPagesMapped: number | null;
  /** i32 count of FOLL_PIN references, or null. */
  readonly pincount: number | null;
  /** The smallest order whose folio has a pincount (5.15: 2, since it stands in page 2). */
  readonly pincountMinOrder: number;
  /** u64 `_mm_ids` (two u32 ids), or null. */
  readonly mmIds: number | null;
  /** two i32, -1 based, or null. */
  readonly mmIdMapcounts: number | null;
  /** Two-word list head `_deferred_list` (folios of order 2 and above). */
  readonly deferredList: number;
  /** Pages behind the head whose mapping word may hold a field of the folio: 1 and 2, from 6.15 on 3 as well. */
  readonly metaPages: number;
}

/** What prep_compound_page and the free path write beyond what all versions do. */
export interface CompoundRules {
  /** prep_compound_tail stores 0 to page->private (6.1 to 7.0). */
  readonly prepZeroesTailPrivate: boolean;
  /** Destructor id that prep_compound_page stores (COMPOUND_PAGE_DTOR), or null. */
  readonly prepDtor: number | null;
  /** prep_compound_page self-links the deferred list of folios of order 2 and above. */
  readonly prepInitsDeferredList: boolean;
  /** Bits of page[1].flags that the free path clears (PAGE_FLAGS_SECOND, with the order byte where it is there). */
  readonly freeSecondMask: bigint;
  /** The free path stores 0 to the number of pages. */
  readonly freeZeroesNrPages: boolean;
  /** The free path stores 0 to the head's private word. */
  readonly freeZeroesPrivate: boolean;
  /** The free path makes a typed head untyped (6.17 on). */
  readonly freeResetsPageType: boolean;
  /** Low bits of mapping for which the free path stores 0 to it: 3 (PAGE_MAPPING_FLAGS) or 1 (anon, 6.17 on). */
  readonly freeMappingMask: number;
  /** Flags that each part of a split folio takes from the old head, beside the LRU fields. */
  readonly splitCopiedFlags: readonly string[];
  /** A split to large parts marks those that hold a poisoned page. */
  readonly splitKeepsHasHwpoisoned: boolean;
  /** A split stores 0 to private of each new head that is not in the swap cache (up to 6.18). */
  readonly splitZeroesPrivate: boolean;
  /** A split of a swap-cache folio gives each new head its swap entry; before, every page has its own already. */
  readonly splitMovesSwap: boolean;
}

/** Types a page can have in the word at +48 (page_type), beside being mapped. */
export interface PageTypes {
  /** "low-bits": active-low bits under base 0xf0000000 (5.15, 6.1). "top-byte": an enum in the top byte (6.12 on). */
  readonly encoding: "low-bits" | "top-byte";
  /** Name to bit (low-bits: 0x80, …) or top byte (0xf0, …). */
  readonly types: Readonly<Record<string, number>>;
}

/** How hugetlb folios and slabs are told: by page type, by a flag, or by the compound destructor's id. */
export type KindMark =
  | { readonly by: "type"; readonly name: string }
  | { readonly by: "flag"; readonly name: string }
  | { readonly by: "dtor"; readonly id: number };

/** How the kernel computes the mapcount of one page of a large folio. */
export type MapcountRule =
  /** 6.1: compound_mapcount, double-mapped anonymous THPs. */
  | "compound"
  /** 6.12 on with CONFIG_PAGE_MAPCOUNT: own count plus entire mappings. */
  | "precise"
  /** CONFIG_NO_PAGE_MAPCOUNT: the folio's average. */
  | "average";

/** enum memory_type, by name: what a device page map is for (include/linux/memremap.h). */
export type MemoryType = "private" | "coherent" | "fs-dax" | "generic" | "pci-p2pdma";

/**
 * struct dev_pagemap: byte offsets of what readers of its pages want to know (include/linux/memremap.h). Its altmap's six words of
 * pages (base_pfn, end_pfn, reserve, free, align, alloc) follow each other from `altmap` on.
 */
export interface PgmapLayout {
  readonly altmap: number;
  /** struct percpu_ref, whose second word is NULL once it is let go of (percpu_ref_exit); null in 5.15, which has it elsewhere. */
  readonly ref: number | null;
  /** i32, enum memory_type. */
  readonly type: number;
  /** u32; bit 0: it has an altmap. */
  readonly flags: number;
  /** u64, or null (5.15). */
  readonly vmemmapShift: number | null;
  /** Pointers. */
  readonly ops: number;
  readonly owner: number;
  /** i32: how many ranges there are. */
  readonly nrRange: number;
  /** The first range: physical addresses of its first and its last byte, u64 each; the next ones follow. */
  readonly range: number;
}

/** How ZONE_DEVICE pages are made, counted and given back (mm/memremap.c, mm/mm_init.c, fs/dax.c). */
export interface ZoneDeviceRules {
  /** Types this kernel has, in the order of its enum from 1 on. */
  readonly memoryTypes: readonly MemoryType[];
  /** Types whose idle pages have a refcount of 1; of others it is 0. */
  readonly idleAtOne: readonly MemoryType[];
  /** Types whose pages are given back when the refcount drops to 1 (put_devmap_managed_page); others at 0. */
  readonly freedAtOne: readonly MemoryType[];
  /** Types whose pages keep `mapping` when they are given back. */
  readonly keepsMapping: readonly MemoryType[];
  /** Types whose pages go to the driver's page_free, from 7.0 on folio_free, when they are given back. */
  readonly callsFree: readonly MemoryType[];
  /** Types for which memremap_pages takes a reference to the pgmap for each folio-sized unit. */
  readonly baseRefs: readonly MemoryType[];
  /** Types whose mappings hold references to the folio. */
  readonly mappingsCount: readonly MemoryType[];
  /** Flags that a device-private page loses when it is given back. */
  readonly freeClearedFlags: readonly string[];
  /** Slots can be made as compound pages (dev_pagemap.vmemmap_shift). */
  readonly compoundPages: boolean;
  /** Device-private folios (7.0 on): zone_device_page_init takes an order, writes each page anew, and counts by page. */
  readonly pageInitRewrites: boolean;
  /** memmap_init_compound writes page 2 after the head's fields, and so wipes `_deferred_list`. */
  readonly wipesDeferredList: boolean;
  /** In early sections, whose vmemmap is not deduplicated, all slots of a compound are written. Not so in 6.14 to 7.0. */
  readonly initsEarlyFolios: boolean;
  /** fs-dax makes folios of its entries (6.15 on); before, each page stands for itself. */
  readonly daxMakesFolios: boolean;
  /** Files may share fs-dax pages (reflink). */
  readonly daxShares: boolean;
  /** A single fs-dax page that leaves its file loses index and share too. */
  readonly daxResetsSinglePages: boolean;
}

export interface Profile {
  /** "7.3", or what the dump calls itself. */
  readonly name: string;
  /** Name of the preset it was made from: what a field is that an older image does not know yet. */
  readonly preset: string;
  readonly tailEncoding: TailEncoding;
  /** vmemmap_base without KASLR, for this profile's paging mode; a map may override it. */
  readonly vmemmapBase: bigint;
  /** MAX_FOLIO_ORDER. */
  readonly maxFolioOrder: number;
  /** Page flags by the kernel's lower-case name, aliases included ("swapcache", "checked", "readahead"…). */
  readonly flags: Readonly<Record<string, PageFlag>>;
  /** __NR_PAGEFLAGS. */
  readonly nrPageFlags: number;
  readonly node: BitField;
  readonly zone: BitField;
  readonly lastCpupid: BitField;
  readonly lruGen: BitField;
  readonly lruRefs: BitField;
  /** Zone names by number, without __MAX_NR_ZONES: ["DMA", "DMA32", "NORMAL", "MOVABLE", "DEVICE"]. */
  readonly zones: readonly string[];
  readonly folio: FolioLayout;
  readonly compound: CompoundRules;
  readonly pageTypes: PageTypes;
  readonly hugetlb: KindMark;
  readonly slab: KindMark;
  readonly mapcount: MapcountRule;
  readonly zoneDevice: ZoneDeviceRules;
  readonly pgmap: PgmapLayout;
}
