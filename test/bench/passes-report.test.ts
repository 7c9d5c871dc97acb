import { expect, test } from "vitest";
import type { Nanoseconds } from "../../bench/contest.js";
import type { PassName } from "../../bench/passes.js";
import { passesLegend, passesTable, passResultsOf } from "../../bench/passes-report.js";

const SETTING = { encoding: "mask", map: "tiled", slots: 65536 } as const;
const TIMES = new Map<PassName, Nanoseconds>([
  ["sum", new Map([["native", 2]])],
  [
    "list-heads",
    new Map([
      ["native", 3],
      ["wasm-simd", 4],
    ]),
  ],
]);

test("a result has the documented keys, and ratios above 1 are faster", () => {
  expect(passResultsOf(SETTING, TIMES)[2]).toEqual({
    op: "list-heads",
    encoding: "mask",
    map: "tiled",
    contender: "wasm-simd",
    slots: 65536,
    nsPerSlot: 4,
    gibPerSecond: 14.9012,
    ratioToNative: 0.75,
    ratioToPlainPass: 0.5,
  });
});

test("the table of a map", () => {
  expect(passesTable("linux-7.3.4-hvo, tiled", "", passResultsOf(SETTING, TIMES))).toMatchInlineSnapshot(`
    "passes, mask encoding, map of linux-7.3.4-hvo, tiled
      op          contender  ns/slot  GiB/s  vs native  vs plain pass
      sum         native        2.00   29.8       1.00           1.00
      list-heads  native        3.00   19.9       1.00           0.67
                  wasm-simd     4.00   14.9       0.75           0.50
    "
  `);
});

test("dashes where the twin is missing", () => {
  const results = passResultsOf(SETTING, new Map([["well-formed", new Map([["wasm-simd", 8]])]]));
  expect(results[0]).toMatchObject({ ratioToNative: null, ratioToPlainPass: null });
  expect(passesTable("a map", "", results)).toMatch(/wasm-simd +8\.00 +7\.5 +- +-\n$/);
});

test("the legend tells of tiles where maps are tiled", () => {
  expect(passesLegend({ contenders: ["wasm-simd"], mix: undefined })).toContain("copies of a real map");
  expect(passesLegend({ contenders: ["wasm-simd"], mix: new Map([[0, 100]]) })).not.toContain("copies of a real map");
});
