import type { Vmemmap } from "../src/vmemmap.js";
import { Contest, type LocalContender, type Nanoseconds } from "./contest.js";
import { bigintLoop, uint32Loop, type HeadsLoop, type PlainMap } from "./javascript.js";
import { indexBytes, markWellFormed, plainMapOf, useEngine } from "./engine.js";
import { measure, type Block } from "./measure.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";
import { resultsOf, type Result } from "./report.js";
import type { Twins } from "./twins.js";

const PASSES = 3;

/** The benchmark of compound_head: all contenders over one map, one list of PFNs and one list of results. */
export class HeadsBench {
  readonly #pfns: Uint32Array;
  readonly #plain: PlainMap;
  readonly #contest: Contest;

  /** `map` has PFNs from 0 on without a hole, and room for two lists. */
  constructor(
    readonly map: Vmemmap,
    readonly twins: Twins | null,
    readonly options: BenchOptions,
    readonly warn: (message: string) => void,
  ) {
    this.#pfns = map.list(options.lookups);
    const heads = map.list(options.lookups);
    this.#plain = plainMapOf(map);
    markWellFormed(map); // whoever takes slotBytes() may write, so taking it clears the marks
    const local = localContenders(map, this.#plain, this.#pfns, heads);
    this.#contest = new Contest("heads", local, twins, options.contenders);
    this.#contest.expected = new Uint32Array(options.lookups);
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.twins?.process.sendMap(this.#plain);
    await this.twins?.process.sendIndex(this.map.slots, indexBytes(this.map));
  }

  /** Measures lookups in the first `pages` PFNs, the same as in a map of that size: results of all contenders. */
  async run(pattern: Pattern, pages: number, rounds: number): Promise<Result[]> {
    await this.#walk(pattern, pages);
    await this.#contest.check(this.#pfns);
    return this.#results(pattern, pages, await this.#measure(rounds));
  }

  /** Measures maps of several sizes in passes, so that a slow moment of the machine falls on all sizes alike. */
  async runSizes(pattern: Pattern, sizes: readonly number[], rounds: number): Promise<Result[]> {
    const samples = new Map(sizes.map((pages) => [pages, [] as Nanoseconds[]]));
    for (let pass = 0; pass < PASSES; pass++) {
      for (const [pages, passes] of samples) {
        await this.#walk(pattern, pages);
        if (pass === 0) await this.#contest.check(this.#pfns);
        passes.push(await this.#measure(Math.ceil(rounds / PASSES)));
      }
    }
    return [...samples].flatMap(([pages, passes]) => this.#results(pattern, pages, medians(passes)));
  }

  /** Puts the walk into everybody's list. */
  async #walk(pattern: Pattern, pages: number): Promise<void> {
    fillPattern(this.#pfns, pattern, pages, this.options.seed);
    uint32Loop(this.#plain)(this.#pfns, this.#contest.expected);
    await this.twins?.process.sendList(this.#pfns);
  }

  async #measure(rounds: number): Promise<Nanoseconds> {
    const { lookups, seed } = this.options;
    return this.#contest.times(await measure(this.#contest.subjects(), { lookups, rounds, seed, warn: this.warn }));
  }

  #results(pattern: Pattern, slots: number, nanoseconds: Nanoseconds): Result[] {
    return resultsOf({ op: "heads", encoding: this.#plain.encoding, pattern, slots }, nanoseconds);
  }
}

function medians(passes: readonly Nanoseconds[]): Nanoseconds {
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
  return new Map([...passes[0]!.keys()].map((name) => [name, middle(passes.map((pass) => pass.get(name)!))]));
}

function localContenders(
  map: Vmemmap,
  plain: PlainMap,
  pfns: Uint32Array,
  heads: Uint32Array,
): Map<ContenderName, LocalContender> {
  const part = (list: Uint32Array, { offset, count }: Block): Uint32Array => list.subarray(offset, offset + count);
  const over = (loop: HeadsLoop): LocalContender => ({
    run: (block) => loop(part(pfns, block), part(heads, block)),
    answers: (block) => part(heads, block),
    clear: () => heads.fill(0),
  });
  const batch = over((pages, out) => void map.headsInto(pages, out));
  const single = over((pages, out) => {
    for (let i = 0; i < pages.length; i++) out[i] = map.compoundHead(pages[i]!);
  });
  return new Map<ContenderName, LocalContender>([
    ["wasm-simd", { ...batch, prepare: useEngine(map, "simd", "by-slots") }],
    ["wasm-scalar", { ...batch, prepare: useEngine(map, "scalar", "by-slots") }],
    ["wasm-index", { ...batch, prepare: useEngine(map, "simd", "by-index") }],
    ["wasm-call", { ...single, prepare: useEngine(map, "simd", "by-slots") }],
    ["js-uint32", over(uint32Loop(plain))],
    ["js-bigint", { ...over(bigintLoop(plain)), blockDivisor: 8 }],
  ]);
}
