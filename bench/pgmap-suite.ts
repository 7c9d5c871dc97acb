import { writeFile } from "node:fs/promises";
import type { Profile, TailEncoding } from "../src/profile/profile.js";
import { buildDeviceMap, divideAmongPgmaps, FOLIO_PROFILES, PAGE_PROFILE, type PgmapRange } from "./device-maps.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { LIST_ENTRIES_PER_LOOKUP } from "./lists.js";
import { collectGarbage } from "./memory.js";
import type { NativeBuild } from "./native-build.js";
import { formatCount, type BenchOptions } from "./options.js";
import { refuseUnwritable, type Output } from "./output.js";
import { DeviceSide, measureSides, type Form } from "./pgmap.js";
import { plotPgmap } from "./pgmap-plot.js";
import { costTable, pgmapLegend, pgmapResultsOf, pgmapTable, type PgmapResult } from "./pgmap-report.js";
import { heading, type SuiteReport } from "./report.js";
import { buildTwins, describeTwins, startTwins } from "./twins.js";

/** The suite "pgmap": what it costs to find a device page's pgmap through its folio. */
export async function runPgmap(
  options: BenchOptions,
  machine: Machine,
  output: Output,
): Promise<SuiteReport<PgmapResult>> {
  if (options.plot) await refuseUnwritable(options.plot.file);
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  output.print(heading(machine, options, compiler));
  const pgmaps = divideAmongPgmaps(options.slots, Math.max(...options.orders));
  const run: Run = { options, output, build, pgmaps };
  const results: PgmapResult[] = [];
  const page = await openSide(PAGE_PROFILE, 0, ["page"], run);
  try {
    for (const order of options.orders) {
      const measured: PgmapResult[] = [];
      for (const encoding of options.encodings!) {
        measured.push(...(await measureFolios(page, encoding, order, run)));
        collectGarbage();
      }
      output.print(`\n${pgmapTable({ order, pgmaps: pgmaps.length, caveat: hugePageCaveat(machine) }, measured)}`);
      results.push(...measured);
    }
  } finally {
    await page.end();
  }
  output.print(`\n${costTable(results)}${pgmapLegend(options)}`);
  if (options.plot) {
    await writeFile(options.plot.file, plotPgmap(results, { machine, compiler, seed: options.seed }));
    output.print(`\nThe picture is in ${options.plot.file}.\n`);
  }
  return { results, compiler: build?.state === "built" ? compiler : null, map: origins(options) };
}

/** What all measurements of a run share. */
interface Run {
  readonly options: BenchOptions;
  readonly output: Output;
  readonly build: NativeBuild | null;
  readonly pgmaps: readonly PgmapRange[];
}

/** Builds a map of folios, measures it in turns with the map of pages, and frees it. */
async function measureFolios(
  page: DeviceSide,
  encoding: TailEncoding,
  order: number,
  run: Run,
): Promise<PgmapResult[]> {
  const { options, output } = run;
  const { slots, patterns } = options;
  const where = `order ${order}, ${encoding}`;
  output.progress(`${where}: building a map of ${formatCount(slots)} slots`);
  const folio = await openSide(FOLIO_PROFILES[encoding], order, ["folio", "range"], run);
  const results: PgmapResult[] = [];
  try {
    for (const pattern of patterns) {
      output.progress(`${where}: ${pattern} lookups`);
      const warn = (message: string): void => output.warn(`${where}: ${message}`);
      const times = await measureSides([page, folio], pattern, options, warn);
      results.push(...pgmapResultsOf({ order, encoding, pattern, slots }, times));
    }
  } finally {
    await folio.end();
  }
  return results;
}

async function openSide(profile: Profile, order: number, forms: readonly Form[], run: Run): Promise<DeviceSide> {
  const { options, build, pgmaps } = run;
  const listCapacity = LIST_ENTRIES_PER_LOOKUP * options.lookups;
  const map = buildDeviceMap({ profile, order, pgmaps, listCapacity });
  const side = new DeviceSide(map, pgmaps, startTwins(build, options), forms, options);
  await side.sendMap();
  return side;
}

function origins({ encodings }: BenchOptions): Record<string, string> {
  const kernels = encodings!.map((encoding) => [encoding, FOLIO_PROFILES[encoding]] as const);
  return Object.fromEntries(
    [["page", PAGE_PROFILE] as const, ...kernels].map(([name, profile]) => [name, `made as by Linux ${profile.name}`]),
  );
}
