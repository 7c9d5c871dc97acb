import type { TailEncoding } from "../src/profile/profile.js";
import { FOLIO_PROFILES, PAGE_PROFILE } from "./device-maps.js";
import type { Nanoseconds } from "./contest.js";
import { formatCount, type BenchOptions } from "./options.js";
import type { Pattern } from "./patterns.js";
import type { Form } from "./pgmap.js";
import { contenderLegend, legendOf, renderTable, resultsOf, type Result } from "./report.js";

/** One figure of the suite "pgmap". */
export interface PgmapResult extends Result {
  readonly form: Form;
  /** Of the folios beside which it was measured; the form "page" has pages of order 0 always. */
  readonly order: number;
  /** Its time over that of the form "page" by the same contender, measured in turns with it: above 1 is slower. */
  readonly costOverPage: number | null;
}

/** What was measured together: the map of the folios, and the walk. */
export interface PgmapSetting {
  readonly order: number;
  readonly encoding: TailEncoding;
  readonly pattern: Pattern;
  readonly slots: number;
}

/** The results of forms that were measured together. */
export function pgmapResultsOf(setting: PgmapSetting, times: ReadonlyMap<Form, Nanoseconds>): PgmapResult[] {
  const { order, ...rest } = setting;
  return [...times].flatMap(([form, nanoseconds]) =>
    resultsOf({ op: "pgmap", ...rest }, nanoseconds).map((result) => {
      const page = times.get("page")?.get(result.contender);
      const own = nanoseconds.get(result.contender)!;
      return { ...result, form, order, costOverPage: page === undefined ? null : Number((own / page).toFixed(4)) };
    }),
  );
}

const COLUMNS = ["encoding", "pattern", "form", "contender", "ns/lookup", "vs native", "vs page form"];
const LABELS = 4;

/** What the title of a table says of the map. */
export interface PgmapTableFacts {
  readonly order: number;
  readonly pgmaps: number;
  /** What spoils the ratios to native, or nothing. */
  readonly caveat: string;
}

/** The table of one order. */
export function pgmapTable({ order, pgmaps, caveat }: PgmapTableFacts, results: readonly PgmapResult[]): string {
  const kind = order === 0 ? "fs-dax pages" : `device-dax folios of ${formatCount(2 ** order)} pages`;
  const title = `pgmap, order ${order}: ${kind} of ${pgmaps} pgmap${pgmaps === 1 ? "" : "s"}${caveat}`;
  const rows = results.map(({ encoding, pattern, form, contender, nsPerLookup, ratioToNative, costOverPage }) => [
    ...[encoding, pattern, form, contender],
    nsPerLookup.toFixed(2),
    ratioToNative?.toFixed(2) ?? "-",
    formatCost(costOverPage),
  ]);
  return renderTable(title, COLUMNS, rows, LABELS);
}

/** The cost of the form "folio" over the form "page", all orders side by side. */
export function costTable(results: readonly PgmapResult[]): string {
  const orders = [...new Set(results.map(({ order }) => order))];
  const rows = new Map<string, string[]>();
  for (const { form, encoding, pattern, contender, costOverPage } of results) {
    if (form !== "folio") continue;
    const key = `${encoding} ${pattern} ${contender}`;
    const row = rows.get(key) ?? [encoding, pattern, contender];
    row.push(formatCost(costOverPage));
    rows.set(key, row);
  }
  const labels = ["encoding", "pattern", "contender"];
  const columns = [...labels, ...orders.map((order) => `order ${order}`)];
  const title = "folio over page: the time of page_pgmap() over that of page->pgmap, by order of the folios";
  return renderTable(title, columns, [...rows.values()], labels.length);
}

const FORMS = {
  page: `page->pgmap, the page's own word (Linux ${PAGE_PROFILE.name}, fs-dax pages of order 0 beside every order)`,
  folio: "page_pgmap(): the word of the folio's head",
  range:
    "get_dev_pagemap(): by ranges of PFNs, no slot touched; wasm answers 32-bit numbers of pgmaps, the others words",
};

/** Says below the tables what their names mean. */
export function pgmapLegend({ contenders, encodings }: Pick<BenchOptions, "contenders" | "encodings">): string {
  return legendOf([
    ...Object.entries(FORMS),
    ...encodings!.map((encoding) => [encoding, `folios as Linux ${FOLIO_PROFILES[encoding].name} tags them`] as const),
    ...contenderLegend(contenders),
    ["vs native", "the time of native over this one, above 1 is faster"],
    ["vs page form", "this time over that of the form page by the same contender, above 1 is slower"],
  ]);
}

function formatCost(cost: number | null): string {
  return cost === null ? "-" : `${cost.toFixed(2)}x`;
}
