import { SLOT_BYTES } from "../src/sections.js";
import { renderChart, type Series, type Tick } from "./chart.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { formatCount, type ContenderName, type ThreadContender } from "./options.js";
import { formatBytes, type Result } from "./report.js";

/** No picture shows threads. */
type PlottedContender = Exclude<ContenderName, ThreadContender>;

/** Colours of Okabe and Ito, which colour-blind readers can tell apart; the native twins are dashed as well. */
export const STYLES: Readonly<Record<PlottedContender, Omit<Series, "name" | "points">>> = {
  native: { colour: "#000000", dashes: "7 4" },
  "native-simd": { colour: "#6b6b6b", dashes: "2 3" },
  "native-chain": { colour: "#999999", dashes: "1 4" },
  "wasm-simd": { colour: "#d55e00", strong: true },
  "wasm-scalar": { colour: "#b8860b" },
  "wasm-index": { colour: "#e8a200", strong: true },
  "native-index": { colour: "#8a6d00", dashes: "7 4" },
  "wasm-call": { colour: "#b0558a" },
  "js-uint32": { colour: "#008f69" },
  "js-bigint": { colour: "#0072b2" },
};

/** What the small print of the picture says. */
export interface PlotFacts {
  readonly machine: Machine;
  readonly compiler: string;
  /** Where the map comes from. */
  readonly origin: string;
  readonly seed: number;
}

/** Draws lookups a second against map size, one line per contender. All results are of one encoding and one pattern. */
export function plot(results: readonly Result[], { machine, compiler, origin, seed }: PlotFacts): string {
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
    marks: cacheMarks(machine, sizes),
  });
}

function seriesOf(results: readonly Result[]): Series[] {
  const names = [...new Set(results.map(({ contender }) => contender))];
  return names.map((name) => ({
    name,
    ...STYLES[name as PlottedContender],
    points: results
      .filter(({ contender }) => contender === name)
      .map(({ slots, lookupsPerSecond }) => ({ x: slots, y: lookupsPerSecond }))
      .sort((a, b) => a.x - b.x),
  }));
}

/** The map sizes from which on a cache no longer holds all slots. */
function cacheMarks({ caches }: Machine, sizes: readonly number[]): Tick[] {
  return caches
    .map(({ level, bytes }) => ({ at: bytes / SLOT_BYTES, label: `L${level} ${formatBytes(bytes)}` }))
    .filter(({ at }) => at >= sizes[0]! && at <= sizes.at(-1)!);
}

/** 98300000 as "98 M". */
export function formatRate(rate: number): string {
  if (rate >= 1e9) return `${Number((rate / 1e9).toPrecision(2))} G`;
  return `${Number((rate / 1e6).toPrecision(rate >= 1e8 ? 3 : 2))} M`;
}
