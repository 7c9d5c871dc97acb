import { describe, expect, it } from "vitest";
import { profile } from "../../src/profile/index.js";
import {
  clearPageFlag,
  clearPageType,
  compoundHead,
  compoundOrder,
  entireMapcount,
  folioGet,
  folioMapcount,
  folioNrPages,
  folioOrder,
  folioPageIdx,
  folioPut,
  folioRefCount,
  folioTryGet,
  freePagesPrepare,
  freeze,
  hasFlagBit,
  hugetlbVmemmapOptimize,
  initSinglePage,
  isFakeHead,
  lastCpupid,
  maybeMappedShared,
  mmIdMapcounts,
  mmIds,
  ModelMap,
  nrPagesMapped,
  pageCompound,
  pageHasType,
  pageHead,
  pageNode,
  pagePreciseMapcount,
  pageRefCount,
  pageTail,
  pageType,
  pageZone,
  pincount,
  prepCompoundPage,
  refAddUnless,
  Refusal,
  setFlagBit,
  setPageFlag,
  setPageLinks,
  setPageType,
  splitFolioToOrder,
  tailWord,
  testPageFlag,
  tryGetPage,
  unfreeze,
} from "./index.js";

const BASE = 0xffffea0000000000n;
const TAIL_MAPPING = 0xdead000000000400n;
const NORMAL = 2;
const DEVICE = 4;
const ENCODINGS = ["5.15", "6.1", "6.18", "7.3"];

/** PFNs 0..4095 as boot leaves them, tails' counts aside: every page has one reference. */
function freshMap(name: string, end = 4096): ModelMap {
  const map = new ModelMap(profile(name), BASE);
  map.addRange(0, end);
  for (let pfn = 0; pfn < end; pfn++) initSinglePage(map, pfn, NORMAL, 0);
  return map;
}

function mapWithFolio(name: string, head: number, order: number): ModelMap {
  const map = freshMap(name);
  prepCompoundPage(map, head, order);
  return map;
}

function refusalOf(change: () => void): Partial<Refusal> {
  try {
    change();
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, policy: error.policy };
    throw error;
  }
  return {};
}

function allBytes(map: ModelMap, end = 4096): string {
  return Array.from({ length: end }, (_, pfn) => Buffer.from(map.bytes(pfn)).toString("latin1")).join("");
}

describe("ModelMap", () => {
  it("reads the fields of later pages by offsets past 63", () => {
    const map = new ModelMap(profile("7.3"), BASE);
    map.addRange(16, 32);
    map.bytes(17).set([0x78, 0x56, 0x34, 0x12], 56);
    expect(map.u32(16, 64 + 56)).toBe(0x12345678);
    expect(map.has(15)).toBe(false);
    expect(() => map.u8(15, 0)).toThrow(Refusal);
  });

  it("refuses overlapping and empty ranges", () => {
    const map = new ModelMap(profile("7.3"), BASE);
    map.addRange(16, 32);
    expect(refusalOf(() => map.addRange(31, 33)).code).toBe("bad-range");
    expect(refusalOf(() => map.addRange(64, 64)).code).toBe("bad-range");
  });

  it("goes from PFN to address and back at PFN 2^32", () => {
    const map = new ModelMap(profile("7.3"), BASE);
    expect(map.addressOf(2 ** 32)).toBe(0xffffea4000000000n);
    expect(map.pfnAt(0xffffea4000000000n)).toBe(2 ** 32);
    expect(map.pfnAt(0xffffea4000000008n)).toBe(null);
  });
});

describe("initSinglePage", () => {
  it("leaves links, one reference, no mapping and a self-linked lru", () => {
    const map = freshMap("7.3");
    initSinglePage(map, 3, DEVICE, 1);
    // zone 4 << 51 | node 1 << 54 | cpupid 0x1fffff << 30
    expect(map.u64(3, 0)).toBe(0x0067ffffc0000000n);
    expect(map.u64(3, 8)).toBe(BASE + 200n);
    expect(map.u64(3, 16)).toBe(BASE + 200n);
    expect(map.u64(3, 48)).toBe(0x00000001ffffffffn);
    for (const offset of [24, 32, 40, 56]) expect(map.u64(3, offset)).toBe(0n);
  });
});

describe("zone, node and last_cpupid", () => {
  it("are replaced by setPageLinks and leave the rest alone", () => {
    const map = freshMap("7.3");
    setFlagBit(map, 5, "dirty");
    setPageLinks(map, 5, 3, 1023);
    expect([pageZone(map, 5), pageNode(map, 5), lastCpupid(map, 5)]).toEqual([3, 1023, 0x1fffff]);
    expect(hasFlagBit(map, 5, "dirty")).toBe(true);
  });
});

