/** What pages are used for, typed out: the words as kernels leave them, and the kind they say. */
import { describe, expect, it } from "vitest";
import { PAGE_KINDS, type UsageKind, Vmemmap, type VmemmapErrorCode } from "../../src/index.js";
import { constant } from "../../src/engine/modules.js";
import {
  builds,
  compound,
  errorOf,
  everyPreset,
  families,
  machine,
  peek,
  poke,
  SECTION,
  slotsFrom,
} from "./machine.js";

const MAPPING = 0xffff888012345678n;

describe.each(builds)("kinds of pages (%s build)", (build) => {
  it.each([
    ["6.1", 0xffffff7fn, "free"],
    ["6.1", 0xfffffeffn, "offline"],
    ["6.1", 0xfffffdffn, "pgtable"],
    ["6.1", 0xfffffbffn, "guard"],
    ["6.12", 0xf0000000n, "free"],
    ["6.12", 0xf1000000n, "offline"],
    ["6.12", 0xf2000000n, "pgtable"],
    ["6.12", 0xf3000000n, "guard"],
    ["6.12", 0xf4000000n, "hugetlb"],
    ["6.12", 0xf5000000n, "slab"],
    ["6.12", 0xf6000abcn, "zsmalloc"],
    ["6.12", 0xf7000000n, "unaccepted"],
    ["6.12", 0xf8000000n, "other"], // no such type before large_kmalloc
    ["6.17", 0xf8000000n, "large-kmalloc"],
    ["7.3", 0xf0000000n, "free"],
    ["7.3", 0xf8000000n, "large-kmalloc"],
    ["7.3", 0x80000000n, "other"], // a count that overflowed reads as typed
  ] as const)("%s: the word 0x%s at +48 is %s", (preset, word, kind) => {
    const map = machine(preset, 1, { build });
    poke(map, 77, 48, 4, word);
    poke(map, 77, 52, 4, 1);
    expect(map.usageKind(77)).toBe(kind);
  });

  it.each(everyPreset)("%s: bits 0 and 1 of mapping, PG_swapbacked, PG_reserved, the count", (preset) => {
    const map = machine(preset, 1, { build });
    const kindOf = (mapping: bigint, flags: readonly string[], count: number): UsageKind => {
      poke(map, 77, 24, 8, mapping);
      poke(map, 77, 52, 4, count);
      for (const name of ["swapbacked", "reserved"]) map.clearFlag(77, name);
      for (const name of flags) map.setFlag(77, name);
      return map.usageKind(77);
    };
    expect(kindOf(MAPPING | 3n, ["swapbacked"], 1)).toBe("ksm");
    expect(kindOf(MAPPING | 1n, ["swapbacked"], 1)).toBe("anon");
    expect(kindOf(MAPPING | 2n, [], 1)).toBe("movable");
    expect(kindOf(MAPPING, ["swapbacked"], 1)).toBe("shmem");
    expect(kindOf(MAPPING, ["reserved"], 1)).toBe("file");
    expect(kindOf(0n, ["swapbacked", "reserved"], 0)).toBe("reserved");
    expect(kindOf(0n, [], 0)).toBe("free-pcp");
    expect(kindOf(0n, [], 1)).toBe("other");
  });

  // Words of 64 pages, and what one of them has in place of them: what they have in common must not hide it.
  const alike = [
    { mapping: MAPPING | 3n, count: 2, flags: [] },
    { mapping: MAPPING | 1n, count: 2, flags: ["swapbacked"] },
    { mapping: MAPPING | 2n, count: 2, flags: [] },
    { mapping: MAPPING, count: 2, flags: ["swapbacked"] },
    { mapping: MAPPING, count: 2, flags: [] },
    { mapping: 0n, count: 2, flags: ["reserved"] },
    { mapping: 0n, count: 0, flags: [] },
    { mapping: 0n, count: 2, flags: [] },
    { mapping: 4n, count: 0, flags: [] },
  ];
  it.each(everyPreset)(
    "%s: a page unlike the 63 others of a block has its own kind, and they have theirs",
    (preset) => {
      const map = machine(preset, 1, { build });
      const setWords = (pfn: number, { mapping, count, flags }: (typeof alike)[number]) => {
        poke(map, pfn, 24, 8, mapping);
        poke(map, pfn, 52, 4, count);
        for (const name of ["swapbacked", "reserved"]) map.clearFlag(pfn, name);
        for (const name of flags) map.setFlag(pfn, name);
      };
      const oddities: ((pfn: number) => void)[] = [
        ...alike.map((words) => (pfn: number) => setWords(pfn, words)),
        (pfn) => map.setPageType(pfn, "table"),
        (pfn) => map.setPageType(pfn, "buddy"),
        (pfn) => ("slab" in map.profile.flags ? map.setFlag(pfn, "slab") : map.setPageType(pfn, "slab")),
        (pfn) => map.setFlag(pfn, "head"),
        (pfn) =>
          poke(
            map,
            pfn,
            0,
            8,
            peek(map, pfn, 0, 8) | (BigInt(map.profile.zones.indexOf("DEVICE")) << BigInt(map.profile.zone.shift)),
          ),
      ];
      const kinds = new Uint8Array(64 * alike.length);
      const range = { start: 2048, count: kinds.length };
      const page = slotsFrom(map, 2048, 1);
      oddities.forEach((makeOdd, nth) => {
        for (let i = 0; i < kinds.length; i++) {
          map.writeSlots(2048 + i, page);
          setWords(2048 + i, alike[i >> 6]!);
        }
        for (let block = 0; block < alike.length; block++)
          makeOdd(2048 + 64 * block + [0, 1, 33, 62, 63][(nth + block) % 5]!);
        map.checkWellFormed();
        map.usageKindsInto(range, kinds);
        const wanted = Array.from(kinds, (_, i) => map.usageKind(2048 + i));
        expect(Array.from(kinds, (kind) => PAGE_KINDS[kind])).toEqual(wanted);
        const { rows } = map.census({ range });
        for (const { key, pages } of rows) expect(pages).toBe(wanted.filter((kind) => kind === key).length);
      });
    },
  );

  it("up to 6.1 a slab is told by PG_slab and a hugetlb folio by its destructor, 2", () => {
    const map = machine("6.1", 1, { build });
    map.setFlag(77, "slab");
    compound(map, 512, 9);
    expect([map.usageKind(77), map.usageKind(600)]).toEqual(["slab", "free-pcp"]);
    poke(map, 512, 80, 1, 2);
    expect([map.usageKind(512), map.usageKind(600), map.usageKind(1023)]).toEqual(["hugetlb", "hugetlb", "hugetlb"]);
  });

  it.each(families)("%s: a tail has its head's kind, whatever its own words say", (preset) => {
    const map = machine(preset, 1, { build });
    compound(map, 64, 3);
    poke(map, 64, 24, 8, MAPPING | 1n);
    map.setPageType(70, "table");
    const kinds = new Uint8Array(8);
    expect(map.usageKindsInto({ start: 64, count: 8 }, kinds)).toBe(0);
    expect([...kinds]).toEqual(new Array(8).fill(PAGE_KINDS.indexOf("anon")));
  });

  it("a fake head is a tail: 6.18's optimised hugetlb folio is one kind as a whole, and one folio", () => {
    const map = machine("6.18", 1, { build });
    compound(map, 512, 9);
    map.setPageType(512, "hugetlb");
    map.hugetlbVmemmapOptimizeFolio(512);
    const { rows } = map.census({ range: { start: 512, count: 512 } });
    expect(rows).toEqual([{ key: "hugetlb", number: 11, pages: 512, bytes: 2 ** 21, folios: 1 }]);
  });
});

