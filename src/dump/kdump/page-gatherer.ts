import { RAW } from "../codecs/index.js";
import { FRAME_BYTES } from "../memory.js";
import { BATCH_PAGES } from "../unpack/packed-pages.js";
import type { PageBatch } from "./page-batch.js";
import { CHUNK } from "./page-descriptors.js";
import type { KdumpPart, PagePlace } from "./part.js";

/** Gathers the pages of a list of frames, batch by batch, and writes those that need no unpacking. */
export class PageGatherer {
  #at = 0;
  readonly #place: PagePlace = { offset: 0, size: 0, packedBy: RAW };

  constructor(
    private readonly partOf: (frame: number) => KdumpPart | undefined,
    private readonly frames: ArrayLike<number>,
    private readonly out: Uint8Array,
  ) {}

  /** Whether the list has more frames. */
  get more(): boolean {
    return this.#at < this.frames.length;
  }

  /** Fill a batch with the next pages: none where what is left of the list is not in the dump. */
  async fill(batch: PageBatch): Promise<void> {
    batch.clear();
    const { frames, out } = this;
    let before = -1;
    let index = -1;
    for (; this.#at < frames.length && batch.count < BATCH_PAGES; this.#at++) {
      const frame = frames[this.#at]!;
      const part = this.partOf(frame);
      const to = this.#at * FRAME_BYTES;
      if (part?.has(frame) !== true) {
        out.fill(0, to, to + FRAME_BYTES);
        before = -1;
        continue;
      }
      // The next page's descriptor is the next one.
      index = frame === before + 1 && frame > part.header.first ? index + 1 : part.pages.rank(frame);
      before = frame;
      const number = Math.floor(index / CHUNK);
      const chunk = part.descriptors.kept(number) ?? (await part.descriptors.read(number));
      part.placeOf(chunk, index, frame, this.#place);
      const shared = this.#place.offset === part.data && this.#place.packedBy === RAW;
      if (shared) out.set(part.firstPage ?? (await part.readFirstPage()), to);
      else batch.add(part, frame, this.#place, this.#at);
    }
    await batch.read();
  }
}
