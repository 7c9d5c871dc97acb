import { PAGE_KINDS } from "../src/kinds.js";
import type { Vmemmap } from "../src/vmemmap.js";
import { censusPass } from "./census-javascript.js";
import { checksum, type Nanoseconds } from "./contest.js";
import { markWellFormed, plainMapOf, useEngine } from "./engine.js";
import { plainPass, type PlainMap } from "./javascript.js";
import { measureInTurns, type Turn } from "./measure.js";
import { isNative } from "./native-build.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { localTurn, nativeTurn } from "./turns.js";
import type { Twins } from "./twins.js";

/**
 * "sum": a plain pass. "census": pages counted by what they are used for; "census-by-slots" the same without the head index. "kinds": what
 * each page is used for, a byte a page.
 */
export const CENSUS_OPS = ["sum", "census", "census-by-slots", "kinds"] as const;
export type CensusOp = (typeof CENSUS_OPS)[number];

/** The benchmark of the census: all contenders over all slots of one map. All must give the same counts. */
export class CensusBench {
  readonly #plain: PlainMap;
  readonly #words: Uint32Array;
  readonly #kinds: Uint8Array;
  readonly #counts: Uint32Array;

  /** `map` has PFNs from 0 on without a hole. */
  constructor(
    readonly map: Vmemmap,
    readonly twins: Twins | null,
    readonly options: Pick<BenchOptions, "contenders" | "rounds" | "seed">,
    readonly warn: (message: string) => void,
  ) {
    this.#plain = plainMapOf(map);
    const { slots } = this.#plain;
    this.#words = new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4);
    this.#kinds = new Uint8Array(map.slots);
    markWellFormed(map);
    this.#counts = censusPass(map, this.#plain)();
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.twins?.process.sendMap(this.#plain);
  }

  /** Median nanoseconds a slot. @throws Error for a wrong answer */
  async run(): Promise<ReadonlyMap<CensusOp, Nanoseconds>> {
    const { rounds, seed, contenders } = this.options;
    const turns = CENSUS_OPS.map((op) => ({
      op,
      own: contenders.flatMap((name) => {
        const turn = this.#turn(op, name);
        return turn === null ? [] : [{ name, turn }];
      }),
    }));
    const all = turns.flatMap(({ own }) => own.map(({ turn }) => turn));
    const milliseconds = await measureInTurns(all, { rounds, seed, warn: this.warn });
    const perSlot = (turn: Turn): number => (milliseconds.get(turn.name)! * 1e6) / this.map.slots;
    return new Map(turns.map(({ op, own }) => [op, new Map(own.map(({ name, turn }) => [name, perSlot(turn)]))]));
  }

  #turn(op: CensusOp, name: ContenderName): Turn | null {
    const label = `${op} ${name}`;
    const check = (found: number): void => {
      const wanted = op === "sum" ? plainPass(this.#words) : checksum(this.#counts);
      if (found !== wanted) throw new Error(`${name}: wrong answers to ${op}`);
    };
    if (op === "sum") {
      if (isNative(name)) {
        return this.twins?.variants.includes(name) ? nativeTurn(label, this.twins, "sum", name, check) : null;
      }
      return name === "js-uint32" ? localTurn(label, () => plainPass(this.#words), check) : null;
    }
    if (name === "js-uint32" && op === "census") {
      return localTurn(label, censusPass(this.map, this.#plain), (counts) => check(checksum(counts)));
    }
    if (isNative(name) || name === "js-uint32") return null;
    const way = op === "census-by-slots" ? "by-slots" : "by-index";
    const prepare = useEngine(this.map, name === "wasm-simd" ? "simd" : "scalar", way);
    if (op === "kinds") {
      const list = (): number => this.map.usageKindsInto({ start: 0, count: this.map.slots }, this.#kinds);
      return localTurn(label, list, (invalid) => this.#checkKinds(name, invalid), prepare);
    }
    return localTurn(
      label,
      () => this.map.census(),
      ({ rows }) => {
        const counts = new Uint32Array(2 * PAGE_KINDS.length);
        for (const { key, pages, folios } of rows) {
          counts.set([pages, folios], 2 * (PAGE_KINDS as readonly string[]).indexOf(key));
        }
        check(checksum(counts));
      },
      prepare,
    );
  }

  #checkKinds(name: string, invalid: number): void {
    const counts = new Uint32Array(PAGE_KINDS.length);
    for (const kind of this.#kinds) counts[kind]!++;
    const isRight = invalid === 0 && counts.every((count, kind) => count === this.#counts[2 * kind]);
    if (!isRight) throw new Error(`${name}: wrong answers to kinds`);
  }
}
