/** References on lists of pages, one on each page's folio: all or none (mm/swap.c, folios_put). */
import { throwFirst } from "./callbacks.js";
import type { Devices } from "./devices.js";
import { type Core, STAGED_ELEMENTS, stagingPlaces } from "./engine/core.js";
import { errorOf } from "./engine/status.js";
import type { VmemmapError } from "./errors.js";
import { forSlots } from "./batch.js";
import { isRange } from "./lists.js";
import type { PfnSource } from "./types.js";

/** A stretch of a list whose counts have changed, with those it had before. */
interface Changed {
  readonly slots: Uint32Array;
  readonly counts: Int32Array;
}

/** Change the counts of all stretches of a list, or throw with all as they were. */
function changeCounts(
  core: Core,
  pages: PfnSource,
  what: "getFolios" | "putFolios",
): { changed: Changed[]; undo: () => void } {
  const { exports } = core;
  const [change, check] =
    what === "getFolios"
      ? [exports.get_folios, exports.check_get_page]
      : [exports.try_put_folios, exports.check_put_page];
  const { slots, answers } = stagingPlaces(core);
  const changed: Changed[] = [];
  const undo = () => {
    for (const { slots: list, counts } of changed.toReversed()) {
      core.u32.set(list, slots / 4);
      core.i32.set(counts, answers / 4);
      exports.restore_counts(slots, answers, list.length);
    }
  };
  forSlots(core, pages, what, (offset, nr) => {
    const list = core.u32.slice(slots / 4, slots / 4 + nr);
    const done = change(slots, answers, nr);
    changed.push({ slots: list.subarray(0, done), counts: core.i32.slice(answers / 4, answers / 4 + done) });
    if (done === nr) return;
    const status = check(list[done]!);
    undo();
    throw refusalOf(status, what, pages, offset + done);
  });
  return { changed, undo };
}

/** The error for a page of a list whose count may not change. */
export function refusalOf(status: number, what: string, pages: PfnSource, at: number, further = ""): VmemmapError {
  const pfn = isRange(pages) ? pages.start + at : pages[at]!;
  return errorOf(status, `${what}: page ${at} of the list (PFN ${pfn})${further}`);
}

/** folio_get of each page's folio. */
export function getFolios(core: Core, pages: PfnSource): void {
  changeCounts(core, pages, "getFolios");
}

/** folio_put of each page's folio; how many folios were freed. */
export function putFolios(core: Core, devices: Devices, pages: PfnSource): number {
  const { changed, undo } = changeCounts(core, pages, "putFolios");
  undo();
  const errors: unknown[] = [];
  let freed = 0;
  for (const { slots } of changed) freed += putSlots(core, devices, slots, errors);
  throwFirst(errors);
  return freed;
}

/**
 * folio_put of each slot's folio; how many folios were freed. The core stops where a folio's free step has to be completed first; then it
 * goes on.
 */
export function putSlots(core: Core, devices: Devices, list: Uint32Array, errors: unknown[]): number {
  const { slots, answers } = stagingPlaces(core);
  let freed = 0;
  for (let from = 0; from < list.length;) {
    const part = list.subarray(from, from + STAGED_ELEMENTS);
    core.u32.set(part, slots / 4);
    const done = core.exports.put_folios(slots, answers, part.length);
    if (done === 0) {
      // Only a callback can have taken away what the list needs.
      errors.push(errorOf(core.exports.check_put_page(part[0]!), "putFolios, after a callback"));
      return freed;
    }
    const events = core.i32.slice(answers / 4, answers / 4 + done);
    events.forEach((event, i) => {
      if (event === 0 && !devices.isWaitedFor) return;
      freed += Number(devices.finish(event, core.exports.compound_head(part[i]!) >>> 0, errors));
    });
    from += done;
  }
  return freed;
}
