/** A block of pages in a row that all have slots: what columns are made from. */
import { isWide } from "../lists.js";
import { PAGES_PER_SECTION, PAGES_PER_SUBSECTION, SLOT_BYTES, validSubsections } from "../sections.js";
import type { PfnList, PfnRange } from "../types.js";
import type { Vmemmap } from "../vmemmap.js";

/** PFNs, end exclusive. */
export interface PageRange {
  readonly start: number;
  readonly end: number;
}

/** The PFNs of a range that have slots, by rising number, in runs of at most a section. */
export function* presentRuns(map: Vmemmap, { start, end }: PageRange): Generator<PfnRange, void> {
  for (const section of map.sections) {
    const first = section.number * PAGES_PER_SECTION;
    if (first >= end || first + PAGES_PER_SECTION <= start) continue;
    const valid = validSubsections(section);
    const has = (page: number): boolean => ((valid >> BigInt(Math.floor(page / PAGES_PER_SUBSECTION))) & 1n) === 1n;
    for (let page = 0; page < PAGES_PER_SECTION;) {
      let stop = page + PAGES_PER_SUBSECTION;
      if (has(page)) {
        while (stop < PAGES_PER_SECTION && has(stop)) stop += PAGES_PER_SUBSECTION;
        const from = Math.max(start, first + page);
        const to = Math.min(end, first + stop);
        if (from < to) yield { start: from, count: to - from };
      }
      page = stop;
    }
  }
}

export class PageBlock {
  /** Where the first page's slot stands in {@link words}. */
  readonly firstWord: number;
  /** The engine's memory, in 32-bit words: a slot is 16 of them. */
  readonly words: Uint32Array;
  #heads: PfnList | undefined;
  #found: Uint8Array | undefined;

  constructor(
    readonly map: Vmemmap,
    readonly pages: PfnRange,
  ) {
    const { core } = map;
    this.words = core.u32;
    this.firstWord = core.address(map.slotOf(pages.start)) / 4;
  }

  get length(): number {
    return this.pages.count;
  }

  /** Heads of the pages, as PFNs. Where {@link found} is 0 they mean nothing. */
  get heads(): PfnList {
    this.#heads ??= this.#findHeads();
    return this.#heads;
  }

  /** 0 for pages whose word leads to no head; undefined where there are none. */
  get found(): Uint8Array | undefined {
    this.#heads ??= this.#findHeads();
    return this.#found;
  }

  #findHeads(): PfnList {
    const heads = isWide(this.map.core) ? new Float64Array(this.length) : new Uint32Array(this.length);
    if (this.map.headsInto(this.pages, heads) > 0) {
      const none = heads instanceof Float64Array ? NaN : 0xffffffff;
      this.#found = Uint8Array.from(heads, (head) => Number(!Object.is(head, none)));
    }
    return heads;
  }
}

/** 32-bit words of a slot. */
export const SLOT_WORDS = SLOT_BYTES / 4;
