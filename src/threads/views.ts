/** Lists by where they stand in a memory, so that threads may speak of them in numbers. */
import { isRange } from "../lists.js";
import type { PfnSource } from "../types.js";
import type { OutList } from "./batches.js";

interface ListClass {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, at: number, count: number): OutList;
}

/** By number. */
const classes: readonly ListClass[] = [Uint32Array, Int32Array, Float64Array, BigUint64Array];
const RANGE = classes.length;

/** A list: the number of its class, and its address; or a range of pages: RANGE, and its first PFN. */
export interface ListPlace {
  readonly kind: number;
  readonly at: number;
}

/** Where a list stands in its buffer. */
export function placeOf(list: PfnSource | OutList): ListPlace {
  if (!ArrayBuffer.isView(list)) return { kind: RANGE, at: list.start };
  return { kind: classes.findIndex((kind) => list instanceof kind), at: list.byteOffset };
}

/** Elements `from` to `from + count` of the list at a place. */
export function viewOf(buffer: ArrayBufferLike, { kind, at }: ListPlace, from: number, count: number): OutList {
  const List = classes[kind]!;
  return new List(buffer, at + from * List.BYTES_PER_ELEMENT, count);
}

/** The same of pages, which may be a range. */
export function pagesOf(buffer: ArrayBufferLike, place: ListPlace, from: number, count: number): PfnSource {
  if (place.kind === RANGE) return { start: place.at + from, count };
  return viewOf(buffer, place, from, count) as Uint32Array | Float64Array;
}

/**
 * The same list or range as it is now, whatever its owner makes of the object he gave: other elements and bounds he can't give it,
 * but take its memory away, which leaves it without elements.
 */
export function fixed<T extends PfnSource | OutList>(list: T): T;
export function fixed(list: PfnSource | OutList): PfnSource | OutList {
  if (!ArrayBuffer.isView(list)) return { start: list.start, count: list.count };
  return viewOf(list.buffer, placeOf(list), 0, list.length);
}

/** Elements `from` to `from + count` of a list or range. @throws RangeError where the list has been cut short of them */
export function part<T extends PfnSource | OutList>(list: T, from: number, count: number): T;
export function part(list: PfnSource | OutList, from: number, count: number): PfnSource | OutList {
  if (!ArrayBuffer.isView(list)) return { start: list.start + from, count };
  if (from + count > list.length) throw new RangeError(`the list has ${list.length} elements`);
  return viewOf(list.buffer, placeOf(list), from, count);
}

export function isShared(list: PfnSource | OutList): boolean {
  if (!ArrayBuffer.isView(list)) return isRange(list);
  return list.buffer instanceof SharedArrayBuffer;
}
