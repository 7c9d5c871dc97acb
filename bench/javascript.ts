import type { TailEncoding } from "../src/profile/profile.js";

/**
 * The plain JavaScript a user would write over the slots: no engine, one typed array. The rules are those of
 * compound_head (include/linux/page-flags.h), told in native/heads.c. One loop for each encoding, so that the compiler
 * sees one function at each place.
 */

/** What the loops need to know of a map whose first slot is PFN 0 and whose slots fill at most 4 GiB. */
export interface PlainMap {
  readonly slots: Uint8Array;
  readonly encoding: TailEncoding;
  readonly vmemmapBase: bigint;
  /** PG_head's bit in the flags word: 16 or 6, so it is in the low half. */
  readonly headBit: number;
  /** From a head to the byte that holds its order. */
  readonly orderOffset: number;
}

/** Writes the head of each PFN to the same place of `heads`. */
export type HeadsLoop = (pfns: Uint32Array, heads: Uint32Array) => void;

const SLOTS_PER_PAGE = 64;

/** Over 32-bit halves of the words; the low half of an address is enough within 4 GiB of slots. */
export function uint32Loop({ slots, encoding, vmemmapBase, headBit }: PlainMap): HeadsLoop {
  const words = new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4);
  const base = Number(BigInt.asUintN(32, vmemmapBase));
  switch (encoding) {
    case "pointer":
      return uint32Pointer(words, base);
    case "fake-heads":
      return uint32FakeHeads(words, base, 1 << headBit);
    case "mask":
      return uint32Mask(words);
  }
}

function uint32Pointer(words: Uint32Array, base: number): HeadsLoop {
  return (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) {
      const pfn = pfns[i]!;
      const word = words[pfn * 16 + 2]!;
      heads[i] = word & 1 ? (word - 1 - base) >>> 6 : pfn;
    }
  };
}

function uint32FakeHeads(words: Uint32Array, base: number, headFlag: number): HeadsLoop {
  return (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) {
      const pfn = pfns[i]!;
      let word = words[pfn * 16 + 2]!;
      if (!(word & 1) && pfn % SLOTS_PER_PAGE === 0 && words[pfn * 16]! & headFlag) word = words[pfn * 16 + 18]!;
      heads[i] = word & 1 ? (word - 1 - base) >>> 6 : pfn;
    }
  };
}

function uint32Mask(words: Uint32Array): HeadsLoop {
  return (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) {
      const pfn = pfns[i]!;
      const word = words[pfn * 16 + 2]!;
      heads[i] = word & 1 ? pfn & (word >> 6) : pfn;
    }
  };
}

/** Over whole words, as the kernel's own code reads. */
export function bigintLoop({ slots, encoding, vmemmapBase, headBit }: PlainMap): HeadsLoop {
  const words = new BigUint64Array(slots.buffer, slots.byteOffset, slots.byteLength / 8);
  switch (encoding) {
    case "pointer":
      return bigintPointer(words, vmemmapBase);
    case "fake-heads":
      return bigintFakeHeads(words, vmemmapBase, 1n << BigInt(headBit));
    case "mask":
      return bigintMask(words, vmemmapBase);
  }
}

function bigintPointer(words: BigUint64Array, base: bigint): HeadsLoop {
  return (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) {
      const pfn = pfns[i]!;
      const word = words[pfn * 8 + 1]!;
      heads[i] = word & 1n ? Number((word - 1n - base) >> 6n) : pfn;
    }
  };
}

function bigintFakeHeads(words: BigUint64Array, base: bigint, headFlag: bigint): HeadsLoop {
  return (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) {
      const pfn = pfns[i]!;
      let word = words[pfn * 8 + 1]!;
      if (!(word & 1n) && pfn % SLOTS_PER_PAGE === 0 && words[pfn * 8]! & headFlag) word = words[pfn * 8 + 9]!;
      heads[i] = word & 1n ? Number((word - 1n - base) >> 6n) : pfn;
    }
  };
}

function bigintMask(words: BigUint64Array, base: bigint): HeadsLoop {
  return (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) {
      const pfn = pfns[i]!;
      const word = words[pfn * 8 + 1]!;
      heads[i] = word & 1n ? Number(((base + 64n * BigInt(pfn)) & (word - 1n)) - base) / 64 : pfn;
    }
  };
}

/** Reads the low half of the word at 8 of every slot: the sum, cut to 32 bits, is that of native/pass.c. */
export function plainPass(words: Uint32Array): number {
  let sum = 0;
  for (let i = 2; i < words.length; i += 16) sum = (sum + words[i]!) | 0;
  return sum >>> 0;
}
