/** Device page maps of the shipped maps, every ZONE_DEVICE page, against drgn's folio->pgmap (page->pgmap before 6.15). */
import { beforeAll, describe, expect, it } from "vitest";
import { NOT_DEVICE, type PgmapRecord, UNKNOWN_PGMAP, Vmemmap, VmemmapError } from "../src/index.js";
import { loadTruth, mapNames, openMap, placeIn, type Truth } from "./truth.js";

const ZONE_DEVICE = 4;

/** Pages whose word names a pgmap that is gone: the kernel bug that the partial-section map was taken for. */
const STALE: Partial<Record<string, number>> = { "linux-6.18.15-hvo-partial-section": 12_288 };

describe.each(mapNames)("%s", (name) => {
  let truth: Truth;
  let map: Vmemmap;
  let numbers: Uint32Array;

  beforeAll(async () => {
    truth = await loadTruth(name);
    map = await Vmemmap.load(openMap(name));
    numbers = new Uint32Array(truth.pfns.length);
    expect(map.pgmapsInto(truth.pfns, numbers)).toBe(0);
  });

  const wrong = (same: (i: number) => boolean) => truth.pfns.filter((_, i) => !same(i)).length;

  it("the raw word of every page agrees", () => {
    const words = new BigUint64Array(truth.pfns.length);
    expect(map.pgmapWordsInto(truth.pfns, words)).toBe(0);
    expect(wrong((i) => words[i] === truth.pgmap[i])).toBe(0);
  });

  it("every page's pgmap is the one drgn names, or none where it is no pgmap", () => {
    const byAddress = new Map(map.pgmaps.map(({ address }, number) => [address, number]));
    const expected = (i: number) =>
      truth.zone[i] === ZONE_DEVICE ? (byAddress.get(truth.pgmap[i]!) ?? UNKNOWN_PGMAP) : NOT_DEVICE;
    expect(wrong((i) => numbers[i] === expected(i))).toBe(0);
  });

  it("unknown are an altmap's own pages, which have a list there, and the stale ones", () => {
    let hosts = 0;
    let stale = 0;
    truth.pfns.forEach((pfn, i) => {
      if (numbers[i] !== UNKNOWN_PGMAP) return;
      if (truth.pgmap[i] === map.pageAddress(pfn) + 8n) hosts++;
      else stale++;
    });
    const free = map.pgmaps.reduce((sum, { altmap }) => sum + (altmap?.free ?? 0), 0);
    expect({ hosts, stale }).toEqual({ hosts: free, stale: STALE[name] ?? 0 });
  });

  it("all pages of a folio have one pgmap", () => {
    const heads = new Uint32Array(truth.pfns.length);
    map.headsInto(truth.pfns, heads);
    expect(wrong((i) => numbers[i] === numbers[placeIn(truth, heads[i]!)])).toBe(0);
  });

  it("by range as by slot, but for pages that have none in their slot", () => {
    const byRange = new Uint32Array(truth.pfns.length);
    expect(map.devPagemapsInto(truth.pfns, byRange)).toBe(0);
    expect(wrong((i) => numbers[i]! >= UNKNOWN_PGMAP || byRange[i] === numbers[i])).toBe(0);
    const covered = map.pgmaps.flatMap(({ ranges }) => ranges).reduce((sum, { start, end }) => sum + end - start, 0);
    expect(byRange.filter((number) => number !== UNKNOWN_PGMAP).length).toBe(covered);
  });

  it("a call for one page gives the batch's answer", () => {
    for (let i = 0; i < truth.pfns.length; i += 997) {
      const pfn = truth.pfns[i]!;
      expect(map.pagePgmap(pfn)).toBe(map.pgmaps[numbers[i]!] ?? null);
      expect(map.pagePgmapWord(pfn)).toBe(truth.zone[i] === ZONE_DEVICE ? truth.pgmap[i] : null);
    }
  });
});

describe("pgmaps set by hand", () => {
  const record = (address: bigint, start: number, end: number): PgmapRecord => ({
    address,
    type: 4,
    typeName: "MEMORY_DEVICE_GENERIC",
    flags: 0,
    vmemmapShift: 9,
    ranges: [{ start, end }],
    altmap: null,
    owner: null,
    ops: null,
  });
  const FAR = 2 ** 32;
  const map = new Vmemmap({
    memory: [
      { start: 0, end: 32768 },
      { start: FAR, end: FAR + 1024, hotplug: true, zone: "DEVICE" },
    ],
  });
  const first = record(0xffff888000001000n, FAR, FAR + 512);
  const second = record(0xffff888000002000n, FAR + 512, FAR + 1024);
  map.pgmaps = [first, second];
  map.prepCompoundPage(FAR, 9);
  map.writeWord(FAR, 8, first.address);
  map.writeWord(FAR + 512, 8, second.address);

  it("are found from tails and single pages beyond PFN 2^32", () => {
    expect(map.pagePgmap(FAR + 511)).toBe(first);
    expect(map.pagePgmap(FAR + 512)).toBe(second);
    expect(map.pagePgmap(FAR + 513)).toBeNull();
    expect(map.pagePgmap(5)).toBeNull();
    expect(map.getDevPagemap(FAR + 1023)).toBe(second);
    expect(map.getDevPagemap(5)).toBeNull();
  });

  it("tell pages that may not share a segment (zone_device_pages_have_same_pgmap)", () => {
    expect(map.zoneDevicePagesHaveSamePgmap(FAR, FAR + 300)).toBe(true);
    expect(map.zoneDevicePagesHaveSamePgmap(FAR, FAR + 512)).toBe(false);
    expect(map.zoneDevicePagesHaveSamePgmap(FAR, 5)).toBe(false);
    expect(map.zoneDevicePagesHaveSamePgmap(4, 5)).toBe(true);
  });

  it("answer NaN for absent pages of a list of doubles, and count them", () => {
    const pages = Float64Array.of(FAR + 5, 7, FAR + 600, FAR + 5000);
    expect(map.pgmapsInto(pages, pages)).toBe(1);
    expect([...pages]).toEqual([0, NOT_DEVICE - 2 ** 32, UNKNOWN_PGMAP - 2 ** 32, NaN]);
  });

  it.each([
    ["meet", [first, record(3n, FAR + 100, FAR + 200)], "bad-range"],
    ["are empty", [record(3n, 10, 10)], "bad-range"],
    ["have one address twice", [first, record(first.address, 0, 5)], "bad-argument"],
    ["are too many", Array.from({ length: 1025 }, (_, i) => record(BigInt(i), i, i + 1)), "bad-argument"],
  ])("are refused where they %s, and the old ones stay", (_what, pgmaps, code) => {
    let refusal: unknown;
    try {
      map.pgmaps = pgmaps;
    } catch (error) {
      refusal = error;
    }
    expect((refusal as VmemmapError).code).toBe(code);
    expect(map.pagePgmap(FAR)).toBe(first);
    expect(map.getDevPagemap(FAR + 512)).toBe(second);
  });
});
