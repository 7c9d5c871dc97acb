import { beforeAll, describe, expect, it } from "vitest";
import { Vmemmap } from "../../src/index.js";
import { builds, compound, machine, poke, refused, SECTION } from "./machine.js";

const everyEncoding = ["5.15", "6.18", "7.3"] as const;

describe.each(builds)("answers of batches (%s build)", (build) => {
  /** Folios of order 2 at 1024 (refcount 3, mapped twice by PTE at its page 1), of order 0 elsewhere. */
  function small() {
    const map = machine("7.3", 1, { build });
    compound(map, 1024, 2).setRefcount(3);
    poke(map, 1024, 80, 4, 1);
    poke(map, 1025, 48, 4, 1);
    poke(map, 77, 52, 4, -9);
    map.setFlag(1026, "hwpoison");
    map.setFlag(1024, "dirty");
    map.checkWellFormed();
    return map;
  }
  const list = [77, 1023, 1024, 1025, 1026, 1027, 1028, 1025, 1025];

  it("heads, orders, folio ids", () => {
    const map = small();
    const out = new Uint32Array(9);
    expect([map.headsInto(Uint32Array.from(list), out), [...out]]).toEqual([
      0,
      [77, 1023, 1024, 1024, 1024, 1024, 1028, 1024, 1024],
    ]);
    expect([map.ordersInto(Uint32Array.from(list), out), [...out]]).toEqual([0, [0, 0, 2, 2, 2, 2, 0, 2, 2]]);
    expect([map.folioIdsInto(Uint32Array.from(list), out), [...out]]).toEqual([
      0,
      [77, 1023, 1024, 1024, 1024, 1024, 1028, 1024, 1024],
    ]);
  });

  it.each(everyEncoding)("a PG_head on the map's last page, where no page 1 follows, is of order 0 (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.setFlag(SECTION - 1, "head");
    expect([map.checkWellFormed(), map.isWellFormed(SECTION - 1)]).toEqual([0, true]);
    const out = new Uint32Array(2);
    expect([map.ordersInto(Uint32Array.of(SECTION - 1, 5), out), [...out]]).toEqual([0, [0, 0]]);
  });

  it.each(everyEncoding)("a PG_head where no folio starts has the order that the next page tells (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.setFlag(7, "head");
    poke(map, 7, map.profile.folio.order, 1, 3);
    expect(map.checkWellFormed()).toBe(0);
    const out = new Uint32Array(3);
    expect([map.ordersInto(Uint32Array.of(7, SECTION, 8), out), [...out]]).toEqual([1, [3, 0xffffffff, 0]]);
  });

  it("refcounts: a page's own, and its folio's (page_ref_count, page_count)", () => {
    const map = small();
    const out = new Int32Array(9);
    expect([map.refcountsInto(Uint32Array.from(list), out), [...out]]).toEqual([0, [-9, 0, 3, 0, 0, 0, 0, 0, 0]]);
    expect([map.folioRefcountsInto(Uint32Array.from(list), out), [...out]]).toEqual([0, [-9, 0, 3, 3, 3, 3, 0, 3, 3]]);
    const doubles = new Float64Array(9);
    map.refcountsInto(Uint32Array.from(list), doubles);
    expect(doubles[0]).toBe(-9);
    const unsigned = new Uint32Array(9);
    map.refcountsInto(Uint32Array.from(list), unsigned);
    expect(unsigned[0]).toBe(0xfffffff7);
  });

  it("mapcounts: a page's, and its folio's", () => {
    const map = small();
    const out = new Uint32Array(9);
    expect([map.mapcountsInto(Uint32Array.from(list), out), [...out]]).toEqual([0, [0, 0, 0, 2, 0, 0, 0, 2, 2]]);
    expect([map.folioMapcountsInto(Uint32Array.from(list), out), [...out]]).toEqual([0, [0, 0, 2, 2, 2, 2, 0, 2, 2]]);
  });

  it("flags: a page's own words, and its folio's", () => {
    const map = small();
    const out = new BigUint64Array(3);
    expect([map.flagsInto(Uint32Array.of(1024, 1026, 77), out), [...out]]).toEqual([
      0,
      [0x0017ffffc0000050n, 0x0017ffffc0200000n, 0x0017ffffc0000000n],
    ]);
    expect([map.folioFlagsInto(Uint32Array.of(1024, 1026, 77), out), [...out]]).toEqual([
      0,
      [0x0017ffffc0000050n, 0x0017ffffc0000050n, 0x0017ffffc0000000n],
    ]);
  });

  it("in place: the list itself becomes the answers", () => {
    const map = small();
    for (const [batch, answers] of [
      ["heads", [77, 1024, 1024]],
      ["orders", [0, 2, 2]],
      ["folioIds", [77, 1024, 1024]],
      ["refcounts", [0xfffffff7, 0, 3]],
      ["mapcounts", [0, 2, 0]],
    ] as const) {
      const pages = Uint32Array.of(77, 1025, 1024);
      expect([batch, map[batch](pages), [...pages]]).toEqual([batch, 0, answers]);
    }
  });

  it("ranges give the same as the list of their PFNs", () => {
    const map = small();
    const range = { start: 1020, count: 12 };
    const pages = Uint32Array.from({ length: 12 }, (_, i) => 1020 + i);
    for (const batch of ["headsInto", "ordersInto", "folioIdsInto", "slotsOf"] as const) {
      const [a, b] = [new Uint32Array(12), new Uint32Array(12)];
      expect([batch, map[batch](range, a), [...a]]).toEqual([batch, map[batch](pages, b), [...b]]);
    }
    for (const batch of ["refcountsInto", "mapcountsInto", "folioRefcountsInto", "folioMapcountsInto"] as const) {
      const [a, b] = [new Int32Array(12), new Int32Array(12)];
      expect([batch, map[batch](range, a), [...a]]).toEqual([batch, map[batch](pages, b), [...b]]);
    }
  });

  it("length 0 answers 0 and writes nothing", () => {
    const map = small();
    expect(map.heads(new Uint32Array(0))).toBe(0);
    expect(map.headsInto({ start: 5, count: 0 }, new Uint32Array(0))).toBe(0);
    expect(map.flagsInto(new Uint32Array(0), new BigUint64Array(0))).toBe(0);
    expect([
      map.slotsOf(new Uint32Array(0), new Uint32Array(0)),
      map.pfnsOf(new Uint32Array(0), new Uint32Array(0)),
    ]).toEqual([0, 0]);
  });

  it("the source list is left as it was by …Into", () => {
    const map = small();
    const pages = Uint32Array.from(list);
    map.headsInto(pages, new Uint32Array(9));
    map.ordersInto(pages, new Float64Array(9));
    expect([...pages]).toEqual(list);
  });

  it("out may be the list itself, or overlap it", () => {
    const map = small();
    const pages = Uint32Array.from(list);
    map.headsInto(pages, pages);
    expect([...pages]).toEqual([77, 1023, 1024, 1024, 1024, 1024, 1028, 1024, 1024]);
  });

  it("subarrays of a larger buffer", () => {
    const map = small();
    const buffer = new Uint32Array(20).fill(9);
    buffer.set([1025, 1026, 1027], 7);
    map.heads(buffer.subarray(7, 10));
    expect([...buffer.subarray(6, 11)]).toEqual([9, 1024, 1024, 1024, 9]);
  });
});

