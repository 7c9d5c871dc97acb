import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ENCODINGS, SUITE_CONTENDERS } from "../../bench/options.js";
import { buildTwins, startTwins } from "../../bench/twins.js";
import { Output } from "../../bench/output.js";
import { VerifyBench } from "../../bench/verify.js";
import { Vmemmap } from "../../src/vmemmap.js";

const LOCAL = ["js-uint32", "wasm-simd", "wasm-scalar"] as const;
const OPTIONS = { contenders: LOCAL, rounds: 2, seed: 1 };
const PRESETS = { pointer: "5.15", "fake-heads": "6.18", mask: "7.3" } as const;

let map: Vmemmap;

beforeEach(() => (map = mapOf("mask")));
afterEach(() => map.dispose());

function mapOf(encoding: keyof typeof PRESETS): Vmemmap {
  const made = new Vmemmap({ profile: PRESETS[encoding], memory: [{ start: 0, end: 64 * 1024 }] });
  for (let pfn = 0; pfn < made.slots; pfn += 1024) made.prepCompoundPage(pfn, 9);
  return made;
}

function benchOf(options: typeof OPTIONS = OPTIONS): VerifyBench {
  return new VerifyBench(map, null, options, () => undefined);
}

test.each(ENCODINGS)("measures every contender on a map without findings, %s encoding", async (encoding) => {
  map.dispose();
  map = mapOf(encoding);
  const contenders = SUITE_CONTENDERS.verify;
  const twins = startTwins(buildTwins({ contenders } as Parameters<typeof buildTwins>[0], new Output(true)));
  const bench = new VerifyBench(map, twins, { ...OPTIONS, contenders }, () => undefined);
  await bench.sendMap();
  const times = await bench.run();
  await twins?.process.end();
  expect(bench.counts).toEqual({});
  expect([...times.keys()]).toEqual(twins === null ? LOCAL : contenders);
  for (const time of times.values()) expect(time).toBeGreaterThan(0);
});

test("leaves out the twins where there are none", () => {
  expect(benchOf({ ...OPTIONS, contenders: SUITE_CONTENDERS.verify as never }).contenders).toEqual(LOCAL);
});

test("each build checks the map, twice a round", async () => {
  const verify = vi.spyOn(map, "verify");
  const builds: string[] = [];
  const bench = benchOf();
  verify.mockImplementation((options) => {
    builds.push(map.build);
    return Vmemmap.prototype.verify.call(map, options);
  });
  await bench.run();
  expect(new Set(builds)).toEqual(new Set(["simd", "scalar"]));
  for (let i = 0; i < builds.length; i += 2) expect(builds[i]).toBe(builds[i + 1]);
});

test("findings are no failure, but they are to be the same in each pass", async () => {
  const tailWithCount = (pfn: number): void => map.writeWord(pfn, 48, 0x1_ffff_ffffn);
  tailWithCount(5);
  const bench = benchOf();
  expect(bench.counts).toEqual({ "tail-refcount": 1 });
  await bench.run();
  tailWithCount(6);
  await expect(bench.run()).rejects.toThrow(/^wasm-\w+: found {"tail-refcount":2}, not {"tail-refcount":1} as before$/);
});

test("a wrong sum ends the measurement", async () => {
  const bench = benchOf({ ...OPTIONS, contenders: ["js-uint32"] as never });
  map.writeWord(7, 8, 0x1230n);
  await expect(bench.run()).rejects.toThrow(/js-uint32: the words add up to \d+, not to \d+/);
});
