/** memremap_pages and memunmap_pages: what is asked of a driver, what becomes of sections, and where each page leads. */
import { describe, expect, it } from "vitest";
import {
  type MemoryType,
  type MemremapOptions,
  NOT_DEVICE,
  Pgmap,
  type PresetName,
  UNKNOWN_PGMAP,
  Vmemmap,
  type VmemmapErrorCode,
} from "../../src/index.js";
import {
  before6_15,
  device,
  DEVICE,
  everyEncoding,
  from6_15,
  nothingHappens,
  OWNER,
  pgmapsOf,
  request,
  settled,
  slot,
  types,
  typesOf,
  withFolios,
} from "./device-machine.js";
import { errorOf, everyPreset, machine, SECTION } from "./machine.js";

const nothing = () => undefined;
const ALL = 0xffffffffffffffffn;
const MIB = 2 ** 20;
/** PFN of 1 TiB. */
const TIB = 0x10000000;

/** RAM in section 0, and one pgmap of 2 MiB at {@link DEVICE}. */
const taken = (kernel: PresetName = "7.3") => device(kernel, "fs-dax").map;

describe("what memremap_pages asks for", () => {
  const one = [{ start: 2 * DEVICE, end: 2 * DEVICE + 1024 }];
  const bad: [string, VmemmapErrorCode, (string | number)[], MemremapOptions][] = [
    ["private without ops", "bad-argument", [], { type: "private", ranges: one, owner: OWNER }],
    [
      "private without migrateToRam",
      "bad-argument",
      ["migrateToRam"],
      { type: "private", ranges: one, owner: OWNER, ops: { pageFree: nothing } },
    ],
    [
      "private without a free callback",
      "bad-argument",
      ["Free"],
      { type: "private", ranges: one, owner: OWNER, ops: { migrateToRam: nothing } },
    ],
    [
      "private without an owner",
      "bad-argument",
      ["owner"],
      { type: "private", ranges: one, ops: { pageFree: nothing, migrateToRam: nothing } },
    ],
    [
      "private whose owner is null",
      "bad-argument",
      ["owner"],
      { type: "private", ranges: one, owner: null, ops: { pageFree: nothing, migrateToRam: nothing } },
    ],
    ["coherent without ops", "bad-argument", [], { type: "coherent", ranges: one, owner: OWNER }],
    [
      "coherent without a free callback",
      "bad-argument",
      ["Free"],
      { type: "coherent", ranges: one, owner: OWNER, ops: {} },
    ],
    [
      "coherent without an owner",
      "bad-argument",
      ["owner"],
      { type: "coherent", ranges: one, ops: { pageFree: nothing } },
    ],
    ["a type of no name", "bad-argument", ["ext4"], { type: "ext4" as MemoryType, ranges: one }],
    ["no ranges", "bad-range", [], { type: "generic", ranges: [] }],
    ["an empty range", "bad-range", [], { type: "generic", ranges: [{ start: DEVICE * 2, end: DEVICE * 2 }] }],
    ["a range backwards", "bad-range", [], { type: "generic", ranges: [{ start: DEVICE * 2, end: DEVICE }] }],
    [
      "a range that starts within 2 MiB",
      "bad-range",
      [4609],
      { type: "generic", ranges: [{ start: 512 * 9 + 1, end: 512 * 11 }] },
    ],
    [
      "a range that ends within 2 MiB",
      "bad-range",
      [2098152],
      { type: "generic", ranges: [{ start: 2 * DEVICE, end: 2 * DEVICE + 1000 }] },
    ],
    ["a range before 0", "bad-range", [-512], { type: "generic", ranges: [{ start: -512, end: 2 * DEVICE }] }],
    ["a range to NaN", "bad-range", ["NaN"], { type: "generic", ranges: [{ start: 2 * DEVICE, end: NaN }] }],
    [
      "ranges that meet each other",
      "bad-range",
      [2097664],
      { type: "generic", ranges: [...one, { start: 2 * DEVICE + 512, end: 2 * DEVICE + 2048 }] },
    ],
    [
      "a second range that meets RAM",
      "bad-range",
      ["[0, 32768)"],
      { type: "generic", ranges: [...one, { start: SECTION - 512, end: SECTION + 512 }] },
    ],
    [
      "a range past 46 address bits",
      "bad-range",
      [],
      { type: "generic", ranges: [{ start: 2 ** 34 - 512, end: 2 ** 34 + 512 }] },
    ],
    [
      "vmemmapShift past the largest folio",
      "order-too-large",
      [23, 22],
      { type: "generic", ranges: one, vmemmapShift: 23 },
    ],
    ["half an order", "bad-argument", [1.5], { type: "generic", ranges: one, vmemmapShift: 1.5 }],
    ["an order below 0", "bad-argument", [-1], { type: "generic", ranges: one, vmemmapShift: -1 }],
    [
      "a range that is no multiple of the folio",
      "unaligned",
      [],
      { type: "generic", ranges: [{ start: 2 * DEVICE, end: 2 * DEVICE + 512 }], vmemmapShift: 10 },
    ],
    [
      "a range that starts within a folio",
      "unaligned",
      [],
      { type: "generic", ranges: [{ start: 2 * DEVICE + 512, end: 2 * DEVICE + 1536 }], vmemmapShift: 10 },
    ],
    [
      "an altmap for two ranges",
      "bad-argument",
      ["altmap"],
      {
        type: "fs-dax",
        ranges: [...one, { start: 3 * DEVICE, end: 3 * DEVICE + 512 }],
        altmap: { reserve: 0, free: 64 },
      },
    ],
    [
      "an altmap larger than its range",
      "bad-argument",
      [],
      { type: "fs-dax", ranges: one, altmap: { reserve: 512, free: 513 } },
    ],
    [
      "an altmap of less than none",
      "bad-argument",
      [-1],
      { type: "fs-dax", ranges: one, altmap: { reserve: -1, free: 512 } },
    ],
    [
      "an altmap of half pages",
      "bad-argument",
      [0.5],
      { type: "fs-dax", ranges: one, altmap: { reserve: 0, free: 0.5 } },
    ],
    ["a node past its field", "bad-argument", [1024], { type: "fs-dax", ranges: one, node: 1024 }],
    [
      "an address whose bit 0 would read as a tail",
      "bad-argument",
      [],
      { type: "fs-dax", ranges: one, address: 0xffff888000000001n },
    ],
    ["an address past 64 bits", "bad-argument", [], { type: "fs-dax", ranges: one, address: 1n << 64n }],
  ];
  it.each(bad)("%s: %s", (_what, code, mentions, options) => {
    const map = taken();
    nothingHappens(map, code, mentions, () => map.memremapPages(options));
  });

  it.each([
    ["private", { owner: OWNER, ops: { pageFree: nothing, migrateToRam: nothing } }],
    ["private", { owner: OWNER, ops: { folioFree: nothing, migrateToRam: nothing } }],
    ["coherent", { owner: OWNER, ops: { pageFree: nothing } }],
    ["coherent", { owner: OWNER, ops: { folioFree: nothing } }],
    ["fs-dax", {}],
    ["fs-dax", { ops: null }],
    ["generic", {}],
    ["pci-p2pdma", {}],
  ] as const)("%s with just what it needs is mapped (7.3)", (type, rest) => {
    const pgmap = machine("7.3").memremapPages({ type, ranges: one, ...rest });
    expect([pgmap.memoryType, pgmap.owner]).toEqual([type, "owner" in rest ? OWNER : null]);
  });

  it("an altmap whose free pages can't hold the memmap is refused: there is no fall-back to RAM (7.3)", () => {
    const map = machine("7.3");
    const ranges = [{ start: 0x30000, end: 0x38000 }];
    const before = map.vmemmapUsage();
    // From reserve 2 on 510 pages are skipped, and 512 taken: 1022.
    expect(() => map.memremapPages({ type: "fs-dax", ranges, altmap: { reserve: 2, free: 1021 } })).toThrow();
    expect([map.pgmaps, map.pfnValid(0x30000), map.vmemmapUsage()]).toEqual([[], false, before]);
  });

  it("5.15 has neither coherent memory nor folios of its own", () => {
    const map = machine("5.15");
    nothingHappens(map, "bad-argument", ["coherent"], () => map.memremapPages(request("coherent")));
    expect(() => map.memremapPages(request("generic", 512, { vmemmapShift: 9 }))).toThrow();
    expect(map.pgmaps).toEqual([]);
  });

  it.each([
    ["6.14", 18],
    ["7.3", 22],
  ] as const)("vmemmapShift may go up to the largest folio, not past the range (%s)", (kernel, order) => {
    const map = machine(kernel);
    nothingHappens(map, "unaligned", [], () => map.memremapPages(request("generic", 2 ** 17, { vmemmapShift: order })));
  });

  it("46 address bits are the default, 52 may be asked for (MAX_PHYSMEM_BITS)", () => {
    const ranges = [{ start: 2 ** 34, end: 2 ** 34 + 512 }];
    const map = machine("7.3", 1, { maxPhysmemBits: 52, vmemmapBase: 0xffd4000000000000n });
    const pgmap = map.memremapPages({ type: "fs-dax", ranges });
    expect([map.pagePgmap(2 ** 34), map.pageAddress(2 ** 34)]).toEqual([pgmap, 0xffd4010000000000n]);
  });
});

