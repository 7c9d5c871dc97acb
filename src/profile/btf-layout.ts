/** What a kernel's BTF says of the things a profile describes; null, or left out, where it says nothing. */
import type { Btf } from "./btf.js";
import type { FolioLayout, MemoryType, PgmapLayout } from "./profile.js";

/** A value and the type that tells it: "BTF struct folio._nr_pages". */
export interface BtfClaim<T> {
  readonly value: T;
  readonly from: string;
}

type Claims<T> = { readonly [K in keyof T]?: BtfClaim<T[K]> };

/** Where the entries of an xarray stand (include/linux/xarray.h). */
export interface XarrayLayout {
  /** Of struct xarray. */
  readonly head: number;
  /** Of struct xa_node. */
  readonly shift: number;
  readonly slots: number;
  /** XA_CHUNK_SIZE: slots of a node. */
  readonly chunk: number;
}

export interface BtfLayout {
  /** sizeof(struct page). */
  readonly pageBytes: number | null;
  readonly folio: Claims<FolioLayout>;
  readonly pgmap: Claims<PgmapLayout>;
  /** enum pageflags by lower-case name, without PG_. */
  readonly flags: ReadonlyMap<string, number> | null;
  /** __NR_PAGEFLAGS. */
  readonly nrPageFlags: number | null;
  /** enum pagetype by lower-case name, without PGTY_ (6.12 on). */
  readonly pageTypes: ReadonlyMap<string, number> | null;
  /** enum zone_type in order, without ZONE_. */
  readonly zones: readonly string[] | null;
  /** enum memory_type in order. */
  readonly memoryTypes: readonly MemoryType[] | null;
  /** Bits of a nodemask, of a cpumask: MAX_NUMNODES and NR_CPUS, or up to 63 more. */
  readonly nodemaskBits: number | null;
  readonly cpumaskBits: number | null;
  readonly numaBalancing: boolean | null;
  readonly lruGen: boolean | null;
  readonly xarray: XarrayLayout | null;
}

const PAGE_BYTES = 64;

/** Members that hold a folio's fields, newest name first, and the page whose struct page has them (of struct folio: 0). */
type Place = readonly [struct: "folio" | "page", member: string, page: number];
const FOLIO_PLACES: Readonly<Record<Exclude<keyof FolioLayout, "pincountMinOrder" | "metaPages">, readonly Place[]>> = {
  // From 6.6 on the order is the low byte of page 1's flags.
  order: [
    ["folio", "_folio_order", 0],
    ["page", "compound_order", 1],
    ["folio", "_flags_1", 0],
  ],
  dtor: [
    ["folio", "_folio_dtor", 0],
    ["page", "compound_dtor", 1],
  ],
  nrPages: [
    ["folio", "_nr_pages", 0],
    ["folio", "_folio_nr_pages", 0],
    ["page", "compound_nr", 1],
  ],
  largeMapcount: [["folio", "_large_mapcount", 0]],
  entireMapcount: [
    ["folio", "_entire_mapcount", 0],
    ["page", "compound_mapcount", 1],
  ],
  nrPagesMapped: [["folio", "_nr_pages_mapped", 0]],
  pincount: [
    ["folio", "_pincount", 0],
    ["page", "compound_pincount", 1],
    ["page", "hpage_pinned_refcount", 2],
  ],
  mmIds: [["folio", "_mm_ids", 0]],
  mmIdMapcounts: [["folio", "_mm_id_mapcount", 0]],
  deferredList: [
    ["folio", "_deferred_list", 0],
    ["page", "deferred_list", 2],
  ],
};
/** Fields that every kernel has: where BTF lacks their names, they have others. */
const FOLIO_MUST: readonly string[] = ["order", "entireMapcount", "deferredList"];

const PGMAP_MEMBERS: Readonly<Record<keyof PgmapLayout, string>> = {
  altmap: "altmap",
  ref: "ref",
  type: "type",
  flags: "flags",
  vmemmapShift: "vmemmap_shift",
  ops: "ops",
  owner: "owner",
  nrRange: "nr_range",
  range: "range",
};

/** struct percpu_ref, from 5.10 on: the count, and the data behind it. */
const PERCPU_REF_BYTES = 16;

const MEMORY_TYPES: Readonly<Record<string, MemoryType>> = {
  MEMORY_DEVICE_PRIVATE: "private",
  MEMORY_DEVICE_COHERENT: "coherent",
  MEMORY_DEVICE_FS_DAX: "fs-dax",
  MEMORY_DEVICE_GENERIC: "generic",
  MEMORY_DEVICE_PCI_P2PDMA: "pci-p2pdma",
};

