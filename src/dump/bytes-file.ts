import type { RandomAccessFile } from "./file.js";
import { checkWithin } from "./structure.js";

/** A file that is in memory already: every read is done at once. */
export class BytesFile implements RandomAccessFile {
  readonly #bytes: Uint8Array;

  constructor(
    bytes: Uint8Array,
    readonly name = "bytes",
  ) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  readInto(out: Uint8Array, offset: number): undefined {
    checkWithin(this, offset, out.length);
    out.set(this.#bytes.subarray(offset, offset + out.length));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
