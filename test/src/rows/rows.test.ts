/** Rows as Arrow, JSON and csv tell the same; ranges, limits, folios. */
import { tableFromIPC } from "@uwdata/flechette";
import { beforeAll, describe, expect, it } from "vitest";
import { Vmemmap } from "../../../src/index.js";
import {
  arrowOf,
  columnsOf,
  csvOf,
  folioRows,
  ndjsonOf,
  objectsOf,
  pageRows,
  type Rows,
  valueOf,
} from "../../../src/rows/index.js";
import { openMap } from "../../truth.js";

const names = ["linux-6.1.176", "linux-6.18.15-hvo-partial-section", "linux-7.3.4-hvo"] as const;
const all = (of: "pages" | "folios") => columnsOf(of).map(({ name }) => name);
const text = (chunks: Iterable<Uint8Array>): string => Buffer.concat([...chunks]).toString();

/** Two pages of eight, heads and second pages among them; all in long runs. */
const SOME = Number(process.env["VMEMMAP_RUNS"] ?? 1) > 1 ? {} : { where: "pfn & 6 = 0" };

/** Cells as csv has them. */
function csvCell(value: unknown): string {
  if (value === null) return "";
  return String(typeof value === "boolean" ? Number(value) : (value as string | number | bigint));
}

describe.each(names)("%s", (name) => {
  let map: Vmemmap;
  beforeAll(async () => {
    map = await Vmemmap.load(openMap(name));
  });

  it.each(["pages", "folios"] as const)("%s: csv, JSON and Arrow say the same of every row", async (of) => {
    const rows = (): Rows => (of === "pages" ? pageRows : folioRows)(map, { columns: all(of), ...SOME });
    const columns = rows().columns;
    const lines = text(csvOf(rows())).trimEnd().split("\n").slice(1);
    const objects = text(ndjsonOf(rows())).trimEnd().split("\n");
    const table = tableFromIPC(Buffer.concat([...(await arrowOf(rows()))]), { useBigInt: true });
    expect(table.names).toEqual(columns.map((column) => column.name));
    expect({ json: objects.length, arrow: table.numRows }).toEqual({ json: lines.length, arrow: lines.length });

    const arrow = columns.map((column) => table.getChild(column.name).toArray() as ArrayLike<unknown>);
    let differing = 0;
    for (let row = 0; row < lines.length; row++) {
      const object = JSON.parse(objects[row]!) as Record<string, unknown>;
      const fromJson = columns.map((column) => csvCell(object[column.name])).join(",");
      const fromArrow = columns
        .map(({ kind }, c) => {
          const value = arrow[c]![row];
          return kind === "word" && typeof value === "bigint" ? `0x${value.toString(16)}` : csvCell(value);
        })
        .join(",");
      if (fromJson !== lines[row] || fromArrow !== lines[row]) differing++;
    }
    expect(differing).toBe(0);
  });

  it("objects say of every row what its JSON says", () => {
    const rows = (): Rows => folioRows(map, { columns: all("folios"), where: "order > 0 or pgmap != empty" });
    const json = text(ndjsonOf(rows())).trimEnd().split("\n");
    const told = Array.from(objectsOf(rows()), (row) =>
      JSON.stringify(row, (_, cell: unknown) => (typeof cell === "bigint" ? `0x${cell.toString(16)}` : cell)),
    );
    expect(told.length).toBeGreaterThan(100);
    expect(told.join("\n") === json.join("\n")).toBe(true);
  });

  it("folios are heads and single pages, with what Folio says of each", () => {
    const columns = [
      "pfn",
      "order",
      "nr_pages",
      "refcount",
      "folio_mapcount",
      "large_mapcount",
      "pincount",
      "compound",
    ];
    const orders = map.foliosByOrder();
    const counted = orders.map(() => 0);
    for (const { cells, length } of folioRows(map, { columns }).blocks) {
      for (let i = 0; i < length; i++) {
        const [pfn, order, nrPages, refcount, mapcount, large, pincount, compound] = cells.map((column) =>
          valueOf(column, i),
        ) as [number, number, number, number, number, number | null, number | null, string];
        const folio = map.folio(pfn);
        counted[order]!++;
        const isLarge = compound === "head";
        const { folio: layout } = map.profile;
        expect([pfn, order, nrPages, refcount, mapcount, large, pincount]).toEqual([
          folio.pfn,
          folio.order,
          folio.nrPages,
          folio.refcount,
          folio.mapcount,
          isLarge && layout.largeMapcount !== null ? folio.largeMapcount : null,
          isLarge && layout.pincount !== null && order >= layout.pincountMinOrder ? folio.pincount : null,
        ]);
        // One look in detail at some; the count is of all.
        if (i > 200) {
          for (let rest = i + 1; rest < length; rest++) counted[valueOf(cells[1]!, rest) as number]!++;
          break;
        }
      }
    }
    expect(counted).toEqual(orders);
  });

  it("rows can be gone through again", () => {
    const rows = pageRows(map, { columns: ["pfn", "kind"], where: "order = 9", limit: 4 });
    const first = [...objectsOf(rows)];
    expect(first.length).toBe(4);
    expect([...objectsOf(rows)]).toEqual(first);
  });

  it("ranges and limits cut rows, across sections", () => {
    const pfns = (options: Parameters<typeof pageRows>[1]): number[] =>
      [...pageRows(map, { ...options, columns: ["pfn"] }).blocks].flatMap(({ cells, length }) =>
        Array.from({ length }, (_, i) => valueOf(cells[0]!, i) as number),
      );
    expect(pfns({ range: { start: 32766, end: 32770 } })).toEqual([32766, 32767, 32768, 32769]);
    expect(pfns({ range: { start: 32766 }, limit: 3 })).toEqual([32766, 32767, 32768]);
    expect(pfns({ range: { start: 7, end: 7 } })).toEqual([]);
    expect(pfns({ limit: 0 })).toEqual([]);
    expect(pfns({ where: "pfn & 0x7fff = 5", limit: 2 })).toEqual([5, 32773]);
  });
});

