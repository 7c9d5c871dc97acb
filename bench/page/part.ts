import type { Machine } from "../machine.js";
import type { BenchOptions, SuiteName } from "../options.js";
import type { Output } from "../output.js";
import type { SuiteReport } from "../report.js";

/** A part of the results page: measures, and draws what it has measured. */
export type Part = (scale: Scale, machine: Machine, output: Output) => Promise<PartReport>;

export interface PartReport {
  readonly options: BenchOptions;
  readonly report: SuiteReport;
  /** SVG by what tells a part's pictures apart; "" where there is one. */
  readonly pictures: ReadonlyMap<string, string>;
}

/** How much is measured. */
export interface Scale {
  /** Slots of the largest map. */
  readonly largest: number;
  /** Slots of all maps whose size is not the question. */
  readonly slots: number;
  readonly lookups: number;
  readonly rounds: number;
}

/** What a suite is asked for. */
export function suiteOptions(suite: SuiteName, scale: Scale, wish: Partial<BenchOptions>): BenchOptions {
  const { slots, lookups, rounds } = scale;
  return {
    suite,
    encodings: ["mask"],
    patterns: ["random", "sequential"],
    contenders: [],
    slots,
    lookups,
    rounds,
    seed: 1,
    map: undefined,
    mix: undefined,
    orders: [],
    hugePages: false,
    json: false,
    plot: undefined,
    ...wish,
  };
}

/** The small print of a picture. */
export function compilerOf({ compiler }: SuiteReport): string {
  return compiler ?? "without the twins in C";
}
