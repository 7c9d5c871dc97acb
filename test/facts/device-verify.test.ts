/** verify(): every planted fault is found, and a sound map has none. */
import { describe, expect, it } from "vitest";
import { type PresetName, type Profile, Vmemmap } from "../../src/index.js";
import { mapNames, openMap } from "../truth.js";
import {
  device,
  DEVICE,
  everyEncoding,
  from6_15,
  INODE,
  request,
  types,
  typesOf,
  withFolios,
} from "./device-machine.js";
import { compound, errorOf, everyPreset, machine, poke, SECTION, slotsFrom } from "./machine.js";

type Report = ReturnType<Vmemmap["verify"]>;

/** How often each code was found, those that were. */
const codes = (report: Report) => Object.fromEntries(Object.entries(report.counts).filter(([, count]) => count !== 0));
/** The findings of one code. */
const of = (report: Report, code: string) => report.findings.filter((finding) => finding.code === code);
/** A word as a finding has it. */
const asWord = (value: unknown) => BigInt(value as string);

const HEAD = 1024;
/** RAM with folios of order 3 at PFN 1024 and order 9 at PFN 2048. */
function ram(profile: Profile | PresetName = "7.3"): Vmemmap {
  const map = machine(profile);
  compound(map, HEAD, 3).setRefcount(1);
  compound(map, 2048, 9).setRefcount(1);
  return map;
}

/** Set bits of a page's flags word. */
const setBits = (map: Vmemmap, pfn: number, bits: bigint) => map.writeWord(pfn, 0, map.readWord(pfn, 0) | bits);

describe("a sound map has no finding", () => {
  it.each(everyPreset)("RAM with folios (%s)", (kernel) => {
    const map = ram(kernel);
    const report = map.verify();
    expect([codes(report), report.findings, report.pages]).toEqual([{}, [], SECTION]);
  });

  it.each(everyEncoding(everyPreset))("device pages of every type, idle (%s, %s)", (kernel, _encoding, profile) => {
    const map = machine(profile);
    for (const [i, type] of typesOf(kernel).entries()) {
      map.memremapPages({ ...request(type), ranges: [{ start: DEVICE * (i + 1), end: DEVICE * (i + 1) + 512 }] });
    }
    const report = map.verify();
    expect([codes(report), report.findings, report.pages]).toEqual([{}, [], SECTION + 512 * typesOf(kernel).length]);
  });

  it.each(everyEncoding(withFolios))(
    "device folios of orders 1 to 9, each type (%s, %s)",
    (_kernel, _encoding, profile) => {
      const map = machine(profile);
      for (const [i, type] of types.entries()) {
        for (const vmemmapShift of [1, 2, 7, 8, 9]) {
          const start = DEVICE * (i + 1) + 1024 * vmemmapShift;
          map.memremapPages({ ...request(type), ranges: [{ start, end: start + 1024 }], vmemmapShift });
        }
      }
      expect(codes(map.verify())).toEqual({});
    },
  );

  it.each(everyEncoding(["6.1", "6.18", "7.3"]))("a folio of order 18 (%s, %s)", (_kernel, _encoding, profile) => {
    const { map } = device(profile, "generic", 2 ** 18, { vmemmapShift: 18 });
    const report = map.verify();
    expect([codes(report), report.pages]).toEqual([{}, SECTION + 2 ** 18]);
    map.dispose();
  });

  it.each(everyPreset)("pages that hold an altmap's slots (%s)", (kernel) => {
    const map = machine(kernel);
    const ranges = [{ start: 0x30000, end: 0x38000 }];
    map.memremapPages({ type: "fs-dax", ranges, altmap: { reserve: 2, free: 1022 } });
    expect(codes(map.verify())).toEqual({});
  });

  it.each(everyPreset)("pages in use: taken, pinned, referenced (%s)", (kernel) => {
    const map = machine(kernel);
    for (const [i, type] of typesOf(kernel).entries()) {
      const start = DEVICE * (i + 1);
      map.memremapPages({ ...request(type), ranges: [{ start, end: start + 512 }] });
      const driven = type === "private" || type === "coherent" || (type === "pci-p2pdma" && kernel !== "5.15");
      if (driven) map.zoneDevicePageInit(start + 5);
      else map.folio(start + 5).refInc();
      map.folio(start + 5).pin(2, { p2pdma: true });
    }
    expect(codes(map.verify())).toEqual({});
  });

  it.each(everyEncoding(from6_15))(
    "fs-dax folios made, shared, undone and split (%s, %s)",
    (_kernel, _encoding, profile) => {
      const { map } = device(profile, "fs-dax", 2048);
      for (const i of [0, 512, 1024, 1536]) map.daxAssociateEntry(DEVICE + i, { order: 9, mapping: INODE, index: i });
      map.daxAssociateEntry(DEVICE, { order: 9, mapping: INODE, index: 9, shared: true });
      map.daxDisassociateEntry(DEVICE + 512);
      map.splitFolioToOrder(DEVICE + 1024, 4);
      map.splitFolioToOrder(DEVICE + 1536, 0);
      map.folio(DEVICE).refInc();
      expect(codes(map.verify())).toEqual({});
    },
  );

  it.each(["7.0", "7.3"] as const)("private folios in use, freed and split (%s)", (kernel) => {
    const { map } = device(kernel, "private", 1536);
    for (const i of [0, 512, 1024]) map.zoneDevicePageInit(DEVICE + i, 9);
    map.folio(DEVICE).put();
    map.folio(DEVICE + 512).freeze(1);
    map.splitFolioToOrder(DEVICE + 512, 3);
    expect(codes(map.verify())).toEqual({});
  });

  it.each(["5.15", "6.1", "6.18", "7.3"] as const)("hugetlb folios whose vmemmap is optimised (%s)", (kernel) => {
    const map = ram(kernel);
    if (kernel === "5.15" || kernel === "6.1") poke(map, 2048, 80, 1, 2);
    map.hugetlbVmemmapOptimizeFolio(2048);
    expect(codes(map.verify())).toEqual({});
  });

  it("after a range came and went (7.3)", () => {
    const map = ram();
    map.memunmapPages(map.memremapPages(request("generic", SECTION, { vmemmapShift: 9 })));
    const report = map.verify();
    expect([codes(report), report.pages]).toEqual([{}, SECTION]);
  });

  it("no slot is written by the look at it (7.3)", () => {
    const { map } = device("7.3", "generic", 1024, { vmemmapShift: 9 });
    map.writeWord(5, 8, 1n);
    const before = [slotsFrom(map, 0, SECTION), slotsFrom(map, DEVICE, 1024)];
    map.verify();
    const after = [slotsFrom(map, 0, SECTION), slotsFrom(map, DEVICE, 1024)];
    expect(before.map((bytes, i) => Buffer.compare(bytes, after[i]!))).toEqual([0, 0]);
  });
});

