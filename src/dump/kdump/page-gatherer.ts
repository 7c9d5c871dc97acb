import { badDump, hex } from "../structure.js";
import type { VmemmapError } from "../../errors.js";
import { FRAME_BYTES } from "../memory.js";
import { RAW } from "../codecs/index.js";
import {
  BATCH_PAGES,
  type Damage,
  PACKED_AT,
  PACKED_BY,
  PACKED_BYTES,
  type PackedPages,
  PAGE_FIELDS,
} from "../unpack/packed-pages.js";
import { CHUNK } from "./page-descriptors.js";
import type { KdumpPart, PagePlace } from "./part.js";

/** Bytes between two pages that are read along with them rather than in two reads. */
const MAX_GAP = 2 ** 14;
/** Such bytes of a batch in all. */
const GAP_BYTES = 2 ** 20;
const CAPACITY = BATCH_PAGES * FRAME_BYTES + GAP_BYTES;

/** A stretch of a file that is read at once. */
interface Run {
  readonly part: KdumpPart;
  readonly offset: number;
  /** Where its bytes go. */
  readonly at: number;
  length: number;
}

/** A batch of packed pages on their way from the file: what is read for them, and where they go. */
export class PageBatch implements PackedPages {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  pages = new Int32Array(BATCH_PAGES * PAGE_FIELDS);
  count = 0;
  /** Numbers of the pages in the caller's list. */
  readonly places = new Float64Array(BATCH_PAGES);
  /** Bits of the compressions that occur. */
  packings = 0;
  readonly #parts: KdumpPart[] = [];
  readonly #frames = new Float64Array(BATCH_PAGES);
  readonly #offsets = new Float64Array(BATCH_PAGES);
  #runs: Run[] = [];
  #length = 0;
  #gaps = 0;

  clear(): void {
    this.count = 0;
    this.packings = 0;
    this.#parts.length = 0;
    this.#runs = [];
    this.#length = 0;
    this.#gaps = 0;
  }

  add(part: KdumpPart, frame: number, { offset, size, packedBy }: PagePlace, place: number): void {
    const page = this.count++;
    this.#parts[page] = part;
    this.#frames[page] = frame;
    this.#offsets[page] = offset;
    this.places[page] = place;
    this.packings |= packedBy;
    const field = page * PAGE_FIELDS;
    this.pages[field + PACKED_BY] = packedBy;
    this.pages[field + PACKED_AT] = this.#room(part, offset, size);
    this.pages[field + PACKED_BYTES] = size;
  }

  /** Read what the pages need, one stretch after another. */
  async read(): Promise<void> {
    if (this.bytes.length < this.#length)
      this.bytes = new Uint8Array(this.count === BATCH_PAGES ? CAPACITY : this.#length);
    for (const { part, offset, at, length } of this.#runs) {
      const reading = part.file.readInto(this.bytes.subarray(at, at + length), offset);
      if (reading !== undefined) await reading;
    }
  }

  /** What is wrong with a page that can't be unpacked. */
  errorOf({ page, found }: Damage, name: string): VmemmapError {
    const message = `frame ${hex(this.#frames[page]!)}: expected a page of ${FRAME_BYTES} bytes packed by ${name}, found ${found}`;
    return badDump(this.#parts[page]!.file, this.#offsets[page]!, message);
  }

  /** Where the page's bytes go: behind those of the last, and of the gap between them, or into a run of their own. */
  #room(part: KdumpPart, offset: number, size: number): number {
    const last = this.#runs.at(-1);
    if (last?.part === part) {
      const gap = offset - (last.offset + last.length);
      if (gap >= 0 && gap <= MAX_GAP && this.#gaps + gap <= GAP_BYTES) {
        this.#gaps += gap;
        const at = this.#length + gap;
        last.length += gap + size;
        this.#length = at + size;
        return at;
      }
    }
    const at = this.#length;
    this.#runs.push({ part, offset, at, length: size });
    this.#length += size;
    return at;
  }
}

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
