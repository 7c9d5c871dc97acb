import { Random } from "./random.js";

export const PATTERNS = ["sequential", "random", "strided", "skewed"] as const;

/** The order in which a list of PFNs walks over a map. */
export type Pattern = (typeof PATTERNS)[number];

/** Sequential: the list is cut into as many stretches, each from a place of its own on. */
const STRETCHES = 16;
/** Steps of the golden ratio scatter any number of places evenly. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
const PAGES_PER_BLOCK = 512; // 2 MiB
/** One 2 MiB block and one page on: odd, so it comes to every page of a map whose size is a power of two. */
const STRIDE = PAGES_PER_BLOCK + 1;
/** Skewed: nine lookups of ten go to the hot blocks, one block of sixteen. */
const HOT_LOOKUPS = 0.9;
const BLOCKS_PER_HOT_BLOCK = 16;

/** Fills `pfns` with a walk over PFNs 0 to `pages - 1`; the same seed gives the same walk. */
export function fillPattern(pfns: Uint32Array, pattern: Pattern, pages: number, seed: number): void {
  const random = new Random(seed);
  switch (pattern) {
    case "sequential":
      fillStretches(pfns, pages);
      break;
    case "strided":
      fillSteps(pfns, 0, pages, STRIDE);
      break;
    case "random":
      for (let i = 0; i < pfns.length; i++) pfns[i] = random.below(pages);
      break;
    case "skewed":
      for (let i = 0; i < pfns.length; i++) pfns[i] = skewedPfn(random, pages, seed);
      break;
  }
}

/** So that a short list walks over all parts of a large map. */
function fillStretches(pfns: Uint32Array, pages: number): void {
  const length = Math.ceil(pfns.length / STRETCHES);
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    const start = Math.floor(((stretch * GOLDEN_RATIO) % 1) * pages);
    fillSteps(pfns.subarray(stretch * length, (stretch + 1) * length), start, pages, 1);
  }
}

function fillSteps(pfns: Uint32Array, start: number, pages: number, step: number): void {
  for (let i = 0, pfn = start; i < pfns.length; i++) {
    pfns[i] = pfn;
    pfn += step;
    if (pfn >= pages) pfn -= pages;
  }
}

function skewedPfn(random: Random, pages: number, seed: number): number {
  if (random.next() / 2 ** 32 >= HOT_LOOKUPS) return random.below(pages);
  const group = random.below(Math.floor(pages / PAGES_PER_BLOCK / BLOCKS_PER_HOT_BLOCK));
  const block = group * BLOCKS_PER_HOT_BLOCK + hotBlockOf(group, seed);
  return block * PAGES_PER_BLOCK + random.below(PAGES_PER_BLOCK);
}

/** Which block of a group of sixteen is hot: scattered, and the same for each lookup. */
function hotBlockOf(group: number, seed: number): number {
  return Math.imul(group + seed, 0x9e3779b1) >>> 28;
}