describe("planted faults of compounds", () => {
  it.each([
    ["no head", 0xffffea0000001341n, "0xffffea0000001341"],
    ["another folio's head", 0xffffea0000020001n, "0xffffea0000020001"],
  ] as const)("tail-head: a tail that leads to %s (6.18)", (_what, value, found) => {
    const map = ram("6.18");
    map.writeWord(HEAD + 6, 8, value);
    expect(of(map.verify(), "tail-head")).toEqual([
      { code: "tail-head", pfn: 1030, found, expected: "0xffffea0000010001" },
    ]);
  });

  it("tail-head: a tail that leads to no present page (6.18)", () => {
    const map = ram("6.18");
    map.writeWord(HEAD + 6, 8, 0xffffea0001000001n);
    expect(of(map.verify(), "tail-head").map(({ pfn }) => pfn)).toEqual([1030]);
  });

  it("tail-head: a tail whose mask is too small (7.3)", () => {
    const map = ram();
    map.writeWord(HEAD + 6, 8, 0xffffffffffffff81n);
    expect(of(map.verify(), "tail-head").map(({ pfn }) => pfn)).toEqual([1030]);
  });

  it("tail-head: a tagged page in no folio (7.3)", () => {
    const map = ram();
    map.writeWord(77, 8, 0xffffffffffffff81n);
    expect(of(map.verify(), "tail-head").map(({ pfn }) => pfn)).toEqual([77]);
  });

  it("head-unaligned: a folio of order 1 at an odd PFN (6.18)", () => {
    const map = ram("6.18");
    setBits(map, 3001, 0x40n);
    setBits(map, 3002, 1n);
    map.writeWord(3002, 8, 0xffffea000002ee41n);
    poke(map, 3001, 120, 4, 2);
    expect(of(map.verify(), "head-unaligned").map(({ pfn }) => pfn)).toEqual([3001]);
  });

  it.each(["6.1", "6.18", "7.3"] as const)("head-order: a head whose order is 0 (%s)", (kernel) => {
    const map = ram(kernel);
    setBits(map, 3000, kernel === "6.1" ? 1n << 16n : 0x40n);
    if (kernel === "6.1") poke(map, 3000, 81, 1, 0);
    expect(of(map.verify(), "head-order").map(({ pfn, found }) => [pfn, found])).toEqual([[3000, 0]]);
  });

  it("head-order: a head whose order is above the largest folio (7.3)", () => {
    const map = ram();
    poke(map, HEAD, 64, 1, 200);
    expect(of(map.verify(), "head-order").map(({ pfn, found }) => [pfn, found])).toEqual([[1024, 200]]);
  });

  it("head-order: a folio that leaves the map (7.3)", () => {
    const { map } = device("7.3", "fs-dax");
    map.daxAssociateEntry(DEVICE, { order: 9, mapping: INODE, index: 0 });
    poke(map, DEVICE, 64, 1, 10);
    expect(of(map.verify(), "head-order").map(({ pfn, found }) => [pfn, found])).toEqual([[DEVICE, 10]]);
  });

  it.each([
    ["6.1", 81],
    ["6.18", 64],
    ["7.3", 64],
  ] as const)("order-run: a head's order against its run of tails (%s)", (kernel, at) => {
    const map = ram(kernel);
    poke(map, HEAD, at, 1, 2);
    expect(of(map.verify(), "order-run")).toEqual([{ code: "order-run", pfn: 1024, found: 8, expected: 4 }]);
  });

  it("order-run: a head whose order is larger than its run of tails (7.3)", () => {
    const map = ram();
    poke(map, HEAD, 64, 1, 4);
    expect(of(map.verify(), "order-run")).toEqual([{ code: "order-run", pfn: 1024, found: 8, expected: 16 }]);
  });

  it.each([
    ["5.15", 88],
    ["6.1", 92],
    ["6.12", 96],
    ["6.18", 120],
    ["7.3", 120],
  ] as const)("nr-pages: the number of pages against the order (%s)", (kernel, at) => {
    const map = ram(kernel);
    poke(map, HEAD, at, 4, 7);
    const report = map.verify();
    expect(report.findings).toEqual([{ code: "nr-pages", pfn: 1024, found: 7, expected: 8 }]);
    expect(codes(report)).toEqual({ "nr-pages": 1 });
  });

  it.each(everyPreset)("tail-refcount: a tail with a count (%s)", (kernel) => {
    const map = ram(kernel);
    poke(map, HEAD + 5, 52, 4, 3);
    expect(map.verify().findings).toEqual([{ code: "tail-refcount", pfn: 1029, found: 3, expected: 0 }]);
  });

  it.each([
    ["6.1", 3],
    ["6.12", 3],
    ["6.18", 4],
    ["7.3", 4],
  ] as const)(
    "tail-mapping: a tail's mapping where it holds no field of the folio (%s: from page %i on)",
    (kernel, first) => {
      const map = ram(kernel);
      for (let i = 1; i < 8; i++) map.writeWord(HEAD + i, 24, i < first ? map.readWord(HEAD + i, 24) : 0x1234n);
      const { findings, counts } = map.verify();
      expect(findings.map(({ code, pfn, found, expected }) => [code, pfn, asWord(found), asWord(expected)])).toEqual(
        Array.from({ length: 8 - first }, (_, i) => ["tail-mapping", HEAD + first + i, 0x1234n, 0xdead000000000400n]),
      );
      expect(counts["tail-mapping"]).toBe(8 - first);
    },
  );

  it.each([
    ["6.1", 1n << 16n],
    ["6.18", 0x40n],
    ["7.3", 0x40n],
  ] as const)("tail-flag-head: PG_head on a tail (%s)", (kernel, bit) => {
    const map = ram(kernel);
    setBits(map, HEAD + 5, bit);
    expect(of(map.verify(), "tail-flag-head").map(({ pfn }) => pfn)).toEqual([1029]);
  });

  it("zone-differs: a tail of another zone than its head's (7.3)", () => {
    const map = ram();
    map.setPageLinks(HEAD + 5, 1, "DMA32", 0);
    expect(of(map.verify(), "zone-differs")).toEqual([{ code: "zone-differs", pfn: 1029, found: 1, expected: 2 }]);
  });

  it("node-differs: a tail of another node than its head's (7.3)", () => {
    const map = ram();
    map.setPageLinks(HEAD + 5, 1, "NORMAL", 3);
    expect(of(map.verify(), "node-differs")).toEqual([{ code: "node-differs", pfn: 1029, found: 3, expected: 0 }]);
  });
});

