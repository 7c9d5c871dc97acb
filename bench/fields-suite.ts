import { FIELDS, FieldsBench } from "./fields.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { mapSources, type MapSource } from "./maps.js";
import { collectGarbage } from "./memory.js";
import { formatCount, type BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { heading, legend, table, type Result, type SuiteReport } from "./report.js";
import { buildTwins, describeTwins, startTwins, type Twins } from "./twins.js";

/** The suite "fields": orders and flags of pages and their folios, on the map of each encoding. */
export async function runFields(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport> {
  const sources = await mapSources(options);
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  output.print(heading(machine, options, compiler));
  const twins = startTwins(build, options);
  const results: Result[] = [];
  try {
    for (const source of sources) {
      const measured = await measureSource(source, options, twins, output);
      for (const field of FIELDS) {
        const title = `${field}, ${source.encoding} encoding, map of ${source.origin}${hugePageCaveat(machine)}`;
        const own = measured.filter(({ op }) => op === field);
        output.print(`\n${table(title, own)}`);
      }
      results.push(...measured);
      collectGarbage();
    }
  } finally {
    await twins?.process.end();
  }
  output.print(legend(options));
  return {
    results,
    compiler: twins === null ? null : compiler,
    map: Object.fromEntries(sources.map(({ encoding, origin }) => [encoding, origin])),
  };
}

/** Builds one map, measures it, and frees it. */
async function measureSource(
  source: MapSource,
  options: BenchOptions,
  twins: Twins | null,
  output: Output,
): Promise<Result[]> {
  const { encoding } = source;
  output.progress(`${encoding}: building a map of ${formatCount(options.slots)} slots`);
  const map = await source.build();
  const bench = new FieldsBench(map, twins, options, (message) => output.warn(`${encoding}: ${message}`));
  await bench.sendMap();
  const results: Result[] = [];
  for (const pattern of options.patterns) {
    output.progress(`${encoding}: ${pattern} lookups`);
    results.push(...(await bench.run(pattern)));
  }
  map.dispose();
  return results;
}
