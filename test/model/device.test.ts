/** The model of ZONE_DEVICE pages against values typed from the kernels' sources and from real maps. */
import { describe, expect, it } from "vitest";
import { profile, presetNames } from "../../src/profile/index.js";
import {
  daxAssociateEntry,
  daxDisassociateEntry,
  daxFolioIsShared,
  DeviceMap,
  devicePagesHaveSamePgmap,
  folioRefInc,
  freeze,
  getFolios,
  getDevPagemap,
  initSinglePage,
  maybeDmaPinned,
  type MemoryType,
  memremapPages,
  memunmapPages,
  type ModelPgmap,
  type OpName,
  ownPgmapWord,
  pageMemoryTypeNumber,
  pagePgmap,
  type PgmapPlan,
  pinFolio,
  putFolio,
  putFolios,
  Refusal,
  splitDeviceFolio,
  unfreeze,
  unpinFolio,
  verify,
  zoneDevicePageInit,
} from "./index.js";

const BASE = 0xffffea0000000000n;
const TAIL_MAPPING = 0xdead000000000400n;
const PGMAP = 0xffff888000123400n;
const START = 65536;
const RESERVED_AND_LINKS = 0x0027ffffc0002000n;

interface Wishes extends Partial<PgmapPlan> {
  readonly pages?: number;
}

function planOf(type: MemoryType, { pages = 512, ...wishes }: Wishes = {}): PgmapPlan {
  return {
    address: PGMAP,
    type,
    ranges: [{ start: START, end: START + pages }],
    order: 0,
    altmap: null,
    node: 0,
    owner: null,
    ops: new Set<OpName>(),
    vmemmapOptimize: true,
    ...wishes,
  };
}

function device(name: string, type: MemoryType, wishes: Wishes = {}): { map: DeviceMap; pgmap: ModelPgmap } {
  const map = new DeviceMap(profile(name), BASE);
  return { map, pgmap: memremapPages(map, planOf(type, wishes)) };
}

/** The eight words of a slot. */
function words(map: DeviceMap, pfn: number): bigint[] {
  return Array.from({ length: 8 }, (_, i) => map.u64(pfn, i * 8));
}

/** The words at +48: _mapcount of -1, and this count. */
function counts(refcount: number): bigint {
  return (BigInt(refcount) << 32n) | 0xffffffffn;
}

