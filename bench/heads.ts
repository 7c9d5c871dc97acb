import { VmemmapError } from "../src/errors.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import type { Vmemmap } from "../src/vmemmap.js";
import { bigintLoop, uint32Loop, type HeadsLoop, type PlainMap } from "./javascript.js";
import { measure, type Block, type Subject } from "./measure.js";
import { NATIVE_VARIANTS, type NativeVariant } from "./native-build.js";
import type { NativeProcess } from "./native-process.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";
import { resultsOf, type Result } from "./report.js";

/** The native twins that could be built, and the process that runs them. */
export interface Native {
  readonly process: NativeProcess;
  readonly variants: readonly NativeVariant[];
}

/** A contender that works on the map in this process. */
interface LocalContender {
  readonly loop: HeadsLoop;
  readonly prepare?: () => void;
}

/** A contender's median nanoseconds a lookup. */
type Nanoseconds = Map<ContenderName, number>;

const PASSES = 3;

/** The benchmark of compound_head: all contenders over one map, one list of PFNs and one list of results. */
export class HeadsBench {
  readonly #pfns: Uint32Array;
  readonly #heads: Uint32Array;
  readonly #expected: Uint32Array;
  readonly #plain: PlainMap;
  readonly #local: ReadonlyMap<ContenderName, LocalContender>;

  /** `map` has PFNs from 0 on without a hole, and room for two lists. */
  constructor(
    readonly map: Vmemmap,
    readonly native: Native | null,
    readonly options: BenchOptions,
    readonly warn: (message: string) => void,
  ) {
    const { profile, vmemmapBase } = map;
    this.#pfns = map.list(options.lookups);
    this.#heads = map.list(options.lookups);
    this.#expected = new Uint32Array(options.lookups);
    this.#plain = {
      slots: map.slotBytes(),
      encoding: profile.tailEncoding,
      vmemmapBase,
      headBit: profile.flags["head"]!.bit,
    };
    markWellFormed(map); // whoever takes slotBytes() may write, so taking it clears the marks
    this.#local = localContenders(map, this.#plain);
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.native?.process.sendMap(this.#plain);
  }

  /** Measures lookups in the first `pages` PFNs, the same as in a map of that size: results of all contenders. */
  async run(pattern: Pattern, pages: number, rounds: number): Promise<Result[]> {
    await this.#walk(pattern, pages);
    await this.#checkAll();
    return this.#results(pattern, pages, await this.#measure(rounds));
  }