describe("ranges that are taken", () => {
  it.each(everyPreset)("a range that meets RAM is refused, and the RAM named (%s)", (kernel) => {
    const map = taken(kernel);
    for (const [start, end] of [
      [0, 512],
      [SECTION - 512, SECTION],
      [SECTION - 512, SECTION + 512],
    ] as const) {
      nothingHappens(map, "bad-range", ["RAM [0, 32768)"], () =>
        map.memremapPages({ type: "generic", ranges: [{ start, end }] }),
      );
    }
  });

  it.each([
    ["the same", DEVICE, DEVICE + 512],
    ["over its start", DEVICE - 512, DEVICE + 512],
    ["over its end", DEVICE, DEVICE + 1024],
    ["all around it", DEVICE - SECTION, DEVICE + SECTION],
  ])("a range that meets another pgmap's is refused, and that one named: %s (7.3)", (_what, start, end) => {
    const map = taken();
    nothingHappens(map, "bad-range", ["[1048576, 1049088)"], () =>
      map.memremapPages({ type: "generic", ranges: [{ start, end }] }),
    );
  });

  it("a range within another's is refused (7.3)", () => {
    const { map } = device("7.3", "generic", 4096);
    const ranges = [{ start: DEVICE + 512, end: DEVICE + 1024 }];
    nothingHappens(map, "bad-range", [], () => map.memremapPages({ type: "generic", ranges }));
  });

  it("an altmap's own pages are taken as well (7.3)", () => {
    const map = machine("7.3");
    map.memremapPages({
      type: "fs-dax",
      ranges: [{ start: 0x30000, end: 0x38000 }],
      altmap: { reserve: 2, free: 1022 },
    });
    const ranges = [{ start: 0x30000, end: 0x30200 }];
    nothingHappens(map, "bad-range", [], () => map.memremapPages({ type: "generic", ranges }));
  });

  it("what a refused call asked for can be had by the next (7.3)", () => {
    const map = taken();
    const ranges = [
      { start: 2 * DEVICE, end: 2 * DEVICE + 512 },
      { start: DEVICE, end: DEVICE + 512 },
    ];
    nothingHappens(map, "bad-range", ["[1048576, 1049088)"], () => map.memremapPages({ type: "generic", ranges }));
    const pgmap = map.memremapPages({ type: "generic", ranges: ranges.slice(0, 1) });
    expect([map.pagePgmap(2 * DEVICE), map.pgmaps.length]).toEqual([pgmap, 2]);
  });

  it("RAM that ends within 2 MiB takes its last subsection, no more (7.3)", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: 1000, zone: "NORMAL" }] });
    const at = (start: number) => ({ type: "fs-dax", ranges: [{ start, end: start + 512 }] }) as const;
    nothingHappens(map, "bad-range", ["RAM"], () => map.memremapPages(at(512)));
    const pgmap = map.memremapPages(at(1024));
    expect([map.pagePgmap(1024), map.isZoneDevicePage(1023)]).toEqual([pgmap, false]);
  });

  it("a range that needs more memory than there is: out-of-memory (7.3)", () => {
    const map = taken();
    const ranges = [{ start: 2 ** 28, end: 2 ** 28 + 2 ** 26 }];
    nothingHappens(map, "out-of-memory", [], () => map.memremapPages({ type: "fs-dax", ranges }));
  });

  it("an address that another pgmap has is refused (7.3)", () => {
    const map = machine("7.3");
    const { address } = map.memremapPages(request("fs-dax"));
    const ranges = [{ start: 2 * DEVICE, end: 2 * DEVICE + 512 }];
    nothingHappens(map, "bad-argument", [], () => map.memremapPages({ type: "generic", ranges, address }));
  });
});

