import type { Machine } from "./machine.js";
import { realAndSynthetic, runMapSuite, type MapSuite } from "./map-suite.js";
import type { BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import type { SuiteReport } from "./report.js";
import { VerifyBench } from "./verify.js";
import { verdict, verifyLegend, verifyResultsOf, verifyTable, type VerifyResult } from "./verify-report.js";

/** The suite "verify": the checker of all slots beside a plain pass over them, on each map. */
export async function runVerify(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport> {
  const suite: MapSuite<VerifyResult> = {
    sources: await realAndSynthetic(options),
    nameOf: ({ encoding, kind }) => `${encoding} ${kind}`,
    async measure(map, { encoding, kind }, twins, warn) {
      const bench = new VerifyBench(map, twins, options, warn);
      await bench.sendMap();
      return verifyResultsOf({ encoding, map: kind, slots: options.slots, counts: bench.counts }, await bench.run());
    },
    tables: ({ origin }, caveat, results) => verifyTable(origin, caveat, results),
    closing: (results) => `${verdict(results)}${verifyLegend(options)}`,
  };
  return runMapSuite(suite, options, machine, output);
}
