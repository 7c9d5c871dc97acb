import type { Machine } from "./machine.js";
import { realAndSynthetic, runMapSuite, type MapSuite } from "./map-suite.js";
import type { BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { PassesBench } from "./passes.js";
import { passesLegend, passesTable, passResultsOf, type PassResult } from "./passes-report.js";
import type { SuiteReport } from "./report.js";

/** The suite "passes": whole-map passes beside their twins and a plain one, on each map. */
export async function runPasses(
  options: BenchOptions,
  machine: Machine,
  output: Output,
): Promise<SuiteReport<PassResult>> {
  const suite: MapSuite<PassResult> = {
    sources: await realAndSynthetic(options),
    nameOf: ({ encoding, kind }) => `${encoding} ${kind}`,
    async measure(map, { encoding, kind }, twins, warn) {
      const bench = new PassesBench(map, twins, options, warn);
      await bench.sendMap();
      return passResultsOf({ encoding, map: kind, slots: options.slots }, await bench.run());
    },
    tables: ({ origin }, caveat, results) => passesTable(origin, caveat, results),
    closing: () => passesLegend(options),
  };
  return runMapSuite(suite, options, machine, output);
}