describe("a pgmap", () => {
  /** enum memory_type. */
  const numbers: Record<"5.15" | "later", Partial<Record<MemoryType, [number, string]>>> = {
    "5.15": {
      private: [1, "MEMORY_DEVICE_PRIVATE"],
      "fs-dax": [2, "MEMORY_DEVICE_FS_DAX"],
      generic: [3, "MEMORY_DEVICE_GENERIC"],
      "pci-p2pdma": [4, "MEMORY_DEVICE_PCI_P2PDMA"],
    },
    later: {
      private: [1, "MEMORY_DEVICE_PRIVATE"],
      coherent: [2, "MEMORY_DEVICE_COHERENT"],
      "fs-dax": [3, "MEMORY_DEVICE_FS_DAX"],
      generic: [4, "MEMORY_DEVICE_GENERIC"],
      "pci-p2pdma": [5, "MEMORY_DEVICE_PCI_P2PDMA"],
    },
  };
  it.each(everyPreset)("has its kernel's number and name of its type (enum memory_type, %s)", (kernel) => {
    for (const type of typesOf(kernel)) {
      const { map, pgmap } = device(kernel, type);
      expect([pgmap.type, pgmap.typeName]).toEqual(numbers[kernel === "5.15" ? "5.15" : "later"][type]);
      expect([pgmap.memoryType, map.memoryType(DEVICE + 5), map.memoryType(5)]).toEqual([type, type, null]);
      const out = new Uint32Array(2);
      expect([map.memoryTypesInto(Uint32Array.of(DEVICE, 5), out), out[0], out[1]]).toEqual([0, pgmap.type, 0]);
    }
  });

  it("says what was asked for (7.3)", () => {
    const map = machine("7.3");
    const ranges = [
      { start: DEVICE, end: DEVICE + 512 },
      { start: 3 * DEVICE, end: 3 * DEVICE + 1024 },
    ];
    const options = { type: "generic", ranges, vmemmapShift: 9, address: 0xffff888100000000n, owner: OWNER } as const;
    const pgmap = map.memremapPages(options);
    expect(pgmap).toBeInstanceOf(Pgmap);
    expect([pgmap.address, pgmap.vmemmapShift, pgmap.ranges, pgmap.altmap, pgmap.owner, pgmap.flags]).toEqual([
      0xffff888100000000n,
      9,
      ranges,
      null,
      OWNER,
      0,
    ]);
    expect([pgmap.refs, pgmap.dying, map.pgmaps.includes(pgmap)]).toEqual([4, false, true]);
  });

  it("is told by its page's word, its type's predicates and none of the others' (7.3)", () => {
    for (const type of types) {
      const { map } = device("7.3", type);
      const is = (pfn: number) => [
        map.isZoneDevicePage(pfn),
        map.isDevicePrivatePage(pfn),
        map.isDeviceCoherentPage(pfn),
        map.isFsdaxPage(pfn),
        map.isDevDaxPage(pfn),
        map.isPciP2pdmaPage(pfn),
      ];
      expect([type, is(DEVICE + 511)]).toEqual([type, [true, ...types.map((other) => other === type)]]);
      expect(is(511)).toEqual([false, false, false, false, false, false]);
    }
  });

  it("of RAM is none, though the word there looks like one: the zone is tested first (7.3)", () => {
    const { map, pgmap } = device("7.3", "private");
    map.writeWord(77, 8, pgmap.address);
    expect([map.pagePgmap(77), map.folioPgmap(77), map.ownPgmap(77), map.isDevicePrivatePage(77)]).toEqual([
      null,
      null,
      null,
      false,
    ]);
    const numbers = new Uint32Array(2);
    map.pgmapsInto(Uint32Array.of(77, DEVICE), numbers);
    expect([...numbers]).toEqual([NOT_DEVICE, 0]);
    const words = new BigUint64Array(2);
    map.pgmapWordsInto(Uint32Array.of(77, DEVICE), words);
    expect([...words]).toEqual([0n, pgmap.address]);
  });

  it.each(before6_15)("stands in a page's own word, not on tails (page->pgmap, %s)", (kernel) => {
    const { map, pgmap } = device(kernel, "generic", 512, { vmemmapShift: 9 });
    const [own, words] = [new Uint32Array(2), new BigUint64Array(3)];
    map.ownPgmapsInto(Uint32Array.of(DEVICE, DEVICE + 1), own);
    expect([...own]).toEqual([0, UNKNOWN_PGMAP]);
    map.ownPgmapWordsInto(Uint32Array.of(DEVICE, DEVICE + 1, 5), words);
    expect([...words]).toEqual([pgmap.address, 0n, 0n]);
  });

  it("may be shared by two pages, both of RAM or of one pgmap (zone_device_pages_have_same_pgmap)", () => {
    const { map } = device("7.3", "generic", 1024, { vmemmapShift: 9 });
    map.memremapPages({ type: "generic", ranges: [{ start: DEVICE + 1024, end: DEVICE + 2048 }], vmemmapShift: 9 });
    const pairs = [
      [DEVICE, DEVICE + 700, true],
      [DEVICE + 1023, DEVICE + 1024, false],
      [DEVICE, 5, false],
      [5, DEVICE, false],
      [5, 6, true],
    ] as const;
    for (const [a, b, same] of pairs) expect([a, b, map.zoneDevicePagesHaveSamePgmap(a, b)]).toEqual([a, b, same]);
    const out = new Uint32Array(5);
    const [a, b] = [Uint32Array.from(pairs, (pair) => pair[0]), Uint32Array.from(pairs, (pair) => pair[1])];
    expect([map.zoneDevicePagesHaveSamePgmapInto(a, b, out), ...out]).toEqual([0, 1, 0, 0, 0, 1]);
  });
});

