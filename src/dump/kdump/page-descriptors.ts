import type { RandomAccessFile } from "../file.js";

/** struct page_desc of makedumpfile: where a page's bytes are, how many, and how they are packed. */
export const DESCRIPTOR_BYTES = 24;
export const DESC_OFFSET = 0;
export const DESC_SIZE = 8;
export const DESC_FLAGS = 12;

/** Descriptors that are read at a time: those of 8 MiB of memory. */
export const CHUNK = 2048;
/** Chunks that are kept: those of 256 MiB. */
const KEPT = 32;

/** A file's page descriptors, read on demand. */
export class PageDescriptors {
  /** By chunk number; the one that was asked for last comes last. */
  readonly #chunks = new Map<number, DataView>();

  constructor(
    readonly file: RandomAccessFile,
    /** Where the first one stands. */
    readonly offset: number,
    readonly count: number,
  ) {}

  /** Where a descriptor stands in the file. */
  offsetOf(index: number): number {
    return this.offset + index * DESCRIPTOR_BYTES;
  }

  /** The chunk of descriptor `CHUNK * number` and on, if it is at hand. */
  kept(number: number): DataView | undefined {
    const chunk = this.#chunks.get(number);
    if (chunk === undefined) return undefined;
    this.#chunks.delete(number);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  async read(number: number): Promise<DataView> {
    const first = number * CHUNK;
    const bytes = new Uint8Array(Math.min(CHUNK, this.count - first) * DESCRIPTOR_BYTES);
    await this.file.readInto(bytes, this.offsetOf(first));
    const chunk = new DataView(bytes.buffer);
    this.#chunks.set(number, chunk);
    if (this.#chunks.size > KEPT) this.#chunks.delete(this.#chunks.keys().next().value!);
    return chunk;
  }
}
