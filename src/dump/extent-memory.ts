import { VmemmapError } from "../errors.js";
import { allOf, ExtentReader } from "./extent-reader.js";
import { ExtentList, NOT_IN_FILE } from "./extents.js";
import type { RandomAccessFile } from "./file.js";
import { layOut } from "./lay-out.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "./memory.js";

/** Reads under way at once, where the file does not answer at once. */
const READS_UNDER_WAY = 8;

/** x86_64 has at most 52 bits of physical address. */
export const END_OF_PHYSICAL = 2 ** 52;

/** The segments of physical memory that a dump lists, in its order. */
export class Segments {
  /** How many were added. */
  count = 0;
  /** The highest address that one of them begins at. */
  highest = 0;
  /** Bytes of memory that they promise and the file, which ends before, does not have. */
  bytesLost = 0;
  readonly #file: RandomAccessFile;
  readonly #extents = new ExtentList();

  constructor(file: RandomAccessFile) {
    this.#file = file;
  }

  /**
   * @param address physical address of the first byte; with `size` at most {@link END_OF_PHYSICAL}
   * @param size bytes of memory
   * @param fileSize bytes of it that the file should have from `offset` on; the rest was left out
   */
  add(address: number, size: number, offset: number, fileSize: number): void {
    const there = Math.min(fileSize, Math.max(0, this.#file.size - offset));
    this.#extents.add(address, address + there, offset);
    this.#extents.add(address + there, address + size, NOT_IN_FILE);
    this.bytesLost += fileSize - there;
    this.highest = Math.max(this.highest, address);
    this.count++;
  }

  /**
   * The memory they make up. Where two tell of the same byte the first one wins that has it: a kdump vmcore has the kernel's text in
   * a segment of its own and in that of the RAM around it. Null if the file has not a byte of any.
   */
  memory(): ExtentMemory | null {
    const extents = layOut(this.#extents, "first");
    const some = extents.offsets.subarray(0, extents.length).some((offset) => offset !== NOT_IN_FILE);
    return some ? new ExtentMemory(this.#file, extents) : null;
  }
}

/** Physical memory that stands in a file in plain bytes. */
class ExtentMemory implements PhysicalMemory {
  readonly endFrame: number;
  readonly #extents: ExtentList;
  readonly #reader: ExtentReader;

  constructor(file: RandomAccessFile, extents: ExtentList) {
    this.#extents = extents;
    this.#reader = new ExtentReader(file, extents);
    this.endFrame = Math.ceil(extents.end / FRAME_BYTES);
  }

  stateOf(frame: number): FrameState {
    const { length, starts, offsets } = this.#extents;
    const end = (frame + 1) * FRAME_BYTES;
    let state: FrameState = FrameState.ABSENT;
    for (let i = this.#reader.find(frame * FRAME_BYTES); i < length && starts[i]! < end; i++) {
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
    const runs = this.#readRuns(frames, out);
    for (let run = runs.next(); run.done !== true; run = runs.next())
      if (run.value !== undefined) return readOn(run.value, runs);
    return undefined;
  }

  /** A read for each run of frames that follow each other in the list and in memory. */
  *#readRuns(frames: ArrayLike<number>, out: Uint8Array): Generator<Promise<void> | undefined, void> {
    for (let i = 0; i < frames.length;) {
      const first = frames[i]!;
      let behind = i + 1;
      while (behind < frames.length && frames[behind] === first + (behind - i)) behind++;
      yield this.#reader.readInto(out.subarray(FRAME_BYTES * i, FRAME_BYTES * behind), FRAME_BYTES * first);
      i = behind;
    }
  }
}

/** The rest of the reads once one is under way. */
async function readOn(first: Promise<void>, rest: Iterable<Promise<void> | undefined>): Promise<void> {
  let underWay = [first];
  for (const read of rest) {
    if (read === undefined || underWay.push(read) < READS_UNDER_WAY) continue;
    await allOf(underWay);
    underWay = [];
  }
  await allOf(underWay);
}
