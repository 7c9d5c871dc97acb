/**
 * Device memory of real kernels, made again: each shipped map's pgmaps through memremapPages into a fresh map of the same kernel.
 * The slots must be the kernel's, byte for byte, wherever nobody has used the page since.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type MemoryType, type PgmapRecord, Vmemmap } from "../src/index.js";
import { mapNames, openMap } from "./truth.js";

const TAIL_MAPPING = 0xdead000000000400n;
const PARTIAL = "linux-6.18.15-hvo-partial-section";
/** The pgmap that the kernel had there before, whose pages it left behind. */
const STALE_PGMAP = 0xffff8bb7c227cca8n;

function typeOf(map: Vmemmap, pgmap: PgmapRecord): MemoryType {
  return map.profile.zoneDevice.memoryTypes[pgmap.type - 1]!;
}

/** An empty map of the same kernel, with the boot sections and nothing in them. */
function emptyTwin(real: Vmemmap): Vmemmap {
  const bits = (from: number, to: number) => (1n << BigInt(to)) - (1n << BigInt(from));
  const sections = real.sections
    .filter(({ early }) => early)
    .map((section) => {
      const first = section.number * 32768;
      const device = real.pgmaps
        .flatMap(({ ranges }) => ranges)
        .map(({ start, end }) => [Math.max(start - first, 0) / 512, Math.min(end - first, 32768) / 512] as const)
        .filter(([from, to]) => from < to)
        .reduce((all, [from, to]) => all | bits(from, to), 0n);
      return { ...section, taintZoneDevice: false, subsections: section.subsections & ~device };
    });
  const profile = real.profile;
  return new Vmemmap({ profile, vmemmapBase: real.vmemmapBase, sections, initialize: false });
}

function make(map: Vmemmap, real: Vmemmap, pgmap: PgmapRecord) {
  const { altmap, ranges, vmemmapShift, address, owner } = pgmap;
  return map.memremapPages({
    type: typeOf(real, pgmap),
    ranges,
    vmemmapShift,
    address,
    altmap: altmap && { reserve: altmap.reserve, free: altmap.free },
    owner,
  });
}

function slotOf(map: Vmemmap, pfn: number): Buffer {
  const slot = Buffer.alloc(64);
  map.readSlots(pfn, slot);
  return slot;
}

