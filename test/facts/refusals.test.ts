import { describe, expect, it } from "vitest";
import {
  defineProfile,
  type PresetName,
  profile,
  profileFromJson,
  type Profile,
  Vmemmap,
  type VmemmapOptions,
} from "../../src/index.js";
import { compound, errorOf, machine, refused, SECTION } from "./machine.js";

const HEAD = 1024;

describe("making a map", () => {
  const memory = [{ start: 0, end: SECTION }];
  const bad: [string, string, (string | number)[], VmemmapOptions][] = [
    ["an unknown preset", "bad-profile", ["9.9"], { profile: "9.9" as PresetName, memory }],
    ["neither memory nor sections", "bad-range", [], {}],
    ["no memory", "bad-range", [], { memory: [] }],
    ["an empty range", "bad-range", [5], { memory: [{ start: 5, end: 5 }] }],
    ["a range backwards", "bad-range", [9, 5], { memory: [{ start: 9, end: 5 }] }],
    ["a negative start", "bad-range", [-1], { memory: [{ start: -1, end: 5 }] }],
    ["half a page", "bad-range", [1.5], { memory: [{ start: 1.5, end: 5 }] }],
    ["NaN", "bad-range", ["NaN"], { memory: [{ start: 0, end: NaN }] }],
    ["past 52 address bits", "bad-range", [2 ** 40 + 1], { memory: [{ start: 0, end: 2 ** 40 + 1 }] }],
    ["overlapping ranges", "bad-range", [99, 100], { memory: [...[{ start: 0, end: 100 }], { start: 99, end: 200 }] }],
    ["hotplug that is no multiple of 2 MiB", "bad-range", [100], { memory: [{ start: 100, end: 612, hotplug: true }] }],
    ["hotplug that ends within 2 MiB", "bad-range", [700], { memory: [{ start: 512, end: 700, hotplug: true }] }],
    ["a zone of no name", "bad-argument", ["HIGHMEM"], { memory: [{ start: 0, end: 512, zone: "HIGHMEM" }] }],
    ["a zone past its field", "bad-argument", [8], { memory: [{ start: 0, end: 512, zone: 8 }] }],
    ["a node past its field", "bad-argument", [1024], { memory: [{ start: 0, end: 512, node: 1024 }] }],
    ["a node that is none", "bad-argument", [1.5], { memory: [{ start: 0, end: 512, node: 1.5 }] }],
    ["64 Mi slots", "out-of-memory", [67108864], { memory: [{ start: 0, end: 2 ** 26 }], initialize: false }],
    ["lists past 4 GiB", "out-of-memory", [], { memory, listCapacity: 2 ** 30 }],
    ["a negative listCapacity", "bad-argument", [-1], { memory, listCapacity: -1 }],
    ["half a list entry", "bad-argument", [1.5], { memory, listCapacity: 1.5 }],
    ["an unknown build", "bad-argument", ["threads"], { memory, build: "threads" as "simd" }],
    [
      "page 0 where masks do not round (sparse_init, 7.3)",
      "bad-argument",
      ["ffffea0000001000"],
      { memory, vmemmapBase: 0xffffea0000001000n },
    ],
    ["vmemmapBase past 64 bits", "bad-argument", [], { profile: "6.18", memory, vmemmapBase: 1n << 64n }],
    [
      "vmemmapBase that is no multiple of 64",
      "bad-argument",
      [],
      { profile: "6.18", memory, vmemmapBase: 0xffffea0000000020n },
    ],
  ];
  it.each(bad)("%s: %s", (_, code, mentions, options) => {
    const error = errorOf(() => new Vmemmap(options));
    expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: `));
    for (const value of mentions) expect(error.message).toContain(String(value));
  });

  it("sections that do not rise, or have no 64 bits of subsections: bad-range", () => {
    const section = { number: 3, early: true, online: true, taintZoneDevice: false, subsections: (1n << 64n) - 1n };
    expect(new Vmemmap({ sections: [section] }).startPfn).toBe(3 * SECTION);
    expect(errorOf(() => new Vmemmap({ sections: [section, section] })).code).toBe("bad-range");
    expect(errorOf(() => new Vmemmap({ sections: [section, { ...section, number: 2 }] })).code).toBe("bad-range");
    expect(errorOf(() => new Vmemmap({ sections: [{ ...section, subsections: 1n << 64n }] })).code).toBe("bad-range");
    expect(errorOf(() => new Vmemmap({ sections: [{ ...section, subsections: -1n }] })).code).toBe("bad-range");
    expect(errorOf(() => new Vmemmap({ sections: [{ ...section, number: 2 ** 25 }] })).code).toBe("bad-range");
    expect(errorOf(() => new Vmemmap({ sections: [] })).code).toBe("bad-range");
  });
});

describe("profiles", () => {
  it("an unknown name, and parts that disagree: bad-profile", () => {
    expect(errorOf(() => profile("2.6")).message).toContain("2.6");
    const bad: (() => unknown)[] = [
      () => profile("2.6"),
      () => defineProfile("7.3", { maxFolioOrder: -1 }),
      () => defineProfile("7.3", { flags: { dirty: { bit: 64, policy: "head" } } }),
      () => defineProfile("7.3", { zone: { shift: 62, width: 3 } }),
      () => defineProfile("7.3", { tailEncoding: "nonsense" as "mask" }),
      () => defineProfile("7.3", { mapcount: "nonsense" as "average" }),
      () => defineProfile("7.3", { folio: { nrPages: 121 } }),
      () => profileFromJson("{"),
      () => profileFromJson("{}"),
      () => profileFromJson("null"),
      () => new Vmemmap({ profile: { name: "empty" } as unknown as Profile, memory: [{ start: 0, end: 512 }] }),
    ];
    expect(bad.map((make) => errorOf(make).code)).toEqual(bad.map(() => "bad-profile"));
  });
});

describe("prepCompoundPage refuses, and changes no slot", () => {
  it("an order above the largest folio (order-too-large)", () => {
    refused(machine("7.3"), "order-too-large", [23, 22], () => machine("7.3").prepCompoundPage(0, 23));
    for (const [preset, max] of [
      ["6.1", 18],
      ["6.12", 18],
      ["6.17", 18],
      ["7.0", 22],
      ["7.3", 22],
    ] as const) {
      const map = machine(preset);
      refused(map, "order-too-large", [max + 1, max], () => map.prepCompoundPage(0, max + 1));
    }
  });

  it("order 0 is a single page: nothing changes", () => {
    const map = machine("7.3");
    const before = map.slotBytes().slice();
    map.prepCompoundPage(77, 0);
    expect(Buffer.compare(before, map.slotBytes())).toBe(0);
  });

  it("orders that are none (bad-argument)", () => {
    const map = machine("7.3");
    for (const order of [-1, 1.5, NaN]) refused(map, "bad-argument", [order], () => map.prepCompoundPage(0, order));
  });

  it("a first PFN that is no multiple of the size (unaligned)", () => {
    const map = machine("7.3");
    refused(map, "unaligned", [1025, 1], () => map.prepCompoundPage(1025, 1));
    refused(map, "unaligned", [1028, 3], () => map.prepCompoundPage(1028, 3));
  });

  it.each(["5.15", "6.18", "7.3"] as const)(
    "pages of another compound: first, middle, last, or around it (overlap, %s)",
    (preset) => {
      const map = machine(preset);
      compound(map, HEAD + 4, 1);
      for (const [pfn, order] of [
        [HEAD + 4, 1],
        [HEAD + 4, 2],
        [HEAD, 3],
        [HEAD, 9],
      ] as const) {
        refused(map, "overlap", [pfn], () => map.prepCompoundPage(pfn, order));
      }
      compound(map, HEAD + 8, 3);
      refused(map, "overlap", [HEAD + 12], () => map.prepCompoundPage(HEAD + 12, 2));
    },
  );

  it("pages past the map or in a hole (pfn-absent)", () => {
    const map = machine("7.3");
    refused(map, "pfn-absent", [SECTION], () => map.prepCompoundPage(SECTION, 1));
    refused(map, "pfn-absent", [], () => map.prepCompoundPage(0, 16));
  });

  it("a list with one bad page, whichever place it has (prepCompoundPages)", () => {
    const map = machine("7.3");
    refused(map, "unaligned", [9], () => map.prepCompoundPages([0, 4, 9], 2));
    refused(map, "order-too-large", [23], () => map.prepCompoundPages([0, 4, 8], [2, 2, 23]));
    refused(map, "pfn-absent", [SECTION], () => map.prepCompoundPages(Uint32Array.of(0, SECTION), 2));
    refused(map, "overlap", [], () => map.prepCompoundPages([0, 4, 4], 2));
    refused(map, "overlap", [], () => map.prepCompoundPages([4, 0], [2, 3]));
    refused(map, "bad-array", [3, 2], () => map.prepCompoundPages([0, 4, 8], [2, 2]));
    map.prepCompoundPages([0, 4, 8], [2, 1, 3]);
    expect([map.folioOrder(3), map.folioOrder(5), map.folioOrder(15)]).toEqual([2, 1, 3]);
  });

  it("an empty list changes nothing", () => {
    const map = machine("7.3");
    const before = map.slotBytes().slice();
    map.prepCompoundPages([], 2);
    map.splitFoliosToOrder([], 0);
    map.freePagesPrepareAll([], 0);
    expect(Buffer.compare(before, map.slotBytes())).toBe(0);
  });
});

describe("single calls refuse", () => {
  it("PFNs that are none (bad-argument)", () => {
    const map = machine("7.3");
    for (const pfn of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
      refused(map, "bad-argument", [pfn], () => map.compoundHead(pfn));
      refused(map, "bad-argument", [pfn], () => map.prepCompoundPage(pfn, 1));
      refused(map, "bad-argument", [pfn], () => map.setFlag(pfn, "dirty"));
    }
  });

  it("absent PFNs, in reads and in changes (pfn-absent)", () => {
    const map = machine("7.3");
    const calls: ((pfn: number) => unknown)[] = [
      (pfn) => map.compoundHead(pfn),
      (pfn) => map.folio(pfn),
      (pfn) => map.pageTail(pfn),
      (pfn) => map.compoundOrder(pfn),
      (pfn) => map.pageRefCount(pfn),
      (pfn) => map.pageZone(pfn),
      (pfn) => map.pageType(pfn),
      (pfn) => map.flagNames(pfn),
      (pfn) => map.readWord(pfn, 0),
      (pfn) => map.writeWord(pfn, 0, 1n),
      (pfn) => map.readSlots(pfn, new Uint8Array(64)),
      (pfn) => map.writeSlots(pfn, new Uint8Array(64).fill(1)),
      (pfn) => map.setLastCpupid(pfn, 1),
      (pfn) => map.setPageType(pfn, "buddy"),
      (pfn) => map.tryGetPage(pfn),
      (pfn) => map.freePagesPrepare(pfn, 0),
      (pfn) => map.splitFolioToOrder(pfn, 0),
      (pfn) => map.hugetlbVmemmapOptimizeFolio(pfn),
      (pfn) => map.isAlias(pfn),
      (pfn) => map.isWellFormed(pfn),
    ];
    for (const call of calls) {
      refused(map, "pfn-absent", [SECTION], () => call(SECTION));
      refused(map, "pfn-absent", [2 ** 32], () => call(2 ** 32));
    }
  });

  it("slots that run past the map: nothing is read or written (pfn-absent)", () => {
    const map = machine("7.3");
    const out = new Uint8Array(128).fill(7);
    refused(map, "pfn-absent", [SECTION], () => map.readSlots(SECTION - 1, out));
    expect(out.every((byte) => byte === 7)).toBe(true);
    refused(map, "pfn-absent", [SECTION], () => map.writeSlots(SECTION - 1, new Uint8Array(128).fill(1)));
  });

  it("words at no multiple of 8, past the slot, or past 64 bits (bad-argument)", () => {
    const map = machine("7.3");
    for (const offset of [4, 64, -8, 1.5]) {
      refused(map, "bad-argument", [offset], () => map.readWord(5, offset));
      refused(map, "bad-argument", [offset], () => map.writeWord(5, offset, 1n));
    }
    refused(map, "bad-argument", [], () => map.writeWord(5, 0, -1n));
    refused(map, "bad-argument", [], () => map.writeWord(5, 0, 1n << 64n));
    refused(map, "bad-argument", [], () => map.writeWord(5, 0, 1 as unknown as bigint));
  });

  it("lists of no length (bad-argument)", () => {
    const map = machine("7.3", 1, { listCapacity: 64 });
    for (const length of [-1, 1.5, NaN]) refused(map, "bad-argument", [length], () => map.list(length));
  });

  it("addresses that are no bigint (bad-argument)", () => {
    const map = machine("7.3");
    refused(map, "bad-argument", [], () => map.addressPfn(5 as unknown as bigint));
  });

  it("ranges that are none (bad-argument)", () => {
    const map = machine("7.3");
    const out = new Uint32Array(1);
    for (const start of [-1, 1.5, NaN])
      refused(map, "bad-argument", [start], () => map.headsInto({ start, count: 1 }, out));
    for (const count of [-1, 1.5, NaN])
      refused(map, "bad-argument", [count], () => map.headsInto({ start: 0, count }, out));
  });

  it("HVO: no compound, a tail, too small a folio, one that is not optimised", () => {
    const map = machine("7.3");
    compound(map, 64, 6);
    compound(map, 1024, 9);
    refused(map, "not-compound", [5], () => map.hugetlbVmemmapOptimizeFolio(5));
    refused(map, "not-compound", [1030], () => map.hugetlbVmemmapOptimizeFolio(1030));
    refused(map, "not-compound", [5], () => map.hugetlbVmemmapRestoreFolio(5));
    const before = map.slotBytes().slice();
    expect(() => map.hugetlbVmemmapOptimizeFolio(64)).toThrow();
    expect(() => map.hugetlbVmemmapRestoreFolio(1024)).toThrow();
    expect(Buffer.compare(before, map.slotBytes())).toBe(0);
  });

  const aliases = (pfns: number[], frames: number[], home: number[]) => ({
    pfns: Float64Array.from(pfns),
    frames: Uint32Array.from(frames),
    home: Uint8Array.from(home),
  });

  it("aliases of pages that are absent, with the others of their list", () => {
    const map = machine("7.3");
    refused(map, "pfn-absent", [SECTION], () => map.addAliases(aliases([64, SECTION], [0, 0], [1, 0])));
    expect([map.isAlias(64), map.aliases.pfns.length]).toEqual([false, 0]);
  });

  it.each([
    ["a PFN that is no multiple of 64", aliases([5], [0], [0])],
    ["two homes of one frame", aliases([64, 128], [0, 0], [1, 1])],
    ["fewer frames than pages", aliases([64, 128], [0], [0, 0])],
    ["one page with two frames", aliases([64, 64], [0, 1], [0, 0])],
  ])("aliases that cannot be: %s", (_, bad) => {
    const map = machine("7.3");
    expect(["bad-argument", "bad-array", "unaligned"]).toContain(errorOf(() => map.addAliases(bad)).code);
    expect(map.aliases.pfns.length).toBe(0);
  });
});

describe("dispose", () => {
  it("every later call throws disposed; a second dispose does nothing", () => {
    const map = machine("7.3", 1, { listCapacity: 16 });
    const folio = map.folio(5);
    map.dispose();
    map.dispose();
    const calls: (() => unknown)[] = [
      () => map.compoundHead(5),
      () => map.folio(5),
      () => folio.refcount,
      () => folio.get(),
      () => map.slots,
      () => map.sections,
      () => map.startPfn,
      () => map.memoryBytes,
      () => map.build,
      () => map.pfnValid(5),
      () => map.slotBytes(),
      () => map.readWord(5, 0),
      () => map.writeWord(5, 0, 1n),
      () => map.heads(Uint32Array.of(5)),
      () => map.list(1),
      () => map.foliosByOrder(),
      () => map.select({}),
      () => map.prepCompoundPage(0, 1),
      () => map.setFlag(5, "dirty"),
      () => map.checkWellFormed(),
      () => map.save(),
      () => map.isAlias(5),
    ];
    expect(calls.map((call) => `${String(call)}: ${errorOf(call).code}`)).toEqual(
      calls.map((call) => `${String(call)}: disposed`),
    );
  });

  it("so do those that read no slot", () => {
    const map = machine("7.3");
    map.dispose();
    const calls: (() => unknown)[] = [
      () => map.pageAddress(5),
      () => map.addressPfn(0xffffea0000000040n),
      () => map.aliases,
    ];
    expect(calls.map((call) => errorOf(call).code)).toEqual(["disposed", "disposed", "disposed"]);
  });

  it.runIf(typeof Symbol.dispose === "symbol")("Symbol.dispose disposes, where the host has it", () => {
    const map = machine("7.3");
    map[Symbol.dispose]();
    expect(errorOf(() => map.compoundHead(5)).code).toBe("disposed");
  });
});