function refusalOf(change: () => void): string | null {
  try {
    change();
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return null;
}

describe("memmap_init_zone_device", () => {
  const INITIAL: Record<string, Partial<Record<MemoryType, number>>> = {
    "5.15": { private: 1, "fs-dax": 1, generic: 1, "pci-p2pdma": 1 },
    "6.1": { private: 0, coherent: 0, "fs-dax": 1, generic: 1, "pci-p2pdma": 1 },
    "6.14": { private: 0, coherent: 0, "fs-dax": 1, generic: 1, "pci-p2pdma": 1 },
    "6.17": { private: 0, coherent: 0, "fs-dax": 0, generic: 1, "pci-p2pdma": 0 },
    "7.3": { private: 0, coherent: 0, "fs-dax": 0, generic: 1, "pci-p2pdma": 0 },
  };

  it.each(Object.entries(INITIAL))("%s: counts by type", (name, types) => {
    for (const [type, count] of Object.entries(types)) {
      const { map } = device(name, type as MemoryType);
      expect([type, map.i32(START + 511, 52)]).toEqual([type, count]);
    }
  });

  it.each([
    ["6.1", 0x0027ffffc0001000n],
    ["6.12", RESERVED_AND_LINKS],
    ["7.3", RESERVED_AND_LINKS],
  ])("%s: a page of order 0, word by word", (name, flags) => {
    const { map } = device(name, "generic");
    expect(words(map, START + 5)).toEqual([flags, PGMAP, 0n, 0n, 0n, 0n, counts(1), 0n]);
  });

  it("the node stands in the flags of each page", () => {
    const { map } = device("7.3", "fs-dax", { node: 1, order: 9 });
    expect(map.u64(START, 0)).toBe(0x0067ffffc0002040n);
    expect(map.u64(START + 511, 0)).toBe(0x0067ffffc0002000n);
  });

  it("7.3: a deduplicated folio of order 9", () => {
    const { map } = device("7.3", "generic", { order: 9 });
    const mask = 0xffffffffffff8001n;
    const flags = RESERVED_AND_LINKS;
    expect(words(map, START)).toEqual([flags | 0x40n, PGMAP, 0n, 0n, 0n, 0n, counts(1), 0n]);
    // Counts of page 1: _large_mapcount -1 and _nr_pages_mapped 0, _entire_mapcount -1 and _pincount 0, the mm ids' -1s.
    expect(words(map, START + 1)).toEqual([
      flags | 9n,
      mask,
      0xffffffffn,
      0xffffffffn,
      ~0n & (2n ** 64n - 1n),
      0n,
      counts(0),
      512n,
    ]);
    const deferred = BASE + 64n * BigInt(START + 2) + 16n;
    expect(words(map, START + 2)).toEqual([flags, mask, deferred, deferred, 0n, 0n, counts(0), 0n]);
    const tail = [flags, mask, 0n, TAIL_MAPPING, 0n, 0n, counts(0), 0n];
    for (const i of [3, 63, 64, 127, 128, 130, 511]) expect(words(map, START + i)).toEqual(tail);
    expect([...map.shared]).toEqual([1, 2, 3, 4, 5, 6, 7].map((i) => START / 64 + i));
  });

  it.each(presetNames.filter((name) => name !== "5.15"))("%s: what page 2 of a compound holds", (name) => {
    const { map } = device(name, "generic", { order: 9 });
    const wiped = ["6.1", "6.12", "6.14", "6.17"].includes(name);
    const deferred = BASE + 64n * BigInt(START + 2) + 16n;
    expect([map.u64(START + 2, 16), map.u64(START + 2, 24)]).toEqual(wiped ? [0n, TAIL_MAPPING] : [deferred, deferred]);
  });

  it.each(["6.1", "7.0"])("%s: tails lead to the head", (name) => {
    const { map } = device(name, "generic", { order: 4 });
    expect(map.u64(START + 16 + 15, 8)).toBe(BASE + 64n * BigInt(START + 16) + 1n);
    expect(map.shared.size).toBe(0);
  });

  it("an altmap's pages: reserved ones are all zero, free ones have a list where the pgmap would be", () => {
    const { map, pgmap } = device("6.18", "fs-dax", { altmap: { reserve: 2, free: 6 } });
    expect(words(map, START + 1)).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
    const own = BASE + 64n * BigInt(START + 2) + 8n;
    expect(words(map, START + 2)).toEqual([RESERVED_AND_LINKS, own, own, 0n, 0n, 0n, counts(1), 0n]);
    expect(words(map, START + 8)).toEqual([RESERVED_AND_LINKS, PGMAP, 0n, 0n, 0n, 0n, counts(0), 0n]);
    expect(pgmap.refs).toBe(1 + 504);
  });

  it.each([
    ["6.1", false],
    ["6.14", true],
    ["6.18", true],
    ["7.3", false],
  ])("%s: folios in an early section keep stale slots behind the 128 that are written: %s", (name, stale) => {
    const map = new DeviceMap(profile(name), BASE);
    map.addEarlySection(2);
    for (let pfn = START; pfn < START + 512; pfn++) initSinglePage(map, pfn, 2, 0);
    memremapPages(map, planOf("generic", { order: 9 }));
    expect(map.shared.size).toBe(0);
    expect(pagePgmap(map, START + 127)).not.toBe(null);
    expect(pagePgmap(map, START + 128) === null).toBe(stale);
  });
});

describe("memremap_pages and memunmap_pages", () => {
  it("hold a reference for each unit, but of types whose pages take theirs themselves", () => {
    expect(device("7.3", "generic", { order: 6 }).pgmap.refs).toBe(1 + 8);
    expect(device("7.3", "private").pgmap.refs).toBe(1);
    expect(device("7.3", "coherent").pgmap.refs).toBe(1);
  });

  it("take the slots away again, and bring them back as zeroes", () => {
    const { map, pgmap } = device("6.18", "fs-dax");
    map.setU64(START, 40, 5n);
    memunmapPages(map, pgmap);
    expect([map.has(START), map.pgmaps.length]).toEqual([false, 0]);
    memremapPages(map, planOf("fs-dax"));
    expect([map.has(START), map.u64(START, 40)]).toEqual([true, 0n]);
  });
});

describe("zone_device_page_init", () => {
  it("up to 6.18 takes a reference and locks the page", () => {
    const { map, pgmap } = device("6.17", "private", { ops: new Set(["pageFree"]) });
    map.setU64(START, 24, 0x77n);
    zoneDevicePageInit(map, START);
    expect(words(map, START)).toEqual([RESERVED_AND_LINKS | 1n, PGMAP, 0n, 0x77n, 0n, 0n, counts(1), 0n]);
    expect(pgmap.refs).toBe(2);
    expect(putFolio(map, START)).toBe(true);
    expect(map.calls).toEqual([{ call: "pageFree", pfn: START }]);
    expect([pgmap.refs, map.u64(START, 24), map.i32(START, 52)]).toEqual([1, 0n, 0]);
  });

  it("7.0 makes a folio, and single pages of it again", () => {
    const { map, pgmap } = device("7.0", "private", { ops: new Set(["folioFree"]) });
    zoneDevicePageInit(map, START, 3);
    expect([map.u8(START + 1, 0), map.u32(START + 1, 56), map.u64(START, 0) & 0x41n]).toEqual([3, 8, 0x41n]);
    expect(pgmap.refs).toBe(9);
    expect(putFolio(map, START)).toBe(true);
    expect(map.calls).toEqual([{ call: "folioFree", pfn: START }]);
    expect([pgmap.refs, map.u8(START + 1, 0)]).toEqual([1, 3]);
    zoneDevicePageInit(map, START + 1);
    expect(words(map, START + 1).filter((_, i) => i !== 2 && i !== 4)).toEqual([
      RESERVED_AND_LINKS | 1n,
      PGMAP,
      0n,
      0n,
      counts(1),
      0n,
    ]);
  });

  it("5.15 hands out at 2, and has the page back at 1", () => {
    const { map } = device("5.15", "private", { ops: new Set(["pageFree"]) });
    zoneDevicePageInit(map, START);
    expect(map.i32(START, 52)).toBe(2);
    expect(putFolio(map, START)).toBe(true);
    expect(map.calls).toEqual([{ call: "pageFree", pfn: START }]);
    expect(refusalOf(() => putFolio(map, START))).toBe("refcount");
  });
});

describe("the last put", () => {
  it.each(["6.1", "6.14"])("%s: of fs-dax is the one to 1; nothing else is written", (name) => {
    const { map } = device(name, "fs-dax");
    map.setU64(START, 24, 0xffff8880aaaa0000n);
    folioRefInc(map, START);
    expect(putFolio(map, START)).toBe(true);
    expect(map.calls).toEqual([{ call: "wake", pfn: START }]);
    expect(map.u64(START, 24)).toBe(0xffff8880aaaa0000n);
    expect(refusalOf(() => putFolio(map, START))).toBe("refcount");
  });

  it("6.15 on: of fs-dax is the one to 0, and keeps the mapping", () => {
    const { map } = device("6.17", "fs-dax");
    map.setU64(START, 24, 0xffff8880aaaa0000n);
    folioRefInc(map, START);
    expect(putFolio(map, START)).toBe(true);
    expect(map.calls).toEqual([{ call: "wake", pfn: START }]);
    expect([map.u64(START, 24), map.i32(START, 52)]).toEqual([0xffff8880aaaa0000n, 0]);
  });

  it("6.15 on: sets generic folios back to 1, without a driver", () => {
    const { map } = device("7.3", "generic", { order: 4 });
    map.setU64(START, 24, 0xffff8880aaaa0000n);
    map.setU64(START, 56, 0x1234n);
    expect(putFolio(map, START)).toBe(true);
    expect([map.i32(START, 52), map.u64(START, 24), map.u64(START, 56)]).toEqual([1, 0xffff8880aaaa0000n, 0n]);
  });

  it("up to 6.14: of generic needs a driver's page_free, and drops the mapping", () => {
    const { map } = device("6.12", "generic");
    expect(refusalOf(() => putFolio(map, START))).toBe("pgmap-ops");
    expect(map.i32(START, 52)).toBe(1);
    const other = device("6.12", "generic", { ops: new Set(["pageFree"]) });
    other.map.setU64(START, 24, 5n);
    expect(putFolio(other.map, START)).toBe(true);
    expect([other.map.i32(START, 52), other.map.u64(START, 24)]).toEqual([1, 0n]);
  });

  it("clears anon_exclusive: of the head, from 7.0 on of all pages", () => {
    for (const [name, wanted] of [
      ["6.17", false],
      ["7.0", true],
    ] as const) {
      const { map } = device(name, "private", { order: 2, ops: new Set(["pageFree"]) });
      const bit = 1n << BigInt(map.profile.flags["anon_exclusive"]!.bit);
      for (const i of [0, 3]) map.setU64(START + i, 0, map.u64(START + i, 0) | bit);
      map.setU64(START, 24, 0xffff888000000001n);
      folioRefInc(map, START);
      putFolio(map, START);
      expect([(map.u64(START, 0) & bit) === 0n, (map.u64(START + 3, 0) & bit) === 0n]).toEqual([true, wanted]);
    }
  });
});

describe("pins", () => {
  it("count 1024 on a page, and in their own field on a folio", () => {
    const flags = { longterm: false, p2pdma: false };
    const { map } = device("6.12", "fs-dax");
    pinFolio(map, START, 2, flags);
    expect([map.i32(START, 52), maybeDmaPinned(map, START)]).toEqual([2049, true]);
    expect([unpinFolio(map, START, 1), unpinFolio(map, START, 1)]).toEqual([false, true]);
    expect(map.calls.map(({ call }) => call)).toEqual(["wake"]);
    const large = device("7.3", "generic", { order: 2 }).map;
    pinFolio(large, START, 3, flags);
    expect([large.i32(START, 52), large.i32(START, 64 + 28), maybeDmaPinned(large, START)]).toEqual([4, 3, true]);
    expect(refusalOf(() => unpinFolio(large, START, 4))).toBe("refcount");
    expect(unpinFolio(large, START, 3)).toBe(false);
  });

  it("are refused on idle pages, and by type", () => {
    const flags = { longterm: false, p2pdma: false };
    const { map } = device("6.17", "fs-dax");
    expect(refusalOf(() => pinFolio(map, START, 1, flags))).toBe("refcount");
    folioRefInc(map, START);
    expect(refusalOf(() => pinFolio(map, START, 1, { ...flags, longterm: true }))).toBe("not-pinnable");
    const p2pdma = device("6.14", "pci-p2pdma").map;
    expect(refusalOf(() => pinFolio(p2pdma, START, 1, flags))).toBe("not-pinnable");
    expect(refusalOf(() => pinFolio(p2pdma, START, 1, { ...flags, p2pdma: true }))).toBe(null);
  });
});

describe("fs-dax entries", () => {
  const mapping = 0xffff8880bbbb0000n;
  const entry = { order: 0, mapping, index: 7n, shared: false };

  it.each(["6.17", "7.3"])("%s: become folios, whose pages get their pgmap back", (name) => {
    const { map } = device(name, "fs-dax");
    daxAssociateEntry(map, START, { ...entry, order: 9 });
    expect([map.u8(START + 1, 0), map.u64(START, 24), map.u64(START, 32), map.u64(START, 8)]).toEqual([
      9,
      mapping,
      7n,
      PGMAP,
    ]);
    expect(map.u64(START + 511, 24)).toBe(TAIL_MAPPING);
    daxDisassociateEntry(map, START);
    for (let i = 0; i < 512; i++) {
      const [flags, word, , held, share] = words(map, START + i);
      expect([flags, word, held, share]).toEqual([RESERVED_AND_LINKS, PGMAP, 0n, 0n]);
    }
    expect(map.u64(START + 1, 56)).toBe(0n);
  });

  it("6.15 on: the first sharing of a folio counts 2", () => {
    const { map } = device("6.17", "fs-dax");
    daxAssociateEntry(map, START, entry);
    daxAssociateEntry(map, START, { ...entry, shared: true });
    expect([map.u64(START, 24), map.u64(START, 32), daxFolioIsShared(map, START)]).toEqual([0n, 2n, true]);
    daxDisassociateEntry(map, START);
    expect(daxFolioIsShared(map, START)).toBe(true);
    daxDisassociateEntry(map, START);
    expect(daxFolioIsShared(map, START)).toBe(false);
  });

  it.each([
    ["6.17", 7n],
    ["7.3", 0n],
  ])("%s: the index of a single page outlives its file: %s", (name, index) => {
    const { map } = device(name, "fs-dax");
    daxAssociateEntry(map, START, entry);
    daxDisassociateEntry(map, START);
    expect([map.u64(START, 24), map.u64(START, 32)]).toEqual([0n, index]);
  });

  it("up to 6.14: are written page by page", () => {
    const { map } = device("6.14", "fs-dax");
    daxAssociateEntry(map, START, { ...entry, order: 9 });
    expect([map.u64(START + 511, 24), map.u64(START + 511, 32)]).toEqual([mapping, 518n]);
    daxAssociateEntry(map, START, { ...entry, order: 9, shared: true });
    expect([map.u64(START + 511, 24), map.u64(START + 511, 32)]).toEqual([1n, 2n]);
    daxDisassociateEntry(map, START, 9);
    expect([map.u64(START + 511, 24), map.u64(START + 511, 32)]).toEqual([1n, 1n]);
    daxDisassociateEntry(map, START, 9);
    expect([map.u64(START + 511, 24), map.u64(START + 511, 32)]).toEqual([0n, 0n]);
  });
});

describe("a split", () => {
  it.each(["6.17", "7.3"])("%s: leaves the pgmap and the mapping on each part", (name) => {
    const { map } = device(name, "generic", { order: 4 });
    map.setU64(START, 24, 0x4000n);
    freeze(map, START, 1);
    splitDeviceFolio(map, START, 2);
    for (const part of [0, 4, 8, 12]) {
      unfreeze(map, START + part, 1);
      expect([map.u64(START + part, 8), map.u64(START + part, 24), map.u8(START + part + 1, 0)]).toEqual([
        PGMAP,
        0x4000n,
        2,
      ]);
    }
  });
});

describe("lookups", () => {
  it("find the pgmap by the head's word, by the page's own, and by range", () => {
    const { map, pgmap } = device("6.18", "generic", { order: 4 });
    map.addRange(0, 512);
    for (let pfn = 0; pfn < 512; pfn++) initSinglePage(map, pfn, 0, 0);
    expect([pagePgmap(map, START + 3), pagePgmap(map, 3)]).toEqual([pgmap, null]);
    expect([ownPgmapWord(map, START), ownPgmapWord(map, START + 3), ownPgmapWord(map, 3)]).toEqual([PGMAP, 0n, 0n]);
    expect([getDevPagemap(map, START + 511), getDevPagemap(map, START + 512)]).toEqual([pgmap, null]);
    pgmap.dying = true;
    expect(getDevPagemap(map, START)).toBe(null);
    expect([devicePagesHaveSamePgmap(map, START, START + 20), devicePagesHaveSamePgmap(map, START, 3)]).toEqual([
      true,
      false,
    ]);
    expect(devicePagesHaveSamePgmap(map, 3, 4)).toBe(true);
  });

  it.each([
    ["5.15", "fs-dax", 2],
    ["6.1", "fs-dax", 3],
    ["7.3", "generic", 4],
  ] as const)("%s numbers %s as %s", (name, type, number) => {
    expect(pageMemoryTypeNumber(device(name, type).map, START)).toBe(number);
  });
});

describe("lists of folios", () => {
  it("are put in turn, or not at all", () => {
    const { map, pgmap } = device("6.17", "private", { ops: new Set(["pageFree"]) });
    for (const pfn of [START, START + 1]) zoneDevicePageInit(map, pfn);
    expect(refusalOf(() => putFolios(map, [START, START + 1, START]))).toBe("refcount");
    expect([map.i32(START, 52), map.i32(START + 1, 52), pgmap.refs, map.calls]).toEqual([1, 1, 3, []]);
    getFolios(map, [START, START]);
    expect(putFolios(map, [START, START + 1, START, START])).toBe(2);
    expect(map.calls.map(({ pfn }) => pfn)).toEqual([START + 1, START]);
  });
});

describe("verify", () => {
  const pages = Array.from({ length: 512 }, (_, i) => START + i);
  const codes = (map: DeviceMap) => verify(map, pages).map(({ code, pfn }) => `${pfn - START} ${code}`);

  it.each(["6.1", "6.17", "7.3"])("%s: finds nothing in what memremap_pages made", (name) => {
    expect(codes(device(name, "generic", { order: 9 }).map)).toEqual([]);
    expect(codes(device(name, "fs-dax", { altmap: { reserve: 2, free: 6 } }).map)).toEqual([]);
  });

  it.each<[string, (map: DeviceMap) => void, string[]]>([
    ["a tail's count", (map) => map.setI32(START + 5, 52, 1), ["5 tail-refcount"]],
    ["a tail's mapping", (map) => map.setU64(START + 5, 24, 0n), ["5 tail-mapping"]],
    ["a field of the folio in page 3", (map) => map.setU64(START + 3, 24, 0n), []],
    ["a tail of another folio", (map) => map.setU64(START + 17, 8, map.u64(START + 1, 8)), ["17 tail-head"]],
    ["a lost tail", (map) => map.setU64(START + 5, 8, 1n), ["5 tail-head"]],
    ["an untagged tail", (map) => map.setU64(START + 5, 8, PGMAP), ["0 order-run", "5 device-refcount"]],
    ["an order", (map) => map.setU8(START + 1, 0, 3), ["0 order-run", "0 nr-pages"]],
    ["a number of pages", (map) => map.setU32(START + 1, 56, 8), ["0 nr-pages"]],
    ["a zone", (map) => map.setU64(START + 5, 0, 0x0007ffffc0002000n), ["5 zone-differs"]],
    ["a head's zone", (map) => map.setU64(START, 0, 0x0007ffffc0002040n), ["0 pgmap-zone"].concat(zonesFrom(1, 16))],
    ["a pgmap", (map) => map.setU64(START + 16, 8, 0x1000n), ["16 pgmap-unknown"]],
    ["a count", (map) => map.setI32(START, 52, 0), ["0 device-refcount"]],
  ])("6.18: %s", (_what, change, found) => {
    const { map } = device("6.18", "generic", { order: 4 });
    change(map);
    expect(codes(map).sort()).toEqual(found.sort());
  });

  function zonesFrom(start: number, end: number): string[] {
    return Array.from({ length: end - start }, (_, i) => `${start + i} zone-differs`);
  }
});
