/** References on lists of pages that several threads take or drop: what each of them does. */
import { forSlots } from "../batch.js";
import { type Core, STAGED_ELEMENTS, stagingPlaces } from "../engine/core.js";
import { constant } from "../engine/modules.js";
import { isRange } from "../lists.js";
import type { PfnSource } from "../types.js";
import type { Take } from "./take.js";
import { part } from "./views.js";

/** A page of a list whose count may not change: which, and the core's Status. */
export interface Refusal {
  readonly at: number;
  readonly status: number;
}

/** What the core wants done for a folio that a count has led to, and for which page of the list. */
export interface ToFinish {
  readonly at: number;
  readonly event: number;
  /** The folio's slot. */
  readonly head: number;
}

/** What one thread did of a list. */
export interface Counted {
  /** Stretches of the list whose counts it changed; of a list that is dropped, those that were refused are among them. */
  readonly done: (readonly [from: number, count: number])[];
  /** How many pages that are. */
  readonly count: number;
  /** The first page that was refused. */
  readonly refused: Refusal | null;
  readonly toFinish: readonly ToFinish[];
}

/** Elements that a thread takes at a time. */
export const COUNTED_STRETCH = STAGED_ELEMENTS;

/** Visit the stretches that this thread takes, with their slots at an address, for as long as `visit` says. */
function forTaken(
  core: Core,
  take: Take,
  pages: PfnSource,
  what: string,
  visit: (slots: number, from: number, nr: number) => boolean,
): void {
  const length = isRange(pages) ? pages.count : pages.length;
  const { slots } = stagingPlaces(core);
  for (let from = take(COUNTED_STRETCH); from < length; from = take(COUNTED_STRETCH)) {
    const nr = Math.min(COUNTED_STRETCH, length - from);
    // The staging takes it as a whole.
    forSlots(core, part(pages, from, nr), what, () => {});
    if (!visit(slots, from, nr)) return;
  }
}

/** try_get_page of the pages of the stretches this thread takes, up to the first that is refused. */
export function getReferences(core: Core, take: Take, pages: PfnSource): Counted {
  const { exports, i32 } = core;
  const answer = stagingPlaces(core).answers;
  const done: [number, number][] = [];
  const toFinish: ToFinish[] = [];
  let refused: Refusal | null = null;
  forTaken(core, take, pages, "getFolios", (slots, from, nr) => {
    let got = 0;
    while (refused === null) {
      got += exports.try_get_pages(slots + got * 4, answer, nr - got);
      if (got === nr) break;
      const said = i32[answer / 4]!;
      // Above 1 the page had left its folio, whose last reference this thread then had: it is asked again.
      if (said > 1) toFinish.push({ at: from + got, event: said - 1, head: exports.last_passed() >>> 0 });
      else refused = { at: from + got, status: said === 0 ? constant("Status.REFCOUNT") : -said };
    }
    done.push([from, got]);
    return refused === null;
  });
  return { done, count: countOf(done), refused, toFinish };
}

/** The first page of the stretches this thread takes whose folio has no reference to drop. */
export function checkPuts(core: Core, take: Take, pages: PfnSource): Refusal | null {
  const { exports, u32 } = core;
  let refused: Refusal | null = null;
  forTaken(core, take, pages, "putFolios", (slots, from, nr) => {
    const sound = exports.check_put_pages(slots, nr);
    if (sound < nr) refused = { at: from + sound, status: exports.check_put_page(u32[slots / 4 + sound]!) };
    return refused === null;
  });
  return refused;
}

/** folio_put of the pages of the stretches this thread takes, but for those that are refused. */
export function putReferences(core: Core, take: Take, pages: PfnSource): Counted {
  const { exports, u32, i32 } = core;
  const { answers } = stagingPlaces(core);
  const done: [number, number][] = [];
  const toFinish: ToFinish[] = [];
  let first: Refusal | null = null;
  let refusals = 0;
  forTaken(core, take, pages, "putFolios", (slots, from, nr) => {
    for (let put = 0; put < nr;) {
      const now = exports.put_folios(slots + put * 4, answers, nr - put);
      put += now;
      if (now > 0) {
        const event = i32[answers / 4 + now - 1]!;
        const head = () => exports.compound_head(u32[slots / 4 + put - 1]!) >>> 0;
        if (event !== constant("Event.NONE")) toFinish.push({ at: from + put - 1, event, head: head() });
        continue;
      }
      const status = exports.check_put_page(u32[slots / 4 + put]!);
      // Another thread may have made it so that it can be dropped now.
      if (status === constant("Status.OK")) continue;
      first ??= { at: from + put, status };
      refusals++;
      put++;
    }
    done.push([from, nr]);
    return true;
  });
  return { done, count: countOf(done) - refusals, refused: first, toFinish };
}

function countOf(stretches: readonly (readonly [number, number])[]): number {
  return stretches.reduce((sum, [, count]) => sum + count, 0);
}
