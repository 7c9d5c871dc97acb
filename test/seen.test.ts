/** Facts first seen in the memory of real kernels, each by name; docs/results/ground-truth.md has their counts. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Vmemmap } from "../src/index.js";
import { knownCapture } from "./captures.js";
import { documentedRow } from "./ground-truth-page.js";
import { altmapReserve, ZONE_DEVICE } from "./kind-rules.js";
import { Kind, mapNames, placeIn, type Truth } from "./truth.js";

const KPF_COMPOUND_HEAD = 1n << 15n;
const SLOT_BYTES = 64;
const PAGE_SLOTS = 64;
const STALE_PGMAP = 0xffff8bb7c227cca8n;

describe.each(mapNames)("%s", (name) => {
  let map: Vmemmap;
  let truth: Truth;

  beforeAll(async () => {
    ({ map, truth } = await knownCapture(name));
  });

  const counted = (column: number) => documentedRow("Seen in these maps", name)[column];
  const placesWhere = (test: (i: number) => boolean) => Array.from(truth.pfns.keys()).filter(test);

  it("fake heads that the kernel's own kpageflags calls heads are tails of optimised hugetlb folios (6.17 to 7.0)", () => {
    const called = placesWhere(
      (i) =>
        truth.zone[i] !== ZONE_DEVICE &&
        truth.kpageflagsStable[i] === 1 &&
        (truth.kpageflags[i]! & KPF_COMPOUND_HEAD) !== 0n &&
        (truth.kind[i]! & Kind.HEAD) === 0,
    ).map((i) => truth.pfns[i]!);
    const isFake = (pfn: number) =>
      map.pageTail(pfn) && pfn % PAGE_SLOTS === 0 && map.isAlias(pfn) && map.folio(pfn).isHugetlb;
    expect(called.filter((pfn) => !isFake(pfn))).toEqual([]);
    expect(called.length).toBe(counted(0));
  });

  it("an altmap's own pages are ZONE_DEVICE without a pgmap: a list head of their own at +8, refcount 1", () => {
    const own = map.pgmaps.flatMap(({ altmap }) =>
      altmap === null ? [] : Array.from({ length: altmap.free }, (_, i) => altmap.basePfn + altmap.reserve + i),
    );
    const isOwn = (pfn: number) => {
      const list = map.pageAddress(pfn) + 8n;
      return (
        map.isZoneDevicePage(pfn) &&
        map.pagePgmap(pfn) === null &&
        map.readWord(pfn, 8) === list &&
        map.readWord(pfn, 16) === list &&
        map.pageRefCount(pfn) === 1
      );
    };
    expect(own.filter((pfn) => !isOwn(pfn))).toEqual([]);
    expect(own.length).toBe(counted(1));
  });

  it("the slots before them are all zero: of zone 0, and mapped once by their word", () => {
    const reserve = [...altmapReserve(map)];
    const slot = new Uint8Array(SLOT_BYTES);
    for (const pfn of reserve) {
      map.readSlots(pfn, slot);
      expect(slot.every((byte) => byte === 0)).toBe(true);
      expect([map.pageZone(pfn), map.pageMapcount(pfn), map.pageRefCount(pfn)]).toEqual([0, 1, 0]);
    }
    expect(reserve.length).toBe(counted(2));
  });

  it("zone number 5 is on reserved pages that no zone spans", () => {
    const outside = placesWhere((i) => map.pageZone(truth.pfns[i]!) === 5);
    const isReserved = (i: number) =>
      map.testFlag(truth.pfns[i]!, "reserved") && map.usageKind(truth.pfns[i]!) === "reserved";
    expect(outside.filter((i) => truth.zone[i] !== 5 || !isReserved(i))).toEqual([]);
    expect(map.census({ by: "zone" }).rows.find(({ key }) => key === "5")?.pages ?? 0).toBe(outside.length);
    expect(outside.length).toBe(counted(3));
  });

  it("slots that show another page's frame are the same bytes as all that show it, and tails by drgn, every one", () => {
    const { pfns, frames, home } = map.aliases;
    const shown = new Map<number, Buffer>();
    let tails = 0;
    pfns.forEach((pfn, i) => {
      const bytes = Buffer.alloc(PAGE_SLOTS * SLOT_BYTES);
      map.readSlots(pfn, bytes);
      const first = shown.get(frames[i]!) ?? bytes;
      shown.set(frames[i]!, first);
      expect(bytes.equals(first)).toBe(true);
      if (home[i] === 1) return;
      for (let page = pfn; page < pfn + PAGE_SLOTS; page++) {
        tails += Number(
          map.isAlias(page) && map.pageTail(page) && (truth.kind[placeIn(truth, page)]! & Kind.TAIL) !== 0,
        );
      }
    });
    const read = PAGE_SLOTS * home.filter((is) => is === 0).length;
    expect([read, tails, pfns.length - shown.size]).toEqual([read, read, counted(5)]);
    expect(tails).toBe(counted(4));
  });

  it("stale pages of a pgmap that is gone: single pages in the middle of a folio", () => {
    const stale = placesWhere((i) => truth.pgmap[i] === STALE_PGMAP).map((i) => truth.pfns[i]!);
    const isStale = (pfn: number) =>
      map.compoundHead(pfn) === pfn && pfn % 512 >= 128 && map.folioNrPages(pfn - (pfn % 512)) === 512;
    expect(stale.filter((pfn) => !isStale(pfn))).toEqual([]);
    expect(stale.length).toBe(counted(6));
    expect(map.verify().counts["pgmap-unknown"] ?? 0).toBe(stale.length);
  });
});
