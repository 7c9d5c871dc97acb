import { type ExtentList, NOT_IN_FILE } from "./extents.js";
import type { RandomAccessFile } from "./file.js";

/** When all reads have ended, so that whatever failed nothing is written any more; then the first failure. */
export async function allOf(reads: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(reads);
  await Promise.all(reads);
}

/** Reads an address space that stands in a file in stretches; what the file does not have reads as zero. */
export class ExtentReader {
  readonly #file: RandomAccessFile;
  readonly #extents: ExtentList;
  /** The extent that was found last: mostly the one to look at next. */
  #last = 0;

  /** @param extents in rising order, none over another, and within the file */
  constructor(file: RandomAccessFile, extents: ExtentList) {
    this.#file = file;
    this.#extents = extents;
  }

  /** Fill `out` with the bytes from `address` on, in one read for each extent. */
  readInto(out: Uint8Array, address: number): Promise<void> | undefined {
    const { length, starts, ends, offsets } = this.#extents;
    const end = address + out.length;
    const reads: Promise<void>[] = [];
    let at = address;
    for (let i = this.find(address); i < length && starts[i]! < end; i++) {
      if (offsets[i] === NOT_IN_FILE) continue;
      const from = Math.max(address, starts[i]!);
      const to = Math.min(end, ends[i]!);
      out.fill(0, at - address, from - address);
      const read = this.#file.readInto(out.subarray(from - address, to - address), offsets[i]! + (from - starts[i]!));
      if (read !== undefined) reads.push(read);
      at = to;
    }
    out.fill(0, at - address);
    return reads.length <= 1 ? reads[0] : allOf(reads);
  }

  /** The number of the first extent that ends behind `address`; that of the extents if none does. */
  find(address: number): number {
    const { length, ends } = this.#extents;
    for (let i = this.#last; i <= this.#last + 1 && i < length; i++)
      if (ends[i]! > address && (i === 0 || ends[i - 1]! <= address)) return (this.#last = i);
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! > address) high = middle;
      else low = middle + 1;
    }
    return (this.#last = low);
  }
}
