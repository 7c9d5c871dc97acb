import type { PfnRange } from "./types.js";

/** Whether a PFN is in one of these ranges, which rise. */
export function isFiltered(ranges: readonly PfnRange[], pfn: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const { start, count } = ranges[middle]!;
    if (start + count <= pfn) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.start <= pfn;
}
