import type { Done, Job } from "../unpack/job.js";
import { badDump, hex } from "../structure.js";
import type { VmemmapError } from "../../errors.js";
import { FRAME_BYTES } from "../memory.js";
import { compressionName } from "../codecs/index.js";
import {
  BATCH_PAGES,
  type Damage,
  PACKED_AT,
  PACKED_BY,
  PACKED_BYTES,
  type PackedPages,
  PAGE_FIELDS,
} from "../unpack/packed-pages.js";
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
  #unpacked: Uint8Array<ArrayBuffer> | undefined;

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

  /** The batch as a thread takes it; its buffers are gone until {@link takeBack}. */
  send(): Job {
    const { bytes, pages, count, packings } = this;
    return { bytes, pages, count, packings, unpacked: (this.#unpacked ??= new Uint8Array(BATCH_PAGES * FRAME_BYTES)) };
  }

  takeBack({ bytes, pages, unpacked }: Done): void {
    this.bytes = bytes;
    this.pages = pages;
    this.#unpacked = unpacked;
  }

  /** Copy what was unpacked to its places, neighbours at once. */
  copyTo(out: Uint8Array): void {
    const { places, count } = this;
    for (let from = 0; from < count;) {
      const place = places[from]!;
      let until = from + 1;
      while (until < count && places[until] === place + until - from) until++;
      out.set(this.#unpacked!.subarray(from * FRAME_BYTES, until * FRAME_BYTES), place * FRAME_BYTES);
      from = until;
    }
  }

  /** What is wrong with a page that can't be unpacked. */
  errorOf({ page, found }: Damage): VmemmapError {
    const name = compressionName(this.pages[page * PAGE_FIELDS + PACKED_BY]!)!;
    return badDump(
      this.#parts[page]!.file,
      this.#offsets[page]!,
      `frame ${hex(this.#frames[page]!)}: expected a page of ${FRAME_BYTES} bytes packed by ${name}, found ${found}`,
    );
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
