/** Windows of a map held against the whole map: page by page, and what their counts, findings and rows add up to. */
import { expect } from "vitest";
import { csvOf, folioRows, pageRows, type Vmemmap } from "../../src/index.js";
import { CENSUS_KEYS } from "../../src/census.js";
import { PAGES_PER_SECTION } from "../../src/sections.js";
import { joinCensuses, joinReports } from "../../src/shards/merge.js";

const LIMIT = 5000;
const decoder = new TextDecoder();

/** What is kept of a window when it is gone. */
export interface WindowSums {
  readonly censuses: Map<string, ReturnType<Vmemmap["census"]>[]>;
  readonly reports: ReturnType<Vmemmap["verify"]>[];
  readonly filtered: { start: number; count: number }[];
  readonly aliasPfns: number[];
  sections: number;
}

export function noSums(): WindowSums {
  return {
    censuses: new Map(CENSUS_KEYS.map((by) => [by, []])),
    reports: [],
    filtered: [],
    aliasPfns: [],
    sections: 0,
  };
}

/** Every page of a window against the same page of the whole. */
export function expectWindow(window: Vmemmap, whole: Vmemmap): void {
  const { startPfn, endPfn } = window;
  expect(window.pgmaps).toEqual(whole.pgmaps);
  expect(window.profile).toEqual(whole.profile);
  expect(window.sections).toEqual(
    whole.sections.filter(
      ({ number }) => number * PAGES_PER_SECTION >= startPfn && number * PAGES_PER_SECTION < endPfn,
    ),
  );
  for (const { number } of window.sections) {
    const pages = { start: number * PAGES_PER_SECTION, count: PAGES_PER_SECTION };
    const bytesOf = ({ core }: Vmemmap) => {
      const at = core.address(core.sectionSlot(number));
      return core.u8.subarray(at, at + PAGES_PER_SECTION * 64);
    };
    expect(Buffer.compare(bytesOf(window), bytesOf(whole)), `slots of section ${number}`).toBe(0);
    const asked = (map: Vmemmap) => {
      const kinds = new Uint8Array(PAGES_PER_SECTION);
      const [heads, orders] = [new Uint32Array(PAGES_PER_SECTION), new Uint32Array(PAGES_PER_SECTION)];
      const pgmaps = new Uint32Array(PAGES_PER_SECTION);
      map.usageKindsInto(pages, kinds);
      map.headsInto(pages, heads);
      map.ordersInto(pages, orders);
      map.pgmapsInto(pages, pgmaps);
      const isAlias = Array.from({ length: PAGES_PER_SECTION / 64 }, (_, i) => {
        const pfn = pages.start + 64 * i;
        return map.pfnValid(pfn) ? [map.isAlias(pfn), map.isFiltered(pfn)] : null;
      });
      const lists = [kinds, heads, orders, pgmaps].map(({ buffer }) => Buffer.from(buffer).toString("latin1"));
      return { lists, isAlias };
    };
    const [ofWindow, ofWhole] = [asked(window), asked(whole)];
    expect(ofWindow.isAlias, `section ${number}`).toEqual(ofWhole.isAlias);
    for (const i of ofWindow.lists.keys())
      expect(ofWindow.lists[i] === ofWhole.lists[i], `section ${number}`).toBe(true);
  }
}

export function addSums(sums: WindowSums, window: Vmemmap): void {
  for (const by of CENSUS_KEYS) sums.censuses.get(by)!.push(window.census({ by }));
  const left = LIMIT - sums.reports.reduce((sum, { findings }) => sum + findings.length, 0);
  sums.reports.push(window.verify({ limit: left }));
  for (const range of window.filtered) {
    const last = sums.filtered.at(-1);
    if (last !== undefined && last.start + last.count === range.start) last.count += range.count;
    else sums.filtered.push({ ...range });
  }
  sums.aliasPfns.push(...window.aliases.pfns);
  sums.sections += window.sections.length;
}

/** The sums against what the whole says. */
export function expectSums(sums: WindowSums, whole: Vmemmap): void {
  expect(sums.sections).toBe(whole.sections.length);
  for (const by of CENSUS_KEYS) expect(joinCensuses(by, sums.censuses.get(by)!)).toEqual(whole.census({ by }));
  expect(joinReports(sums.reports, LIMIT)).toEqual(whole.verify({ limit: LIMIT }));
  expect(sums.filtered).toEqual(whole.filtered);
  expect(sums.aliasPfns).toEqual([...whole.aliases.pfns]);
}

/** All columns of rows, as csv. */
export function rowsText(map: Vmemmap, range: { start: number; end: number }, of: "pages" | "folios"): string {
  const columns = ["pfn", "page", "kind", "flags", "head", "order", "refcount", "mapcount", "type", "pgmap", "alias"];
  const rows = (of === "pages" ? pageRows : folioRows)(map, { columns, range });
  return [...csvOf(rows)].map((chunk) => decoder.decode(chunk)).join("");
}