describe("prepCompoundPage", () => {
  it.each([
    [1, 0xffffffffffffff81n],
    [2, 0xffffffffffffff01n],
    [3, 0xfffffffffffffe01n],
    [6, 0xfffffffffffff001n],
    [9, 0xffffffffffff8001n],
    [18, 0xffffffffff000001n],
    [22, 0xfffffffff0000001n],
  ])("golden compound_info of order %i", (order, word) => {
    expect(tailWord(freshMap("7.3", 1), 0, order)).toBe(word);
  });

  it("writes head address plus 1 in pointer encoding", () => {
    expect(mapWithFolio("6.18", 512, 9).u64(513, 8)).toBe(BASE + 0x8001n);
  });

  it("writes nothing at order 0", () => {
    const map = freshMap("7.3");
    const before = allBytes(map);
    prepCompoundPage(map, 512, 0);
    expect(allBytes(map)).toBe(before);
  });

  it("writes every folio field of 7.3", () => {
    const map = mapWithFolio("7.3", 512, 9);
    expect(hasFlagBit(map, 512, "head")).toBe(true);
    expect(map.u64(512, 64)).toBe(0x0017ffffc0000009n);
    // +80 large mapcount -1, nr_pages_mapped 0; +88 entire -1, pincount 0; +96 two counts -1; +104 ids
    expect([80, 88, 96, 104].map((at) => map.u64(512, at))).toEqual([
      0xffffffffn,
      0xffffffffn,
      0xffffffffffffffffn,
      0n,
    ]);
    expect(map.u32(512, 120)).toBe(512);
    expect([144, 152].map((at) => map.u64(512, at))).toEqual([BASE + 0x8090n, BASE + 0x8090n]);
    expect(map.u64(515, 24)).toBe(TAIL_MAPPING);
    expect(map.u64(516, 24)).toBe(TAIL_MAPPING);
  });

  it("writes the folio fields of 6.1 into page 1", () => {
    const map = mapWithFolio("6.1", 512, 9);
    expect(map.u64(512, 0)).toBe(0x0017ffffc0010000n);
    expect([map.u8(513, 16), map.u8(513, 17)]).toEqual([1, 9]);
    expect([map.i32(513, 20), map.i32(513, 24), map.u32(513, 28)]).toEqual([-1, 0, 512]);
  });

  it("leaves counts and links alone", () => {
    const map = mapWithFolio("7.3", 512, 3);
    expect([512, 513, 519].map((pfn) => map.u64(pfn, 48))).toEqual(Array(3).fill(0x00000001ffffffffn));
    expect([512, 513, 519].map((pfn) => pageZone(map, pfn))).toEqual([NORMAL, NORMAL, NORMAL]);
  });

  it("has no deferred list at order 1, whose page 2 is another folio's", () => {
    const map = freshMap("7.3");
    const before = Buffer.from(map.bytes(514)).toString("hex");
    prepCompoundPage(map, 512, 1);
    expect(Buffer.from(map.bytes(514)).toString("hex")).toBe(before);
  });

  it("keeps the private word of tails from 7.1 on", () => {
    for (const [name, kept] of [
      ["6.18", 0n],
      ["7.3", 7n],
    ] as const) {
      const map = freshMap(name);
      map.setU64(516, 40, 7n);
      prepCompoundPage(map, 512, 3);
      expect(map.u64(516, 40)).toBe(kept);
    }
  });
});

