/** Which frame the vmemmap pages of an optimised hugetlb folio show (mm/hugetlb_vmemmap.c). */
import { type AliasTable, SLOTS_PER_VMEMMAP_PAGE } from "./aliases.js";
import { type Core, INVALID } from "./engine/core.js";
import type { TailEncoding } from "./profile/index.js";
import { SLOT_BYTES } from "./sections.js";

const VMEMMAP_PAGE_BYTES = SLOTS_PER_VMEMMAP_PAGE * SLOT_BYTES;
/** Word of a slot at +8, in u64 steps. */
const COMPOUND_INFO = 1;

/** Note what the core has done to the folio at `pfn`: its later vmemmap pages show one frame. */
export function noteOptimized(core: Core, aliases: AliasTable, encoding: TailEncoding, pfn: number): void {
  const nr = 2 ** core.exports.compound_order(core.slotOf(pfn));
  if (encoding === "mask") {
    const frame = sharedTails(core, aliases, pfn, nr) ?? aliases.newFrame();
    for (let i = SLOTS_PER_VMEMMAP_PAGE; i < nr; i += SLOTS_PER_VMEMMAP_PAGE) aliases.add(pfn + i, frame, false);
    return;
  }
  const home = encoding === "pointer" ? SLOTS_PER_VMEMMAP_PAGE : 0;
  const frame = aliases.newFrame();
  for (let i = home; i < nr; i += SLOTS_PER_VMEMMAP_PAGE) aliases.add(pfn + i, frame, i === home);
}

/** The folio's slots are its own again. */
export function noteRestored(core: Core, aliases: AliasTable, pfn: number): void {
  const nr = 2 ** core.exports.compound_order(core.slotOf(pfn));
  for (let i = 0; i < nr; i += SLOTS_PER_VMEMMAP_PAGE) aliases.delete(pfn + i);
}

/**
 * From 7.1 on a zone has one page of tails for each order (zone->vmemmap_tails). Its frame, where another folio shows it
 * already; then this folio's slots take its bytes.
 */
function sharedTails(core: Core, aliases: AliasTable, pfn: number, nr: number): number | undefined {
  const first = core.slotOf(pfn + SLOTS_PER_VMEMMAP_PAGE);
  const shown = aliases.find((other) => !aliases.isHome(other) && showsSame(core, core.slotOf(other), first));
  if (shown === undefined) return undefined;
  const tails = core.address(core.slotOf(shown));
  // As a rule they are what the core has just written to all of them.
  if (isSamePage(core, core.address(first), tails)) return aliases.frameOf(shown);
  for (let i = 0; i < nr - SLOTS_PER_VMEMMAP_PAGE; i += SLOTS_PER_VMEMMAP_PAGE) {
    core.u8.copyWithin(core.address(first + i), tails, tails + VMEMMAP_PAGE_BYTES);
  }
  core.exports.slots_written(first, nr - SLOTS_PER_VMEMMAP_PAGE);
  return aliases.frameOf(shown);
}

function isSamePage(core: Core, a: number, b: number): boolean {
  const words = (at: number) => core.u32.subarray(at / 4, (at + VMEMMAP_PAGE_BYTES) / 4);
  const other = words(b);
  return words(a).every((word, i) => word === other[i]);
}

/** Whether two alias slots are of one zone's tails of one order. Device-dax has alias slots too, of another kind. */
function showsSame(core: Core, slot: number, other: number): boolean {
  const { compound_head, folio_is_hugetlb, page_to_nid, page_zonenum } = core.exports;
  const info = (of: number) => core.u64[core.address(of) / 8 + COMPOUND_INFO];
  if (info(slot) !== info(other)) return false;
  if (page_zonenum(slot) !== page_zonenum(other) || page_to_nid(slot) !== page_to_nid(other)) return false;
  const head = compound_head(slot) >>> 0;
  return head !== INVALID && folio_is_hugetlb(head) !== 0;
}
