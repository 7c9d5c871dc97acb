import { compoundHead, isTagged } from "../head.js";
import { COMPOUND_WORD } from "../page.js";
import type { DeviceMap } from "./device-map.js";
import { isZoneDevicePage, type ModelPgmap, pagePgmap, pgmapByAddress, pgmapWord } from "./pgmap.js";
import { type MemoryType, typeNumber } from "./rules.js";

/** The page's own word at +8, as page->pgmap was read up to 6.14: 0 on tails, and where the page is not ZONE_DEVICE. */
export function ownPgmapWord(map: DeviceMap, pfn: number): bigint {
  if (!isZoneDevicePage(map, pfn) || isTagged(map, pfn)) return 0n;
  return map.u64(pfn, COMPOUND_WORD);
}

/** page->pgmap of up to 6.14. */
export function ownPgmap(map: DeviceMap, pfn: number): ModelPgmap | null {
  const word = ownPgmapWord(map, pfn);
  return word === 0n ? null : pgmapByAddress(map, word);
}

/** The type by which is_device_private_page and its like tell pages. */
export function pageMemoryType(map: DeviceMap, pfn: number): MemoryType | null {
  return pagePgmap(map, pfn)?.type ?? null;
}

/** enum memory_type of the page; 0 where it is not ZONE_DEVICE or has no known pgmap. */
export function pageMemoryTypeNumber(map: DeviceMap, pfn: number): number {
  const type = pageMemoryType(map, pfn);
  return type === null ? 0 : typeNumber(map, type);
}

/** zone_device_pages_have_same_pgmap: whether the two may stand in one segment of an I/O. */
export function devicePagesHaveSamePgmap(map: DeviceMap, a: number, b: number): boolean {
  const [aIsDevice, bIsDevice] = [isZoneDevicePage(map, a), isZoneDevicePage(map, b)];
  if (aIsDevice !== bIsDevice) return false;
  return !aIsDevice || (leadsToHead(map, a) && leadsToHead(map, b) && pgmapWord(map, a) === pgmapWord(map, b));
}

function leadsToHead(map: DeviceMap, pfn: number): boolean {
  return compoundHead(map, pfn) !== null;
}

/** folio_pgmap: of the page's folio, told ZONE_DEVICE by its head. */
export function folioPgmap(map: DeviceMap, pfn: number): ModelPgmap | null {
  const head = compoundHead(map, pfn);
  return head === null || !isZoneDevicePage(map, head) ? null : pgmapByAddress(map, map.u64(head, COMPOUND_WORD));
}
