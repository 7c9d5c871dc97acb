import { VmemmapError } from "./errors.js";

/** Folios that one batch of changes is about. */
export interface FolioExtent {
  readonly pfn: number;
  readonly pages: number;
}

/** Check that no two folios of a batch meet. @throws VmemmapError "overlap" */
export function checkApart(extents: readonly FolioExtent[], what: string): void {
  const sorted = [...extents].sort((a, b) => a.pfn - b.pfn);
  let before: FolioExtent | undefined;
  for (const extent of sorted) {
    if (before !== undefined && extent.pfn < before.pfn + before.pages) {
      throw new VmemmapError(
        "overlap",
        `${what}: the ${extent.pages} pages at PFN ${extent.pfn} meet the ${before.pages} at PFN ${before.pfn} of the same list`,
      );
    }
    before = extent;
  }
}
