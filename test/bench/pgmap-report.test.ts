import { expect, test } from "vitest";
import { parseBenchOptions, type ContenderName } from "../../bench/options.js";
import type { Form } from "../../bench/pgmap.js";
import { costTable, pgmapLegend, pgmapResultsOf, pgmapTable } from "../../bench/pgmap-report.js";

const TIMES = new Map<Form, Map<ContenderName, number>>([
  [
    "page",
    new Map<ContenderName, number>([
      ["native", 10],
      ["wasm-simd", 8],
    ]),
  ],
  [
    "folio",
    new Map<ContenderName, number>([
      ["native", 15],
      ["wasm-simd", 10],
    ]),
  ],
]);

test("a result tells its form and order, and what it costs over the page form of the same contender", () => {
  const results = pgmapResultsOf({ order: 9, encoding: "mask", pattern: "random", slots: 65536 }, TIMES);
  expect(results[3]).toEqual({
    op: "pgmap",
    encoding: "mask",
    contender: "wasm-simd",
    pattern: "random",
    slots: 65536,
    nsPerLookup: 10,
    lookupsPerSecond: 100_000_000,
    ratioToNative: 1.5,
    ratioToNativeSimd: null,
    form: "folio",
    order: 9,
    costOverPage: 1.25,
  });
  expect(results.map(({ costOverPage }) => costOverPage)).toEqual([1, 1, 1.5, 1.25]);
});

test("the table of an order leaves out labels that repeat the line above", () => {
  const of = (encoding: "pointer" | "mask", pattern: "random" | "sequential") =>
    pgmapResultsOf({ order: 9, encoding, pattern, slots: 65536 }, TIMES);
  const results = [...of("pointer", "random"), ...of("mask", "random"), ...of("mask", "sequential")];
  expect(pgmapTable({ order: 9, pgmaps: 8, caveat: "" }, results)).toMatchInlineSnapshot(`
    "pgmap, order 9: device-dax folios of 512 pages of 8 pgmaps
      encoding  pattern     form   contender  ns/lookup  vs native  vs page form
      pointer   random      page   native         10.00       1.00         1.00x
                                   wasm-simd       8.00       1.25         1.00x
                            folio  native         15.00       1.00         1.50x
                                   wasm-simd      10.00       1.50         1.25x
      mask      random      page   native         10.00       1.00         1.00x
                                   wasm-simd       8.00       1.25         1.00x
                            folio  native         15.00       1.00         1.50x
                                   wasm-simd      10.00       1.50         1.25x
                sequential  page   native         10.00       1.00         1.00x
                                   wasm-simd       8.00       1.25         1.00x
                            folio  native         15.00       1.00         1.50x
                                   wasm-simd      10.00       1.50         1.25x
    "
  `);
});

test("the last table has the folio's cost of all orders side by side", () => {
  const results = [0, 9].flatMap((order) =>
    (["random", "sequential"] as const).flatMap((pattern) =>
      pgmapResultsOf({ order, encoding: "mask", pattern, slots: 65536 }, TIMES),
    ),
  );
  expect(costTable(results)).toMatchInlineSnapshot(`
    "folio over page: the time of page_pgmap() over that of page->pgmap, by order of the folios
      encoding  pattern     contender  order 0  order 9
      mask      random      native       1.50x    1.50x
                            wasm-simd    1.25x    1.25x
                sequential  native       1.50x    1.50x
                            wasm-simd    1.25x    1.25x
    "
  `);
});

test("without the twins there are no ratios to them", () => {
  const times = new Map<Form, Map<ContenderName, number>>([["folio", new Map([["js-uint32", 4]])]]);
  const results = pgmapResultsOf({ order: 0, encoding: "mask", pattern: "random", slots: 65536 }, times);
  expect(results[0]).toMatchObject({ ratioToNative: null, costOverPage: null });
  expect(pgmapTable({ order: 0, pgmaps: 1, caveat: "" }, results)).toMatch(
    /pgmap, order 0: fs-dax pages of 1 pgmap\n.*\n.*js-uint32 +4\.00 +- +-\n$/,
  );
});

test("the legend tells the forms, the kernels and both ratios", () => {
  const text = pgmapLegend(parseBenchOptions(["pgmap", "--contenders", "native,js-uint32"])!);
  const names = text.split("\n").map((line) => line.slice(2, 14).trim());
  expect(names.filter((name) => name !== "")).toEqual([
    ...["page", "folio", "range", "pointer", "mask", "js-uint32", "vs native", "vs page form"],
  ]);
  expect(text).toContain("Linux 6.18 without HVO");
});
