/**
 * Batches: a list of pages in, a list of answers out, in whichever memory the caller keeps them. Lists in the engine's
 * own memory go through without a copy, others through a staging area that stays in cache.
 */
import { type Core, INVALID, STAGED_ELEMENTS, stagingPlaces } from "./engine/core.js";
import { VmemmapError } from "./errors.js";
import { PAGES_PER_SECTION } from "./sections.js";

/** PFNs: `Uint32Array` where the map ends below PFN 2^32, `Float64Array` otherwise. */
export type PfnList = Uint32Array | Float64Array;

/** PFNs in a row. */
export interface PfnRange {
  readonly start: number;
  readonly count: number;
}

/** Pages a batch is about. */
export type PfnSource = PfnList | PfnRange;

/** Room for 32-bit answers; a Float64Array gets NaN where the others get 0xffffffff (-1 as signed). */
export type AnswerList = Uint32Array | Int32Array | Float64Array;

/** What a batch may ask of each page for a 32-bit answer: the core's export, and whether the page's head is in it. */
const questions = {
  order: { ask: "orders_of_slots", ofHead: true },
  folioId: { ask: "heads_of_slots", ofHead: true },
  refcount: { ask: "page_refcounts_of_slots", ofHead: false },
  folioRefcount: { ask: "folio_refcounts_of_slots", ofHead: true },
  mapcount: { ask: "page_mapcounts_of_slots", ofHead: true },
  folioMapcount: { ask: "folio_mapcounts_of_slots", ofHead: true },
} as const;

export type Question = keyof typeof questions;

const MAX_U32_PFNS = 2 ** 32;

/** Whether this map's PFN lists are Float64Array. */
export function isWide(core: Core): boolean {
  const last = core.sections.at(-1);
  return last !== undefined && (last.number + 1) * PAGES_PER_SECTION >= MAX_U32_PFNS;
}

function isRange(source: PfnSource): source is PfnRange {
  return typeof source === "object" && (source as unknown) !== null && "start" in source;
}

/** Check that `source` is of this map's kind; how many pages it names. */
export function sourceLength(core: Core, source: PfnSource, what: string): number {
  if (!isRange(source)) {
    checkKind(core, source, what);
    return source.length;
  }
  const { start, count } = source;
  if (typeof start !== "number" || typeof count !== "number") checkKind(core, source, what);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(count) || start < 0 || count < 0) {
    throw new VmemmapError("bad-argument", `${what}: range of ${count} from ${start}: expected whole numbers from 0`);
  }
  const limit = isWide(core) ? Number.MAX_SAFE_INTEGER : MAX_U32_PFNS;
  if (start + count > limit) {
    throw new VmemmapError("bad-argument", `${what}: range of ${count} from ${start} ends above ${limit}`);
  }
  return count;
}

function checkKind(core: Core, list: unknown, what: string): void {
  const wanted = isWide(core) ? Float64Array : Uint32Array;
  if (!(list instanceof wanted)) {
    const why = isWide(core) ? "the map reaches PFN 2^32" : "the map ends below PFN 2^32";
    throw new VmemmapError("bad-array", `${what}: expected a ${wanted.name} of PFNs (${why}), got ${nameOf(list)}`);
  }
}

/** Check that `out` is one of these arrays, of `length` elements. */
export function checkArray(
  out: unknown,
  length: number,
  kinds: readonly { readonly name: string; readonly prototype: object }[],
  what: string,
): void {
  const kind = kinds.find(({ prototype }) => Object.prototype.isPrototypeOf.call(prototype, out as object));
  if (kind === undefined) {
    const names = kinds.map(({ name }) => name).join(" or ");
    throw new VmemmapError("bad-array", `${what}: expected a ${names}, got ${nameOf(out)}`);
  }
  const found = (out as { length: number }).length;
  if (found !== length) {
    throw new VmemmapError("bad-array", `${what}: expected ${length} elements, got ${found}`);
  }
}

function nameOf(value: unknown): string {
  return typeof value === "object" && value !== null ? value.constructor.name : typeof value;
}

/** Whether a list stands in the engine's memory, 4-byte elements. */
function isResident(core: Core, list: PfnSource | AnswerList): list is Uint32Array | Int32Array {
  return (list instanceof Uint32Array || list instanceof Int32Array) && list.buffer === core.u8.buffer;
}

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
    } else if (isResident(core, source)) {
      visit(source.byteOffset + offset * 4, offset, nr);
      continue;
    } else {
      (wide ? core.f64 : core.u32).set(source.subarray(offset, offset + nr), staging / (wide ? 8 : 4));
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
  checkArray(out, length, [isWide(core) ? Float64Array : Uint32Array], "headsInto, out");
  if (isResident(core, source) && isResident(core, out)) {
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
  checkArray(out, length, [Uint32Array, Int32Array, Float64Array], `${what}, out`);
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

/** 64-bit flags words of pages or of their folios. */
export function flagsInto(core: Core, source: PfnSource, out: BigUint64Array, ofFolio: boolean, what: string): number {
  const length = sourceLength(core, source, what);
  checkArray(out, length, [BigUint64Array], `${what}, out`);
  const { slots, answers } = stagingPlaces();
  let invalid = 0;
  forStretches(core, source, length, (pfns, offset, nr) => {
    toSlots(core, pfns, slots, nr);
    invalid += core.exports[ofFolio ? "folio_flags_of_slots" : "page_flags_of_slots"](slots, answers, nr);
    out.set(core.u64.subarray(answers / 8, answers / 8 + nr), offset);
  });
  return invalid;
}

/** Slots of pages. */
export function slotsInto(core: Core, source: PfnSource, out: Uint32Array): number {
  const length = sourceLength(core, source, "slotsOf");
  checkArray(out, length, [Uint32Array], "slotsOf, out");
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
  checkArray(list, list.length, [Uint32Array], "pfnsOf");
  checkArray(out, list.length, [isWide(core) ? Float64Array : Uint32Array], "pfnsOf, out");
  const { slots, answers } = stagingPlaces();
  let invalid = 0;
  for (let offset = 0; offset < list.length; offset += STAGED_ELEMENTS) {
    const nr = Math.min(STAGED_ELEMENTS, list.length - offset);
    core.u32.set(list.subarray(offset, offset + nr), slots / 4);
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