describe.each(builds)("100 000 elements (%s build)", (build) => {
  it.each(everyEncoding)("from the caller's memory, in place, Into, and as a range (%s)", (preset) => {
    const map = machine(preset, 4, { build });
    for (let pfn = 0; pfn < 4 * SECTION; pfn += 512) map.prepCompoundPage(pfn, 9);
    const pages = Uint32Array.from({ length: 100_000 }, (_, i) => (i * 7919) % (4 * SECTION));
    const wanted = pages.map((pfn) => pfn - (pfn % 512));
    const out = new Uint32Array(100_000);
    expect(map.headsInto(pages, out)).toBe(0);
    expect(Buffer.compare(Buffer.from(out.buffer), Buffer.from(wanted.buffer))).toBe(0);
    expect(map.headsInto({ start: 5, count: 100_000 }, out)).toBe(0);
    expect(out.every((head, i) => head === i + 5 - ((i + 5) % 512))).toBe(true);
    expect(map.heads(pages)).toBe(0);
    expect(Buffer.compare(Buffer.from(pages.buffer), Buffer.from(wanted.buffer))).toBe(0);
  });

  it("in a wide map, with doubles", () => {
    const base = 2 ** 32;
    const map = new Vmemmap({ build, memory: [{ start: base, end: base + 4 * SECTION }] });
    for (let pfn = base; pfn < base + 4 * SECTION; pfn += 512) map.prepCompoundPage(pfn, 9);
    const pages = Float64Array.from({ length: 100_000 }, (_, i) => base + ((i * 7919) % (4 * SECTION)));
    const out = new Float64Array(100_000);
    expect(map.headsInto(pages, out)).toBe(0);
    expect(out.every((head, i) => head === pages[i]! - (pages[i]! % 512))).toBe(true);
    const orders = new Uint32Array(100_000);
    expect(map.ordersInto(pages, orders)).toBe(0);
    expect(orders.every((order) => order === 9)).toBe(true);
  });

  it.each(everyEncoding)(
    "in a map that is not well-formed: the same answers, and the wrong word counted (%s)",
    (preset) => {
      const map = machine(preset, 4, { build });
      for (let pfn = 0; pfn < 4 * SECTION; pfn += 512) map.prepCompoundPage(pfn, 9);
      for (let section = 0; section < 4; section++) map.writeWord(section * SECTION + 5, 8, 1n);
      expect(map.checkWellFormed()).toBe(4);
      const out = new Uint32Array(100_000);
      expect(map.headsInto({ start: 0, count: 100_000 }, out)).toBe(4);
      expect(out.every((head, pfn) => head === (pfn % SECTION === 5 ? 0xffffffff : pfn - (pfn % 512)))).toBe(true);
    },
  );
});

