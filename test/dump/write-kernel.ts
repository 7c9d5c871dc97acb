/** Writes a kernel's virtual memory: page tables, and frames behind them. */
import { KernelMemory } from "../../src/dump/kernel-memory.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "../../src/dump/memory.js";

const LEVEL_BITS = [39n, 30n, 21n, 12n];
const PRESENT = 1n;

export class KernelWriter {
  readonly #frames = new Map<number, Uint8Array>();
  #last = 0;
  readonly #root = this.#newFrame();

  /** Put bytes at a kernel address; 4 KiB pages are mapped as needed. */
  put(address: bigint, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const at = address + BigInt(done);
      const inside = Number(at % BigInt(FRAME_BYTES));
      const count = Math.min(FRAME_BYTES - inside, bytes.length - done);
      this.#frames.get(this.frameOf(at))!.set(bytes.subarray(done, done + count), inside);
      done += count;
    }
  }

  words(address: bigint, words: readonly bigint[]): void {
    this.put(address, new Uint8Array(BigUint64Array.from(words, (word) => BigInt.asUintN(64, word)).buffer));
  }

  /** The frame behind an address, mapped if it was not. */
  frameOf(address: bigint): number {
    let table = this.#root;
    for (const shift of LEVEL_BITS) {
      const view = new DataView(this.#frames.get(table)!.buffer);
      const at = Number((address >> shift) & 0x1ffn) * 8;
      let entry = view.getBigUint64(at, true);
      if (entry === 0n) {
        entry = BigInt(this.#newFrame() * FRAME_BYTES) | PRESENT;
        view.setBigUint64(at, entry, true);
      }
      table = Number(entry >> 12n);
    }
    return table;
  }

  /** The frame behind the address was left out of the dump. */
  filter(address: bigint): void {
    this.#frames.delete(this.frameOf(address));
  }

  kernel(): KernelMemory {
    const frames = this.#frames;
    const memory: PhysicalMemory = {
      endFrame: Math.max(...frames.keys()) + 1,
      stateOf: (frame) => (frames.has(frame) ? FrameState.HERE : FrameState.FILTERED),
      readFrames: (wanted, out) => {
        for (let i = 0; i < wanted.length; i++)
          out.set(frames.get(wanted[i]!) ?? new Uint8Array(FRAME_BYTES), i * FRAME_BYTES);
        return undefined;
      },
    };
    return new KernelMemory(memory, { root: this.#root, levels: 4, smeMask: 0n });
  }

  #newFrame(): number {
    const frame = ++this.#last;
    this.#frames.set(frame, new Uint8Array(FRAME_BYTES));
    return frame;
  }
}
