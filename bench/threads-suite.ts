import { provideBuild } from "../src/engine/modules.js";
import { shared } from "../src/engine/generated/shared.js";
import { VmemmapError } from "../src/errors.js";
import { Vmemmap } from "../src/vmemmap.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { mapSources, type MapSource } from "./maps.js";
import { collectGarbage } from "./memory.js";
import { formatCount, type BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { contenderLegend, heading, legendOf, renderTable, type Result, type SuiteReport, table } from "./report.js";
import { ThreadsBench, countCosts, type CountCost } from "./threads.js";
import { buildTwins, describeTwins, startTwins, type Twins } from "./twins.js";

/** What counts cost, with the keys of the JSON output. */
interface CountResult extends CountCost {
  readonly op: "counts";
}

/** The suite "threads": heads by two workers and by one over the same memory, and what atomic counts cost. */
export async function runThreads(
  options: BenchOptions,
  machine: Machine,
  output: Output,
): Promise<SuiteReport<Result | CountResult>> {
  if (!provideBuild("shared", shared)) throw new VmemmapError("bad-argument", "this host's WebAssembly has no threads");
  const sources = await mapSources(options);
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  output.print(heading(machine, options, compiler));
  const twins = startTwins(build, options);
  const results: Result[] = [];
  try {
    for (const source of sources) {
      const measured = await measureSource(source, options, twins, output);
      const title = `heads, ${source.encoding} encoding, map of ${source.origin}${hugePageCaveat(machine)}`;
      output.print(`\n${table(title, measured)}${gains(measured)}`);
      results.push(...measured);
      collectGarbage();
    }
  } finally {
    await twins?.process.end();
  }
  const costs = countCosts(smallMaps(), Math.max(options.rounds, 100));
  output.print(`\n${costTable(costs)}${legendOf(contenderLegend(options.contenders, LEGEND))}`);
  return {
    results: [...results, ...costs.map((cost) => ({ op: "counts" as const, ...cost }))],
    compiler: twins === null ? null : compiler,
    map: Object.fromEntries(sources.map(({ encoding, origin }) => [encoding, origin])),
  };
}

/** A report's lookups, without what counts cost. */
export function lookupsIn({ results }: SuiteReport<Result | CountResult>): Result[] {
  return results.filter((result): result is Result => result.op !== "counts");
}

async function measureSource(
  source: MapSource,
  options: BenchOptions,
  twins: Twins | null,
  output: Output,
): Promise<Result[]> {
  const { encoding } = source;
  output.progress(`${encoding}: building a map of ${formatCount(options.slots)} slots`);
  const warn = (message: string): void => output.warn(`${encoding}: ${message}`);
  const bench = await ThreadsBench.start(await source.build(), twins, options, warn);
  try {
    const results: Result[] = [];
    for (const pattern of options.patterns) {
      output.progress(`${encoding}: ${pattern} lookups`);
      results.push(...(await bench.run(pattern)));
    }
    return results;
  } finally {
    await bench.end();
  }
}

/** What the second worker gains, by pattern and way. */
function gains(results: readonly Result[]): string {
  const pairs = [
    ["one-worker", "two-workers", "through the slots"],
    ["one-worker-index", "two-workers-index", "by the index"],
  ] as const;
  return results
    .flatMap(({ contender, pattern, nsPerLookup }) => {
      const pair = pairs.find(([, two]) => two === contender);
      const one = results.find((other) => other.pattern === pattern && other.contender === pair?.[0]);
      if (pair === undefined || one === undefined) return [];
      return `  ${pattern}, ${pair[2]}: two workers ${(one.nsPerLookup / nsPerLookup).toFixed(2)}x of one\n`;
    })
    .join("");
}

function smallMaps(): Vmemmap[] {
  const memory = [{ start: 0, end: 32768 }];
  return (["simd", "shared"] as const).map((build) => new Vmemmap({ memory, build }));
}

function costTable(costs: readonly CountCost[]): string {
  const rows = costs.map(({ build, get, put }) => [build, get.toFixed(2), put.toFixed(2)]);
  return renderTable("references, one thread, slots in cache", ["build", "ns/get", "ns/put"], rows, 1);
}

const LEGEND = {
  "wasm-shared": "this thread alone, the build for shared memory",
  "one-worker": "one worker thread, until this one hears of it",
  "two-workers": "two of them",
  "one-worker-index": "one, by the head index",
  "two-workers-index": "two, by the head index",
};
