import type { LocalContender } from "./contest.js";
import type { Block } from "./measure.js";

/** Lists in the engine's memory: PFNs, and room for 64-bit answers. */
export interface Lists {
  readonly pfns: Uint32Array;
  readonly words: Uint32Array;
}

/** Entries of the engine's lists that {@link Lists} take for each lookup: a PFN and a 64-bit answer. */
export const LIST_ENTRIES_PER_LOOKUP = 3;

export function part<T extends Uint32Array | BigUint64Array>(list: T, { offset, count }: Block, each = 1): T {
  return list.subarray(offset * each, (offset + count) * each) as T;
}

/** Answers of 32 bits. */
export function overNumbers(
  { pfns, words }: Lists,
  loop: (pfns: Uint32Array, answers: Uint32Array) => void,
): LocalContender {
  const numbers = words.subarray(0, pfns.length);
  return {
    run: (block) => loop(part(pfns, block), part(numbers, block)),
    answers: (block) => part(numbers, block),
    clear: () => numbers.fill(0xffffffff),
  };
}

/** Answers of 64 bits in two halves each. */
export function overHalves(
  { pfns, words }: Lists,
  loop: (pfns: Uint32Array, answers: Uint32Array) => void,
): LocalContender {
  return {
    run: (block) => loop(part(pfns, block), part(words, block, 2)),
    answers: (block) => part(words, block, 2),
    clear: () => words.fill(0),
  };
}

/** Answers of 64 bits. */
export function overWords(
  { pfns, words }: Lists,
  loop: (pfns: Uint32Array, words: BigUint64Array) => void,
): LocalContender {
  const wholeWords = new BigUint64Array(words.buffer, words.byteOffset, words.length / 2);
  return {
    run: (block) => loop(part(pfns, block), part(wholeWords, block)),
    answers: (block) => part(words, block, 2),
    clear: () => words.fill(0),
  };
}
