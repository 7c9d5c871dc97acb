/** Lists of pages and of answers: their kinds, and what holds for them. */
import { display } from "./check.js";
import type { Core } from "./engine/core.js";
import { VmemmapError } from "./errors.js";
import type { AnswerList, PfnList, PfnRange, PfnSource } from "./types.js";
import { PAGES_PER_SECTION } from "./sections.js";

const MAX_U32_PFNS = 2 ** 32;

interface Kind {
  readonly name: string;
  readonly prototype: object;
}

/** Whether this map's PFN lists are Float64Array. */
export function isWide(core: Core): boolean {
  return (core.lastSection + 1) * PAGES_PER_SECTION >= MAX_U32_PFNS;
}

/** The class of this map's PFN lists. */
export function pfnListKind(core: Core): Kind {
  return isWide(core) ? Float64Array : Uint32Array;
}

export function isRange(source: PfnSource): source is PfnRange {
  return typeof source === "object" && (source as unknown) !== null && "start" in source && "count" in source;
}

/** Check that `source` is of this map's kind; how many pages it names. @throws VmemmapError "bad-array", "bad-argument" */
export function sourceLength(core: Core, source: PfnSource, what: string): number {
  if (!isRange(source)) {
    const why = isWide(core) ? "the map reaches PFN 2^32" : "the map ends below PFN 2^32";
    checkList(core, source, [pfnListKind(core)], `${what}: pages, as PFNs (${why}) or as { start, count }`);
    return source.length;
  }
  const { start, count } = source;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(count) || start < 0 || count < 0) {
    throw new VmemmapError("bad-argument", `${what}: ${display(count)} pages from PFN ${display(start)}: no range`);
  }
  const limit = isWide(core) ? Number.MAX_SAFE_INTEGER : MAX_U32_PFNS;
  if (start + count > limit) {
    throw new VmemmapError("bad-argument", `${what}: ${count} pages from PFN ${start} end above PFN ${limit}`);
  }
  return count;
}

/** Check that a list is of one of these kinds, and not over the engine's own state. @throws VmemmapError "bad-array" */
export function checkList(core: Core, list: unknown, kinds: readonly Kind[], what: string): void {
  const fits = kinds.some(({ prototype }) => Object.prototype.isPrototypeOf.call(prototype, Object(list) as object));
  if (!fits) {
    const names = kinds.map(({ name }) => name).join(" or ");
    throw new VmemmapError("bad-array", `${what}: expected a ${names}, got ${nameOf(list)}`);
  }
  const { buffer } = list as Uint32Array;
  if (buffer === core.u8.buffer && !isResident(core, list as Uint32Array)) {
    throw new VmemmapError("bad-array", `${what}: a view of the engine's memory that list() did not give`);
  }
}

/** Check the list that answers go to: its kind, its length, and that it does not overwrite pages still to be read. */
export function checkOut(
  core: Core,
  out: AnswerList | PfnList | BigUint64Array | Uint8Array,
  kinds: readonly Kind[],
  source: PfnSource,
  length: number,
  what: string,
): void {
  checkList(core, out, kinds, `${what}: out`);
  if (out.length !== length) {
    throw new VmemmapError("bad-array", `${what}: out: expected ${length} elements, got ${out.length}`);
  }
  if (!isRange(source) && overlap(source, out)) {
    throw new VmemmapError("bad-array", `${what}: out overlaps the list of pages without being the same list`);
  }
}

/** Whether two lists share memory in any other way than element by element. */
function overlap(a: PfnList, b: AnswerList | BigUint64Array | Uint8Array): boolean {
  if (a.buffer !== b.buffer || a.length === 0 || b.length === 0) return false;
  if (a.byteOffset === b.byteOffset && a.BYTES_PER_ELEMENT === b.BYTES_PER_ELEMENT) return false;
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

/** Whether a list is one of those the engine keeps for its user. */
export function isResident(core: Core, list: PfnList | AnswerList | BigUint64Array): boolean {
  const { lists, listBytes } = core.plan;
  const end = lists + listBytes;
  return list.buffer === core.u8.buffer && list.byteOffset >= lists && list.byteOffset + list.byteLength <= end;
}

/** Elements `from` to `to` of a list, as a plain view: the list's class may have a `subarray` of its own. */
export function stretch(list: PfnList, from: number, to: number): PfnList {
  const at = list.byteOffset + from * list.BYTES_PER_ELEMENT;
  return list instanceof Float64Array
    ? new Float64Array(list.buffer, at, to - from)
    : new Uint32Array(list.buffer, at, to - from);
}

function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return (Object.getPrototypeOf(value) as object | null)?.constructor.name ?? "an object";
}