describe("compoundHead", () => {
  it.each(ENCODINGS)("finds the same heads in %s", (name) => {
    const map = mapWithFolio(name, 1024, 9);
    expect([1023, 1024, 1025, 1535, 1536].map((pfn) => compoundHead(map, pfn))).toEqual([1023, 1024, 1024, 1024, 1536]);
    expect([1024, 1025, 1536].map((pfn) => pageTail(map, pfn))).toEqual([false, true, false]);
    expect([1024, 1025, 1536].map((pfn) => pageHead(map, pfn))).toEqual([true, false, false]);
    expect([1024, 1025, 1536].map((pfn) => pageCompound(map, pfn))).toEqual([true, true, false]);
    expect([1024, 1025, 1536].map((pfn) => compoundOrder(map, pfn))).toEqual([9, 0, 0]);
    expect([folioOrder(map, 1024), folioNrPages(map, 1024), folioNrPages(map, 0)]).toEqual([9, 512, 1]);
    expect(folioPageIdx(map, 1024, 1535)).toBe(511);
  });

  it.each(ENCODINGS)("finds the head of a folio at PFN 2^32 in %s", (name) => {
    const map = new ModelMap(profile(name), BASE);
    map.addRange(2 ** 32, 2 ** 32 + 512);
    prepCompoundPage(map, 2 ** 32, 9);
    expect(compoundHead(map, 2 ** 32 + 511)).toBe(2 ** 32);
  });

  it.each(["6.18", "7.3"])("finds the head of an order 18 folio across eight sections in %s", (name) => {
    const map = new ModelMap(profile(name), BASE);
    map.addRange(2 ** 18, 2 ** 19);
    prepCompoundPage(map, 2 ** 18, 18);
    for (let section = 0; section < 8; section++) {
      expect(compoundHead(map, 2 ** 18 + section * 32768 + 32767)).toBe(2 ** 18);
    }
    expect([folioOrder(map, 2 ** 18), folioNrPages(map, 2 ** 18)]).toEqual([18, 2 ** 18]);
  });

  it("is null for absent PFNs", () => {
    expect(compoundHead(freshMap("7.3", 64), 64)).toBe(null);
  });

  it.each([
    ["to a slot after the tail", BASE + 64n * 101n + 1n],
    ["between two slots", BASE + 9n],
    ["before the array", BASE - 63n],
    ["to the right slot but for the upper half", 0xffff6a0000001901n],
    ["to address 0", 1n],
    ["to an absent slot", BASE + 64n * 5000n + 1n],
  ])("is null for a pointer that leads %s", (_, word) => {
    const map = freshMap("6.18");
    map.setU64(100, 8, word);
    expect(compoundHead(map, 100)).toBe(null);
  });

  it("takes the farthest head that the largest folio allows, and none beyond", () => {
    const map = new ModelMap({ ...profile("6.18"), maxFolioOrder: 5 }, BASE);
    map.addRange(0, 64);
    map.setU64(31, 8, BASE | 1n);
    map.setU64(32, 8, BASE | 1n);
    expect([compoundHead(map, 31), compoundHead(map, 32)]).toEqual([0, null]);
  });

  it("lets a tagged word lead to its own slot", () => {
    const map = freshMap("7.3");
    map.setU64(100, 8, 0xffffffffffffffffn);
    expect(compoundHead(map, 100)).toBe(100);
  });

  it.each([
    ["with holes in the address", 0x1n],
    ["that reaches further than any folio", 0xfffffff000000001n],
    ["whose upper half clears the base", 0x00000000fffff001n],
  ])("is null for a mask %s", (_, word) => {
    const map = new ModelMap({ ...profile("7.3"), maxFolioOrder: 10 }, BASE);
    map.addRange(0, 4096);
    map.setU64(3000, 8, word);
    expect(compoundHead(map, 3000)).toBe(null);
  });

  it("is null for a mask that leads into a hole", () => {
    const map = new ModelMap(profile("7.3"), BASE);
    map.addRange(64, 128);
    map.setU64(64, 8, tailWord(map, 0, 7));
    map.setU64(65, 8, tailWord(map, 0, 6));
    expect([compoundHead(map, 64), compoundHead(map, 65)]).toEqual([null, 64]);
  });
});