describe("pages that hold an altmap's slots", () => {
  const [map, other] = [machine("7.3"), machine("7.3")];
  for (const one of [map, other]) {
    one.memremapPages({
      type: "fs-dax",
      ranges: [{ start: 0x30000, end: 0x38000 }],
      altmap: { reserve: 2, free: 1022 },
    });
  }
  const [hosted, usable] = [0x30005, 0x30405];

  it("have no pgmap to share: their words are two lists", () => {
    const pairs = [
      [hosted, hosted + 1, false],
      [hosted, usable, false],
      [hosted, 5, false],
      [usable, usable + 1, true],
    ] as const;
    for (const [a, b, same] of pairs) expect([a, b, map.zoneDevicePagesHaveSamePgmap(a, b)]).toEqual([a, b, same]);
    const out = new Uint32Array(4);
    const [a, b] = [Uint32Array.from(pairs, (pair) => pair[0]), Uint32Array.from(pairs, (pair) => pair[1])];
    expect([map.zoneDevicePagesHaveSamePgmapInto(a, b, out), ...out]).toEqual([0, 0, 0, 0, 1]);
  });

  it("are of no memory type, though of a range", () => {
    expect([map.isZoneDevicePage(hosted), map.memoryType(hosted), map.isFsdaxPage(hosted)]).toEqual([
      true,
      null,
      false,
    ]);
    const out = new Uint32Array(3);
    map.memoryTypesInto(Uint32Array.of(hosted, usable, 0x30000), out);
    expect([...out]).toEqual([0, 3, 0]);
    map.pgmapsInto(Uint32Array.of(hosted, usable, 0x30000), out);
    expect([...out]).toEqual([UNKNOWN_PGMAP, 0, NOT_DEVICE]);
    map.devPagemapsInto(Uint32Array.of(hosted, usable, 5), out);
    expect([...out]).toEqual([0, 0, UNKNOWN_PGMAP]);
  });

  it("are no system memory to migrate", () => {
    const kinds = ["system", "device-private", "device-coherent"] as const;
    expect([...map.migrateVmaSelect(Uint32Array.of(hosted, 5), { owner: OWNER, kinds: [...kinds] })]).toEqual([5]);
  });
});

describe("sections of a device range", () => {
  const sectionAt = (map: Vmemmap, number: number) => map.sections.find((section) => section.number === number);

  it.each(everyPreset)("whole ones are neither early, online nor tainted (%s)", (kernel) => {
    const { map } = device(kernel, "fs-dax", 2 * SECTION);
    for (const number of [32, 33]) {
      expect(sectionAt(map, number)).toEqual({
        number,
        early: false,
        online: false,
        taintZoneDevice: false,
        subsections: ALL,
      });
    }
    expect([map.sections.length, map.slots, map.endPfn]).toEqual([3, 3 * SECTION, DEVICE + 2 * SECTION]);
  });

  it("one that a range ends inside of is tainted, and has its subsections alone (SECTION_TAINT_ZONE_DEVICE)", () => {
    const { map } = device("7.3", "fs-dax", SECTION + 1536);
    expect([sectionAt(map, 32)?.taintZoneDevice, sectionAt(map, 33)?.taintZoneDevice]).toEqual([false, true]);
    expect(sectionAt(map, 33)?.subsections).toBe(0b111n);
    expect([map.pfnValid(DEVICE + SECTION + 1535), map.pfnValid(DEVICE + SECTION + 1536)]).toEqual([true, false]);
  });

  it("one that a range starts inside of is tainted", () => {
    const map = machine("7.3");
    map.memremapPages({ type: "fs-dax", ranges: [{ start: DEVICE + 512 * 60, end: DEVICE + 2 * SECTION }] });
    expect([sectionAt(map, 32)?.taintZoneDevice, sectionAt(map, 33)?.taintZoneDevice]).toEqual([true, false]);
    expect(sectionAt(map, 32)?.subsections).toBe(0xf000000000000000n);
    expect([map.pfnValid(DEVICE), map.pfnValid(DEVICE + 512 * 60)]).toEqual([false, true]);
  });

  it("a boot section that one ends in stays early and online, and is tainted", () => {
    const map = new Vmemmap({ memory: [{ start: SECTION + SECTION / 2, end: 2 * SECTION, zone: "NORMAL" }] });
    map.memremapPages({ type: "fs-dax", ranges: [{ start: 0, end: SECTION + SECTION / 2 }] });
    expect(
      map.sections.map(({ number, early, online, taintZoneDevice }) => [number, early, online, taintZoneDevice]),
    ).toEqual([
      [0, false, false, false],
      [1, true, true, true],
    ]);
    expect([map.isZoneDevicePage(SECTION + 16383), map.isZoneDevicePage(SECTION + 16384)]).toEqual([true, false]);
  });

  it.each(everyPreset)("are gone after memunmap_pages (%s)", (kernel) => {
    const map = machine(kernel);
    const before = [map.sections, map.slots, map.endPfn, map.vmemmapUsage()];
    const pgmap = map.memremapPages(request("fs-dax", SECTION + 512));
    map.memunmapPages(pgmap);
    expect([map.sections, map.slots, map.endPfn, map.vmemmapUsage()]).toEqual(before);
    expect([map.pfnValid(DEVICE), map.pgmaps, map.getDevPagemap(0)]).toEqual([false, [], null]);
    expect(errorOf(() => map.pagePgmap(DEVICE)).code).toBe("pfn-absent");
  });

  it("of boot stay after memunmap_pages", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: SECTION / 2, zone: "NORMAL" }] });
    const pgmap = map.memremapPages({ type: "fs-dax", ranges: [{ start: SECTION / 2, end: SECTION }] });
    map.memunmapPages(pgmap);
    expect([map.pfnValid(SECTION - 1), map.getDevPagemap(SECTION - 1), map.sections[0]?.early]).toEqual([
      true,
      null,
      true,
    ]);
  });

  it("shared by two pgmaps, keep the other's subsections", () => {
    const map = machine("7.3");
    const at = (i: number) => [{ start: DEVICE + 512 * i, end: DEVICE + 512 * (i + 1) }];
    const [first, second] = [5, 6].map((i) => map.memremapPages({ type: "fs-dax", ranges: at(i) })) as [Pgmap, Pgmap];
    expect(sectionAt(map, 32)?.subsections).toBe(0b1100000n);
    map.memunmapPages(first);
    expect(sectionAt(map, 32)?.subsections).toBe(0b1000000n);
    expect([map.pfnValid(DEVICE + 5 * 512), map.pagePgmap(DEVICE + 6 * 512)]).toEqual([false, second]);
    map.memunmapPages(second);
    expect(sectionAt(map, 32)).toBeUndefined();
  });

  it("shared with hot-added RAM, keep the RAM's", () => {
    const map = new Vmemmap({
      memory: [
        { start: 0, end: SECTION, zone: "NORMAL" },
        { start: DEVICE, end: DEVICE + 1024, zone: "NORMAL", hotplug: true },
      ],
    });
    const before = sectionAt(map, 32);
    const pgmap = map.memremapPages({ type: "fs-dax", ranges: [{ start: DEVICE + 1024, end: DEVICE + 2048 }] });
    expect(sectionAt(map, 32)).toEqual({ ...before, taintZoneDevice: true, subsections: 0b1111n });
    expect([map.pageZone(DEVICE + 1023), map.pageZone(DEVICE + 1024)]).toEqual([2, 4]);
    map.memunmapPages(pgmap);
    expect([map.pfnValid(DEVICE + 1023), map.pfnValid(DEVICE + 1024), map.pageZone(DEVICE)]).toEqual([true, false, 2]);
  });

  it("below the first of the map are added as well", () => {
    const map = new Vmemmap({ memory: [{ start: 8 * SECTION, end: 9 * SECTION, zone: "NORMAL" }] });
    const before = Array.from({ length: 8 }, (_, i) => map.readWord(8 * SECTION + 77, 8 * i));
    const pgmap = map.memremapPages({ type: "fs-dax", ranges: [{ start: SECTION, end: 2 * SECTION }] });
    expect([map.startPfn, map.pagePgmap(SECTION + 7), map.pageZone(8 * SECTION + 77)]).toEqual([SECTION, pgmap, 2]);
    expect(Array.from({ length: 8 }, (_, i) => map.readWord(8 * SECTION + 77, 8 * i))).toEqual(before);
    map.memunmapPages(pgmap);
    expect([map.startPfn, map.pageZone(8 * SECTION + 77)]).toEqual([8 * SECTION, 2]);
  });
});

