import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Vmemmap, VmemmapError } from "../../src/index.js";
import { constant } from "../../src/engine/modules.js";

const SECTION = 32768;
const TIB = 2 ** 28;

function ram(sections: number, options: Partial<ConstructorParameters<typeof Vmemmap>[0]> = {}): Vmemmap {
  return new Vmemmap({ memory: [{ start: 0, end: sections * SECTION }], ...options });
}

/** The answer of a list of one page, which asks the index, and of the slots. */
function answers(map: Vmemmap, pfn: number): { byIndex: [number, number]; bySlots: [number, number] } {
  const list = (ask: (pages: Uint32Array) => number): number => {
    const pages = new Uint32Array(4).fill(pfn); // the index is asked for groups of four
    ask(pages);
    return pages[0]!;
  };
  return {
    byIndex: [list((pages) => map.heads(pages)), list((pages) => map.orders(pages))],
    bySlots: [map.compoundHead(pfn), map.folioOrder(pfn)],
  };
}

function expectSame(map: Vmemmap, pfn: number, head: number, order: number): void {
  expect(answers(map, pfn)).toEqual({ byIndex: [head, order], bySlots: [head, order] });
}

function loadMap(name: string): Promise<Vmemmap> {
  return Vmemmap.load(readFileSync(new URL(`../../maps/${name}.vmemmap`, import.meta.url)));
}

describe("state and cost", () => {
  it("is ready in a fresh map, answers for every page, and takes 0.15 bytes a page", () => {
    const { headIndex, slots } = ram(2);
    expect(headIndex.state).toBe("ready");
    expect(headIndex.pagesBySlots).toBe(0);
    expect(headIndex.bytes).toBe(slots * (4736 / SECTION));
    expect(headIndex.bytes / slots).toBeLessThan(0.25);
  });

  it("is not there where it is not wished", () => {
    const map = ram(1, { headIndex: false });
    expect([map.headIndex.state, map.headIndex.bytes, map.headIndex.pagesBySlots]).toEqual(["none", 0, SECTION]);
    expect(() => map.headIndex.build()).toThrow(VmemmapError);
    map.prepCompoundPage(64, 3);
    expect(Array.from(headsOf(map, 66))).toEqual([64]);
  });

  it("is not there where the slots leave no room for it", () => {
    const map = ram(2046, { initialize: false });
    expect(map.headIndex.state).toBe("none");
    expect(map.slots).toBe(67043328);
    expect(ram(2000, { initialize: false }).headIndex.state).toBe("ready");
  });

  it("can be dropped and made again", () => {
    const map = ram(1);
    map.headIndex.drop();
    expect([map.headIndex.state, map.headIndex.bytes, map.headIndex.pagesBySlots]).toEqual(["dropped", 0, SECTION]);
    map.prepCompoundPage(1024, 9);
    expectSame(map, 1100, 1024, 9);
    map.headIndex.build();
    expect([map.headIndex.state, map.headIndex.pagesBySlots]).toEqual(["ready", 0]);
    expectSame(map, 1100, 1024, 9);
  });

  it("is dropped when more memory is added than it has room for, and says so", () => {
    const map = ram(1);
    map.core.exports.state_set(constant("Word.HEAD_INDEX_SECTIONS"), 2, 0);
    map.headIndex.build();
    const ranges = [{ start: TIB, end: TIB + SECTION }];
    map.memremapPages({ type: "fs-dax", ranges });
    expect([map.headIndex.state, map.headIndex.pagesBySlots]).toEqual(["ready", 0]);
    map.memremapPages({ type: "fs-dax", ranges: [{ start: 2 * TIB, end: 2 * TIB + SECTION }] });
    expect(map.headIndex.state).toBe("dropped");
    expect(() => map.headIndex.build()).toThrow(expect.objectContaining({ code: "out-of-memory" }));
    expect(headsOf(map, TIB + 5)).toEqual(Uint32Array.of(TIB + 5));
  });
});

function headsOf(map: Vmemmap, pfn: number): Uint32Array {
  const pages = Uint32Array.of(pfn);
  map.heads(pages);
  return pages;
}

