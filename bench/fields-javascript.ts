import type { PlainMap } from "./javascript.js";

/**
 * The plain JavaScript a user would write for fields of pages and folios: no engine, one typed array. The rules are those told
 * in native/fields.c. Each loop is a function that is made once and finds all it needs in its parameters, so that the
 * compiler sees one function at each place.
 */

/** Writes an answer for each PFN: of orders one word, of flags two, the low half first. */
export type FieldsLoop = (pfns: Uint32Array, answers: Uint32Array) => void;

const WORDS_PER_SLOT = 16;
const SLOTS_PER_PAGE = 64;

/** What the loops use of the slots. */
interface Words {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** Low half of the first slot's kernel address: enough within 4 GiB of slots. */
  readonly firstAddress: number;
  readonly headFlag: number;
  readonly orderOffset: number;
}

type SlotsLoop = (slots: Words, pfns: Uint32Array, answers: Uint32Array) => void;

function over(map: PlainMap, loop: SlotsLoop): FieldsLoop {
  const { slots, vmemmapBase, headBit, orderOffset } = map;
  const words = {
    words: new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4),
    bytes: slots,
    firstAddress: Number(BigInt.asUintN(32, vmemmapBase)),
    headFlag: 1 << headBit,
    orderOffset,
  };
  return (pfns, answers) => loop(words, pfns, answers);
}

/** page->flags. */
export function pageFlagsLoop(map: PlainMap): FieldsLoop {
  return over(map, flagsOfPages);
}

const flagsOfPages: SlotsLoop = (slots, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) storeFlags(slots, pfns[i]! * WORDS_PER_SLOT, answers, i);
};

/** folio->flags. */
export function folioFlagsLoop(map: PlainMap): FieldsLoop {
  switch (map.encoding) {
    case "pointer":
      return over(map, flagsByPointer);
    case "fake-heads":
      return over(map, flagsPastFakes);
    case "mask":
      return over(map, flagsByMask);
  }
}

const flagsByPointer: SlotsLoop = (slots, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) storeFlags(slots, headByPointer(slots, pfns[i]!), answers, i);
};

const flagsPastFakes: SlotsLoop = (slots, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) storeFlags(slots, headPastFakes(slots, pfns[i]!), answers, i);
};

const flagsByMask: SlotsLoop = (slots, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) storeFlags(slots, headByMask(slots, pfns[i]!), answers, i);
};

/** folio_order. */
export function orderLoop(map: PlainMap): FieldsLoop {
  switch (map.encoding) {
    case "pointer":
      return over(map, ordersByPointer);
    case "fake-heads":
      return over(map, ordersPastFakes);
    case "mask":
      return over(map, ordersByMask);
  }
}

const ordersByPointer: SlotsLoop = (slots, pfns, orders) => {
  for (let i = 0; i < pfns.length; i++) orders[i] = orderOf(slots, headByPointer(slots, pfns[i]!));
};

const ordersPastFakes: SlotsLoop = (slots, pfns, orders) => {
  for (let i = 0; i < pfns.length; i++) orders[i] = orderOf(slots, headPastFakes(slots, pfns[i]!));
};

const ordersByMask: SlotsLoop = (slots, pfns, orders) => {
  for (let i = 0; i < pfns.length; i++) orders[i] = orderOf(slots, headByMask(slots, pfns[i]!));
};

// Heads are told by the index of their first word.

function headByPointer({ words, firstAddress }: Words, pfn: number): number {
  const at = pfn * WORDS_PER_SLOT;
  const word = words[at + 2]!;
  return word & 1 ? (word - 1 - firstAddress) >>> 2 : at;
}

function headPastFakes({ words, firstAddress, headFlag }: Words, pfn: number): number {
  const at = pfn * WORDS_PER_SLOT;
  let word = words[at + 2]!;
  if (!(word & 1) && pfn % SLOTS_PER_PAGE === 0 && words[at]! & headFlag) word = words[at + WORDS_PER_SLOT + 2]!;
  return word & 1 ? (word - 1 - firstAddress) >>> 2 : at;
}

function headByMask({ words }: Words, pfn: number): number {
  const word = words[pfn * WORDS_PER_SLOT + 2]!;
  return (word & 1 ? (pfn & (word >> 6)) >>> 0 : pfn) * WORDS_PER_SLOT;
}

function storeFlags({ words }: Words, head: number, answers: Uint32Array, i: number): void {
  answers[2 * i] = words[head]!;
  answers[2 * i + 1] = words[head + 1]!;
}

function orderOf({ words, bytes, headFlag, orderOffset }: Words, head: number): number {
  return words[head]! & headFlag ? bytes[head * 4 + orderOffset]! : 0;
}
