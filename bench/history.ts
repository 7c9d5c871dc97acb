import { VmemmapError } from "../src/errors.js";
import { ENCODINGS, formatCount, type ContenderName } from "./options.js";
import { renderTable, type Result } from "./report.js";

/** What a release achieved: a row of history.json. */
export interface Row {
  readonly version: string;
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly figures: Figures;
}

/** What a row has that is measured. */
export type Measured = Omit<Row, "version" | "date">;

/** By name, how many times as fast the first is as the second. Ratios, since other machines have other times. */
export type Figures = Readonly<Record<string, number>>;

/** Of which contenders the ratio is kept. */
const PAIRS: readonly (readonly [ContenderName, ContenderName])[] = [
  ["wasm-simd", "native"],
  ["wasm-simd", "native-simd"],
  ["wasm-index", "native-simd"],
  ["wasm-index", "native-index"],
  ["two-workers", "one-worker"],
  ["two-workers-index", "one-worker-index"],
];
const PATTERNS = ["random", "sequential"] as const;
/** The size of map whose ratios are kept. */
export const KEY_SLOTS = 16 * 2 ** 20;

/** What is read of a report that --json has printed. */
interface StoredReport {
  readonly machine: string;
  readonly node: string;
  readonly results: readonly Timing[];
}

/** What is read of a result. */
export type Timing = Pick<Result, "op" | "encoding" | "pattern" | "slots" | "contender" | "nsPerLookup">;

/** A key figure: whose ratio, and at what. */
interface Key extends Pick<Result, "encoding" | "pattern"> {
  readonly name: string;
  readonly pair: readonly [ContenderName, ContenderName];
}

/** All that a run may hold, in the order of the table. */
const KEYS: readonly Key[] = ENCODINGS.flatMap((encoding) =>
  PATTERNS.flatMap((pattern) =>
    PAIRS.map((pair) => ({ encoding, pattern, pair, name: `${encoding}, ${pattern}, ${pair.join(" : ")}` })),
  ),
);

/** The key figures that the results of one run hold. */
export function figuresOf(results: readonly Timing[]): Figures {
  const heads = results.filter(({ op, slots }) => op === "heads" && slots === KEY_SLOTS);
  const figures: Record<string, number> = {};
  for (const { name, encoding, pattern, pair } of KEYS) {
    const [time, base] = pair.map(
      (contender) =>
        heads.find(
          (result) => result.encoding === encoding && result.pattern === pattern && result.contender === contender,
        )?.nsPerLookup,
    );
    if (time !== undefined && base !== undefined) figures[name] = Number((base / time).toFixed(3));
  }
  return figures;
}

/** The key figures of reports that --json has printed, of one machine. @throws VmemmapError "bad-argument" */
export function measuredIn(texts: ReadonlyMap<string, string>): Measured {
  const reports = [...texts].map(([file, text]) => {
    const report = parseJson(text, file) as Partial<StoredReport> | null;
    const { machine, node, results } = report ?? {};
    if (typeof machine !== "string" || typeof node !== "string" || !Array.isArray(results)) {
      throw new VmemmapError("bad-argument", `--json: ${file} is no report of vmemmap bench`);
    }
    return { machine, node, figures: figuresOf(results as Timing[]) };
  });
  const [first, ...others] = reports;
  if (others.some(({ machine, node }) => machine !== first!.machine || node !== first!.node)) {
    throw new VmemmapError("bad-argument", "--json: the reports are of several machines, or several versions of Node");
  }
  const figures = Object.assign({}, ...reports.map((report) => report.figures)) as Figures;
  if (Object.keys(figures).length === 0) {
    throw new VmemmapError("bad-argument", `--json: no heads at ${formatCount(KEY_SLOTS)} slots in it`);
  }
  return { machine: first!.machine, node: first!.node, figures };
}

/** The rows of history.json, oldest first. @throws VmemmapError "bad-argument" where it holds something else */
export function parseHistory(text: string): Row[] {
  const rows: unknown = parseJson(text, "history.json");
  if (!Array.isArray(rows) || !rows.every(isRow)) {
    throw new VmemmapError(
      "bad-argument",
      "history.json: no list of rows with version, date, machine, node and figures",
    );
  }
  return rows;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new VmemmapError("bad-argument", `${file}: no JSON`, { cause: error });
  }
}

function isRow(value: unknown): value is Row {
  const row = value as Partial<Record<keyof Row, unknown>> | null;
  if (typeof row !== "object" || row === null) return false;
  const texts = [row.version, row.date, row.machine, row.node];
  if (!texts.every((text) => typeof text === "string")) return false;
  return (
    typeof row.figures === "object" &&
    row.figures !== null &&
    Object.values(row.figures).every((figure) => Number.isFinite(figure))
  );
}

/** The history with this row, in place of that of the same version. */
export function withRow(rows: readonly Row[], row: Row): Row[] {
  const at = rows.findIndex(({ version }) => version === row.version);
  return at < 0 ? [...rows, row] : rows.with(at, row);
}

/** Figures beside those of a release, and how they changed. Above 1 the first is faster; a rise is a gain. */
export function comparison(before: Row | undefined, now: Measured): string {
  if (before === undefined) return `${figureTable(now.figures, undefined)}\nNo release has a row to compare with.\n`;
  const elsewhere =
    before.machine === now.machine && before.node === now.node
      ? ""
      : `\n${before.version} was measured on ${before.machine}, Node ${before.node};\nthis is ${now.machine}, Node ${now.node}.\n`;
  return `${figureTable(now.figures, before)}${elsewhere}`;
}

function figureTable(now: Figures, before: Row | undefined): string {
  const measured = KEYS.filter(({ name }) => name in now || (before !== undefined && name in before.figures));
  const rows = measured.map(({ name, encoding, pattern, pair }) => {
    const [then, figure] = [before?.figures[name], now[name]];
    return [encoding, pattern, pair.join(" : "), formatFigure(then), formatFigure(figure), formatChange(then, figure)];
  });
  const release = before === undefined ? "before" : `${before.version}, ${before.date}`;
  return renderTable(
    "how many times as fast the first is as the second",
    ["encoding", "pattern", "first : second", release, "now", "change"],
    rows,
    3,
  );
}

function formatFigure(figure: number | undefined): string {
  return figure === undefined ? "-" : figure.toFixed(2);
}

function formatChange(before: number | undefined, now: number | undefined): string {
  if (before === undefined || now === undefined) return "-";
  const percent = Math.round((now / before - 1) * 100);
  return `${percent > 0 ? "+" : ""}${percent} %`;
}
