/** Physical memory as a dump holds it: what every reader of a container offers, and all that readers of a kernel see. */

export const FRAME_SHIFT = 12;
/** A page frame: 4 KiB. */
export const FRAME_BYTES = 1 << FRAME_SHIFT;

/** What a dump has of a page frame. */
export const FrameState = {
  /** Its bytes. */
  HERE: 0,
  /** It is RAM, but its bytes were left out by a filter (makedumpfile), or lost with the end of the dump: reads as zero. */
  FILTERED: 1,
  /** The dump knows of no such memory: reads as zero. */
  ABSENT: 2,
} as const;

export type FrameState = (typeof FrameState)[keyof typeof FrameState];

export interface PhysicalMemory {
  /** First frame (PFN) behind the last that the dump tells of. */
  readonly endFrame: number;
  /** What the dump has of a frame. A frame that is there in part counts as {@link FrameState.HERE}. */
  stateOf(frame: number): FrameState;
  /**
   * Read whole frames: 4096 bytes each, frame `frames[i]` to `out` at `4096 * i`. Frames that are not there read as zero; `stateOf`
   * tells. Lists in rising order are read fastest: neighbours are read at once, and unpacked in parallel.
   *
   * @param out at least `4096 * frames.length` bytes
   * @throws VmemmapError "bad-dump": the file is damaged at a frame that it says it has; "unreadable"
   */
  readFrames(frames: ArrayLike<number>, out: Uint8Array): Promise<void> | undefined;
}

/** Kinds of file that hold a machine's memory. */
export type DumpFormat = "elf" | "kdump" | "lime" | "kcore";

/** An open dump. */
export interface Dump {
  readonly format: DumpFormat;
  readonly memory: PhysicalMemory;
  /** The VMCOREINFO note as text, null where the container has none. */
  readonly vmcoreinfo: string | null;
  /** What `info` shows of the container, by name: its header's fields, its compression, the filter's dump level… */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  close(): Promise<void>;
}
