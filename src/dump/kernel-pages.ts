import type { KernelMemory } from "./kernel-memory.js";
import { FRAME_BYTES, FRAME_SHIFT } from "./memory.js";

/** Virtual memory of a kernel in which one looks here and there, the same pages again and again: each is read once. */
export class KernelPages {
  readonly #pages = new Map<number, Promise<Uint8Array | null>>();

  constructor(private readonly kernel: KernelMemory) {}

  /** `length` bytes at a virtual address; null where some of it is not there. */
  async tryRead(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = new Uint8Array(length);
    const before = Number(address & BigInt(FRAME_BYTES - 1));
    const first = Number(address >> BigInt(FRAME_SHIFT));
    for (let at = -before, number = first; at < length; at += FRAME_BYTES, number++) {
      const page = await this.#page(number);
      if (page === null) return null;
      const from = Math.max(at, 0);
      bytes.set(page.subarray(from - at, Math.min(FRAME_BYTES, length - at)), from);
    }
    return bytes;
  }

  /** By number: its address has 64 bits, this 52. */
  #page(number: number): Promise<Uint8Array | null> {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = this.kernel.tryRead(BigInt(number) << BigInt(FRAME_SHIFT), FRAME_BYTES);
      this.#pages.set(number, page);
    }
    return page;
  }
}
