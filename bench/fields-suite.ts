import { FIELDS, FieldsBench } from "./fields.js";
import type { Machine } from "./machine.js";
import { runMapSuite, type MapSuite } from "./map-suite.js";
import { mapSources } from "./maps.js";
import type { BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { legend, table, type Result, type SuiteReport } from "./report.js";

/** The suite "fields": orders and flags of pages and their folios, on the map of each encoding. */
export async function runFields(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport<Result>> {
  const suite: MapSuite<Result> = {
    sources: await mapSources(options),
    nameOf: ({ encoding }) => encoding,
    async measure(map, _source, twins, warn) {
      const bench = new FieldsBench(map, twins, options, warn);
      await bench.sendMap();
      const results: Result[] = [];
      for (const pattern of options.patterns) results.push(...(await bench.run(pattern)));
      return results;
    },
    tables: ({ encoding, origin }, caveat, results) =>
      FIELDS.map((field) => {
        const own = results.filter(({ op }) => op === field);
        return table(`${field}, ${encoding} encoding, map of ${origin}${caveat}`, own);
      }).join("\n"),
    closing: () => legend(options),
  };
  return runMapSuite(suite, options, machine, output);
}