/** Read all of it. @throws VmemmapError "bad-dump": the BTF is damaged where it is read */
export function layoutOf(btf: Btf): BtfLayout {
  const flags = btf.enumerators("pageflags");
  return {
    pageBytes: btf.sizeOf("page"),
    folio: folioOf(btf),
    pgmap: pgmapOf(btf),
    flags: named(flags, "PG_"),
    nrPageFlags: numberOrNull(flags?.get("__NR_PAGEFLAGS")),
    pageTypes: named(btf.enumerators("pagetype"), "PGTY_"),
    zones: inOrder(btf.enumerators("zone_type"), 0, (name) => /^ZONE_(\w+)$/.exec(name)?.[1]),
    memoryTypes: inOrder(btf.enumerators("memory_type"), 1, (name) => MEMORY_TYPES[name]),
    nodemaskBits: bits(btf.sizeOf("nodemask_t")),
    cpumaskBits: bits(btf.sizeOf("cpumask")),
    numaBalancing: has(btf, "task_struct", "numa_scan_seq"),
    lruGen: has(btf, "lruvec", "lrugen"),
    xarray: xarrayOf(btf),
  };
}

function folioOf(btf: Btf): Claims<FolioLayout> {
  const claims: Record<string, BtfClaim<number | null>> = {};
  const known = btf.sizeOf("folio") !== null;
  for (const [name, places] of Object.entries(FOLIO_PLACES)) {
    const claim = firstOf(btf, places);
    if (claim !== undefined) claims[name] = claim;
    else if (known && !FOLIO_MUST.includes(name)) claims[name] = { value: null, from: "BTF struct folio" };
  }
  const pincount = claims["pincount"]?.value;
  if (typeof pincount === "number") {
    claims["pincountMinOrder"] = { value: pincount < 2 * PAGE_BYTES ? 1 : 2, from: claims["pincount"]!.from };
  }
  if (known) {
    claims["metaPages"] = { value: has(btf, "folio", "_flags_3") === true ? 3 : 2, from: "BTF struct folio" };
  }
  return claims;
}

function firstOf(btf: Btf, places: readonly Place[]): BtfClaim<number> | undefined {
  for (const [struct, member, page] of places) {
    const field = btf.field(struct, member);
    if (field !== null) return { value: page * PAGE_BYTES + field.offset, from: `BTF struct ${struct}.${member}` };
  }
  return undefined;
}

function pgmapOf(btf: Btf): Claims<PgmapLayout> {
  const claims: Record<string, BtfClaim<number | null>> = {};
  if (btf.sizeOf("dev_pagemap") === null) return claims;
  for (const [name, member] of Object.entries(PGMAP_MEMBERS)) {
    const field = btf.field("dev_pagemap", member);
    // 5.15 has a pointer to it.
    if (name === "ref" && field?.size !== PERCPU_REF_BYTES)
      claims[name] = { value: null, from: "BTF struct dev_pagemap" };
    else if (field !== null) claims[name] = { value: field.offset, from: `BTF struct dev_pagemap.${member}` };
    else if (name === "vmemmapShift") claims[name] = { value: null, from: "BTF struct dev_pagemap" };
  }
  return claims;
}

function xarrayOf(btf: Btf): XarrayLayout | null {
  const head = btf.field("xarray", "xa_head");
  const shift = btf.field("xa_node", "shift");
  const slots = btf.field("xa_node", "slots");
  if (head === null || shift === null || slots?.length == null) return null;
  return { head: head.offset, shift: shift.offset, slots: slots.offset, chunk: slots.length };
}

/** Whether a struct has a member; null where BTF lacks the struct. */
function has(btf: Btf, struct: string, member: string): boolean | null {
  return btf.sizeOf(struct) === null ? null : btf.field(struct, member) !== null;
}

/** Enumerators with a prefix, by lower-case name without it. */
function named(enumerators: ReadonlyMap<string, bigint> | null, prefix: string): ReadonlyMap<string, number> | null {
  if (enumerators === null) return null;
  return new Map(
    Array.from(enumerators)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length).toLowerCase(), Number(value)]),
  );
}

/** What is named by values from `first` on without a gap; null where some of it is not. Enumerators that name nothing are left out. */
function inOrder<T>(
  enumerators: ReadonlyMap<string, bigint> | null,
  first: number,
  nameOf: (enumerator: string) => T | undefined,
): readonly T[] | null {
  if (enumerators === null) return null;
  const list: T[] = [];
  for (const [enumerator, value] of enumerators) {
    const name = nameOf(enumerator);
    if (name !== undefined && value === BigInt(first + list.length)) list.push(name);
    else if (name !== undefined) return null;
  }
  return list.length === 0 ? null : list;
}

function bits(bytes: number | null): number | null {
  return bytes === null ? null : bytes * 8;
}

function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}
