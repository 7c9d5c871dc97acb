/** Sorted rows: held against all rows, sorted as a whole. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Vmemmap } from "../../../src/index.js";
import { type Cells, columnsOf, folioRows, pageRows, type RowOptions, valueOf } from "../../../src/rows/index.js";
import { FirstRows } from "../../../src/rows/first-rows.js";
import { runs, timeout } from "../../property/runs.js";
import { openMap } from "../../truth.js";

type Value = ReturnType<typeof valueOf>;

let map: Vmemmap;
beforeAll(async () => {
  map = await Vmemmap.load(openMap("linux-7.3.4-hvo"));
});

function rowsOf(read: typeof pageRows, options: RowOptions): Value[][] {
  return [...read(map, options).blocks].flatMap(({ cells, length }) =>
    Array.from({ length }, (_, i) => cells.map((column) => valueOf(column, i))),
  );
}

/** All rows, sorted by the value at a place, by PFN where these are the same. */
function sorted(rows: readonly Value[][], at: number, isDescending: boolean): Value[][] {
  return rows.toSorted((a, b) => {
    const [x, y] = [a[at] as Value, b[at] as Value];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return x === y ? 0 : x < y !== isDescending ? -1 : 1;
  });
}

describe.each(["pages", "folios"] as const)("%s", (of) => {
  const read = of === "pages" ? pageRows : folioRows;
  const range = { start: 120_000, end: 140_000 };
  const others = ["pfn", "kind", "flag_names", "mapping", "alias"];

  it.each(columnsOf(of).map(({ name }) => name))("by %s, in both directions", (column) => {
    const columns = [column, ...others.filter((name) => name !== column)];
    const all = rowsOf(read, { columns, range });
    for (const descending of [false, true]) {
      const wanted = sorted(all, 0, descending);
      for (const limit of [0, 1, 700])
        expect(rowsOf(read, { columns, range, limit, sort: { column, descending } })).toEqual(wanted.slice(0, limit));
    }
  });

  it("by a column that is not shown, of rows that match", () => {
    const options = { columns: ["pfn"], where: "refcount > 1" };
    const all = rowsOf(read, { ...options, columns: ["pfn", "refcount"] });
    const wanted = sorted(all, 1, true).map(([pfn]) => [pfn]);
    const sort = { column: "refcount", descending: true };
    expect(rowsOf(read, { ...options, limit: 100_000, sort })).toEqual(wanted);
    expect(wanted.length).toBeGreaterThan(100);
  });

  it("in blocks of no more than 32768 rows", () => {
    const { blocks } = read(map, { limit: 70_000, sort: { column: "pfn", descending: true } });
    expect([...blocks].map(({ length }) => length)).toEqual([32768, 32768, 70_000 - 65_536]);
  });
});

it(
  "any blocks of numbers, of several types, give the first of all",
  () => {
    const block = fc.tuple(
      fc.constantFrom(Uint8Array, Int32Array, Float64Array),
      fc.array(fc.option(fc.nat(20)), { maxLength: 12 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(block, { maxLength: 8 }), fc.nat(20), fc.boolean(), (blocks, limit, isDescending) => {
        const first = new FirstRows(limit, isDescending);
        const all: Value[][] = [];
        for (const [Type, values, isRead] of blocks) {
          const key: Cells = {
            kind: "number",
            values: Type.from(values.map((value) => value ?? 0)),
            valid: Uint8Array.from(values, (value) => Number(value !== null)),
          };
          const pfns: Cells = { kind: "number", values: Float64Array.from(values, (_, i) => all.length + i) };
          all.push(...values.map((value, i) => [value, all.length + i]));
          first.add({ cells: [key, pfns], key, length: values.length });
          if (isRead) Array.from(first.blocks());
        }
        const found = [...first.blocks()].flatMap(({ cells, length }) =>
          Array.from({ length }, (_, i) => cells.map((column) => valueOf(column, i))),
        );
        expect(found).toEqual(sorted(all, 0, isDescending).slice(0, limit));
      }),
      runs(200),
    );
  },
  timeout,
);