describe.each(builds)("free blocks (%s build)", (build) => {
  function free(map: Vmemmap, pfn: number, order: number | bigint): void {
    map.setPageType(pfn, "buddy");
    poke(map, pfn, 40, 8, order);
  }
  function kindsFrom(map: Vmemmap, pfn: number, count: number): UsageKind[] {
    const kinds = new Uint8Array(count);
    map.usageKindsInto({ start: pfn, count }, kinds);
    return Array.from(kinds, (kind) => PAGE_KINDS[kind]!);
  }
  function machineInUse(preset: (typeof everyPreset)[number]): Vmemmap {
    const map = machine(preset, 1, { build });
    for (let pfn = 0; pfn < 4096; pfn++) poke(map, pfn, 52, 4, 0);
    for (let pfn = 0; pfn < 4096; pfn++) map.setFlag(pfn, "reserved");
    return map;
  }

  it.each(everyPreset)("%s: a head of order 3 and the 7 pages after it, but those that have a count", (preset) => {
    const map = machineInUse(preset);
    free(map, 64, 3);
    poke(map, 70, 52, 4, 1);
    expect(kindsFrom(map, 63, 10)).toEqual([
      "reserved",
      ...new Array<UsageKind>(6).fill("free"),
      "reserved",
      "free",
      "reserved",
    ]);
  });

  it("a block of 1024 pages over two subsections, looked at from its middle", () => {
    const map = machineInUse("7.3");
    free(map, 1024, 10);
    expect(kindsFrom(map, 1700, 348)).toEqual(new Array(348).fill("free"));
    expect(map.usageKind(2047)).toBe("free");
    expect(map.usageKind(2048)).toBe("reserved");
    expect(map.census({ range: { start: 1700, count: 348 } }).rows).toMatchObject([{ key: "free", pages: 348 }]);
  });

  it("no block is larger than 1024 pages, nor than its head is aligned to", () => {
    const map = machineInUse("7.3");
    free(map, 1024, 2n ** 40n);
    free(map, 2048 + 4, 9);
    expect([2047, 2048, 2048 + 7, 2048 + 8].map((pfn) => map.usageKind(pfn))).toEqual([
      "free",
      "reserved",
      "free",
      "reserved",
    ]);
  });
});

