import { pageZone } from "../flagword.js";
import { compoundHead } from "../head.js";
import type { ModelMap } from "../map.js";
import { COMPOUND_WORD } from "../page.js";
import type { DeviceMap } from "./device-map.js";
import { type MemoryType, deviceRules } from "./rules.js";

/** PFNs [start, end). */
export interface PfnSpan {
  readonly start: number;
  readonly end: number;
}

/** Functions a driver can give (struct dev_pagemap_ops). */
export type OpName = "pageFree" | "folioFree" | "migrateToRam" | "memoryFailure" | "folioSplit";

/** What struct dev_pagemap says of its pages. */
export interface PgmapPlan {
  readonly address: bigint;
  readonly type: MemoryType;
  readonly ranges: readonly PfnSpan[];
  /** vmemmap_shift: the order of the folios that the slots are made as. */
  readonly order: number;
  /** struct vmem_altmap: pages at the start of the range for the driver itself, and for its memmap. */
  readonly altmap: { readonly reserve: number; readonly free: number } | null;
  readonly node: number;
  readonly owner: bigint | null;
  readonly ops: ReadonlySet<OpName>;
  /** false: every slot has a frame of its own, also where the kernel would deduplicate. */
  readonly vmemmapOptimize: boolean;
}

/** struct dev_pagemap. */
export interface ModelPgmap extends PgmapPlan {
  /** percpu_ref: one of its own, and what units and pages hold. */
  refs: number;
  /** Those of them that pages hold which are handed out. */
  held: number;
  /** percpu_ref_kill was called. */
  dying: boolean;
}

/** pfn_first to pfn_end: what the altmap leaves of a range. */
export function usableSpan(pgmap: PgmapPlan, range: PfnSpan): PfnSpan {
  const offset = pgmap.altmap === null ? 0 : pgmap.altmap.reserve + pgmap.altmap.free;
  return { start: range.start + offset, end: range.end };
}

/** pfn_len of all ranges: folio-sized units. */
export function pgmapUnits(pgmap: PgmapPlan): number {
  return pgmap.ranges.reduce((sum, range) => {
    const { start, end } = usableSpan(pgmap, range);
    return sum + Math.floor((end - start) / 2 ** pgmap.order);
  }, 0);
}

/** The reference that memremap_pages begins with, and those of the units. */
export function baseReferences(map: ModelMap, pgmap: PgmapPlan): number {
  return 1 + (deviceRules(map).unitReferences.has(pgmap.type) ? pgmapUnits(pgmap) : 0);
}

/** The pgmap in whose ranges the page lies (pgmap_array), dying or not. */
export function pgmapByRange(map: DeviceMap, pfn: number): ModelPgmap | null {
  return map.pgmaps.find(({ ranges }) => ranges.some(({ start, end }) => start <= pfn && pfn < end)) ?? null;
}

/** get_dev_pagemap without the reference: percpu_ref_tryget_live fails on a dying one. */
export function getDevPagemap(map: DeviceMap, pfn: number): ModelPgmap | null {
  const pgmap = pgmapByRange(map, pfn);
  return pgmap === null || pgmap.dying ? null : pgmap;
}

export function pgmapByAddress(map: DeviceMap, address: bigint): ModelPgmap | null {
  return map.pgmaps.find((pgmap) => pgmap.address === address) ?? null;
}

/**
 * is_zone_device_page: by the zone bits of this very page. 7.3 asks its folio's head, which tells another zone only where the
 * map is damaged.
 */
export function isZoneDevicePage(map: ModelMap, pfn: number): boolean {
  return pageZone(map, pfn) === map.profile.zones.indexOf("DEVICE");
}

/** page_pgmap without the zone test: the word at +8 of the head, whatever it is. null: the page leads to no head. */
export function pgmapWord(map: ModelMap, pfn: number): bigint | null {
  const head = compoundHead(map, pfn);
  return head === null ? null : map.u64(head, COMPOUND_WORD);
}

/** page_pgmap: zone test first. null where the page is not ZONE_DEVICE, leads nowhere, or its word names no pgmap. */
export function pagePgmap(map: DeviceMap, pfn: number): ModelPgmap | null {
  if (!isZoneDevicePage(map, pfn)) return null;
  const word = pgmapWord(map, pfn);
  return word === null ? null : pgmapByAddress(map, word);
}

/** References that a page takes as it is handed out, or lets go of as it comes back. */
export function hold(pgmap: ModelPgmap, delta: number): void {
  pgmap.refs += delta;
  pgmap.held += delta;
}
