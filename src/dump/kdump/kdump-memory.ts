import { VmemmapError } from "../../errors.js";
import { compressionName, loadCodecs } from "../codecs/index.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "../memory.js";
import { PACKED_BY, PAGE_FIELDS, unpackPages } from "../unpack/packed-pages.js";
import { PageBatch, PageGatherer } from "./page-gatherer.js";
import type { KdumpPart } from "./part.js";

/** The memory that the parts of a dump hold together. */
export class KdumpMemory implements PhysicalMemory {
  constructor(
    readonly endFrame: number,
    /** In rising order of their frames. */
    private readonly parts: readonly KdumpPart[],
    private readonly signal?: AbortSignal,
  ) {}

  stateOf(frame: number): FrameState {
    const part = this.#partOf(frame);
    if (part === undefined) return FrameState.ABSENT;
    if (part.has(frame)) return FrameState.HERE;
    return part.ram.has(frame) || part.pages.has(frame) ? FrameState.FILTERED : FrameState.ABSENT;
  }

  async readFrames(frames: ArrayLike<number>, out: Uint8Array): Promise<void> {
    if (out.length < frames.length * FRAME_BYTES)
      throw new VmemmapError(
        "bad-array",
        `out has ${out.length} bytes: expected ${FRAME_BYTES} for each of ${frames.length} frames`,
      );
    const gatherer = new PageGatherer((frame) => this.#partOf(frame), frames, out);
    const batch = new PageBatch();
    while (gatherer.more) {
      this.signal?.throwIfAborted();
      await gatherer.fill(batch);
      await loadCodecs(batch.packings);
      const damage = unpackPages(batch, out, batch.places);
      if (damage !== null)
        throw batch.errorOf(damage, compressionName(batch.pages[damage.page * PAGE_FIELDS + PACKED_BY]!)!);
    }
  }

  #partOf(frame: number): KdumpPart | undefined {
    return this.parts.find(({ header }) => frame >= header.first && frame < header.end);
  }
}