describe("what changes heads and orders besides prep, split and free", () => {
  it("PG_head of a page: set and cleared", () => {
    const map = ram(1);
    map.setFlag(511, "head");
    map.setFlag(512, "locked");
    expect(answers(map, 511).byIndex).toEqual(answers(map, 511).bySlots);
    map.prepCompoundPage(1024, 8);
    map.clearFlag(1024, "head");
    expectSame(map, 1200, 1024, 0);
  });

  it("the low byte of page 1, by a flag that stands there", () => {
    const map = ram(1, { profile: "7.3" });
    map.prepCompoundPage(1024, 8);
    map.core.exports.page_change_flag(1025, 0, constant("Policy.ANY"), 1);
    expectSame(map, 1025, 1024, 9);
    expectSame(map, 1200, 1024, 9);
  });

  it("a raw write in one section, for pages of a folio in others", () => {
    const map = ram(8);
    map.prepCompoundPage(0, 18);
    const order = map.readWord(1, 0);
    map.writeWord(1, 0, (order & ~0xffn) | 17n);
    expectSame(map, 7 * SECTION + 5, 0, 17);
    expect(map.headIndex.pagesBySlots).toBe(8 * SECTION);
    map.checkWellFormed();
    expectSame(map, 7 * SECTION + 5, 0, 17);
    expect(map.headIndex.pagesBySlots).toBe(8 * SECTION - 2 ** 17);
  });

  it("memory that a folio stands in and that goes", () => {
    const map = ram(1, { hotplugCapacity: 8 * SECTION });
    const dax = map.memremapPages({
      type: "generic",
      ranges: [{ start: TIB, end: TIB + 2 ** 18 }],
      vmemmapShift: 18,
    });
    expectSame(map, TIB + 2 ** 18 - 1, TIB, 18);
    map.memunmapPages(dax);
    expect(headsOf(map, TIB + 5)).toEqual(Uint32Array.of(0xffffffff));
    map.memremapPages({ type: "generic", ranges: [{ start: TIB, end: TIB + 2 ** 15 }] });
    expectSame(map, TIB + 5, TIB + 5, 0);
  });
});

describe("device memory", () => {
  it.each([
    ["generic", 0, false],
    ["generic", 9, true],
    ["generic", 9, false],
    ["generic", 18, true],
    ["fs-dax", 0, false],
    ["private", 0, false],
  ] as const)("%s, order %i, deduplicated %s: every page by index", (type, vmemmapShift, vmemmapOptimize) => {
    const map = ram(1, { hotplugCapacity: 8 * SECTION });
    const ops = type === "private" ? { migrateToRam: () => undefined, folioFree: () => undefined } : undefined;
    const owner = type === "private" ? 7n : undefined;
    const pgmap = map.memremapPages({
      type,
      vmemmapShift,
      vmemmapOptimize,
      ranges: [{ start: TIB, end: TIB + 2 ** 18 }],
      ...(ops && { ops }),
      ...(owner !== undefined && { owner }),
    });
    expect(map.headIndex.pagesBySlots).toBe(0);
    const numbers = numbersByIndex(map);
    expect(numbers.slice(64)).toEqual(new Array(512).fill(0));
    expect(numbers.slice(0, 64)).toEqual(new Array(64).fill(0xfffe));
    expect(map.verify().counts).toEqual({});
    map.memremapPages({ type: "fs-dax", ranges: [{ start: 2 * TIB, end: 2 * TIB + 512 }] });
    expect(numbersByIndex(map).slice(64, 66)).toEqual([0, 0]);
    map.memunmapPages(pgmap);
    expect(numbersByIndex(map).slice(64 + 512, 64 + 513)).toEqual([0]);
    expect(map.verify().counts).toEqual({});
  });

  it("a device-private folio that is handed out smaller", () => {
    const map = ram(1, { hotplugCapacity: SECTION });
    map.memremapPages({
      type: "private",
      ranges: [{ start: TIB, end: TIB + SECTION }],
      owner: 7n,
      ops: { migrateToRam: () => undefined, folioFree: () => undefined },
    });
    map.zoneDevicePageInit(TIB + 512, 9);
    expectSame(map, TIB + 1000, TIB + 512, 9);
    map.folio(TIB + 512).put();
    map.zoneDevicePageInit(TIB + 512, 2);
    for (const page of [0, 3, 4, 63, 64, 511]) {
      const { byIndex, bySlots } = answers(map, TIB + 512 + page);
      expect(byIndex).toEqual(bySlots);
    }
    expect(map.verify().counts["index-head"]).toBe(undefined);
    expect(map.headIndex.pagesBySlots).toBe(512);
  });

  it("a page handed out in a subsection of another pgmap's pages", () => {
    const map = ram(1, { hotplugCapacity: SECTION });
    map.memremapPages({
      type: "private",
      ranges: [{ start: TIB, end: TIB + SECTION }],
      owner: 7n,
      ops: { migrateToRam: () => undefined, folioFree: () => undefined },
    });
    const { core } = map;
    // The slots are told to be another pgmap's, which the core knows nothing of.
    setNumber(map, core.slotOf(TIB), 7);
    map.zoneDevicePageInit(TIB, 0);
    expect(map.verify().counts["index-pgmap"]).toBe(undefined);
  });
});

