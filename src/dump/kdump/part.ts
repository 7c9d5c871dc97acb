import { VmemmapError } from "../../errors.js";
import { compressionName, RAW } from "../codecs/index.js";
import type { RandomAccessFile } from "../file.js";
import { FRAME_BYTES } from "../memory.js";
import { badDump, hex, readU64 } from "../structure.js";
import { FrameBitmap } from "./frame-bitmap.js";
import { type KdumpHeader, readHeader } from "./header.js";
import { CHUNK, DESC_FLAGS, DESC_OFFSET, DESC_SIZE, DESCRIPTOR_BYTES, PageDescriptors } from "./page-descriptors.js";

/** Where a page's bytes are. */
export interface PagePlace {
  offset: number;
  size: number;
  /** The bit of its compression, or RAW. */
  packedBy: number;
}

/** One file of a dump: all of it, or a part of a split one. */
export class KdumpPart {
  #firstPage: Uint8Array | undefined;

  private constructor(
    readonly file: RandomAccessFile,
    readonly header: KdumpHeader,
    /** Frames that are RAM. */
    readonly ram: FrameBitmap,
    /** Frames that have a descriptor. */
    readonly pages: FrameBitmap,
    readonly descriptors: PageDescriptors,
    /** Of an incomplete dump: which descriptors lead to a page, a bit each. */
    private readonly written: Uint8Array | null,
    /** Frames whose bytes are in the file. */
    readonly count: number,
  ) {}

  static async open(file: RandomAccessFile, signal?: AbortSignal): Promise<KdumpPart> {
    const header = await readHeader(file);
    const ram = await FrameBitmap.read(file, header.ramBitmap, header, signal);
    const pages = await FrameBitmap.read(file, header.pageBitmap, header, signal);
    const descriptors = new PageDescriptors(file, header.descriptors, pages.count);
    if (header.incomplete) {
      const { written, count } = await writtenPages(descriptors, signal);
      return new KdumpPart(file, header, ram, pages, descriptors, written, count);
    }
    if (descriptors.offsetOf(pages.count) > file.size)
      throw badDump(
        file,
        header.descriptors,
        `expected ${pages.count} page descriptors, as the second bitmap says, found the end of the file at ${file.size}`,
      );
    return new KdumpPart(file, header, ram, pages, descriptors, null, pages.count);
  }

  /** First byte behind the descriptors: where pages begin, first the one that all zero pages share. */
  get data(): number {
    return this.descriptors.offsetOf(this.descriptors.count);
  }

  /** Whether it has the frame's bytes. */
  has(frame: number): boolean {
    return this.pages.has(frame) && (this.written === null || bitOf(this.written, this.pages.rank(frame)));
  }

  /** The page that stands first, which all pages of zeros share, once it was read. */
  get firstPage(): Uint8Array | undefined {
    return this.#firstPage;
  }

  async readFirstPage(): Promise<Uint8Array> {
    const page = new Uint8Array(FRAME_BYTES);
    await this.file.readInto(page, this.data);
    return (this.#firstPage = page);
  }

  /** Read a descriptor from a chunk of them. @throws VmemmapError "bad-dump" */
  placeOf(chunk: DataView, index: number, frame: number, place: PagePlace): void {
    const at = (index % CHUNK) * DESCRIPTOR_BYTES;
    const size = chunk.getUint32(at + DESC_SIZE, true);
    const packedBy = chunk.getUint32(at + DESC_FLAGS, true);
    place.offset = readU64(chunk, at + DESC_OFFSET);
    place.size = size;
    place.packedBy = packedBy;
    if (packedBy === RAW ? size === FRAME_BYTES : size > 0 && size <= FRAME_BYTES) {
      if (place.offset >= this.data && place.offset + size <= this.file.size && isCompression(packedBy)) return;
    }
    throw this.#badDescriptor(index, frame, place);
  }

  #badDescriptor(index: number, frame: number, { offset, size, packedBy }: PagePlace): VmemmapError {
    const at = this.descriptors.offsetOf(index);
    const bad = (message: string) => badDump(this.file, at, `frame ${hex(frame)}: ${message}`);
    if (!isCompression(packedBy)) return bad(`flags ${hex(packedBy)}: expected one compression`);
    if (packedBy === RAW && size !== FRAME_BYTES)
      return bad(`${size} bytes: expected ${FRAME_BYTES} of a page not packed`);
    if (size === 0 || size > FRAME_BYTES) return bad(`${size} bytes: expected 1 to ${FRAME_BYTES} of a packed page`);
    return bad(
      `${size} bytes at ${hex(offset)}: expected them behind the descriptors, which end at ${hex(this.data)}, and in the file, which ends at ${hex(this.file.size)}`,
    );
  }
}

function isCompression(bit: number): boolean {
  return compressionName(bit) !== undefined;
}

function bitOf(bits: Uint8Array, index: number): boolean {
  return ((bits[Math.floor(index / 8)] ?? 0) & (1 << (index % 8))) !== 0;
}

/** Which pages an incomplete dump has: the descriptors of others are 0, or lead behind the file's end, or are behind it themselves. */
async function writtenPages(
  descriptors: PageDescriptors,
  signal?: AbortSignal,
): Promise<{ written: Uint8Array; count: number }> {
  const { file } = descriptors;
  const inFile = Math.min(descriptors.count, Math.floor((file.size - descriptors.offset) / DESCRIPTOR_BYTES));
  const written = new Uint8Array(Math.ceil(inFile / 8));
  let count = 0;
  for (let first = 0; first < inFile; first += CHUNK) {
    signal?.throwIfAborted();
    const bytes = new Uint8Array(Math.min(CHUNK, inFile - first) * DESCRIPTOR_BYTES);
    await file.readInto(bytes, descriptors.offsetOf(first));
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += DESCRIPTOR_BYTES) {
      const offset = readU64(view, at + DESC_OFFSET);
      if (offset === 0 || offset + view.getUint32(at + DESC_SIZE, true) > file.size) continue;
      const index = first + at / DESCRIPTOR_BYTES;
      written[Math.floor(index / 8)]! |= 1 << (index % 8);
      count++;
    }
  }
  return { written, count };
}
