import { describe, expect, it } from "vitest";
import { type PresetName } from "../../src/index.js";
import { builds, compound, errorOf, everyPreset, machine, refused } from "./machine.js";

const HEAD = 1024;

describe("flag numbers, by the word they set on a single page", () => {
  const numbers: Partial<Record<PresetName, Record<string, number>>> = {
    "5.15": { locked: 0, referenced: 1, uptodate: 2, dirty: 3, lru: 4, active: 5, workingset: 6, waiters: 7, error: 8 },
    "6.1": {
      ...{
        slab: 9,
        owner_priv_1: 10,
        arch_1: 11,
        reserved: 12,
        private: 13,
        private_2: 14,
        writeback: 15,
        mappedtodisk: 17,
      },
      ...{ reclaim: 18, swapbacked: 19, unevictable: 20, mlocked: 21, uncached: 22, hwpoison: 23, young: 24, idle: 25 },
      ...{ arch_2: 26, swapcache: 10, anon_exclusive: 17 },
    },
    "6.12": {
      ...{
        locked: 0,
        writeback: 1,
        referenced: 2,
        uptodate: 3,
        dirty: 4,
        lru: 5,
        waiters: 7,
        active: 8,
        workingset: 9,
      },
      ...{ owner_priv_1: 10, owner_2: 11, arch_1: 12, reserved: 13, private: 14, private_2: 15, reclaim: 16 },
      ...{ swapbacked: 17, unevictable: 18, mlocked: 19, hwpoison: 20, young: 21, idle: 22, arch_2: 23 },
    },
    "6.14": { unevictable: 18, dropbehind: 19, mlocked: 20, hwpoison: 21, young: 22, idle: 23, arch_2: 24 },
    "6.17": { dropbehind: 19, mlocked: 20, hwpoison: 21 },
    "7.0": { dropbehind: 19, mlocked: 20, hwpoison: 21 },
    "7.3": {
      ...{
        locked: 0,
        writeback: 1,
        referenced: 2,
        uptodate: 3,
        dirty: 4,
        lru: 5,
        waiters: 7,
        active: 8,
        workingset: 9,
      },
      ...{ swapcache: 10, owner_2: 11, anon_exclusive: 11, reserved: 13, private: 14, reclaim: 16, swapbacked: 17 },
      ...{ dropbehind: 19, mlocked: 20, hwpoison: 21, young: 22, idle: 23, arch_2: 24, reported: 3 },
    },
  };

  it.each(Object.entries(numbers))("enum pageflags, %s", (preset, names) => {
    const map = machine(preset as PresetName);
    for (const [name, bit] of Object.entries(names)) {
      const before = map.readWord(77, 0);
      map.setFlag(77, name);
      expect(`${name}: ${map.readWord(77, 0) ^ before}`).toBe(`${name}: ${1n << BigInt(bit)}`);
      expect(map.testFlag(77, name)).toBe(true);
      map.clearFlag(77, name);
      expect(map.readWord(77, 0)).toBe(before);
    }
  });

  it.each(everyPreset)("PG_head is bit 16 up to 6.1, bit 6 from 6.12 on (%s)", (preset) => {
    const map = machine(preset);
    map.prepCompoundPage(64, 1);
    const bit = preset === "5.15" || preset === "6.1" ? 16n : 6n;
    expect(map.readWord(64, 0) & 0xffffffn).toBe(1n << bit);
  });

  it("flags that a kernel lacks are refused by name (error, slab, dropbehind, uncached)", () => {
    refused(machine("7.3"), "bad-argument", ["error"], () => machine("7.3").setFlag(1, "error"));
    for (const [preset, name] of [
      ["6.12", "error"],
      ["6.12", "slab"],
      ["6.12", "dropbehind"],
      ["6.12", "uncached"],
      ["6.1", "owner_2"],
    ] as const) {
      const map = machine(preset);
      refused(map, "bad-argument", [name], () => map.testFlag(1, name));
    }
  });
});