describe("fake heads", () => {
  const optimised = (name = "6.18"): ModelMap => {
    const map = mapWithFolio(name, 1024, 9);
    hugetlbVmemmapOptimize(map, 1024, 9);
    return map;
  };

  it("stand at each further vmemmap page and resolve to the real head", () => {
    const map = optimised();
    for (let pfn = 1025; pfn < 1536; pfn++) {
      expect(compoundHead(map, pfn)).toBe(1024);
      expect(isFakeHead(map, pfn)).toBe(pfn % 64 === 0);
    }
  });

  it("are tails, not heads, and show the folio's order", () => {
    const map = optimised();
    expect([pageTail(map, 1088), pageHead(map, 1088), pageCompound(map, 1088)]).toEqual([true, false, true]);
    expect([pageTail(map, 1024), pageHead(map, 1024)]).toEqual([false, true]);
    expect(compoundOrder(map, 1088)).toBe(9);
  });

  it("carry their head's bytes, the optimised bit included", () => {
    const map = optimised();
    expect(map.bytes(1088 + 5)).toEqual(map.bytes(1029));
    expect([map.u64(1024, 40), map.u64(1088, 40)]).toEqual([16n, 16n]);
  });

  it("are not asked for where the next slot is absent", () => {
    const map = new ModelMap(profile("6.18"), BASE);
    map.addRange(0, 65);
    setFlagBit(map, 64, "head");
    expect(compoundHead(map, 64)).toBe(64);
  });

  it("are not asked for where the next slot is no tail, at other places, and without PG_head", () => {
    const map = freshMap("6.18");
    setFlagBit(map, 64, "head");
    setFlagBit(map, 96, "head");
    for (const tail of [97, 129]) map.setU64(tail, 8, BASE | 1n);
    expect([64, 96, 128].map((pfn) => compoundHead(map, pfn))).toEqual([64, 96, 128]);
  });

  it("with an ill-formed next slot are invalid, judged from their own place", () => {
    const map = freshMap("6.18");
    setFlagBit(map, 64, "head");
    map.setU64(65, 8, map.addressOf(65) | 1n);
    expect([compoundHead(map, 64), compoundHead(map, 65)]).toEqual([null, 65]);
  });

  it("can't be referenced: their frame is read-only", () => {
    const map = optimised();
    expect(folioTryGet(map, 1088)).toBe(false);
    expect(folioTryGet(map, 1024)).toBe(true);
  });

  it.each(["5.15", "7.3"])("do not exist in %s", (name) => {
    const map = optimised(name);
    for (let pfn = 1025; pfn < 1536; pfn++) {
      expect([compoundHead(map, pfn), pageHead(map, pfn), isFakeHead(map, pfn)]).toEqual([1024, false, false]);
    }
  });
});

describe("hugetlbVmemmapOptimize", () => {
  it("shows one shared tail 448 times in mask encoding", () => {
    const map = mapWithFolio("7.3", 1024, 9);
    setPageLinks(map, 1024, DEVICE, 1);
    hugetlbVmemmapOptimize(map, 1024, 9);
    const shared = new ModelMap(profile("7.3"), BASE);
    shared.addRange(0, 1);
    shared.setU64(0, 0, (4n << 51n) | (1n << 54n));
    shared.setU64(0, 8, 0xffffffffffff8001n);
    shared.setU64(0, 24, TAIL_MAPPING);
    shared.setU64(0, 48, 0x00000000ffffffffn);
    for (let pfn = 1088; pfn < 1536; pfn++) expect(map.bytes(pfn)).toEqual(shared.bytes(0));
    expect(map.i32(1087, 52)).toBe(1);
  });

  it("changes nothing where there is one vmemmap page only", () => {
    const map = mapWithFolio("6.18", 1024, 6);
    const before = allBytes(map);
    hugetlbVmemmapOptimize(map, 1024, 6);
    expect(allBytes(map)).toBe(before);
  });
});

