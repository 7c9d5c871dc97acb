/** The first rows by a column, out of any number of them: no more are kept than are wanted, and as many that may take their places. */
import { type Cells, hasAnswer, joined, NO_NAME, take } from "./cells.js";

/** Cells as what they are compared by, by rising `major`, then `minor`. */
interface Keys {
  readonly major: ArrayLike<number> | readonly string[];
  readonly minor: ArrayLike<number> | undefined;
  /** Cells without an answer come last, whichever the direction. */
  readonly isEmpty: (row: number) => boolean;
}

/** Rows, and the cells that they are sorted by. */
interface Sorted {
  readonly cells: readonly Cells[];
  readonly key: Cells;
  readonly length: number;
}

/** Rows that wait to be sorted in, at least: a block of them. */
const MIN_WAITING = 32768;
/** Of a block that is given out. */
const BLOCK_ROWS = 32768;

export class FirstRows {
  readonly #limit: number;
  readonly #sign: 1 | -1;
  #kept: Sorted | undefined;
  #waiting: Sorted[] = [];
  #waitingRows = 0;
  /** What is to be beaten, once there are rows enough. */
  #last: Keys | undefined;

  constructor(limit: number, isDescending: boolean) {
    this.#limit = limit;
    this.#sign = isDescending ? -1 : 1;
  }

  /** Those of some rows, whose PFNs are above all that were added, that may be among the first. */
  choose(key: Cells, rows: Uint32Array): Uint32Array {
    if (this.#limit === 0) return rows.subarray(0, 0);
    const last = this.#last;
    if (last === undefined) return rows;
    const keys = keysOf(key);
    // Of equal rows those that came before stay.
    return rows.filter((row) => this.#compare(keys, row, last, this.#limit - 1) < 0);
  }

  /** Add rows, by rising PFN. */
  add(rows: Sorted): void {
    this.#waiting.push(rows);
    this.#waitingRows += rows.length;
    if (this.#waitingRows >= Math.max(this.#limit, MIN_WAITING)) this.#sort();
  }

  /** The cells of the first rows, in order. */
  *blocks(): Generator<{ readonly cells: readonly Cells[]; readonly length: number }, void> {
    this.#sort();
    const { cells, length } = this.#kept ?? { cells: [], length: 0 };
    for (let start = 0; start < length; start += BLOCK_ROWS) {
      const rows = Uint32Array.from({ length: Math.min(BLOCK_ROWS, length - start) }, (_, i) => start + i);
      yield { cells: cells.map((column) => take(column, rows)), length: rows.length };
    }
  }

  #sort(): void {
    const parts = this.#kept === undefined ? this.#waiting : [this.#kept, ...this.#waiting];
    this.#waiting = [];
    this.#waitingRows = 0;
    if (parts.length === 0) return;
    const key = joined(parts.map((part) => part.key));
    const keys = keysOf(key);
    const all = parts.reduce((sum, { length }) => sum + length, 0);
    // Rows that were kept stand before those that came later: of equal rows the order stays that of PFNs.
    const order = Uint32Array.from({ length: all }, (_, i) => i).sort(
      (a, b) => this.#compare(keys, a, keys, b) || a - b,
    );
    const first = order.subarray(0, this.#limit);
    const cells = parts[0]!.cells.map((_, column) => take(joined(parts.map((part) => part.cells[column]!)), first));
    this.#kept = { cells, key: take(key, first), length: first.length };
    this.#last = first.length === this.#limit ? keysOf(this.#kept.key) : undefined;
  }

  #compare(a: Keys, i: number, b: Keys, j: number): number {
    const [isEmpty, isOtherEmpty] = [a.isEmpty(i), b.isEmpty(j)];
    if (isEmpty || isOtherEmpty) return Number(isEmpty) - Number(isOtherEmpty);
    const [x, y] = [a.major[i]!, b.major[j]!];
    if (x !== y) return x < y ? -this.#sign : this.#sign;
    return a.minor === undefined || b.minor === undefined ? 0 : this.#sign * (a.minor[i]! - b.minor[j]!);
  }
}

function keysOf(cells: Cells): Keys {
  const isEmpty = (row: number) => !hasAnswer(cells, row);
  switch (cells.kind) {
    case "number":
    case "truth":
      return { major: cells.values, minor: undefined, isEmpty };
    case "text":
      return { major: cells.texts, minor: undefined, isEmpty };
    case "word": {
      const { halves } = cells;
      const half = (which: 0 | 1) =>
        Uint32Array.from({ length: halves.length / 2 }, (_, row) => halves[2 * row + which]!);
      return { major: half(1), minor: half(0), isEmpty };
    }
    case "name": {
      const byName = cells.names.map((_, code) => code).sort((a, b) => (cells.names[a]! < cells.names[b]! ? -1 : 1));
      const ranks = new Uint8Array(NO_NAME + 1);
      byName.forEach((code, rank) => (ranks[code] = rank));
      return { major: cells.codes.map((code) => ranks[code]!), minor: undefined, isEmpty };
    }
  }
}