describe("planted faults of device pages", () => {
  const other = { type: "fs-dax", ranges: [{ start: DEVICE + 512, end: DEVICE + 1024 }] } as const;

  it.each(["6.1", "6.18", "7.3"] as const)("pgmap-unknown: a word that names no pgmap (%s)", (kernel) => {
    const { map, pgmap } = device(kernel, "fs-dax");
    map.writeWord(DEVICE + 5, 8, 0xffff888777777000n);
    const report = map.verify();
    expect([codes(report), report.findings.map(({ pfn }) => pfn)]).toEqual([{ "pgmap-unknown": 1 }, [DEVICE + 5]]);
    expect([asWord(report.findings[0]?.found), asWord(report.findings[0]?.expected)]).toEqual([
      0xffff888777777000n,
      pgmap.address,
    ]);
  });

  it.each(["6.1", "6.18", "7.3"] as const)(
    "pgmap-unknown: a usable page without one, by 0 or as a list (%s)",
    (kernel) => {
      for (const value of [0n, 0xffffea0004000148n]) {
        const { map } = device(kernel, "fs-dax");
        map.writeWord(DEVICE + 5, 8, value);
        expect(codes(map.verify())).toEqual({ "pgmap-unknown": 1 });
      }
    },
  );

  it("pgmap-range: a pgmap whose ranges do not cover the page (7.3)", () => {
    const { map, pgmap } = device("7.3", "fs-dax");
    const second = map.memremapPages(other);
    map.writeWord(DEVICE + 5, 8, second.address);
    const report = map.verify();
    expect([codes(report), report.findings.map(({ pfn }) => pfn)]).toEqual([{ "pgmap-range": 1 }, [DEVICE + 5]]);
    expect([asWord(report.findings[0]?.found), asWord(report.findings[0]?.expected)]).toEqual([
      second.address,
      pgmap.address,
    ]);
  });

  it.each(["6.18", "7.3"] as const)("pgmap-differs: a folio over the ranges of two pgmaps (%s)", (kernel) => {
    const { map } = device(kernel, "fs-dax");
    map.memremapPages(other);
    map.prepCompoundPage(DEVICE, 10);
    const found = of(map.verify(), "pgmap-differs");
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ pfn }) => pfn === DEVICE || (pfn >= DEVICE + 512 && pfn < DEVICE + 1024))).toBe(true);
  });

  it("pgmap-zone: a page inside a usable range that is not ZONE_DEVICE (7.3)", () => {
    const { map } = device("7.3", "fs-dax");
    map.setPageLinks(DEVICE + 5, 1, "NORMAL", 0);
    expect(of(map.verify(), "pgmap-zone")).toEqual([{ code: "pgmap-zone", pfn: DEVICE + 5, found: 2, expected: 4 }]);
  });

  it("pgmap-zone: not for the pages that hold an altmap's slots (7.3)", () => {
    const map = machine("7.3");
    const ranges = [{ start: 0x30000, end: 0x38000 }];
    map.memremapPages({ type: "fs-dax", ranges, altmap: { reserve: 2, free: 1022 } });
    map.setPageLinks(0x30400, 1, "NORMAL", 0);
    expect(of(map.verify(), "pgmap-zone").map(({ pfn }) => pfn)).toEqual([0x30400]);
  });

  /** Counts that a type's pages can't have under a rule set: freed pages go back to 1, or stop there. */
  it.each([
    ["5.15", "private", 0],
    ["5.15", "fs-dax", 0],
    ["6.1", "fs-dax", 0],
    ["6.14", "fs-dax", 0],
    ["6.14", "generic", 0],
    ["6.14", "pci-p2pdma", 0],
    ["6.17", "generic", 0],
    ["7.3", "generic", 0],
    ["6.14", "private", -1],
    ["7.3", "private", -1],
    ["7.3", "coherent", -1],
    ["7.3", "fs-dax", -1],
    ["7.3", "generic", -1],
    ["7.3", "pci-p2pdma", -1],
  ] as const)("device-refcount: %s, %s: %i", (kernel, type, count) => {
    const { map } = device(kernel, type);
    poke(map, DEVICE + 5, 52, 4, count);
    const report = map.verify();
    expect(codes(report)).toEqual({ "device-refcount": 1 });
    expect([report.findings[0]?.pfn, report.findings[0]?.found]).toEqual([DEVICE + 5, count]);
  });

  it("device-refcount: the count of a folio is its head's (order 9, 7.3)", () => {
    const { map } = device("7.3", "generic", 1024, { vmemmapShift: 9 });
    poke(map, DEVICE + 512, 52, 4, 0);
    const report = map.verify();
    expect([codes(report), report.findings[0]?.pfn]).toEqual([{ "device-refcount": 1 }, DEVICE + 512]);
  });

  it("tail-refcount and tail-mapping in a device folio (7.3)", () => {
    const { map } = device("7.3", "generic", 1024, { vmemmapShift: 9 });
    poke(map, DEVICE + 5, 52, 4, 1);
    map.writeWord(DEVICE + 517, 24, 0n);
    expect(codes(map.verify())).toEqual({ "tail-refcount": 1, "tail-mapping": 1 });
  });

  it("the kernel bug of early sections: 128 pages where the head says 512, and pages of a pgmap that is gone (6.18)", () => {
    const map = new Vmemmap({ profile: "6.18", memory: [{ start: 0, end: SECTION / 2, zone: "NORMAL" }] });
    const ranges = [{ start: SECTION / 2, end: SECTION }];
    map.memunmapPages(map.memremapPages({ type: "fs-dax", ranges }));
    map.memremapPages({ type: "generic", ranges, vmemmapShift: 9 });
    const report = map.verify();
    expect(codes(report)).toEqual({ "order-run": 32, "pgmap-unknown": 12288 });
    expect(of(report, "order-run").slice(0, 2)).toEqual([
      { code: "order-run", pfn: 16384, found: 128, expected: 512 },
      { code: "order-run", pfn: 16896, found: 128, expected: 512 },
    ]);
    const stale = of(report, "pgmap-unknown").map(({ pfn }) => pfn);
    expect(stale.every((pfn) => pfn % 512 >= 128)).toBe(true);
  });
});

