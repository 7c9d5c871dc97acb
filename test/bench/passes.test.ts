import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENCODINGS, SUITE_CONTENDERS } from "../../bench/options.js";
import { Output } from "../../bench/output.js";
import { PASSES, PassesBench } from "../../bench/passes.js";
import { countPass, headsPass } from "../../bench/passes-javascript.js";
import { buildTwins, startTwins } from "../../bench/twins.js";
import { Vmemmap } from "../../src/vmemmap.js";
import { obviousCounts, obviousHeads, tinyMap } from "./tiny-map.js";

const OPTIONS = { contenders: SUITE_CONTENDERS.passes, rounds: 2, seed: 1 };
const LOCAL = ["js-uint32", "wasm-simd", "wasm-scalar"];

test.each(ENCODINGS)("JavaScript counts folios by order and lists heads, %s encoding", (encoding) => {
  const map = tinyMap(encoding);
  expect(countPass(map)()).toEqual(obviousCounts(map));
  expect(headsPass(map)()).toEqual(obviousHeads(map));
  expect([...obviousHeads(map)]).toEqual([2, 64, 128, 512, 1024]);
});

describe("the benchmark", () => {
  let map: Vmemmap;

  beforeEach(() => {
    map = new Vmemmap({ profile: "6.18", memory: [{ start: 0, end: 64 * 1024 }] });
    for (let pfn = 0; pfn < map.slots; pfn += 1024) map.prepCompoundPage(pfn, 9);
    map.hugetlbVmemmapOptimizeFolio(1024);
  });
  afterEach(() => map.dispose());

  test("measures every contender at every pass that it does", async () => {
    const twins = startTwins(buildTwins(OPTIONS as Parameters<typeof buildTwins>[0], new Output(true)));
    const bench = new PassesBench(map, twins, OPTIONS, () => undefined);
    await bench.sendMap();
    const times = await bench.run();
    await twins?.process.end();
    expect([...times.keys()]).toEqual(PASSES);
    const native = ["native", "native-simd"].filter((name) =>
      (twins?.variants as string[] | undefined)?.includes(name),
    );
    expect([...times.get("sum")!.keys()]).toEqual([...native, "js-uint32"]);
    for (const pass of ["count-by-order", "list-heads"] as const) {
      expect([...times.get(pass)!.keys()]).toEqual([...native, ...LOCAL]);
    }
    expect([...times.get("well-formed")!.keys()]).toEqual(["wasm-simd", "wasm-scalar"]);
    for (const time of [...times.values()].flatMap((each) => [...each.values()])) expect(time).toBeGreaterThan(0);
  });

  test("a wrong answer ends the measurement", async () => {
    const bench = new PassesBench(map, null, { ...OPTIONS, contenders: ["wasm-simd"] }, () => undefined);
    map.listHeads = () => Uint32Array.of(5);
    await expect(bench.run()).rejects.toThrow("wasm-simd: wrong answers to list-heads");
  });
});
