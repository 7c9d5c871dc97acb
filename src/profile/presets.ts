/**
 * Profiles of released kernels, as a Debian-like x86_64 configuration builds them: NODES_SHIFT=10, five zones,
 * NR_CPUS=8192 and NUMA_BALANCING, MEMCG, MEMORY_FAILURE, ZONE_DEVICE, LRU_GEN (from 6.1), HVO, PAGE_MAPCOUNT,
 * 4-level page tables, no KASLR. Offsets are those pahole prints for struct page and struct folio of each release.
 *
 * Each family says only what it changes of the one before.
 */
import { flags5_15, flags6_1, flags6_12, flags6_14, flags6_17, type FlagTable } from "./flags.js";
import type {
  BitField,
  CompoundRules,
  FolioLayout,
  MemoryType,
  PageTypes,
  PgmapLayout,
  Profile,
  ZoneDeviceRules,
} from "./profile.js";

const PAGE_1 = 64;
const PAGE_2 = 128;

const NO_FIELD: BitField = { shift: 0, width: 0 };

/**
 * Fields are packed from bit 63 down (include/linux/page-flags-layout.h):
 *
 *     63      54 53  51 50           30 29    27 26     25 24 …      0
 *     |  node  | zone |  last_cpupid  | lru_gen | lru_refs | page flags |
 */
const UPPER_FIELDS = {
  node: { shift: 54, width: 10 },
  zone: { shift: 51, width: 3 },
  lastCpupid: { shift: 30, width: 21 },
} as const;
const LRU_GEN: BitField = { shift: 27, width: 3 };
const LRU_REFS: BitField = { shift: 25, width: 2 };

/** Marks in the flags of page 1: `order` when the low byte holds the folio's order. */
function secondMask({ flags }: FlagTable, order: bigint): bigint {
  return Object.values(flags)
    .filter(({ policy }) => policy === "second")
    .reduce((mask, { bit }) => mask | (1n << BigInt(bit)), order);
}

const FOLIO_5_15: FolioLayout = {
  order: PAGE_1 + 17,
  dtor: PAGE_1 + 16,
  nrPages: PAGE_1 + 24,
  largeMapcount: null,
  entireMapcount: PAGE_1 + 20,
  nrPagesMapped: null,
  pincount: PAGE_2 + 16,
  pincountMinOrder: 2,
  mmIds: null,
  mmIdMapcounts: null,
  deferredList: PAGE_2 + 24,
  metaPages: 2,
};
const FOLIO_6_1: FolioLayout = {
  ...FOLIO_5_15,
  nrPages: PAGE_1 + 28,
  pincount: PAGE_1 + 24,
  pincountMinOrder: 1,
};
const FOLIO_6_12: FolioLayout = {
  ...FOLIO_6_1,
  order: PAGE_1,
  dtor: null,
  nrPages: PAGE_1 + 32,
  largeMapcount: PAGE_1 + 16,
  nrPagesMapped: PAGE_1 + 24,
  pincount: PAGE_1 + 28,
  deferredList: PAGE_2 + 16,
};
/** 6.15 swapped the entire mapcount and the mapped pages, and moved the number of pages into page 1's memcg word. */
const FOLIO_6_17: FolioLayout = {
  ...FOLIO_6_12,
  nrPages: PAGE_1 + 56,
  nrPagesMapped: PAGE_1 + 20,
  entireMapcount: PAGE_1 + 24,
  mmIds: PAGE_1 + 40,
  mmIdMapcounts: PAGE_1 + 32,
  metaPages: 3,
};

const COMPOUND_PAGE_DTOR = 1;
const HUGETLB_PAGE_DTOR = 2;
const ORDER_BYTE = 0xffn;

/** What __split_huge_page_tail, later __split_folio_to_order, clones. */
const SPLIT_COPIES = [
  "referenced",
  "swapbacked",
  "swapcache",
  "mlocked",
  "uptodate",
  "active",
  "workingset",
  "locked",
  "unevictable",
  "arch_2",
  "dirty",
  "young",
  "idle",
];

const COMPOUND_5_15: CompoundRules = {
  prepZeroesTailPrivate: false,
  prepDtor: COMPOUND_PAGE_DTOR,
  prepInitsDeferredList: false,
  freeSecondMask: secondMask(flags5_15, 0n),
  freeZeroesNrPages: false,
  freeZeroesPrivate: false,
  freeResetsPageType: false,
  freeMappingMask: 3,
  splitCopiedFlags: SPLIT_COPIES,
  splitKeepsHasHwpoisoned: false,
  splitZeroesPrivate: true,
  splitMovesSwap: false,
};
/**
 * "mm/page_alloc: clear page->private in free_pages_prepare()" is of 7.0, and stable kernels took it back to 6.1.176 and
 * 6.12.107 (as Debian ships them), and to 6.18 after 6.18.15.
 */
