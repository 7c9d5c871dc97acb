import { Batches, WAYS, type BatchResult } from "../batches.js";
import { renderChart, type Series } from "../chart.js";
import { STYLES } from "../colours.js";
import { hugePageCaveat, type Machine } from "../machine.js";
import { runMapSuite, type MapSuite } from "../map-suite.js";
import { mapSources } from "../maps.js";
import { formatCount, type BenchOptions } from "../options.js";
import type { Pattern } from "../patterns.js";
import { renderTable } from "../report.js";
import { suiteOptions, type Part } from "./part.js";

/** What a lookup takes by length of the batch, against a call for each page: when a batch pays. */
export const batches: Part = async (scale, machine, output) => {
  const options = suiteOptions("heads", scale, {});
  const suite: MapSuite<BatchResult> = {
    sources: await mapSources(options),
    nameOf: ({ encoding }) => encoding,
    async measure(map, _source, _twins, warn) {
      const bench = new Batches(map, options, warn);
      const results: BatchResult[] = [];
      for (const pattern of options.patterns) results.push(...(await bench.run(pattern)));
      return results;
    },
    tables: ({ origin }, caveat, results) => batchesTable(`map of ${origin}${caveat}`, results),
    closing: () => "",
  };
  const report = await runMapSuite(suite, options, machine, output);
  const pictures = options.patterns.map((pattern) => {
    const own = report.results.filter((result) => result.pattern === pattern);
    return [pattern, plotBatches(own, pattern, options, machine)] as const;
  });
  return { options, report, pictures: new Map(pictures) };
};

function batchesTable(title: string, results: readonly BatchResult[]): string {
  const lengths = [...new Set(results.map(({ length }) => length))];
  const rows = new Map<string, string[]>();
  for (const { pattern, way, nsPerLookup } of results) {
    const key = `${pattern} ${way}`;
    const row = rows.get(key) ?? [pattern, way];
    row.push(nsPerLookup.toFixed(2));
    rows.set(key, row);
  }
  const columns = ["pattern", "way", ...lengths.map(formatCount)];
  const padded = [...rows.values()].map((row) => columns.map((_, i) => row[i] ?? ""));
  return renderTable(`batches, ns a lookup by length, ${title}`, columns, padded, 2);
}

const COLOURS: Readonly<Record<BatchResult["way"], Omit<Series, "name" | "points">>> = {
  call: STYLES["wasm-call"],
  arrays: { colour: STYLES["wasm-simd"].colour, dashes: "7 4" },
  lists: STYLES["wasm-simd"],
  "arrays-index": { colour: STYLES["wasm-index"].colour, dashes: "7 4" },
  "lists-index": STYLES["wasm-index"],
};

function plotBatches(
  results: readonly BatchResult[],
  pattern: Pattern,
  { slots, seed }: BenchOptions,
  machine: Machine,
): string {
  const lengths = [...new Set(results.map(({ length }) => length))];
  return renderChart({
    title: "When a batch pays: time of a lookup by length of the batch",
    subtitles: [
      `headsInto() of ${pattern} pages, filled and emptied page by page, against compoundHead() for each; mask encoding, ${formatCount(slots)} slots, seed ${seed}`,
      "dashed: plain arrays, full: lists of map.list(); orange: through the slots, blue: by the index",
      `${machine.name}; Node ${machine.node}${hugePageCaveat(machine)}`,
    ],
    xLabel: "pages in a batch",
    xTicks: lengths.map((at) => ({ at, label: formatCount(at) })),
    yLabel: "nanoseconds per lookup",
    formatY: (value) => String(Number(value.toPrecision(2))),
    series: WAYS.map((way) => {
      const own = results.filter((result) => result.way === way);
      const points = own.map(({ length, nsPerLookup }) => ({ x: length, y: nsPerLookup }));
      // A call is of one page: a level line, to read the others against.
      const level = { x: lengths.at(-1)!, y: points[0]!.y };
      return { name: way, ...COLOURS[way], points: way === "call" ? [...points, level] : points };
    }),
    marks: [],
    levels: [],
  });
}
