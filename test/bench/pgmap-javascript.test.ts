import { expect, test } from "vitest";
import { ENCODINGS } from "../../bench/options.js";
import { folioLoop, pageLoop, rangeLoop } from "../../bench/pgmap-javascript.js";
import { allDevicePfns, obviousPgmap, tinyDevicePages } from "./tiny-device.js";

const LOOPS = { page: pageLoop, folio: folioLoop, range: rangeLoop };

test.each(
  ENCODINGS.flatMap((encoding) => (["page", "folio", "range"] as const).map((form) => [encoding, form] as const)),
)("js-uint32 gives the pgmap of every page, %s encoding, by %s", (encoding, form) => {
  const pages = tinyDevicePages(encoding);
  const pfns = allDevicePfns(pages);
  const answers = new Uint32Array(2 * pfns.length);
  LOOPS[form](pages)(pfns, answers);
  const expected = BigUint64Array.from(pfns, (pfn) => obviousPgmap(pages, pfn, form));
  expect(new BigUint64Array(answers.buffer)).toEqual(expected);
});

test("by range, pages outside of all pgmaps have none", () => {
  const pages = tinyDevicePages("mask");
  const { start, end } = { start: pages.pgmaps[0]!.start, end: pages.pgmaps[1]!.end };
  const answers = new Uint32Array(8).fill(7);
  rangeLoop(pages)(Uint32Array.of(start - 1, end, 0, 2 ** 32 - 1), answers);
  expect([...answers]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

test("the tiny map has a page in another zone, and tails that lead far back", () => {
  const pages = tinyDevicePages("mask");
  const [first, second] = pages.pgmaps.map(({ address }) => address);
  expect(obviousPgmap(pages, pages.firstPfn + 3, "folio")).toBe(0n);
  expect(obviousPgmap(pages, pages.firstPfn + 2047, "folio")).toBe(first);
  expect(obviousPgmap(pages, pages.firstPfn + 4095, "folio")).toBe(second);
  expect(obviousPgmap(pages, pages.firstPfn + 4095, "page")).not.toBe(second);
});