describe("device memory", () => {
  const RAM = { start: 0, end: SECTION };

  it("is of its pgmap's type, its altmap's pages are told by their own list, and the reserved ones are free-pcp", () => {
    const map = new Vmemmap({ profile: "6.18", memory: [RAM], hotplugCapacity: 4 * SECTION });
    const start = 4 * SECTION;
    map.memremapPages({
      type: "fs-dax",
      ranges: [{ start, end: start + SECTION }],
      altmap: { reserve: 2, free: 1022 },
    });
    const { rows } = map.census({ range: { start, count: SECTION } });
    expect(rows.map(({ key, pages }) => [key, pages])).toEqual([
      ["device-fsdax", SECTION - 1024],
      ["device-altmap", 1022],
      ["free-pcp", 2],
    ]);
  });

  it("is counted by pgmap as the altmap's of the pgmap whose slots it holds, in a range too", () => {
    const map = new Vmemmap({ profile: "6.18", memory: [RAM], hotplugCapacity: 4 * SECTION });
    const start = 4 * SECTION;
    const { address } = map.memremapPages({
      type: "fs-dax",
      ranges: [{ start, end: start + SECTION }],
      altmap: { reserve: 2, free: 1022 },
    });
    const name = `0x${address.toString(16)}`;
    const counted = (count: number) =>
      map.census({ by: "pgmap", range: { start, count } }).rows.map(({ key, pages }) => [key, pages]);
    expect(counted(SECTION)).toEqual([
      [name, SECTION - 1024],
      ["none", 2],
      [`${name} altmap`, 1022],
    ]);
    expect(counted(100)).toEqual([
      ["none", 2],
      [`${name} altmap`, 98],
    ]);
  });

  it("is unknown once nobody knows its pgmap", () => {
    const map = new Vmemmap({ profile: "7.3", memory: [RAM], hotplugCapacity: 4 * SECTION });
    const start = 4 * SECTION;
    const pgmap = map.memremapPages({ type: "generic", ranges: [{ start, end: start + 512 }], vmemmapShift: 9 });
    expect(map.usageKind(start + 5)).toBe("device-generic");
    expect(map.census({ by: "pgmap" }).rows.map(({ key, pages, folios }) => [key, pages, folios])).toEqual([
      [`0x${pgmap.address.toString(16)}`, 512, 1],
      ["none", SECTION, SECTION],
    ]);
    const image = map.pgmaps;
    const other = new Vmemmap({ profile: "7.3", vmemmapBase: map.vmemmapBase, sections: map.sections });
    const bytes = new Uint8Array(512 * 64);
    map.readSlots(start, bytes);
    other.writeSlots(start, bytes);
    expect(other.usageKind(start + 5)).toBe("device-unknown");
    other.pgmaps = image;
    expect(other.usageKind(start + 5)).toBe("device-generic");
  });
});

