import type { Codec } from "./codec.js";

// zlib streams (RFC 1950, RFC 1951) where the host has no zlib that answers at once. A page is small, so what counts is that
// a stream's tables are soon made: short codes are looked up, the few longer ones are found length by length.

const MAX_BITS = 15;
const FAST_BITS = 9;
const FAST_MASK = (1 << FAST_BITS) - 1;
const END_OF_BLOCK = 256;
const LITERALS = 288;
const DISTANCES = 30;
const CODE_LENGTHS = 19;
const ADLER = 65521;
/** Sums of bytes that need no remainder between them. */
const ADLER_BYTES = 3800;

/** In what order a block tells the lengths of the codes for its lengths. */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** Extra bits of the length and distance codes; their bases follow from them. */
const LENGTH_EXTRA = Uint8Array.from([...Array.from({ length: 28 }, (_, i) => (i < 8 ? 0 : (i >> 2) - 1)), 0]);
const LENGTH_BASE = basesOf(LENGTH_EXTRA, 3);
LENGTH_BASE[28] = 258;
const DISTANCE_EXTRA = Uint8Array.from({ length: DISTANCES }, (_, i) => (i < 4 ? 0 : (i >> 1) - 1));
const DISTANCE_BASE = basesOf(DISTANCE_EXTRA, 1);

function basesOf(extra: Uint8Array, first: number): Uint16Array {
  let base = first;
  return Uint16Array.from(extra, (bits) => {
    base += 2 ** bits;
    return base - 2 ** bits;
  });
}

/** A stream that is none; caught by {@link inflate}. */
class Damage extends Error {}

/** A Huffman code by its lengths, as deflate has them: shorter ones first, and of the same length by symbol. */
class Code {
  /** By the next bits: symbol << 4 and the code's length; 0: it is longer. */
  readonly fast = new Uint16Array(1 << FAST_BITS);
  /** How many codes have each length, and their symbols in order. */
  readonly counts = new Uint16Array(MAX_BITS + 1);
  readonly symbols = new Uint16Array(LITERALS);
  readonly #next = new Uint16Array(MAX_BITS + 2);
  readonly #codes = new Uint16Array(MAX_BITS + 2);

  /** @param single one code of one bit is enough */
  set(lengths: Uint8Array, single: boolean): void {
    const { counts, fast } = this;
    counts.fill(0);
    fast.fill(0);
    for (const length of lengths) counts[length]!++;
    counts[0] = 0;
    this.#next[1] = 0;
    let left = 1;
    let code = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      const count = counts[length]!;
      left = left * 2 - count;
      if (left < 0) throw new Damage("more codes than there can be");
      this.#codes[length] = code;
      code = (code + count) << 1;
      this.#next[length + 1] = this.#next[length]! + count;
    }
    if (left > 0 && !(single && this.#next[MAX_BITS + 1]! <= counts[1]!)) throw new Damage("a code with gaps");
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol]!;
      if (length === 0) continue;
      this.symbols[this.#next[length]!++] = symbol;
      const own = this.#codes[length]!++;
      if (length > FAST_BITS) continue;
      for (let at = reversed(own, length); at < fast.length; at += 1 << length) fast[at] = (symbol << 4) | length;
    }
  }
}

function reversed(code: number, length: number): number {
  let bits = 0;
  for (let i = 0; i < length; i++) bits |= ((code >> i) & 1) << (length - 1 - i);
  return bits;
}

