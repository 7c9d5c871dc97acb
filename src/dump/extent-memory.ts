import { VmemmapError } from "../errors.js";
import { NOT_IN_FILE, type Extents } from "./extents.js";
import type { RandomAccessFile } from "./file.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "./memory.js";

/** Reads under way at once, where the file does not answer at once. */
const READS_UNDER_WAY = 8;

/** Physical memory that stands in a file in plain bytes. */
export class ExtentMemory implements PhysicalMemory {
  readonly endFrame: number;
  readonly #file: RandomAccessFile;
  readonly #extents: Extents;
  /** The extent that was found last: mostly the next one too. */
  #last = 0;

  constructor(file: RandomAccessFile, extents: Extents) {
    this.#file = file;
    this.#extents = extents;
    this.endFrame = extents.length === 0 ? 0 : Math.ceil(extents.ends[extents.length - 1]! / FRAME_BYTES);
  }

  stateOf(frame: number): FrameState {
    const { length, starts, offsets } = this.#extents;
    const end = (frame + 1) * FRAME_BYTES;
    let state: FrameState = FrameState.ABSENT;
    for (let i = this.#find(frame * FRAME_BYTES); i < length && starts[i]! < end; i++) {
      if (offsets[i] !== NOT_IN_FILE) return FrameState.HERE;
      state = FrameState.FILTERED;
    }
    return state;
  }

  readFrames(frames: ArrayLike<number>, out: Uint8Array): Promise<void> | undefined {
    if (out.length < FRAME_BYTES * frames.length)
      throw new VmemmapError(
        "bad-array",
        `out has ${out.length} bytes; ${frames.length} frames take ${FRAME_BYTES * frames.length}`,
      );
    for (let i = 0; i < frames.length;) {
      const count = this.#neighbours(frames, i);
      const read = this.#readRun(frames[i]!, out.subarray(FRAME_BYTES * i, FRAME_BYTES * (i + count)));
      i += count;
      if (read !== undefined) return this.#readOn(read, frames, i, out);
    }
    return undefined;
  }

  /** The rest of `readFrames` once the file has answered with a promise. */
  async #readOn(first: Promise<void>, frames: ArrayLike<number>, from: number, out: Uint8Array): Promise<void> {
    const underWay = [first];
    try {
      for (let i = from; i < frames.length;) {
        const count = this.#neighbours(frames, i);
        const read = this.#readRun(frames[i]!, out.subarray(FRAME_BYTES * i, FRAME_BYTES * (i + count)));
        i += count;
        if (read !== undefined && underWay.push(read) === READS_UNDER_WAY) await Promise.all(underWay.splice(0));
      }
    } finally {
      // Whatever failed: nothing writes to `out` any more once the caller hears of it.
      await Promise.allSettled(underWay);
    }
    await Promise.all(underWay);
  }

  /** Frames from `frames[i]` on that follow each other both in the list and in memory. */
  #neighbours(frames: ArrayLike<number>, i: number): number {
    let count = 1;
    while (i + count < frames.length && frames[i + count] === frames[i]! + count) count++;
    return count;
  }

  /** Fill `out` with memory from `frame` on, in one read for each extent. */
  #readRun(frame: number, out: Uint8Array): Promise<void> | undefined {
    const { length, starts, ends, offsets } = this.#extents;
    const start = frame * FRAME_BYTES;
    const end = start + out.length;
    const reads: Promise<void>[] = [];
    let at = start;
    for (let i = this.#find(start); i < length && starts[i]! < end; i++) {
      if (offsets[i] === NOT_IN_FILE) continue;
      const from = Math.max(start, starts[i]!);
      const to = Math.min(end, ends[i]!);
      out.fill(0, at - start, from - start);
      const read = this.#file.readInto(out.subarray(from - start, to - start), offsets[i]! + (from - starts[i]!));
      if (read !== undefined) reads.push(read);
      at = to;
    }
    out.fill(0, at - start);
    if (reads.length <= 1) return reads[0];
    return Promise.all(reads).then(() => {});
  }

  /** The first extent that ends behind `address`. */
  #find(address: number): number {
    const { length, ends } = this.#extents;
    const behind = (i: number): boolean => i === 0 || ends[i - 1]! <= address;
    for (let i = this.#last; i <= this.#last + 1 && i < length; i++)
      if (behind(i) && ends[i]! > address) return (this.#last = i);
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
