/** Whole-map counts: pages and folios by what they are used for, or by what their words say. */
import { checkKeys, display } from "./check.js";
import { type Core, stagingPlaces } from "./engine/core.js";
import { constant } from "./engine/modules.js";
import { VmemmapError } from "./errors.js";
import type { PgmapRecord } from "./image/image.js";
import { PAGE_KINDS } from "./kinds.js";
import { isRange, sourceLength } from "./lists.js";
import type { Profile } from "./profile/index.js";
import { PAGE_BYTES, PAGES_PER_SECTION, PFN_LIMIT } from "./sections.js";
import type { PfnRange } from "./types.js";

/** What a census counts by. */
export const CENSUS_KEYS = ["kind", "order", "zone", "node", "pgmap", "flags"] as const;

/**
 * - `kind`: {@link UsageKind}; a tail has its head's.
 * - `order`: the folio's.
 * - `zone`, `node`: by the page's own flags word.
 * - `pgmap`: page_pgmap, by its kernel address.
 * - `flags`: each flag set in the page's own word, so a page counts for several, or for none. Page 1 of a folio does not count for the order
 *   and the flags that the folio keeps there (PF_SECOND), nor what HVO shows as a head (up to 7.0) for that head's flags.
 */
export type CensusKey = (typeof CENSUS_KEYS)[number];

/** What {@link Vmemmap.census} takes. */
export interface CensusOptions {
  /** @default "kind" */
  readonly by?: CensusKey;
  /** Pages with slots among these alone. @default all */
  readonly range?: PfnRange;
}

/** How many pages there are of a kind. */
export interface CensusCount {
  readonly pages: number;
  /** Of memory: 4096 a page. */
  readonly bytes: number;
  /** Pages that are no tails: heads of compound pages, and single ones. */
  readonly folios: number;
}

export interface CensusRow extends CensusCount {
  /**
   * A kind; an order; a zone's name, or its number where it has none (pages that no zone spans); a node's number; a pgmap's address
   * in hexadecimal, the same and "altmap" for pages that hold its vmemmap, "none" for pages that are not ZONE_DEVICE, "unknown" for those of no known pgmap; a flag's name. "headless" by
   * order and pgmap: pages whose word leads nowhere, which by kind are "other".
   */
  readonly key: string;
  /**
   * The key as a number: its place in `PAGE_KINDS`, the order, the zone's or node's number, the place in {@link Vmemmap.pgmaps}, or the
   * flag's bit. Words like "none" come behind them, altmaps last.
   */
  readonly number: number;
}

/** What {@link Vmemmap.census} counts. All of it, as `pages`, `bytes` and `folios`, is the map, or the range. */
export interface Census extends CensusCount {
  readonly by: CensusKey;
  /** Rising with their numbers; those with a page at least. */
  readonly rows: readonly CensusRow[];
}

/** Pages and folios in turn, key by key as the core numbers them. @internal */
export type CensusCounts = Float64Array;

/** Slots in a row, end exclusive, and the PFN of the first. */
export type Stretch = readonly [first: number, end: number, pfn: number];

const FILTERED = PAGE_KINDS.indexOf("filtered");
/** Behind the numbers of all pgmaps stand pages of none that is known. */
const unknownPgmap = () => constant("MAX_PGMAPS");
/** Orders are bytes; behind them stand pages without a head. */
const ORDERS = 256;
/** Behind the counts of the bits of a flags word stand those of all pages. */
const ALL_PAGES = 64;

/** The core's call, and how many keys it tells. */
const calls = {
  kind: { ask: "count_kinds_between", keys: () => FILTERED },
  order: { ask: "tally_orders", keys: () => ORDERS + 1 },
  zone: { ask: "tally_zones", keys: () => constant("TALLY_LIMIT") },
  node: { ask: "tally_nodes", keys: () => constant("TALLY_LIMIT") },
  pgmap: { ask: "tally_pgmaps", keys: () => constant("MAX_PGMAPS") + 3 },
  flags: { ask: "tally_flags", keys: () => ALL_PAGES + 1 },
} as const;

/** What is counted by, of options that are in order. @throws VmemmapError "bad-argument" @internal */
export function censusKey(core: Core, options: CensusOptions): CensusKey {
  checkKeys(options, ["by", "range"], "census");
  const { by = "kind", range } = options;
  if (!CENSUS_KEYS.includes(by)) {
    throw new VmemmapError("bad-argument", `census by ${display(by)}: expected ${CENSUS_KEYS.join(", ")}`);
  }
  if (range !== undefined) {
    if (!isRange(range)) throw new VmemmapError("bad-argument", "census: range: expected { start, count }");
    sourceLength(core, range, "census");
  }
  return by;
}

/** The slots of a range of PFNs, or all, section by section. @internal */
export function stretchesOf(core: Core, range?: PfnRange): Stretch[] {
  return core.sections.flatMap(({ number }) => {
    const start = number * PAGES_PER_SECTION;
    const from = Math.max((range?.start ?? 0) - start, 0);
    const to = Math.min(range === undefined ? Infinity : range.start + range.count - start, PAGES_PER_SECTION);
    if (from >= to) return [];
    const slot = core.sectionSlot(number);
    return [[slot + from, slot + to, start + from] as const];
  });
}

