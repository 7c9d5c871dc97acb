import type { Vmemmap } from "../src/vmemmap.js";
import { checksum, type Nanoseconds } from "./contest.js";
import { markWellFormed, plainMapOf, useEngine } from "./engine.js";
import { plainPass, type PlainMap } from "./javascript.js";
import { measureInTurns, type Turn } from "./measure.js";
import { isNative } from "./native-build.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { countPass, headsPass, type Pass } from "./passes-javascript.js";
import { localTurn, nativeTurn } from "./turns.js";
import type { Twins } from "./twins.js";

/** Passes over all slots; "sum" is the plain one that all others are held against. */
export const PASSES = ["sum", "count-by-order", "list-heads", "well-formed"] as const;
export type PassName = (typeof PASSES)[number];

/** What does a pass in this process, where anything does. */
type Local = Partial<Record<"javascript" | "engine", Pass>>;

/** The benchmark of whole-map passes: all contenders over all slots of one map. All must give the same answers. */
export class PassesBench {
  readonly #plain: PlainMap;
  readonly #passes: Readonly<Record<PassName, Local>>;

  /** `map` has PFNs from 0 on without a hole. */
  constructor(
    readonly map: Vmemmap,
    readonly twins: Twins | null,
    readonly options: Pick<BenchOptions, "contenders" | "rounds" | "seed">,
    readonly warn: (message: string) => void,
  ) {
    this.#plain = plainMapOf(map);
    markWellFormed(map);
    this.#passes = passesOver(map, this.#plain);
  }

  /** Gives the native process its copy of the map. */
  async sendMap(): Promise<void> {
    await this.twins?.process.sendMap(this.#plain);
  }

  /** Median nanoseconds a slot by pass. @throws Error for a wrong answer */
  async run(): Promise<ReadonlyMap<PassName, Nanoseconds>> {
    const { rounds, seed, contenders } = this.options;
    const turns = PASSES.map((pass) => {
      const expected = checksumOf(this.#passes[pass]);
      const own = contenders.flatMap((name) => {
        const turn = this.#turn(pass, name, expected);
        return turn === null ? [] : [{ name, turn }];
      });
      return { pass, own };
    });
    const all = turns.flatMap(({ own }) => own.map(({ turn }) => turn));
    const milliseconds = await measureInTurns(all, { rounds, seed, warn: this.warn });
    const perSlot = (turn: Turn): number => (milliseconds.get(turn.name)! * 1e6) / this.map.slots;
    return new Map(turns.map(({ pass, own }) => [pass, new Map(own.map(({ name, turn }) => [name, perSlot(turn)]))]));
  }

  #turn(pass: PassName, name: ContenderName, expected: number): Turn | null {
    const label = `${pass} ${name}`;
    const check = (found: number): void => {
      if (found !== expected) throw new Error(`${name}: wrong answers to ${pass}`);
    };
    if (isNative(name)) {
      const isThere = this.twins?.variants.includes(name) === true && pass !== "well-formed";
      return isThere ? nativeTurn(label, this.twins, pass, name, check) : null;
    }
    const { javascript, engine } = this.#passes[pass];
    const local = name === "js-uint32" ? javascript : engine;
    if (local === undefined) return null;
    const prepare =
      name === "js-uint32" ? undefined : useEngine(this.map, name === "wasm-simd" ? "simd" : "scalar", "by-index");
    return localTurn(label, local, (answers) => check(checksum(answers)), prepare);
  }
}

/** By JavaScript where it does the pass, so that the engine is held against another's answers. */
function checksumOf({ javascript, engine }: Local): number {
  return checksum((javascript ?? engine)!());
}

function passesOver(map: Vmemmap, plain: PlainMap): Record<PassName, Local> {
  const { slots } = plain;
  const words = new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4);
  return {
    sum: { javascript: () => Uint32Array.of(plainPass(words)) },
    "count-by-order": {
      javascript: countPass(plain),
      engine: () => {
        const counts = new Uint32Array(256);
        counts.set(map.foliosByOrder());
        return counts;
      },
    },
    "list-heads": { javascript: headsPass(plain), engine: () => map.listHeads() as Uint32Array },
    "well-formed": { engine: () => Uint32Array.of(map.checkWellFormed()) },
  };
}