describe("a 1 GiB folio of device-dax beyond 1 TiB", () => {
  it.each(everyEncoding(["6.1", "6.14", "6.18", "7.3"]))(
    "has eight sections, and one pgmap from each of its pages (%s, %s)",
    (_kernel, _encoding, profile) => {
      const map = machine(profile);
      const before = map.vmemmapUsage();
      const ranges = [{ start: TIB, end: TIB + 2 ** 18 }];
      const pgmap = map.memremapPages({ type: "generic", ranges, vmemmapShift: 18 });
      expect(map.sections.map(({ number }) => number)).toEqual([0, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199]);
      for (let i = 0; i < 8; i++) {
        const pfn = TIB + i * SECTION + 4321;
        expect([map.compoundHead(pfn), map.folioOrder(pfn), map.pagePgmap(pfn)]).toEqual([TIB, 18, pgmap]);
      }
      const heads = new Uint32Array(2 ** 18);
      expect(map.headsInto({ start: TIB, count: 2 ** 18 }, heads)).toBe(0);
      expect(heads.every((head) => head === TIB)).toBe(true);
      expect([...pgmapsOf(map, TIB, 2 ** 18)].map((number) => map.pgmaps[number])).toEqual([pgmap]);
      expect([pgmap.refs, map.foliosByOrder()[18], [...map.listHeads()]]).toEqual([2, 1, [TIB]]);
      // 16 MiB of slots; 2 of their 4096 frames are there.
      const after = map.vmemmapUsage();
      expect([after.nominalBytes - before.nominalBytes, after.realBytes - before.realBytes]).toEqual([16 * MIB, 8192]);
      map.dispose();
    },
  );

  it("has its words where its struct page is (6.18)", () => {
    const map = machine("6.18");
    map.memremapPages({ type: "generic", ranges: [{ start: TIB, end: TIB + 2 ** 18 }], vmemmapShift: 18 });
    expect([map.pageAddress(TIB), map.readWord(TIB + 2 ** 18 - 1, 8)]).toEqual([
      0xffffea0400000000n,
      0xffffea0400000001n,
    ]);
  });
});

it("a folio of order 22, 16 GiB: 128 sections, 2 frames of its 65536 (MAX_FOLIO_ORDER, 7.3)", () => {
  const map = machine("7.3");
  const before = map.vmemmapUsage();
  const pgmap = map.memremapPages({ type: "generic", ranges: [{ start: TIB, end: TIB + 2 ** 22 }], vmemmapShift: 22 });
  expect([map.sections.length, pgmap.refs, map.readWord(TIB + 1, 0)]).toEqual([129, 2, 0x0027ffffc0002016n]);
  for (const i of [1, 64, 127, 128, 32768, 2 ** 22 - 1]) {
    expect([map.readWord(TIB + i, 8), map.compoundHead(TIB + i), map.pagePgmap(TIB + i)]).toEqual([
      0xfffffffff0000001n,
      TIB,
      pgmap,
    ]);
  }
  const after = map.vmemmapUsage();
  expect([after.nominalBytes - before.nominalBytes, after.realBytes - before.realBytes]).toEqual([256 * MIB, 8192]);
  map.dispose();
});

