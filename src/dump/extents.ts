import type { RandomAccessFile } from "./file.js";
import type { SegmentTable } from "./segments.js";

/** Offset of an extent whose bytes are not in the file. */
export const NOT_IN_FILE = -1;

/** Stretches of physical memory in rising order, none over another. */
export interface Extents {
  readonly length: number;
  readonly starts: Float64Array;
  /** Address behind the last byte. */
  readonly ends: Float64Array;
  /** Where the first byte stands in the file, or {@link NOT_IN_FILE}. */
  readonly offsets: Float64Array;
}

/**
 * Lay segments side by side. Of two that tell of the same byte the one whose file has it wins, and of two such the first of the
 * table: a kdump vmcore, say, has the kernel's text in a segment of its own and in that of the RAM around it.
 */
export function extentsOf(file: RandomAccessFile, table: SegmentTable): Extents {
  const pieces = new Pieces(file, table);
  const made = new ExtentList(2 * pieces.length);
  const open = new OpenPieces();
  for (let next = 0, at = 0; next < pieces.length || open.top !== undefined;) {
    if (open.top === undefined) at = pieces.start(next);
    for (; next < pieces.length && pieces.start(next) <= at; next++) open.push(pieces.order[next]!);
    const top = open.top!;
    const end = pieces.ends[top]!;
    if (end <= at) {
      open.pop();
      continue;
    }
    const until = next < pieces.length ? Math.min(end, pieces.start(next)) : end;
    const offset = pieces.offsets[top]!;
    made.add(at, until, offset === NOT_IN_FILE ? NOT_IN_FILE : offset + (at - pieces.starts[top]!));
    at = until;
  }
  return made;
}

/** The part of each segment that is in the file, then the part of each that is not: a lower number wins. */
class Pieces {
  readonly length: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly offsets: Float64Array;
  /** Pieces by rising start. */
  readonly order: Uint32Array;

  constructor(file: RandomAccessFile, table: SegmentTable) {
    const count = table.length;
    this.starts = new Float64Array(2 * count);
    this.ends = new Float64Array(2 * count);
    this.offsets = new Float64Array(2 * count).fill(NOT_IN_FILE);
    let kept = 0;
    for (const inFile of [true, false])
      for (let i = 0; i < count; i++) {
        const start = table.addresses[i]!;
        const middle = start + table.bytesIn(file, i);
        const end = start + table.sizes[i]!;
        if (inFile ? middle === start : end === middle) continue;
        this.starts[kept] = inFile ? start : middle;
        this.ends[kept] = inFile ? middle : end;
        if (inFile) this.offsets[kept] = table.offsets[i]!;
        kept++;
      }
    this.length = kept;
    this.order = Uint32Array.from({ length: kept }, (_, i) => i);
    if (!this.#rising()) this.order.sort((a, b) => this.starts[a]! - this.starts[b]! || a - b);
  }

  start(i: number): number {
    return this.starts[this.order[i]!]!;
  }

  #rising(): boolean {
    for (let i = 1; i < this.length; i++) if (this.starts[i]! < this.starts[i - 1]!) return false;
    return true;
  }
}

/** The pieces that began and may not have ended yet: a heap whose top is the one that wins. */
class OpenPieces {
  readonly #heap: number[] = [];

  get top(): number | undefined {
    return this.#heap[0];
  }

  push(piece: number): void {
    const heap = this.#heap;
    let at = heap.length;
    for (let up = (at - 1) >> 1; at > 0 && heap[up]! > piece; at = up, up = (at - 1) >> 1) heap[at] = heap[up]!;
    heap[at] = piece;
  }

  pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && heap[down + 1]! < heap[down]!) down++;
      if (heap[down]! >= last) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
  }
}

class ExtentList implements Extents {
  length = 0;
  starts: Float64Array;
  ends: Float64Array;
  offsets: Float64Array;

  constructor(capacity: number) {
    this.starts = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
    this.offsets = new Float64Array(capacity);
  }

  /** Append a stretch, or lengthen the last one where the new one goes on from it in memory and in the file. */
  add(start: number, end: number, offset: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.ends[last] === start && this.#goesOn(last, offset)) {
      this.ends[last] = end;
      return;
    }
    this.starts[this.length] = start;
    this.ends[this.length] = end;
    this.offsets[this.length] = offset;
    this.length++;
  }

  #goesOn(last: number, offset: number): boolean {
    const before = this.offsets[last]!;
    if (offset === NOT_IN_FILE || before === NOT_IN_FILE) return offset === before;
    return before + (this.ends[last]! - this.starts[last]!) === offset;
  }
}
