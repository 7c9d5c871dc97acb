/** Which words at +8 the ZONE_DEVICE pages of a map hold, tails aside: among them are the addresses of its pgmaps. */
import { stagingPlaces } from "../engine/core.js";
import type { Profile } from "../profile/index.js";
import { PAGES_PER_SECTION } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";

/** Different words that are kept: more of them are no pgmaps. */
const MAX_WORDS = 4096;

/** The pages whose word it is. */
export interface DeviceWord {
  readonly word: bigint;
  readonly pages: number;
  /** PFNs of the first and the last. */
  readonly first: number;
  readonly last: number;
}

/** Collected section by section, so that each can be looked at while it is in the cache. */
export class DeviceWords {
  readonly #isPossible: boolean;
  readonly #found = new Map<bigint, { pages: number; first: number; last: number }>();

  constructor({ zones, zone }: Profile) {
    this.#isPossible = zones.includes("DEVICE") && zone.width > 0;
  }

  /** Look at a section of a map, each once. */
  addSection(map: Vmemmap, number: number): void {
    if (!this.#isPossible) return;
    const { core } = map;
    const run = stagingPlaces(core).answers;
    const start = core.sectionSlot(number);
    const end = start + PAGES_PER_SECTION;
    for (let slot = start; slot < end;) {
      slot = core.exports.next_device_words(slot, end, run);
      // The core's DeviceWordRun.
      const [low, high, first, last, pages] = core.u32.subarray(run / 4, run / 4 + 5) as unknown as number[];
      if (pages === 0) continue;
      const word = (BigInt(high!) << 32n) | BigInt(low!);
      // Others are no addresses of the kernel's.
      if (word >> 63n === 1n) this.#add({ word, pages: pages!, first: core.pfnOf(first!), last: core.pfnOf(last!) });
    }
  }

  /** What was found in other sections. */
  add(others: DeviceWords): void {
    for (const word of others.found) this.#add(word);
  }

  /** Those with most pages first. */
  get found(): readonly DeviceWord[] {
    return Array.from(this.#found, ([word, pages]) => ({ word, ...pages })).sort((a, b) => b.pages - a.pages);
  }

  #add({ word, pages, first, last }: DeviceWord): void {
    const known = this.#found.get(word);
    if (known !== undefined) {
      known.pages += pages;
      known.first = Math.min(known.first, first);
      known.last = Math.max(known.last, last);
      return;
    }
    if (this.#found.size === MAX_WORDS) this.#forgetSingles();
    if (this.#found.size < MAX_WORDS) this.#found.set(word, { pages, first, last });
  }

  /** Many words are no pgmaps: those go that one page alone has. */
  #forgetSingles(): void {
    for (const [word, { pages }] of this.#found) if (pages === 1) this.#found.delete(word);
  }
}
