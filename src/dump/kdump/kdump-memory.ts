import { VmemmapError } from "../../errors.js";
import { loadCodecs, RAW } from "../codecs/index.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "../memory.js";
import type { LazyPool } from "../unpack/lazy-pool.js";
import { unpackPages } from "../unpack/packed-pages.js";
import { PageBatch } from "./page-batch.js";
import { PageGatherer } from "./page-gatherer.js";
import type { KdumpPart } from "./part.js";
import { readByPool } from "./read-by-pool.js";

/** The memory that the parts of a dump hold together. */
export class KdumpMemory implements PhysicalMemory {
  readonly endFrame: number;
  #closed = false;
  readonly #idle: PageBatch[] = [];

  /** @param parts in rising order of their frames, without a gap */
  constructor(
    private readonly parts: readonly KdumpPart[],
    private readonly pool: LazyPool,
    private readonly signal?: AbortSignal,
  ) {
    this.endFrame = parts.at(-1)!.header.end;
  }

  stateOf(frame: number): FrameState {
    const part = this.#partOf(frame);
    if (part === undefined) return FrameState.ABSENT;
    if (part.has(frame)) return FrameState.HERE;
    return part.ram.has(frame) || part.pages.has(frame) ? FrameState.FILTERED : FrameState.ABSENT;
  }

  async readFrames(frames: ArrayLike<number>, out: Uint8Array): Promise<void> {
    if (this.#closed) throw new VmemmapError("disposed", "the dump was closed");
    if (out.length < frames.length * FRAME_BYTES)
      throw new VmemmapError(
        "bad-array",
        `out has ${out.length} bytes: expected ${FRAME_BYTES} for each of ${frames.length} frames`,
      );
    const gatherer = new PageGatherer((frame) => this.#partOf(frame), frames, out);
    const pool = await this.pool.for(frames.length);
    if (pool === null) return this.#readHere(gatherer, out);
    return readByPool(pool, gatherer, {
      out,
      idle: this.#idle,
      signal: this.signal,
      onUnable: (reason) => this.pool.giveUp(reason),
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.pool.close();
    for (const { file } of this.parts) await file.close();
  }

  /** Unpack on this thread. */
  async #readHere(gatherer: PageGatherer, out: Uint8Array): Promise<void> {
    const batch = this.#idle.pop() ?? new PageBatch();
    try {
      while (gatherer.more) {
        this.signal?.throwIfAborted();
        await gatherer.fill(batch);
        if (batch.packings !== RAW) await loadCodecs(batch.packings);
        const damage = unpackPages(batch, out, batch.places);
        if (damage !== null) throw batch.errorOf(damage);
      }
    } finally {
      this.#idle.push(batch);
    }
  }

  #partOf(frame: number): KdumpPart | undefined {
    return this.parts.find(({ header }) => frame >= header.first && frame < header.end);
  }
}
