/** Text put together as bytes: no string is made of a cell. */

const ZERO = 48;
const HEX = new TextEncoder().encode("0123456789abcdef");
const encoder = new TextEncoder();

/** UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#at;
  }

  /** Make room for so many bytes more: to be called before they are put. */
  reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  /** What was put, as bytes of their own; the writer is empty again. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return taken;
  }

  byte(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    // Names are short: a loop is faster than set().
    for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = bytes[i]!;
    this.#at += length;
  }

  /** A whole number, decimal: up to 17 bytes. */
  decimal(value: number): void {
    const bytes = this.#bytes;
    if (value < 0) {
      bytes[this.#at++] = 45;
      value = -value;
    }
    let digits = 1;
    for (let limit = 10; limit <= value; limit *= 10) digits++;
    const end = (this.#at += digits);
    let at = end;
    while (value >= 2 ** 31) {
      const rest = Math.floor(value / 10);
      bytes[--at] = ZERO + (value - 10 * rest);
      value = rest;
    }
    let small = value | 0;
    for (; at > end - digits; small = (small / 10) | 0) bytes[--at] = ZERO + (small % 10);
  }

  /** A 64-bit word, `0x` and lower-case hex: up to 18 bytes. */
  hex(high: number, low: number): void {
    const bytes = this.#bytes;
    bytes[this.#at++] = ZERO;
    bytes[this.#at++] = 120;
    let at = this.#at;
    const top = high !== 0 ? high : low;
    let shift = top === 0 ? 0 : (31 - Math.clz32(top)) & ~3;
    for (; shift >= 0; shift -= 4) bytes[at++] = HEX[(top >>> shift) & 15]!;
    if (high !== 0) for (shift = 28; shift >= 0; shift -= 4) bytes[at++] = HEX[(low >>> shift) & 15]!;
    this.#at = at;
  }
}
