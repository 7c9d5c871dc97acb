/** Rows of pages and folios, a block at a time. */
import { checkKeys, checkMap, display, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { PFN_LIMIT } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";
import { PageBlock, type PageRange, presentRuns } from "./block.js";
import { type Cells, take } from "./cells.js";
import { type Column, columnNamed, type RowsOf } from "./columns.js";
import { compileWhere, type Predicate } from "./where.js";

export interface RowOptions {
  /** Names of columns, in the order wanted. @default {@link DEFAULT_COLUMNS} */
  readonly columns?: readonly string[];
  /** A condition over columns: `kind = anon and order >= 9`. @default all rows */
  readonly where?: string;
  /** `{ start, end }`, PFNs, end exclusive; either may be left out. @default all */
  readonly range?: Partial<PageRange>;
  /** At most so many rows. @default all */
  readonly limit?: number;
}

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
  /** By rising PFN, made anew from the map each time they are gone through; `objectsOf` has rows one at a time. Blocks have up to 32768 rows; those without any are left out. */
  readonly blocks: Iterable<RowBlock>;
}

const ROW_OPTIONS = ["columns", "where", "range", "limit"];

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
  const { columns, limit, blocksOf } = planRows(map.profile, options, of);
  // Read anew each time: a generator would silently be empty the second time.
  return { columns, blocks: { [Symbol.iterator]: () => blocksOf(map, limit)[Symbol.iterator]() } };
}

/** Rows of maps that are of one kernel: what is wished, in order. */
export interface RowPlan {
  readonly columns: readonly RowColumn[];
  readonly limit: number;
  /** The rows of a map, no more than `left`. */
  readonly blocksOf: (map: Vmemmap, left: number) => Iterable<RowBlock>;
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
  return {
    columns: columns.map(({ name, kind, wide = false, namesOf }) => ({
      name,
      kind,
      wide,
      names: kind === "name" ? (namesOf?.(profile) ?? []) : [],
    })),
    limit,
    blocksOf: (map, left) => blocksOf(map, columns, of, predicate, { start, end }, left),
  };
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

function* blocksOf(
  map: Vmemmap,
  columns: readonly Column[],
  of: RowsOf,
  predicate: Predicate | undefined,
  range: PageRange,
  limit: number,
): Generator<RowBlock, void> {
  let left = limit;
  let pagesSeen = 0;
  for (const pages of presentRuns(map, range)) {
    if (left === 0) return;
    const block = new PageBlock(map, pages);
    const made = new Map<Column, Cells>();
    const cellsOf = (column: Column): Cells => {
      const cells = made.get(column) ?? column.cells(block);
      made.set(column, cells);
      return cells;
    };
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
