import type { VerifyReport } from "../src/verify.js";
import type { Vmemmap } from "../src/vmemmap.js";
import type { Nanoseconds } from "./contest.js";
import { plainMapOf, useEngine } from "./engine.js";
import { plainPass, type PlainMap } from "./javascript.js";
import { measureInTurns, type Turn } from "./measure.js";
import { isNative } from "./native-build.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { localTurn, nativeTurn } from "./turns.js";
import type { Twins } from "./twins.js";

export type FaultCounts = VerifyReport["counts"];

/**
 * The benchmark of the checker: all contenders over all slots of one map. Those of the engine check it, the others add up
 * one word of each slot. Each pass comes right after an untimed one by the same contender.
 */
export class VerifyBench {
  /** What the checker found at first, and must find each time. */
  readonly counts: FaultCounts;
  readonly contenders: readonly ContenderName[];
  readonly #plain: PlainMap;
  readonly #words: Uint32Array;
  readonly #sum: number;

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
    this.#sum = plainPass(this.#words);
    map.checkWellFormed(); // so that there is an index to be checked; taking slotBytes() clears it
    this.counts = map.verify().counts;
    const native: readonly string[] = twins?.variants ?? [];
    this.contenders = options.contenders.filter((name) => !isNative(name) || native.includes(name));
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.twins?.process.sendMap(this.#plain);
  }

  /** Median nanoseconds a slot. @throws Error for a wrong sum or another report than before */
  async run(): Promise<Nanoseconds> {
    const { rounds, seed } = this.options;
    const turns = this.contenders.map((name) => this.#turn(name));
    const milliseconds = await measureInTurns(turns, { rounds, seed, warn: this.warn });
    return new Map(this.contenders.map((name) => [name, (milliseconds.get(name)! * 1e6) / this.map.slots]));
  }

  #turn(name: ContenderName): Turn {
    if (isNative(name)) return nativeTurn(name, this.twins!, "sum", name, (sum) => this.#checkSum(name, sum));
    if (name === "js-uint32") {
      return localTurn(
        name,
        () => plainPass(this.#words),
        (sum) => this.#checkSum(name, sum),
      );
    }
    const prepare = useEngine(this.map, name === "wasm-simd" ? "simd" : "scalar", "by-index");
    const verify = (): VerifyReport => this.map.verify();
    return localTurn(name, verify, (report) => this.#checkReport(name, report), prepare);
  }

  #checkSum(name: string, sum: number): void {
    if (sum !== this.#sum) throw new Error(`${name}: the words add up to ${sum}, not to ${this.#sum}`);
  }

  #checkReport(name: string, { pages, counts }: VerifyReport): void {
    if (pages !== this.map.slots) throw new Error(`${name}: ${pages} pages looked at, not ${this.map.slots}`);
    const [found, before] = [counts, this.counts].map((each) => JSON.stringify(each));
    if (found !== before) throw new Error(`${name}: found ${found}, not ${before} as before`);
  }
}