describe.each(builds)("policies: which slot a flag operation touches (%s build)", (build) => {
  const own = (map: ReturnType<typeof machine>, pfn: number, bit: number) => (map.readWord(pfn, 0) >> BigInt(bit)) & 1n;

  it.each([
    ["hwpoison", 21],
    ["private", 14],
    ["anon_exclusive", 11],
  ])("PF_ANY, %s: the page itself (7.3)", (name, bit) => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    map.setFlag(HEAD + 5, name);
    expect([own(map, HEAD + 5, bit), own(map, HEAD, bit), own(map, HEAD + 4, bit)]).toEqual([1n, 0n, 0n]);
    expect([map.testFlag(HEAD + 5, name), map.testFlag(HEAD, name)]).toEqual([true, false]);
    map.clearFlag(HEAD + 5, name);
    expect(own(map, HEAD + 5, bit)).toBe(0n);
  });

  it.each([
    ["dirty", 4],
    ["lru", 5],
    ["workingset", 9],
    ["referenced", 2],
    ["active", 8],
    ["unevictable", 18],
  ])("PF_HEAD, %s: from any page, the head (7.3)", (name, bit) => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    map.setFlag(HEAD + 5, name);
    expect([own(map, HEAD, bit), own(map, HEAD + 5, bit)]).toEqual([1n, 0n]);
    expect(map.testFlag(HEAD + 7, name)).toBe(true);
    map.clearFlag(HEAD + 7, name);
    expect(own(map, HEAD, bit)).toBe(0n);
  });

  it.each([
    ["7.3", "locked"],
    ["7.3", "writeback"],
    ["7.3", "uptodate"],
    ["7.3", "reclaim"],
    ["7.3", "movable_ops"],
    ["6.12", "mappedtodisk"],
    ["6.1", "mappedtodisk"],
    ["6.1", "swapbacked"],
    ["6.1", "swapcache"],
    ["6.1", "mlocked"],
    ["6.1", "error"],
    ["6.1", "slab"],
  ] as const)("PF_NO_TAIL, %s %s: a tail reads the head's, and is not changed", (preset, name) => {
    const map = machine(preset, 1, { build });
    compound(map, HEAD, 3);
    refused(map, "flag-policy", [HEAD + 5, name], () => map.setFlag(HEAD + 5, name));
    expect(map.testFlag(HEAD + 5, name)).toBe(false);
    map.setFlag(HEAD, name);
    expect([map.testFlag(HEAD, name), map.testFlag(HEAD + 5, name)]).toEqual([true, true]);
    refused(map, "flag-policy", [HEAD + 5, name], () => map.clearFlag(HEAD + 5, name));
  });

  it.each([
    ["7.3", "reserved"],
    ["7.3", "checked"],
    ["7.3", "reported"],
    ["7.3", "xen_remapped"],
    ["6.1", "readahead"],
    ["6.1", "uncached"],
  ] as const)("PF_NO_COMPOUND, %s %s: no page of a compound is changed", (preset, name) => {
    const map = machine(preset, 1, { build });
    compound(map, HEAD, 3);
    for (const pfn of [HEAD, HEAD + 5]) refused(map, "flag-policy", [pfn, name], () => map.setFlag(pfn, name));
    map.setFlag(7, name);
    expect(map.testFlag(7, name)).toBe(true);
  });

  it("PF_ONLY_HEAD, waiters: no tail (6.1)", () => {
    const map = machine("6.1", 1, { build });
    compound(map, HEAD, 3);
    refused(map, "flag-policy", [HEAD + 5, "waiters"], () => map.setFlag(HEAD + 5, "waiters"));
    map.setFlag(HEAD, "waiters");
    expect(own(map, HEAD, 7)).toBe(1n);
    map.setFlag(9, "waiters");
    expect(own(map, 9, 7)).toBe(1n);
  });

  it.each([
    ["7.3", "has_hwpoisoned", 8],
    ["7.3", "large_rmappable", 9],
    ["7.3", "partially_mapped", 16],
    ["6.12", "has_hwpoisoned", 8],
    ["6.1", "has_hwpoisoned", 8],
    ["6.1", "double_map", 6],
  ] as const)("PF_SECOND, %s %s: bit %i of page 1", (preset, name, bit) => {
    const map = machine(preset, 1, { build });
    compound(map, HEAD, 3);
    const order = map.folioOrder(HEAD);
    map.setFlag(HEAD, name);
    expect([own(map, HEAD + 1, bit), own(map, HEAD, bit)]).toEqual([1n, 0n]);
    expect([map.testFlag(HEAD, name), map.folioOrder(HEAD)]).toEqual([true, order]);
    map.clearFlag(HEAD, name);
    expect(map.testFlag(HEAD, name)).toBe(false);
    refused(map, "flag-policy", [7, name], () => map.setFlag(7, name));
  });

  it.each([
    ["6.1", "private_2"],
    ["6.12", "private_2"],
    ["6.1", "isolated"],
    ["6.12", "isolated"],
    ["6.1", "owner_priv_1"],
    ["6.1", "young"],
    ["6.1", "idle"],
    ["6.12", "vmemmap_self_hosted"],
  ] as const)("PF_ANY in %s: %s stays on the tail it was set on", (preset, name) => {
    const map = machine(preset, 1, { build });
    compound(map, HEAD, 3);
    const before = map.readWord(HEAD, 0);
    map.setFlag(HEAD + 5, name);
    expect([map.testFlag(HEAD + 5, name), map.readWord(HEAD, 0)]).toEqual([true, before]);
  });
});

