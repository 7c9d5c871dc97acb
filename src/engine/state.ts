import type { BitField, KindMark, MemoryType, Profile } from "../profile/index.js";
import { typeOf } from "../profile/names.js";
import type { CoreConstant, CoreExports } from "./generated/core.js";
import { halves } from "./halves.js";
import { constant } from "./modules.js";

type WordName = Extract<CoreConstant, `Word.${string}`> extends `Word.${infer Name}` ? Name : never;
type Words = Partial<Record<WordName, bigint | number>>;

/** What says "the kernel has no such field". */
const NO_FIELD = 0xffffffff;

const encodings = { pointer: "Encoding.POINTER", "fake-heads": "Encoding.FAKE_HEADS", mask: "Encoding.MASK" } as const;
const mapcountRules = {
  compound: "MapcountRule.COMPOUND",
  precise: "MapcountRule.PRECISE",
  average: "MapcountRule.AVERAGE",
} as const;

/** Flags a page loses when it is freed or becomes a head of its own: all but hwpoison (PAGE_FLAGS_CHECK_AT_PREP). */
const KEPT_AT_PREP = ["hwpoison"];

function flagMask(profile: Profile, names: readonly string[]): bigint {
  return names.reduce((mask, name) => {
    const flag = profile.flags[name];
    return flag === undefined ? mask : mask | (1n << BigInt(flag.bit));
  }, 0n);
}

function widthMask({ width }: BitField): bigint {
  return (1n << BigInt(width)) - 1n;
}

function fieldMask(field: BitField): bigint {
  return widthMask(field) << BigInt(field.shift);
}

function kindWords(profile: Profile, mark: KindMark): { by: number; mask: bigint | number; value: number } {
  switch (mark.by) {
    case "type":
      return { by: constant("KindMark.TYPE"), ...typeOf(profile, mark.name) };
    case "flag":
      return { by: constant("KindMark.FLAG"), mask: flagMask(profile, [mark.name]), value: 0 };
    case "dtor":
      return { by: constant("KindMark.DTOR"), mask: 0, value: mark.id };
  }
}

/** The state word of a page type; of one that the kernel does not have it matches nothing. */
function typeWord(profile: Profile, name: string): bigint {
  const { mask, value } = Object.hasOwn(profile.pageTypes.types, name) ? typeOf(profile, name) : { mask: 0, value: 1 };
  return (BigInt(value) << 32n) | BigInt(mask);
}

const memoryTypes = {
  private: "MemoryType.PRIVATE",
  coherent: "MemoryType.COHERENT",
  "fs-dax": "MemoryType.FS_DAX",
  generic: "MemoryType.GENERIC",
  "pci-p2pdma": "MemoryType.PCI_P2PDMA",
} as const;

/** Number of a type in the core, which is not that of every kernel. */
export function memoryTypeNumber(type: MemoryType): number {
  return constant(memoryTypes[type]);
}

function zoneDeviceWords(profile: Profile): Words {
  const rules = profile.zoneDevice;
  const set = (types: readonly MemoryType[]) => types.reduce((bits, type) => bits | (1 << memoryTypeNumber(type)), 0);
  return {
    DEVICE_IDLE_AT_ONE: set(rules.idleAtOne),
    DEVICE_FREED_AT_ONE: set(rules.freedAtOne),
    DEVICE_KEEPS_MAPPING: set(rules.keepsMapping),
    DEVICE_CALLS_FREE: set(rules.callsFree),
    DEVICE_BASE_REFS: set(rules.baseRefs),
    DEVICE_MAPPINGS_COUNT: set(rules.mappingsCount),
    DEVICE_FREE_CLEARS: flagMask(profile, rules.freeClearedFlags),
    DEVICE_PAGE_INIT_REWRITES: Number(rules.pageInitRewrites),
    DEVICE_WIPES_DEFERRED_LIST: Number(rules.wipesDeferredList),
    DAX_MAKES_FOLIOS: Number(rules.daxMakesFolios),
    DAX_SHARES: Number(rules.daxShares),
    DAX_RESETS_SINGLE_PAGES: Number(rules.daxResetsSinglePages),
  };
}

