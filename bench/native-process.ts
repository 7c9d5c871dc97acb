import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { SLOT_BYTES } from "../src/sections.js";
import type { DevicePages } from "./device-maps.js";
import type { PlainMap } from "./javascript.js";
import type { Block } from "./measure.js";
import type { NativeVariant } from "./native-build.js";

/** What the loops can be asked of each PFN, and how many 32-bit words an answer has, the low half first. */
export const ANSWER_WORDS = {
  heads: 1,
  index: 1,
  order: 1,
  "folio-flags": 2,
  "page-flags": 2,
  page: 2,
  folio: 2,
  range: 2,
} as const;

export type NativeOp = keyof typeof ANSWER_WORDS;

/** Passes over all slots; the checksum of a sum is the sum. */
export type NativePass = "sum" | "count-by-order" | "list-heads";

/** A process that holds one map and one list of PFNs and times loops over them (the commands are told in native/main.c). */
export class NativeProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #received: Buffer[] = [];
  #receivedBytes = 0;
  #wake: (() => void) | null = null;
  #failure = "";
  #ended = false;

  constructor(program: string, { hugePages = false }: { readonly hugePages?: boolean } = {}) {
    this.#child = spawn(program, hugePages ? ["--huge-pages"] : [], { stdio: "pipe" });
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#wake?.();
    });
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#failure += chunk.toString()));
    this.#child.stdin.on("error", () => undefined); // an ended process is told of by "close", with its reason
    this.#child.on("error", (error) => (this.#failure ||= error.message));
    this.#child.on("close", () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /** Sends all slots, or copies of them side by side; the bytes go through in parts, so this copies nothing on this side. */
  async sendMap({ slots, encoding, vmemmapBase, headBit, orderOffset }: PlainMap, copies = 1): Promise<void> {
    const headFlag = 1n << BigInt(headBit);
    const count = (slots.length / SLOT_BYTES) * copies;
    await this.#send(`map ${count} ${vmemmapBase} ${headFlag} ${orderOffset} ${encoding}\n`, slots, copies);
    await this.#readLine();
  }

  /** Sends the engine's head index of so many slots, or of copies of them: the blocks' words, then their bytes. */
  async sendIndex(slots: number, index: Uint8Array, copies = 1): Promise<void> {
    await this.#send(`index ${slots * copies}\n`, index.subarray(0, slots / 8), copies);
    await this.#send("", index.subarray(slots / 8), copies);
    await this.#readLine();
  }

  /** Says that the map's slots are device pages, and of which pgmaps. */
  async sendDevice({ firstPfn, zoneMask, zoneDevice, pgmaps }: DevicePages): Promise<void> {
    const words = BigUint64Array.from(
      pgmaps.flatMap(({ address, start, end }) => [address, BigInt(start), BigInt(end - 1)]),
    );
    await this.#send(
      `device ${firstPfn} ${zoneMask} ${zoneDevice} ${pgmaps.length}\n`,
      new Uint8Array(words.buffer, words.byteOffset, words.byteLength),
    );
    await this.#readLine();
  }

  async sendList(pfns: Uint32Array): Promise<void> {
    await this.#send(`list ${pfns.length}\n`, new Uint8Array(pfns.buffer, pfns.byteOffset, pfns.byteLength));
    await this.#readLine();
  }

  /** The answers for a part of the list, as 32-bit words. */
  async run(op: NativeOp, variant: NativeVariant, { offset, count }: Block): Promise<Uint32Array> {
    await this.#send(`run ${op} ${variant} ${offset} ${count}\n`);
    const words = count * ANSWER_WORDS[op];
    const bytes = await this.#readBytes(words * 4);
    return new Uint32Array(bytes.buffer, bytes.byteOffset, words);
  }

  /** Times the loop over a part of the list, right after an untimed run over another; the process reads its own clock. */
  async time(
    op: NativeOp,
    variant: NativeVariant,
    block: Block,
    warmUp: Block,
  ): Promise<{ nanoseconds: number; checksum: number }> {
    await this.#send(`time ${op} ${variant} ${block.offset} ${block.count} ${warmUp.offset} ${warmUp.count}\n`);
    const [nanoseconds, checksum] = (await this.#readLine()).split(" ").map(Number);
    return { nanoseconds: nanoseconds!, checksum: checksum! };
  }

  /** Times a pass over all slots, right after an untimed one. */
  async pass(pass: NativePass, variant: NativeVariant): Promise<{ nanoseconds: number; checksum: number }> {
    await this.#send(`pass ${pass} ${variant}\n`);
    const [nanoseconds, checksum] = (await this.#readLine()).split(" ").map(Number);
    return { nanoseconds: nanoseconds!, checksum: checksum! };
  }

  /** Ends the process and waits until its memory is free. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    while (!this.#ended) await this.#more();
  }

  async #send(line: string, payload?: Uint8Array, times = 1): Promise<void> {
    this.#child.stdin.write(line);
    if (payload === undefined) return;
    const part = 2 ** 20;
    for (let copy = 0; copy < times; copy++) {
      for (let at = 0; at < payload.length && !this.#ended; at += part) {
        if (!this.#child.stdin.write(payload.subarray(at, at + part))) await this.#drained();
      }
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#child.stdin.off("drain", done);
        this.#child.off("close", done);
        resolve();
      };
      this.#child.stdin.on("drain", done);
      this.#child.on("close", done);
    });
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const last = this.#received.at(-1);
      if (last?.at(-1) === 0x0a) return this.#take(this.#receivedBytes).toString().trimEnd();
      await this.#moreOrFail();
    }
  }

  async #readBytes(count: number): Promise<Buffer> {
    while (this.#receivedBytes < count) await this.#moreOrFail();
    return this.#take(count);
  }

  /** All that was received: answers come one at a time, so nothing stands behind them. */
  #take(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    Buffer.concat(this.#received).copy(bytes);
    this.#received.length = 0;
    this.#receivedBytes = 0;
    return bytes;
  }

  async #moreOrFail(): Promise<void> {
    if (this.#ended) throw new Error(`the native benchmark ended: ${this.#failure.trim() || "no reason given"}`);
    await this.#more();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
