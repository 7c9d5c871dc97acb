/** What pages are used for, of lists and of single pages. */
import { forSlots } from "./batch.js";
import { stretchesOf } from "./census.js";
import { type Core, INVALID, stagingPlaces } from "./engine/core.js";
import { isFiltered } from "./filtered.js";
import { PAGE_KINDS, type UsageKind } from "./kinds.js";
import { checkOut, isRange, sourceLength } from "./lists.js";
import type { PfnRange, PfnSource } from "./types.js";

/** What the answer is for a page that does not exist, or leads nowhere. */
const NO_KIND = 0xff;
const FILTERED = PAGE_KINDS.indexOf("filtered");

/** Places of pages' kinds in PAGE_KINDS. @internal */
export function usageKindsInto(core: Core, pages: PfnSource, out: Uint8Array, filtered: readonly PfnRange[]): number {
  const length = sourceLength(core, pages, "usageKindsInto");
  checkOut(core, out, [Uint8Array], pages, length, "usageKindsInto");
  if (isRange(pages)) kindsOfRange(core, pages, out);
  else {
    const { slots, answers } = stagingPlaces(core);
    forSlots(core, pages, "usageKindsInto", (offset, nr) => {
      core.exports.kinds_of_slots(slots, answers, nr);
      out.set(core.u8.subarray(answers, answers + nr), offset);
    });
  }
  let invalid = 0;
  for (let i = 0; i < length; i++) {
    if (filtered.length > 0 && isFiltered(filtered, isRange(pages) ? pages.start + i : pages[i]!)) out[i] = FILTERED;
    if (out[i] === NO_KIND) invalid++;
  }
  return invalid;
}

/** Section by section, at the speed of a pass. */
function kindsOfRange(core: Core, range: PfnRange, out: Uint8Array): void {
  const { answers } = stagingPlaces(core);
  out.fill(NO_KIND);
  for (const [first, end, pfn] of stretchesOf(core, range)) {
    core.exports.kinds_between(first, end, answers);
    out.set(core.u8.subarray(answers, answers + end - first), pfn - range.start);
  }
}

/** The kind of the page of a slot; null where it leads nowhere. @internal */
export function usageKindOf(core: Core, pfn: number, slot: number, filtered: readonly PfnRange[]): UsageKind | null {
  if (isFiltered(filtered, pfn)) return "filtered";
  const kind = core.exports.page_kind(slot) >>> 0;
  return kind === INVALID ? null : PAGE_KINDS[kind]!;
}