/** The state words of a kernel: all but those of the map's place. */
export function wordsOf(profile: Profile): Words {
  const { folio, compound } = profile;
  const offset = (value: number | null) => value ?? NO_FIELD;
  const hugetlb = kindWords(profile, profile.hugetlb);
  const slab = kindWords(profile, profile.slab);
  const flags = (1n << BigInt(profile.nrPageFlags)) - 1n;
  const lruFields = fieldMask(profile.lruGen) | fieldMask(profile.lruRefs);
  return {
    ENCODING: constant(encodings[profile.tailEncoding]),
    MAX_FOLIO_ORDER: profile.maxFolioOrder,
    PG_LOCKED: flagMask(profile, ["locked"]),
    PG_RESERVED: flagMask(profile, ["reserved"]),
    PG_HEAD: flagMask(profile, ["head"]),
    PG_SWAPCACHE: flagMask(profile, ["swapcache"]),
    PG_SWAPBACKED: flagMask(profile, ["swapbacked"]),
    PG_HWPOISON: flagMask(profile, ["hwpoison"]),
    PG_HAS_HWPOISONED: flagMask(profile, ["has_hwpoisoned"]),
    PG_LARGE_RMAPPABLE: flagMask(profile, ["large_rmappable"]),
    PG_DOUBLE_MAP: flagMask(profile, ["double_map"]),
    PG_ANON_EXCLUSIVE: flagMask(profile, ["anon_exclusive"]),
    CHECK_AT_PREP_MASK: (flags & ~flagMask(profile, KEPT_AT_PREP)) | lruFields,
    SPLIT_COPY_MASK: flagMask(profile, compound.splitCopiedFlags) | lruFields,
    SECOND_MASK: compound.freeSecondMask,
    NODE_SHIFT: profile.node.shift,
    NODE_MASK: widthMask(profile.node),
    ZONE_SHIFT: profile.zone.shift,
    ZONE_MASK: widthMask(profile.zone),
    CPUPID_SHIFT: profile.lastCpupid.shift,
    CPUPID_MASK: widthMask(profile.lastCpupid),
    ZONE_DEVICE: profile.zones.includes("DEVICE") ? profile.zones.indexOf("DEVICE") : NO_FIELD,
    ORDER: folio.order,
    DTOR: offset(folio.dtor),
    NR_PAGES: offset(folio.nrPages),
    LARGE_MAPCOUNT: offset(folio.largeMapcount),
    ENTIRE_MAPCOUNT: folio.entireMapcount,
    NR_PAGES_MAPPED: offset(folio.nrPagesMapped),
    PINCOUNT: offset(folio.pincount),
    PINCOUNT_MIN_ORDER: folio.pincountMinOrder,
    MM_IDS: offset(folio.mmIds),
    MM_ID_MAPCOUNTS: offset(folio.mmIdMapcounts),
    DEFERRED_LIST: folio.deferredList,
    META_PAGES: folio.metaPages,
    PREP_ZEROES_TAIL_PRIVATE: Number(compound.prepZeroesTailPrivate),
    PREP_DTOR: compound.prepDtor ?? 0,
    PREP_INITS_DEFERRED_LIST: Number(compound.prepInitsDeferredList),
    FREE_ZEROES_NR_PAGES: Number(compound.freeZeroesNrPages),
    FREE_ZEROES_PRIVATE: Number(compound.freeZeroesPrivate),
    FREE_RESETS_TYPE: Number(compound.freeResetsPageType),
    FREE_MAPPING_MASK: compound.freeMappingMask,
    SPLIT_KEEPS_HAS_HWPOISONED: Number(compound.splitKeepsHasHwpoisoned),
    SPLIT_ZEROES_PRIVATE: Number(compound.splitZeroesPrivate),
    SPLIT_MOVES_SWAP: Number(compound.splitMovesSwap),
    // Signed: a word below says a type. -128 up to 6.8 (PAGE_MAPCOUNT_RESERVE), the enum's 0xff000000 from 6.12 on.
    TYPE_LIMIT: profile.pageTypes.encoding === "top-byte" ? 0xff000000 : -128,
    TYPES_IN_TOP_BYTE: Number(profile.pageTypes.encoding === "top-byte"),
    HUGETLB_BY: hugetlb.by,
    HUGETLB_MASK: hugetlb.mask,
    HUGETLB_VALUE: hugetlb.value,
    SLAB_BY: slab.by,
    SLAB_MASK: slab.mask,
    SLAB_VALUE: slab.value,
    TYPE_BUDDY: typeWord(profile, "buddy"),
    TYPE_OFFLINE: typeWord(profile, "offline"),
    TYPE_TABLE: typeWord(profile, "table"),
    TYPE_GUARD: typeWord(profile, "guard"),
    TYPE_ZSMALLOC: typeWord(profile, "zsmalloc"),
    TYPE_UNACCEPTED: typeWord(profile, "unaccepted"),
    TYPE_LARGE_KMALLOC: typeWord(profile, "large_kmalloc"),
    MAPCOUNT_RULE: constant(mapcountRules[profile.mapcount]),
    ...zoneDeviceWords(profile),
  };
}

function setWord(core: CoreExports, name: WordName, value: bigint | number): void {
  core.state_set(constant(`Word.${name}`), ...halves(BigInt(value)));
}

/** Where the map is in memory and in the kernel's address space. */
export interface MapPlace {
  readonly slots: number;
  readonly tableEntries: number;
  readonly headIndex: number;
  readonly headIndexSections: number;
  readonly vmemmapBase: bigint;
}

/** Tell the core its memory and its kernel. */
export function writeState(core: CoreExports, place: MapPlace, profile: Profile): void {
  setWord(core, "SLOTS", place.slots);
  setWord(core, "NR_SECTIONS", place.tableEntries);
  setWord(core, "HEAD_INDEX_ROOM", place.headIndex);
  setWord(core, "HEAD_INDEX_SECTIONS", place.headIndexSections);
  setWord(core, "VMEMMAP_BASE", place.vmemmapBase);
  for (const [name, value] of Object.entries(wordsOf(profile))) setWord(core, name as WordName, value);
}
