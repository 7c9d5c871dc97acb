import { VmemmapError } from "../errors.js";
import type { RandomAccessFile } from "./file.js";
import { checkWithin } from "./structure.js";

/** A Blob, or a File that a user chose in a browser. Nothing of it is kept in memory. */
export class BlobFile implements RandomAccessFile {
  readonly name: string;
  readonly #blob: Blob;

  constructor(blob: Blob, name = "name" in blob && typeof blob.name === "string" ? blob.name : "blob") {
    this.name = name;
    this.#blob = blob;
  }

  get size(): number {
    return this.#blob.size;
  }

  async readInto(out: Uint8Array, offset: number): Promise<void> {
    checkWithin(this, offset, out.length);
    let bytes: ArrayBuffer;
    try {
      bytes = await this.#blob.slice(offset, offset + out.length).arrayBuffer();
    } catch (error) {
      // NotReadableError: the file was changed, moved or removed since it was chosen.
      throw new VmemmapError("unreadable", `${this.name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    out.set(new Uint8Array(bytes));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
