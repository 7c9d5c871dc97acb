import { expect, test } from "vitest";
import { formFolios } from "../../bench/mix.js";
import { Vmemmap } from "../../src/vmemmap.js";

test("a synthetic map has the wished share of memory in each order", () => {
  const map = new Vmemmap({ profile: "7.3", memory: [{ start: 0, end: 256 * 1024 }] });
  formFolios(
    map,
    new Map([
      [0, 60],
      [2, 20],
      [9, 20],
    ]),
    1,
  );
  const pages = map.foliosByOrder().map((folios, order) => folios * 2 ** order);
  expect(pages.reduce((sum, count) => sum + count)).toBe(map.slots);
  for (const [order, percent] of [
    [0, 60],
    [2, 20],
    [9, 20],
  ] as const) {
    expect(Math.abs(pages[order]! / map.slots - percent / 100)).toBeLessThan(0.03);
  }
  map.dispose();
});

test("the same seed forms the same folios", () => {
  const heads = [1, 1, 2].map((seed) => {
    const map = new Vmemmap({ profile: "6.12", memory: [{ start: 0, end: 32768 }] });
    formFolios(
      map,
      new Map([
        [1, 50],
        [3, 50],
      ]),
      seed,
    );
    const list = Uint32Array.from({ length: 4096 }, (_, pfn) => pfn);
    map.heads(list);
    map.dispose();
    return list;
  });
  expect(heads[0]).toEqual(heads[1]);
  expect(heads[0]).not.toEqual(heads[2]);
});