describe.each(builds)("lists in the engine's memory (%s build)", (build) => {
  it("batches over list(n) work in place and Into another one", () => {
    const map = machine("7.3", 1, { build, listCapacity: 1000 });
    map.prepCompoundPage(1024, 2);
    const [pages, out] = [map.list(300), map.list(300)];
    expect([pages.length, out.length]).toEqual([300, 300]);
    for (let i = 0; i < 300; i++) pages[i] = 1000 + i;
    expect(map.headsInto(pages, out)).toBe(0);
    expect([...out.subarray(22, 30)]).toEqual([1022, 1023, 1024, 1024, 1024, 1024, 1028, 1029]);
    expect(map.heads(pages)).toBe(0);
    expect([...pages]).toEqual([...out]);
    expect([map.ordersInto(pages, out), out[24]]).toEqual([0, 2]);
  });

  it("Into and out of the engine's memory mix with the caller's", () => {
    const map = machine("7.3", 1, { build, listCapacity: 1000 });
    map.prepCompoundPage(1024, 2);
    const resident = map.list(4);
    expect([map.headsInto(Uint32Array.of(1027, 5, 40_000, 6), resident), [...resident]]).toEqual([
      1,
      [1024, 5, 0xffffffff, 6],
    ]);
    const out = new Uint32Array(4);
    expect([map.headsInto(resident, out), [...out]]).toEqual([1, [1024, 5, 0xffffffff, 6]]);
    const slots = new Uint32Array(map.slotBytes().buffer, map.slotBytes().byteOffset, 4);
    expect(slots.buffer).toBe(resident.buffer);
  });

  it("lists do not overlap each other, the staging or the slots", () => {
    const map = machine("7.3", 1, { build, listCapacity: 64 });
    const before = map.slotBytes().slice();
    const [a, b] = [map.list(32).fill(1), map.list(32).fill(2)];
    map.heads(new Uint32Array(5000));
    expect([a.every((x) => x === 1), b.every((x) => x === 2)]).toEqual([true, true]);
    expect(Buffer.compare(before, map.slotBytes())).toBe(0);
  });

  it("listCapacity used up is refused (out-of-memory)", () => {
    const map = machine("7.3", 1, { build, listCapacity: 64 });
    map.list(64);
    refused(map, "out-of-memory", [10], () => map.list(10));
    refused(machine("7.3"), "out-of-memory", [1], () => machine("7.3").list(1));
  });

  it("listCapacity counts entries: lists that have as many together fit", () => {
    const map = machine("7.3", 1, { build, listCapacity: 64 });
    expect([map.list(60).length, map.list(4).length]).toEqual([60, 4]);
  });

  it("a wide map: 32-bit answers go into list(n), PFNs do not", () => {
    const base = 2 ** 32;
    const map = new Vmemmap({ build, listCapacity: 64, memory: [{ start: base, end: base + SECTION }] });
    map.prepCompoundPage(base, 3);
    const out = map.list(2);
    expect([map.ordersInto(Float64Array.of(base + 7, base + 8), out), [...out]]).toEqual([0, [3, 0]]);
    refused(map, "bad-array", [], () => map.headsInto(Float64Array.of(base), map.list(1)));
  });
});

