import { describe, expect, test } from "vitest";
import { fillPattern, PATTERNS, type Pattern } from "../../bench/patterns.js";

const PAGES = 1024 * 1024;

function walk(pattern: Pattern, seed = 1, length = 100_000, pages = PAGES): Uint32Array {
  const pfns = new Uint32Array(length);
  fillPattern(pfns, pattern, pages, seed);
  return pfns;
}

describe.each(PATTERNS)("%s", (pattern) => {
  test("stays in the map", () => {
    for (const pages of [65536, 98304, PAGES])
      expect(walk(pattern, 7, 100_000, pages).every((pfn) => pfn < pages)).toBe(true);
  });

  test("is the same for the same seed", () => {
    expect(walk(pattern, 3, 2000)).toEqual(walk(pattern, 3, 2000));
  });
});

test("the first values by pattern and seed do not change", () => {
  expect(PATTERNS.map((pattern) => [...walk(pattern, 1, 96).subarray(0, 6)])).toEqual([
    [0, 1, 2, 3, 4, 5],
    [591052, 613533, 939426, 992371, 285572, 321763],
    [0, 513, 1026, 1539, 2052, 2565],
    [609226, 285572, 627431, 270451, 911318, 994475],
  ]);
  expect([...walk("random", 2, 6)]).not.toEqual([...walk("random", 1, 6)]);
});

test("a short sequential list walks over all parts of a large map", () => {
  const pfns = walk("sequential", 1, 65536);
  expect(new Set(pfns).size).toBe(65536);
  expect(new Set(pfns.map((pfn) => pfn >> 17)).size).toBe(PAGES >> 17);
  expect(pfns.filter((pfn, i) => i > 0 && pfn !== pfns[i - 1]! + 1)).toHaveLength(15);
});

test("strided comes to every page", () => {
  expect(new Set(walk("strided", 1, 65536, 65536)).size).toBe(65536);
});

test("random is spread evenly", () => {
  const quarters = [0, 0, 0, 0];
  for (const pfn of walk("random")) quarters[Math.floor((pfn / PAGES) * 4)]!++;
  for (const count of quarters) expect(Math.abs(count - 25_000)).toBeLessThan(700);
});

test("skewed goes nine times of ten to a sixteenth of the 2 MiB blocks", () => {
  const visits = new Map<number, number>();
  const pfns = walk("skewed");
  for (const pfn of pfns) visits.set(pfn >> 9, (visits.get(pfn >> 9) ?? 0) + 1);
  const hottest = [...visits.values()].sort((a, b) => b - a).slice(0, PAGES / 512 / 16);
  const share = hottest.reduce((sum, count) => sum + count, 0) / pfns.length;
  expect(share).toBeGreaterThan(0.88);
  expect(share).toBeLessThan(0.93);
});
