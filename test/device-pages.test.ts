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

  const bytes = (map: Vmemmap, pfn: number) => {
    const slot = new Uint8Array(64);
    map.readSlots(pfn, slot);
    return Buffer.from(slot).toString("hex");
  };
  const pages = (pgmap: PgmapRecord) =>
    pgmap.ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
  /** Two maps have device-dax alone. */
  const hasFsdax = () => real.pgmaps.some((pgmap) => typeOf(real, pgmap) === "fs-dax");
  const i32 = (pfn: number, offset: 48 | 52) =>
    Number(BigInt.asIntN(32, real.readWord(pfn, 48) >> (offset === 52 ? 32n : 0n)));

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
    for (const pgmap of real.pgmaps) {
      if (pgmap.altmap === null) continue;
      const { basePfn, reserve, free } = pgmap.altmap;
      for (let pfn = basePfn; pfn < basePfn + reserve + free; pfn++) {
        expect([pfn, bytes(twin, pfn)]).toEqual([pfn, bytes(real, pfn)]);
      }
    }
  });

  it("pages nobody has used are the kernel's, byte for byte", () => {
    let equal = 0;
    for (const pgmap of real.pgmaps) {
      for (const pfn of pages(pgmap)) {
        const idle = real.pagePgmap(pfn) === pgmap && !real.pageCompound(pfn);
        // A page that was in a file has an index or share, or lost it with PG_reserved kept: mapping, index and private tell.
        const untouched = idle && [16, 24, 32, 40].every((at) => real.readWord(pfn, at) === 0n) && i32(pfn, 48) === -1;
        if (!untouched || real.readWord(pfn, 0) !== twin.readWord(pfn, 0) || i32(pfn, 52) !== twin.pageRefCount(pfn))
          continue;
        if (bytes(twin, pfn) === bytes(real, pfn)) equal++;
        else expect([pfn, bytes(twin, pfn)]).toEqual([pfn, bytes(real, pfn)]);
      }
    }
    expect(equal).toBeGreaterThan(hasFsdax() ? 10_000 : -1);
  });

  it("heads and tails of device-dax are the kernel's but for what use changes", () => {
    let tails = 0;
    for (const pgmap of real.pgmaps.filter((each) => typeOf(real, each) === "generic")) {
      for (const pfn of pages(pgmap)) {
        if (real.pagePgmap(pfn) !== pgmap) continue;
        const index = real.folioPageIdx(pfn);
        if (index === 0) {
          // mapping and index come with the first fault (dax_set_mapping), counts with mappings.
          for (const at of [0, 8, 16, 56]) {
            expect([pfn, at, twin.readWord(pfn, at)]).toEqual([pfn, at, real.readWord(pfn, at)]);
          }
        } else if (index > 1) {
          // Page 1 holds the folio's counts.
          expect([pfn, bytes(twin, pfn)]).toEqual([pfn, bytes(real, pfn)]);
          tails++;
        }
      }
    }
    expect(tails).toBeGreaterThan(1000);
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
    let checked = 0;
    for (const pgmap of real.pgmaps) {
      const type = typeOf(real, pgmap);
      for (const pfn of pages(pgmap)) {
        if (real.pagePgmap(pfn) !== pgmap || real.pageTail(pfn)) continue;
        const folio = real.folio(pfn);
        const mapcount = series ? folio.mapcount : 0;
        expect([pfn, folio.refcount]).toEqual([pfn, Number(idleAtOne.includes(type)) + mapcount]);
        expect([pfn, folio.daxIsBusy]).toEqual([pfn, type === "generic" && series]);
        checked++;
      }
    }
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
  for (const pfn of stale) {
    const [a, b] = [new Uint8Array(64), new Uint8Array(64)];
    real.readSlots(pfn, a);
    twin.readSlots(pfn, b);
    expect([pfn, b]).toEqual([pfn, a]);
  }
  expect(stale.every((pfn) => real.readWord(pfn, 24) !== TAIL_MAPPING)).toBe(true);
});
