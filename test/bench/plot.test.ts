import { expect, test } from "vitest";
import { spread, type Tick } from "../../bench/chart.js";
import type { ContenderName } from "../../bench/options.js";
import { plot } from "../../bench/plot.js";
import { resultsOf } from "../../bench/report.js";
import { expectWellFormed, MACHINE } from "./svg.js";

const SIZES = [65536, 2 ** 20, 2 ** 24];

function picture(machine = MACHINE, limits: readonly Tick[] = []): string {
  const results = SIZES.flatMap((slots, i) => {
    const times = new Map<ContenderName, number>([
      ["native", 10 + i],
      ["wasm-index", 10.1 + i],
      ["js-bigint", 400],
    ]);
    return resultsOf({ op: "heads", encoding: "mask", pattern: "random", slots }, times);
  });
  return plot(results, { machine, compiler: "cc 12", origin: "linux-7.3.4-hvo", seed: 5 }, limits);
}

test("the picture is well-formed XML", () => {
  expectWellFormed(picture());
});

test("it has a line for each contender and names machine, seed, pattern, encoding and sizes", () => {
  const svg = picture();
  expect(svg.match(/<circle /g)).toHaveLength(9);
  for (const part of [
    "Ryzen &amp; &lt;friends&gt;",
    "Node v20.0.0",
    "seed 5",
    "random",
    "mask",
    ">64Ki<",
    ">1Mi<",
    ">16Mi<",
  ]) {
    expect(svg).toContain(part);
  }
});

test("huge pages are told where ratios are not comparable", () => {
  expect(picture({ ...MACHINE, transparentHugePages: "always" })).toContain("transparent huge pages: always");
  expect(picture()).not.toContain("huge pages");
});

test("caches are marked where the slots begin to outgrow them", () => {
  expect(picture()).toContain(">L3 32 MiB<");
  expect(picture()).not.toContain(">L2 1 MiB<"); // left of the smallest map
});

test("where the head index outgrows a cache is marked too", () => {
  expect(picture()).toContain(">index L2 1 MiB<");
});

test("limits are drawn", () => {
  expect(picture(MACHINE, [{ at: 250e6, label: "memory" }])).toContain(">memory<");
});

test("labels move apart as little as they must, and stay inside", () => {
  expect(spread([10, 100], 20, 0, 200)).toEqual([10, 100]);
  expect(spread([100, 100, 100], 20, 0, 200)).toEqual([80, 100, 120]);
  expect(spread([0, 5], 20, 0, 200)).toEqual([0, 20]);
  expect(spread([195, 199], 20, 0, 200)).toEqual([180, 200]);
});