describe("splitFolioToOrder", () => {
  it.each(ENCODINGS)("makes parts of the lower order in %s", (name) => {
    const map = mapWithFolio(name, 1024, 9);
    map.setU64(1024, 24, 0xffff888000001001n);
    map.setU64(1024, 32, 0x1000n);
    map.setU64(1024, 56, 0xabcn);
    splitFolioToOrder(map, 1024, 4);
    for (let pfn = 1024; pfn < 1536; pfn++) expect(compoundHead(map, pfn)).toBe(pfn - (pfn % 16));
    expect([1024, 1040, 1520].map((pfn) => folioNrPages(map, pfn))).toEqual([16, 16, 16]);
    expect([24, 32, 56, 8].map((at) => map.u64(1040, at))).toEqual([0xffff888000001001n, 0x1010n, 0xabcn, 0n]);
    expect(map.i32(1040, 52)).toBe(1);
  });

  it("keeps the old, larger mask in the tails of the first part", () => {
    const map = mapWithFolio("7.3", 1024, 9);
    splitFolioToOrder(map, 1024, 4);
    expect(map.u64(1025, 8)).toBe(0xffffffffffff8001n);
    expect(map.u64(1041, 8)).toBe(0xfffffffffffffc01n);
    expect(compoundHead(map, 1039)).toBe(1024);
  });

  it.each(ENCODINGS)("to single pages leaves no compound in %s", (name) => {
    const map = mapWithFolio(name, 1024, 9);
    splitFolioToOrder(map, 1024, 0);
    for (let pfn = 1024; pfn < 1536; pfn++) {
      expect([compoundHead(map, pfn), pageCompound(map, pfn), folioOrder(map, pfn)]).toEqual([pfn, false, 0]);
    }
  });

  it("clears the order byte of page 1: left there, order 9 reads as locked and uptodate", () => {
    const map = mapWithFolio("7.3", 1024, 9);
    expect(["locked", "uptodate"].map((name) => hasFlagBit(map, 1025, name))).toEqual([true, true]);
    splitFolioToOrder(map, 1024, 0);
    expect(["locked", "uptodate"].map((name) => hasFlagBit(map, 1025, name))).toEqual([false, false]);
    expect(map.u64(1025, 0)).toBe(0x0017ffffc0000000n);
  });

  it("clears the order byte of page 1: left there, order 18 reads as writeback and dirty", () => {
    const map = new ModelMap(profile("7.3"), BASE);
    map.addRange(0, 2 ** 18);
    prepCompoundPage(map, 0, 18);
    expect(["writeback", "dirty"].map((name) => hasFlagBit(map, 1, name))).toEqual([true, true]);
    splitFolioToOrder(map, 0, 17);
    expect([map.u8(1, 0), folioNrPages(map, 0), map.u8(2 ** 17 + 1, 0)]).toEqual([17, 2 ** 17, 17]);
  });

  it("copies what the parts inherit, and not what belongs to a page", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    for (const name of ["dirty", "swapbacked", "young", "lru", "private"]) setFlagBit(map, 1024, name);
    setFlagBit(map, 1028, "hwpoison");
    setFlagBit(map, 1028, "referenced");
    splitFolioToOrder(map, 1024, 2);
    const flags = ["dirty", "swapbacked", "young", "lru", "private", "hwpoison", "referenced"];
    expect(flags.map((name) => hasFlagBit(map, 1028, name))).toEqual([true, true, true, false, false, true, false]);
    expect(testPageFlag(map, 1028, "large_rmappable")).toBe(true);
    expect(testPageFlag(map, 1028, "has_hwpoisoned")).toBe(false);
  });

  it("counts the swap entry on only if the folio is in the swap cache", () => {
    for (const [flags, value] of [
      [["swapbacked", "swapcache"], 0x704n],
      [["swapcache"], 0n],
    ] as const) {
      const map = mapWithFolio("7.3", 1024, 3);
      map.setU64(1024, 40, 0x700n);
      for (const name of flags) setFlagBit(map, 1024, name);
      splitFolioToOrder(map, 1024, 2);
      expect(map.u64(1028, 40)).toBe(value);
    }
  });

  it("marks just the parts that hold a poisoned page", () => {
    const map = mapWithFolio("7.3", 1024, 4);
    setPageFlag(map, 1024, "has_hwpoisoned");
    setFlagBit(map, 1030, "hwpoison");
    splitFolioToOrder(map, 1024, 2);
    expect([1024, 1028, 1032].map((pfn) => testPageFlag(map, pfn, "has_hwpoisoned"))).toEqual([false, true, false]);
  });

  it("goes downwards only, and needs a head", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    expect(refusalOf(() => splitFolioToOrder(map, 1024, 3)).code).toBe("split-upwards");
    expect(refusalOf(() => splitFolioToOrder(map, 1025, 0)).code).toBe("not-compound");
  });
});

describe("freePagesPrepare", () => {
  it.each(ENCODINGS)("undoes a compound in %s", (name) => {
    const map = mapWithFolio(name, 1024, 9);
    freePagesPrepare(map, 1024, 9);
    for (let pfn = 1024; pfn < 1536; pfn++) {
      expect([compoundHead(map, pfn), pageCompound(map, pfn), map.i32(pfn, 52)]).toEqual([pfn, false, 1]);
      if (pfn > 1024) expect([map.u64(pfn, 8), map.u64(pfn, 24)]).toEqual([0n, 0n]);
    }
    expect(map.u64(1025, 0)).toBe(0x0017ffffc0000000n);
  });

  it("keeps hwpoison and the links, and clears all other flags", () => {
    const map = freshMap("7.3");
    map.setU64(7, 0, 0xffffffffffffffffn);
    freePagesPrepare(map, 7, 0);
    // Page flags are bits 0..24 with hwpoison 21, the LRU fields bits 25..29.
    expect(map.u64(7, 0)).toBe(0xffffffffc0200000n);
  });

  it("clears an anonymous mapping, leaves a file's, and forgets a type", () => {
    const map = freshMap("7.3");
    map.setU64(7, 24, 0xffff888000001001n);
    map.setU64(8, 24, 0xffff888000001000n);
    setPageType(map, 7, "table");
    for (const pfn of [7, 8]) freePagesPrepare(map, pfn, 0);
    expect([map.u64(7, 24), map.u64(8, 24)]).toEqual([0n, 0xffff888000001000n]);
    expect(map.u32(7, 48)).toBe(0xffffffff);
  });

  it("of a block that is no compound leaves the tails' words", () => {
    const map = freshMap("7.3");
    freePagesPrepare(map, 8, 1);
    expect(map.u64(9, 8)).toBe(map.addressOf(9) + 8n);
  });
});