/** Counts of the slots of stretches together. @internal */
export function countStretches(
  core: Core,
  profile: Profile,
  by: CensusKey,
  stretches: Iterable<Stretch>,
): CensusCounts {
  const { answers } = stagingPlaces(core);
  const keys = calls[by].keys();
  const counts = new Float64Array(2 * keys);
  for (const [first, end] of stretches) {
    if (by === "flags") core.exports.tally_flags(first, end, profile.nrPageFlags, answers);
    else core.exports[calls[by].ask](first, end, answers);
    addCounts(counts, core.u32.subarray(answers / 4, answers / 4 + 2 * keys));
  }
  return counts;
}

/** Add counts to others. @internal */
export function addCounts(sum: CensusCounts, counts: ArrayLike<number>): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += counts[i]!;
}

/** Counts of all pages, or those of a range. @internal */
export function countPages(core: Core, profile: Profile, by: CensusKey, range?: PfnRange): CensusCounts {
  return countStretches(core, profile, by, range === undefined ? [[0, core.slotLimit, 0]] : stretchesOf(core, range));
}

/**
 * Counts by kind with those of pages that a dump left out, whose slots read as zero, taken from what they read as.
 *
 * @param filtered ranges that do not meet
 * @internal
 */
export function withFiltered(
  core: Core,
  profile: Profile,
  counts: CensusCounts,
  filtered: readonly PfnRange[],
  range: PfnRange = { start: 0, count: PFN_LIMIT },
): CensusCounts {
  const all = new Float64Array(2 * PAGE_KINDS.length);
  all.set(counts);
  const stretches = filtered.flatMap((part) => stretchesWithin(core, part, range));
  countStretches(core, profile, "kind", stretches).forEach((count, i) => {
    all[i]! -= count;
    all[2 * FILTERED + (i % 2)]! += count;
  });
  return all;
}

/** The slots of what two ranges have in common. */
function stretchesWithin(core: Core, { start, count }: PfnRange, range: PfnRange): Stretch[] {
  const from = Math.max(start, range.start);
  const end = Math.min(start + count, range.start + range.count);
  return from < end ? stretchesOf(core, { start: from, count: end - from }) : [];
}

/**
 * Counts by pgmap with those of pages that hold the vmemmap of a pgmap's own pages, taken from those of no known pgmap: behind all other
 * keys, one for each pgmap.
 *
 * @internal
 */
export function withAltmaps(
  core: Core,
  profile: Profile,
  counts: CensusCounts,
  pgmaps: readonly PgmapRecord[],
  range: PfnRange = { start: 0, count: PFN_LIMIT },
): CensusCounts {
  const all = new Float64Array(counts.length + 2 * pgmaps.length);
  all.set(counts);
  const unknown = 2 * unknownPgmap();
  pgmaps.forEach(({ ranges, altmap }, i) => {
    const start = ranges[0]?.start;
    if (altmap === null || start === undefined) return;
    const pages = { start, count: altmap.reserve + altmap.free };
    const own = countStretches(core, profile, "pgmap", stretchesWithin(core, pages, range));
    for (const parity of [0, 1]) {
      all[unknown + parity]! -= own[unknown + parity]!;
      all[counts.length + 2 * i + parity]! += own[unknown + parity]!;
    }
  });
  return all;
}

// ---- Rows -----------------------------------------------------------------------------------------------------------

/** The keys' names, in the core's order; undefined where it can have counted nothing. */
function namesOf(profile: Profile, pgmaps: readonly PgmapRecord[], by: CensusKey): (string | undefined)[] {
  const numbers = (length: number) => Array.from({ length }, (_, number) => String(number));
  switch (by) {
    case "kind":
      return [...PAGE_KINDS];
    case "order":
      return [...numbers(ORDERS), "headless"];
    case "zone":
      return numbers(constant("TALLY_LIMIT")).map((number, i) => profile.zones[i] ?? number);
    case "node":
      return numbers(constant("TALLY_LIMIT"));
    case "pgmap": {
      const names: string[] = Array.from(pgmaps, ({ address }) => `0x${address.toString(16)}`);
      const altmaps = names.map((name) => `${name} altmap`);
      names.length = unknownPgmap();
      return [...names, "unknown", "none", "headless", ...altmaps];
    }
    case "flags":
      return numbers(ALL_PAGES).map((_, bit) => flagAt(profile, bit));
  }
}

/** A bit of a page's own word by its first name, as {@link Vmemmap.flagNames} tells it; "bit n" where it has none. */
function flagAt(profile: Profile, bit: number): string {
  const flag = Object.entries(profile.flags).find(([, it]) => it.bit === bit && it.policy !== "second");
  return flag?.[0] ?? `bit ${bit}`;
}

function countOf(pages: number, folios: number): CensusCount {
  return { pages, bytes: pages * PAGE_BYTES, folios };
}

/** What counts say. @internal */
export function censusOf(
  profile: Profile,
  pgmaps: readonly PgmapRecord[],
  by: CensusKey,
  counts: CensusCounts,
): Census {
  const keys = counts.length / 2;
  const at = (key: number) => countOf(counts[2 * key]!, counts[2 * key + 1]!);
  const rows = namesOf(profile, pgmaps, by)
    .slice(0, keys)
    .flatMap((key, i) => (key !== undefined && counts[2 * i]! > 0 ? [{ key, number: i, ...at(i) }] : []));
  const sum = (parity: number) => counts.reduce((all, count, i) => (i % 2 === parity ? all + count : all), 0);
  return { by, rows, ...(by === "flags" ? at(ALL_PAGES) : countOf(sum(0), sum(1))) };
}
