import type { Codec } from "./codec.js";

// LZO1X, version 0 of its stream, as Linux's Documentation/staging/lzo.rst tells of its bytes. A stream is a row of instructions.
// Each copies a block of what was unpacked before, then 0 to 3 literals, whose number stands in its last two bits and decides
// what the next instruction means if that is below 16:
//
//     literals before   0000LLLL / 0000DDSS
//     0                 a run of 3 + L literals, counts as 4 before
//     1 to 3            D S, H: 2 bytes from (H << 2) + D + 1 back
//     4                 D S, H: 3 bytes from (H << 2) + D + 2049 back
//
//     0001HLLL  D S     2 + L bytes from (H << 14) + D + 16384 back; 16384 itself ends the stream
//     001LLLLL  D S     2 + L bytes from D + 1 back
//     01LDDDSS  H       3 + L bytes from (H << 3) + D + 1 back
//     1LLDDDSS  H       5 + L bytes from (H << 3) + D + 1 back
//
// `D S` are 16 bits, little-endian, S the last two. An L of 0 (but for the last two) says that more bytes tell the length: 255 for
// each that is 0, and the first that is not.

const FIRST_LITERALS = 17;
const RUN = 4;

const ENDED = "the end of the packed bytes amid an instruction";

/** A stream's place and what went wrong with it; one is enough, for unpacking is done at once. */
class Stream {
  at = 0;
  failed = false;

  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    if (this.at < this.bytes.length) return this.bytes[this.at++]!;
    this.failed = true;
    return 1;
  }

  /** A length whose bits in the instruction are `bits`, of which `most` is the largest. */
  length(bits: number, most: number): number {
    if (bits !== 0) return bits;
    let length = most;
    for (;;) {
      const byte = this.byte();
      if (byte !== 0) return length + byte;
      length += 255;
    }
  }
}

export const lzo1x: Codec = (packed, out) => {
  const stream = new Stream(packed);
  let to = 0;
  let before = 0;
  const literals = (count: number): string | null => {
    if (count > packed.length - stream.at) return ENDED;
    if (count > out.length - to) return `more than ${out.length}`;
    for (let i = 0; i < count; i++) out[to++] = packed[stream.at++]!;
    return null;
  };

  if (packed.length > 0 && packed[0]! > FIRST_LITERALS) {
    const count = stream.byte() - FIRST_LITERALS;
    const wrong = literals(count);
    if (wrong !== null) return wrong;
    before = Math.min(count, RUN);
  }
  for (;;) {
    const instruction = stream.byte();
    let length: number;
    let back: number;
    let following = instruction;
    if (instruction >= 64) {
      length = instruction >= 128 ? 5 + ((instruction >> 5) & 3) : 3 + ((instruction >> 5) & 1);
      back = (stream.byte() << 3) + ((instruction >> 2) & 7) + 1;
    } else if (instruction >= 16) {
      const far = instruction < 32;
      length = 2 + (far ? stream.length(instruction & 7, 7) : stream.length(instruction & 31, 31));
      following = stream.byte();
      back = (following >> 2) + (stream.byte() << 6) + 1;
      if (far) back += 16383 + ((instruction & 8) << 11);
      if (back === 16384 && far) {
        if (stream.failed) return ENDED;
        if (length !== 3) return "an end mark of the wrong form";
        if (stream.at !== packed.length) return `a stream that ends ${packed.length - stream.at} bytes early`;
        return to === out.length ? null : `${to}`;
      }
    } else if (before === 0) {
      const count = 3 + stream.length(instruction, 15);
      const wrong = stream.failed ? ENDED : literals(count);
      if (wrong !== null) return wrong;
      before = RUN;
      continue;
    } else {
      length = before === RUN ? 3 : 2;
      back = (stream.byte() << 2) + (instruction >> 2) + (before === RUN ? 2049 : 1);
    }
    if (stream.failed) return ENDED;
    if (back > to) return `a block from ${back} back where ${to} bytes are unpacked`;
    if (length > out.length - to) return `more than ${out.length}`;
    for (const end = to + length; to < end; to++) out[to] = out[to - back]!;
    before = following & 3;
    const wrong = literals(before);
    if (wrong !== null) return wrong;
  }
};
