/** Slots as memmap_init_zone_device leaves them, word by word. */
import { describe, expect, it } from "vitest";
import { defineProfile, type MemoryType, type PresetName, type TailEncoding, Vmemmap } from "../../src/index.js";
import {
  before6_15,
  device,
  DEVICE,
  DEVICE_TAGGED,
  everyEncoding,
  from6_15,
  nothingHappens,
  request,
  slot,
  TAIL_MAPPING,
  types,
  typesOf,
  unlike,
  withFolios,
  words,
  wordsFrom,
} from "./device-machine.js";
import { builds, everyPreset, machine, SECTION, slotsFrom } from "./machine.js";

/** zone 4 << 51 | cpupid 0x1fffff << 30 | PG_reserved, which is bit 12 up to 6.1. */
const FLAGS = 0x0027ffffc0002000n;
const FLAGS_6_1 = 0x0027ffffc0001000n;
const flagsOf = (kernel: PresetName) => (kernel === "5.15" || kernel === "6.1" ? FLAGS_6_1 : FLAGS);
const headFlagsOf = (kernel: PresetName) => (kernel === "6.1" ? 0x0027ffffc0011000n : 0x0027ffffc0002040n);

/** Refcounts of new pages. */
const initial: Record<"5.15" | "up to 6.14" | "6.15 on", Record<MemoryType, bigint>> = {
  "5.15": { private: 1n, coherent: 1n, "fs-dax": 1n, generic: 1n, "pci-p2pdma": 1n },
  "up to 6.14": { private: 0n, coherent: 0n, "fs-dax": 1n, generic: 1n, "pci-p2pdma": 1n },
  "6.15 on": { private: 0n, coherent: 0n, "fs-dax": 0n, generic: 1n, "pci-p2pdma": 0n },
};
const rules = (kernel: PresetName) =>
  kernel === "5.15" ? "5.15" : (from6_15 as readonly string[]).includes(kernel) ? "6.15 on" : "up to 6.14";
const countOf = (kernel: PresetName, type: MemoryType) => initial[rules(kernel)][type];

/** The word at +48: _mapcount -1, and this refcount. */
const counts = (refcount: bigint) => (refcount << 32n) | 0xffffffffn;

const MASKS: Record<number, bigint> = { 9: 0xffffffffffff8001n, 18: 0xffffffffff000001n };
const tagOf = (encoding: TailEncoding, order: number, head: number) =>
  encoding === "mask" ? MASKS[order]! : DEVICE_TAGGED + BigInt(head - DEVICE) * 64n;

/** +16, +24, +32, +40 and +56 of page 1 of a folio of order 9 (section "struct folio"), its flags byte aside. */
const page1: Record<"6.1" | "6.12" | "6.15 on", [bigint, bigint, bigint, bigint, bigint]> = {
  // dtor 1, order 9, compound_mapcount -1; compound_pincount 0, compound_nr 512
  "6.1": [0xffffffff00000901n, 0x0000020000000000n, 0n, 0n, 0n],
  // large and entire mapcount -1; none mapped, no pins; nr 512
  "6.12": [0xffffffffffffffffn, 0n, 0x200n, 0n, 0n],
  // large mapcount -1, none mapped; entire mapcount -1, no pins; both mm counts -1; no mm; nr 512
  "6.15 on": [0x00000000ffffffffn, 0x00000000ffffffffn, 0xffffffffffffffffn, 0n, 0x200n],
};
const page1Of = (kernel: PresetName) =>
  page1[kernel === "6.1" ? "6.1" : kernel === "6.12" || kernel === "6.14" ? "6.12" : "6.15 on"];

describe.each(builds)("single pages (%s build)", (build) => {
  it.each(everyEncoding(everyPreset))(
    "every word of every type's slots (__init_zone_device_page, %s, %s)",
    (kernel, _encoding, profile) => {
      for (const type of typesOf(kernel)) {
        const { map, pgmap } = device(profile, type, 512, {}, { build });
        const expected = [flagsOf(kernel), pgmap.address, 0n, 0n, 0n, 0n, counts(countOf(kernel, type)), 0n];
        expect(`${type}: ${slot(map, DEVICE).join(" ")}`).toBe(`${type}: ${words(...expected).join(" ")}`);
        expect([type, unlike(map, DEVICE, 512, expected)]).toEqual([type, []]);
        map.dispose();
      }
    },
  );
});

