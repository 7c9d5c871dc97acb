/** Where a map may be cut into parts: sections of ranges, and windows. */
import { checkKeys, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import { PAGES_PER_SECTION, PFN_LIMIT, type Section } from "../sections.js";
import type { PfnRange } from "../types.js";

/**
 * Pages between places where a map may be cut: 1 GiB of memory, which no folio of an x86_64 kernel crosses. The kernel's own limit is 16 GiB
 * there since 6.18 (MAX_FOLIO_ORDER), but nothing makes such a folio: hugetlb has sizes of a PMD and a PUD (arch/x86/mm/hugetlbpage.c),
 * device-dax aligns by a PUD at most (drivers/dax/device.c), and all else takes what the page allocator or a PMD has.
 */
export const UNIT_PAGES = 2 ** 18;

/**
 * Pages of a window: 256 MiB of slots, 16 GiB of memory, which is also where the largest folio of any kernel could begin (MAX_FOLIO_ORDER).
 * Larger windows are no faster.
 */
export const DEFAULT_WINDOW_PAGES = 2 ** 22;
/** What fits one memory, whatever stands beside the slots. */
const MAX_WINDOW_PAGES = 15 * 2 ** 22;

/** @throws VmemmapError "bad-argument" */
export function checkWindowPages(pages: number | undefined): number {
  const checked = whole(pages ?? DEFAULT_WINDOW_PAGES, UNIT_PAGES, MAX_WINDOW_PAGES, "pagesPerWindow");
  if (checked % UNIT_PAGES === 0) return checked;
  throw new VmemmapError(
    "bad-argument",
    `pagesPerWindow ${checked}: expected a multiple of ${UNIT_PAGES}, the largest folio`,
  );
}

/** @throws VmemmapError "bad-argument" */
export function checkPfnRange(range: PfnRange): void {
  checkKeys(range, ["start", "count"], "range");
  const { start, count } = range;
  whole(start, 0, PFN_LIMIT - 1, "start of the range");
  whole(count, 1, PFN_LIMIT - start, "count of the range");
}

/**
 * The sections that a range meets, with all others of the units of 1 GiB that it touches.
 *
 * @throws VmemmapError "bad-range": the range itself meets none
 */
export function sectionsMeeting(sections: readonly Section[], { start, count }: PfnRange): readonly Section[] {
  const firstOf = ({ number }: Section) => number * PAGES_PER_SECTION;
  const end = start + Math.max(count, 1);
  if (!sections.some((section) => firstOf(section) < end && firstOf(section) + PAGES_PER_SECTION > start)) {
    throw new VmemmapError(
      "bad-range",
      `the kernel has no memory at ${end - start === 1 ? `PFN ${start}` : `PFNs ${start} to ${end - 1}`}; it has sections of ${rangesText(sections)}`,
    );
  }
  const from = start - (start % UNIT_PAGES);
  const to = Math.ceil(end / UNIT_PAGES) * UNIT_PAGES;
  return sections.filter((section) => firstOf(section) >= from && firstOf(section) < to);
}

/** Sections by the window that they stand in, windows without any left out; of all pages there is one window. */
export function windowsOf(sections: readonly Section[], pagesPerWindow: number): Section[][] {
  const windows = new Map<number, Section[]>();
  for (const section of sections) {
    const number = Math.floor((section.number * PAGES_PER_SECTION) / pagesPerWindow);
    const window = windows.get(number);
    if (window === undefined) windows.set(number, [section]);
    else window.push(section);
  }
  return [...windows.values()];
}

/** Ranges that messages name. */
const MAX_RANGES = 8;

function rangesText(sections: readonly Section[]): string {
  const ranges: { start: number; end: number }[] = [];
  for (const { number } of sections) {
    const start = number * PAGES_PER_SECTION;
    const last = ranges.at(-1);
    if (last?.end === start) last.end += PAGES_PER_SECTION;
    else ranges.push({ start, end: start + PAGES_PER_SECTION });
  }
  const named = ranges.slice(0, MAX_RANGES).map(({ start, end }) => `${start} to ${end - 1}`);
  const more =
    ranges.length > MAX_RANGES
      ? [`${ranges.length - MAX_RANGES} more ranges, the last up to ${ranges.at(-1)!.end - 1}`]
      : [];
  return `PFNs ${[...named, ...more].join(", ")}`;
}

/** What a map's provenance says of it where it is a part of a kernel's. */
export interface MapPart extends PfnRange {
  /** Sections that it has, and that there are. */
  readonly sections: number;
  readonly ofSections: number;
}

/** Null for all of them. */
export function partOf(some: readonly Section[], ofSections: number): MapPart | null {
  if (some.length === ofSections) return null;
  const start = some[0]!.number * PAGES_PER_SECTION;
  const end = (some.at(-1)!.number + 1) * PAGES_PER_SECTION;
  return { start, count: end - start, sections: some.length, ofSections };
}

/** The part that a provenance tells of; null where it tells of none. */
export function partIn(provenance: Readonly<Record<string, unknown>>): MapPart | null {
  const { start, count, sections, ofSections } = Object(provenance["part"]) as Partial<MapPart>;
  const all = [start, count, sections, ofSections];
  return all.every((value) => Number.isSafeInteger(value)) ? (provenance["part"] as MapPart) : null;
}
