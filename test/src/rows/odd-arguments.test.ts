/** What is no option, no map and no rows is refused with a code, whatever it is. */
import { expect, it } from "vitest";
import {
  arrowOf,
  columnsOf,
  csvOf,
  diffMaps,
  folioRows,
  ndjsonOf,
  objectsOf,
  pageReport,
  pageRows,
  Vmemmap,
} from "../../../src/index.js";
import { refusal } from "../../dump/refusal.js";

const map = new Vmemmap({ memory: [{ start: 0, end: 32768 }] });
/** As JavaScript calls it. */
type Loose = (...args: unknown[]) => unknown;
const loose = (call: unknown) => call as Loose;

const options: [string, object, RegExp][] = [
  ["columns as text", { columns: "pfn" }, /columns "pfn": expected a list of names/],
  ["columns of null", { columns: null }, /columns null: expected a list/],
  ["columns of an object", { columns: { length: 1, 0: "pfn" } }, /columns an object: expected a list/],
  ["a number among columns", { columns: ["pfn", 1] }, /columns: 1 among them/],
  ["a hole among columns", { columns: new Array(2) }, /columns: undefined among them/],
  ["a symbol among columns", { columns: [Symbol("pfn")] }, /columns: Symbol\(pfn\) among them/],
  ["a condition of null", { where: null }, /where null: expected a condition as text/],
  ["a condition that is a number", { where: 5 }, /where 5: expected a condition/],
  ["a condition that is an object", { where: {} }, /where an object: expected a condition/],
  ["a range of null", { range: null }, /range null: expected an object/],
  // As lists and openVmcore have ranges: it would silently be all pages from there on.
  ["a range by its count", { range: { start: 0, count: 10 } }, /range: no option "count"; there is start, end/],
  ["a sort of null", { sort: null, limit: 1 }, /sort null: expected an object/],
  ["a sort by no column", { sort: {}, limit: 1 }, /sort by undefined: expected the name of a column/],
  ["a sort by no known column", { sort: { column: "__proto__" }, limit: 1 }, /no column "__proto__"/],
  ["a sort with another option", { sort: { column: "pfn", by: 1 }, limit: 1 }, /.*by/],
  ["a sort in no direction", { sort: { column: "pfn", descending: "yes" }, limit: 1 }, /descending "yes"/],
  ["a sort without a limit", { sort: { column: "pfn" } }, /sort takes a limit, how many rows: up to 100000/],
  ["a sort of too many", { sort: { column: "pfn" }, limit: 100_001 }, /limit of sorted rows 100001: expected/],
  ["a limit that is no number", { limit: "5" }, /limit "5": expected a whole number/],
];

it.each(options)("rows of %s are refused", async (_what, given, message) => {
  for (const rows of [pageRows, folioRows])
    expect(await refusal(() => rows(map, given))).toMatch(new RegExp(`^bad-argument: ${message.source}`));
});

it.each([null, undefined, {}, "map", 5])("no map is %s", async (none) => {
  const calls = [
    () => loose(pageRows)(none),
    () => loose(folioRows)(none),
    () => loose(pageReport)(none, 1),
    () => loose(diffMaps)(none, map),
    () => loose(diffMaps)(map, none),
  ];
  for (const call of calls) expect(await refusal(call)).toMatch(/^bad-argument: .*map .*: expected a Vmemmap$/);
});

it.each([null, undefined, {}, "rows", 5, { columns: null, blocks: null }, { columns: [], blocks: 5 }])(
  "no rows are %s",
  async (none) => {
    const calls = [csvOf, ndjsonOf, objectsOf].map((text) => () => [...(loose(text)(none) as Iterable<unknown>)]);
    for (const call of [...calls, () => loose(arrowOf)(none)])
      expect(await refusal(call)).toMatch(/^bad-argument: (csv|ndjson|arrow|objects)Of .*: expected rows/);
  },
);

it.each([null, undefined, "page", Symbol("pages"), "__proto__"])("there are no columns of %s", async (none) => {
  expect(await refusal(() => loose(columnsOf)(none))).toMatch(/^bad-argument: columns of .*: expected "pages" or/);
});

it.each(["headIndex", "initialize"])("%s is true or false", async (name) => {
  for (const value of ["no", 1, null])
    expect(await refusal(() => new Vmemmap({ memory: [{ start: 0, end: 512 }], [name]: value }))).toMatch(
      new RegExp(`^bad-argument: ${name} .*: expected true or false`),
    );
});
