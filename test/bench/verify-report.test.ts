import { expect, test } from "vitest";
import { parseBenchOptions, type ContenderName } from "../../bench/options.js";
import { verdict, verifyLegend, verifyResultsOf, verifyTable } from "../../bench/verify-report.js";

const SETTING = { encoding: "mask", map: "tiled", slots: 65536, counts: {} } as const;
const TIMES = new Map<ContenderName, number>([
  ["native", 4],
  ["js-uint32", 5],
  ["wasm-simd", 6],
]);

test("a result has the documented keys, and times over a plain pass above 1 are slower", () => {
  expect(verifyResultsOf(SETTING, TIMES)[2]).toEqual({
    op: "verify",
    encoding: "mask",
    map: "tiled",
    contender: "wasm-simd",
    slots: 65536,
    nsPerSlot: 6,
    gibPerSecond: 9.9341,
    timeOverNative: 1.5,
    timeOverJavaScript: 1.2,
    counts: {},
  });
});

test("the table tells passes from checks, and that there were no findings", () => {
  expect(verifyTable("linux-7.3.4-hvo, tiled", "", verifyResultsOf(SETTING, TIMES))).toMatchInlineSnapshot(`
    "verify, mask encoding, map of linux-7.3.4-hvo, tiled; no findings
      op      contender  ns/slot  GiB/s  over native  over js-uint32
      pass    native        4.00   14.9        1.00x           0.80x
              js-uint32     5.00   11.9        1.25x           1.00x
      verify  wasm-simd     6.00    9.9        1.50x           1.20x
    "
  `);
});

test("the table says how many findings there were, and dashes where a plain pass is missing", () => {
  const counts = { "order-run": 2, "pgmap-unknown": 40 };
  const results = verifyResultsOf({ ...SETTING, counts }, new Map([["wasm-scalar", 8]]));
  expect(results[0]).toMatchObject({ timeOverNative: null, timeOverJavaScript: null, counts });
  const text = verifyTable("a map", "", results);
  expect(text).toContain("map of a map; 42 findings: 2 order-run, 40 pgmap-unknown\n");
  expect(text).toMatch(/wasm-scalar +8\.00 +7\.5 +- +-\n$/);
  const one = verifyResultsOf({ ...SETTING, counts: { "order-run": 1 } }, TIMES);
  expect(verifyTable("a map", "", one)).toContain("; 1 finding: 1 order-run\n");
});

test("the verdict names the slowest check over each plain pass", () => {
  const slow = new Map<ContenderName, number>([
    ["native", 2],
    ["js-uint32", 4],
    ["wasm-scalar", 9],
  ]);
  const results = [
    ...verifyResultsOf(SETTING, TIMES),
    ...verifyResultsOf({ ...SETTING, encoding: "pointer", map: "synthetic" }, slow),
  ];
  expect(verdict(results)).toBe(
    "\nverify() within 4x of the time a plain pass over the slots takes:\n" +
      "  native       NO, at most 4.50x (wasm-scalar, pointer, synthetic)\n" +
      "  js-uint32    yes, at most 2.25x (wasm-scalar, pointer, synthetic)\n",
  );
});

test("there is no verdict without a plain pass, or without a check", () => {
  expect(verdict(verifyResultsOf(SETTING, new Map([["wasm-simd", 6]])))).toBe("");
  expect(verdict(verifyResultsOf(SETTING, new Map([["native", 6]])))).toBe("");
});

test("the legend tells the contenders that were measured, the columns, and what a tiled map is", () => {
  const names = (...argv: string[]): string[] =>
    verifyLegend(parseBenchOptions(["verify", ...argv])!)
      .split("\n")
      .map((line) => line.slice(2, 14).trim())
      .filter((name) => name !== "");
  expect(names()).toEqual(["pass", "js-uint32", "wasm-simd", "wasm-scalar", "GiB/s", "over", "tiled"]);
  expect(names("--contenders", "native", "--mix", "0:100")).toEqual(["pass", "GiB/s", "over"]);
});
