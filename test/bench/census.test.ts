import { afterEach, beforeEach, expect, test } from "vitest";
import { CENSUS_OPS, CensusBench, type CensusOp } from "../../bench/census.js";
import { censusPass } from "../../bench/census-javascript.js";
import { censusResultsOf, censusTable, censusVerdict } from "../../bench/census-report.js";
import type { Nanoseconds } from "../../bench/contest.js";
import { plainMapOf } from "../../bench/engine.js";
import { SUITE_CONTENDERS } from "../../bench/options.js";
import { PAGE_KINDS } from "../../src/kinds.js";
import { Vmemmap } from "../../src/vmemmap.js";
import { mapNames, openMap } from "../truth.js";

const OPTIONS = { contenders: SUITE_CONTENDERS.census, rounds: 2, seed: 1 };
const SETTING = { encoding: "mask", map: "tiled", slots: 65536 } as const;

let map: Vmemmap;
beforeEach(() => {
  map = new Vmemmap({ profile: "6.18", memory: [{ start: 0, end: 64 * 1024 }] });
  for (let pfn = 0; pfn < map.slots; pfn += 1024) map.prepCompoundPage(pfn, 9);
  map.setPageType(1024, "hugetlb");
  map.hugetlbVmemmapOptimizeFolio(1024);
});
afterEach(() => map.dispose());

test.each(mapNames.filter((name) => !name.includes("4gib")))("JavaScript counts the kinds of %s", async (name) => {
  const real = await Vmemmap.load(openMap(name));
  const counts = censusPass(real, plainMapOf(real))();
  const rows = PAGE_KINDS.flatMap((key, i) =>
    counts[2 * i]! > 0 ? [{ key, pages: counts[2 * i], folios: counts[2 * i + 1] }] : [],
  );
  expect(rows).toEqual(real.census().rows.map(({ key, pages, folios }) => ({ key, pages, folios })));
});

test("measures every contender at what it does", async () => {
  const times = await new CensusBench(map, null, OPTIONS, () => undefined).run();
  expect([...times.keys()]).toEqual(CENSUS_OPS);
  expect([...times.get("sum")!.keys()]).toEqual(["js-uint32"]);
  expect([...times.get("census")!.keys()]).toEqual(["js-uint32", "wasm-simd", "wasm-scalar"]);
  for (const op of ["census-by-slots", "kinds"] as const) {
    expect([...times.get(op)!.keys()]).toEqual(["wasm-simd", "wasm-scalar"]);
  }
});

test("a wrong answer ends the measurement", async () => {
  const bench = new CensusBench(map, null, { ...OPTIONS, contenders: ["wasm-simd"] }, () => undefined);
  map.census = () => ({ by: "kind", rows: [], pages: 0, bytes: 0, folios: 0 });
  await expect(bench.run()).rejects.toThrow("wasm-simd: wrong answers to census");
});

test("the table of a map, and the verdict", () => {
  const results = censusResultsOf(
    SETTING,
    new Map<CensusOp, Nanoseconds>([
      ["sum", new Map([["native", 2]])],
      ["census", new Map([["wasm-simd", 4]])],
    ]),
  );
  expect(results[1]).toEqual({
    op: "census",
    encoding: "mask",
    map: "tiled",
    contender: "wasm-simd",
    slots: 65536,
    nsPerSlot: 4,
    pagesPerSecond: 250_000_000,
    gibPerSecond: 14.9012,
    ratioToPlainPass: 0.5,
  });
  expect(censusTable("a map", "", results)).toMatch(/census +wasm-simd +4\.00 +250 +14\.9 +0\.50\n$/);
  expect(censusVerdict(results)).toContain("NO, at least 0.50x (census, mask, tiled)");
  expect(censusVerdict([])).toBe("");
});
