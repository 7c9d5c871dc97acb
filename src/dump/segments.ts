import type { RandomAccessFile } from "./file.js";

/** Most segments a dump may have; four 64-bit columns of them take 128 MiB. */
export const MAX_SEGMENTS = 1 << 22;

/**
 * Stretches of physical memory and where their bytes stand in a file, in the order the dump lists them: one column for
 * each number, since a filtered dump of a large machine has millions of them.
 */
export class SegmentTable {
  length = 0;
  /** First physical address. */
  addresses = new Float64Array(16);
  /** Bytes of memory. */
  sizes = new Float64Array(16);
  /** Where the first byte stands in the file. */
  offsets = new Float64Array(16);
  /** Bytes that are in the file, from the first on; at most the size. The others were left out. */
  fileSizes = new Float64Array(16);

  add(address: number, size: number, offset: number, fileSize: number): void {
    const at = this.length++;
    if (at === this.addresses.length) {
      this.addresses = doubled(this.addresses);
      this.sizes = doubled(this.sizes);
      this.offsets = doubled(this.offsets);
      this.fileSizes = doubled(this.fileSizes);
    }
    this.addresses[at] = address;
    this.sizes[at] = size;
    this.offsets[at] = offset;
    this.fileSizes[at] = fileSize;
  }

  /** Bytes that the table promises and the file, which ends before, does not have. */
  lostBytes(file: RandomAccessFile): number {
    let lost = 0;
    for (let i = 0; i < this.length; i++) lost += this.fileSizes[i]! - this.bytesIn(file, i);
    return lost;
  }

  /** Bytes of segment `i` that the file has. */
  bytesIn(file: RandomAccessFile, i: number): number {
    return Math.min(this.fileSizes[i]!, Math.max(0, file.size - this.offsets[i]!));
  }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * column.length);
  larger.set(column);
  return larger;
}
