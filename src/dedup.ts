/** The deduplicated vmemmap of device-dax: which pages of it show the folio's second one (mm/sparse-vmemmap.c). */
import { type AliasTable, SLOTS_PER_VMEMMAP_PAGE } from "./aliases.js";
import type { Core } from "./engine/core.js";
import { errorOf } from "./engine/status.js";
import type { PgmapRange } from "./image/image.js";

/** Deduplicate the vmemmap of each folio of `order` in a range. */
export function dedupFolios(core: Core, aliases: AliasTable, { start, end }: PgmapRange, order: number): void {
  const nr = 2 ** order;
  for (let pfn = start; pfn < end; pfn += nr) {
    const status = core.exports.vmemmap_dedup_folio(core.slotOf(pfn), order);
    if (status < 0) throw errorOf(-status, `the vmemmap of the folio at PFN ${pfn}`);
    const frame = aliases.newFrame();
    for (let i = SLOTS_PER_VMEMMAP_PAGE; i < nr; i += SLOTS_PER_VMEMMAP_PAGE) {
      aliases.add(pfn + i, frame, i === SLOTS_PER_VMEMMAP_PAGE);
    }
  }
}
