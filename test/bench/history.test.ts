import { expect, test } from "vitest";
import {
  comparison,
  figuresOf,
  measuredIn,
  parseHistory,
  withRow,
  type Row,
  type Timing,
} from "../../bench/history.js";
import type { ContenderName } from "../../bench/options.js";

const SETTING = { op: "heads", encoding: "mask", pattern: "random", slots: 2 ** 24 } as const;
const timing = (contender: ContenderName, nsPerLookup: number, setting: Partial<Timing> = {}): Timing => ({
  ...SETTING,
  contender,
  nsPerLookup,
  ...setting,
});
const RESULTS = [timing("native", 12), timing("native-simd", 9), timing("wasm-simd", 10), timing("wasm-index", 3)];
const FIGURES = {
  "mask, random, wasm-simd : native": 1.2,
  "mask, random, wasm-simd : native-simd": 0.9,
  "mask, random, wasm-index : native-simd": 3,
};
const row = (version: string, figures: Row["figures"] = FIGURES): Row => ({
  version,
  date: "2026-11-25",
  machine: "EPYC",
  node: "v20.0.0",
  figures,
});

test("a figure tells how many times as fast the first is", () => {
  expect(figuresOf(RESULTS)).toEqual(FIGURES);
});

test("other sizes, ops and patterns are no key figures", () => {
  const others = [{ slots: 2 ** 20 }, { op: "sum" }, { pattern: "skewed" }] as const;
  expect(figuresOf(others.flatMap((other) => RESULTS.map((result) => ({ ...result, ...other }))))).toEqual({});
});

test("threads are held against one worker", () => {
  const results = [timing("one-worker", 12), timing("two-workers", 8)];
  expect(figuresOf(results)).toEqual({ "mask, random, two-workers : one-worker": 1.5 });
});

test("reports of one run each are put together", () => {
  const report = (...results: Timing[]): string => JSON.stringify({ machine: "EPYC", node: "v20.0.0", results });
  const threads = report(timing("one-worker", 12), timing("two-workers", 8));
  const texts = new Map([["heads.json", report(...RESULTS)], ["threads.json", threads]]); // prettier-ignore
  expect(measuredIn(texts)).toEqual({
    machine: "EPYC",
    node: "v20.0.0",
    figures: { ...FIGURES, "mask, random, two-workers : one-worker": 1.5 },
  });
});

test.each([
  ["nonsense", "a.json: no JSON"],
  ["null", "--json: a.json is no report of vmemmap bench"],
  ["{}", "--json: a.json is no report of vmemmap bench"],
  ['{"machine":"EPYC","node":"v20","results":[]}', "--json: no heads at 16Mi slots in it"],
])("the report %s is refused", (text, message) => {
  expect(() => measuredIn(new Map([["a.json", text]]))).toThrow(message);
});

test("reports of several machines are refused", () => {
  const [one, other] = ["EPYC", "Ryzen"].map((machine) => JSON.stringify({ machine, node: "v20", results: RESULTS }));
  const texts = new Map([["a.json", one!], ["b.json", other!]]); // prettier-ignore
  expect(() => measuredIn(texts)).toThrow("of several machines");
});

test("the history is a list of rows", () => {
  expect(parseHistory(JSON.stringify([row("0.1.0")]))).toEqual([row("0.1.0")]);
  const { figures: _, ...withoutFigures } = row("0.1.0");
  for (const text of ["{}", "[1]", "[null]", JSON.stringify([withoutFigures]), "[", '[{"version":"0.1.0"}]']) {
    expect(() => parseHistory(text)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  }
});

test("a version's row is replaced, a new one's comes last", () => {
  const rows = [row("0.1.0"), row("0.2.0")];
  expect(withRow(rows, row("0.1.0", {}))).toEqual([row("0.1.0", {}), row("0.2.0")]);
  expect(withRow(rows, row("0.3.0"))).toEqual([...rows, row("0.3.0")]);
});

test("the comparison names what rose and fell, and what only one has", () => {
  const now = {
    machine: "EPYC",
    node: "v20.0.0",
    figures: { ...FIGURES, "mask, random, wasm-simd : native": 1.5, "mask, random, two-workers : one-worker": 1.8 },
  };
  const before = row("0.1.0", { ...FIGURES, "mask, random, wasm-index : native-index": 0.95 });
  expect(comparison(before, now)).toMatchInlineSnapshot(`
    "how many times as fast the first is as the second
      encoding  pattern  first : second             0.1.0, 2026-11-25   now  change
      mask      random   wasm-simd : native                      1.20  1.50   +25 %
                         wasm-simd : native-simd                 0.90  0.90     0 %
                         wasm-index : native-simd                3.00  3.00     0 %
                         wasm-index : native-index               0.95     -       -
                         two-workers : one-worker                   -  1.80       -
    "
  `);
});

test("another machine is named", () => {
  const now = { machine: "Ryzen", node: "v22.0.0", figures: FIGURES };
  expect(comparison(row("0.1.0"), now)).toContain(
    "0.1.0 was measured on EPYC, Node v20.0.0;\nthis is Ryzen, Node v22.0.0.\n",
  );
});

test("without a release the figures stand alone", () => {
  const text = comparison(undefined, { machine: "EPYC", node: "v20.0.0", figures: FIGURES });
  expect(text).toMatch(/wasm-simd : native +- +1\.20 +-\n/);
  expect(text).toContain("No release has a row to compare with.");
});
