import type { TailEncoding } from "../src/profile/profile.js";
import { SLOT_BYTES } from "../src/sections.js";
import { hugePageCaveat, type Machine } from "./machine.js";
import { formatCount, type BenchOptions, type ContenderName } from "./options.js";
import type { Pattern } from "./patterns.js";

/** One measured figure, with the keys of the JSON output. */
export interface Result {
  readonly op: string;
  readonly encoding: TailEncoding;
  readonly contender: ContenderName;
  readonly pattern: Pattern;
  readonly slots: number;
  readonly nsPerLookup: number;
  readonly lookupsPerSecond: number;
  /** The native twin's time over this contender's: above 1 is faster. Null without the twin. */
  readonly ratioToNative: number | null;
  readonly ratioToNativeSimd: number | null;
}

/** What was measured: everything of a result but the figures. */
export type Setting = Pick<Result, "op" | "encoding" | "pattern" | "slots">;

/** The results of contenders that were measured together. */
export function resultsOf(setting: Setting, nanoseconds: ReadonlyMap<ContenderName, number>): Result[] {
  const ratio = (twin: ContenderName, own: number): number | null => ratioOf(nanoseconds.get(twin), own);
  return [...nanoseconds].map(([contender, time]) => ({
    op: setting.op,
    encoding: setting.encoding,
    contender,
    pattern: setting.pattern,
    slots: setting.slots,
    nsPerLookup: round4(time),
    lookupsPerSecond: Math.round(1e9 / time),
    ratioToNative: ratio("native", time),
    ratioToNativeSimd: ratio("native-simd", time),
  }));
}

/** A figure of the JSON output: four digits behind the point. */
export function round4(value: number): number {
  return Number(value.toFixed(4));
}

/** How many times as fast as `base` it is; null where that was not measured. */
export function ratioOf(base: number | undefined, own: number): number | null {
  return base === undefined ? null : round4(base / own);
}

/** Slots read in GiB a second. */
export function gibPerSecond(nsPerSlot: number): number {
  return round4((SLOT_BYTES * 1e9) / nsPerSlot / 2 ** 30);
}

/** What a suite measured, on which maps, beside which twins in C. */
export interface SuiteReport<R extends object = object> {
  /** Figures, with the keys of the JSON output. */
  readonly results: readonly R[];
  /** Null without the twins. */
  readonly compiler: string | null;
  /** Where the map of each encoding comes from; in suites without lists, of each encoding and kind of map. */
  readonly map: Readonly<Record<string, string>>;
}

/** The object that --json prints. */
export function jsonReport(machine: Machine, options: BenchOptions, { results, compiler, map }: SuiteReport): object {
  const { name, node, transparentHugePages } = machine;
  const { slots, seed, lookups, rounds } = options;
  const lists = lookups === 0 ? {} : { lookups };
  return { machine: name, node, transparentHugePages, compiler, map, slots, seed, ...lists, rounds, results };
}

/** The lines above the tables: what was measured on what. */
export function heading(
  machine: Machine,
  options: BenchOptions,
  compiler: string,
  sampled: readonly [name: string, text: string] = samples(options),
): string {
  const { slots } = options;
  const pageSize = machine.pageSize === null ? "unknown" : formatBytes(machine.pageSize);
  const lines = [
    ["machine", machine.name],
    ["node", `${machine.node}, page size ${pageSize}${hugePageCaveat(machine)}`],
    ["native", compiler],
    ["map", `${formatCount(slots)} slots (${formatBytes(slots * SLOT_BYTES)}; memory of ${formatBytes(slots * 4096)})`],
    sampled,
  ];
  return lines.map(([name, text]) => `${name.padEnd(9)}${text}\n`).join("");
}

function samples({ lookups, rounds, seed }: BenchOptions): [name: string, text: string] {
  const medians = (what: string): string => `seed ${seed}, medians of ${rounds} interleaved ${what}, each warmed up`;
  if (lookups === 0) return ["passes", `over all slots, ${medians("passes")}`];
  return ["lookups", `lists of ${formatCount(lookups)} PFNs, ${medians("blocks")}`];
}

const COLUMNS = ["pattern", "contender", "ns/lookup", "M lookups/s", "vs native", "vs native-simd"];
const LABELS = 2;

/** The table of one encoding. Ratios above 1 are faster than the twin in C. */
export function table(title: string, results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.pattern,
    result.contender,
    result.nsPerLookup.toFixed(2),
    (result.lookupsPerSecond / 1e6).toFixed(1),
    formatRatio(result.ratioToNative),
    formatRatio(result.ratioToNativeSimd),
  ]);
  return renderTable(title, COLUMNS, rows, LABELS);
}

/** The first columns are labels: aligned to the left, and left out where they and those before repeat the line above. */
export function renderTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  labels: number,
): string {
  const widths = columns.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[], above: readonly string[] = []): string => {
    const repeated = cells.findIndex((cell, column) => column === labels - 1 || cell !== above[column]);
    const padded = cells.map((cell, column) => {
      if (column >= labels) return cell.padStart(widths[column]!);
      return (column < repeated ? "" : cell).padEnd(widths[column]!);
    });
    return `  ${padded.join("  ")}\n`;
  };
  return `${title}\n${line(columns)}${rows.map((row, i) => line(row, rows[i - 1])).join("")}`;
}

/** What contenders do in a suite. */
export type ContenderTexts = Readonly<Partial<Record<ContenderName, string>>>;

/** The twins in C are told in the heading. */
const CONTENDER_LEGEND: ContenderTexts = {
  "native-chain": "native, but each lookup waits for the one before: what one takes alone",
  "wasm-simd": "one call for a block of PFNs, the build with SIMD",
  "wasm-scalar": "the same, the build without",
  "wasm-index": "the build with SIMD, by the head index: no slot is read",
  "native-index": "the same index in C, -O3 -march=native",
  "wasm-call": "one call for each PFN",
  "js-uint32": "plain JavaScript over the same slots as a Uint32Array",
  "js-bigint": "the same as a BigUint64Array",
};

export const TILED_LEGEND = ["tiled", "copies of a real map side by side, up to the wished size"] as const;

/** Says below the tables what their names mean. */
export function legend({ contenders, mix }: BenchOptions): string {
  return legendOf([...contenderLegend(contenders), ...(mix === undefined ? [TILED_LEGEND] : [])]);
}

/** Names of contenders with what they are, those in C left out. */
export function contenderLegend(
  contenders: readonly ContenderName[],
  texts: ContenderTexts = CONTENDER_LEGEND,
): [name: string, text: string][] {
  return contenders.flatMap((name): [string, string][] => {
    const text = texts[name];
    return text === undefined ? [] : [[name, text]];
  });
}

export function legendOf(entries: readonly (readonly [name: string, text: string])[]): string {
  const lines = entries.map(([name, text]) => `  ${name.padEnd(12)} ${text}\n`);
  return lines.length === 0 ? "" : `\n${lines.join("")}`;
}

/** A ratio as tables show it. */
export function formatRatio(ratio: number | null): string {
  return ratio === null ? "-" : ratio.toFixed(2);
}

/** 1073741824 as "1 GiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${Number(bytes.toFixed(1))} ${units[unit]}`;
}