const fixedLiterals = new Code();
const fixedDistances = new Code();
fixedLiterals.set(
  Uint8Array.from({ length: LITERALS }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
  false,
);
fixedDistances.set(new Uint8Array(32).fill(5), false);
const codeLengths = new Code();
const literals = new Code();
const distances = new Code();
const lengths = new Uint8Array(LITERALS + 32);

class Inflater {
  #at = 0;
  #hold = 0;
  #bits = 0;
  #to = 0;

  constructor(
    private readonly packed: Uint8Array,
    private readonly out: Uint8Array,
  ) {}

  /** How many bytes were unpacked. */
  run(): number {
    const head = (this.#byte() << 8) | this.#byte();
    if ((head & 0x0f00) !== 0x0800 || head >> 12 > 7 || head % 31 !== 0 || head & 0x20)
      throw new Damage("no zlib header");
    for (let last = 0; last === 0;) {
      last = this.#take(1);
      const type = this.#take(2);
      if (type === 0) this.#stored();
      else if (type === 1) this.#block(fixedLiterals, fixedDistances);
      else if (type === 2) this.#dynamic();
      else throw new Damage("a block of no known type");
    }
    this.#align();
    let sum = 0;
    for (let i = 0; i < 4; i++) sum = sum * 256 + this.#byte();
    if (this.#to === this.out.length && sum !== adler32(this.out)) throw new Damage("incorrect data check");
    return this.#to;
  }

  #byte(): number {
    if (this.#at === this.packed.length) throw new Damage("unexpected end of file");
    return this.packed[this.#at++]!;
  }

  #take(count: number): number {
    while (this.#bits < count) {
      this.#hold |= this.#byte() << this.#bits;
      this.#bits += 8;
    }
    const value = this.#hold & ((1 << count) - 1);
    this.#drop(count);
    return value;
  }

  #drop(count: number): void {
    this.#hold >>>= count;
    this.#bits -= count;
  }

  /** Go to the next whole byte. */
  #align(): void {
    this.#at -= this.#bits >> 3;
    this.#bits = this.#hold = 0;
  }

  #symbol(code: Code): number {
    const { packed } = this;
    while (this.#bits < MAX_BITS && this.#at < packed.length) {
      this.#hold |= packed[this.#at++]! << this.#bits;
      this.#bits += 8;
    }
    const fast = code.fast[this.#hold & FAST_MASK]!;
    if (fast !== 0) {
      if ((fast & 15) > this.#bits) throw new Damage("unexpected end of file");
      this.#drop(fast & 15);
      return fast >> 4;
    }
    let value = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      if (length > this.#bits) throw new Damage("unexpected end of file");
      value |= (this.#hold >> (length - 1)) & 1;
      const count = code.counts[length]!;
      if (value - first < count) {
        this.#drop(length);
        return code.symbols[index + value - first]!;
      }
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw new Damage("a code that stands for nothing");
  }

  #room(length: number): void {
    if (length > this.out.length - this.#to) throw new TooMuch();
  }

  #stored(): void {
    this.#align();
    const length = this.#byte() | (this.#byte() << 8);
    const inverse = this.#byte() | (this.#byte() << 8);
    if ((length ^ inverse) !== 0xffff) throw new Damage("a stored block of two lengths");
    this.#room(length);
    if (length > this.packed.length - this.#at) throw new Damage("unexpected end of file");
    this.out.set(this.packed.subarray(this.#at, this.#at + length), this.#to);
    this.#at += length;
    this.#to += length;
  }

  #dynamic(): void {
    const literalCount = 257 + this.#take(5);
    const distanceCount = 1 + this.#take(5);
    const orderCount = 4 + this.#take(4);
    if (literalCount > 286 || distanceCount > DISTANCES) throw new Damage("too many codes");
    const own = lengths.subarray(0, CODE_LENGTHS).fill(0);
    for (let i = 0; i < orderCount; i++) own[LENGTH_ORDER[i]!] = this.#take(3);
    codeLengths.set(own, false);
    const all = literalCount + distanceCount;
    for (let at = 0; at < all;) {
      const symbol = this.#symbol(codeLengths);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) throw new Damage("a length to repeat where there is none");
      const value = symbol === 16 ? lengths[at - 1]! : 0;
      const count = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      if (count > all - at) throw new Damage("more lengths than codes");
      lengths.fill(value, at, at + count);
      at += count;
    }
    if (lengths[END_OF_BLOCK] === 0) throw new Damage("a block without an end");
    literals.set(lengths.subarray(0, literalCount), true);
    distances.set(lengths.subarray(literalCount, all), true);
    this.#block(literals, distances);
  }

  #block(literals: Code, distances: Code): void {
    const { out } = this;
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol < END_OF_BLOCK) {
        this.#room(1);
        out[this.#to++] = symbol;
        continue;
      }
      if (symbol === END_OF_BLOCK) return;
      const kind = symbol - END_OF_BLOCK - 1;
      if (kind >= LENGTH_BASE.length) throw new Damage("a length of no known kind");
      const length = LENGTH_BASE[kind]! + this.#take(LENGTH_EXTRA[kind]!);
      const distance = this.#symbol(distances);
      if (distance >= DISTANCES) throw new Damage("a distance of no known kind");
      const back = DISTANCE_BASE[distance]! + this.#take(DISTANCE_EXTRA[distance]!);
      if (back > this.#to) throw new Damage("a distance too far back");
      this.#room(length);
      let to = this.#to;
      for (const end = to + length; to < end; to++) out[to] = out[to - back]!;
      this.#to = to;
    }
  }
}

/** More than there is room for. */
class TooMuch extends Error {}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length;) {
    for (const end = Math.min(bytes.length, at + ADLER_BYTES); at < end; at++) high += low += bytes[at]!;
    low %= ADLER;
    high %= ADLER;
  }
  return high * 65536 + low;
}

export const inflate: Codec = (packed, out) => {
  try {
    const length = new Inflater(packed, out).run();
    return length === out.length ? null : `${length}`;
  } catch (error) {
    if (error instanceof TooMuch) return `more than ${out.length}`;
    if (error instanceof Damage) return `a damaged stream (${error.message})`;
    throw error;
  }
};
