import { tailWord } from "./compound.js";
import { pageNode, pageZone, setPageLinks } from "./flagword.js";
import { SLOTS_PER_VMEMMAP_PAGE } from "./head.js";
import type { ModelMap } from "./map.js";
import { COMPOUND_WORD, MAPCOUNT, MAPPING, PRIVATE, TAIL_MAPPING } from "./page.js";

/** HPG_vmemmap_optimized, in the private word of a hugetlb folio's head. */
const HPG_VMEMMAP_OPTIMIZED = 1n << 4n;

/**
 * HVO: the vmemmap pages of a hugetlb folio past the first are given back, and the PTEs in their place lead to one
 * page that stays. The model has no page tables: it writes what reads through such PTEs show.
 */
export function hugetlbVmemmapOptimize(map: ModelMap, head: number, order: number): void {
  const keptPages = map.profile.tailEncoding === "pointer" ? 2 : 1;
  const firstAlias = head + keptPages * SLOTS_PER_VMEMMAP_PAGE;
  const end = head + 2 ** order;
  if (firstAlias >= end) return;
  map.setU64(head, PRIVATE, map.u64(head, PRIVATE) | HPG_VMEMMAP_OPTIMIZED);
  for (let pfn = firstAlias; pfn < end; pfn++) showAlias(map, head, pfn, order);
}

/** HPG_vmemmap_optimized is set. */
export function isVmemmapOptimized(map: ModelMap, head: number): boolean {
  return (map.u64(head, PRIVATE) & HPG_VMEMMAP_OPTIMIZED) !== 0n;
}

/** hugetlb_vmemmap_restore_folio: every slot is there again; those given back come as copies of the last tail kept. */
export function hugetlbVmemmapRestore(map: ModelMap, head: number, order: number): void {
  const kept = map.profile.tailEncoding === "pointer" ? 2 * SLOTS_PER_VMEMMAP_PAGE : SLOTS_PER_VMEMMAP_PAGE;
  map.setU64(head, PRIVATE, map.u64(head, PRIVATE) & ~HPG_VMEMMAP_OPTIMIZED);
  for (let pfn = head + kept; pfn < head + 2 ** order; pfn++) map.bytes(pfn).set(map.bytes(head + kept - 1));
}

function showAlias(map: ModelMap, head: number, pfn: number, order: number): void {
  const place = (pfn - head) % SLOTS_PER_VMEMMAP_PAGE;
  switch (map.profile.tailEncoding) {
    // 5.15: the second vmemmap page, which holds nothing but tails.
    case "pointer": {
      map.bytes(pfn).set(map.bytes(head + SLOTS_PER_VMEMMAP_PAGE + place));
      return;
    }
    // 6.1 to 7.0: the head's own page. Its first slot becomes the fake head.
    case "fake-heads": {
      map.bytes(pfn).set(map.bytes(head + place));
      return;
    }
    // 7.1 on: the zone's shared page for this order.
    case "mask": {
      writeSharedTail(map, head, pfn, order);
      return;
    }
  }
}

/** A slot of zone->vmemmap_tails: good for any folio of this order and zone, since its word is a mask. */
function writeSharedTail(map: ModelMap, head: number, pfn: number, order: number): void {
  map.bytes(pfn).fill(0);
  setPageLinks(map, pfn, pageZone(map, head), pageNode(map, head));
  map.setU64(pfn, COMPOUND_WORD, tailWord(map, head, order));
  map.setU64(pfn, MAPPING, TAIL_MAPPING);
  map.setI32(pfn, MAPCOUNT, -1);
}
