import type { CensusOp } from "./census.js";
import type { Nanoseconds } from "./contest.js";
import type { BenchOptions, ContenderName } from "./options.js";
import type { PassSetting } from "./passes-report.js";
import {
  contenderLegend,
  type ContenderTexts,
  formatRatio,
  gibPerSecond,
  legendOf,
  ratioOf,
  renderTable,
  round4,
  TILED_LEGEND,
} from "./report.js";

/** How fast pages are to be told apart, counted or written down, a plain pass being 1. */
const PROMISE = 0.8;

/** One figure of the suite "census", with the keys of the JSON output. */
export interface CensusResult extends PassSetting {
  readonly op: CensusOp;
  readonly contender: ContenderName;
  readonly nsPerSlot: number;
  readonly pagesPerSecond: number;
  readonly gibPerSecond: number;
  /** The time of the plain pass in C over this one: above 1 is faster. Null without the twin. */
  readonly ratioToPlainPass: number | null;
}

/** The results of one map. */
export function censusResultsOf(setting: PassSetting, times: ReadonlyMap<CensusOp, Nanoseconds>): CensusResult[] {
  const plain = times.get("sum")?.get("native");
  return [...times].flatMap(([op, nanoseconds]) =>
    [...nanoseconds].map(([contender, time]) => ({
      op,
      encoding: setting.encoding,
      map: setting.map,
      contender,
      slots: setting.slots,
      nsPerSlot: round4(time),
      pagesPerSecond: Math.round(1e9 / time),
      gibPerSecond: gibPerSecond(time),
      ratioToPlainPass: ratioOf(plain, time),
    })),
  );
}

const COLUMNS = ["op", "contender", "ns/page", "M pages/s", "GiB/s", "vs plain pass"];
const LABELS = 2;

/** The table of one map. */
export function censusTable(origin: string, caveat: string, results: readonly CensusResult[]): string {
  const title = `census, ${results[0]!.encoding} encoding, map of ${origin}${caveat}`;
  const rows = results.map(({ op, contender, nsPerSlot, pagesPerSecond, gibPerSecond: gib, ratioToPlainPass }) => [
    op,
    contender,
    nsPerSlot.toFixed(2),
    (pagesPerSecond / 1e6).toFixed(0),
    gib.toFixed(1),
    formatRatio(ratioToPlainPass),
  ]);
  return renderTable(title, COLUMNS, rows, LABELS);
}

const PROMISED: readonly CensusOp[] = ["census", "kinds"];

/** The promise, and what kept it least; nothing where it was not measured beside a plain pass. */
export function censusVerdict(results: readonly CensusResult[]): string {
  const ratios = results.flatMap((result) =>
    PROMISED.includes(result.op) && result.contender === "wasm-simd" && result.ratioToPlainPass !== null
      ? [{ ...result, ratio: result.ratioToPlainPass }]
      : [],
  );
  const slowest = ratios.sort((a, b) => a.ratio - b.ratio)[0];
  if (slowest === undefined) return "";
  const answer = slowest.ratio >= PROMISE ? "yes" : "NO";
  return (
    `\ncensus() and usageKindsInto() at ${PROMISE}x of a plain pass in C over the slots, or better:\n` +
    `  ${answer}, at least ${slowest.ratio.toFixed(2)}x (${slowest.op}, ${slowest.encoding}, ${slowest.map})\n`
  );
}

const LEGEND: ContenderTexts = {
  "wasm-simd": "map.census(), map.usageKindsInto() of all pages, the build with SIMD",
  "wasm-scalar": "the same, the build without",
  "js-uint32": "plain JavaScript over the same slots as a Uint32Array",
};

/** Says below the tables what their names mean. */
export function censusLegend({ contenders, mix }: Pick<BenchOptions, "contenders" | "mix">): string {
  return legendOf([
    ["sum", "a plain pass: the sum of one word of each slot"],
    ["by-slots", "without the head index, which was dropped"],
    ...contenderLegend(contenders, LEGEND),
    ["GiB/s", "of slots, whose 64 bytes are a cache line each, all read or not"],
    ["vs plain pass", "the time of native's sum over this one: above 1 is faster"],
    ...(mix === undefined ? [TILED_LEGEND] : []),
  ]);
}
