import { writeFile } from "node:fs/promises";
import { HeadsBench } from "./heads.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { mapSources, type MapSource } from "./maps.js";
import { collectGarbage } from "./memory.js";
import { formatCount, MIN_SLOTS, type BenchOptions } from "./options.js";
import { refuseUnwritable, type Output } from "./output.js";
import type { Pattern } from "./patterns.js";
import { plot } from "./plot.js";
import { heading, legend, table, type Result, type SuiteReport } from "./report.js";
import { buildTwins, describeTwins, startTwins, type Twins } from "./twins.js";

/** The suite "heads": lookups of heads on the map of each encoding, and their picture. */
export async function runHeads(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport<Result>> {
  const sources = await mapSources(options);
  if (options.plot) await refuseUnwritable(options.plot.file);
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  output.print(heading(machine, options, compiler));
  const twins = startTwins(build, options);
  const run: Run = { options, machine, twins, output };
  const results: Result[] = [];
  const smaller: Result[] = [];
  try {
    for (const source of sources) {
      const isPlotted = source === plottedSource(sources, options);
      const measured = await measureSource(source, isPlotted ? options.plot?.pattern : undefined, run);
      results.push(...measured.results);
      smaller.push(...measured.smaller);
      collectGarbage();
    }
  } finally {
    await twins?.process.end();
  }
  output.print(legend(options));
  if (options.plot) {
    const { file, pattern } = options.plot;
    const { encoding, origin } = plottedSource(sources, options);
    const largest = results.filter((result) => result.encoding === encoding && result.pattern === pattern);
    await writeFile(file, plot([...smaller, ...largest], { machine, compiler, origin, seed: options.seed }));
    output.print(`\nThe picture is in ${file}.\n`);
  }
  return {
    results: [...results, ...smaller],
    compiler: twins === null ? null : compiler,
    map: Object.fromEntries(sources.map(({ encoding, origin }) => [encoding, origin])),
  };
}

/** What all measurements of a run share. */
interface Run {
  readonly options: BenchOptions;
  readonly machine: Machine;
  readonly twins: Twins | null;
  readonly output: Output;
}

/** Results at the wished size, and those of smaller maps for the picture. */
interface Measured {
  readonly results: Result[];
  readonly smaller: Result[];
}

/** Builds one map, measures all that is asked for, with `plotted` on smaller maps as well, and frees the map. */
async function measureSource(source: MapSource, plotted: Pattern | undefined, run: Run): Promise<Measured> {
  const { options, machine, twins, output } = run;
  const { encoding, origin } = source;
  const { slots, rounds } = options;
  output.progress(`${encoding}: building a map of ${formatCount(slots)} slots`);
  const map = await source.build();
  const warn = (message: string): void => output.warn(`${encoding}: ${message}`);
  const bench = new HeadsBench(map, twins, options, warn);
  await bench.sendMap();

  const results: Result[] = [];
  for (const pattern of options.patterns) {
    output.progress(`${encoding}: ${pattern} lookups`);
    results.push(...(await bench.run(pattern, slots, rounds)));
  }
  output.print(`\n${table(`heads, ${encoding} encoding, map of ${origin}${hugePageCaveat(machine)}`, results)}`);
  output.progress(`${encoding}: smaller maps`);
  const smaller = plotted === undefined ? [] : await bench.runSizes(plotted, sizesBelow(slots), rounds);
  map.dispose();
  return { results, smaller };
}

/** The sizes of the picture: doublings below the wished size. */
export function sizesBelow(slots: number): number[] {
  const sizes: number[] = [];
  for (let size = MIN_SLOTS; size < slots; size *= 2) sizes.push(size);
  return sizes;
}

/** The picture's encoding: the first that was asked for, else mask, that of the newest kernels. */
function plottedSource(sources: readonly MapSource[], { encodings }: BenchOptions): MapSource {
  const newest = encodings === undefined ? sources.find(({ encoding }) => encoding === "mask") : undefined;
  return newest ?? sources[0]!;
}
