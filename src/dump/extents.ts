/** Offset of an extent whose bytes are not in the file. */
export const NOT_IN_FILE = -1;

/** Most extents a dump may have: 8 Mi. They take 24 bytes each, and as much again while they are put in order. */
export const MAX_EXTENTS = 1 << 23;

/**
 * Stretches of an address space and where their bytes stand in a file. One column for each number, since a filtered dump of a
 * large machine has millions of them.
 */
export class ExtentList {
  length = 0;
  /** First address. */
  starts = new Float64Array(16);
  /** Address behind the last byte. */
  ends = new Float64Array(16);
  /** Where the first byte stands in the file, or {@link NOT_IN_FILE}. */
  offsets = new Float64Array(16);

  /** Append a stretch, or lengthen the last one where the new one goes on from it in addresses and in the file. Empty ones are dropped. */
  add(start: number, end: number, offset: number): void {
    if (end <= start) return;
    if (this.#goesOn(start, offset)) {
      this.ends[this.length - 1] = end;
      return;
    }
    const at = this.length++;
    if (at === this.starts.length) {
      this.starts = doubled(this.starts);
      this.ends = doubled(this.ends);
      this.offsets = doubled(this.offsets);
    }
    this.starts[at] = start;
    this.ends[at] = end;
    this.offsets[at] = offset;
  }

  /** The first address behind them all; of a list in order. */
  get end(): number {
    return this.length === 0 ? 0 : this.ends[this.length - 1]!;
  }

  #goesOn(start: number, offset: number): boolean {
    const last = this.length - 1;
    if (last < 0 || this.ends[last] !== start) return false;
    const before = this.offsets[last]!;
    if (offset === NOT_IN_FILE || before === NOT_IN_FILE) return offset === before;
    return before + (start - this.starts[last]!) === offset;
  }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * column.length);
  larger.set(column);
  return larger;
}
