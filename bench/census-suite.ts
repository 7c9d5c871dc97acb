import { CensusBench } from "./census.js";
import { censusLegend, censusResultsOf, censusTable, type CensusResult, censusVerdict } from "./census-report.js";
import type { Machine } from "./machine.js";
import { realAndSynthetic, runMapSuite, type MapSuite } from "./map-suite.js";
import type { BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import type { SuiteReport } from "./report.js";

/** The suite "census": pages counted by what they are used for, beside a plain pass over the slots, on each map. */
export async function runCensus(
  options: BenchOptions,
  machine: Machine,
  output: Output,
): Promise<SuiteReport<CensusResult>> {
  const suite: MapSuite<CensusResult> = {
    sources: await realAndSynthetic(options),
    nameOf: ({ encoding, kind }) => `${encoding} ${kind}`,
    async measure(map, { encoding, kind }, twins, warn) {
      const bench = new CensusBench(map, twins, options, warn);
      await bench.sendMap();
      return censusResultsOf({ encoding, map: kind, slots: options.slots }, await bench.run());
    },
    tables: ({ origin }, caveat, results) => censusTable(origin, caveat, results),
    closing: (results) => `${censusVerdict(results)}${censusLegend(options)}`,
  };
  return runMapSuite(suite, options, machine, output);
}
