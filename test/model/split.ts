import { folioSetOrder, prepCompoundPage } from "./compound.js";
import {
  clearFlagBit,
  clearFlagBits,
  fieldMask,
  flagMask,
  hasFlagBit,
  lastCpupid,
  prepFlagsMask,
  setFlagBit,
  setFlagBits,
  setLastCpupid,
} from "./flagword.js";
import { folioOrder } from "./folio.js";
import { pageHead } from "./head.js";
import type { ModelMap } from "./map.js";
import { COMPOUND_WORD, FLAGS, INDEX, MAPPING, MEMCG_DATA, PRIVATE } from "./page.js";
import { Refusal } from "./refusal.js";

/**
 * __split_folio_to_order (7.3): one folio becomes folios of the lower order, in place.
 *
 * The caller has frozen and unmapped it, and unfreezes the parts afterwards: no count is written here. The word at +8
 * of each new head (pgmap or lru.next) is 0 until its owner restores it. Tails of the first part are not written: in
 * mask encoding they keep the mask of the old order, which leads to the same head.
 */
export function splitFolioToOrder(map: ModelMap, head: number, newOrder: number): void {
  if (!pageHead(map, head)) throw new Refusal("not-compound", `PFN ${head} is no head`);
  const oldOrder = folioOrder(map, head);
  if (newOrder >= oldOrder) throw new Refusal("split-upwards", `order ${oldOrder} can't be split to ${newOrder}`);

  const poisoned = hasFlagBit(map, head + 1, "has_hwpoisoned");
  clearFlagBit(map, head + 1, "has_hwpoisoned");
  const partSize = 2 ** newOrder;
  for (let i = partSize; i < 2 ** oldOrder; i += partSize) makePart(map, head, i, newOrder);
  // Page 1 of the first part is a tail still, unless the parts are single pages.
  if (newOrder > 0) folioSetOrder(map, head, newOrder);
  else clearFlagBit(map, head, "head");
  if (poisoned && newOrder > 0 && map.profile.compound.splitKeepsHasHwpoisoned)
    markPoisonedParts(map, head, oldOrder, newOrder);
}

/** One new head: what it inherits from the old one, and its own tails. */
function makePart(map: ModelMap, head: number, i: number, newOrder: number): void {
  const newHead = head + i;
  clearFlagBits(map, newHead, prepFlagsMask(map));
  setFlagBits(map, newHead, map.u64(head, FLAGS) & inheritedMask(map));
  map.setU64(newHead, MAPPING, map.u64(head, MAPPING));
  map.setU64(newHead, INDEX, map.u64(head, INDEX) + BigInt(i));
  const { splitMovesSwap, splitZeroesPrivate } = map.profile.compound;
  if (!inSwapcache(map, head)) {
    if (splitZeroesPrivate) map.setU64(newHead, PRIVATE, 0n);
  } else if (splitMovesSwap) {
    map.setU64(newHead, PRIVATE, map.u64(head, PRIVATE) + BigInt(i));
  }
  map.setU64(newHead, COMPOUND_WORD, 0n);
  if (newOrder > 0) {
    prepCompoundPage(map, newHead, newOrder);
    setFlagBit(map, newHead + 1, "large_rmappable");
  }
  map.setU64(newHead, MEMCG_DATA, map.u64(head, MEMCG_DATA));
  setLastCpupid(map, newHead, lastCpupid(map, head));
}

function inheritedMask(map: ModelMap): bigint {
  const { lruGen, lruRefs, compound } = map.profile;
  const fields = fieldMask(lruGen) | fieldMask(lruRefs);
  return compound.splitCopiedFlags.reduce((mask, name) => mask | flagMask(map, name), fields);
}

/** folio_test_swapcache: the bit means something else (owner_priv_1) on folios that are not swap-backed. */
function inSwapcache(map: ModelMap, head: number): boolean {
  return hasFlagBit(map, head, "swapbacked") && hasFlagBit(map, head, "swapcache");
}

/** has_hwpoisoned is set again on each part in which page_range_has_hwpoisoned finds a poisoned page. */
function markPoisonedParts(map: ModelMap, head: number, oldOrder: number, newOrder: number): void {
  for (let pfn = head; pfn < head + 2 ** oldOrder; pfn++) {
    const part = pfn - ((pfn - head) % 2 ** newOrder);
    if (hasFlagBit(map, pfn, "hwpoison")) setFlagBit(map, part + 1, "has_hwpoisoned");
  }
}
