/** The tables of the suite "scale". */
import { formatCount, type ContenderName } from "./options.js";
import type { Pattern } from "./patterns.js";
import { formatBytes, renderTable } from "./report.js";
import type { ScaleFigures } from "./scale.js";

/** One for each memory at least, and at least as many as the host runs threads. */
type Workers = "workers" | "workers-index";
export type ScaleContender = ContenderName | Workers;

export function isWorkers(contender: ScaleContender): contender is Workers {
  return contender === "workers" || contender === "workers-index";
}

export interface ScaleResult {
  readonly op: "heads";
  readonly slots: number;
  readonly pattern: Pattern;
  readonly contender: ScaleContender;
  readonly nsPerLookup: number;
}

/** What was measured of a size on one thread, and on workers. */
export interface SizeFigures {
  readonly slots: number;
  readonly one: ScaleFigures;
  readonly workers: ScaleFigures;
}

/** The engine's lookups, by contender. */
export function lookupsOf(slots: number, one: ScaleFigures, workers: ScaleFigures): ScaleResult[] {
  const named = (figures: ScaleFigures, slotsName: ScaleContender, indexName: ScaleContender): ScaleResult[] =>
    figures.lookups.map(({ way, pattern, nsPerLookup }) => {
      return { op: "heads", slots, pattern, contender: way === "slots" ? slotsName : indexName, nsPerLookup };
    });
  return [...named(one, "wasm-simd", "wasm-index"), ...named(workers, "workers", "workers-index")];
}

const BUILD_COLUMNS = [
  "slots",
  "host",
  "memories",
  "on",
  "first touch s",
  "copy s",
  "check s",
  "by order s",
  "verify s",
  "peak",
];

export function buildTable(sizes: readonly SizeFigures[]): string {
  const rows = sizes.flatMap(({ slots, one, workers }) =>
    [one, workers].map(({ build }) => [
      formatCount(slots),
      formatBytes(slots * 4096),
      String(build.memories),
      build.threads === 1 ? "this thread" : `${build.threads} workers`,
      ...[build.firstTouch, build.copy, build.check, build.foliosByOrder, build.verify].map((time) => time.toFixed(2)),
      formatBytes(build.maxRss),
    ]),
  );
  return renderTable("maps made and gone over once, and the process's peak of memory", BUILD_COLUMNS, rows, 4);
}

/** Nanoseconds a lookup, a contender a column. */
export function lookupTable(pattern: Pattern, results: readonly ScaleResult[], sizes: readonly SizeFigures[]): string {
  const shown = results.filter((result) => result.pattern === pattern);
  const names = [...new Set(shown.map(({ contender }) => contender))];
  const rows = sizes.map(({ slots, one }) => [
    formatCount(slots),
    String(one.build.memories),
    ...names.map((name) => {
      const found = shown.find((result) => result.slots === slots && result.contender === name);
      return found === undefined ? "-" : found.nsPerLookup.toFixed(2);
    }),
    one.routing === null ? "-" : one.routing.toFixed(2),
  ]);
  const columns = ["slots", "memories", ...names, "routing alone"];
  return renderTable(`heads, ${pattern}, nanoseconds a lookup; those of the engine with routing`, columns, rows, 1);
}
