/** All lookups of device pages against the model's, page by page and in lists of every kind. */
import { expect } from "vitest";
import { NOT_DEVICE, type Pgmap, type PfnList, type PfnSource, UNKNOWN_PGMAP, type Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";
import { outcome } from "./outcome.js";

const INVALID = 0xffffffff;
const U64_MAX = (1n << 64n) - 1n;

/** Pages around the places where something may be: `pages` of each, absent ones too. */
export function windowOf(start: number, pages: number): number[] {
  return Array.from({ length: pages }, (_, i) => start + i);
}

type Pages = readonly number[];
type Reference = model.DeviceMap;

export function expectSameLookups(map: Vmemmap, reference: Reference, pgmaps: readonly Pgmap[], pages: Pages): void {
  expectSameNumbers(map, reference, pages);
  expectSameWords(map, reference, pages);
  expectSamePairs(map, reference, pages);
  expectSamePages(map, reference, pgmaps, pages);
}

function isWide(map: Vmemmap): boolean {
  return map.endPfn > 2 ** 32;
}

function listOf(map: Vmemmap, pages: Pages): PfnList {
  return isWide(map) ? Float64Array.from(pages) : Uint32Array.from(pages);
}

/** Runs of PFNs, to be asked as ranges. */
function runsOf(pages: Pages): { start: number; count: number }[] {
  const runs: { start: number; count: number }[] = [];
  for (const pfn of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last.start + last.count === pfn) last.count++;
    else runs.push({ start: pfn, count: 1 });
  }
  return runs;
}

/** A batch of 32-bit answers in each kind of array and from each kind of source; null is a page without an answer. */
function expectBatch(
  map: Vmemmap,
  pages: Pages,
  into: (source: PfnSource, out: Uint32Array | Int32Array | Float64Array) => number,
  answer: (pfn: number) => number | null,
): void {
  const wanted = pages.map(answer);
  const invalid = wanted.filter((one) => one === null).length;
  const words = wanted.map((one) => one ?? INVALID);
  const out = new Uint32Array(pages.length);
  expect(into(listOf(map, pages), out)).toBe(invalid);
  expect(Array.from(out)).toEqual(words);
  const signed = new Int32Array(pages.length);
  expect(into(listOf(map, pages), signed)).toBe(invalid);
  expect(Array.from(signed)).toEqual(words.map((word) => word | 0));
  const doubles = new Float64Array(pages.length);
  expect(into(listOf(map, pages), doubles)).toBe(invalid);
  expect(Array.from(doubles)).toEqual(wanted.map((one) => (one === null ? NaN : one | 0)));
  for (const { start, count } of runsOf(pages)) {
    const at = pages.indexOf(start);
    const part = new Uint32Array(count);
    into({ start, count }, part);
    expect(Array.from(part)).toEqual(words.slice(at, at + count));
  }
}

function placeOf(reference: Reference, pgmap: model.ModelPgmap | null): number {
  return pgmap === null ? UNKNOWN_PGMAP : reference.pgmaps.indexOf(pgmap);
}

/** ZONE_DEVICE or not, and then what `find` says; null for pages that are not there or lead nowhere. */
function ofDevicePage(reference: Reference, pfn: number, find: () => number | null): number | null {
  if (!reference.has(pfn)) return null;
  return model.isZoneDevicePage(reference, pfn) ? find() : NOT_DEVICE;
}

function expectSameNumbers(map: Vmemmap, reference: Reference, pages: Pages): void {
  expectBatch(
    map,
    pages,
    (source, out) => map.pgmapsInto(source, out),
    (pfn) =>
      ofDevicePage(reference, pfn, () =>
        model.compoundHead(reference, pfn) === null ? null : placeOf(reference, model.pagePgmap(reference, pfn)),
      ),
  );
  expectBatch(
    map,
    pages,
    (source, out) => map.ownPgmapsInto(source, out),
    (pfn) => ofDevicePage(reference, pfn, () => placeOf(reference, model.ownPgmap(reference, pfn))),
  );
  expectBatch(
    map,
    pages,
    (source, out) => map.devPagemapsInto(source, out),
    (pfn) => (reference.has(pfn) ? placeOf(reference, model.getDevPagemap(reference, pfn)) : null),
  );
  expectBatch(
    map,
    pages,
    (source, out) => map.memoryTypesInto(source, out),
    (pfn) => (reference.has(pfn) && leadsSomewhere(reference, pfn) ? model.pageMemoryTypeNumber(reference, pfn) : null),
  );
}

