import { expect, test } from "vitest";
import { plainPassRate, plotLookups } from "../../../bench/page/lookup-bars.js";
import { resultsOf } from "../../../bench/report.js";
import { expectWellFormed, MACHINE } from "../svg.js";

const SETTING = { op: "heads", encoding: "mask", pattern: "random", slots: 65536 } as const;
const HEADS = resultsOf(
  SETTING,
  new Map([
    ["native", 10],
    ["wasm-index", 2],
  ]),
);
const passOf = (nanoseconds: number) => resultsOf({ ...SETTING, op: "sum" }, new Map([["native", nanoseconds]]));

function picture(results: typeof HEADS): string {
  return plotLookups(
    {
      title: "T",
      subtitle: "S",
      compiler: "cc 12",
      results,
      panelOf: ({ pattern }) => `${pattern} pages`,
      groupOf: ({ encoding }) => encoding,
      xLabel: "encoding",
    },
    MACHINE,
  );
}

test("a bar for each contender, and none for the plain pass", () => {
  const svg = picture([...HEADS, ...passOf(4)]);
  expectWellFormed(svg);
  const [background, legend, bars] = [1, 2, 2];
  expect(svg.match(/<rect /g)).toHaveLength(background + legend + bars);
});

test("the plain pass is the limit, where there is one", () => {
  expect(picture([...HEADS, ...passOf(4)])).toContain("slots that memory delivers in order, 250 M a second");
  expect(picture(HEADS)).not.toContain("red line");
});

test("of several maps' passes the fastest counts", () => {
  expect(plainPassRate([...passOf(4), ...passOf(2), ...passOf(8)])).toBe(500e6);
  expect(plainPassRate(HEADS)).toBeNull();
});
