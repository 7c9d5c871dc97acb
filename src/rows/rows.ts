/** Rows of pages and folios, a block at a time. */
import { checkBoolean, checkKeys, checkMap, display, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { PFN_LIMIT } from "../sections.js";
import type { PfnRange } from "../types.js";
import type { Vmemmap } from "../vmemmap.js";
import { PageBlock, type PageRange, presentRuns } from "./block.js";
import { type Cells, take } from "./cells.js";
import { type Column, columnNamed, type RowsOf } from "./columns.js";
import { FirstRows } from "./first-rows.js";
import { type CellsOf, compileWhere, type Predicate } from "./where.js";

export interface RowOptions {
  /** Names of columns, in the order wanted. @default {@link DEFAULT_COLUMNS} */
  readonly columns?: readonly string[];
  /** A condition over columns: `kind = anon and order >= 9`. @default all rows */
  readonly where?: string;
  /** `{ start, end }`, PFNs, end exclusive; either may be left out. @default all */
  readonly range?: Partial<PageRange>;
  /** At most so many rows. @default all */
  readonly limit?: number;
  /** The first `limit` rows by a column, which may be up to 100 000. @default by PFN */
  readonly sort?: RowSort;
}

/**
 * What rows are sorted by: numbers and words by their value, names and texts by their letters, no before yes. Cells without an answer come
 * last in both directions; rows with equal cells stand by rising PFN.
 */
export interface RowSort {
  readonly column: string;
  /** @default false: the smallest first */
  readonly descending?: boolean;
}

/** The most rows that are sorted. */
export const MAX_SORTED_ROWS = 100_000;

export const DEFAULT_COLUMNS = [
  "pfn",
  "kind",
  "order",
  "head",
  "refcount",
  "mapcount",
  "type",
  "zone",
  "node",
  "flags",
];

/** A column of rows. */
export interface RowColumn {
  readonly name: string;
  /** How its cells are kept, in every block. */
  readonly kind: Cells["kind"];
  /** Its numbers may need more than 32 bits: PFNs. All others are signed 32-bit numbers. */
  readonly wide: boolean;
  /** What names of its cells there are; none where they are not of kind "name". */
  readonly names: readonly string[];
}

/** Some rows: the cells of each column, in the order of {@link Rows.columns}. */
export interface RowBlock {
  readonly length: number;
  readonly cells: readonly Cells[];
  /** How many pages were looked at up to here, this block's with them. */
  readonly pagesSeen: number;
}

export interface Rows {
  readonly columns: readonly RowColumn[];
  /**
   * By rising PFN, or as {@link RowOptions.sort} says; made anew from the map each time they are gone through. `objectsOf` has rows one at a
   * time. Blocks have up to 32768 rows; those without any are left out.
   */
  readonly blocks: Iterable<RowBlock>;
}

const ROW_OPTIONS = ["columns", "where", "range", "limit", "sort"];

/**
 * A row for each page that has a slot.
 *
 * @throws VmemmapError "bad-argument": a column that is none, a condition that can't be read, no range
 */
export function pageRows(map: Vmemmap, options: RowOptions = {}): Rows {
  return rowsOf(map, options, "pages");
}

/** A row for each folio, by its head: heads of compound pages, and single pages, which are folios of order 0. */
export function folioRows(map: Vmemmap, options: RowOptions = {}): Rows {
  return rowsOf(map, options, "folios");
}

function rowsOf(map: Vmemmap, options: RowOptions, of: RowsOf): Rows {
  checkMap(map, `rows of ${of}`);
  const { columns, limit, blocksOf, sorted } = planRows(map.profile, options, of);
  const blocks = () => (sorted === undefined ? blocksOf(map, limit) : blocksSorted(map, sorted()));
  // Read anew each time: a generator would silently be empty the second time.
  return { columns, blocks: { [Symbol.iterator]: () => blocks()[Symbol.iterator]() } };
}

function* blocksSorted(map: Vmemmap, sorted: SortedRows): Generator<RowBlock, void> {
  for (const _ of sorted.add(map));
  yield* sorted.blocks();
}

/** Rows of maps that are of one kernel: what is wished, in order. */
export interface RowPlan {
  readonly columns: readonly RowColumn[];
  readonly limit: number;
  /** The rows of a map, no more than `left`. */
  readonly blocksOf: (map: Vmemmap, left: number) => Iterable<RowBlock>;
  /** Where they are sorted: those of all maps together. */
  readonly sorted: (() => SortedRows) | undefined;
}

/** The first rows of maps by a column. */
export interface SortedRows {
  /** Take in the rows of a map that is above those before; goes on as it is read, and tells how many pages were looked at. */
  readonly add: (map: Vmemmap) => Iterable<number>;
  readonly blocks: () => Iterable<RowBlock>;
}

/** Check options, before there is a map. @throws VmemmapError "bad-argument" @internal */
export function planRows(profile: Profile, options: RowOptions, of: RowsOf): RowPlan {
  checkKeys(options, ROW_OPTIONS, `rows of ${of}`);
  const { columns: names = DEFAULT_COLUMNS, where, range = {}, limit = Infinity } = options;
  checkNames(names);
  if (where !== undefined && typeof (where as unknown) !== "string")
    throw new VmemmapError("bad-argument", `where ${display(where)}: expected a condition as text`);
  checkKeys(range, ["start", "end"], "range");
  if (names.length === 0) throw new VmemmapError("bad-argument", "no column is named");
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new VmemmapError("bad-argument", `column ${display(twice)} is named twice`);
  const columns = names.map((name) => columnNamed(name, of));
  const predicate = where === undefined ? undefined : compileWhere(where, of, profile);
  const { start = 0, end = PFN_LIMIT } = range;
  whole(start, 0, PFN_LIMIT, "start of the range");
  whole(end, start, PFN_LIMIT, "end of the range");
  if (limit !== Infinity) whole(limit, 0, Number.MAX_SAFE_INTEGER, "limit");
  const sort = options.sort === undefined ? undefined : checkSort(options.sort, limit, of);
  const asked = { columns, of, predicate, range: { start, end } };
  return {
    columns: columns.map(({ name, kind, wide = false, namesOf }) => ({
      name,
      kind,
      wide,
      names: kind === "name" ? (namesOf?.(profile) ?? []) : [],
    })),
    limit,
    blocksOf: (map, left) => blocksOf(map, asked, left),
    sorted: sort && (() => sortedRows(asked, sort, limit)),
  };
}

interface Sort {
  readonly column: Column;
  readonly isDescending: boolean;
}

function checkSort(sort: RowSort, limit: number, of: RowsOf): Sort {
  checkKeys(sort, ["column", "descending"], "sort");
  const { column, descending } = sort;
  if (typeof (column as unknown) !== "string")
    throw new VmemmapError("bad-argument", `sort by ${display(column)}: expected the name of a column`);
  checkBoolean(descending, "descending");
  if (limit === Infinity)
    throw new VmemmapError("bad-argument", `sort takes a limit, how many rows: up to ${MAX_SORTED_ROWS}`);
  whole(limit, 0, MAX_SORTED_ROWS, "limit of sorted rows");
  return { column: columnNamed(column, of), isDescending: descending === true };
}

function checkNames(names: unknown): void {
  if (!Array.isArray(names))
    throw new VmemmapError("bad-argument", `columns ${display(names)}: expected a list of names`);
  // Holes too.
  for (const name of names as unknown[])
    if (typeof name !== "string")
      throw new VmemmapError("bad-argument", `columns: ${display(name)} among them: expected names`);
}

/** Rows as those who write them out are given them. @throws VmemmapError "bad-argument" */
export function checkRows(rows: unknown, what: string): void {
  const { columns, blocks } = (rows ?? {}) as { readonly columns?: unknown; readonly blocks?: unknown };
  if (!Array.isArray(columns) || typeof blocks !== "object" || blocks === null || !(Symbol.iterator in blocks))
    throw new VmemmapError("bad-argument", `${what} ${display(rows)}: expected rows, of pageRows or folioRows`);
}

/** Which rows, and what of them. */
interface Asked {
  readonly columns: readonly Column[];
  readonly of: RowsOf;
  readonly predicate: Predicate | undefined;
  readonly range: PageRange;
}

/** A block, and a column's cells of it, which are made once. */
function withCells(map: Vmemmap, pages: PfnRange): { readonly block: PageBlock; readonly cellsOf: CellsOf } {
  const block = new PageBlock(map, pages);
  const made = new Map<Column, Cells>();
  const cellsOf = (column: Column): Cells => {
    const cells = made.get(column) ?? column.cells(block);
    made.set(column, cells);
    return cells;
  };
  return { block, cellsOf };
}

function* blocksOf(map: Vmemmap, { columns, of, predicate, range }: Asked, limit: number): Generator<RowBlock, void> {
  let left = limit;
  let pagesSeen = 0;
  for (const pages of presentRuns(map, range)) {
    if (left === 0) return;
    const { block, cellsOf } = withCells(map, pages);
    pagesSeen += block.length;
    const mask = predicate?.(cellsOf, block.length);
    const rows = chosen(block, of, mask, left);
    if (rows?.length === 0) continue;
    const cells = columns.map((column) => (rows === undefined ? cellsOf(column) : take(cellsOf(column), rows)));
    const length = rows?.length ?? block.length;
    left -= length;
    yield { length, cells, pagesSeen };
  }
}

function sortedRows({ columns, of, predicate, range }: Asked, sort: Sort, limit: number): SortedRows {
  const first = new FirstRows(limit, sort.isDescending);
  let pagesSeen = 0;
  return {
    add: function* (map) {
      for (const pages of presentRuns(map, range)) {
        const { block, cellsOf } = withCells(map, pages);
        pagesSeen += block.length;
        const mask = predicate?.(cellsOf, block.length);
        const matching = chosen(block, of, mask, Infinity) ?? Uint32Array.from({ length: block.length }, (_, i) => i);
        const rows = first.choose(cellsOf(sort.column), matching);
        if (rows.length > 0) {
          const cells = columns.map((column) => take(cellsOf(column), rows));
          first.add({ cells, key: take(cellsOf(sort.column), rows), length: rows.length });
        }
        yield pagesSeen;
      }
    },
    blocks: function* () {
      for (const block of first.blocks()) yield { ...block, pagesSeen };
    },
  };
}

/** Which of a block's pages are rows; undefined: all. */
function chosen(block: PageBlock, of: RowsOf, mask: Uint8Array | undefined, left: number): Uint32Array | undefined {
  const { length, pages } = block;
  if (of === "pages" && mask === undefined && length <= left) return undefined;
  const { heads, found } = of === "folios" ? block : { heads: undefined, found: undefined };
  const rows = new Uint32Array(Math.min(length, left));
  let count = 0;
  for (let i = 0; i < length && count < rows.length; i++) {
    if (mask?.[i] === 0) continue;
    if (heads !== undefined && (heads[i] !== pages.start + i || found?.[i] === 0)) continue;
    rows[count++] = i;
  }
  return rows.subarray(0, count);
}