describe("zone, node and last_cpupid fields (Debian: NODES_SHIFT 10, 5 zones, 8192 CPUs)", () => {
  it.each(everyPreset)(
    "node at 54, zone at 51 width 3, last_cpupid at 30 width 21 (page-flags-layout.h, %s)",
    (preset) => {
      const map = machine(preset);
      map.writeWord(77, 0, 0n);
      map.setPageLinks(77, 1, 4, 0);
      expect(map.readWord(77, 0)).toBe(0x0020000000000000n);
      map.setPageLinks(77, 1, 0, 1023);
      expect(map.readWord(77, 0)).toBe(0xffc0000000000000n);
      map.setPageLinks(77, 1, 7, 1);
      expect(map.readWord(77, 0)).toBe(0x0078000000000000n);
      map.setPageLinks(77, 1, 0, 0);
      map.setLastCpupid(77, 0x1fffff);
      expect(map.readWord(77, 0)).toBe(0x0007ffffc0000000n);
      map.setLastCpupid(77, 1);
      expect(map.readWord(77, 0)).toBe(0x0000000040000000n);
    },
  );

  it("set_page_links changes zone and node of its pages alone, flags and last_cpupid stay", () => {
    const map = machine("7.3");
    map.writeWord(78, 0, 0x0017ffffc0002005n);
    map.setPageLinks(77, 2, 3, 2);
    expect(map.readWord(78, 0)).toBe(0x009fffffc0002005n);
    expect(map.readWord(79, 0)).toBe(0x0017ffffc0000000n);
  });

  it("the golden ZONE_DEVICE word: zone 4, node 0, last_cpupid all ones, reserved (6.4, 6.12 to 7.3)", () => {
    for (const preset of ["6.12", "6.14", "6.17", "6.18", "7.0", "7.3"] as const) {
      const map = machine(preset);
      map.writeWord(77, 0, 0x0027ffffc0002000n);
      expect([map.pageZone(77), map.pageNode(77), map.pageLastCpupid(77)]).toEqual([4, 0, 2097151]);
      expect([map.flagNames(77), map.testFlag(77, "reserved")]).toEqual([["reserved"], true]);
      expect(map.profile.zones[map.pageZone(77)]).toBe("DEVICE");
    }
  });

  it("the golden ZONE_DEVICE word of 6.1 has PG_reserved at bit 12, of a head bit 16 too (6.4)", () => {
    const map = machine("6.1");
    map.writeWord(77, 0, 0x0027ffffc0001000n);
    expect([map.pageZone(77), map.flagNames(77)]).toEqual([4, ["reserved"]]);
    map.writeWord(77, 0, 0x0027ffffc0011000n);
    expect(map.flagNames(77)).toEqual(["reserved", "head"]);
  });

  it("made by hand, the same word comes out (set_page_links, __SetPageReserved, 7.3)", () => {
    const map = machine("7.3");
    map.setPageLinks(77, 1, 4, 0);
    map.setFlag(77, "reserved");
    expect(map.readWord(77, 0)).toBe(0x0027ffffc0002000n);
    map.clearFlag(77, "reserved");
    map.prepCompoundPage(512, 9);
    map.setPageLinks(512, 512, 4, 0);
    expect([map.readWord(512, 0), map.readWord(513, 0)]).toEqual([0x0027ffffc0000040n, 0x0027ffffc0000009n]);
  });

  it("the other configuration of 6.4: 256 CPUs, last_cpupid at 35 width 16", async () => {
    const { defineProfile } = await import("../../src/index.js");
    const map = machine(defineProfile("6.18", { name: "256 CPUs", lastCpupid: { shift: 35, width: 16 } }));
    map.writeWord(77, 0, 0x0027fff800002000n);
    expect([map.pageZone(77), map.pageNode(77), map.pageLastCpupid(77), map.flagNames(77)]).toEqual([
      4,
      0,
      0xffff,
      ["reserved"],
    ]);
  });

  it("zone bits may read 5, one past the last zone: read as they are (3.5)", () => {
    const map = machine("7.3");
    map.writeWord(77, 0, 5n << 51n);
    expect(map.pageZone(77)).toBe(5);
    expect(map.profile.zones[5]).toBeUndefined();
  });

  it("tails have their own zone and node (3.4)", () => {
    const map = machine("7.3");
    map.prepCompoundPage(64, 3);
    map.writeWord(66, 0, (map.readWord(66, 0) & ~(0x1fffn << 51n)) | (3n << 51n) | (2n << 54n));
    expect([map.pageZone(66), map.pageNode(66), map.pageZone(64)]).toEqual([3, 2, 2]);
  });

  it("zone and node past their fields are refused, and last_cpupid too (bad-argument)", () => {
    const map = machine("7.3");
    refused(map, "bad-argument", [8], () => map.setPageLinks(77, 1, 8, 0));
    refused(map, "bad-argument", [1024], () => map.setPageLinks(77, 1, 0, 1024));
    refused(map, "bad-argument", [-1], () => map.setPageLinks(77, 1, 0, -1));
    refused(map, "bad-argument", [2097152], () => map.setLastCpupid(77, 2097152));
    refused(map, "bad-argument", [-1], () => map.setLastCpupid(77, -1));
    refused(map, "pfn-absent", [], () => map.setPageLinks(32760, 10, 1, 0));
  });

  it.each([NaN, 1.5, 2 ** 32 + 1])("%d is no zone, node, count or last_cpupid (bad-argument)", (value) => {
    const map = machine("7.3");
    refused(map, "bad-argument", [value], () => map.setPageLinks(77, 1, value, 0));
    refused(map, "bad-argument", [value], () => map.setPageLinks(77, 1, 0, value));
    refused(map, "bad-argument", [value], () => map.setPageLinks(77, value, 0, 0));
    refused(map, "bad-argument", [value], () => map.setLastCpupid(77, value));
  });

  it("initial slots: zone by address, free, unmapped, last_cpupid all ones (x86_64 zones: 16 MiB, 4 GiB)", () => {
    const map = machine("7.3", 1, { memory: [{ start: 0, end: 32768, node: 3 }] });
    expect([0, 4095, 4096, 32767].map((pfn) => map.pageZone(pfn))).toEqual([0, 0, 1, 1]);
    expect([map.pageNode(5), map.pageRefCount(5), map.pageMapcount(5)]).toEqual([3, 0, 0]);
    expect(map.readWord(5, 0)).toBe(0x00c7ffffc0000000n);
    expect(map.readWord(4096, 48)).toBe(0x00000000ffffffffn);
    const high = machine("7.3", 1, { memory: [{ start: 2 ** 20, end: 2 ** 20 + 32768 }] });
    expect(high.pageZone(2 ** 20)).toBe(2);
  });

  it("initialize: false leaves all slots zero", () => {
    const map = machine("7.3", 1, { initialize: false });
    expect(map.slotBytes().every((byte) => byte === 0)).toBe(true);
    expect(errorOf(() => map.setFlag(5, "nonsense")).code).toBe("bad-argument");
  });
});
