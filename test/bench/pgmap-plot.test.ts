import { expect, test } from "vitest";
import { linearTicks } from "../../bench/bars.js";
import type { ContenderName } from "../../bench/options.js";
import type { Form } from "../../bench/pgmap.js";
import { plotPgmap } from "../../bench/pgmap-plot.js";
import { pgmapResultsOf } from "../../bench/pgmap-report.js";
import { expectWellFormed, MACHINE } from "./svg.js";

const ORDERS = [0, 2, 9, 18];

function picture(contenders: readonly ContenderName[], patterns = ["random", "sequential"] as const): string {
  const results = ORDERS.flatMap((order) =>
    (["pointer", "mask"] as const).flatMap((encoding) =>
      patterns.flatMap((pattern) => {
        const times = (base: number) => new Map(contenders.map((name, i) => [name, base + i]));
        const forms = new Map<Form, Map<ContenderName, number>>([
          ["page", times(pattern === "random" ? 10 : 1.5)],
          ["folio", times((pattern === "random" ? 11 : 1.6) + (order === 2 ? 8 : 0))],
          ["range", times(3)],
        ]);
        return pgmapResultsOf({ order, encoding, pattern, slots: 2 ** 24 }, forms);
      }),
    ),
  );
  return plotPgmap(results, { machine: MACHINE, compiler: "cc 12", seed: 5 });
}

test("the picture is well-formed XML", () => {
  expectWellFormed(picture(["native", "wasm-simd"]));
});

test("it has a bar for each contender, encoding, order and pattern, with its value", () => {
  const svg = picture(["native", "native-simd", "wasm-simd", "js-uint32"]);
  const bars = 2 * 2 * ORDERS.length * 2;
  const legend = 2 * 2;
  expect(svg.match(/<rect /g)).toHaveLength(1 + legend + bars);
  expect(svg).toContain(">1.9<"); // native, random, order 2
});

test("it names machine, seed, patterns, encodings, orders, and the times of the page form", () => {
  const svg = picture(["native", "wasm-simd"]);
  for (const part of [
    "Ryzen &amp; &lt;friends&gt;",
    "Node v20.0.0",
    "seed 5",
    "16Mi ZONE_DEVICE pages",
    ">random pages<",
    ">sequential pages<",
    ">native, pointer<",
    ">wasm-simd, mask<",
    ">2 MiB<",
    ">1 GiB<",
    "1 is page-&gt;pgmap: native 10.00 ns, wasm-simd 11.00 ns",
  ]) {
    expect(svg).toContain(part);
  }
});

test("where neither the twin nor the engine was measured, it shows who was", () => {
  expect(picture(["js-uint32", "wasm-call"])).toContain(">js-uint32, pointer<");
});

test("ticks are round, start at 0 and reach the largest value", () => {
  expect(linearTicks(1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(linearTicks(1.9)).toEqual([0, 0.5, 1, 1.5, 2]);
  expect(linearTicks(7.2)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(linearTicks(60)).toEqual([0, 10, 20, 30, 40, 50, 60]);
});