describe("beyond PFN 2^32", () => {
  const FAR = 2 ** 32;

  it.each(["6.18", "7.3"] as const)("lists of PFNs are doubles once a pgmap is there (%s)", (kernel) => {
    const map = machine(kernel);
    expect(map.listHeads()).toBeInstanceOf(Uint32Array);
    const pgmap = map.memremapPages({ type: "generic", ranges: [{ start: FAR, end: FAR + 1024 }], vmemmapShift: 9 });
    expect(map.listHeads()).toEqual(Float64Array.of(FAR, FAR + 512));
    const heads = new Float64Array(1024);
    expect(map.headsInto({ start: FAR, count: 1024 }, heads)).toBe(0);
    expect(heads.every((head, i) => head === FAR + (i < 512 ? 0 : 512))).toBe(true);
    expect([map.pagePgmap(FAR + 1023), map.compoundHead(FAR + 1023)]).toEqual([pgmap, FAR + 512]);
    expect(map.pagePgmap(1023)).toBeNull();
  });
});

describe("several ranges", () => {
  const ranges = [
    { start: 5 * DEVICE, end: 5 * DEVICE + 1024 },
    { start: DEVICE, end: DEVICE + 512 },
    { start: DEVICE + 8 * SECTION, end: DEVICE + 9 * SECTION },
  ];

  it("have one pgmap, whatever their order (7.3)", () => {
    const map = machine("7.3");
    const pgmap = map.memremapPages({ type: "fs-dax", ranges });
    for (const { start, end } of ranges) {
      expect([...pgmapsOf(map, start, end - start)]).toEqual([0]);
      expect([map.getDevPagemap(start), map.getDevPagemap(end - 1), map.pfnValid(end)]).toEqual([pgmap, pgmap, false]);
    }
    expect(pgmap.refs).toBe(1 + 1024 + 512 + 32768);
  });

  it("go together (7.3)", () => {
    const map = machine("7.3");
    const pgmap = map.memremapPages({ type: "generic", ranges, vmemmapShift: 9 });
    expect(pgmap.refs).toBe(1 + 2 + 1 + 64);
    map.memunmapPages(pgmap);
    expect([map.sections.length, map.slots, map.vmemmapUsage().savedBytes]).toEqual([1, SECTION, 0]);
  });
});

describe("memunmap_pages", () => {
  it.each(withFolios)("of a page in use is refused, with the page and its count (pgmap-busy, %s)", (kernel) => {
    const { map, pgmap } = device(kernel, "private");
    const folio = map.zoneDevicePageInit(DEVICE + 300);
    map.zoneDevicePageInit(DEVICE + 400);
    folio.tryGet(6);
    nothingHappens(map, "pgmap-busy", [DEVICE + 300, 7], () => map.memunmapPages(pgmap));
    expect(pgmap.dying).toBe(false);
  });

  it.each([
    ["6.12", "fs-dax"],
    ["6.12", "generic"],
    ["7.3", "fs-dax"],
    ["7.3", "generic"],
    ["7.3", "coherent"],
    ["7.3", "pci-p2pdma"],
  ] as const)("of a page with a reference is refused, of an idle one not (%s, %s)", (kernel, type) => {
    const { map, pgmap } = device(kernel, type, 512, { ops: { pageFree: nothing } });
    const folio =
      type === "coherent" || type === "pci-p2pdma" ? map.zoneDevicePageInit(DEVICE + 9) : map.folio(DEVICE + 9);
    folio.refInc();
    nothingHappens(map, "pgmap-busy", [DEVICE + 9], () => map.memunmapPages(pgmap));
    folio.put(type === "coherent" || type === "pci-p2pdma" ? 2 : 1);
    map.memunmapPages(pgmap);
    expect([map.pfnValid(DEVICE), pgmap.refs]).toEqual([false, 0]);
  });

  it("of an order 9 folio in use names its head (7.3)", () => {
    const { map, pgmap } = device("7.3", "generic", 2048, { vmemmapShift: 9 });
    map.folio(DEVICE + 1030).get();
    nothingHappens(map, "pgmap-busy", [DEVICE + 1024, " 1 reference"], () => map.memunmapPages(pgmap));
  });

  it("of a pgmap that is gone is refused (7.3)", () => {
    const { map, pgmap } = device("7.3", "fs-dax");
    map.memunmapPages(pgmap);
    nothingHappens(map, errorOf(() => map.memunmapPages(pgmap)).code, [], () => map.memunmapPages(pgmap));
  });

  it("leaves other pgmaps' pages as they are (7.3)", () => {
    const map = machine("7.3");
    const [first, second] = [1, 2].map((i) =>
      map.memremapPages({ type: "generic", ranges: [{ start: i * DEVICE, end: i * DEVICE + 1024 }], vmemmapShift: 9 }),
    ) as [Pgmap, Pgmap];
    const before = [0, 1, 2, 200, 1023].map((i) => slot(map, 2 * DEVICE + i));
    map.memunmapPages(first);
    expect([0, 1, 2, 200, 1023].map((i) => slot(map, 2 * DEVICE + i))).toEqual(before);
    expect([map.pgmaps, map.pagePgmap(2 * DEVICE + 777)]).toEqual([[second], second]);
    expect([map.isAlias(2 * DEVICE + 200), map.vmemmapUsage().savedBytes]).toEqual([true, 2 * 6 * 4096]);
  });
});

