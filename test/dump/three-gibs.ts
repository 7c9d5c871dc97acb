import { defineProfile, type PresetName, Vmemmap } from "../../src/index.js";
import { PAGES_PER_SECTION } from "../../src/sections.js";

/**
 * Memory in three windows of 1 GiB: two nodes, a hole, folios up to 1 GiB, optimised hugetlb pages on both sides of the cuts, and device
 * memory in the last, hot-added and no whole section.
 */
export function threeGibs(preset: PresetName = "7.3"): Vmemmap {
  const gib = 8 * PAGES_PER_SECTION;
  const map = new Vmemmap({
    profile: defineProfile(preset, { vmemmapBase: 0xfffffb9640000000n }),
    memory: [
      { start: 0, end: gib },
      { start: gib, end: 2 * gib, node: 1 },
      { start: 2 * gib, end: 2 * gib + PAGES_PER_SECTION, node: 1 },
    ],
  });
  for (const order of [1, 3, 6, 9]) map.prepCompoundPage(512 * order, order);
  for (const pfn of [gib - 512, 2 * gib - 1024, 2 * gib - 512, 2 * gib, 2 * gib + 512]) {
    map.prepCompoundPage(pfn, 9);
    map.hugetlbVmemmapOptimizeFolio(pfn);
  }
  map.prepCompoundPage(gib + PAGES_PER_SECTION, 15);
  map.memremapPages({
    type: "generic",
    ranges: [{ start: 2 * gib + 4 * PAGES_PER_SECTION, end: 2 * gib + 4 * PAGES_PER_SECTION + 4096 }],
    vmemmapShift: 9,
  });
  return map;
}
