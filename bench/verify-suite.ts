import { hugePageCaveat, type Machine } from "./machine.js";
import { mapSources, type MapSource } from "./maps.js";
import { collectGarbage } from "./memory.js";
import { defaultMix, formatCount, type BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { heading, type SuiteReport } from "./report.js";
import { buildTwins, describeTwins, startTwins, type Twins } from "./twins.js";
import { VerifyBench } from "./verify.js";
import { verdict, verifyLegend, verifyResultsOf, verifyTable, type VerifyResult } from "./verify-report.js";

/** The suite "verify": the checker of all slots beside a plain pass over them, on each map. */
export async function runVerify(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport> {
  const sources = await sourcesOf(options);
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  output.print(heading(machine, options, compiler));
  const twins = startTwins(build, options);
  const results: VerifyResult[] = [];
  try {
    for (const source of sources) {
      const measured = await measureSource(source, options, twins, output);
      output.print(`\n${verifyTable(source.origin, hugePageCaveat(machine), measured)}`);
      results.push(...measured);
      collectGarbage();
    }
  } finally {
    await twins?.process.end();
  }
  output.print(`${verdict(results)}${verifyLegend(options)}`);
  return {
    results,
    compiler: twins === null ? null : compiler,
    map: Object.fromEntries(sources.map(({ encoding, kind, origin }) => [`${encoding} ${kind}`, origin])),
  };
}

/** The maps that were asked for; else both the real ones and a synthetic one. */
async function sourcesOf(options: BenchOptions): Promise<MapSource[]> {
  const sources = await mapSources(options);
  if (options.map !== undefined || options.mix !== undefined) return sources;
  return [...sources, ...(await mapSources({ ...options, mix: defaultMix() }))];
}

/** Builds one map, measures it, and frees it. */
async function measureSource(
  source: MapSource,
  options: BenchOptions,
  twins: Twins | null,
  output: Output,
): Promise<VerifyResult[]> {
  const { encoding, kind } = source;
  const { slots } = options;
  const where = `${encoding}, ${kind}`;
  output.progress(`${where}: building a map of ${formatCount(slots)} slots`);
  const map = await source.build();
  const bench = new VerifyBench(map, twins, options, (message) => output.warn(`${where}: ${message}`));
  await bench.sendMap();
  output.progress(`${where}: passes`);
  const results = verifyResultsOf({ encoding, map: kind, slots, counts: bench.counts }, await bench.run());
  map.dispose();
  return results;
}
