import type { Vmemmap } from "../src/vmemmap.js";
import { Contest, type LocalContender } from "./contest.js";
import { markWellFormed, plainMapOf, useEngine } from "./engine.js";
import { folioFlagsLoop, orderLoop, pageFlagsLoop, type FieldsLoop } from "./fields-javascript.js";
import type { PlainMap } from "./javascript.js";
import { overHalves, overNumbers, overWords, type Lists } from "./lists.js";
import { measure } from "./measure.js";
import { ANSWER_WORDS } from "./native-process.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";
import { resultsOf, type Result } from "./report.js";
import type { Twins } from "./twins.js";

/** What pages, or their folios, are asked for. */
export const FIELDS = ["order", "folio-flags", "page-flags"] as const;
export type Field = (typeof FIELDS)[number];

/** The benchmark of fields: contests of all of them over one map and one list of PFNs. */
export class FieldsBench {
  readonly #lists: Lists;
  readonly #plain: PlainMap;
  readonly #contests: readonly Contest[];

  /** `map` has PFNs from 0 on without a hole, and room for {@link Lists}. */
  constructor(
    readonly map: Vmemmap,
    readonly twins: Twins | null,
    readonly options: Pick<BenchOptions, "lookups" | "contenders" | "slots" | "rounds" | "seed">,
    readonly warn: (message: string) => void,
  ) {
    const { lookups, contenders } = options;
    const words = map.list(2 * lookups); // first, where the engine's lists are aligned for 64 bits
    this.#lists = { pfns: map.list(lookups), words };
    this.#plain = plainMapOf(map);
    markWellFormed(map); // whoever takes slotBytes() may write, so taking it clears the marks
    this.#contests = FIELDS.map((field) => {
      const { javascript, batch, single } = waysOf(field, map, this.#plain, this.#lists);
      const local = new Map<ContenderName, LocalContender>([
        ["wasm-simd", { ...batch, prepare: useEngine(map, "simd", "by-slots") }],
        ["wasm-scalar", { ...batch, prepare: useEngine(map, "scalar", "by-slots") }],
        ["wasm-index", { ...batch, prepare: useEngine(map, "simd", "by-index") }],
        ["wasm-call", { ...single, prepare: useEngine(map, "simd", "by-slots") }],
        ["js-uint32", javascript],
      ]);
      return new Contest(field, local, twins, contenders);
    });
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.twins?.process.sendMap(this.#plain);
  }

  /** Measures all fields in turns: results of all contenders. @throws Error for a wrong answer */
  async run(pattern: Pattern): Promise<Result[]> {
    const { slots, lookups, rounds, seed } = this.options;
    const { pfns } = this.#lists;
    fillPattern(pfns, pattern, slots, seed);
    await this.twins?.process.sendList(pfns);
    for (const contest of this.#contests) {
      contest.expected = new Uint32Array(lookups * ANSWER_WORDS[contest.op]);
      loopOf(contest.op as Field, this.#plain)(pfns, contest.expected);
      await contest.check(pfns);
    }
    const subjects = this.#contests.flatMap((contest) => contest.subjects());
    const measured = await measure(subjects, { lookups, rounds, seed, warn: this.warn });
    return this.#contests.flatMap((contest) =>
      resultsOf({ op: contest.op, encoding: this.#plain.encoding, pattern, slots }, contest.times(measured)),
    );
  }
}

function loopOf(field: Field, plain: PlainMap): FieldsLoop {
  switch (field) {
    case "order":
      return orderLoop(plain);
    case "folio-flags":
      return folioFlagsLoop(plain);
    case "page-flags":
      return pageFlagsLoop(plain);
  }
}

/** How a user would ask for a field: in plain JavaScript, by one call for a list, and by one call for each page. */
function waysOf(
  field: Field,
  map: Vmemmap,
  plain: PlainMap,
  lists: Lists,
): Record<"javascript" | "batch" | "single", LocalContender> {
  const loop = loopOf(field, plain);
  switch (field) {
    case "order":
      return {
        javascript: overNumbers(lists, loop),
        batch: overNumbers(lists, (pfns, orders) => void map.ordersInto(pfns, orders)),
        single: overNumbers(lists, (pfns, orders) => {
          for (let i = 0; i < pfns.length; i++) orders[i] = map.folioOrder(pfns[i]!);
        }),
      };
    case "folio-flags":
      return {
        javascript: overHalves(lists, loop),
        batch: overWords(lists, (pfns, words) => void map.folioFlagsInto(pfns, words)),
        single: overWords(lists, (pfns, words) => {
          for (let i = 0; i < pfns.length; i++) words[i] = map.readWord(map.compoundHead(pfns[i]!), 0);
        }),
      };
    case "page-flags":
      return {
        javascript: overHalves(lists, loop),
        batch: overWords(lists, (pfns, words) => void map.flagsInto(pfns, words)),
        single: overWords(lists, (pfns, words) => {
          for (let i = 0; i < pfns.length; i++) words[i] = map.readWord(pfns[i]!, 0);
        }),
      };
  }
}
