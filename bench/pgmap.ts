import type { Vmemmap } from "../src/vmemmap.js";
import { Contest, type LocalContender, type Nanoseconds } from "./contest.js";
import { devicePages, FIRST_DEVICE_PFN, type DevicePages, type PgmapRange } from "./device-maps.js";
import { markWellFormed, useEngine } from "./engine.js";
import { overHalves, overWords, part, type Lists } from "./lists.js";
import { measure } from "./measure.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";
import { folioLoop, pageLoop, rangeLoop } from "./pgmap-javascript.js";
import type { Twins } from "./twins.js";

/** How a kernel finds the pgmap of a page. */
export type Form =
  /** page->pgmap, up to 6.14: the page's own word. */
  | "page"
  /** page_pgmap(), from 6.15 on: the word of the folio's head. */
  | "folio"
  /** get_dev_pagemap(): by ranges of PFNs, no slot touched. */
  | "range";

/** One map of device pages, and contests of the forms that its kernel has. */
export class DeviceSide {
  readonly contests: ReadonlyMap<Form, Contest>;
  readonly pages: DevicePages;
  readonly #pfns: Uint32Array;

  /** `map` has the device pages of {@link buildDeviceMap}. */
  constructor(
    readonly map: Vmemmap,
    pgmaps: readonly PgmapRange[],
    readonly twins: Twins | null,
    forms: readonly Form[],
    { lookups, contenders }: Pick<BenchOptions, "lookups" | "contenders">,
  ) {
    const words = map.list(2 * lookups); // first, where the engine's lists are aligned for 64 bits
    this.#pfns = map.list(lookups);
    this.pages = devicePages(map, pgmaps);
    markWellFormed(map);
    const lists = { pfns: this.#pfns, words };
    this.contests = new Map(
      forms.map((form) => [form, new Contest(form, localContenders(form, map, this.pages, lists), twins, contenders)]),
    );
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.twins?.process.sendMap(this.pages);
    await this.twins?.process.sendDevice(this.pages);
  }

  /** Puts a walk into everybody's list, and lets each contender do all of it once. @throws Error for a wrong answer */
  async walk(pfns: Uint32Array, expected: Uint32Array): Promise<void> {
    this.#pfns.set(pfns);
    await this.twins?.process.sendList(pfns);
    for (const contest of this.contests.values()) {
      contest.expected = expected;
      await contest.check(pfns);
    }
  }

  async end(): Promise<void> {
    await this.twins?.process.end();
    this.map.dispose();
  }
}

/** Measures the forms of maps with the same pages and pgmaps in turns: median nanoseconds a lookup by form. */
export async function measureSides(
  sides: readonly DeviceSide[],
  pattern: Pattern,
  { slots, lookups, rounds, seed }: BenchOptions,
  warn: (message: string) => void,
): Promise<Map<Form, Nanoseconds>> {
  const pfns = new Uint32Array(lookups);
  fillPattern(pfns, pattern, slots, seed);
  for (let i = 0; i < pfns.length; i++) pfns[i]! += FIRST_DEVICE_PFN;
  const expected = expectedAnswers(pfns, sides[0]!.pages.pgmaps);
  for (const side of sides) await side.walk(pfns, expected);
  const contests = sides.flatMap((side) => [...side.contests]);
  const subjects = contests.flatMap(([, contest]) => contest.subjects());
  const measured = await measure(subjects, { lookups, rounds, seed, warn });
  return new Map(contests.map(([form, contest]) => [form, contest.times(measured)]));
}

/** The answers by the ranges we made the map of, as 32-bit words. */
export function expectedAnswers(pfns: Uint32Array, pgmaps: readonly PgmapRange[]): Uint32Array {
  const answers = new BigUint64Array(pfns.length);
  for (let i = 0; i < pfns.length; i++) {
    answers[i] = pgmaps.find(({ start, end }) => start <= pfns[i]! && pfns[i]! < end)!.address;
  }
  return new Uint32Array(answers.buffer);
}

function localContenders(
  form: Form,
  map: Vmemmap,
  pages: DevicePages,
  lists: Lists,
): Map<ContenderName, LocalContender> {
  const { javascript, batch, single } = loopsOf(form, map, pages, lists);
  return new Map<ContenderName, LocalContender>([
    ["wasm-simd", { ...batch, prepare: useEngine(map, "simd", "by-slots") }],
    ["wasm-scalar", { ...batch, prepare: useEngine(map, "scalar", "by-slots") }],
    ...(form === "folio" ? [["wasm-index", { ...batch, prepare: useEngine(map, "simd", "by-index") }] as const] : []),
    ["wasm-call", { ...single, prepare: useEngine(map, "simd", "by-slots") }],
    ["js-uint32", javascript],
  ]);
}

type WordsInto = (pfns: Uint32Array, words: BigUint64Array) => void;

/** How a user would ask for this form: in plain JavaScript, by one call for a list, and by one call for each page. */
function loopsOf(
  form: Form,
  map: Vmemmap,
  pages: DevicePages,
  lists: Lists,
): Record<"javascript" | "batch" | "single", LocalContender> {
  const by = (loop: WordsInto): LocalContender => overWords(lists, loop);
  switch (form) {
    case "page":
      return {
        javascript: overHalves(lists, pageLoop(pages)),
        batch: by((pfns, words) => void map.ownPgmapWordsInto(pfns, words)),
        single: by((pfns, words) => {
          for (let i = 0; i < pfns.length; i++) words[i] = map.ownPgmap(pfns[i]!)?.address ?? 0n;
        }),
      };
    case "folio":
      return {
        javascript: overHalves(lists, folioLoop(pages)),
        batch: by((pfns, words) => void map.pgmapWordsInto(pfns, words)),
        single: by((pfns, words) => {
          for (let i = 0; i < pfns.length; i++) words[i] = map.pagePgmap(pfns[i]!)?.address ?? 0n;
        }),
      };
    case "range":
      return {
        javascript: overHalves(lists, rangeLoop(pages)),
        batch: overPgmapNumbers(lists, map),
        single: by((pfns, words) => {
          for (let i = 0; i < pfns.length; i++) words[i] = map.getDevPagemap(pfns[i]!)?.address ?? 0n;
        }),
      };
  }
}

/** devPagemapsInto: its answers are numbers of 32 bits, which stand for addresses. */
function overPgmapNumbers({ pfns, words }: Lists, map: Vmemmap): LocalContender {
  const numbers = words.subarray(0, pfns.length);
  const addresses = new Uint32Array(BigUint64Array.from(map.pgmaps, ({ address }) => address).buffer);
  return {
    run: (block) => void map.devPagemapsInto(part(pfns, block), part(numbers, block)),
    answers: (block) => {
      const answers = new Uint32Array(2 * block.count);
      part(numbers, block).forEach((number, i) => {
        answers[2 * i] = addresses[2 * number] ?? 0;
        answers[2 * i + 1] = addresses[2 * number + 1] ?? 0;
      });
      return answers;
    },
    clear: () => numbers.fill(0xffffffff),
  };
}