describe("flags words", () => {
  it.each([
    ["6.12", 0x0027ffffc0002000n],
    ["6.18", 0x0027ffffc0002000n],
    ["7.3", 0x0027ffffc0002000n],
    ["6.1", 0x0027ffffc0001000n],
  ] as const)("a single page of a Debian kernel (%s)", (kernel, flags) => {
    const { map } = device(kernel, "fs-dax");
    expect(map.readWord(DEVICE + 77, 0)).toBe(flags);
    expect(map.flagNames(DEVICE + 77)).toEqual(["reserved"]);
  });

  it("with 256 CPUs last_cpupid is narrower (6.18)", () => {
    const profile = defineProfile("6.18", { lastCpupid: { shift: 35, width: 16 } });
    expect(device(profile, "generic").map.readWord(DEVICE, 0)).toBe(0x0027fff800002000n);
  });

  it.each([
    ["6.12", 0x0027ffffc0002040n, 0x0027ffffc0002009n, 0x0027ffffc0002000n],
    ["6.18", 0x0027ffffc0002040n, 0x0027ffffc0002009n, 0x0027ffffc0002000n],
    ["7.3", 0x0027ffffc0002040n, 0x0027ffffc0002009n, 0x0027ffffc0002000n],
    ["6.1", 0x0027ffffc0011000n, 0x0027ffffc0001000n, 0x0027ffffc0001000n],
  ] as const)("head, page 1 and page 2 of a folio of order 9 (%s)", (kernel, head, first, second) => {
    const { map } = device(kernel, "generic", 512, { vmemmapShift: 9 });
    expect([0, 1, 2].map((i) => map.readWord(DEVICE + i, 0))).toEqual([head, first, second]);
  });

  it("the pages' node is in bits 54 and up of each, tails as well (7.3)", () => {
    const { map } = device("7.3", "generic", 512, { vmemmapShift: 9, node: 3 });
    expect([0, 1, 2, 400].map((i) => map.readWord(DEVICE + i, 0) >> 51n)).toEqual([28n, 28n, 28n, 28n]);
    expect(map.pageNode(DEVICE + 511)).toBe(3);
  });
});

describe.each(builds)("folios of order 9 (vmemmap_shift, %s build)", (build) => {
  it.each(everyEncoding(withFolios))(
    "head, pages 1 to 3 and all later tails, each type (memmap_init_compound, %s, %s)",
    (kernel, encoding, profile) => {
      for (const type of types) {
        const { map, pgmap } = device(profile, type, 1024, { vmemmapShift: 9 }, { build });
        for (const head of [DEVICE, DEVICE + 512]) {
          const tag = tagOf(encoding, 9, head);
          const plain = flagsOf(kernel);
          const [w16, w24, w32, w40, w56] = page1Of(kernel);
          const tail = [plain, tag, 0n, TAIL_MAPPING, 0n, 0n, counts(0n), 0n];
          const at = `${type} ${head - DEVICE}`;
          expect([at, slot(map, head)]).toEqual([
            at,
            words(headFlagsOf(kernel), pgmap.address, 0n, 0n, 0n, 0n, counts(countOf(kernel, type)), 0n),
          ]);
          expect([at, slot(map, head + 1)]).toEqual([
            at,
            words(plain + (kernel === "6.1" ? 0n : 9n), tag, w16, w24, w32, w40, counts(0n), w56),
          ]);
          expect([at, unlike(map, head + 3, 509, tail)]).toEqual([at, []]);
        }
        map.dispose();
      }
    },
  );

  it.each(["6.1", "6.12", "6.14", "6.17"] as const)("page 2's later zeroing wipes the deferred list (%s)", (kernel) => {
    const { map } = device(kernel, "generic", 512, { vmemmapShift: 9 }, { build });
    expect([map.readWord(DEVICE + 2, 16), map.readWord(DEVICE + 2, 24)]).toEqual([0n, 0xdead000000000400n]);
  });

  it.each(["6.18", "7.0", "7.3"] as const)("page 2 holds the deferred list, linked to itself (%s)", (kernel) => {
    const { map } = device(kernel, "generic", 512, { vmemmapShift: 9 }, { build });
    // The struct page of PFN 0x100002 and 16 bytes.
    expect([map.readWord(DEVICE + 2, 16), map.readWord(DEVICE + 2, 24)]).toEqual([
      0xffffea0004000090n,
      0xffffea0004000090n,
    ]);
    expect(slot(map, DEVICE + 2).slice(4)).toEqual(words(0n, 0n, 0x00000000ffffffffn, 0n));
  });

  it.each(everyEncoding(withFolios))("every page leads to its head (%s, %s)", (_kernel, _encoding, profile) => {
    const { map, pgmap } = device(profile, "generic", 1024, { vmemmapShift: 9 }, { build });
    const heads = new Uint32Array(1024);
    expect(map.headsInto({ start: DEVICE, count: 1024 }, heads)).toBe(0);
    expect(heads.every((head, i) => head === DEVICE + (i < 512 ? 0 : 512))).toBe(true);
    const numbers = new Uint32Array(1024);
    expect(map.pgmapsInto({ start: DEVICE, count: 1024 }, numbers)).toBe(0);
    expect(numbers.every((number) => map.pgmaps[number] === pgmap)).toBe(true);
    expect([map.folioOrder(DEVICE + 900), map.folioNrPages(DEVICE + 900)]).toEqual([9, 512]);
    expect([0, 64, 128, 511].map((i) => map.pageTail(DEVICE + i))).toEqual([false, true, true, true]);
  });
});

