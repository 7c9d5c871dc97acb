import type { RandomAccessFile } from "../file.js";

const CHUNK_SHIFT = 15;
/** Frames of a chunk: a block of the bitmap, and a section of memory. */
const CHUNK_FRAMES = 1 << CHUNK_SHIFT;
const CHUNK_WORDS = CHUNK_FRAMES >> 5;
const CHUNK_BYTES = CHUNK_FRAMES >> 3;
const GROUP_SHIFT = 9;
/** Frames between two counts of a chunk. */
const GROUP_WORDS = 1 << (GROUP_SHIFT - 5);
/** Chunks that are read at a time. */
const READ_CHUNKS = 64;

interface Chunk {
  readonly words: Uint32Array;
  /** Bits of the chunk that are set before each group of 512. */
  readonly before: Uint16Array;
  readonly count: number;
}

/**
 * One bit for each page frame of a range, and how many are set before a frame. Chunks without a bit and chunks with all of them
 * are one object each: a bitmap of a wide and mostly empty address space takes little.
 */
export class FrameBitmap {
  readonly #chunks: Chunk[] = [];
  /** Bits that are set before each chunk. */
  readonly #before: number[] = [];
  #count = 0;

  private constructor(
    readonly first: number,
    readonly end: number,
  ) {}

  /**
   * Read the bits of frames `first` to `end` - 1 of a bitmap whose bit 0 is frame 0.
   *
   * @param offset where the bitmap begins; it is in the file in whole blocks of 4096 bytes
   */
  static async read(
    file: RandomAccessFile,
    offset: number,
    { first, end }: { first: number; end: number },
    signal?: AbortSignal,
  ): Promise<FrameBitmap> {
    const bitmap = new FrameBitmap(first, end);
    const from = Math.floor(first / CHUNK_FRAMES);
    const until = Math.ceil(end / CHUNK_FRAMES);
    const buffer = new Uint8Array(Math.min(READ_CHUNKS, Math.max(0, until - from)) * CHUNK_BYTES);
    for (let at = from; at < until; at += READ_CHUNKS) {
      signal?.throwIfAborted();
      const chunks = Math.min(READ_CHUNKS, until - at);
      const part = buffer.subarray(0, chunks * CHUNK_BYTES);
      await file.readInto(part, offset + at * CHUNK_BYTES);
      for (let i = 0; i < chunks; i++) bitmap.#add(part, i * CHUNK_BYTES, (at + i) * CHUNK_FRAMES);
    }
    return bitmap;
  }

  /** Bits that are set. */
  get count(): number {
    return this.#count;
  }

  has(frame: number): boolean {
    if (!(frame >= this.first && frame < this.end)) return false;
    const { words } = this.#chunks[this.#chunkOf(frame)]!;
    return (words[(frame % CHUNK_FRAMES) >> 5]! & (1 << (frame % 32))) !== 0;
  }

  /** How many bits are set before this frame of the range. */
  rank(frame: number): number {
    const chunk = this.#chunkOf(frame);
    const { words, before } = this.#chunks[chunk]!;
    const bit = frame % CHUNK_FRAMES;
    const word = bit >> 5;
    let rank = this.#before[chunk]! + before[bit >> GROUP_SHIFT]!;
    for (let i = word & -GROUP_WORDS; i < word; i++) rank += ones(words[i]!);
    return rank + ones(words[word]! & ((1 << (bit % 32)) - 1));
  }

  /** How many frames both bitmaps of the same range have. */
  countBoth(other: FrameBitmap): number {
    let both = 0;
    for (const [i, { words, count }] of this.#chunks.entries()) {
      const others = other.#chunks[i]!;
      if (count === 0 || others.count === CHUNK_FRAMES) both += count;
      else for (let word = 0; word < CHUNK_WORDS; word++) both += ones(words[word]! & others.words[word]!);
    }
    return both;
  }

  #chunkOf(frame: number): number {
    return Math.floor(frame / CHUNK_FRAMES) - Math.floor(this.first / CHUNK_FRAMES);
  }

  #add(bytes: Uint8Array<ArrayBuffer>, at: number, frame: number): void {
    const words = new Uint32Array(bytes.buffer, at, CHUNK_WORDS);
    if (frame < this.first) clear(words, 0, this.first - frame);
    if (frame + CHUNK_FRAMES > this.end) clear(words, this.end - frame, CHUNK_FRAMES);
    const chunk = chunkOf(words);
    this.#chunks.push(chunk);
    this.#before.push(this.#count);
    this.#count += chunk.count;
  }
}

function clear(words: Uint32Array, from: number, until: number): void {
  for (let bit = from; bit < until; bit++) words[bit >> 5]! &= ~(1 << (bit % 32));
}

function indexed(words: Uint32Array): Chunk {
  const before = new Uint16Array(CHUNK_WORDS / GROUP_WORDS);
  let count = 0;
  for (let word = 0; word < CHUNK_WORDS; word++) {
    if (word % GROUP_WORDS === 0) before[word / GROUP_WORDS] = count;
    count += ones(words[word]!);
  }
  return { words, before, count };
}

const EMPTY = indexed(new Uint32Array(CHUNK_WORDS));
const FULL = indexed(new Uint32Array(CHUNK_WORDS).fill(0xffffffff));

/** A copy of the words, which are a buffer's, unless it is one of the two that need none. */
function chunkOf(words: Uint32Array): Chunk {
  if (words.every((word) => word === 0)) return EMPTY;
  if (words.every((word) => word === 0xffffffff)) return FULL;
  return indexed(words.slice());
}

/** Bits of a word that are set. */
function ones(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
