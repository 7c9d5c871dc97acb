import { SLOT_BYTES } from "../src/sections.js";
import { renderChart, type Series, type Tick } from "./chart.js";
import { STYLES } from "./colours.js";
import { hugePageCaveat, type Cache, type Machine } from "./machine.js";
import { formatCount } from "./options.js";
import { formatBytes, type Result } from "./report.js";

/** Of the head index a lookup of a head reads a bit for each page, and a byte for each 64. */
const INDEX_BYTES_PER_SLOT = 9 / 64;

/** What the small print of the picture says. */
export interface PlotFacts {
  readonly machine: Machine;
  readonly compiler: string;
  /** Where the map comes from. */
  readonly origin: string;
  readonly seed: number;
}

/**
 * Draws lookups a second against map size, one line per contender. All results are of one encoding and one pattern. `limits`
 * are rates to draw as horizontal lines.
 */
export function plot(
  results: readonly Result[],
  { machine, compiler, origin, seed }: PlotFacts,
  limits: readonly Tick[] = [],
): string {
  const sizes = [...new Set(results.map(({ slots }) => slots))].sort((a, b) => a - b);
  const { encoding, pattern } = results[0]!;
  return renderChart({
    title: "Folio lookups per second by map size",
    subtitles: [
      `compound_head of ${pattern} pages, ${encoding} encoding, map of ${origin}, seed ${seed}, one thread`,
      `${machine.name}; Node ${machine.node}${hugePageCaveat(machine)}`,
      compiler,
    ],
    xLabel: "struct pages in the map, and the bytes they fill",
    xTicks: sizes.map((at) => ({ at, label: formatCount(at), note: formatBytes(at * SLOT_BYTES) })),
    yLabel: "lookups per second",
    formatY: formatRate,
    series: seriesOf(results),
    marks: [...cacheMarks(machine, sizes), ...indexMarks(machine, results, sizes)],
    levels: limits,
  });
}

function seriesOf(results: readonly Result[]): Series[] {
  const names = [...new Set(results.map(({ contender }) => contender))];
  return names.map((name) => ({
    name,
    ...STYLES[name],
    points: results
      .filter(({ contender }) => contender === name)
      .map(({ slots, lookupsPerSecond }) => ({ x: slots, y: lookupsPerSecond }))
      .sort((a, b) => a.x - b.x),
  }));
}

/** The map sizes from which on a cache no longer holds all slots. */
function cacheMarks({ caches }: Machine, sizes: readonly number[]): Tick[] {
  return marksWithin(caches, SLOT_BYTES, "", sizes);
}

/** And those from which on it no longer holds the head index, where one took part. */
function indexMarks({ caches }: Machine, results: readonly Result[], sizes: readonly number[]): Tick[] {
  if (!results.some(({ contender }) => contender === "wasm-index")) return [];
  return marksWithin(caches, INDEX_BYTES_PER_SLOT, "index ", sizes);
}

function marksWithin(caches: readonly Cache[], bytesPerSlot: number, prefix: string, sizes: readonly number[]): Tick[] {
  return caches
    .map(({ level, bytes }) => ({ at: bytes / bytesPerSlot, label: `${prefix}L${level} ${formatBytes(bytes)}` }))
    .filter(({ at }) => at >= sizes[0]! && at <= sizes.at(-1)!);
}

/** 98300000 as "98 M". */
export function formatRate(rate: number): string {
  if (rate >= 1e9) return `${Number((rate / 1e9).toPrecision(2))} G`;
  return `${Number((rate / 1e6).toPrecision(rate >= 1e8 ? 3 : 2))} M`;
}