describe("flag policies", () => {
  it("head: tests and changes the head", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    setPageFlag(map, 1030, "dirty");
    expect([hasFlagBit(map, 1024, "dirty"), hasFlagBit(map, 1030, "dirty")]).toEqual([true, false]);
    expect(testPageFlag(map, 1031, "dirty")).toBe(true);
    clearPageFlag(map, 1025, "dirty");
    expect(testPageFlag(map, 1024, "dirty")).toBe(false);
  });

  it("no-tail: tests the head, refuses changes on tails", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    setPageFlag(map, 1024, "locked");
    expect(testPageFlag(map, 1030, "locked")).toBe(true);
    expect(refusalOf(() => clearPageFlag(map, 1030, "locked"))).toEqual({ code: "flag-policy", policy: "no-tail" });
  });

  it("no-compound: tests the page, refuses changes on heads and tails", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    setPageFlag(map, 7, "reserved");
    expect([testPageFlag(map, 7, "reserved"), testPageFlag(map, 1030, "reserved")]).toEqual([true, false]);
    for (const pfn of [1024, 1030]) {
      expect(refusalOf(() => setPageFlag(map, pfn, "reserved")).policy).toBe("no-compound");
    }
  });

  it("only-head: refuses changes on tails", () => {
    const map = mapWithFolio("6.1", 1024, 3);
    setPageFlag(map, 1024, "waiters");
    expect(refusalOf(() => setPageFlag(map, 1030, "waiters")).policy).toBe("only-head");
  });

  it("second: lives in page 1, and a small page has none", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    setPageFlag(map, 1024, "partially_mapped");
    expect(map.u64(1025, 0) & 0x10000n).toBe(0x10000n);
    expect([1024, 1031, 7].map((pfn) => testPageFlag(map, pfn, "partially_mapped"))).toEqual([true, true, false]);
    for (const pfn of [7, 1031]) {
      expect(refusalOf(() => setPageFlag(map, pfn, "partially_mapped")).policy).toBe("second");
    }
  });

  it("any: the page's own bit", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    setPageFlag(map, 1030, "hwpoison");
    expect([1024, 1030].map((pfn) => testPageFlag(map, pfn, "hwpoison"))).toEqual([false, true]);
  });

  it("of the head are refused where the word at +8 leads to none", () => {
    const map = freshMap("6.18");
    map.setU64(9, 8, 1n);
    for (const name of ["dirty", "locked", "has_hwpoisoned"]) {
      expect(refusalOf(() => testPageFlag(map, 9, name)).code).toBe("bad-head");
    }
    expect(refusalOf(() => setPageFlag(map, 9, "dirty")).code).toBe("bad-head");
  });
});

describe("page types", () => {
  it.each([
    ["buddy", -129],
    ["offline", -257],
    ["table", -513],
    ["guard", -1025],
  ])("6.1 clears a low bit for %s", (name, word) => {
    const map = freshMap("6.1");
    setPageType(map, 3, name);
    expect([map.i32(3, 48), pageType(map, 3), pageHasType(map, 3)]).toEqual([word, name, true]);
    clearPageType(map, 3, name);
    expect([map.i32(3, 48), pageType(map, 3), pageHasType(map, 3)]).toEqual([-1, null, false]);
  });

  it.each([
    ["buddy", 0xf0000000],
    ["hugetlb", 0xf4000000],
    ["large_kmalloc", 0xf8000000],
  ])("7.3 writes the top byte for %s", (name, word) => {
    const map = freshMap("7.3");
    setPageType(map, 3, name);
    expect([map.u32(3, 48), pageType(map, 3), pageHasType(map, 3)]).toEqual([word, name, true]);
    clearPageType(map, 3, name);
    expect(map.u32(3, 48)).toBe(0xffffffff);
  });

  it("are told by the top byte alone, and setting the same type again keeps the low bits", () => {
    const map = freshMap("7.3");
    map.setU32(3, 48, 0xf6000abc);
    setPageType(map, 3, "zsmalloc");
    expect([pageType(map, 3), map.u32(3, 48)]).toEqual(["zsmalloc", 0xf6000abc]);
  });

  it("are refused on mapped or otherwise typed pages", () => {
    const map = freshMap("7.3");
    map.setI32(3, 48, 0);
    setPageType(map, 4, "slab");
    expect(refusalOf(() => setPageType(map, 3, "table")).code).toBe("page-type");
    expect(refusalOf(() => setPageType(map, 4, "table")).code).toBe("page-type");
    expect(refusalOf(() => clearPageType(map, 4, "table")).code).toBe("page-type");
  });

  it.each([
    ["7.3", 0x80000000, true],
    ["7.3", 0xfeffffff, true],
    ["7.3", 0xff000000, false],
    ["7.3", 0x7fffffff, false],
    ["6.1", 0xffffff7f, true],
    ["6.1", 0xffffff80, false],
  ])("%s: the word 0x%s", (name, word, typed) => {
    const map = freshMap(name);
    map.setU32(3, 48, word);
    expect(pageHasType(map, 3)).toBe(typed);
  });
});

