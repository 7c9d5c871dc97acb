/** What the wrapper adds around device memory: room, views, images, callbacks. */
import { describe, expect, it } from "vitest";
import { Vmemmap, VmemmapError, type PgmapOps } from "../../src/index.js";

const SECTION = 32768;
const FAR = 2 ** 28;

function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof VmemmapError ? error.code : String(error);
  }
  return "done";
}

function small(options: object = {}): Vmemmap {
  return new Vmemmap({ memory: [{ start: 0, end: SECTION }], ...options });
}

const dax = (start: number, pages: number, vmemmapShift = 0) =>
  ({ type: "generic", ranges: [{ start, end: start + pages }], vmemmapShift }) as const;

describe("room", () => {
  it("grows as memory is added, and old slots keep their bytes", () => {
    const map = small();
    map.prepCompoundPage(512, 9);
    const before = map.memoryBytes;
    map.memremapPages(dax(FAR, 4 * SECTION));
    expect(map.memoryBytes - before).toBe(4 * SECTION * 64);
    expect([map.folioOrder(600), map.slots, map.endPfn]).toEqual([9, 5 * SECTION, FAR + 4 * SECTION]);
  });

  it("is taken again by what comes after", () => {
    const map = small();
    for (let i = 0; i < 10; i++) map.memunmapPages(map.memremapPages(dax(FAR + i * SECTION, SECTION)));
    const bytes = map.memoryBytes;
    map.memremapPages(dax(FAR, SECTION));
    expect(map.memoryBytes).toBe(bytes);
    expect(bytes).toBeLessThan(7 * SECTION * 64);
  });

  it("keeps the slots of a folio over sections in a row, whatever gaps there are", () => {
    const map = small();
    const gaps = [0, 2, 4].map((i) => map.memremapPages(dax(FAR + i * SECTION, SECTION)));
    map.memremapPages(dax(FAR + 6 * SECTION, SECTION));
    for (const pgmap of gaps) map.memunmapPages(pgmap);
    const start = 2 * FAR;
    map.memremapPages(dax(start, 8 * SECTION, 18));
    expect(map.slotOf(start + 8 * SECTION - 1) - map.slotOf(start)).toBe(8 * SECTION - 1);
    expect(map.compoundHead(start + 8 * SECTION - 1)).toBe(start);
    expect(map.isWellFormed(start + 5 * SECTION)).toBe(true);
  });

  it("is refused while views are out, unless it was planned for", () => {
    const map = small({ listCapacity: 64 });
    map.list(8);
    expect(refusalOf(() => map.memremapPages(dax(FAR, SECTION)))).toBe("out-of-memory");
    expect([map.sections.length, map.pgmaps.length]).toEqual([1, 0]);
    const planned = small({ listCapacity: 64, hotplugCapacity: SECTION });
    const list = planned.list(8);
    planned.memremapPages(dax(FAR, SECTION));
    expect(list.length).toBe(8);
    expect(refusalOf(() => planned.memremapPages(dax(2 * FAR, SECTION)))).toBe("out-of-memory");
  });

  it("ends where one memory does", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }], initialize: false });
    expect(refusalOf(() => map.memremapPages(dax(FAR, 2047 * SECTION)))).toBe("out-of-memory");
    expect(map.sections.length).toBe(1);
  });

  it("refuses sections past the table, which maxPhysmemBits makes longer", () => {
    expect(refusalOf(() => small().memremapPages(dax(2 ** 35, SECTION)))).toBe("bad-range");
    expect(refusalOf(() => small({ maxPhysmemBits: 52 }))).toBe("bad-argument");
    expect(refusalOf(() => small({ maxPhysmemBits: 48, vmemmapBase: 0xffd4000000000000n }))).toBe("bad-argument");
    const map = small({ maxPhysmemBits: 52, vmemmapBase: 0xffd4000000000000n });
    const pgmap = map.memremapPages(dax(2 ** 35, SECTION, 9));
    expect(map.pagePgmap(2 ** 35 + 511)).toBe(pgmap);
    const heads = new Float64Array(2);
    map.headsInto(Float64Array.of(2 ** 35 + 700, 5), heads);
    expect([...heads]).toEqual([2 ** 35 + 512, 5]);
  });
});

describe("lookups after sections went", () => {
  it("call pages absent, and slots nobody's", () => {
    const map = small();
    const pgmap = map.memremapPages(dax(FAR, SECTION, 9));
    const slot = map.slotOf(FAR + 5);
    map.memunmapPages(pgmap);
    const heads = new Uint32Array(2);
    expect(map.headsInto(Uint32Array.of(FAR + 5, 5), heads)).toBe(1);
    expect([...heads]).toEqual([0xffffffff, 5]);
    expect(refusalOf(() => map.pfnOf(slot))).toBe("bad-argument");
    expect(refusalOf(() => map.readWord(FAR, 8))).toBe("pfn-absent");
    expect(map.checkWellFormed()).toBe(0);
    expect(map.foliosByOrder().reduce((sum, count) => sum + count, 0)).toBe(SECTION);
  });

  it("no longer trust words that led there", () => {
    const map = small({ profile: "6.18" });
    const first = map.memremapPages({ ...dax(FAR, SECTION) });
    map.memremapPages({ ...dax(FAR + SECTION, SECTION) });
    map.writeWord(FAR + SECTION, 8, map.pageAddress(FAR) | 1n);
    expect([map.checkWellFormed(), map.compoundHead(FAR + SECTION)]).toEqual([0, FAR]);
    map.memunmapPages(first);
    expect(map.isWellFormed(FAR + SECTION)).toBe(false);
    expect(refusalOf(() => map.compoundHead(FAR + SECTION))).toBe("bad-head");
  });
});