describe.each(mapNames)("%s", (name) => {
  let real: Vmemmap;
  let twin: Vmemmap;

  beforeAll(async () => {
    real = await Vmemmap.load(openMap(name));
    twin = emptyTwin(real);
    for (const pgmap of real.pgmaps) {
      if (name === PARTIAL && typeOf(real, pgmap) === "generic") {
        twin.memunmapPages(twin.memremapPages({ type: "fs-dax", ranges: pgmap.ranges, address: STALE_PGMAP }));
      }
      make(twin, real, pgmap);
    }
  });

  const isSame = (pfn: number) => slotOf(twin, pfn).equals(slotOf(real, pfn));
  /** Pages that are not as they should be, the first few, with both slots. */
  const differing = (pfns: readonly number[], same = isSame) =>
    pfns
      .filter((pfn) => !same(pfn))
      .slice(0, 5)
      .map((pfn) => [pfn, slotOf(twin, pfn).toString("hex"), slotOf(real, pfn).toString("hex")]);
  const pages = (pgmap: PgmapRecord) =>
    pgmap.ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
  /** Two maps have device-dax alone. */
  const hasFsdax = () => real.pgmaps.some((pgmap) => typeOf(real, pgmap) === "fs-dax");

  it("sections, taints and altmaps come out as the kernel's", () => {
    const device = (map: Vmemmap) =>
      map.sections
        .filter(({ number }) =>
          map.pgmaps.some(({ ranges }) =>
            ranges.some(({ start, end }) => number * 32768 < end && (number + 1) * 32768 > start),
          ),
        )
        .map(({ number, early, taintZoneDevice }) => ({ number, early, taintZoneDevice }));
    expect(device(twin)).toEqual(device(real));
    expect(twin.pgmaps.map(({ altmap }) => altmap)).toEqual(real.pgmaps.map(({ altmap }) => altmap));
    expect(twin.pgmaps.map(({ type, typeName, flags }) => ({ type, typeName, flags }))).toEqual(
      real.pgmaps.map(({ type, typeName, flags }) => ({ type, typeName, flags })),
    );
  });

  it("an altmap's own pages are the kernel's: zeroes, then pages with a list", () => {
    for (const { altmap } of real.pgmaps) {
      if (altmap === null) continue;
      const { basePfn, reserve, free } = altmap;
      expect(differing(Array.from({ length: reserve + free }, (_, i) => basePfn + i))).toEqual([]);
    }
  });

  it("pages nobody has used are the kernel's, byte for byte", () => {
    const untouched = real.pgmaps.flatMap((pgmap) =>
      pages(pgmap).filter((pfn) => {
        if (real.pagePgmap(pfn) !== pgmap || real.pageCompound(pfn)) return false;
        // Use leaves an index or share, a mapping, flags or counts behind.
        const words = [16, 24, 32, 40].every((at) => real.readWord(pfn, at) === 0n);
        return (
          words && real.readWord(pfn, 0) === twin.readWord(pfn, 0) && real.readWord(pfn, 48) === twin.readWord(pfn, 48)
        );
      }),
    );
    expect(differing(untouched)).toEqual([]);
    expect(untouched.length).toBeGreaterThan(hasFsdax() ? 10_000 : -1);
  });

  it("heads and tails of device-dax are the kernel's but for what use changes", () => {
    const dax = real.pgmaps
      .filter((each) => typeOf(real, each) === "generic")
      .flatMap((pgmap) => pages(pgmap).filter((pfn) => real.pagePgmap(pfn) === pgmap));
    // Mapping and index come with the first fault (dax_set_mapping), counts with mappings; page 1 holds the folio's counts.
    const heads = dax.filter((pfn) => real.folioPageIdx(pfn) === 0);
    const sameWords = (pfn: number) => [0, 8, 16, 56].every((at) => twin.readWord(pfn, at) === real.readWord(pfn, at));
    expect(differing(heads, sameWords)).toEqual([]);
    const tails = dax.filter((pfn) => real.folioPageIdx(pfn) > 1);
    expect(differing(tails)).toEqual([]);
    expect([heads.length > 10, tails.length > 1000]).toEqual([true, true]);
  });

  it("the vmemmap shares the frames that the kernel's page tables share", () => {
    const inRanges = (pfn: number) =>
      real.pgmaps.some(
        (pgmap) =>
          typeOf(real, pgmap) === "generic" && pgmap.ranges.some(({ start, end }) => start <= pfn && pfn < end),
      );
    const shared = (map: Vmemmap) => {
      const { pfns, home } = map.aliases;
      return [...pfns].map((pfn, i) => [pfn, home[i]] as const).filter(([pfn]) => inRanges(pfn));
    };
    expect(shared(twin)).toEqual(shared(real));
  });

  it("counts obey the kernel's rules for their type", () => {
    const { idleAtOne, mappingsCount } = real.profile.zoneDevice;
    const series = mappingsCount.includes("fs-dax");
    const wrong: unknown[] = [];
    let checked = 0;
    for (const pgmap of real.pgmaps) {
      const type = typeOf(real, pgmap);
      for (const pfn of pages(pgmap)) {
        if (real.pagePgmap(pfn) !== pgmap || real.pageTail(pfn)) continue;
        checked++;
        const folio = real.folio(pfn);
        const count = Number(idleAtOne.includes(type)) + (series ? folio.mapcount : 0);
        const busy = type === "generic" && series;
        if (folio.refcount !== count || folio.daxIsBusy !== busy) wrong.push({ pfn, refcount: folio.refcount, count });
      }
    }
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThan(hasFsdax() ? 10_000 : 60);
  });

  it("verify() finds nothing but what the kernel bug left in one map", () => {
    const { counts, findings, pages: looked } = real.verify({ limit: 5000 });
    const partial = name === PARTIAL;
    expect(counts).toEqual(partial ? { "order-run": 32, "pgmap-unknown": 12_288 } : {});
    expect(findings.length).toBe(partial ? 5000 : 0);
    expect(looked).toBe(real.slots);
    // And of the fresh twin the same: it was made with the same bug.
    expect(twin.verify().counts["pgmap-unknown"] ?? 0).toBe(partial ? 12_288 : 0);
    expect(twin.verify().counts["order-run"] ?? 0).toBe(partial ? 32 : 0);
  });
});

it("the stale pages of the partial section come about as the kernel's did", async () => {
  const real = await Vmemmap.load(openMap(PARTIAL));
  const stale = real.select({ zone: 4, kinds: ["single"] }).filter((pfn) => real.readWord(pfn, 8) === STALE_PGMAP);
  expect(stale.length).toBe(12_288);
  const twin = emptyTwin(real);
  const dax = real.pgmaps.find((pgmap) => typeOf(real, pgmap) === "generic")!;
  twin.memunmapPages(twin.memremapPages({ type: "fs-dax", ranges: dax.ranges, address: STALE_PGMAP }));
  make(twin, real, dax);
  expect(Array.from(stale).filter((pfn) => !slotOf(twin, pfn).equals(slotOf(real, pfn)))).toEqual([]);
  expect(stale.every((pfn) => real.readWord(pfn, 24) !== TAIL_MAPPING)).toBe(true);
});
