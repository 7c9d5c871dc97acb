import type { TailEncoding } from "../src/profile/profile.js";
import { renderBars, type BarSeries, type Group, type Panel } from "./bars.js";
import { hugePageCaveat } from "./machine.js";
import { formatCount, type ContenderName } from "./options.js";
import type { Pattern } from "./patterns.js";
import type { PgmapResult } from "./pgmap-report.js";
import type { PlotFacts } from "./plot.js";
import { formatBytes } from "./report.js";

/** The contenders of the picture: the kernel's own loop, and the engine. Without them, all that were measured. */
const SHOWN: readonly ContenderName[] = ["native", "native-chain", "wasm-simd"];
/** By contender, from dark to light by encoding. */
const COLOURS: Readonly<Partial<Record<ContenderName, Readonly<Record<TailEncoding, string>>>>> = {
  native: { pointer: "#2f3640", "fake-heads": "#68727d", mask: "#a3abb5" },
  "native-chain": { pointer: "#00508c", "fake-heads": "#3f86bd", mask: "#94c1e4" },
  "wasm-simd": { pointer: "#c65102", "fake-heads": "#e5812f", mask: "#f6b57c" },
};
const OTHER_COLOURS = ["#008f69", "#0072b2", "#b0558a", "#b8860b", "#56b4e9", "#7a5195"];

/** What one colour of bars is about. */
interface Bars {
  readonly contender: ContenderName;
  readonly encoding: TailEncoding;
}

/** Draws the time of page_pgmap() over that of page->pgmap by order, a panel for each pattern. */
export function plotPgmap(
  results: readonly PgmapResult[],
  { machine, compiler, seed }: Omit<PlotFacts, "origin">,
): string {
  const folios = results.filter(({ form }) => form === "folio");
  const measured = distinct(folios.map(({ contender }) => contender));
  const shown = SHOWN.filter((name) => measured.includes(name));
  const contenders = shown.length > 0 ? shown : measured;
  const encodings = distinct(folios.map(({ encoding }) => encoding));
  const bars = contenders.flatMap((contender) => encodings.map((encoding) => ({ contender, encoding })));
  const patterns = distinct(folios.map(({ pattern }) => pattern));
  return renderBars({
    title: "What it costs to find a page's pgmap through its folio",
    subtitles: [
      `page_pgmap(), from Linux 6.15 on, against page->pgmap of 6.14: time per lookup, ` +
        `${formatCount(results[0]!.slots)} ZONE_DEVICE pages, seed ${seed}, one thread`,
      `${machine.name}; Node ${machine.node}${hugePageCaveat(machine)}`,
      compiler,
    ],
    series: bars.map(seriesOf),
    panels: patterns.map((pattern) => panelOf(pattern, results, contenders, bars)),
    xLabel: "order of the folios",
    yLabel: "time over that of page->pgmap",
    formatY: (value) => Number(value.toFixed(2)).toString(),
    baseline: 1,
  });
}

function seriesOf({ contender, encoding }: Bars, i: number): BarSeries {
  const colour = COLOURS[contender]?.[encoding] ?? OTHER_COLOURS[i % OTHER_COLOURS.length]!;
  return { name: `${contender}, ${encoding}`, colour };
}

function panelOf(
  pattern: Pattern,
  results: readonly PgmapResult[],
  contenders: readonly ContenderName[],
  bars: readonly Bars[],
): Panel {
  const here = results.filter((result) => result.pattern === pattern);
  const orders = distinct(here.map(({ order }) => order)).sort((a, b) => a - b);
  const pages = here.filter(({ form }) => form === "page");
  const times = contenders.map((name) => {
    const own = pages.filter(({ contender }) => contender === name).map(({ nsPerLookup }) => nsPerLookup);
    return `${name} ${median(own).toFixed(2)} ns`;
  });
  return {
    title: `${pattern} pages`,
    note: `1 is page->pgmap: ${times.join(", ")}`,
    groups: orders.map((order) => groupOf(order, here, bars)),
  };
}

function groupOf(order: number, results: readonly PgmapResult[], bars: readonly Bars[]): Group {
  const valueOf = ({ contender, encoding }: Bars): number | null =>
    results.find(
      (result) =>
        result.form === "folio" &&
        result.order === order &&
        result.contender === contender &&
        result.encoding === encoding,
    )?.costOverPage ?? null;
  return { label: String(order), note: formatBytes(2 ** order * 4096), values: bars.map(valueOf) };
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