describe("memunmap_pages that waits", () => {
  const waiting = async (kernel: PresetName) => {
    const { map, pgmap } = device(kernel, "private");
    const folio = map.zoneDevicePageInit(DEVICE + 7);
    const gone = map.memunmapPagesWhenIdle(pgmap);
    expect(await settled(gone)).toBe(false);
    return { map, pgmap, folio, gone };
  };

  it.each(["6.1", ...from6_15] as const)(
    "the pgmap dies at once, its pages stay (percpu_ref_kill, %s)",
    async (kernel) => {
      const { map, pgmap, folio } = await waiting(kernel);
      expect([pgmap.dying, map.getDevPagemap(DEVICE), map.pagePgmap(DEVICE + 7)]).toEqual([true, null, pgmap]);
      expect([folio.refcount, map.pfnValid(DEVICE)]).toEqual([1, true]);
    },
  );

  it("a dying pgmap gives no new references (pgmap-dying, 7.3)", async () => {
    const { map } = await waiting("7.3");
    nothingHappens(map, "pgmap-dying", [], () => map.zoneDevicePageInit(DEVICE + 8));
    nothingHappens(map, "pgmap-dying", [], () => map.zoneDevicePagesInit([DEVICE + 8, DEVICE + 9]));
  });

  it("a dying pgmap still has its range (7.3)", async () => {
    const { map } = await waiting("7.3");
    nothingHappens(map, "bad-range", [], () => map.memremapPages(request("generic")));
  });

  it.each(["6.1", ...from6_15] as const)("it is gone with the last reference (%s)", async (kernel) => {
    const { map, pgmap, folio, gone } = await waiting(kernel);
    expect(folio.put()).toBe(true);
    await gone;
    expect([map.pfnValid(DEVICE), map.pgmaps, pgmap.refs, pgmap.dying]).toEqual([false, [], 0, true]);
  });

  it.each([
    ["6.12", "fs-dax"],
    ["7.3", "fs-dax"],
  ] as const)("it waits for pages that are referenced as well (%s, %s)", async (kernel, type) => {
    const { map, pgmap } = device(kernel, type);
    const folio = map.folio(DEVICE + 7);
    folio.refInc();
    const gone = map.memunmapPagesWhenIdle(pgmap);
    expect([await settled(gone), pgmap.dying, map.pfnValid(DEVICE)]).toEqual([false, true, true]);
    expect([folio.put(), await settled(gone), map.pfnValid(DEVICE)]).toEqual([true, true, false]);
  });

  it.each(["6.12", "7.3"] as const)("generic pages count as idle at 1 (%s)", async (kernel) => {
    const { map, pgmap } = device(kernel, "generic");
    const folio = map.folio(DEVICE + 7);
    folio.tryGet(2);
    const gone = map.memunmapPagesWhenIdle(pgmap);
    folio.put();
    expect([folio.refcount, await settled(gone)]).toEqual([2, false]);
    folio.put();
    expect([await settled(gone), map.pfnValid(DEVICE), map.pgmaps]).toEqual([true, false, []]);
  });

  it.each(["6.12", "7.3"] as const)(
    "a page out of the p2pdma pool holds a reference (gen_pool, %s)",
    async (kernel) => {
      const { map, pgmap } = device(kernel, "pci-p2pdma", 512, { ops: { pageFree: nothing } });
      const folio = map.zoneDevicePageInit(DEVICE + 7);
      expect(folio.refcount).toBe(1);
      nothingHappens(map, "pgmap-busy", [], () => map.memunmapPages(pgmap));
      const gone = map.memunmapPagesWhenIdle(pgmap);
      expect([await settled(gone), map.pfnValid(DEVICE)]).toEqual([false, true]);
      expect([folio.put(), await settled(gone), map.pfnValid(DEVICE)]).toEqual([true, true, false]);
    },
  );

  it("without pages in use it is gone at once (7.3)", async () => {
    const { map, pgmap } = device("7.3", "fs-dax", SECTION);
    await map.memunmapPagesWhenIdle(pgmap);
    expect([map.pfnValid(DEVICE), map.pgmaps]).toEqual([false, []]);
  });

  it("it waits for each of several pages (7.3)", async () => {
    const { map, folio, gone } = await waiting("7.3");
    expect(map.pfnValid(DEVICE)).toBe(true);
    folio.get();
    expect([folio.put(), await settled(gone)]).toEqual([false, false]);
    expect([folio.put(), await settled(gone)]).toEqual([true, true]);
  });
});

describe("a range mapped again", () => {
  it.each(withFolios)("has fresh slots and another pgmap, whatever was there before (%s)", (kernel) => {
    const map = machine(kernel);
    const first = map.memremapPages(request("generic", 1024, { vmemmapShift: 9, address: 0xffff888100000000n }));
    map.writeWord(DEVICE, 0, map.readWord(DEVICE, 0) | 0x10n);
    map.writeWord(DEVICE + 1, 24, 0x77n);
    map.memunmapPages(first);
    const second = map.memremapPages(request("fs-dax", 1024, { address: 0xffff888200000000n }));
    const fresh = device(kernel, "fs-dax", 1024, { address: 0xffff888200000000n }).map;
    for (const i of [0, 1, 2, 3, 64, 128, 511, 512, 1023])
      expect(slot(map, DEVICE + i)).toEqual(slot(fresh, DEVICE + i));
    expect([map.pagePgmap(DEVICE + 200), map.isAlias(DEVICE + 200), map.pgmaps]).toEqual([second, false, [second]]);
  });

  it("a hundred times takes no more memory than twice (7.3)", () => {
    const map = machine("7.3");
    let bytes = 0;
    for (let round = 0; round < 100; round++) {
      map.memunmapPages(map.memremapPages(request("generic", 2 * SECTION, { vmemmapShift: 9 })));
      if (round === 1) bytes = map.memoryBytes;
    }
    expect([map.memoryBytes, map.sections.length, map.slots]).toEqual([bytes, 1, SECTION]);
  });
});