  /** Measures maps of several sizes in passes, so that a slow moment of the machine falls on all sizes alike. */
  async runSizes(pattern: Pattern, sizes: readonly number[], rounds: number): Promise<Result[]> {
    const samples = new Map(sizes.map((pages) => [pages, [] as Nanoseconds[]]));
    for (let pass = 0; pass < PASSES; pass++) {
      for (const [pages, passes] of samples) {
        await this.#walk(pattern, pages);
        if (pass === 0) await this.#checkAll();
        passes.push(await this.#measure(Math.ceil(rounds / PASSES)));
      }
    }
    return [...samples].flatMap(([pages, passes]) => this.#results(pattern, pages, medians(passes)));
  }

  /** Puts the walk into everybody's list. */
  async #walk(pattern: Pattern, pages: number): Promise<void> {
    fillPattern(this.#pfns, pattern, pages, this.options.seed);
    uint32Loop(this.#plain)(this.#pfns, this.#expected);
    await this.native?.process.sendList(this.#pfns);
  }

  #measure(rounds: number): Promise<Nanoseconds> {
    const { lookups, seed } = this.options;
    const subjects = this.#contenders().map((name) => this.#subject(name));
    return measure(subjects, { lookups, rounds, seed, warn: this.warn }) as Promise<Nanoseconds>;
  }

  #results(pattern: Pattern, slots: number, nanoseconds: Nanoseconds): Result[] {
    return resultsOf({ op: "heads", encoding: this.#plain.encoding, pattern, slots }, nanoseconds);
  }

  #contenders(): ContenderName[] {
    const native: readonly string[] = this.native?.variants ?? [];
    return this.options.contenders.filter((name) => this.#local.has(name) || native.includes(name));
  }

  /** Lets each contender do the whole list once: all must give the same heads. */
  async #checkAll(): Promise<void> {
    for (const name of this.#contenders()) {
      const heads = await this.#headsBy(name);
      const wrong = heads.findIndex((head, i) => head !== this.#expected[i]);
      if (wrong < 0) continue;
      throw new Error(`${name}: head of PFN ${this.#pfns[wrong]} is ${heads[wrong]}, not ${this.#expected[wrong]}`);
    }
  }

  async #headsBy(name: ContenderName): Promise<Uint32Array> {
    if (isNative(name)) return this.native!.process.heads(name, 0, this.options.lookups);
    const { loop, prepare } = this.#local.get(name)!;
    this.#heads.fill(0);
    prepare?.();
    loop(this.#pfns, this.#heads);
    return this.#heads;
  }

  #subject(name: ContenderName): Subject {
    return isNative(name) ? this.#nativeSubject(name) : this.#localSubject(name);
  }

  #localSubject(name: ContenderName): Subject {
    const { loop, prepare } = this.#local.get(name)!;
    const part = (list: Uint32Array, { offset, count }: Block): Uint32Array => list.subarray(offset, offset + count);
    return {
      name,
      async: false,
      blockDivisor: name === "js-bigint" ? 8 : 1,
      warmUp: (block) => {
        prepare?.();
        loop(part(this.#pfns, block), part(this.#heads, block));
      },
      run: (block) => {
        loop(part(this.#pfns, block), part(this.#heads, block));
        return undefined;
      },
      verify: (block) => this.#verify(name, block, checksum(part(this.#heads, block))),
    };
  }

  #nativeSubject(name: NativeVariant): Subject {
    return {
      name,
      async: true,
      blockDivisor: 1,
      run: async (block, warmUp) => {
        const timed = await this.native!.process.time(name, block, warmUp);
        this.#verify(name, block, timed.checksum);
        return timed.nanoseconds / 1e6;
      },
    };
  }

  /** The sink: every timed block's results are summed up and compared, so no loop can be left out. */
  #verify(name: string, { offset, count }: Block, sum: number): void {
    const expected = checksum(this.#expected.subarray(offset, offset + count));
    if (sum !== expected) throw new Error(`${name}: wrong heads in the timed block at ${offset}`);
  }
}

/** Lookups are to take the unchecked loop everywhere. */
function markWellFormed(map: Vmemmap): void {
  const illFormed = map.checkWellFormed();
  for (let pfn = 0; pfn < map.slots; pfn += PAGES_PER_SECTION) {
    if (!map.isWellFormed(pfn)) {
      throw new VmemmapError("bad-image", `the map can't be measured: ${illFormed} of its words lead to no head`);
    }
  }
}

function medians(passes: readonly Nanoseconds[]): Nanoseconds {
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
  return new Map([...passes[0]!.keys()].map((name) => [name, middle(passes.map((pass) => pass.get(name)!))]));
}

function isNative(name: ContenderName): name is NativeVariant {
  return name in NATIVE_VARIANTS;
}

function localContenders(map: Vmemmap, plain: PlainMap): Map<ContenderName, LocalContender> {
  const batch: HeadsLoop = (pfns, heads) => void map.headsInto(pfns, heads);
  const single: HeadsLoop = (pfns, heads) => {
    for (let i = 0; i < pfns.length; i++) heads[i] = map.compoundHead(pfns[i]!);
  };
  const use = (build: "simd" | "scalar") => (): void => {
    if (map.build !== build) map.build = build;
  };
  return new Map<ContenderName, LocalContender>([
    ["wasm-simd", { loop: batch, prepare: use("simd") }],
    ["wasm-scalar", { loop: batch, prepare: use("scalar") }],
    ["wasm-call", { loop: single, prepare: use("simd") }],
    ["js-uint32", { loop: uint32Loop(plain) }],
    ["js-bigint", { loop: bigintLoop(plain) }],
  ]);
}

/** The same sum as checksum() in native/main.c. */
export function checksum(words: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + words[i]!) | 0;
  return sum >>> 0;
}