it("images carry device memory, its pgmaps and its shared frames", async () => {
  const map = small();
  map.memunmapPages(map.memremapPages(dax(FAR, 2 * SECTION)));
  map.memremapPages(dax(2 * FAR, 1024, 9));
  map.memremapPages({
    type: "fs-dax",
    ranges: [{ start: FAR, end: FAR + SECTION }],
    altmap: { reserve: 2, free: 1022 },
  });
  map.folio(2 * FAR).get();
  const loaded = await Vmemmap.load(map.save());
  expect(loaded.sections).toEqual(map.sections);
  expect(loaded.aliases).toEqual(map.aliases);
  expect(loaded.pgmaps.map((record, i) => ({ ...map.pgmaps[i], ...record }))).toEqual(
    map.pgmaps.map((pgmap) => ({ ...pgmap })),
  );
  expect([loaded.pageRefCount(2 * FAR), loaded.verify().counts]).toEqual([2, {}]);
  const bytes = (of: Vmemmap, pfn: number) => {
    const slot = new Uint8Array(64);
    of.readSlots(pfn, slot);
    return slot;
  };
  for (const pfn of [0, FAR, FAR + 2, FAR + 1024, 2 * FAR, 2 * FAR + 1, 2 * FAR + 700]) {
    expect(bytes(loaded, pfn)).toEqual(bytes(map, pfn));
  }
  // A loaded pgmap has no functions, and goes like any other.
  const [generic] = loaded.pgmaps;
  expect(refusalOf(() => loaded.memunmapPages(generic!))).toBe("pgmap-busy");
  loaded.folio(2 * FAR).put();
  loaded.memunmapPages(generic!);
  expect(loaded.pfnValid(2 * FAR)).toBe(false);
});

it("callbacks keep their `this`", () => {
  class Driver implements PgmapOps {
    freed: number[] = [];
    pageFree(pfn: number): void {
      this.freed.push(pfn);
    }
    migrateToRam(pfn: number): void {
      this.freed.push(-pfn);
    }
  }
  const driver = new Driver();
  const map = small();
  map.memremapPages({ type: "private", owner: 8n, ops: driver, ranges: [{ start: FAR, end: FAR + 512 }] });
  const folio = map.zoneDevicePageInit(FAR + 3);
  map.migrateToRam(FAR + 3);
  folio.put();
  expect(driver.freed).toEqual([-(FAR + 3), FAR + 3]);
});

it("a callback may take the page into use again at once", () => {
  const map = small();
  let again = 2;
  const pgmap = map.memremapPages({
    type: "private",
    owner: 8n,
    ops: {
      migrateToRam: () => undefined,
      folioFree: (folio) => {
        if (again-- > 0) map.zoneDevicePageInit(folio.pfn, 1);
      },
    },
    ranges: [{ start: FAR, end: FAR + 512 }],
  });
  const folio = map.zoneDevicePageInit(FAR, 2);
  expect(pgmap.refs).toBe(5);
  expect([folio.put(), folio.refcount, pgmap.refs, folio.order]).toEqual([true, 1, 3, 1]);
  expect([folio.put(), folio.put(), folio.refcount, pgmap.refs]).toEqual([true, true, 0, 1]);
  map.memunmapPages(pgmap);
});

it("a disposed map has no device memory, and nobody waits for it", async () => {
  const map = small();
  const pgmap = map.memremapPages(dax(FAR, 512));
  map.memremapPages({ type: "fs-dax", ranges: [{ start: 2 * FAR, end: 2 * FAR + 512 }] });
  map.folio(FAR).get();
  map.folio(2 * FAR).refInc();
  const waits = [map.memunmapPagesWhenIdle(pgmap), map.folio(2 * FAR).whenIdle()];
  expect(refusalOf(() => (map.pgmaps = []))).toBe("pgmap-dying");
  map.dispose();
  for (const wait of waits) await expect(wait).rejects.toThrow("disposed of");
  expect(refusalOf(() => map.pgmaps)).toBe("disposed");
  expect(refusalOf(() => map.memunmapPages(pgmap))).toBe("disposed");
});

it("unpin is refused as a whole where the references have gone another way", () => {
  const map = small();
  map.prepCompoundPage(512, 9);
  const folio = map.folio(512);
  folio.unfreeze(1);
  folio.pin(3);
  folio.setRefcount(2);
  expect(refusalOf(() => folio.unpin(3))).toBe("refcount");
  expect([folio.refcount, folio.pincount]).toEqual([2, 3]);
});
