import { compoundHead, isFakeHead } from "./head.js";
import type { ModelMap } from "./map.js";
import { REFCOUNT } from "./page.js";
import { Refusal } from "./refusal.js";

/**
 * Reference counts (include/linux/page_ref.h, mm.h): i32, and wrapping. Only folioRefCount looks for the head; all
 * others act on the slot they are given, a folio's head as a rule.
 */

/** page_count: the count of the folio that the page belongs to. */
export function folioRefCount(map: ModelMap, pfn: number): number {
  const head = compoundHead(map, pfn);
  if (head === null) throw new Refusal("bad-head", `PFN ${pfn} leads to no head`);
  return map.i32(head, REFCOUNT);
}

/** page_ref_count: the slot's own count, 0 on a tail. */
export function pageRefCount(map: ModelMap, pfn: number): number {
  return map.i32(pfn, REFCOUNT);
}

/** try_get_page: by any page of the folio. @returns whether its count was above 0, and the reference was taken */
export function tryGetPage(map: ModelMap, pfn: number): boolean {
  const count = folioRefCount(map, pfn);
  if (count <= 0) return false;
  map.setI32(compoundHead(map, pfn) ?? pfn, REFCOUNT, count + 1);
  return true;
}

/** folio_get. @throws Refusal on folio_ref_zero_or_close_to_overflow: a count of 0, or -127..-1 */
export function folioGet(map: ModelMap, pfn: number): void {
  const count = pageRefCount(map, pfn);
  if (count >= -127 && count <= 0) throw new Refusal("refcount", `get of PFN ${pfn} with count ${count}`);
  map.setI32(pfn, REFCOUNT, count + 1);
}

/** folio_ref_try_add. @returns whether the folio was alive (any count but 0) and the references were taken */
export function folioTryGet(map: ModelMap, pfn: number, n = 1): boolean {
  requirePositive(n);
  return refAddUnless(map, pfn, n, 0);
}

/** page_ref_add_unless. A fake head is never counted (page_count_writable, 6.12 to 7.0): its frame is read-only. */
export function refAddUnless(map: ModelMap, pfn: number, n: number, unless: number): boolean {
  const count = pageRefCount(map, pfn);
  if (count === unless || isFakeHead(map, pfn)) return false;
  map.setI32(pfn, REFCOUNT, count + n);
  return true;
}

/** folio_put_refs without the release. @returns whether the count is now 0 */
export function folioPut(map: ModelMap, pfn: number, n = 1): boolean {
  requirePositive(n);
  const count = pageRefCount(map, pfn);
  if (count >= 0 && count < n) throw new Refusal("refcount", `put of ${n} on PFN ${pfn} with count ${count}`);
  map.setI32(pfn, REFCOUNT, count - n);
  return pageRefCount(map, pfn) === 0;
}

/** folio_ref_freeze: n to 0, if the count is exactly n. */
export function freeze(map: ModelMap, pfn: number, n: number): boolean {
  if (pageRefCount(map, pfn) !== n) return false;
  map.setI32(pfn, REFCOUNT, 0);
  return true;
}

/** folio_ref_unfreeze: 0 to n, which must not be 0. */
export function unfreeze(map: ModelMap, pfn: number, n: number): void {
  const count = pageRefCount(map, pfn);
  if (count !== 0 || n === 0) throw new Refusal("refcount", `unfreeze of PFN ${pfn} with count ${count}`);
  map.setI32(pfn, REFCOUNT, n);
}

function requirePositive(n: number): void {
  if (!Number.isInteger(n) || n < 1 || n > 0x7fffffff)
    throw new Refusal("bad-argument", `${n} is no number of references`);
}
