/** Bytes of numbers, little-endian unless told otherwise. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
}

export function u64(value: number | bigint, littleEndian = true): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), littleEndian);
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A copy with other bytes at `at`. */
export function patched(bytes: Uint8Array, at: number, patch: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  copy.set(patch, at);
  return copy;
}

/** Bytes that differ from place to place, none of them 0. */
export function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => ((seed * 31 + i * 7 + (i >> 8) * 13) % 255) + 1);
}
