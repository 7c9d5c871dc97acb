import { hasFlagBit } from "./flagword.js";
import { folioOrder, folioTestHugetlb, folioTestLarge, folioTestSlab } from "./folio.js";
import { compoundHead, pageCompound } from "./head.js";
import type { ModelMap } from "./map.js";
import { MAPCOUNT, MAPPING } from "./page.js";
import { pageHasType } from "./page-type.js";
import { Refusal } from "./refusal.js";

/** FOLIO_MM_IDS_SHARED_BITNUM. */
const MM_IDS_SHARED = 1n << 63n;
/** Bit 31 of each id is a lock or the shared mark. */
const MM_ID_MASK = 0x7fffffff;

/**
 * How often the folio is mapped, by pages and as a whole. Before _large_mapcount it is added up over the pages
 * (folio_mapcount, total_mapcount in 6.1).
 */
export function folioMapcount(map: ModelMap, head: number): number {
  if (!folioTestLarge(map, head)) return ownMapcountUnlessTyped(map, head);
  const { largeMapcount } = map.profile.folio;
  return largeMapcount === null ? totalMapcount(map, head) : (map.i32(head, largeMapcount) + 1) | 0;
}

function totalMapcount(map: ModelMap, head: number): number {
  const entire = entireMapcount(map, head);
  if (folioTestHugetlb(map, head)) return entire;
  const nr = 2 ** folioOrder(map, head);
  let total = entire;
  for (let i = 0; i < nr; i++) total += ownMapcount(map, head + i);
  if (!isAnon(map, head)) return (total - entire * nr) | 0; // A whole mapping of a file folio counts on each page too.
  return (hasFlagBit(map, head + 1, "double_map") ? total - nr : total) | 0;
}

/** folio_entire_mapcount (compound_mapcount in 6.1); 0 for a single page. */
export function entireMapcount(map: ModelMap, head: number): number {
  return folioTestLarge(map, head) ? (map.i32(head, map.profile.folio.entireMapcount) + 1) | 0 : 0;
}

/** The mapcount of one page as /proc/kpagecount shows it. */
export function pagePreciseMapcount(map: ModelMap, pfn: number): number {
  const head = compoundHead(map, pfn);
  if (head === null) throw new Refusal("bad-head", `PFN ${pfn} leads to no head`);
  switch (map.profile.mapcount) {
    case "compound":
      return compoundRule(map, head, pfn);
    case "precise":
      return (ownMapcountUnlessTyped(map, pfn) + entireMapcount(map, head)) | 0;
    case "average":
      return averageRule(map, head);
  }
}

/** kpagecount_read and __page_mapcount, 6.1. */
function compoundRule(map: ModelMap, head: number, pfn: number): number {
  if (folioTestSlab(map, head) || pageHasType(map, pfn)) return 0;
  if (!pageCompound(map, pfn)) return ownMapcount(map, pfn);
  if (folioTestHugetlb(map, head)) return entireMapcount(map, head);
  if (!isAnon(map, head)) return ownMapcount(map, pfn);
  const mapcount = ownMapcount(map, pfn) + entireMapcount(map, head);
  return (hasFlagBit(map, head + 1, "double_map") ? mapcount - 1 : mapcount) | 0;
}

/** folio_average_page_mapcount: the rest of the mappings is shared out evenly, rounded to the nearest. */
function averageRule(map: ModelMap, head: number): number {
  const mapcount = folioMapcount(map, head);
  if (!folioTestLarge(map, head)) return mapcount;
  if (mapcount <= 0) return 0;
  const entire = entireMapcount(map, head);
  if (mapcount <= entire) return entire;
  const average = Math.round((mapcount - entire) / 2 ** folioOrder(map, head));
  return Math.max(entire + average, 1);
}

/** The `_nr_pages_mapped` word: pages in the low 23 bits, 0x800000 while mapped as a whole. null: no such field. */
export function nrPagesMapped(map: ModelMap, head: number): number | null {
  const { nrPagesMapped } = map.profile.folio;
  if (nrPagesMapped === null) return null;
  return folioTestLarge(map, head) ? map.i32(head, nrPagesMapped) : 0;
}

/** FOLL_PIN references; 0 on a folio too small to have the field. null: no such field. */
export function pincount(map: ModelMap, head: number): number | null {
  const { pincount, pincountMinOrder } = map.profile.folio;
  if (pincount === null) return null;
  return folioTestLarge(map, head) && folioOrder(map, head) >= pincountMinOrder ? map.i32(head, pincount) : 0;
}

/** The two ids of `_mm_ids`, without lock and shared bit; 0 says none. null: no such field. */
export function mmIds(map: ModelMap, head: number): [number, number] | null {
  const { mmIds } = map.profile.folio;
  if (mmIds === null) return null;
  if (!folioTestLarge(map, head)) return [0, 0];
  return [map.u32(head, mmIds) & MM_ID_MASK, map.u32(head, mmIds + 4) & MM_ID_MASK];
}

/** How often each of the two mms maps the folio (0 is stored as -1). null: no such field. */
export function mmIdMapcounts(map: ModelMap, head: number): [number, number] | null {
  const { mmIdMapcounts } = map.profile.folio;
  if (mmIdMapcounts === null) return null;
  if (!folioTestLarge(map, head)) return [0, 0];
  return [(map.i32(head, mmIdMapcounts) + 1) | 0, (map.i32(head, mmIdMapcounts + 4) + 1) | 0];
}

/** folio_maybe_mapped_shared. null: a kernel without mm ids. */
export function maybeMappedShared(map: ModelMap, head: number): boolean | null {
  const { mmIds } = map.profile.folio;
  if (mmIds === null) return null;
  const mapcount = folioMapcount(map, head);
  if (!folioTestLarge(map, head) || folioTestHugetlb(map, head)) return mapcount > 1;
  return mapcount > 1 && (map.u64(head, mmIds) & MM_IDS_SHARED) !== 0n;
}

/** page->_mapcount + 1. */
function ownMapcount(map: ModelMap, pfn: number): number {
  return (map.i32(pfn, MAPCOUNT) + 1) | 0;
}

function ownMapcountUnlessTyped(map: ModelMap, pfn: number): number {
  return pageHasType(map, pfn) ? 0 : ownMapcount(map, pfn);
}

/** The word at +24 of the head, bit 0 (PAGE_MAPPING_ANON). */
function isAnon(map: ModelMap, head: number): boolean {
  return (map.u64(head, MAPPING) & 1n) !== 0n;
}
