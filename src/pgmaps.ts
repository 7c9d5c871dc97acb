/** Device page maps of a map: told to the core by address and range, so that it can resolve pages to them. */
import type { Core } from "./engine/core.js";
import { constant } from "./engine/modules.js";
import { VmemmapError } from "./errors.js";
import type { PgmapRange, PgmapRecord } from "./image/image.js";

/** Batch answer for a page that is not ZONE_DEVICE. */
export const NOT_DEVICE = 0xfffffffe;
/** Batch answer for a ZONE_DEVICE page whose word names no known pgmap: it holds an altmap's slots, or is stale. */
export const UNKNOWN_PGMAP = 0xfffffffd;

interface NumberedRange extends PgmapRange {
  readonly pgmap: number;
}

/**
 * Tell the core of these pgmaps in place of those it knew. A pgmap's number is its place in the list.
 *
 * @throws VmemmapError "bad-range": ranges that are empty or meet; "bad-argument": an address twice, or too many
 * @internal
 */
export function tellPgmaps(core: Core, pgmaps: readonly PgmapRecord[]): void {
  const ranges = rangesOf(pgmaps);
  checkRanges(ranges, pgmaps);
  checkAddresses(pgmaps);
  const { pgmaps_clear, pgmap_add, pgmap_add_range } = core.exports;
  pgmaps_clear();
  for (const { address } of pgmaps) pgmap_add(...halves(address));
  for (const { pgmap, start, end } of ranges) {
    pgmap_add_range(pgmap, ...halves(BigInt(start)), ...halves(BigInt(end)));
  }
}

function rangesOf(pgmaps: readonly PgmapRecord[]): NumberedRange[] {
  return pgmaps
    .flatMap(({ ranges }, pgmap) => ranges.map(({ start, end }) => ({ start, end, pgmap })))
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

function halves(word: bigint): [low: number, high: number] {
  return [Number(word & 0xffffffffn), Number((word >> 32n) & 0xffffffffn)];
}