describe("folios of order 1", () => {
  it.each(withFolios)("have no page 2: what follows is the next head, untouched (%s)", (kernel) => {
    const { map, pgmap } = device(kernel, "generic", 512, { vmemmapShift: 1 });
    const head = [headFlagsOf(kernel), pgmap.address, 0n, 0n, 0n, 0n, 0x00000001ffffffffn, 0n];
    const others = Array.from({ length: 256 }, (_, i) => DEVICE + 2 * i).filter(
      (pfn) => slot(map, pfn).join() !== words(...head).join(),
    );
    expect(others).toEqual([]);
    expect([map.folioOrder(DEVICE + 511), map.folioNrPages(DEVICE + 3), pgmap.refs]).toEqual([1, 2, 257]);
  });
});

describe("folios of order 18", () => {
  it.each(everyEncoding(["6.1", "6.14", "6.18", "7.3"]))(
    "all 262144 slots (memmap_init_compound, %s, %s)",
    (kernel, encoding, profile) => {
      const { map, pgmap } = device(profile, "generic", 2 ** 18, { vmemmapShift: 18 });
      const plain = flagsOf(kernel);
      const tag = tagOf(encoding, 18, DEVICE);
      expect(slot(map, DEVICE)).toEqual(
        words(headFlagsOf(kernel), pgmap.address, 0n, 0n, 0n, 0n, 0x00000001ffffffffn, 0n),
      );
      expect(map.readWord(DEVICE + 1, 0)).toBe(plain + (kernel === "6.1" ? 0n : 18n));
      expect([map.folioOrder(DEVICE + 77), map.folioNrPages(DEVICE + 77)]).toEqual([18, 262144]);
      const tail = [plain, tag, 0n, TAIL_MAPPING, 0n, 0n, counts(0n), 0n];
      expect(unlike(map, DEVICE + 3, 2 ** 18 - 3, tail).length).toBe(0);
      map.dispose();
    },
  );

  it.each(["private", "coherent", "fs-dax", "pci-p2pdma"] as const)(
    "a head's count is its type's: 0 (7.3, %s)",
    (type) => {
      const { map, pgmap } = device("7.3", type, 2 ** 18, { vmemmapShift: 18 });
      expect([map.pageRefCount(DEVICE), map.pageRefCount(DEVICE + 1), map.pageRefCount(DEVICE + 262143)]).toEqual([
        0, 0, 0,
      ]);
      expect(map.pagePgmap(DEVICE + 262143)).toBe(pgmap);
      map.dispose();
    },
  );
});

