import { SLOT_BYTES } from "../src/sections.js";
import { renderChart, type Series } from "./chart.js";
import { hugePageCaveat } from "./machine.js";
import { formatCount } from "./options.js";
import { STYLES } from "./colours.js";
import { formatRate, type PlotFacts } from "./plot.js";
import { formatBytes } from "./report.js";
import type { ScaleContender, ScaleResult } from "./scale-report.js";

/** Slots of one memory. */
const ONE_MEMORY = 60 * 2 ** 20;

/** As in other pictures; workers in blue. */
const STYLE: Partial<Record<ScaleContender, Omit<Series, "name" | "points">>> = {
  ...STYLES,
  workers: { colour: "#0072b2" },
  "workers-index": { colour: "#56b4e9" },
};

/** Draws lookups a second against map size, one line per contender. All results are of one pattern. */
export function scalePlot(
  results: readonly ScaleResult[],
  { machine, compiler, seed }: Omit<PlotFacts, "origin">,
): string {
  const sizes = [...new Set(results.map(({ slots }) => slots))].sort((a, b) => a - b);
  const names = [...new Set(results.map(({ contender }) => contender))];
  return renderChart({
    title: "Folio lookups per second as the map grows past one memory",
    subtitles: [
      `compound_head of ${results[0]!.pattern} pages, mask encoding, copies of a synthetic map, seed ${seed}, with routing`,
      `${machine.name}; Node ${machine.node}${hugePageCaveat(machine)}`,
      compiler,
    ],
    xLabel: "struct pages in the map, and the host they describe",
    xTicks: sizes.map((at) => ({ at, label: formatCount(at), note: formatBytes(at * 4096) })),
    yLabel: "lookups per second",
    formatY: formatRate,
    series: names.map((name) => ({
      name,
      ...STYLE[name]!,
      points: results
        .filter(({ contender }) => contender === name)
        .map(({ slots, nsPerLookup }) => ({ x: slots, y: 1e9 / nsPerLookup })),
    })),
    levels: [],
    marks:
      sizes.at(-1)! > ONE_MEMORY
        ? [{ at: ONE_MEMORY, label: `one memory ends: ${formatBytes(ONE_MEMORY * SLOT_BYTES)} of slots` }]
        : [],
  });
}