describe("reference counts", () => {
  const withCount = (count: number): ModelMap => {
    const map = freshMap("7.3", 64);
    map.setI32(3, 52, count);
    return map;
  };

  it.each([0, -1, -127])("get refuses count %i", (count) => {
    expect(refusalOf(() => folioGet(withCount(count), 3)).code).toBe("refcount");
  });

  it.each([
    [1, 2],
    [-128, -127],
    [0x7fffffff, -0x80000000],
  ])("get takes count %i to %i", (count, next) => {
    const map = withCount(count);
    folioGet(map, 3);
    expect(pageRefCount(map, 3)).toBe(next);
  });

  it("try_get refuses zero only", () => {
    expect(folioTryGet(withCount(0), 3)).toBe(false);
    const map = withCount(-5);
    expect([folioTryGet(map, 3, 3), pageRefCount(map, 3)]).toEqual([true, -2]);
  });

  it("put tells when the last reference went, and goes no further", () => {
    const map = withCount(3);
    expect([folioPut(map, 3), folioPut(map, 3, 2)]).toEqual([false, true]);
    expect(refusalOf(() => folioPut(map, 3)).code).toBe("refcount");
    expect(refusalOf(() => folioPut(withCount(2), 3, 3)).code).toBe("refcount");
  });

  it("put counts an overflowed count down, wrapping", () => {
    const map = withCount(-0x80000000);
    expect([folioPut(map, 3), pageRefCount(map, 3)]).toEqual([false, 0x7fffffff]);
  });

  it("ref_add_unless adds unless the count is the given one", () => {
    const map = withCount(1);
    expect([refAddUnless(map, 3, 4, 1), refAddUnless(map, 3, 4, 0), pageRefCount(map, 3)]).toEqual([false, true, 5]);
  });

  it("freeze takes exactly the count it expects, unfreeze needs zero", () => {
    const map = withCount(5);
    expect([freeze(map, 3, 4), freeze(map, 3, 5), pageRefCount(map, 3)]).toEqual([false, true, 0]);
    unfreeze(map, 3, 2);
    expect(pageRefCount(map, 3)).toBe(2);
    expect(refusalOf(() => unfreeze(map, 3, 2)).code).toBe("refcount");
    expect(refusalOf(() => unfreeze(withCount(0), 3, 0)).code).toBe("refcount");
  });

  it("try_get_page counts on the head, above 0 only", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    expect([tryGetPage(map, 1030), pageRefCount(map, 1024)]).toEqual([true, 2]);
    map.setI32(1024, 52, -1);
    expect([tryGetPage(map, 1030), pageRefCount(map, 1024)]).toEqual([false, -1]);
  });

  it("the folio's count is its head's", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    map.setI32(1024, 52, 9);
    map.setI32(1030, 52, 0);
    expect([folioRefCount(map, 1030), pageRefCount(map, 1030)]).toEqual([9, 0]);
  });

  it.each([0, -1, 1.5])("%d is no number of references", (n) => {
    expect(refusalOf(() => folioPut(withCount(1), 3, n)).code).toBe("bad-argument");
  });
});