const COMPOUND_6_1: CompoundRules = {
  ...COMPOUND_5_15,
  prepZeroesTailPrivate: true,
  freeSecondMask: secondMask(flags6_1, 0n),
  freeZeroesPrivate: true,
};
const COMPOUND_6_12: CompoundRules = {
  ...COMPOUND_6_1,
  prepDtor: null,
  prepInitsDeferredList: true,
  freeSecondMask: secondMask(flags6_12, ORDER_BYTE),
  splitKeepsHasHwpoisoned: true,
  splitMovesSwap: true,
};
const COMPOUND_6_14: CompoundRules = {
  ...COMPOUND_6_12,
  freeSecondMask: secondMask(flags6_14, ORDER_BYTE),
  freeZeroesPrivate: false,
  splitKeepsHasHwpoisoned: false,
};
/** 6.15: the number of pages stands where a page of order 0 has its memcg_data, so it can't be left behind. */
const COMPOUND_6_17: CompoundRules = {
  ...COMPOUND_6_14,
  freeSecondMask: secondMask(flags6_17, ORDER_BYTE),
  freeZeroesNrPages: true,
  freeResetsPageType: true,
  freeMappingMask: 1,
};
/** "mm/huge_memory: preserve PG_has_hwpoisoned if a folio is split to >0 order" is of 6.18 and of stable 6.12. */
const COMPOUND_6_18: CompoundRules = { ...COMPOUND_6_17, splitKeepsHasHwpoisoned: true };
const COMPOUND_7_0: CompoundRules = { ...COMPOUND_6_18, freeZeroesPrivate: true, splitZeroesPrivate: false };
const COMPOUND_7_3: CompoundRules = {
  ...COMPOUND_7_0,
  prepZeroesTailPrivate: false,
  splitCopiedFlags: [...SPLIT_COPIES, "dropbehind"],
};

const TYPES_5_15: PageTypes = {
  encoding: "low-bits",
  types: { buddy: 0x80, offline: 0x100, table: 0x200, guard: 0x400 },
};
const TYPES_6_12: PageTypes = {
  encoding: "top-byte",
  types: {
    buddy: 0xf0,
    offline: 0xf1,
    table: 0xf2,
    guard: 0xf3,
    hugetlb: 0xf4,
    slab: 0xf5,
    zsmalloc: 0xf6,
    unaccepted: 0xf7,
  },
};
const TYPES_6_17: PageTypes = { encoding: "top-byte", types: { ...TYPES_6_12.types, large_kmalloc: 0xf8 } };

const ALL_TYPES: readonly MemoryType[] = ["private", "coherent", "fs-dax", "generic", "pci-p2pdma"];

/** An idle page has one reference, and free_devmap_managed_page runs when the count is back at 1. */
const DEVICE_5_15: ZoneDeviceRules = {
  memoryTypes: ["private", "fs-dax", "generic", "pci-p2pdma"],
  idleAtOne: ALL_TYPES,
  freedAtOne: ALL_TYPES,
  keepsMapping: [],
  callsFree: ["private"],
  baseRefs: ALL_TYPES,
  mappingsCount: ["private"],
  freeClearedFlags: ["waiters"],
  compoundPages: false,
  pageInitRewrites: false,
  wipesDeferredList: false,
  initsEarlyFolios: true,
  daxMakesFolios: false,
  daxShares: false,
  daxResetsSinglePages: false,
};
/**
 * 6.1: free_zone_device_page at 0, for every type but fs-dax. "mm/mm_init: fix uninitialized struct pages for ZONE_DEVICE" came
 * after 7.0, and went back to the stable 6.1.192 and 6.12.107 that were read, not to 6.1.176 nor to 6.18.15.
 */
const DEVICE_6_1: ZoneDeviceRules = {
  ...DEVICE_5_15,
  memoryTypes: ALL_TYPES,
  idleAtOne: ["fs-dax", "generic", "pci-p2pdma"],
  freedAtOne: ["fs-dax"],
  callsFree: ["private", "coherent", "generic", "pci-p2pdma"],
  baseRefs: ["fs-dax", "generic", "pci-p2pdma"],
  mappingsCount: ["private", "coherent"],
  freeClearedFlags: [],
  compoundPages: true,
  daxShares: true,
};
const DEVICE_6_12: ZoneDeviceRules = { ...DEVICE_6_1, wipesDeferredList: true };
const DEVICE_6_14: ZoneDeviceRules = { ...DEVICE_6_12, initsEarlyFolios: false };
/** "fs/dax: properly refcount fs dax pages" and its series (6.15): idle pages have no reference, mappings count. */
const DEVICE_6_17: ZoneDeviceRules = {
  ...DEVICE_6_14,
  idleAtOne: ["generic"],
  freedAtOne: [],
  keepsMapping: ["fs-dax", "generic"],
  callsFree: ["private", "coherent", "pci-p2pdma"],
  mappingsCount: ALL_TYPES,
  daxMakesFolios: true,
};
/** Booted 6.18.15 links page 2's list after the loop, as the source of 7.0 does. */
const DEVICE_6_18: ZoneDeviceRules = { ...DEVICE_6_17, wipesDeferredList: false };
const DEVICE_7_0: ZoneDeviceRules = { ...DEVICE_6_18, pageInitRewrites: true };
const DEVICE_7_3: ZoneDeviceRules = { ...DEVICE_7_0, initsEarlyFolios: true, daxResetsSinglePages: true };