/** Where the parts of the index stand (assembly/head_index.ts). */
function placesOf(map: Vmemmap): { words: number; orders: number; numbers: number } {
  const { headIndex, headIndexSections } = map.core.plan;
  const words = headIndex + constant("HEAD_INDEX_BYTES");
  return { words, orders: words + headIndexSections * 4096, numbers: words + headIndexSections * (4096 + 512) };
}

function numberAddress(map: Vmemmap, slot: number): number {
  return placesOf(map).numbers + Math.floor(slot / 512) * 2;
}

function setNumber(map: Vmemmap, slot: number, number: number): void {
  new Uint16Array(map.core.u8.buffer, numberAddress(map, slot), 1)[0] = number;
}

function numbersByIndex(map: Vmemmap): number[] {
  const at = numberAddress(map, 0);
  return Array.from(new Uint16Array(map.core.u8.buffer, at, map.core.slotLimit / 512));
}

/** Lists of all pages, by index and by slots. Drops the index and makes it again. */
function expectSameLists(map: Vmemmap): void {
  const all = { start: map.startPfn, count: map.endPfn - map.startPfn };
  const lists = (): { invalid: number[]; heads: Uint32Array; orders: Uint32Array } => {
    const heads = new Uint32Array(all.count);
    const orders = new Uint32Array(all.count);
    return { invalid: [map.headsInto(all, heads), map.ordersInto(all, orders)], heads, orders };
  };
  const byIndex = lists();
  map.headIndex.drop();
  const bySlots = lists();
  map.headIndex.build();
  expect(byIndex.invalid).toEqual(bySlots.invalid);
  for (const list of ["heads", "orders"] as const) {
    expect(Buffer.from(byIndex[list].buffer).equals(Buffer.from(bySlots[list].buffer))).toBe(true);
  }
}

describe("real maps", () => {
  it("the partial-section map, whose folios of order 9 have 128 pages: by index as by slots, and where a word leads nowhere", async () => {
    const map = await loadMap("linux-6.18.15-hvo-partial-section");
    const [head] = map.verify().findings.filter(({ code }) => code === "order-run");
    const pfn = head!.pfn;
    expectSame(map, pfn + 127, pfn, 9);
    expectSame(map, pfn + 128, pfn + 128, 0);
    expect(map.headIndex.pagesBySlots).toBe(0);
    expectSameLists(map);

    map.writeWord(pfn + 70, 8, 0x123456789n);
    map.checkWellFormed();
    expect(map.headIndex.pagesBySlots).toBe(64);
    expect(answers(map, pfn + 71)).toEqual({ byIndex: [pfn, 9], bySlots: [pfn, 9] });
    expectSameLists(map);
  });

  it.each([
    "linux-6.1.176",
    "linux-6.12.107-hvo-la57",
    "linux-6.18.15-hvo-la57",
    "linux-7.3.4",
    "linux-7.3.4-hvo",
    "linux-7.3.4-hvo-kexec",
  ])("%s: the index answers for every page", async (name) => {
    expect((await loadMap(name)).headIndex.pagesBySlots).toBe(0);
  });
});

describe("the checker", () => {
  it("finds an index that is not the slots'", () => {
    const map = ram(1);
    map.prepCompoundPage(64, 3);
    map.prepCompoundPage(512, 9);
    const { words, orders } = placesOf(map);
    map.core.u64[words / 8 + 1] = (1n << 64n) - 1n - 0xf0n; // pages 64 to 66 read as single ones
    map.core.u8[orders + 8] = 0x88; // the folio at 512 as one of order 8
    setNumber(map, 1024, 3);
    const { counts, findings } = map.verify();
    expect(counts).toEqual({ "index-head": 1, "index-order": 2, "index-pgmap": 1 });
    expect(findings).toEqual([
      { code: "index-order", pfn: 64, found: 0, expected: 3 },
      { code: "index-head", pfn: 65, found: 65, expected: 64 },
      { code: "index-order", pfn: 512, found: 8, expected: 9 },
      { code: "index-pgmap", pfn: 1024, found: 3, expected: -2 },
    ]);
    map.headIndex.build();
    expect(map.verify().counts).toEqual({});
  });
});
