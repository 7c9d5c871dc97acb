import type { DevicePages } from "./device-maps.js";

/**
 * The plain JavaScript a user would write for pages' pgmaps: no engine, one Uint32Array over the slots. The rules are those
 * told in native/pgmap.c. One loop for each encoding, as a function that is made once and finds all it needs in its
 * parameters: the compiler sees one function at each place, whichever map is measured.
 */

/** Writes the pgmap of each PFN to two places of `answers`, the low half first; 0 for a page that has none. */
export type PgmapLoop = (pfns: Uint32Array, answers: Uint32Array) => void;

const WORDS_PER_SLOT = 16;
const SLOTS_PER_PAGE = 64;

/** A loop over slots. */
type SlotsLoop = (slots: Words, pfns: Uint32Array, answers: Uint32Array) => void;

/** What the loops use of the slots: the zone's bits are in the high half of the flags word, PG_head in the low half. */
interface Words {
  readonly words: Uint32Array;
  readonly firstPfn: number;
  /** Low half of the first slot's kernel address: enough within 4 GiB of slots. */
  readonly firstAddress: number;
  readonly headFlag: number;
  readonly zoneMask: number;
  readonly zoneDevice: number;
}

function over(pages: DevicePages, loop: SlotsLoop): PgmapLoop {
  const slots = wordsOf(pages);
  return (pfns, answers) => loop(slots, pfns, answers);
}

function wordsOf({ slots, firstPfn, vmemmapBase, headBit, zoneMask, zoneDevice }: DevicePages): Words {
  return {
    words: new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4),
    firstPfn,
    firstAddress: Number(BigInt.asUintN(32, vmemmapBase + 64n * BigInt(firstPfn))),
    headFlag: 1 << headBit,
    zoneMask: Number(zoneMask >> 32n) | 0,
    zoneDevice: Number(zoneDevice >> 32n) | 0,
  };
}

/** page->pgmap up to 6.14: the page's own word. */
export function pageLoop(pages: DevicePages): PgmapLoop {
  return over(pages, byPage);
}

const byPage: SlotsLoop = ({ words, firstPfn, zoneMask, zoneDevice }, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) {
    const at = (pfns[i]! - firstPfn) * WORDS_PER_SLOT;
    const isDevice = (words[at + 1]! & zoneMask) === zoneDevice;
    answers[2 * i] = isDevice ? words[at + 2]! : 0;
    answers[2 * i + 1] = isDevice ? words[at + 3]! : 0;
  }
};

/** page_pgmap from 6.15 on: the word of the folio's head. */
export function folioLoop(pages: DevicePages): PgmapLoop {
  switch (pages.encoding) {
    case "pointer":
      return over(pages, byPointer);
    case "fake-heads":
      return over(pages, pastFakes);
    case "mask":
      return over(pages, byMask);
  }
}

const byPointer: SlotsLoop = ({ words, firstPfn, firstAddress, zoneMask, zoneDevice }, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) {
    const at = (pfns[i]! - firstPfn) * WORDS_PER_SLOT;
    const isDevice = (words[at + 1]! & zoneMask) === zoneDevice;
    const word = words[at + 2]!;
    const head = word & 1 ? (word - 1 - firstAddress) >>> 2 : at;
    answers[2 * i] = isDevice ? words[head + 2]! : 0;
    answers[2 * i + 1] = isDevice ? words[head + 3]! : 0;
  }
};

const pastFakes: SlotsLoop = ({ words, firstPfn, firstAddress, headFlag, zoneMask, zoneDevice }, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) {
    const pfn = pfns[i]!;
    const at = (pfn - firstPfn) * WORDS_PER_SLOT;
    const isDevice = (words[at + 1]! & zoneMask) === zoneDevice;
    let word = words[at + 2]!;
    if (!(word & 1) && pfn % SLOTS_PER_PAGE === 0 && words[at]! & headFlag) word = words[at + WORDS_PER_SLOT + 2]!;
    const head = word & 1 ? (word - 1 - firstAddress) >>> 2 : at;
    answers[2 * i] = isDevice ? words[head + 2]! : 0;
    answers[2 * i + 1] = isDevice ? words[head + 3]! : 0;
  }
};

const byMask: SlotsLoop = ({ words, firstPfn, zoneMask, zoneDevice }, pfns, answers) => {
  for (let i = 0; i < pfns.length; i++) {
    const pfn = pfns[i]!;
    const at = (pfn - firstPfn) * WORDS_PER_SLOT;
    const isDevice = (words[at + 1]! & zoneMask) === zoneDevice;
    const word = words[at + 2]!;
    const head = word & 1 ? ((pfn & (word >> 6)) - firstPfn) * WORDS_PER_SLOT : at;
    answers[2 * i] = isDevice ? words[head + 2]! : 0;
    answers[2 * i + 1] = isDevice ? words[head + 3]! : 0;
  }
};

/** get_dev_pagemap: a binary search of the ranges, no slot touched. */
export function rangeLoop({ pgmaps }: DevicePages): PgmapLoop {
  const ranges = {
    starts: Uint32Array.from(pgmaps, ({ start }) => start),
    lasts: Uint32Array.from(pgmaps, ({ end }) => end - 1),
    lows: Uint32Array.from(pgmaps, ({ address }) => Number(BigInt.asUintN(32, address))),
    highs: Uint32Array.from(pgmaps, ({ address }) => Number(address >> 32n)),
  };
  return (pfns, answers) => byRange(ranges, pfns, answers);
}

/** Ranges by rising start, and the halves of their pgmaps' addresses. */
type Ranges = Readonly<Record<"starts" | "lasts" | "lows" | "highs", Uint32Array>>;

function byRange({ starts, lasts, lows, highs }: Ranges, pfns: Uint32Array, answers: Uint32Array): void {
  for (let i = 0; i < pfns.length; i++) {
    const pfn = pfns[i]!;
    let from = 0;
    let to = starts.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (lasts[middle]! < pfn) from = middle + 1;
      else to = middle;
    }
    const isFound = from < starts.length && starts[from]! <= pfn;
    answers[2 * i] = isFound ? lows[from]! : 0;
    answers[2 * i + 1] = isFound ? highs[from]! : 0;
  }
}