describe("mapcounts", () => {
  it("a small page is mapped as its own word says, unless that is a type", () => {
    const map = freshMap("7.3");
    map.setI32(3, 48, 1);
    setPageType(map, 4, "table");
    expect([3, 4, 5].map((pfn) => folioMapcount(map, pfn))).toEqual([2, 0, 0]);
    expect([3, 4, 5].map((pfn) => pagePreciseMapcount(map, pfn))).toEqual([2, 0, 0]);
  });

  it("7.3: a page of a large folio has its own mappings and the entire ones", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    map.setI32(1024, 80, 3);
    map.setI32(1024, 88, 1);
    map.setI32(1030, 48, 1);
    expect([folioMapcount(map, 1024), entireMapcount(map, 1024)]).toEqual([4, 2]);
    expect([1024, 1030].map((pfn) => pagePreciseMapcount(map, pfn))).toEqual([2, 4]);
  });

  it.each([
    [0, 0, 0],
    [2, 3, 3],
    [1, 0, 1],
    [11, 0, 1],
    [12, 0, 2],
    [13, 1, 3],
  ])("without page mapcounts: %i mappings, %i of them entire, are %i a page", (large, entire, expected) => {
    const map = new ModelMap({ ...profile("7.3"), mapcount: "average" }, BASE);
    map.addRange(0, 16);
    prepCompoundPage(map, 0, 3);
    map.setI32(0, 80, large - 1);
    map.setI32(0, 88, entire - 1);
    expect(pagePreciseMapcount(map, 5)).toBe(expected);
  });

  it("6.1: an anonymous folio adds compound mappings, less one if double-mapped", () => {
    const map = mapWithFolio("6.1", 1024, 3);
    for (let pfn = 1024; pfn < 1032; pfn++) map.setI32(pfn, 48, -1);
    map.setU64(1024, 24, 0xffff888000001001n);
    map.setI32(1024, 84, 0);
    expect([folioMapcount(map, 1024), pagePreciseMapcount(map, 1030)]).toEqual([1, 1]);
    for (let pfn = 1024; pfn < 1032; pfn++) map.setI32(pfn, 48, 1);
    setPageFlag(map, 1024, "double_map");
    expect([folioMapcount(map, 1024), pagePreciseMapcount(map, 1030)]).toEqual([9, 2]);
  });

  it("6.1: a file folio counts compound mappings on every page already", () => {
    const map = mapWithFolio("6.1", 1024, 3);
    map.setU64(1024, 24, 0xffff888000001000n);
    map.setI32(1024, 84, 0);
    for (let pfn = 1024; pfn < 1032; pfn++) map.setI32(pfn, 48, 0);
    map.setI32(1030, 48, 1);
    expect([folioMapcount(map, 1024), pagePreciseMapcount(map, 1025), pagePreciseMapcount(map, 1030)]).toEqual([
      2, 1, 2,
    ]);
  });

  it("6.1: hugetlb counts the whole only, slab and typed pages nothing", () => {
    const map = mapWithFolio("6.1", 1024, 9);
    map.setU8(1024, 80, 2);
    map.setI32(1024, 84, 4);
    setFlagBit(map, 7, "slab");
    map.setI32(7, 48, 5);
    setPageType(map, 8, "buddy");
    expect([folioMapcount(map, 1024), ...[1030, 7, 8].map((pfn) => pagePreciseMapcount(map, pfn))]).toEqual([
      5, 5, 0, 0,
    ]);
  });

  it("reads the other folio fields, which older kernels lack", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    map.setU64(1024, 104, 0x8000000580000003n);
    map.setI32(1024, 100, 1);
    map.setI32(1024, 84, 0x800002);
    map.setI32(1024, 92, 6);
    expect([mmIds(map, 1024), mmIdMapcounts(map, 1024)]).toEqual([
      [3, 5],
      [0, 2],
    ]);
    expect([nrPagesMapped(map, 1024), pincount(map, 1024), pincount(map, 7)]).toEqual([0x800002, 6, 0]);
    const old = mapWithFolio("6.1", 1024, 3);
    expect([mmIds(old, 1024), mmIdMapcounts(old, 1024), nrPagesMapped(old, 1024)]).toEqual([null, null, null]);
  });

  it("5.15: an order 1 folio has no pincount, its place belongs to another page", () => {
    const map = freshMap("5.15");
    const before = map.u64(1026, 16);
    prepCompoundPage(map, 1024, 1);
    expect([map.u64(1026, 16), pincount(map, 1024)]).toEqual([before, 0]);
    prepCompoundPage(map, 1024, 2);
    map.setI32(1026, 16, 6);
    expect(pincount(map, 1024)).toBe(6);
  });

  it("maybe mapped shared: by the shared bit, but for small and hugetlb folios", () => {
    const map = mapWithFolio("7.3", 1024, 3);
    map.setI32(1024, 80, 1);
    expect(maybeMappedShared(map, 1024)).toBe(false);
    map.setU64(1024, 104, 1n << 63n);
    expect(maybeMappedShared(map, 1024)).toBe(true);
    map.setI32(1024, 80, 0);
    expect(maybeMappedShared(map, 1024)).toBe(false);
    map.setI32(3, 48, 1);
    expect(maybeMappedShared(map, 3)).toBe(true);
  });
});
