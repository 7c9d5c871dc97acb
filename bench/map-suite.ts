import type { Vmemmap } from "../src/vmemmap.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { mapSources, type MapSource } from "./maps.js";
import { collectGarbage } from "./memory.js";
import { defaultMix, formatCount, type BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { heading, type SuiteReport } from "./report.js";
import { buildTwins, describeTwins, startTwins, type Twins } from "./twins.js";

/** What a suite does that measures one map after the other. */
export interface MapSuite<R extends object> {
  readonly sources: readonly MapSource[];
  /** What tells a map from the others. */
  nameOf(source: MapSource): string;
  /** Measures one map. */
  measure(map: Vmemmap, source: MapSource, twins: Twins | null, warn: (message: string) => void): Promise<R[]>;
  /** The tables of one map. */
  tables(source: MapSource, caveat: string, results: readonly R[]): string;
  /** What stands below all of them. */
  closing(results: readonly R[]): string;
}

/** Builds the maps, measures them, and frees them one after the other. */
export async function runMapSuite<R extends object>(
  suite: MapSuite<R>,
  options: BenchOptions,
  machine: Machine,
  output: Output,
): Promise<SuiteReport<R>> {
  const { sources } = suite;
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  output.print(heading(machine, options, compiler));
  const twins = startTwins(build, options);
  const results: R[] = [];
  try {
    for (const source of sources) {
      const name = suite.nameOf(source);
      output.progress(`${name}: building a map of ${formatCount(options.slots)} slots`);
      const map = await source.build();
      output.progress(`${name}: measuring`);
      const measured = await suite.measure(map, source, twins, (message) => output.warn(`${name}: ${message}`));
      map.dispose();
      output.print(`\n${suite.tables(source, hugePageCaveat(machine), measured)}`);
      results.push(...measured);
      collectGarbage();
    }
  } finally {
    await twins?.process.end();
  }
  output.print(suite.closing(results));
  return {
    results,
    compiler: twins === null ? null : compiler,
    map: Object.fromEntries(sources.map((source) => [suite.nameOf(source), source.origin])),
  };
}

/** The maps that were asked for; else both the real ones and a synthetic one. */
export async function realAndSynthetic(options: BenchOptions): Promise<MapSource[]> {
  const sources = await mapSources(options);
  if (options.map !== undefined || options.mix !== undefined) return sources;
  return [...sources, ...(await mapSources({ ...options, mix: defaultMix() }))];
}