describe.each(builds)("wrong arrays (%s build)", (build) => {
  const bad: [string, (map: Vmemmap) => unknown][] = [
    ["Float64Array where the map ends below 2^32", (map) => map.heads(Float64Array.of(1))],
    ["Float64Array of heads", (map) => map.headsInto(Uint32Array.of(1), new Float64Array(1))],
    ["Int32Array of PFNs", (map) => map.heads(Int32Array.of(1) as unknown as Uint32Array)],
    ["a plain array", (map) => map.heads([1] as unknown as Uint32Array)],
    ["Uint8Array out", (map) => map.headsInto(Uint32Array.of(1), new Uint8Array(1) as unknown as Uint32Array)],
    ["too short", (map) => map.headsInto(Uint32Array.of(1, 2), new Uint32Array(1))],
    ["too long", (map) => map.headsInto(Uint32Array.of(1), new Uint32Array(2))],
    ["Uint16Array of orders", (map) => map.ordersInto(Uint32Array.of(1), new Uint16Array(1) as unknown as Uint32Array)],
    [
      "Uint32Array of flags",
      (map) => map.flagsInto(Uint32Array.of(1), new Uint32Array(1) as unknown as BigUint64Array),
    ],
    [
      "BigInt64Array of flags",
      (map) => map.flagsInto(Uint32Array.of(1), new BigInt64Array(1) as unknown as BigUint64Array),
    ],
    ["flags too short", (map) => map.folioFlagsInto(Uint32Array.of(1, 2), new BigUint64Array(1))],
    ["a range and a short out", (map) => map.headsInto({ start: 0, count: 2 }, new Uint32Array(1))],
    ["slots out of another kind", (map) => map.slotsOf(Uint32Array.of(1), new Int32Array(1) as unknown as Uint32Array)],
    ["slots as Float64Array", (map) => map.pfnsOf(new Float64Array(1) as unknown as Uint32Array, new Uint32Array(1))],
    ["null", (map) => map.heads(null as unknown as Uint32Array)],
    ["readSlots of no whole slot", (map) => map.readSlots(0, new Uint8Array(63))],
    ["writeSlots of no whole slot", (map) => map.writeSlots(0, new Uint8Array(65).fill(1))],
  ];
  it.each(bad)("%s: refused as bad-array", (_, call) => {
    const map = machine("7.3", 1, { build });
    refused(map, "bad-array", [], () => call(map));
  });

  it("the message names class and length", () => {
    const map = machine("7.3", 1, { build });
    refused(map, "bad-array", ["Uint32Array", "Float64Array"], () => map.heads(Float64Array.of(1)));
    refused(map, "bad-array", [2, 1], () => map.headsInto(Uint32Array.of(1, 2), new Uint32Array(1)));
  });

  it("a refused batch leaves its out as it was", () => {
    const map = machine("7.3", 1, { build });
    const out = new Uint32Array(3).fill(7);
    expect(() => map.headsInto(Uint32Array.of(1, 2), out)).toThrow();
    expect([...out]).toEqual([7, 7, 7]);
  });
});

