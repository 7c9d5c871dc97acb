import { expect, test } from "vitest";
import { parseBenchOptions, type ContenderName } from "../../bench/options.js";
import { heading, jsonReport, legend, resultsOf, table } from "../../bench/report.js";

const MACHINE = { name: "a machine", node: "v20.0.0", pageSize: 4096, transparentHugePages: "madvise", caches: [] };
const SETTING = { op: "heads", encoding: "mask", pattern: "random", slots: 65536 } as const;
const TIMES = new Map<ContenderName, number>([
  ["native", 12],
  ["native-simd", 8],
  ["wasm-simd", 10],
]);

test("a result has the documented keys, and ratios above 1 are faster than the twin", () => {
  expect(resultsOf(SETTING, TIMES)[2]).toEqual({
    op: "heads",
    encoding: "mask",
    contender: "wasm-simd",
    pattern: "random",
    slots: 65536,
    nsPerLookup: 10,
    lookupsPerSecond: 100_000_000,
    ratioToNative: 1.2,
    ratioToNativeSimd: 0.8,
  });
});

test("ratios are null without a compiler", () => {
  const [result] = resultsOf(SETTING, new Map([["wasm-simd", 10]]));
  expect(result).toMatchObject({ ratioToNative: null, ratioToNativeSimd: null });
});

test("the JSON object has the documented keys", () => {
  const options = parseBenchOptions(["--slots", "64Ki", "--seed", "7"])!;
  const results = resultsOf(SETTING, TIMES);
  const map = { mask: "linux-7.3.4-hvo, tiled" };
  expect(jsonReport(MACHINE, options, { results, compiler: null, map })).toEqual({
    machine: "a machine",
    node: "v20.0.0",
    transparentHugePages: "madvise",
    compiler: null,
    map,
    slots: 65536,
    seed: 7,
    lookups: 4 * 2 ** 20,
    rounds: 30,
    results,
  });
});

test("the heading says machine, Node version, page size, slots and seed", () => {
  const text = heading(MACHINE, parseBenchOptions([])!, "missing: no C compiler (cc)");
  for (const part of [
    "a machine",
    "v20.0.0",
    "page size 4 KiB",
    "16Mi slots (1 GiB; memory of 64 GiB)",
    "seed 1",
    "no C compiler",
  ]) {
    expect(text).toContain(part);
  }
});

test("the suite verify tells of passes, not of lists", () => {
  const options = parseBenchOptions(["verify", "--rounds", "5"])!;
  const text = heading(MACHINE, options, "cc");
  expect(text).toContain("passes   over all slots, seed 1, medians of 5 interleaved passes, each warmed up\n");
  expect(text).not.toContain("lookups");
  expect(jsonReport(MACHINE, options, { results: [], compiler: null, map: {} })).not.toHaveProperty("lookups");
});

test("the heading says where huge pages spoil the ratios", () => {
  const text = (transparentHugePages: string): string =>
    heading({ ...MACHINE, transparentHugePages }, parseBenchOptions([])!, "cc");
  expect(text("always")).toContain("transparent huge pages: always, ratios to native not comparable");
  expect(text("madvise")).not.toContain("huge pages");
});

test("the legend tells the contenders that were measured, and what a tiled map is", () => {
  const text = (...argv: string[]): string => legend(parseBenchOptions(argv)!);
  for (const name of ["wasm-call", "js-uint32", "js-bigint", "tiled"]) expect(text()).toContain(`  ${name} `);
  expect(text("--contenders", "js-uint32", "--mix", "0:100")).toBe(
    "\n  js-uint32    plain JavaScript over the same slots as a Uint32Array\n",
  );
});

test("the table has a line for each contender, and a dash for an unknown ratio", () => {
  const results = [
    ...resultsOf(SETTING, TIMES),
    ...resultsOf({ ...SETTING, pattern: "sequential" }, new Map([["js-bigint", 400]])),
  ];
  expect(table("heads, mask", results)).toMatchInlineSnapshot(`
    "heads, mask
      pattern     contender    ns/lookup  M lookups/s  vs native  vs native-simd
      random      native           12.00         83.3       1.00            0.67
                  native-simd       8.00        125.0       1.50            1.00
                  wasm-simd        10.00        100.0       1.20            0.80
      sequential  js-bigint       400.00          2.5          -               -
    "
  `);
});