const PGMAP_5_15: PgmapLayout = {
  altmap: 0,
  ref: null,
  type: 104,
  flags: 108,
  vmemmapShift: null,
  ops: 112,
  owner: 120,
  nrRange: 128,
  range: 136,
};
const PGMAP_6_1: PgmapLayout = { ...PGMAP_5_15, ref: 48, type: 96, flags: 100, vmemmapShift: 104 };
/** vmem_altmap has a flag more (`inaccessible`) up to 6.18: all behind it moves. */
const PGMAP_6_12: PgmapLayout = {
  altmap: 0,
  ref: 56,
  type: 104,
  flags: 108,
  vmemmapShift: 112,
  ops: 120,
  owner: 128,
  nrRange: 136,
  range: 144,
};

const V5_15: Profile = {
  name: "5.15",
  preset: "5.15",
  tailEncoding: "pointer",
  vmemmapBase: 0xffffea0000000000n,
  maxFolioOrder: 18,
  ...flags5_15,
  ...UPPER_FIELDS,
  lruGen: NO_FIELD,
  lruRefs: NO_FIELD,
  zones: ["DMA", "DMA32", "NORMAL", "MOVABLE", "DEVICE"],
  folio: FOLIO_5_15,
  compound: COMPOUND_5_15,
  pageTypes: TYPES_5_15,
  hugetlb: { by: "dtor", id: HUGETLB_PAGE_DTOR },
  slab: { by: "flag", name: "slab" },
  mapcount: "compound",
  zoneDevice: DEVICE_5_15,
  pgmap: PGMAP_5_15,
};
/** With 27 page flags and 3 bits of lru_gen nothing is left for lru_refs. */
const V6_1: Profile = {
  ...V5_15,
  name: "6.1",
  preset: "6.1",
  tailEncoding: "fake-heads",
  ...flags6_1,
  lruGen: LRU_GEN,
  folio: FOLIO_6_1,
  compound: COMPOUND_6_1,
  zoneDevice: DEVICE_6_1,
  pgmap: PGMAP_6_1,
};
const V6_12: Profile = {
  ...V6_1,
  name: "6.12",
  preset: "6.12",
  ...flags6_12,
  lruRefs: LRU_REFS,
  folio: FOLIO_6_12,
  compound: COMPOUND_6_12,
  pageTypes: TYPES_6_12,
  hugetlb: { by: "type", name: "hugetlb" },
  slab: { by: "type", name: "slab" },
  mapcount: "precise",
  zoneDevice: DEVICE_6_12,
  pgmap: PGMAP_6_12,
};
const V6_14: Profile = {
  ...V6_12,
  name: "6.14",
  preset: "6.14",
  ...flags6_14,
  compound: COMPOUND_6_14,
  zoneDevice: DEVICE_6_14,
};
const V6_17: Profile = {
  ...V6_14,
  name: "6.17",
  preset: "6.17",
  ...flags6_17,
  folio: FOLIO_6_17,
  compound: COMPOUND_6_17,
  pageTypes: TYPES_6_17,
  zoneDevice: DEVICE_6_17,
};
/** 6.18 raised MAX_FOLIO_ORDER from a PUD (1 GiB) to 16 GiB. */
const V6_18: Profile = {
  ...V6_17,
  name: "6.18",
  preset: "6.18",
  maxFolioOrder: 22,
  compound: COMPOUND_6_18,
  zoneDevice: DEVICE_6_18,
};
const V7_0: Profile = {
  ...V6_18,
  name: "7.0",
  preset: "7.0",
  compound: COMPOUND_7_0,
  zoneDevice: DEVICE_7_0,
  pgmap: PGMAP_6_1,
};
const V7_3: Profile = {
  ...V7_0,
  name: "7.3",
  preset: "7.3",
  tailEncoding: "mask",
  compound: COMPOUND_7_3,
  zoneDevice: DEVICE_7_3,
};

/** By name, oldest kernel first. */
export const presets = {
  "5.15": V5_15,
  "6.1": V6_1,
  "6.12": V6_12,
  "6.14": V6_14,
  "6.17": V6_17,
  "6.18": V6_18,
  "7.0": V7_0,
  "7.3": V7_3,
} as const satisfies Record<string, Profile>;

export type PresetName = keyof typeof presets;

/** The names `profile` knows, oldest kernel first. */
export const presetNames = Object.freeze(Object.keys(presets) as PresetName[]);
