import type { TailEncoding } from "../src/profile/profile.js";
import { SLOT_BYTES } from "../src/sections.js";
import type { Nanoseconds } from "./contest.js";
import type { MapKind } from "./maps.js";
import type { BenchOptions, ContenderName } from "./options.js";
import { contenderLegend, legendOf, renderTable, round4, TILED_LEGEND, type ContenderTexts } from "./report.js";
import type { FaultCounts } from "./verify.js";

/** How many times as long as a plain pass the checker may take. */
const PROMISE = 4;

/** One figure of the suite "verify", with the keys of the JSON output. */
export interface VerifyResult extends VerifySetting {
  /** The checker, or the plain pass that it is held against. */
  readonly op: "verify" | "pass";
  readonly contender: ContenderName;
  readonly nsPerSlot: number;
  readonly gibPerSecond: number;
  /** Its time over that of the plain pass in C: above 1 is slower. Null without the twin. */
  readonly timeOverNative: number | null;
  /** The same over the plain pass in JavaScript. Null where that was not measured. */
  readonly timeOverJavaScript: number | null;
}

/** The map that was measured. */
export interface VerifySetting {
  readonly encoding: TailEncoding;
  readonly map: MapKind;
  readonly slots: number;
  /** What the checker finds in it, by rule; the same in each pass. */
  readonly counts: FaultCounts;
}

/** The results of one map. */
export function verifyResultsOf(setting: VerifySetting, nanoseconds: Nanoseconds): VerifyResult[] {
  const over = (base: ContenderName, own: number): number | null => {
    const time = nanoseconds.get(base);
    return time === undefined ? null : round4(own / time);
  };
  return [...nanoseconds].map(([contender, time]) => ({
    op: isChecker(contender) ? "verify" : "pass",
    encoding: setting.encoding,
    map: setting.map,
    contender,
    slots: setting.slots,
    nsPerSlot: round4(time),
    gibPerSecond: round4((SLOT_BYTES * 1e9) / time / 2 ** 30),
    timeOverNative: over("native", time),
    timeOverJavaScript: over("js-uint32", time),
    counts: setting.counts,
  }));
}

function isChecker(contender: ContenderName): boolean {
  return contender.startsWith("wasm-");
}

const COLUMNS = ["op", "contender", "ns/slot", "GiB/s", "over native", "over js-uint32"];
const LABELS = 2;

/** The table of one map. */
export function verifyTable(origin: string, caveat: string, results: readonly VerifyResult[]): string {
  const { encoding, counts } = results[0]!;
  const title = `verify, ${encoding} encoding, map of ${origin}; ${describeCounts(counts)}${caveat}`;
  const rows = results.map(({ op, contender, nsPerSlot, gibPerSecond, timeOverNative, timeOverJavaScript }) => [
    op,
    contender,
    nsPerSlot.toFixed(2),
    gibPerSecond.toFixed(1),
    formatOver(timeOverNative),
    formatOver(timeOverJavaScript),
  ]);
  return renderTable(title, COLUMNS, rows, LABELS);
}

function describeCounts(counts: FaultCounts): string {
  const rules = Object.entries(counts);
  if (rules.length === 0) return "no findings";
  const total = rules.reduce((sum, [, count]) => sum + count, 0);
  return `${total} finding${total === 1 ? "" : "s"}: ${rules.map(([rule, count]) => `${count} ${rule}`).join(", ")}`;
}

function formatOver(ratio: number | null): string {
  return ratio === null ? "-" : `${ratio.toFixed(2)}x`;
}

/** The promise, and the slowest checker; nothing where it was not measured beside a plain pass. */
export function verdict(results: readonly VerifyResult[]): string {
  const checks = results.filter(({ op }) => op === "verify");
  const lines = [
    verdictOver("native", checks, ({ timeOverNative }) => timeOverNative),
    verdictOver("js-uint32", checks, ({ timeOverJavaScript }) => timeOverJavaScript),
  ].filter((line) => line !== null);
  if (lines.length === 0) return "";
  return `\nverify() within ${PROMISE}x of the time a plain pass over the slots takes:\n${lines.join("")}`;
}

function verdictOver(
  base: ContenderName,
  checks: readonly VerifyResult[],
  over: (result: VerifyResult) => number | null,
): string | null {
  const ratios = checks.flatMap((result) => over(result) ?? []);
  const worst = Math.max(...ratios);
  const slowest = checks.find((result) => over(result) === worst);
  if (slowest === undefined) return null;
  const { contender, encoding, map } = slowest;
  const answer = worst <= PROMISE ? "yes" : "NO";
  return `  ${base.padEnd(12)} ${answer}, at most ${worst.toFixed(2)}x (${contender}, ${encoding}, ${map})\n`;
}

const LEGEND: ContenderTexts = {
  "wasm-simd": "map.verify(), the build with SIMD",
  "wasm-scalar": "the same, the build without",
  "js-uint32": "the plain pass in JavaScript, over the same slots as a Uint32Array",
};

/** Says below the tables what their names mean. */
export function verifyLegend({ contenders, mix }: Pick<BenchOptions, "contenders" | "mix">): string {
  return legendOf([
    ["pass", "a plain pass: the sum of one word of each slot"],
    ...contenderLegend(contenders, LEGEND),
    ["GiB/s", "of slots, whose 64 bytes are a cache line each"],
    ["over", "the time over that of this plain pass, above 1 is slower"],
    ...(mix === undefined ? [TILED_LEGEND] : []),
  ]);
}
