import { hasFlagBit } from "./flagword.js";
import type { ModelMap } from "./map.js";
import { COMPOUND_WORD } from "./page.js";

/** One vmemmap page of 4 KiB holds this many slots: fake heads can only stand at its start. */
export const SLOTS_PER_VMEMMAP_PAGE = 64;

/**
 * compound_head, for any bytes in the slots.
 *
 * @returns the head's PFN (an untagged page is its own head), or null if the PFN is absent or its word is ill-formed
 */
export function compoundHead(map: ModelMap, pfn: number): number | null {
  if (!map.has(pfn)) return null;
  if (isTagged(map, pfn)) return headWithinReach(map, pfn, taggedAddress(map, pfn));
  const fixed = fixedFakeHead(map, pfn);
  return fixed === null ? pfn : headWithinReach(map, pfn, fixed);
}

/** Bit 0 of the word at +8. */
export function isTagged(map: ModelMap, pfn: number): boolean {
  return (map.u64(pfn, COMPOUND_WORD) & 1n) !== 0n;
}

/** PageTail: tagged, or a head's copy standing where a tail's slot would be. */
export function pageTail(map: ModelMap, pfn: number): boolean {
  return isTagged(map, pfn) || isFakeHead(map, pfn);
}

/** PageHead. */
export function pageHead(map: ModelMap, pfn: number): boolean {
  return hasFlagBit(map, pfn, "head") && !isFakeHead(map, pfn);
}

/** PageCompound: it needs no fake-head step, since fake heads are compound as well. */
export function pageCompound(map: ModelMap, pfn: number): boolean {
  return hasFlagBit(map, pfn, "head") || isTagged(map, pfn);
}

/** page_is_fake_head (6.1 to 7.0): page_fixed_fake_head leads somewhere else. */
export function isFakeHead(map: ModelMap, pfn: number): boolean {
  const fixed = isTagged(map, pfn) ? null : fixedFakeHead(map, pfn);
  return fixed !== null && fixed !== map.addressOf(pfn);
}

/** The address a tagged word stands for: compound_head in 7.0 and before, compound_info in 7.1 and after. */
function taggedAddress(map: ModelMap, pfn: number): bigint {
  const word = map.u64(pfn, COMPOUND_WORD);
  return map.profile.tailEncoding === "mask" ? map.addressOf(pfn) & word : word - 1n;
}

/**
 * page_fixed_fake_head (6.1 to 7.0). HVO maps the head's vmemmap page once more in place of the tails', so what looks
 * like a head may be a copy; the next slot, a copy of page 1, tells where the real one is.
 *
 * @returns the address the next slot leads to, or null where the question does not arise
 */
function fixedFakeHead(map: ModelMap, pfn: number): bigint | null {
  if (map.profile.tailEncoding !== "fake-heads") return null;
  if (pfn % SLOTS_PER_VMEMMAP_PAGE !== 0 || !hasFlagBit(map, pfn, "head")) return null;
  const next = pfn + 1;
  return map.has(next) && isTagged(map, next) ? taggedAddress(map, next) : null;
}

/** A head is a present slot, never after its tail, and never further away than the largest folio reaches. */
function headWithinReach(map: ModelMap, pfn: number, address: bigint): number | null {
  const head = map.pfnAt(address);
  if (head === null || head > pfn || pfn - head >= 2 ** map.profile.maxFolioOrder) return null;
  return map.has(head) ? head : null;
}
