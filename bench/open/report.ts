import { SLOT_BYTES } from "../../src/sections.js";
import { formatBytes, legendOf, renderTable } from "../report.js";
import { median } from "../scale.js";
import { type OpenFigures, type Opening, STAGES, type Stage } from "./stages.js";

/** How long all of it may take, reading alone being 1. */
const PROMISE = 1.3;

/** One dump, with the keys of the JSON output. */
export interface OpenResult {
  readonly source: string;
  readonly pages: number;
  /** Bytes. */
  readonly map: number;
  readonly maxRss: number;
  /** The first round, and the median of the others; milliseconds. */
  readonly cold: OpenTimes;
  readonly warm: OpenTimes;
}

export interface OpenTimes {
  readonly stages: Readonly<Record<Stage, number>>;
  readonly total: number;
  readonly readingAlone: number | null;
  /** The total over reading alone: the median of the rounds' own. */
  readonly ratio: number | null;
}

export function openResultOf(source: string, { pages, maxRss, openings }: OpenFigures): OpenResult {
  const cold = timesOf(openings.slice(0, 1));
  return { source, pages, map: pages * SLOT_BYTES, maxRss, cold, warm: timesOf(openings.slice(1)) };
}

function timesOf(openings: readonly Opening[]): OpenTimes {
  const of = (value: (opening: Opening) => number): number => Number(median(openings.map(value)).toFixed(3));
  const total = ({ stages }: Opening): number => STAGES.reduce((sum, stage) => sum + stages[stage], 0);
  const readAlone = openings.every(({ readingAlone }) => readingAlone !== null);
  return {
    stages: Object.fromEntries(STAGES.map((stage) => [stage, of(({ stages }) => stages[stage])])) as Record<
      Stage,
      number
    >,
    total: of(total),
    readingAlone: readAlone ? of(({ readingAlone }) => readingAlone!) : null,
    ratio: readAlone ? of((opening) => total(opening) / opening.readingAlone!) : null,
  };
}

const COLUMNS = ["stage", "first ms", "ms", "M pages/s"];

/** The stages of one dump. */
export function openTable({ source, pages, map, maxRss, cold, warm }: OpenResult): string {
  const row = (name: string, first: number | null, time: number | null): string[] => [
    name,
    first === null ? "-" : first.toFixed(1),
    time === null ? "-" : time.toFixed(1),
    time === null || time === 0 ? "-" : (pages / time / 1e3).toFixed(1),
  ];
  const ratio = (value: number | null): string => (value === null ? "-" : value.toFixed(2));
  const rows = [
    ...STAGES.map((stage) => row(stage, cold.stages[stage], warm.stages[stage])),
    row("total", cold.total, warm.total),
    row("reading alone", cold.readingAlone, warm.readingAlone),
    ["total : alone", ratio(cold.ratio), ratio(warm.ratio), ""],
  ];
  return renderTable(
    `${source}: ${pages} pages, map ${formatBytes(map)}, peak ${formatBytes(maxRss)}`,
    COLUMNS,
    rows,
    1,
  );
}

/** The promise, and what kept it least; nothing where no frames were read. */
export function openVerdict(results: readonly OpenResult[]): string {
  const measured = results.flatMap(({ source, warm }) => (warm.ratio === null ? [] : [{ source, ratio: warm.ratio }]));
  const slowest = measured.sort((a, b) => b.ratio - a.ratio)[0];
  if (slowest === undefined) return "";
  const answer = slowest.ratio <= PROMISE ? "yes" : "NO";
  return (
    `\nfrom open to census in ${PROMISE}x of reading and unpacking alone, or less:\n` +
    `  ${answer}, at most ${slowest.ratio.toFixed(2)}x (${slowest.source})\n`
  );
}

export const OPEN_LEGEND = legendOf([
  ["unpack", "a dump that is packed as a whole, to a temporary file"],
  ["kernel", "VMCOREINFO, page tables, sections, the kernel's layout"],
  ["slots", "the map's frames read, unpacked and put in place"],
  ["check", "well-formed words, the head index, aliases, pgmaps"],
  ["first", "the process's first: modules to load, code to compile"],
]);
