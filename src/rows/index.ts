export { arrowOf } from "./arrow.js";
export {
  type Cells,
  hasAnswer,
  type Names,
  NO_NAME,
  type Numbers,
  type Texts,
  type Truths,
  valueOf,
  type Words,
} from "./cells.js";
export { columnsOf, type RowsOf } from "./columns.js";
export { objectsOf, type RowObject } from "./objects.js";
export type { PageRange } from "./block.js";
export { csvOf, ndjsonOf } from "./text.js";
export {
  DEFAULT_COLUMNS,
  folioRows,
  pageRows,
  type RowBlock,
  type RowColumn,
  type RowOptions,
  type Rows,
  type RowSort,
} from "./rows.js";
