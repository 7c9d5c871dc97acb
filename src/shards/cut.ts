/** Where a map is cut into shards. */
import { whole } from "../check.js";
import { constant } from "../engine/modules.js";
import { VmemmapError } from "../errors.js";
import { type MemoryRange, PFN_LIMIT } from "../sections.js";

/** Pages between places where a map may be cut: those of the largest folio, so that none is. */
export function unitPages(): number {
  return 2 ** constant("SHARD_UNIT_SHIFT");
}

/** As many units as fit one memory of 4 GiB beside its tables. */
const UNITS_PER_SHARD = 15;

/** @throws VmemmapError "bad-argument" */
export function checkPagesPerShard(pages: number | undefined): number {
  const unit = unitPages();
  const checked = whole(pages ?? UNITS_PER_SHARD * unit, unit, PFN_LIMIT, "pagesPerShard");
  if (checked % unit !== 0) {
    throw new VmemmapError(
      "bad-argument",
      `pagesPerShard ${checked}: expected a multiple of ${unit}, the largest folio`,
    );
  }
  return checked;
}

/** Cut a range of PFNs at multiples of `pages`: its pieces, with the number of the stretch that each stands in. */
export function* piecesOf(
  start: number,
  end: number,
  pages: number,
): Generator<{ readonly number: number; readonly start: number; readonly end: number }> {
  for (let from = start; from < end;) {
    const number = Math.floor(from / pages);
    const to = Math.min(end, (number + 1) * pages);
    yield { number, start: from, end: to };
    from = to;
  }
}

/** Ranges of memory by the number of the stretch of `pages` that they stand in, in rising order. */
export function cutMemory(memory: readonly MemoryRange[], pages: number): Map<number, MemoryRange[]> {
  const stretches = new Map<number, MemoryRange[]>();
  for (const range of [...memory].sort((a, b) => a.start - b.start)) {
    for (const { number, start, end } of piecesOf(range.start, range.end, pages)) {
      const pieces = stretches.get(number) ?? [];
      pieces.push({ ...range, start, end });
      stretches.set(number, pieces);
    }
  }
  return stretches;
}
