/** Rows as a file: what stands before them, theirs, and what stands behind; of several maps' rows one after the other, too. */
import type { RowBlock } from "./rows.js";

export interface RowEncoder {
  readonly begin: Uint8Array;
  readonly chunksOf: (blocks: Iterable<RowBlock>) => Iterable<Uint8Array>;
  readonly end: Uint8Array;
}

/** All of a file, in chunks. */
export function* encoded(
  { begin, chunksOf, end }: RowEncoder,
  blocks: Iterable<RowBlock>,
): Generator<Uint8Array, void> {
  if (begin.length > 0) yield begin;
  yield* chunksOf(blocks);
  if (end.length > 0) yield end;
}