describe.each(builds)("slots and PFNs (%s build)", (build) => {
  const holes = () =>
    new Vmemmap({
      build,
      memory: [
        { start: SECTION, end: 2 * SECTION },
        { start: 4 * SECTION, end: 6 * SECTION },
      ],
    });

  it("slotsOf and pfnsOf undo each other, over holes", () => {
    const map = holes();
    const pfns = Uint32Array.from(
      { length: 3000 },
      (_, i) => (i % 3 === 0 ? SECTION : 4 * SECTION) + ((i * 101) % SECTION),
    );
    const slots = new Uint32Array(3000);
    const back = new Uint32Array(3000);
    expect([map.slotsOf(pfns, slots), map.pfnsOf(slots, back)]).toEqual([0, 0]);
    expect(back).toEqual(pfns);
    expect([map.slotOf(SECTION), map.slotOf(4 * SECTION), map.slotOf(6 * SECTION - 1)]).toEqual([0, 32768, 98303]);
    expect([map.pfnOf(0), map.pfnOf(32768), map.pfnOf(98303)]).toEqual([32768, 131072, 196607]);
  });

  it("absent PFNs have no slot, slots past the end no PFN", () => {
    const map = holes();
    const out = new Uint32Array(3);
    expect([map.slotsOf(Uint32Array.of(0, SECTION, 3 * SECTION), out), [...out]]).toEqual([
      2,
      [0xffffffff, 0, 0xffffffff],
    ]);
    expect([map.pfnsOf(Uint32Array.of(0, 98304, 0xffffffff), out), [...out]]).toEqual([
      2,
      [32768, 0xffffffff, 0xffffffff],
    ]);
    refused(map, "pfn-absent", [5], () => map.slotOf(5));
    refused(map, "bad-argument", [98304], () => map.pfnOf(98304));
  });

  it("a folio id is its head's slot", () => {
    const map = holes();
    map.prepCompoundPage(4 * SECTION + 4, 2);
    const out = new Uint32Array(2);
    map.folioIdsInto(Uint32Array.of(4 * SECTION + 6, 4 * SECTION + 4), out);
    expect([...out]).toEqual([32772, 32772]);
  });

  it("addresses: vmemmap_base + 64 * PFN, and back (pfn_to_page, page_to_pfn)", () => {
    const map = holes();
    expect(map.pageAddress(SECTION)).toBe(0xffffea0000200000n);
    expect(map.addressPfn(0xffffea0000200040n)).toBe(SECTION + 1);
    refused(map, "bad-argument", [], () => map.addressPfn(0xffffea0000200041n));
    refused(map, "bad-argument", [], () => map.addressPfn(0xffffe90000200040n));
  });
});

