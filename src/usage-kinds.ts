/** What pages are used for, of lists and of single pages. */
import { forSlots } from "./batch.js";
import { stretchesOf } from "./census.js";
import { type Core, INVALID, stagingPlaces } from "./engine/core.js";
import { isFiltered } from "./filtered.js";
import { PAGE_KINDS, type UsageKind } from "./kinds.js";
import { checkOut, isRange, sourceLength } from "./lists.js";
import type { PfnList, PfnRange, PfnSource } from "./types.js";

/** What the answer is for a page that does not exist, or leads nowhere. */
const NO_KIND = 0xff;
const FILTERED = PAGE_KINDS.indexOf("filtered");

/** Places of pages' kinds in PAGE_KINDS. @internal */
export function usageKindsInto(core: Core, pages: PfnSource, out: Uint8Array, filtered: readonly PfnRange[]): number {
  const length = sourceLength(core, pages, "usageKindsInto");
  checkOut(core, out, [Uint8Array], pages, length, "usageKindsInto");
  return isRange(pages) ? kindsOfRange(core, pages, out, filtered) : kindsOfList(core, pages, out, filtered);
}

/** Section by section, at the speed of a pass. @returns how many are NO_KIND */
function kindsOfRange(core: Core, range: PfnRange, out: Uint8Array, filtered: readonly PfnRange[]): number {
  const { answers } = stagingPlaces(core);
  let without = range.count;
  let done = 0;
  for (const [first, end, pfn] of stretchesOf(core, range)) {
    const at = pfn - range.start;
    out.fill(NO_KIND, done, at);
    without += core.exports.kinds_between(first, end, answers) - (end - first);
    done = at + end - first;
    out.set(core.u8.subarray(answers, answers + end - first), at);
  }
  out.fill(NO_KIND, done, range.count);
  for (const { start, count } of filtered) {
    const from = Math.max(start - range.start, 0);
    const to = Math.min(start + count - range.start, range.count);
    for (let at = from; at < to; at++) without -= Number(out[at] === NO_KIND);
    if (from < to) out.fill(FILTERED, from, to);
  }
  return without;
}

function kindsOfList(core: Core, pages: PfnList, out: Uint8Array, filtered: readonly PfnRange[]): number {
  const { slots, answers } = stagingPlaces(core);
  let without = 0;
  forSlots(core, pages, "usageKindsInto", (offset, nr) => {
    without += core.exports.kinds_of_slots(slots, answers, nr);
    out.set(core.u8.subarray(answers, answers + nr), offset);
  });
  if (filtered.length === 0) return without;
  pages.forEach((pfn, i) => {
    if (!isFiltered(filtered, pfn)) return;
    without -= Number(out[i] === NO_KIND);
    out[i] = FILTERED;
  });
  return without;
}

/** The kind of the page of a slot; null where it leads nowhere. @internal */
export function usageKindOf(core: Core, pfn: number, slot: number, filtered: readonly PfnRange[]): UsageKind | null {
  if (isFiltered(filtered, pfn)) return "filtered";
  const kind = core.exports.page_kind(slot) >>> 0;
  return kind === INVALID ? null : PAGE_KINDS[kind]!;
}
