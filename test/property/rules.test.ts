/** Rules that random sequences seldom reach, each with the smallest case in which an engine could break it. */
import { describe, expect, it } from "vitest";
import { defineProfile, type Folio, presetNames, profile, Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";
import { outcome } from "./outcome.js";

const MEMORY = [{ start: 65536, end: 98304 }];

function mapOf(name: Parameters<typeof profile>[0], memory = MEMORY): Vmemmap {
  return new Vmemmap({ profile: profile(name), memory });
}

/** A map, and one folio in it. */
function mapWithFolio(name: Parameters<typeof profile>[0], order = 3): Vmemmap {
  const map = mapOf(name);
  map.prepCompoundPage(65536, order);
  return map;
}

function bytesOf(map: Vmemmap): Buffer {
  return Buffer.from(map.slotBytes());
}

/** Writes four bytes at an offset from the head slot. */
function writeU32(map: Vmemmap, head: number, offset: number, value: number): void {
  const pfn = head + Math.floor(offset / 64);
  const shift = BigInt((offset % 8) * 8);
  const at = (offset % 64) & ~7;
  map.writeWord(pfn, at, (map.readWord(pfn, at) & ~(0xffffffffn << shift)) | (BigInt(value) << shift));
}

describe("a new map", () => {
  it.each(presetNames)("%s: pages are as __init_single_page leaves them, and free", (name) => {
    const map = mapOf(name, [
      { start: 3968, end: 4224 },
      { start: 2 ** 20, end: 2 ** 20 + 64 },
    ]);
    const reference = new model.ModelMap(map.profile, map.vmemmapBase);
    for (const [start, end, zone] of [
      [3968, 4096, 0],
      [4096, 4224, 1],
      [2 ** 20, 2 ** 20 + 64, 2],
    ] as const) {
      reference.addRange(start, end);
      const found = new Uint8Array((end - start) * 64);
      map.readSlots(start, found);
      for (let pfn = start; pfn < end; pfn++) {
        model.initSinglePage(reference, pfn, zone, 0);
        reference.setI32(pfn, model.REFCOUNT, 0);
        expect(Buffer.from(found.subarray((pfn - start) * 64, (pfn - start + 1) * 64))).toEqual(
          Buffer.from(reference.bytes(pfn)),
        );
      }
    }
  });
});

describe("flags", () => {
  it.each(presetNames)("%s: PF_SECOND is changed by the head only (VM_BUG_ON_PGFLAGS(!PageHead))", (name) => {
    const map = mapWithFolio(name);
    const before = bytesOf(map);
    expect(outcome(() => map.setFlag(65538, "has_hwpoisoned"))).toEqual({ code: "flag-policy" });
    expect(outcome(() => map.clearFlag(65538, "has_hwpoisoned"))).toEqual({ code: "flag-policy" });
    expect(bytesOf(map).equals(before)).toBe(true);
  });
});

describe("mapcounts", () => {
  /** folio_average_page_mapcount, fs/proc/internal.h, 6.15: at least 1 in all, not beside the entire mappings. */
  it("a page's average counts few other mappings as none where the folio is also mapped entirely", () => {
    const map = mapWithFolio(defineProfile("7.3", { name: "no page mapcount", mapcount: "average" }), 3);
    const { largeMapcount, entireMapcount } = map.profile.folio;
    writeU32(map, 65536, largeMapcount!, 2); // three mappings,
    writeU32(map, 65536, entireMapcount, 1); // two of them entire
    expect(map.pageMapcount(65537)).toBe(2);
  });

  /** kpagecount_read, 6.1: page_has_type comes before page_mapcount. */
  it("6.1: a page with a type counts no mapping, in a mapped folio too", () => {
    const map = mapWithFolio("6.1");
    map.writeWord(65536, 24, 0xffff888000000001n);
    writeU32(map, 65536, map.profile.folio.entireMapcount, 0);
    map.setPageType(65538, "offline");
    expect([map.pageMapcount(65537), map.pageMapcount(65538)]).toEqual([1, 0]);
  });
});

describe("a batch of changes", () => {
  /** The order decides how far a folio reaches; the number of pages is a field that raw writes may have left wrong. */
  it("is refused whole where two folios meet, whatever their number of pages says", () => {
    const map = mapWithFolio("7.3", 3);
    const [inner, page1] = [new Uint8Array(64), new Uint8Array(64)];
    map.readSlots(65536, inner);
    map.readSlots(65537, page1);
    new DataView(inner.buffer).setBigUint64(8, 0n, true);
    page1[0] = 1;
    map.writeSlots(65540, inner);
    map.writeSlots(65541, page1);
    writeU32(map, 65536, map.profile.folio.nrPages!, 1);
    const before = bytesOf(map);
    expect(outcome(() => map.splitFoliosToOrder([65536, 65540], 0))).toEqual({ code: "overlap" });
    expect(bytesOf(map).equals(before)).toBe(true);
  });

  it("is refused whole for its last entry", () => {
    const map = mapOf("6.18");
    const before = bytesOf(map);
    expect(outcome(() => map.prepCompoundPages([65536, 65540, 65545], 2))).toEqual({ code: "unaligned" });
    expect(outcome(() => map.prepCompoundPages([65536, 65540, 98304], 2))).toEqual({ code: "pfn-absent" });
    expect(outcome(() => map.prepCompoundPages([65540, 65536], [2, 3]))).toEqual({ code: "overlap" });
    expect(bytesOf(map).equals(before)).toBe(true);
  });
});

describe("HVO", () => {
  it("lists the vmemmap pages of the folio's order, whatever its number of pages says", () => {
    const map = mapWithFolio("7.3", 9);
    writeU32(map, 65536, map.profile.folio.nrPages!, 128);
    map.hugetlbVmemmapOptimizeFolio(65536);
    expect(Array.from(map.aliases.pfns)).toEqual([64, 128, 192, 256, 320, 384, 448].map((i) => 65536 + i));
    map.hugetlbVmemmapRestoreFolio(65536);
    expect(map.aliases.pfns.length).toBe(0);
  });
});

describe("PFN 2^32 - 1, whose number is also what says invalid", () => {
  it.each(["simd", "scalar"] as const)("%s build: is found by batches of a map that ends there", (build) => {
    const map = new Vmemmap({ memory: [{ start: 2 ** 32 - 32768, end: 2 ** 32 }], build });
    expect(map.compoundHead(2 ** 32 - 1)).toBe(2 ** 32 - 1);
    for (const count of [1, 4, 5]) {
      const range = { start: 2 ** 32 - count, count };
      const wanted = Array.from({ length: count }, (_, i) => range.start + i);
      for (const out of [new Uint32Array(count), new Float64Array(count)]) {
        const invalid = outcome(() => map.headsInto(range, out));
        // The map is of one kind; the other kind is refused.
        if ("code" in invalid) expect(invalid.code).toBe("bad-array");
        else expect([count, invalid.answer, Array.from(out)]).toEqual([count, 0, wanted]);
      }
    }
  });
});

describe("the reach of a tail", () => {
  it.each(["5.15", "6.1", "6.17", "6.18", "7.0", "7.3"] as const)("%s: is the largest folio, no page more", (name) => {
    const { maxFolioOrder, tailEncoding } = profile(name);
    const pages = 2 ** maxFolioOrder;
    const map = mapOf(name, [
      { start: 0, end: 32768 },
      { start: pages - 32768, end: pages + 32768 },
    ]);
    const mask = (order: number) => BigInt.asUintN(64, -64n << BigInt(order)) | 1n;
    map.writeWord(pages - 1, 8, tailEncoding === "mask" ? mask(maxFolioOrder) : map.vmemmapBase | 1n);
    map.writeWord(pages, 8, tailEncoding === "mask" ? mask(maxFolioOrder + 1) : map.vmemmapBase | 1n);
    for (const scan of [false, true]) {
      if (scan) map.checkWellFormed();
      const heads = new Uint32Array(2);
      expect(map.headsInto(Uint32Array.of(pages - 1, pages), heads)).toBe(1);
      expect(Array.from(heads)).toEqual([0, 0xffffffff]);
      expect([map.compoundHead(pages - 1), outcome(() => map.compoundHead(pages))]).toEqual([0, { code: "bad-head" }]);
    }
  });
});

describe("pages of a folio", () => {
  it("end where the folio does, for indexes of any size", () => {
    const folio = mapWithFolio("7.3").folio(65536);
    expect([0, 7, 8, -1, 0.5, 2 ** 32, 2 ** 32 + 1, NaN, Infinity].map((index) => folio.page(index))).toEqual([
      65536,
      65543,
      ...new Array<number>(7).fill(NaN),
    ]);
  });

  it("end where the memory does, if the folio claims to go on across a hole", () => {
    const map = mapOf("7.3", [...MEMORY, { start: 131072, end: 163840 }]);
    map.prepCompoundPage(98300, 2);
    writeU32(map, 98300, map.profile.folio.nrPages!, 0xffffffff);
    const folio = map.folio(98300);
    expect([3, 4, 5, 32772].map((index) => folio.page(index))).toEqual([98303, NaN, NaN, NaN]);
  });
});

describe("numbers that 32 bits do not hold", () => {
  const onFolio = (call: (folio: Folio) => unknown) => (map: Vmemmap) => call(map.folio(65536));
  it.each<[string, (map: Vmemmap) => unknown]>([
    ["tryGet(2^32 + 1)", onFolio((folio) => folio.tryGet(2 ** 32 + 1))],
    ["tryGet(1.5)", onFolio((folio) => folio.tryGet(1.5))],
    ["put(2^32 + 1)", onFolio((folio) => folio.put(2 ** 32 + 1))],
    ["put(NaN)", onFolio((folio) => folio.put(NaN))],
    ["refAddUnless(2^32 + 1, 0)", onFolio((folio) => folio.refAddUnless(2 ** 32 + 1, 0))],
    ["refAddUnless(1, 2^32)", onFolio((folio) => folio.refAddUnless(1, 2 ** 32))],
    ["freeze(2^32 + 5)", onFolio((folio) => folio.freeze(2 ** 32 + 5))],
    ["setRefcount(2^32)", onFolio((folio) => folio.setRefcount(2 ** 32))],
    ["setRefcount(0.5)", onFolio((folio) => folio.setRefcount(0.5))],
    ["setPageLinks of 2^32 + 1 pages", (map) => map.setPageLinks(65600, 2 ** 32 + 1, 1, 0)],
    ["setPageLinks of zone 2^32 + 1", (map) => map.setPageLinks(65600, 1, 2 ** 32 + 1, 0)],
    ["setPageLinks of node 1.5", (map) => map.setPageLinks(65600, 1, 1, 1.5)],
    ["setLastCpupid(2^32)", (map) => map.setLastCpupid(65600, 2 ** 32)],
  ])("%s is refused", (_, call) => {
    const map = mapWithFolio("7.3");
    map.folio(65536).setRefcount(5);
    const before = bytesOf(map);
    expect(outcome(() => call(map))).toEqual({ code: "bad-argument" });
    expect(bytesOf(map).equals(before)).toBe(true);
  });

  it("unfreeze(2^32 + 1) is refused", () => {
    const map = mapWithFolio("7.3");
    expect(outcome(() => map.folio(65536).unfreeze(2 ** 32 + 1))).toEqual({ code: "bad-argument" });
    expect(map.pageRefCount(65536)).toBe(0);
  });
});

describe("a large folio", () => {
  /** total_mapcount of 6.1 adds up the pages: once for a folio, not once for each of its pages. */
  it("6.1: the folio's mapcount is added up once for a list of its pages", () => {
    const map = mapOf("6.1", [{ start: 65536, end: 131072 }]);
    map.prepCompoundPage(65536, 16);
    const counts = new Int32Array(65536);
    const start = performance.now();
    expect(map.folioMapcountsInto({ start: 65536, count: 65536 }, counts)).toBe(0);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(counts.every((count) => count === 0)).toBe(true);
  });
});
