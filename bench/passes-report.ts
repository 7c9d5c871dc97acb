import type { TailEncoding } from "../src/profile/profile.js";
import type { Nanoseconds } from "./contest.js";
import type { MapKind } from "./maps.js";
import type { BenchOptions, ContenderName } from "./options.js";
import type { PassName } from "./passes.js";
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

/** One figure of the suite "passes", with the keys of the JSON output. */
export interface PassResult extends PassSetting {
  readonly op: PassName;
  readonly contender: ContenderName;
  readonly nsPerSlot: number;
  readonly gibPerSecond: number;
  /** The native twin's time for this pass over this one: above 1 is faster. Null without the twin. */
  readonly ratioToNative: number | null;
  /** The native twin's time for a plain pass over this one: the share of the bandwidth it finds. Null without the twin. */
  readonly ratioToPlainPass: number | null;
}

/** The map that was measured. */
export interface PassSetting {
  readonly encoding: TailEncoding;
  readonly map: MapKind;
  readonly slots: number;
}

/** The results of one map. */
export function passResultsOf(setting: PassSetting, times: ReadonlyMap<PassName, Nanoseconds>): PassResult[] {
  const plain = times.get("sum")?.get("native");
  return [...times].flatMap(([op, nanoseconds]) =>
    [...nanoseconds].map(([contender, time]) => ({
      op,
      encoding: setting.encoding,
      map: setting.map,
      contender,
      slots: setting.slots,
      nsPerSlot: round4(time),
      gibPerSecond: gibPerSecond(time),
      ratioToNative: ratioOf(nanoseconds.get("native"), time),
      ratioToPlainPass: ratioOf(plain, time),
    })),
  );
}

const COLUMNS = ["op", "contender", "ns/slot", "GiB/s", "vs native", "vs plain pass"];
const LABELS = 2;

/** The table of one map. */
export function passesTable(origin: string, caveat: string, results: readonly PassResult[]): string {
  const title = `passes, ${results[0]!.encoding} encoding, map of ${origin}${caveat}`;
  const rows = results.map(({ op, contender, nsPerSlot, gibPerSecond: gib, ratioToNative, ratioToPlainPass }) => [
    op,
    contender,
    nsPerSlot.toFixed(2),
    gib.toFixed(1),
    formatRatio(ratioToNative),
    formatRatio(ratioToPlainPass),
  ]);
  return renderTable(title, COLUMNS, rows, LABELS);
}

const LEGEND: ContenderTexts = {
  "wasm-simd": "map.foliosByOrder(), map.listHeads(), map.checkWellFormed(), the build with SIMD",
  "wasm-scalar": "the same, the build without",
  "js-uint32": "plain JavaScript over the same slots as a Uint32Array",
};

/** Says below the tables what their names mean. */
export function passesLegend({ contenders, mix }: Pick<BenchOptions, "contenders" | "mix">): string {
  return legendOf([
    ["sum", "a plain pass: the sum of one word of each slot"],
    ...contenderLegend(contenders, LEGEND),
    ["GiB/s", "of slots, whose 64 bytes are a cache line each"],
    ["vs native", "the time of the same pass in C over this one, above 1 is faster"],
    ["vs plain pass", "the time of native's sum over this one: the share of its bandwidth"],
    ...(mix === undefined ? [TILED_LEGEND] : []),
  ]);
}