describe("the report", () => {
  /** 300 tails with a count, and a page of no pgmap. */
  const faulty = () => {
    const { map } = device("7.3", "fs-dax");
    compound(map, 2048, 9).setRefcount(1);
    for (let i = 100; i < 400; i++) poke(map, 2048 + i, 52, 4, 1);
    map.writeWord(DEVICE + 5, 8, 0xffff888777777000n);
    return map;
  };

  it("goes through JSON and back", () => {
    const map = faulty();
    const report = map.verify();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report.findings.length).toBe(301);
  });

  it("gives 64-bit words as 0x…", () => {
    const report = faulty().verify();
    expect(of(report, "pgmap-unknown").map(({ found }) => found)).toEqual(["0xffff888777777000"]);
  });

  it.each([0, 1, 7, 300, 301, 1000])("lists no more than %i findings, and counts all", (limit) => {
    const report = faulty().verify({ limit });
    expect(report.findings.length).toBe(Math.min(limit, 301));
    expect([codes(report), report.pages]).toEqual([{ "tail-refcount": 300, "pgmap-unknown": 1 }, SECTION + 512]);
  });

  it("lists 1000 where no limit is given", () => {
    const map = machine("7.3");
    compound(map, 2048, 11).setRefcount(1);
    for (let i = 4; i < 2048; i++) poke(map, 2048 + i, 52, 4, 1);
    const report = map.verify();
    expect([report.findings.length, codes(report)]).toEqual([1000, { "tail-refcount": 2044 }]);
  });

  it.each([-1, 1.5, NaN])("a limit of %d is refused (bad-argument)", (limit) => {
    expect(errorOf(() => machine("7.3").verify({ limit })).code).toBe("bad-argument");
  });

  it("is the same from both builds", () => {
    const map = faulty();
    const reports = (["simd", "scalar"] as const).map((build) => {
      map.build = build;
      return map.verify();
    });
    expect(reports[0]).toEqual(reports[1]);
  });

  it("counts every fault of many kinds at once (7.3)", () => {
    const map = ram();
    poke(map, HEAD + 5, 52, 4, 3);
    map.writeWord(HEAD + 6, 24, 1n);
    poke(map, 2048, 120, 4, 1);
    map.setPageLinks(2048 + 100, 2, "NORMAL", 3);
    expect(codes(map.verify())).toEqual({ "tail-refcount": 1, "tail-mapping": 1, "nr-pages": 1, "node-differs": 2 });
  });
});

describe("maps of real kernels", () => {
  /** The kernel bug of section 6.4: 32 folios of which 384 slots each are stale. */
  const known: Partial<Record<string, Record<string, number>>> = {
    "linux-6.18.15-hvo-partial-section": { "order-run": 32, "pgmap-unknown": 12288 },
  };

  it.each(mapNames)("%s has no other finding", async (name) => {
    const map = await Vmemmap.load(openMap(name));
    expect(codes(map.verify())).toEqual(known[name] ?? {});
    map.dispose();
  });
});
