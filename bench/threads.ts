import type { Core } from "../src/engine/core.js";
import { Pool, poolEntries } from "../src/threads/pool.js";
import type { Vmemmap } from "../src/vmemmap.js";
import { Contest, type LocalContender } from "./contest.js";
import { markWellFormed, plainMapOf, useEngine } from "./engine.js";
import { uint32Loop, type PlainMap } from "./javascript.js";
import { measure, type Block } from "./measure.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";
import { resultsOf, type Result } from "./report.js";
import type { Twins } from "./twins.js";

/** The benchmark of threads: heads by workers and by this thread, over one shared memory, with their lists in it. */
export class ThreadsBench {
  readonly #pfns: Uint32Array;
  readonly #plain: PlainMap;
  readonly #contest: Contest;

  private constructor(
    readonly map: Vmemmap,
    readonly pools: readonly Pool[],
    readonly twins: Twins | null,
    readonly options: BenchOptions,
    readonly warn: (message: string) => void,
  ) {
    this.#pfns = map.list(options.lookups);
    const heads = map.list(options.lookups);
    this.#plain = plainMapOf(map);
    markWellFormed(map);
    const local = localContenders(map, pools, this.#pfns, heads);
    this.#contest = new Contest("heads", local, twins, options.contenders);
    this.#contest.expected = new Uint32Array(options.lookups);
  }

  /** `map` is in shared memory, has PFNs from 0 on without a hole, and room for two lists and two pools. */
  static async start(
    map: Vmemmap,
    twins: Twins | null,
    options: BenchOptions,
    warn: (message: string) => void,
  ): Promise<ThreadsBench> {
    const pools: Pool[] = [];
    for (const threads of [1, 2]) {
      const { byteOffset } = map.list(poolEntries(threads));
      pools.push(await Pool.start(map.core, map.profile, threads, byteOffset));
    }
    const bench = new ThreadsBench(map, pools, twins, options, warn);
    await twins?.process.sendMap(bench.#plain);
    return bench;
  }

  async run(pattern: Pattern): Promise<Result[]> {
    const { slots, lookups, rounds, seed } = this.options;
    fillPattern(this.#pfns, pattern, slots, seed);
    uint32Loop(this.#plain)(this.#pfns, this.#contest.expected);
    await this.twins?.process.sendList(this.#pfns);
    await this.#contest.check(this.#pfns);
    const measured = await measure(this.#contest.subjects(), { lookups, rounds, seed, warn: this.warn });
    const setting = { op: "heads", encoding: this.#plain.encoding, pattern, slots };
    return resultsOf(setting, this.#contest.times(measured));
  }

  async end(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.stop()));
    this.map.dispose();
  }
}

function localContenders(
  map: Vmemmap,
  [one, two]: readonly Pool[],
  pfns: Uint32Array,
  heads: Uint32Array,
): Map<ContenderName, LocalContender> {
  const part = (list: Uint32Array, { offset, count }: Block): Uint32Array => list.subarray(offset, offset + count);
  const rest = { answers: (block: Block) => part(heads, block), clear: () => void heads.fill(0) };
  const bySlots = useEngine(map, "shared", "by-slots");
  const byIndex = useEngine(map, "shared", "by-index");
  const by = (pool: Pool, prepare: () => void): LocalContender => ({
    ...rest,
    async: true,
    run: async (block) => {
      prepare();
      await pool.batch("headsInto", part(pfns, block), part(heads, block));
    },
  });
  return new Map<ContenderName, LocalContender>([
    [
      "wasm-shared",
      { ...rest, prepare: bySlots, run: (block) => void map.headsInto(part(pfns, block), part(heads, block)) },
    ],
    ["one-worker", by(one!, bySlots)],
    ["two-workers", by(two!, bySlots)],
    ["one-worker-index", by(one!, byIndex)],
    ["two-workers-index", by(two!, byIndex)],
  ]);
}

/** Slots whose references are counted. */
const COUNTED = 4096;

/** Nanoseconds that a build takes for a reference, and to give it back. */
export interface CountCost {
  readonly build: string;
  readonly get: number;
  readonly put: number;
}

/** By build: the same list, in cache, with plain counts and with atomic ones. */
export function countCosts(maps: readonly Vmemmap[], rounds: number): CountCost[] {
  const turns = maps.map((map) => ({ map, get: [] as number[], put: [] as number[] }));
  for (const { core } of maps) prepareCounts(core);
  for (let round = 0; round < rounds; round++) {
    for (const { map, get, put } of turns) {
      const { core } = map;
      const { exports, area } = core;
      const answers = area + COUNTED * 4;
      get.push(timed(() => exports.get_folios(area, answers, COUNTED)));
      put.push(timed(() => exports.put_folios(area, answers, COUNTED)));
    }
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]! / COUNTED;
  return turns.map(({ map, get, put }) => ({ build: map.build, get: median(get), put: median(put) }));
}

function prepareCounts(core: Core): void {
  for (let i = 0; i < COUNTED; i++) {
    core.u32[core.area / 4 + i] = i;
    core.exports.set_page_count(i, 1);
  }
}

/** Nanoseconds, of a call that does the whole list. */
function timed(call: () => number): number {
  const start = performance.now();
  if (call() !== COUNTED) throw new Error("a reference is refused");
  return (performance.now() - start) * 1e6;
}