describe("a hundred pgmaps", () => {
  it("each have their pages, and no address twice (7.3)", () => {
    const map = machine("7.3");
    const at = (i: number) => DEVICE + 512 * 3 * i;
    const made = Array.from({ length: 100 }, (_, i) =>
      map.memremapPages({ ...request(types[i % 5]!), ranges: [{ start: at(i), end: at(i) + 512 }] }),
    );
    expect(new Set(made.map(({ address }) => address)).size).toBe(100);
    expect(map.pgmaps.length).toBe(100);
    for (const [i, pgmap] of made.entries()) {
      const numbers = [...pgmapsOf(map, at(i), 512)];
      expect([i, numbers.map((number) => map.pgmaps[number])]).toEqual([i, [pgmap]]);
      expect([map.getDevPagemap(at(i) + 511), map.pfnValid(at(i) + 512)]).toEqual([pgmap, false]);
      expect(map.memoryType(at(i) + 9)).toBe(types[i % 5]);
    }
    for (let i = 0; i < 100; i += 2) map.memunmapPages(made[i]!);
    for (let i = 1; i < 100; i += 2) expect([i, map.pagePgmap(at(i) + 300)]).toEqual([i, made[i]]);
    expect([map.pgmaps.length, map.pfnValid(at(50))]).toEqual([50, false]);
  });

  it("are told by batches over all their pages (7.3)", () => {
    const map = machine("7.3");
    const made = Array.from({ length: 100 }, (_, i) =>
      map.memremapPages({
        type: "generic",
        ranges: [{ start: DEVICE + 512 * i, end: DEVICE + 512 * (i + 1) }],
        vmemmapShift: 9,
      }),
    );
    const numbers = new Uint32Array(51200);
    expect(map.pgmapsInto({ start: DEVICE, count: 51200 }, numbers)).toBe(0);
    expect(numbers.every((number, i) => map.pgmaps[number] === made[Math.floor(i / 512)])).toBe(true);
    expect([...map.select({ pgmap: made[63]! })]).toEqual(Array.from({ length: 512 }, (_, i) => DEVICE + 512 * 63 + i));
  });
});

describe("bytes of the vmemmap", () => {
  const grown = (kernel: PresetName, pages: number, more: Partial<MemremapOptions>) => {
    const map = machine(kernel);
    const before = map.vmemmapUsage();
    map.memremapPages(request("generic", pages, more));
    const after = map.vmemmapUsage();
    map.dispose();
    expect(after.nominalBytes - after.realBytes).toBe(after.savedBytes);
    return [after.nominalBytes - before.nominalBytes, after.realBytes - before.realBytes];
  };

  it("without device memory nothing is saved: 2 MiB for a section", () => {
    expect(machine("7.3").vmemmapUsage()).toEqual({ nominalBytes: 2 * MIB, realBytes: 2 * MIB, savedBytes: 0 });
  });

  it.each(withFolios)("a folio of order 9: 2 frames of 8 (%s)", (kernel) => {
    expect(grown(kernel, 512, { vmemmapShift: 9 })).toEqual([32768, 8192]);
    expect(grown(kernel, 10 * 512, { vmemmapShift: 9 })).toEqual([327680, 81920]);
  });

  it.each(["6.1", "6.18", "7.3"] as const)("a folio of order 18: 2 frames of 4096 (%s)", (kernel) => {
    expect(grown(kernel, 2 ** 18, { vmemmapShift: 18 })).toEqual([16777216, 8192]);
  });

  it.each([
    [0, 65536],
    [7, 65536],
    [8, 32768],
    [10, 8192],
  ])("1024 pages in folios of order %i: %i of 65536 bytes (7.3)", (vmemmapShift, real) => {
    expect(grown("7.3", 1024, { vmemmapShift })).toEqual([65536, real]);
  });

  it("5.15 deduplicates none of it", () => {
    expect(grown("5.15", SECTION, {})).toEqual([2 * MIB, 2 * MIB]);
  });
});

describe("totals", () => {
  it("count pages and folios by type and pgmap, and those of no pgmap (7.3)", () => {
    const { map, pgmap } = device("7.3", "generic", 1024, { vmemmapShift: 9 });
    const second = map.memremapPages({
      type: "fs-dax",
      ranges: [{ start: 0x30000, end: 0x38000 }],
      altmap: { reserve: 2, free: 1022 },
    });
    const totals = map.zoneDeviceTotals();
    expect([totals.byType.generic, totals.byType["fs-dax"], totals.byType.private, totals.unknown]).toEqual([
      { pages: 1024, folios: 2 },
      { pages: 31744, folios: 31744 },
      { pages: 0, folios: 0 },
      1022,
    ]);
    expect(totals.byPgmap).toEqual([
      { pgmap, pages: 1024, folios: 2 },
      { pgmap: second, pages: 31744, folios: 31744 },
    ]);
    expect([totals.pages, totals.folios]).toEqual([1024 + 31744, 2 + 31744]);
  });
});

describe("selections", () => {
  it("by pgmap, type and owner (7.3)", () => {
    const { map, pgmap } = device("7.3", "private");
    const other = { ...request("private"), ranges: [{ start: DEVICE + 512, end: DEVICE + 1024 }], owner: OWNER + 8n };
    map.memremapPages(other);
    const all = Array.from({ length: 1024 }, (_, i) => DEVICE + i);
    expect([...map.select({ pgmap })]).toEqual(all.slice(0, 512));
    expect([...map.select({ memoryType: "private" })]).toEqual(all);
    expect([...map.select({ owner: OWNER + 8n })]).toEqual(all.slice(512));
    expect([...map.select({ memoryType: "coherent" })]).toEqual([]);
  });

  it("migrate_vma_collect_pmd's choice: this owner's pages of these kinds (7.3)", () => {
    const { map } = device("7.3", "private");
    map.memremapPages({
      ...request("private"),
      ranges: [{ start: 2 * DEVICE, end: 2 * DEVICE + 512 }],
      owner: OWNER + 8n,
    });
    map.memremapPages({ ...request("coherent"), ranges: [{ start: 3 * DEVICE, end: 3 * DEVICE + 512 }] });
    const pages = Uint32Array.of(5, DEVICE + 5, 2 * DEVICE + 5, 3 * DEVICE + 5);
    const choice = (...kinds: ("system" | "device-private" | "device-coherent")[]) => [
      ...map.migrateVmaSelect(pages, { owner: OWNER, kinds }),
    ];
    expect(choice("device-private")).toEqual([DEVICE + 5]);
    expect(choice("device-coherent")).toEqual([3 * DEVICE + 5]);
    expect(choice("system")).toEqual([5]);
    expect(choice("system", "device-private", "device-coherent")).toEqual([5, DEVICE + 5, 3 * DEVICE + 5]);
  });
});
