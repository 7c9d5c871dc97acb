/** What makes findings a run. */
import { expect, it } from "vitest";
import { runsOf } from "../../../src/cli/finding-runs.js";
import type { Finding } from "../../../src/index.js";

const stale = (pfn: number, found: Finding["found"] = "0x1"): Finding => ({
  code: "pgmap-unknown",
  pfn,
  found,
  expected: null,
});
const short = (pfn: number): Finding => ({ code: "order-run", pfn, found: 128, expected: 512 });
const shape = (findings: readonly Finding[]) =>
  runsOf(findings).map(({ code, firstPfn, lastPfn, count, step }) => [code, firstPfn, lastPfn, count, step]);

it("pages in a row that found the same are one, though other rules are broken between them", () => {
  expect(shape([stale(8), short(8), stale(9), stale(10)])).toEqual([
    ["pgmap-unknown", 8, 10, 3, 1],
    ["order-run", 8, 8, 1, 1],
  ]);
});

it("another value, or a page between, begins another", () => {
  expect(shape([stale(8), stale(9, "0x2"), stale(10, "0x2"), stale(13, "0x2")])).toEqual([
    ["pgmap-unknown", 8, 8, 1, 1],
    ["pgmap-unknown", 9, 10, 2, 1],
    ["pgmap-unknown", 13, 13, 1, 1],
  ]);
});

it("folios at an even distance are one", () => {
  expect(shape([short(0), short(512), short(1024), short(3072)])).toEqual([
    ["order-run", 0, 1024, 3, 512],
    ["order-run", 3072, 3072, 1, 1],
  ]);
});

it("tails are not joined over others", () => {
  const tail = (pfn: number): Finding => ({ code: "tail-refcount", pfn, found: 1, expected: 0 });
  expect(shape([tail(1), tail(3)]).length).toBe(2);
});
