import type { Codec } from "./codec.js";

/** snappyjs, which takes streams that are well-formed: it would loop on a literal whose length does not fit into 31 bits. */
export async function snappy(): Promise<Codec> {
  // Not every bundler finds the names of a CommonJS module.
  const { uncompress } = (await import("snappyjs")).default;
  return (packed, out) => {
    const wrong = checkStream(packed, out.length);
    if (wrong !== null) return wrong;
    out.set(uncompress(packed, out.length));
    return null;
  };
}

/** Longest varint of 32 bits. */
const MAX_VARINT = 5;

/** Walk a stream's elements, unpacking none: null if it is well-formed and has `length` bytes, else what was found. */
function checkStream(packed: Uint8Array, length: number): string | null {
  let at = 0;
  let told = 0;
  for (;;) {
    const byte = packed[at];
    if (byte === undefined || at >= MAX_VARINT) return "a damaged length";
    told += (byte & 0x7f) * 2 ** (7 * at++);
    if (byte < 0x80) break;
  }
  if (told !== length) return `${told}`;

  let to = 0;
  while (at < packed.length) {
    const tag = packed[at++]!;
    const kind = tag & 3;
    let bytes = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    if (kind === 0) {
      if (bytes > 60) {
        const size = bytes - 60;
        bytes = 1 + number(packed, at, size);
        at += size;
      }
      at += bytes;
    } else {
      const size = kind === 3 ? 4 : kind;
      const back = number(packed, at, size) + (kind === 1 ? (tag >> 5) << 8 : 0);
      at += size;
      if (at <= packed.length && (back === 0 || back > to))
        return `a copy from ${back} back where ${to} bytes are unpacked`;
    }
    if (at > packed.length) return "the end of the packed bytes amid an element";
    to += bytes;
    if (to > length) return `more than ${length}`;
  }
  return to === length ? null : `${to}`;
}

/** A little-endian number of some bytes; those behind the end count as 0. */
function number(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value += (bytes[at + i] ?? 0) * 2 ** (8 * i);
  return value;
}
