/**
 * Batches: a list of pages in, a list of answers out, in whichever memory the caller keeps them. Lists in the engine's
 * own memory go through without a copy, others through a staging area that stays in cache.
 */
import { type Core, INVALID, STAGED_ELEMENTS, stagingPlaces } from "./engine/core.js";
import { VmemmapError } from "./errors.js";
import { checkList, checkOut, isRange, isResident, isWide, pfnListKind, sourceLength, stretch } from "./lists.js";
import type { AnswerList, PfnList, PfnSource } from "./types.js";

/**
 * What a batch may ask of each page for a 32-bit answer: the core's export, and where it shows that there is none: on the page
 * ("page"), on its head ("head"), or, where no answer is all ones by rights, on the answer itself ("answer").
 */
const questions = {
  order: { ask: "orders_of_slots", none: "head" },
  folioId: { ask: "heads_of_slots", none: "head" },
  refcount: { ask: "page_refcounts_of_slots", none: "page" },
  folioRefcount: { ask: "folio_refcounts_of_slots", none: "head" },
  mapcount: { ask: "page_mapcounts_of_slots", none: "head" },
  folioMapcount: { ask: "folio_mapcounts_of_slots", none: "head" },
  pgmap: { ask: "pgmaps_of_slots", none: "answer" },
  ownPgmap: { ask: "own_pgmaps_of_slots", none: "answer" },
  devPagemap: { ask: "dev_pagemaps_of_slots", none: "answer" },
  memoryType: { ask: "memory_types_of_slots", none: "answer" },
} as const;

type Question = keyof typeof questions;

/** The core's calls for lists of PFNs. */
type PfnCall = Extract<keyof Core["exports"], `${string}_of_pfns`>;

/** Questions that the core answers by PFN without making slots of them, where PFNs have 32 bits. */
const byPfn: Partial<Record<Question, PfnCall>> = {
  order: "orders_of_pfns",
  refcount: "page_refcounts_of_pfns",
  folioRefcount: "folio_refcounts_of_pfns",
  pgmap: "pgmaps_of_pfns",
  devPagemap: "dev_pagemaps_of_pfns",
};

/** Call `visit` for each stretch of the source that fits the staging, with its PFNs put at an address. */
function forStretches(
  core: Core,
  source: PfnSource,
  length: number,
  visit: (pfns: number, offset: number, nr: number) => void,
): void {
  const staging = stagingPlaces(core).pfns;
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

/** Call `visit` for each stretch of the source, with its slots in the staging. */
export function forSlots(
  core: Core,
  source: PfnSource,
  what: string,
  visit: (offset: number, nr: number) => void,
): void {
  const length = sourceLength(core, source, what);
  const { slots } = stagingPlaces(core);
  forStretches(core, source, length, (pfns, offset, nr) => {
    toSlots(core, pfns, slots, nr);
    visit(offset, nr);
  });
}

/** Heads of pages, as PFNs. */
export function headsInto(core: Core, source: PfnSource, out: PfnList): number {
  const length = sourceLength(core, source, "headsInto");
  checkOut(core, out, [pfnListKind(core)], source, length, "headsInto");
  if (!isRange(source) && out instanceof Uint32Array && isResident(core, source) && isResident(core, out)) {
    return core.exports.heads_of_pfns(source.byteOffset, out.byteOffset, length);
  }
  const { slots, answers } = stagingPlaces(core);
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
  const { ask, none } = questions[question];
  const { slots, answers } = stagingPlaces(core);
  const at = answers / 4;
  const fast = byPfn[question];
  let invalid = 0;
  if (fast !== undefined && !isWide(core) && !(out instanceof Float64Array)) {
    const resident = isResident(core, out);
    forStretches(core, source, length, (pfns, offset, nr) => {
      invalid += core.exports[fast](pfns, resident ? out.byteOffset + offset * 4 : answers, nr);
      if (!resident) out.set(core.i32.subarray(at, at + nr), offset);
    });
    return invalid;
  }
  forStretches(core, source, length, (pfns, offset, nr) => {
    toSlots(core, pfns, slots, nr);
    invalid += core.exports[ask](slots, answers, nr);
    if (out instanceof Float64Array) {
      if (none === "head") core.exports.heads_of_slots(slots, slots, nr);
      const told = none === "answer" ? at : slots / 4;
      for (let i = 0; i < nr; i++) {
        out[offset + i] = core.u32[told + i] === INVALID ? NaN : (core.i32[at + i] ?? NaN);
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
  ownPgmap: "own_pgmap_words_of_slots",
} as const;
type WordQuestion = keyof typeof wordQuestions;

/** The same by PFN, where PFNs have 32 bits. */
const wordsByPfn: Record<WordQuestion, PfnCall> = {
  flags: "page_flags_of_pfns",
  folioFlags: "folio_flags_of_pfns",
  pgmap: "pgmap_words_of_pfns",
  ownPgmap: "own_pgmap_words_of_pfns",
};

/** 64-bit answers about pages. */
export function wordsInto(
  core: Core,
  source: PfnSource,
  out: BigUint64Array,
  question: WordQuestion,
  what: string,
): number {
  const length = sourceLength(core, source, what);
  checkOut(core, out, [BigUint64Array], source, length, what);
  const { slots, answers } = stagingPlaces(core);
  const fast = isWide(core) ? undefined : wordsByPfn[question];
  const resident = isResident(core, out);
  let invalid = 0;
  forStretches(core, source, length, (pfns, offset, nr) => {
    const to = resident ? out.byteOffset + offset * 8 : answers;
    if (fast === undefined) {
      toSlots(core, pfns, slots, nr);
      invalid += core.exports[wordQuestions[question]](slots, to, nr);
    } else {
      invalid += core.exports[fast](pfns, to, nr);
    }
    if (!resident) out.set(core.u64.subarray(answers / 8, answers / 8 + nr), offset);
  });
  return invalid;
}

/** Whether the pages of two lists have one pgmap, pair by pair. */
export function pairsInto(core: Core, a: PfnSource, b: PfnSource, out: AnswerList, what: string): number {
  const length = sourceLength(core, a, what);
  if (sourceLength(core, b, what) !== length) {
    throw new VmemmapError("bad-array", `${what}: expected two lists of ${length} pages`);
  }
  for (const source of [a, b]) checkOut(core, out, [Uint32Array, Int32Array, Float64Array], source, length, what);
  const { slots, answers } = stagingPlaces(core);
  const first = new Uint32Array(length);
  forSlots(core, a, what, (offset, nr) => first.set(core.u32.subarray(slots / 4, slots / 4 + nr), offset));
  const others = answers + STAGED_ELEMENTS * 4;
  let invalid = 0;
  forSlots(core, b, what, (offset, nr) => {
    core.u32.set(first.subarray(offset, offset + nr), others / 4);
    invalid += core.exports.same_pgmaps_of_slots(others, slots, answers, nr);
    const answered = core.i32.subarray(answers / 4, answers / 4 + nr);
    if (out instanceof Float64Array)
      out.set(
        Float64Array.from(answered, (same) => (same < 0 ? NaN : same)),
        offset,
      );
    else out.set(answered, offset);
  });
  return invalid;
}

/** Slots of pages. */
export function slotsInto(core: Core, source: PfnSource, out: Uint32Array): number {
  const length = sourceLength(core, source, "slotsOf");
  checkOut(core, out, [Uint32Array], source, length, "slotsOf");
  const { slots } = stagingPlaces(core);
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
  const { slots, answers } = stagingPlaces(core);
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