it("a map that reaches PFN 2^32 has its rows, and holes have none", async () => {
  const start = 2 ** 33;
  const map = new Vmemmap({
    profile: "7.3",
    vmemmapBase: 0xffd4000000000000n,
    maxPhysmemBits: 52,
    memory: [
      { start: 0, end: 512, hotplug: true },
      { start, end: start + 1024, hotplug: true },
    ],
  });
  map.prepCompoundPage(start + 512, 9);
  const options = { columns: ["pfn", "phys", "page", "head", "order"], range: { start: 511, end: start + 514 } };
  const lines = text(csvOf(pageRows(map, options)))
    .trimEnd()
    .split("\n");
  expect(lines.length).toBe(1 + 1 + 514);
  expect(lines[1]).toBe("511,0x1ff000,0xffd4000000007fc0,511,0");
  expect(lines[2]).toBe("8589934592,0x200000000000,0xffd4008000000000,8589934592,0");
  expect(lines.at(-1)).toBe("8589935105,0x200000201000,0xffd4008000008040,8589935104,9");
  const table = tableFromIPC(Buffer.concat([...(await arrowOf(pageRows(map, options)))]), { useBigInt: true });
  expect(table.at(1)).toMatchObject({ pfn: 8589934592n, head: 8589934592n });
});

it("a page whose word leads nowhere has no head, order or kind", () => {
  const map = new Vmemmap({ profile: "6.1", memory: [{ start: 0, end: 1024 }] });
  map.writeWord(700, 8, 0xdead000000000001n);
  const columns = ["pfn", "head", "order", "mapcount", "kind", "compound", "refcount"];
  expect(text(csvOf(pageRows(map, { columns, range: { start: 700, end: 701 } })))).toBe(
    `${columns.join(",")}\n700,,,,,,0\n`,
  );
  expect([...folioRows(map, { columns, range: { start: 700, end: 701 } }).blocks]).toEqual([]);
});

it("a stream of no rows has its columns", async () => {
  const map = new Vmemmap({ profile: "6.1", memory: [{ start: 0, end: 512 }] });
  const rows = pageRows(map, { columns: ["pfn", "kind", "flag_names", "alias", "flags", "type"], limit: 0 });
  const table = tableFromIPC(Buffer.concat([...(await arrowOf(rows))]));
  expect([table.numRows, table.names.length]).toEqual([0, 6]);
});

describe("bad options", () => {
  const map = new Vmemmap({ profile: "6.1", memory: [{ start: 0, end: 512 }] });
  it.each<[options: object, message: string]>([
    [{ columns: ["pfn", "oder"] }, 'no column "oder"; did you mean order?'],
    [{ columns: ["pincount"] }, 'column "pincount" is one of folios, not of pages'],
    [{ columns: [] }, "no column is named"],
    [{ columns: ["pfn", "order", "pfn"] }, 'column "pfn" is named twice'],
    [{ range: { start: 5, end: 3 } }, "end of the range 3: expected a whole number from 5 to 1099511627776"],
    [{ limit: -1 }, "limit -1: expected a whole number from 0 to 9007199254740991"],
    [{ colums: ["pfn"] }, 'rows of pages: no option "colums"; there is columns, where, range, limit'],
  ])("%j", (options, message) => {
    expect(() => pageRows(map, options)).toThrow(message);
  });
});