describe("the calls", () => {
  it("number kinds as the core does", () => {
    const names = PAGE_KINDS.filter((kind) => kind !== "filtered");
    expect(
      names.map((kind) => constant(`UsageKind.${kind.toUpperCase().replaceAll("-", "_")}` as "UsageKind.FREE")),
    ).toEqual(Array.from(names.keys()));
    expect(PAGE_KINDS.indexOf("filtered")).toBe(names.length);
  });

  it("pages that do not exist or lead nowhere answer 255 and are counted", () => {
    const map = machine("7.0");
    map.writeWord(9, 8, 0x1234_5679n);
    const kinds = new Uint8Array(4);
    expect(map.usageKindsInto(Uint32Array.of(8, 9, SECTION, 10), kinds)).toBe(2);
    expect([kinds[1], kinds[2]]).toEqual([255, 255]);
    const codes: VmemmapErrorCode[] = [9, SECTION].map((pfn) => errorOf(() => map.usageKind(pfn)).code);
    expect(codes).toEqual(["bad-head", "pfn-absent"]);
    expect(map.census({ range: { start: 9, count: 1 } }).rows).toMatchObject([{ key: "other", pages: 1, folios: 0 }]);
    expect(map.census({ by: "order", range: { start: 9, count: 1 } }).rows).toMatchObject([{ key: "headless" }]);
  });

  it("pages that a dump left out are filtered, and taken from what their slots read as", () => {
    const map = machine("7.3");
    map.filtered = [
      { start: 64, count: 64 },
      { start: 1024, count: 128 },
    ];
    const before = map.census({ by: "zone" }).pages;
    const { rows, pages } = map.census({ range: { start: 100, count: 1000 } });
    expect(rows.at(-1)).toMatchObject({ key: "filtered", pages: 28 + 76 });
    expect(pages).toBe(1000);
    expect(map.census().pages).toBe(before);
    const kinds = new Uint8Array(3);
    expect(map.usageKindsInto(Uint32Array.of(63, 64, 128), kinds)).toBe(0);
    expect(Array.from(kinds, (kind) => PAGE_KINDS[kind] === "filtered")).toEqual([false, true, false]);
    expect([63, 64, 127, 128, 1151].map((pfn) => map.usageKind(pfn) === "filtered")).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
  });

  it("refuse what makes no sense", () => {
    const map = machine("7.3");
    const refusals = [
      () => map.census({ by: "colour" as "kind" }),
      () => map.census({ by: "kind", form: 5 } as object),
      () => map.census({ range: { start: -1, count: 5 } }),
      () => map.census({ range: 5 as unknown as { start: number; count: number } }),
      () => map.usageKindsInto({ start: 0, count: 5 }, new Uint8Array(4)),
      () => map.usageKindsInto({ start: 0, count: 5 }, new Uint32Array(5) as unknown as Uint8Array),
    ];
    expect(refusals.map((action) => errorOf(action).code)).toEqual([
      "bad-argument",
      "bad-argument",
      "bad-argument",
      "bad-argument",
      "bad-array",
      "bad-array",
    ]);
  });
});