describe.each(builds)("whole-map passes (%s build)", (build) => {
  let map: Vmemmap;
  beforeAll(() => {
    map = new Vmemmap({
      profile: "7.3",
      build,
      memory: [
        { start: 0, end: SECTION, zone: "NORMAL" },
        { start: 2 * SECTION, end: 3 * SECTION, zone: "MOVABLE", node: 1 },
      ],
    });
    map.prepCompoundPage(1024, 9);
    map.prepCompoundPage(64, 2);
    map.prepCompoundPage(2 * SECTION, 2);
    map.folio(64).setRefcount(2);
    map.folio(5).setRefcount(-3);
    map.setFlag(1024, "dirty");
    map.setFlag(1024, "uptodate");
    map.setFlag(64, "dirty");
    map.setFlag(66, "hwpoison");
    map.setPageType(77, "buddy");
    map.setPageType(2 * SECTION + 9, "buddy");
    map.setPageType(78, "zsmalloc");
    poke(map, 78, 48, 4, 0xf6123456);
    map.checkWellFormed();
  });

  it("foliosByOrder counts folios, single pages as order 0", () => {
    const census = map.foliosByOrder();
    expect(census.map((count, order) => [order, count]).filter(([, count]) => count)).toEqual([
      [0, 2 * SECTION - 512 - 8],
      [2, 2],
      [9, 1],
    ]);
  });

  it("listHeads gives the heads of compound pages, rising", () => {
    expect(map.listHeads()).toEqual(Uint32Array.of(64, 1024, 2 * SECTION));
  });

  it("select by kind", () => {
    expect([...map.select({ kinds: ["head"] })]).toEqual([64, 1024, 65536]);
    expect(map.select({ kinds: ["tail"] }).length).toBe(511 + 3 + 3);
    expect(map.select({ kinds: ["single"] }).length).toBe(2 * SECTION - 520);
    expect(map.select({ kinds: ["head", "tail"] }).length).toBe(520);
    expect([map.select({}).length, map.select({ kinds: ["single", "head", "tail"] }).length]).toEqual([
      2 * SECTION,
      2 * SECTION,
    ]);
  });

  it("select by flags set and clear, in the page's own word", () => {
    expect([...map.select({ set: ["dirty"] })]).toEqual([64, 1024]);
    expect([...map.select({ set: ["dirty", "uptodate"] })]).toEqual([1024]);
    expect([...map.select({ set: ["dirty"], clear: ["uptodate"] })]).toEqual([64]);
    expect([...map.select({ set: ["hwpoison"] })]).toEqual([66]);
  });

  it("select by zone and node", () => {
    expect([map.select({ zone: 3 }).length, map.select({ zone: 2, node: 0 }).length]).toEqual([SECTION, SECTION]);
    expect([map.select({ node: 1 })[0], map.select({ zone: 2, node: 1 }).length]).toEqual([65536, 0]);
  });

  it("select by type, low bits of its owner aside", () => {
    expect([...map.select({ type: "buddy" })]).toEqual([77, 2 * SECTION + 9]);
    expect([...map.select({ type: "zsmalloc" })]).toEqual([78]);
  });

  it("select by order, ends included, of the page's folio", () => {
    expect([...map.select({ minOrder: 2, maxOrder: 2 })]).toEqual([64, 65, 66, 67, 65536, 65537, 65538, 65539]);
    expect(map.select({ minOrder: 3 }).length).toBe(512);
    expect(map.select({ maxOrder: 0 }).length).toBe(2 * SECTION - 520);
  });

  it("select by the page's own refcount, ends included", () => {
    expect([...map.select({ minRefcount: 1 })]).toEqual([64]);
    expect([...map.select({ maxRefcount: -1 })]).toEqual([5]);
    expect([...map.select({ minRefcount: -3, maxRefcount: -3 })]).toEqual([5]);
  });

  it("select by all parts at once", () => {
    expect([
      ...map.select({ kinds: ["head"], set: ["dirty"], zone: 2, node: 0, minOrder: 1, maxOrder: 5, minRefcount: 1 }),
    ]).toEqual([64]);
    expect(map.select({ kinds: ["tail"], set: ["dirty"] }).length).toBe(0);
  });

  it("select by what there is not is refused (bad-argument)", () => {
    refused(map, "bad-argument", ["nonsense"], () => map.select({ set: ["nonsense"] }));
    refused(map, "bad-argument", ["nonsense"], () => map.select({ type: "nonsense" }));
    refused(map, "bad-argument", ["kind"], () => map.select({ kinds: ["kind"] as unknown as "head"[] }));
    refused(map, "bad-argument", [-1], () => map.select({ zone: -1 }));
    refused(map, "bad-argument", [1.5], () => map.select({ minRefcount: 1.5 }));
  });

  it("pages of absent subsections are in no pass", () => {
    const hot = new Vmemmap({ build, memory: [{ start: 512, end: 1024, hotplug: true }] });
    expect([hot.foliosByOrder()[0], hot.select({}).length, hot.select({})[0]]).toEqual([512, 512, 512]);
  });

  it("ill-formed words do not stop a pass", () => {
    const broken = machine("7.3", 1, { build });
    broken.writeWord(5, 8, 1n);
    expect(broken.foliosByOrder()[0]).toBe(SECTION - 1);
    expect(broken.listHeads().length).toBe(0);
    expect([...broken.select({ kinds: ["tail"] })]).toEqual([5]);
  });
});

describe("the two builds over one memory", () => {
  it("map.build swaps the code and keeps slots, lists and marks", () => {
    const map = machine("6.18", 1, { build: "simd", listCapacity: 8 });
    map.prepCompoundPage(1024, 9);
    const pages = map.list(4);
    pages.set([1030, 5, 1025, 1535]);
    map.writeWord(9, 40, 1n);
    map.build = "scalar";
    expect([map.build, map.compoundHead(1535), map.isWellFormed(9)]).toEqual(["scalar", 1024, false]);
    expect([map.heads(pages), [...pages]]).toEqual([0, [1024, 5, 1024, 1024]]);
    map.prepCompoundPage(2048, 3);
    map.build = "simd";
    expect([map.build, map.compoundHead(2050), map.foliosByOrder()[9]]).toEqual(["simd", 2048, 1]);
  });

  it("a build that is none is refused, and the old one stays", () => {
    const map = machine("7.3");
    const before = map.build;
    refused(map, "bad-argument", ["threads"], () => {
      map.build = "threads" as unknown as "simd";
    });
    expect(map.build).toBe(before);
  });
});