describe("frames of deduplicated slots (vmemmap_populate_compound_pages)", () => {
  it.each(withFolios)("order 9: the slots from 128 on are aliases (%s)", (kernel) => {
    const { map } = device(kernel, "generic", 1024, { vmemmapShift: 9 });
    const aliases = Array.from({ length: 1024 }, (_, i) => map.isAlias(DEVICE + i));
    expect(aliases.map((alias, i) => alias === i % 512 >= 128).every(Boolean)).toBe(true);
  });

  it.each([
    [0, 0],
    [7, 0],
    [8, 8],
    [9, 12],
    [10, 14],
  ])("order %i: %i of the 16 vmemmap pages of 1024 pages need no frame (7.3)", (vmemmapShift, spared) => {
    const { map } = device("7.3", "generic", 1024, { vmemmapShift });
    const aliases = Array.from({ length: 16 }, (_, i) => map.isAlias(DEVICE + 64 * i));
    expect(aliases.filter(Boolean).length).toBe(spared);
  });

  it("vmemmapOptimize: false gives every slot its own frame, with the same bytes (7.3)", () => {
    const shared = device("7.3", "generic", 512, { vmemmapShift: 9, address: 0xffff888100000000n });
    const own = device("7.3", "generic", 512, {
      vmemmapShift: 9,
      address: 0xffff888100000000n,
      vmemmapOptimize: false,
    });
    expect([shared.map.isAlias(DEVICE + 200), own.map.isAlias(DEVICE + 200)]).toEqual([true, false]);
    expect(own.map.vmemmapUsage().savedBytes).toBe(0);
    expect(Buffer.compare(slotsFrom(own.map, DEVICE, 512), slotsFrom(shared.map, DEVICE, 512))).toBe(0);
  });
});

