import type { ModelMap } from "./map.js";
import { MAPCOUNT } from "./page.js";
import { Refusal } from "./refusal.js";

/** The word of a page that has no type and is not mapped. */
export const NO_TYPE = 0xffffffff;

/** 5.15, 6.1: these bits stay set in a typed word, and one more is clear. */
const LOW_BITS_BASE = 0xf0000000n;
/** PAGE_MAPCOUNT_RESERVE: a mapcount may underflow this far before it reads as a type. */
const LOW_BITS_RESERVE = -128;
/** 6.12 on: the lowest word, as i32, that is a mapcount again. */
const TOP_BYTE_LIMIT = 0xff000000 | 0;

/** page_has_type, of this very slot: tails of a typed folio carry none. */
export function pageHasType(map: ModelMap, pfn: number): boolean {
  const word = map.i32(pfn, MAPCOUNT);
  return map.profile.pageTypes.encoding === "top-byte" ? word < TOP_BYTE_LIMIT : word < LOW_BITS_RESERVE;
}

/** The name of the page's type; null if it has none, or one this kernel does not name. */
export function pageType(map: ModelMap, pfn: number): string | null {
  return Object.keys(map.profile.pageTypes.types).find((name) => hasPageType(map, pfn, name)) ?? null;
}

/** PageBuddy, PageTable and the like. Owners may reuse the low bits (zsmalloc: 24), so only the top byte decides. */
export function hasPageType(map: ModelMap, pfn: number, name: string): boolean {
  const word = map.u32(pfn, MAPCOUNT);
  const value = typeValue(map, name);
  if (map.profile.pageTypes.encoding === "top-byte") return word >>> 24 === value;
  return (BigInt(word) & (LOW_BITS_BASE | BigInt(value))) === LOW_BITS_BASE;
}

/** __SetPageBuddy and the like. */
export function setPageType(map: ModelMap, pfn: number, name: string): void {
  const word = map.u32(pfn, MAPCOUNT);
  const value = typeValue(map, name);
  if (map.profile.pageTypes.encoding === "top-byte") {
    if (hasPageType(map, pfn, name)) return;
    if (word !== NO_TYPE) throw refusal(pfn, word, `become "${name}"`);
    map.setU32(pfn, MAPCOUNT, value * 2 ** 24);
  } else {
    if ((BigInt(word) & LOW_BITS_BASE) !== LOW_BITS_BASE) throw refusal(pfn, word, `become "${name}"`);
    map.setU32(pfn, MAPCOUNT, Number(BigInt(word) & ~BigInt(value)));
  }
}

/** __ClearPageBuddy and the like. */
export function clearPageType(map: ModelMap, pfn: number, name: string): void {
  const word = map.u32(pfn, MAPCOUNT);
  const topByte = map.profile.pageTypes.encoding === "top-byte";
  if (topByte && word === NO_TYPE) return;
  if (!hasPageType(map, pfn, name)) throw refusal(pfn, word, `cease to be "${name}"`);
  map.setU32(pfn, MAPCOUNT, topByte ? NO_TYPE : Number(BigInt(word) | BigInt(typeValue(map, name))));
}

function typeValue(map: ModelMap, name: string): number {
  const value: number | undefined = map.profile.pageTypes.types[name];
  if (value === undefined) throw new Refusal("bad-argument", `${map.profile.name} has no page type "${name}"`);
  return value;
}

function refusal(pfn: number, word: number, change: string): Refusal {
  return new Refusal("page-type", `PFN ${pfn} with type word 0x${word.toString(16)} can't ${change}`);
}