/** A page whose head is asked for: one in ZONE_DEVICE. */
function leadsSomewhere(reference: Reference, pfn: number): boolean {
  return !model.isZoneDevicePage(reference, pfn) || model.compoundHead(reference, pfn) !== null;
}

function expectSameWords(map: Vmemmap, reference: Reference, pages: Pages): void {
  const source = listOf(map, pages);
  const out = new BigUint64Array(pages.length);
  const wordOf = (pfn: number): bigint | null => {
    if (!reference.has(pfn)) return null;
    if (!model.isZoneDevicePage(reference, pfn)) return 0n;
    return model.pgmapWord(reference, pfn);
  };
  const words = pages.map(wordOf);
  expect(map.pgmapWordsInto(source, out)).toBe(words.filter((word) => word === null).length);
  expect(Array.from(out)).toEqual(words.map((word) => word ?? U64_MAX));
  const own = pages.map((pfn) => (reference.has(pfn) ? model.ownPgmapWord(reference, pfn) : null));
  expect(map.ownPgmapWordsInto(source, out)).toBe(own.filter((word) => word === null).length);
  expect(Array.from(out)).toEqual(own.map((word) => word ?? U64_MAX));
}

/** Each page with one further on, and with itself. */
function expectSamePairs(map: Vmemmap, reference: Reference, pages: Pages): void {
  const others = pages.map((_, i) => pages[(i * 7 + (i % 3)) % pages.length]!);
  const answer = (a: number, b: number) => (model.devicePagesHaveSamePgmap(reference, a, b) ? 1 : 0);
  const wanted = pages.map((pfn, i) => {
    const there = [pfn, others[i]!].every((one) => reference.has(one) && leadsSomewhere(reference, one));
    return there ? answer(pfn, others[i]!) : INVALID;
  });
  const out = new Uint32Array(pages.length);
  map.zoneDevicePagesHaveSamePgmapInto(listOf(map, pages), listOf(map, others), out);
  expect(Array.from(out)).toEqual(wanted);
}

/** Single calls. */
function expectSamePages(map: Vmemmap, reference: Reference, pgmaps: readonly Pgmap[], pages: Pages): void {
  const same = (pgmap: model.ModelPgmap | null) =>
    pgmap === null ? null : pgmaps[reference.pgmaps.indexOf(pgmap)]!.address;
  for (const pfn of pages.filter((pfn) => reference.has(pfn))) {
    const lost = model.compoundHead(reference, pfn) === null && model.isZoneDevicePage(reference, pfn);
    const type = model.pageMemoryType(reference, pfn);
    const unlessLost = <T>(answer: T) => (lost ? { code: "bad-head" } : { answer });
    expect({
      pfn,
      page: outcome(() => map.pagePgmap(pfn)?.address ?? null),
      folio: model.compoundHead(reference, pfn) === null || (map.folioPgmap(pfn)?.address ?? null),
      own: map.ownPgmap(pfn)?.address ?? null,
      range: map.getDevPagemap(pfn)?.address ?? null,
      device: outcome(() => map.isZoneDevicePage(pfn)),
      type: outcome(() => map.memoryType(pfn)),
      kinds: outcome(() => [
        map.isDevicePrivatePage(pfn),
        map.isDeviceCoherentPage(pfn),
        map.isFsdaxPage(pfn),
        map.isDevDaxPage(pfn),
        map.isPciP2pdmaPage(pfn),
      ]),
    }).toEqual({
      pfn,
      page: unlessLost(same(model.pagePgmap(reference, pfn))),
      folio: model.compoundHead(reference, pfn) === null || same(model.folioPgmap(reference, pfn)),
      own: same(model.ownPgmap(reference, pfn)),
      range: same(model.getDevPagemap(reference, pfn)),
      device: { answer: model.isZoneDevicePage(reference, pfn) },
      type: unlessLost(type),
      kinds: unlessLost(["private", "coherent", "fs-dax", "generic", "pci-p2pdma"].map((one) => one === type)),
    });
  }
}