describe("the pages that hold an altmap's slots (memmap_init_range)", () => {
  const BASE = 0x30000;
  const altmap = { reserve: 2, free: 1022 };
  const hosted = (kernel: PresetName, type: MemoryType, vmemmapShift = 0) => {
    const map = machine(kernel);
    const ranges = [{ start: BASE, end: BASE + SECTION }];
    const pgmap = map.memremapPages({ ...request(type), ranges, altmap, vmemmapShift });
    return { map, pgmap };
  };

  it.each(everyPreset)("reserved ones have slots of zeroes (%s)", (kernel) => {
    const { map } = hosted(kernel, "fs-dax");
    expect(wordsFrom(map, BASE, 2).every((value) => value === 0n)).toBe(true);
    expect([map.pageRefCount(BASE), map.isZoneDevicePage(BASE + 1), map.pagePgmap(BASE)]).toEqual([0, false, null]);
  });

  it.each(everyPreset)("free ones are linked to themselves, with a count of 1 whatever the type (%s)", (kernel) => {
    for (const type of typesOf(kernel)) {
      const { map } = hosted(kernel, type);
      for (const [pfn, self] of [
        [BASE + 2, 0xffffea0000c00088n],
        [BASE + 512, 0xffffea0000c08008n],
        [BASE + 1023, 0xffffea0000c0ffc8n],
      ] as const) {
        const expected = words(flagsOf(kernel), self, self, 0n, 0n, 0n, 0x00000001ffffffffn, 0n);
        expect([type, pfn, slot(map, pfn)]).toEqual([type, pfn, expected]);
        expect([map.isZoneDevicePage(pfn), map.pagePgmap(pfn)]).toEqual([true, null]);
      }
    }
  });

  it.each(everyPreset)("usable pages start behind both (%s)", (kernel) => {
    const { map, pgmap } = hosted(kernel, "fs-dax");
    const usable = [flagsOf(kernel), pgmap.address, 0n, 0n, 0n, 0n, counts(countOf(kernel, "fs-dax")), 0n];
    expect(unlike(map, BASE + 1024, SECTION - 1024, usable)).toEqual([]);
    expect([map.pagePgmap(BASE + 1023), map.pagePgmap(BASE + 1024), map.getDevPagemap(BASE)]).toEqual([
      null,
      pgmap,
      pgmap,
    ]);
    expect(pgmap.refs).toBe(31745);
  });

  it("the memmap takes 512 frames, from the next 2 MiB boundary on (align 510, alloc 512)", () => {
    const { pgmap } = hosted("6.18", "fs-dax");
    expect(pgmap.altmap).toEqual({ basePfn: 0x30000, endPfn: 0x37fff, reserve: 2, free: 1022, align: 510, alloc: 512 });
    expect(pgmap.flags & 1).toBe(1);
  });

  it("no reserve, no pages to skip: align 0, alloc 512", () => {
    const map = machine("7.3");
    const ranges = [{ start: BASE, end: BASE + SECTION }];
    const pgmap = map.memremapPages({ type: "fs-dax", ranges, altmap: { reserve: 0, free: 512 } });
    expect(pgmap.altmap).toEqual({ basePfn: 0x30000, endPfn: 0x37fff, reserve: 0, free: 512, align: 0, alloc: 512 });
  });

  it("two sections take 1024 frames", () => {
    const map = machine("7.3");
    const ranges = [{ start: BASE, end: BASE + 2 * SECTION }];
    const pgmap = map.memremapPages({ type: "fs-dax", ranges, altmap: { reserve: 2, free: 1534 } });
    expect([pgmap.altmap?.align, pgmap.altmap?.alloc, pgmap.refs]).toEqual([510, 1024, 64001]);
  });

  it("a range below a section's size takes its memmap from RAM (vmemmap_populate)", () => {
    const map = machine("7.3");
    const ranges = [{ start: BASE, end: BASE + 4096 }];
    const pgmap = map.memremapPages({ type: "fs-dax", ranges, altmap: { reserve: 2, free: 62 } });
    expect([pgmap.altmap?.align, pgmap.altmap?.alloc]).toEqual([0, 0]);
    expect([map.pagePgmap(BASE + 63), map.pagePgmap(BASE + 64), pgmap.refs]).toEqual([null, pgmap, 4033]);
  });

  it.each(withFolios)(
    "folios of order 9 behind an altmap are not deduplicated, all 512 slots are written (%s)",
    (kernel) => {
      const { map, pgmap } = hosted(kernel, "generic", 9);
      expect([128, 192, 511].map((i) => map.isAlias(BASE + 1024 + i))).toEqual([false, false, false]);
      const tag = kernel === "7.3" ? 0xffffffffffff8001n : 0xffffea0000c10001n;
      const tail = [flagsOf(kernel), tag, 0n, TAIL_MAPPING, 0n, 0n, counts(0n), 0n];
      expect(unlike(map, BASE + 1024 + 3, 509, tail)).toEqual([]);
      expect([map.vmemmapUsage().savedBytes, pgmap.refs]).toEqual([0, 63]);
    },
  );

  it("an altmap that is no multiple of the folio's size is refused (unaligned, 7.3)", () => {
    const map = machine("7.3");
    const ranges = [{ start: BASE, end: BASE + SECTION }];
    const options = { type: "generic", ranges, altmap: { reserve: 2, free: 1023 }, vmemmapShift: 9 } as const;
    nothingHappens(map, "unaligned", [], () => map.memremapPages(options));
  });

  it("they are no device's to use: no file, no failure, no last put (7.3)", () => {
    const { map } = hosted("7.3", "fs-dax");
    nothingHappens(map, "no-pgmap", [BASE + 5], () => map.daxAssociateEntry(BASE + 5, { mapping: 8n, index: 0 }));
    nothingHappens(map, "no-pgmap", [BASE + 5], () => map.memoryFailure(BASE + 5));
    nothingHappens(map, "no-pgmap", [BASE + 5], () => map.folio(BASE + 5).put());
    const hostedPrivate = hosted("7.3", "private").map;
    nothingHappens(hostedPrivate, "no-pgmap", [BASE + 5], () => hostedPrivate.zoneDevicePageInit(BASE + 5));
  });
});

