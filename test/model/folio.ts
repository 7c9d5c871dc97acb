import { hasFlagBit } from "./flagword.js";
import type { ModelMap } from "./map.js";
import type { KindMark } from "../../src/profile/profile.js";
import { hasPageType } from "./page-type.js";

/** folio_test_large. The argument of everything here is a head, or an order-0 page. */
export function folioTestLarge(map: ModelMap, head: number): boolean {
  return hasFlagBit(map, head, "head");
}

export function folioOrder(map: ModelMap, head: number): number {
  return folioTestLarge(map, head) ? map.u8(head, map.profile.folio.order) : 0;
}

/** compound_order: looks at this very page only, so a tail answers 0. */
export function compoundOrder(map: ModelMap, pfn: number): number {
  return folioOrder(map, pfn);
}

export function folioNrPages(map: ModelMap, head: number): number {
  if (!folioTestLarge(map, head)) return 1;
  const { nrPages } = map.profile.folio;
  return nrPages === null ? 2 ** folioOrder(map, head) : map.u32(head, nrPages);
}

/** folio_page_idx. */
export function folioPageIdx(map: ModelMap, head: number, pfn: number): number {
  return Number((map.addressOf(pfn) - map.addressOf(head)) / 64n);
}

/** folio_test_hugetlb. */
export function folioTestHugetlb(map: ModelMap, head: number): boolean {
  return carriesMark(map, head, map.profile.hugetlb);
}

/** folio_test_slab. */
export function folioTestSlab(map: ModelMap, head: number): boolean {
  return carriesMark(map, head, map.profile.slab);
}

function carriesMark(map: ModelMap, head: number, mark: KindMark): boolean {
  switch (mark.by) {
    case "type":
      return hasPageType(map, head, mark.name);
    case "flag": {
      const second = map.profile.flags[mark.name]?.policy === "second";
      return second
        ? folioTestLarge(map, head) && hasFlagBit(map, head + 1, mark.name)
        : hasFlagBit(map, head, mark.name);
    }
    case "dtor": {
      const { dtor } = map.profile.folio;
      return dtor !== null && folioTestLarge(map, head) && map.u8(head, dtor) === mark.id;
    }
  }
}
