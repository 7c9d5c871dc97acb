/** Rows as JavaScript's objects, for programs that count and sort them. */
import { valueOf } from "./cells.js";
import { checkRows, type RowBlock, type Rows } from "./rows.js";

/** A row: its cells by the names of their columns. Words of 64 bits are bigint; null has no answer. */
export type RowObject = Record<string, ReturnType<typeof valueOf>>;

/** Rows as objects with a key for each column, made one at a time. @throws VmemmapError "bad-argument": no rows */
export function objectsOf(rows: Rows): Iterable<RowObject> {
  checkRows(rows, "objectsOf");
  return objects(
    rows.columns.map(({ name }) => name),
    rows.blocks,
  );
}

function* objects(names: readonly string[], blocks: Iterable<RowBlock>): Generator<RowObject, void> {
  for (const { cells, length } of blocks) {
    for (let row = 0; row < length; row++) {
      const object: RowObject = {};
      for (const [i, name] of names.entries()) object[name] = valueOf(cells[i]!, row);
      yield object;
    }
  }
}
