import { describe, expect, test } from "vitest";
import { formatCount, parseBenchOptions } from "../../bench/options.js";
import { VmemmapError } from "../../src/errors.js";

describe("parseBenchOptions", () => {
  test("measures heads at 16Mi slots, random and sequential, with every contender by default", () => {
    expect(parseBenchOptions([])).toEqual({
      suite: "heads",
      encodings: undefined,
      patterns: ["random", "sequential"],
      contenders: [
        "native",
        "native-simd",
        "native-index",
        "wasm-simd",
        "wasm-scalar",
        "wasm-index",
        "wasm-call",
        "js-uint32",
        "js-bigint",
      ],
      slots: 16 * 2 ** 20,
      lookups: 4 * 2 ** 20,
      rounds: 30,
      seed: 1,
      map: undefined,
      mix: undefined,
      orders: [],
      hugePages: false,
      json: false,
      plot: undefined,
    });
  });

  test("the suite threads holds one worker and two against this thread and the loops in C", () => {
    expect(parseBenchOptions(["threads"])).toMatchObject({
      suite: "threads",
      encodings: undefined,
      contenders: [
        "native",
        "native-simd",
        "wasm-shared",
        "one-worker",
        "two-workers",
        "one-worker-index",
        "two-workers-index",
      ],
      lookups: 4 * 2 ** 20,
    });
  });

  test("reads lists, binary units and mixes", () => {
    const options = parseBenchOptions([
      "heads",
      ...["--slots", "64Ki", "--lookups", "65536", "--encoding", "mask,pointer", "--pattern=skewed"],
      ...["--mix", "0:60,2:20,9:20", "--json"],
    ]);
    expect(options).toMatchObject({
      slots: 65536,
      lookups: 65536,
      encodings: ["mask", "pointer"],
      patterns: ["skewed"],
      json: true,
    });
    expect([...options!.mix!]).toEqual([
      [0, 60],
      [2, 20],
      [9, 20],
    ]);
  });

  test("draws random lookups, or the first pattern where random is not asked for", () => {
    expect(parseBenchOptions(["--plot", "a.svg"])!.plot).toEqual({ file: "a.svg", pattern: "random" });
    expect(parseBenchOptions(["--plot", "a.svg", "--pattern", "strided"])!.plot!.pattern).toBe("strided");
  });

  test("the suite pgmap measures folios of four orders, in the encodings without fake heads", () => {
    expect(parseBenchOptions(["pgmap"])).toMatchObject({
      suite: "pgmap",
      encodings: ["pointer", "mask"],
      orders: [0, 2, 9, 18],
      contenders: [
        "native",
        "native-chain",
        "native-simd",
        "wasm-simd",
        "wasm-scalar",
        "wasm-index",
        "wasm-call",
        "js-uint32",
      ],
      slots: 16 * 2 ** 20,
    });
    expect(parseBenchOptions(["pgmap", "--slots", "64Ki"])!.orders).toEqual([0, 2, 9]);
    expect(parseBenchOptions(["pgmap", "--orders", "9, 1,9", "--encoding", "fake-heads"])).toMatchObject({
      orders: [1, 9],
      encodings: ["fake-heads"],
    });
  });

  test("the suite fields measures like heads, without whole 64-bit words in JavaScript", () => {
    const { contenders, ...others } = parseBenchOptions(["fields"])!;
    expect(others).toEqual({ ...parseBenchOptions([])!, suite: "fields", contenders: undefined });
    expect(contenders).toEqual([
      "native",
      "native-simd",
      "wasm-simd",
      "wasm-scalar",
      "wasm-index",
      "wasm-call",
      "js-uint32",
    ]);
  });

  test.each(["verify", "passes", "census"])("the suite %s has no lists and no patterns, in all encodings", (suite) => {
    expect(parseBenchOptions([suite])).toEqual({
      ...parseBenchOptions([])!,
      suite,
      patterns: [],
      lookups: 0,
      contenders: ["native", "native-simd", "js-uint32", "wasm-simd", "wasm-scalar"],
    });
    expect([...parseBenchOptions([suite, "--mix", "0:40,9:60"])!.mix!]).toEqual([
      [0, 40],
      [9, 60],
    ]);
  });

  test("asks for help", () => {
    expect(parseBenchOptions(["--help"])).toBeNull();
  });

  test.each([
    [["--slots", "16Mb"], '--slots: "16Mb" is no whole number with an optional unit Ki, Mi or Gi'],
    [["--slots", "1Ki"], "--slots: 1Ki is not within 64Ki to 60Mi"],
    [["--slots", "65537"], "--slots: 65537 is not a multiple of 32Ki, the pages of a section"],
    [["--encoding", "masks"], '--encoding: "masks" is none of pointer, fake-heads, mask'],
    [["--pattern", ""], '--pattern: "" is none of sequential, random, strided, skewed'],
    [["--mix", "0:60,2:20"], "--mix: the percentages add up to 80, not to 100"],
    [["--mix", "0:50,0:50"], "--mix: order 0 is given twice"],
    [["--mix", "19:100"], "--mix: order 19 is above 18"],
    [["--mix", "all"], '--mix: "all" is not ORDER:PERCENT'],
    [["--mix", "0:100", "--map", "x"], "--map and --mix exclude each other"],
    [["--plot", "a.png"], '--plot: "a.png" does not end in .svg'],
    [["--rounds", "0"], "--rounds: 0 is not within 1 to 10000"],
    [["--seed", "-1"], '--seed: "-1" is no value for it'],
    [["--seed"], "--seed: the value is missing"],
    [["tails"], 'benchmark: "tails" is none of heads, fields, pgmap, verify, passes, census, threads, upkeep, scale'],
    [
      ["pgmap", "--map", "x"],
      "--map belongs to the benchmarks heads, fields, verify, passes, census and threads, not to pgmap",
    ],
    [
      ["pgmap", "--mix", "0:100"],
      "--mix belongs to the benchmarks heads, fields, verify, passes, census and threads, not to pgmap",
    ],
    [["--orders", "9"], "--orders belongs to the benchmark pgmap, not to heads"],
    [["verify", "--orders", "9"], "--orders belongs to the benchmark pgmap, not to verify"],
    [
      ["verify", "--pattern", "random"],
      "--pattern belongs to the benchmarks heads, fields, pgmap, threads and scale, not to verify",
    ],
    [
      ["verify", "--lookups", "1Mi"],
      "--lookups belongs to the benchmarks heads, fields, pgmap, threads and scale, not to verify",
    ],
    [
      ["passes", "--pattern", "random"],
      "--pattern belongs to the benchmarks heads, fields, pgmap, threads and scale, not to passes",
    ],
    [
      ["scale", "--encoding", "mask"],
      "--encoding belongs to the benchmarks heads, fields, pgmap, verify, passes, census and threads, not",
    ],
    [["scale", "--slots", "512Ki"], "--slots: 512Ki is not within 1Mi to 256Mi"],
    [["verify", "--plot", "a.svg"], "--plot belongs to the benchmarks heads, pgmap and scale, not to verify"],
    [["verify", "--contenders", "wasm-call"], "--contenders: wasm-call takes no part in the benchmark verify"],
    [["pgmap", "--orders", "19"], '--orders: "19" is no order from 0 to 18'],
    [["pgmap", "--orders", "0,"], '--orders: "" is no order from 0 to 18'],
    [
      ["pgmap", "--orders", "0,18", "--slots", "96Ki"],
      "--orders: a map of 96Ki slots is not made of folios of 256Ki pages",
    ],
    [["pgmap", "--contenders", "native,js-bigint"], "--contenders: js-bigint takes no part in the benchmark pgmap"],
    [["heads", "pgmap"], "one benchmark at a time, not heads pgmap"],
    [["--frobnicate"], "Unknown option '--frobnicate'"],
  ])("refuses %j", (argv, message) => {
    const refused = catchError(() => parseBenchOptions(argv));
    expect(refused).toBeInstanceOf(VmemmapError);
    expect(refused).toMatchObject({ code: "bad-argument" });
    expect((refused as Error).message).toContain(message);
    expect((refused as Error).message).not.toContain("\n");
  });
});

test("formatCount gives binary units where they are exact", () => {
  expect([16 * 2 ** 20, 64 * 2 ** 10, 1000, 0].map(formatCount)).toEqual(["16Mi", "64Ki", "1000", "0"]);
});

function catchError(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
