/**
 * Batches: a list of pages in, a list of answers out, in whichever memory the caller keeps them. Lists in the engine's
 * own memory go through without a copy, others through a staging area that stays in cache.
 */
import { type Core, INVALID, STAGED_ELEMENTS, stagingPlaces } from "./engine/core.js";
import { checkList, checkOut, isRange, isResident, isWide, pfnListKind, sourceLength, stretch } from "./lists.js";
import type { AnswerList, PfnList, PfnSource } from "./types.js";

/** What a batch may ask of each page for a 32-bit answer: the core's export, and whether the page's head is in it. */
const questions = {
  order: { ask: "orders_of_slots", ofHead: true },
  folioId: { ask: "heads_of_slots", ofHead: true },
  refcount: { ask: "page_refcounts_of_slots", ofHead: false },
  folioRefcount: { ask: "folio_refcounts_of_slots", ofHead: true },
  mapcount: { ask: "page_mapcounts_of_slots", ofHead: true },
  folioMapcount: { ask: "folio_mapcounts_of_slots", ofHead: true },
  pgmap: { ask: "pgmaps_of_slots", ofHead: true },
  devPagemap: { ask: "dev_pagemaps_of_slots", ofHead: false },
} as const;

type Question = keyof typeof questions;

/** Call `visit` for each stretch of the source that fits the staging, with its PFNs put at an address. */
function forStretches(
  core: Core,
  source: PfnSource,
  length: number,
  visit: (pfns: number, offset: number, nr: number) => void,
): void {
  const staging = stagingPlaces().pfns;
  const wide = isWide(core);
  for (let offset = 0; offset < length; offset += STAGED_ELEMENTS) {
    const nr = Math.min(STAGED_ELEMENTS, length - offset);
    if (isRange(source)) {
      const first = source.start + offset;
      if (wide) core.exports.f64_run(first >>> 0, Math.floor(first / 2 ** 32), staging, nr);
      else core.exports.pfn_run(first, staging, nr);
    } else if (!wide && isResident(core, source)) {
      visit(source.byteOffset + offset * 4, offset, nr);
      continue;
    } else {
      (wide ? core.f64 : core.u32).set(stretch(source, offset, offset + nr), staging / (wide ? 8 : 4));
    }
    visit(staging, offset, nr);
  }
}

/** Turn PFNs at `src` into slots at `dst`; how many are absent. */
function toSlots(core: Core, src: number, dst: number, nr: number): number {
  return isWide(core) ? core.exports.slots_of_f64(src, dst, nr) : core.exports.slots_of_pfns(src, dst, nr);
}

/** Heads of pages, as PFNs. */
export function headsInto(core: Core, source: PfnSource, out: PfnList): number {
  const length = sourceLength(core, source, "headsInto");
  checkOut(core, out, [pfnListKind(core)], source, length, "headsInto");
  if (!isRange(source) && out instanceof Uint32Array && isResident(core, source) && isResident(core, out)) {
    return core.exports.heads_of_pfns(source.byteOffset, out.byteOffset, length);
  }
  const { slots, answers } = stagingPlaces();
  let invalid = 0;
  forStretches(core, source, length, (pfns, offset, nr) => {
    if (out instanceof Float64Array) {
      core.exports.slots_of_f64(pfns, slots, nr);
      invalid += core.exports.heads_of_slots(slots, slots, nr);
      core.exports.f64_of_slots(slots, answers, nr);
      out.set(core.f64.subarray(answers / 8, answers / 8 + nr), offset);
    } else {
      invalid += core.exports.heads_of_pfns(pfns, answers, nr);
      out.set(core.u32.subarray(answers / 4, answers / 4 + nr), offset);
    }
  });
  return invalid;
}

/** 32-bit answers about pages. */
export function answersInto(core: Core, source: PfnSource, out: AnswerList, question: Question, what: string): number {
  const length = sourceLength(core, source, what);
  checkOut(core, out, [Uint32Array, Int32Array, Float64Array], source, length, what);
  const { ask, ofHead } = questions[question];
  const { slots, answers } = stagingPlaces();
  const at = answers / 4;
  let invalid = 0;
  forStretches(core, source, length, (pfns, offset, nr) => {
    toSlots(core, pfns, slots, nr);
    invalid += core.exports[ask](slots, answers, nr);
    if (out instanceof Float64Array) {
      if (ofHead) core.exports.heads_of_slots(slots, slots, nr);
      for (let i = 0; i < nr; i++) {
        out[offset + i] = core.u32[slots / 4 + i] === INVALID ? NaN : (core.i32[at + i] ?? NaN);
      }
    } else {
      out.set(core.i32.subarray(at, at + nr), offset);
    }
  });
  return invalid;
}

/** What a batch may ask of each page for a 64-bit answer. */
const wordQuestions = {
  flags: "page_flags_of_slots",
  folioFlags: "folio_flags_of_slots",
  pgmap: "pgmap_words_of_slots",
} as const;

/** 64-bit answers about pages. */
export function wordsInto(
  core: Core,
  source: PfnSource,
  out: BigUint64Array,
  question: keyof typeof wordQuestions,
  what: string,
): number {
  const length = sourceLength(core, source, what);
  checkOut(core, out, [BigUint64Array], source, length, what);
  const { slots, answers } = stagingPlaces();
  let invalid = 0;
  forStretches(core, source, length, (pfns, offset, nr) => {
    toSlots(core, pfns, slots, nr);
    invalid += core.exports[wordQuestions[question]](slots, answers, nr);
    out.set(core.u64.subarray(answers / 8, answers / 8 + nr), offset);
  });
  return invalid;
}

/** Slots of pages. */
export function slotsInto(core: Core, source: PfnSource, out: Uint32Array): number {
  const length = sourceLength(core, source, "slotsOf");
  checkOut(core, out, [Uint32Array], source, length, "slotsOf");
  const { slots } = stagingPlaces();
  let invalid = 0;
  forStretches(core, source, length, (pfns, offset, nr) => {
    invalid += toSlots(core, pfns, slots, nr);
    out.set(core.u32.subarray(slots / 4, slots / 4 + nr), offset);
  });
  return invalid;
}

/** PFNs of slots. */
export function pfnsInto(core: Core, list: Uint32Array, out: PfnList): number {
  checkList(core, list, [Uint32Array], "pfnsOf: slots");
  checkOut(core, out, [pfnListKind(core)], list, list.length, "pfnsOf");
  const { slots, answers } = stagingPlaces();
  let invalid = 0;
  for (let offset = 0; offset < list.length; offset += STAGED_ELEMENTS) {
    const nr = Math.min(STAGED_ELEMENTS, list.length - offset);
    core.u32.set(stretch(list, offset, offset + nr), slots / 4);
    if (out instanceof Float64Array) {
      invalid += core.exports.f64_of_slots(slots, answers, nr);
      out.set(core.f64.subarray(answers / 8, answers / 8 + nr), offset);
    } else {
      invalid += core.exports.pfns_of_slots(slots, answers, nr);
      out.set(core.u32.subarray(answers / 4, answers / 4 + nr), offset);
    }
  }
  return invalid;
}