describe("folios in a section that was there at boot", () => {
  const HALF = SECTION / 2;
  const early = (kernel: PresetName) =>
    new Vmemmap({ profile: kernel, memory: [{ start: 0, end: HALF, zone: "NORMAL" }] });
  const ranges = [{ start: HALF, end: SECTION }];
  const unfixed = ["6.14", "6.17", "6.18", "7.0"] as const;
  const fixed = ["6.1", "6.12", "7.3"] as const;

  it.each(withFolios)("are not deduplicated: no slot is an alias (%s)", (kernel) => {
    const map = early(kernel);
    map.memremapPages({ type: "generic", ranges, vmemmapShift: 9 });
    expect([0, 64, 128, 448].map((i) => map.isAlias(HALF + i))).toEqual([false, false, false, false]);
    expect(map.vmemmapUsage().savedBytes).toBe(0);
  });

  it.each(fixed)("with the fix all 512 slots of each are written (compound_nr_pages, %s)", (kernel) => {
    const map = early(kernel);
    map.memremapPages({ type: "fs-dax", ranges });
    map.memunmapPages(map.pgmaps[0]!);
    const pgmap = map.memremapPages({ type: "generic", ranges, vmemmapShift: 9 });
    for (let head = HALF; head < SECTION; head += 512) {
      const tag = kernel === "7.3" ? 0xffffffffffff8001n : 0xffffea0000000001n + BigInt(head) * 64n;
      expect(unlike(map, head + 3, 509, [flagsOf(kernel), tag, 0n, TAIL_MAPPING, 0n, 0n, counts(0n), 0n])).toEqual([]);
    }
    const numbers = new Uint32Array(HALF);
    expect(map.pgmapsInto({ start: HALF, count: HALF }, numbers)).toBe(0);
    expect(numbers.every((number) => map.pgmaps[number] === pgmap)).toBe(true);
  });

  it.each(unfixed)("without it slots 128.. of each stay what they were: holes of boot (%s)", (kernel) => {
    const map = early(kernel);
    const boot = slotsFrom(map, HALF, HALF);
    map.memremapPages({ type: "generic", ranges, vmemmapShift: 9 });
    const after = slotsFrom(map, HALF, HALF);
    for (let first = 0; first < HALF; first += 512) {
      const stale = (bytes: Uint8Array) => bytes.subarray((first + 128) * 64, (first + 512) * 64);
      expect(Buffer.compare(stale(after), stale(boot))).toBe(0);
      expect([map.folioOrder(HALF + first), map.folioNrPages(HALF + first + 127)]).toEqual([9, 512]);
    }
  });

  it("without it, after another pgmap was there: 12288 slots stay single pages of that one (6.18)", () => {
    const map = early("6.18");
    const first = map.memremapPages({ type: "fs-dax", ranges, address: 0xffff888100000000n });
    map.memunmapPages(first);
    const pgmap = map.memremapPages({ type: "generic", ranges, vmemmapShift: 9, address: 0xffff888200000000n });
    // fs-dax's words: a count of 0, the pgmap that is gone.
    const stale = [FLAGS, 0xffff888100000000n, 0n, 0n, 0n, 0n, 0x00000000ffffffffn, 0n];
    const all = wordsFrom(map, HALF, HALF);
    const matching = Array.from({ length: HALF }, (_, i) => i).filter((i) =>
      stale.every((value, w) => all[i * 8 + w] === value),
    );
    expect(matching.length).toBe(12288);
    expect(matching.every((i) => i % 512 >= 128)).toBe(true);
    for (const i of [128, 300, 511, 512 * 31 + 128]) {
      const pfn = HALF + i;
      expect([map.compoundHead(pfn), map.folioOrder(pfn), map.pageTail(pfn)]).toEqual([pfn, 0, false]);
      expect([map.isZoneDevicePage(pfn), map.pagePgmap(pfn), map.pagePgmapWord(pfn)]).toEqual([
        true,
        null,
        0xffff888100000000n,
      ]);
      expect(map.getDevPagemap(pfn)).toBe(pgmap);
    }
    expect([map.folioOrder(HALF), map.folioNrPages(HALF), map.pagePgmap(HALF + 127)]).toEqual([9, 512, pgmap]);
  });

  it("a folio of order 9 in a section that came with the device is deduplicated beside one that is not (7.3)", () => {
    const map = early("7.3");
    map.memremapPages({ type: "generic", ranges: [{ start: HALF, end: 2 * SECTION }], vmemmapShift: 9 });
    expect([map.isAlias(HALF + 200), map.isAlias(SECTION + 200)]).toEqual([false, true]);
  });
});

describe("what is no device page", () => {
  it.each(everyPreset)("RAM and the other subsections of the section are as before (%s)", (kernel) => {
    const map = machine(kernel);
    const before = slotsFrom(map, 0, SECTION);
    map.memremapPages(request("fs-dax", 512));
    expect(Buffer.compare(before, slotsFrom(map, 0, SECTION))).toBe(0);
    expect([map.pfnValid(DEVICE + 511), map.pfnValid(DEVICE + 512), map.pfnValid(DEVICE - 1)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each(before6_15)("a tail's own pgmap word is gone, its folio's is the head's (page->pgmap, %s)", (kernel) => {
    const { map, pgmap } = device(kernel, "generic", 512, { vmemmapShift: 9 });
    expect([map.ownPgmap(DEVICE), map.ownPgmap(DEVICE + 1), map.pagePgmap(DEVICE + 1)]).toEqual([pgmap, null, pgmap]);
  });
});
