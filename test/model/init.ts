import { LAST_CPUPID_RESET, setLastCpupid, setPageLinks } from "./flagword.js";
import type { ModelMap } from "./map.js";
import { COMPOUND_WORD, MAPCOUNT, REFCOUNT } from "./page.js";

/** __init_single_page: a free-standing page with one reference, in no list. */
export function initSinglePage(map: ModelMap, pfn: number, zone: number, nid: number): void {
  map.bytes(pfn).fill(0);
  setPageLinks(map, pfn, zone, nid);
  map.setI32(pfn, REFCOUNT, 1);
  map.setI32(pfn, MAPCOUNT, -1);
  setLastCpupid(map, pfn, LAST_CPUPID_RESET);
  selfLink(map, pfn, COMPOUND_WORD);
}

/** INIT_LIST_HEAD: both words of the list head at `offset` hold its own kernel address. */
export function selfLink(map: ModelMap, pfn: number, offset: number): void {
  const own = map.addressOf(pfn) + BigInt(offset);
  map.setU64(pfn, offset, own);
  map.setU64(pfn, offset + 8, own);
}
