/** Device page maps of a map: told to the core by address and range, so that it can resolve pages to them. */
import type { Core } from "./engine/core.js";
import { halves } from "./engine/halves.js";
import { constant } from "./engine/modules.js";
import { VmemmapError } from "./errors.js";
import type { PgmapRange, PgmapRecord } from "./image/image.js";

/** Batch answer for a page that is not ZONE_DEVICE; -2 in an Int32Array and a Float64Array. */
export const NOT_DEVICE = 0xfffffffe;
/** Batch answer for a ZONE_DEVICE page whose word names no known pgmap: it holds an altmap's slots, or is stale. -3 there. */
export const UNKNOWN_PGMAP = 0xfffffffd;

interface NumberedRange extends PgmapRange {
  readonly pgmap: number;
  /** Pages at its start that are the altmap's. */
  readonly offset: number;
}

/** What the core is to know of a pgmap. */
export interface PgmapFacts {
  readonly record: PgmapRecord;
  /** MemoryType of the core, 0 where the kernel has no such type. */
  readonly type: number;
  /** PgmapFlags of the core, added up. */
  readonly flags: number;
  readonly refs: number;
  /** Those of them that pages in use hold. */
  readonly held: number;
}

/** Tell the core of these pgmaps in place of those it knew. A pgmap's number is its place in the list. @internal */
export function tellPgmaps(core: Core, pgmaps: readonly PgmapFacts[]): void {
  const { pgmaps_clear, pgmap_add, pgmap_add_range, head_index_pgmaps } = core.exports;
  pgmaps_clear();
  for (const { record, type, flags, refs, held } of pgmaps) {
    pgmap_add(...halves(record.address), type, flags, refs, held);
  }
  for (const { pgmap, start, end, offset } of rangesOf(pgmaps.map(({ record }) => record))) {
    pgmap_add_range(pgmap, ...halves(BigInt(start)), ...halves(BigInt(end)), offset);
  }
  head_index_pgmaps();
}

/**
 * Check what holds for all lists of pgmaps.
 *
 * @throws VmemmapError "bad-range": ranges that are empty or meet; "bad-argument": an address twice, or too many
 * @internal
 */
export function checkPgmaps(pgmaps: readonly PgmapRecord[]): void {
  checkRanges(rangesOf(pgmaps), pgmaps);
  checkAddresses(pgmaps);
}

function rangesOf(pgmaps: readonly PgmapRecord[]): NumberedRange[] {
  return pgmaps
    .flatMap(({ ranges, altmap }, pgmap) => {
      const offset = altmap === null ? 0 : altmap.reserve + altmap.free;
      return ranges.map(({ start, end }, i) => ({ start, end, pgmap, offset: i === 0 ? offset : 0 }));
    })
    .sort((a, b) => a.start - b.start);
}

function checkRanges(ranges: readonly NumberedRange[], pgmaps: readonly PgmapRecord[]): void {
  if (ranges.length > constant("MAX_PGMAP_RANGES")) {
    throw new VmemmapError("bad-argument", `${ranges.length} pgmap ranges: at most ${constant("MAX_PGMAP_RANGES")}`);
  }
  let before: NumberedRange | undefined;
  for (const range of ranges) {
    const what = `range [${range.start}, ${range.end}) of the pgmap at ${show(pgmaps[range.pgmap]!)}`;
    if (!Number.isSafeInteger(range.start) || !Number.isSafeInteger(range.end) || range.start >= range.end) {
      throw new VmemmapError("bad-range", `${what}: expected start < end, in PFNs`);
    }
    if (before !== undefined && range.start < before.end) {
      const other = show(pgmaps[before.pgmap]!);
      throw new VmemmapError("bad-range", `${what} meets [${before.start}, ${before.end}) of the pgmap at ${other}`);
    }
    before = range;
  }
}

function checkAddresses(pgmaps: readonly PgmapRecord[]): void {
  if (pgmaps.length > constant("MAX_PGMAPS")) {
    throw new VmemmapError("bad-argument", `${pgmaps.length} pgmaps: at most ${constant("MAX_PGMAPS")}`);
  }
  const seen = new Set<bigint>();
  for (const pgmap of pgmaps) {
    if (seen.has(pgmap.address)) throw new VmemmapError("bad-argument", `two pgmaps at ${show(pgmap)}`);
    seen.add(pgmap.address);
  }
}

function show({ address }: PgmapRecord): string {
  return `0x${address.toString(16)}`;
}
