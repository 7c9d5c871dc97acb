import { describe, expect, it } from "vitest";
import { type Build, defineProfile, type PresetName, type Vmemmap } from "../../src/index.js";
import { builds, compound, families, hex, machine, peek, poke, refused, SECTION, slotsFrom } from "./machine.js";

const HEAD = 1024;

/** A frozen, unmapped folio at PFN 1024: refcount 0, mapping to an inode, index 0x1000. */
function frozen(preset: PresetName, order: number, build: Build = "simd"): Vmemmap {
  const map = machine(preset, 1, { build });
  compound(map, HEAD, order);
  map.writeWord(HEAD, 24, 0xffff888012345678n);
  map.writeWord(HEAD, 32, 0x1000n);
  map.checkWellFormed();
  return map;
}

describe.each(builds)("split to every lower order (%s build)", (build) => {
  it.each(["5.15", "6.1", "6.12", "6.17", "7.3"] as const)(
    "order 9: all pages lead to their part (__split_folio_to_order, %s)",
    (preset) => {
      for (let newOrder = 0; newOrder < 9; newOrder++) {
        const map = frozen(preset, 9, build);
        map.splitFolioToOrder(HEAD, newOrder);
        const size = 1 << newOrder;
        const wrong: number[] = [];
        for (let i = 0; i < 512; i++) {
          const pfn = HEAD + i;
          const reads = [map.compoundHead(pfn), map.folioOrder(pfn), map.folioNrPages(pfn)];
          if (reads.join() !== [pfn - (i % size), newOrder, size].join()) wrong.push(pfn);
        }
        expect(wrong).toEqual([]);
        const heads = new Uint32Array(512);
        expect(map.headsInto({ start: HEAD, count: 512 }, heads)).toBe(0);
        expect(heads.every((head, i) => head === HEAD + i - (i % size))).toBe(true);
        const census = map.foliosByOrder();
        if (newOrder > 0) expect(census[newOrder]).toBe(512 / size);
        expect(census[0]).toBe(newOrder > 0 ? SECTION - 512 : SECTION);
        expect(map.pageCompound(HEAD + 511)).toBe(newOrder > 0);
      }
    },
  );
});

describe("tail words after a split", () => {
  it("the first part's tails keep the mask of the older, larger order; the others get their own (7.3)", () => {
    const map = frozen("7.3", 9);
    map.splitFolioToOrder(HEAD, 2);
    for (const i of [1, 2, 3]) expect(map.readWord(HEAD + i, 8)).toBe(0xffffffffffff8001n);
    for (const i of [5, 6, 7, 509, 511]) expect(map.readWord(HEAD + i, 8)).toBe(0xffffffffffffff01n);
    for (const i of [4, 8, 508]) expect(map.readWord(HEAD + i, 8)).toBe(0n);
    expect([map.compoundHead(HEAD + 3), map.folioOrder(HEAD + 3)]).toEqual([HEAD, 2]);
    // The folio's order is never read from the mask.
    expect(map.folio(HEAD + 3).nrPages).toBe(4);
  });

  it("split twice, the first part of each keeps what it had (7.3)", () => {
    const map = frozen("7.3", 9);
    map.splitFolioToOrder(HEAD, 6);
    map.splitFolioToOrder(HEAD + 64, 3);
    expect(map.readWord(HEAD + 1, 8)).toBe(0xffffffffffff8001n);
    expect(map.readWord(HEAD + 65, 8)).toBe(0xfffffffffffff001n);
    expect(map.readWord(HEAD + 73, 8)).toBe(0xfffffffffffffe01n);
    expect([map.compoundHead(HEAD + 71), map.compoundHead(HEAD + 79), map.compoundHead(HEAD + 63)]).toEqual([
      HEAD + 64,
      HEAD + 72,
      HEAD,
    ]);
  });

  it("a kept larger mask passes the well-formed check (7.3)", () => {
    const map = frozen("7.3", 9);
    map.splitFolioToOrder(HEAD, 1);
    expect([map.isWellFormed(HEAD), map.checkWellFormed(), map.isWellFormed(HEAD)]).toEqual([true, 0, true]);
  });

  it.each(["6.1", "6.18"] as const)(
    "later parts' tails get their new head's address, the first part's keep the old one's (%s)",
    (preset) => {
      const map = frozen(preset, 9);
      map.splitFolioToOrder(HEAD, 2);
      expect(map.readWord(HEAD + 3, 8)).toBe(0xffffea0000010001n);
      expect(map.readWord(HEAD + 5, 8)).toBe(0xffffea0000010101n);
      expect(map.readWord(HEAD + 4, 8)).toBe(0n);
    },
  );

  it.each(families)("each new head's word at +8 is 0 (clear_compound_head, %s)", (preset) => {
    const map = frozen(preset, 4);
    map.splitFolioToOrder(HEAD, 0);
    for (let i = 1; i < 16; i++) expect(map.readWord(HEAD + i, 8)).toBe(0n);
  });
});

describe("the order byte's aliasing trap", () => {
  const fakeFlags = ["locked", "writeback", "uptodate", "dirty"];

  it.each(["6.12", "6.14", "6.17", "6.18", "7.0", "7.3"] as const)(
    "after a split of order 9 to 0, page 1 is not locked and uptodate (%s)",
    (preset) => {
      const map = frozen(preset, 9);
      expect(peek(map, HEAD, 64, 1)).toBe(9n);
      map.splitFolioToOrder(HEAD, 0);
      expect(peek(map, HEAD, 64, 1)).toBe(0n);
      expect(map.flagNames(HEAD + 1).filter((name) => fakeFlags.includes(name))).toEqual([]);
      expect([map.testFlag(HEAD + 1, "locked"), map.testFlag(HEAD + 1, "uptodate")]).toEqual([false, false]);
    },
  );

  it.each(["6.18", "7.3"] as const)(
    "after a split of order 18 to 0, page 1 is not under writeback and dirty (%s)",
    (preset) => {
      const map = machine(preset, 8);
      compound(map, 0, 18);
      expect(peek(map, 0, 64, 1)).toBe(18n);
      map.splitFolioToOrder(0, 0);
      expect(peek(map, 0, 64, 1)).toBe(0n);
      expect([map.testFlag(1, "writeback"), map.testFlag(1, "dirty")]).toEqual([false, false]);
    },
  );

  it.each(["6.12", "6.17", "7.3"] as const)(
    "after order 9 is freed, page 1's order byte is 0 (free_tail_page_prepare, %s)",
    (preset) => {
      const map = machine(preset);
      compound(map, HEAD, 9);
      map.freePagesPrepare(HEAD, 9);
      expect(peek(map, HEAD, 64, 1)).toBe(0n);
      expect(map.flagNames(HEAD + 1)).toEqual([]);
    },
  );

  it("after order 18 is freed, page 1 is not under writeback and dirty (7.3)", () => {
    const map = machine("7.3", 8);
    compound(map, 0, 18);
    map.freePagesPrepare(0, 18);
    expect(map.flagNames(1)).toEqual([]);
    expect(map.foliosByOrder()[0]).toBe(2 ** 18);
  });

  it.each(["6.12", "6.17", "7.3"] as const)("split to order 1, page 1's byte is the new order (%s)", (preset) => {
    const map = frozen(preset, 9);
    map.splitFolioToOrder(HEAD, 1);
    expect(peek(map, HEAD, 64, 1)).toBe(1n);
    expect(peek(map, HEAD + 2, 64, 1)).toBe(1n);
  });

  it("the second-page flags of the old folio do not become flags of page 1 (order 9 to 0, 7.3)", () => {
    const map = frozen("7.3", 9);
    map.setFlag(HEAD, "large_rmappable");
    map.setFlag(HEAD, "partially_mapped");
    map.splitFolioToOrder(HEAD, 0);
    // workingset and reclaim have the bits of large_rmappable and partially_mapped.
    expect(map.flagNames(HEAD + 1)).toEqual([]);
  });
});

describe.each(builds)("what a split copies (%s build)", (build) => {
  const copied = [
    "referenced",
    "swapbacked",
    "mlocked",
    "uptodate",
    "active",
    "workingset",
    "locked",
    "unevictable",
    "dirty",
    "young",
    "idle",
    "dropbehind",
    "arch_2",
  ] as const;

  it.each(copied)(
    "%s goes from the old head to every new head and to no tail (__split_folio_to_order, 7.3)",
    (name) => {
      const map = frozen("7.3", 4, build);
      map.setFlag(HEAD, name);
      const bit = BigInt(map.profile.flags[name]!.bit);
      map.splitFolioToOrder(HEAD, 2);
      for (let i = 0; i < 16; i++) {
        // Tails with index 1 keep the order in that byte.
        if (i % 4 === 1) continue;
        expect(`page ${i}: ${(map.readWord(HEAD + i, 0) >> bit) & 1n}`).toBe(`page ${i}: ${i % 4 === 0 ? 1 : 0}`);
      }
    },
  );

  it.each(["lru", "reclaim", "writeback", "waiters", "private", "private_2", "owner_2"] as const)(
    "%s is not copied (7.3)",
    (name) => {
      const map = frozen("7.3", 4, build);
      map.setFlag(HEAD, name);
      const bit = BigInt(map.profile.flags[name]!.bit);
      map.splitFolioToOrder(HEAD, 2);
      expect([0, 4, 8, 12].map((i) => (map.readWord(HEAD + i, 0) >> bit) & 1n)).toEqual([1n, 0n, 0n, 0n]);
    },
  );

  it("a new head's own per-page flags are cleared first, its zone and node kept (7.3)", () => {
    const map = frozen("7.3", 4, build);
    map.setPageLinks(HEAD, 16, 3, 7);
    map.setFlag(HEAD + 4, "private");
    map.splitFolioToOrder(HEAD, 2);
    expect(map.flagNames(HEAD + 4)).toEqual(["head"]);
    expect([map.pageZone(HEAD + 4), map.pageNode(HEAD + 4)]).toEqual([3, 7]);
  });

  it("LRU generation and references are copied (6.12 on: bits 27..29 and 25..26 with 8192 CPUs)", () => {
    for (const preset of ["6.12", "7.3"] as const) {
      const map = frozen(preset, 4, build);
      map.writeWord(HEAD, 0, map.readWord(HEAD, 0) | (5n << 27n) | (2n << 25n));
      map.splitFolioToOrder(HEAD, 2);
      for (const i of [0, 4, 8, 12]) {
        expect([(map.readWord(HEAD + i, 0) >> 27n) & 7n, (map.readWord(HEAD + i, 0) >> 25n) & 3n]).toEqual([5n, 2n]);
      }
    }
  });

  it.each(families)("mapping is the old one's and index the old one's + i on each new head (%s)", (preset) => {
    const map = frozen(preset, 4, build);
    map.splitFolioToOrder(HEAD, 2);
    for (const i of [0, 4, 8, 12]) {
      expect([map.readWord(HEAD + i, 24), map.readWord(HEAD + i, 32)]).toEqual([
        0xffff888012345678n,
        0x1000n + BigInt(i),
      ]);
    }
    for (const i of [5, 6, 7, 13]) {
      if (preset !== "7.3" && i % 4 < 3) continue; // meta pages
      expect(map.readWord(HEAD + i, 24)).toBe(i % 4 === 3 ? 0xdead000000000400n : map.readWord(HEAD + i, 24));
    }
  });

  it.each(["6.12", "6.17", "7.3"] as const)(
    "swap cache: swap.val + i on each new head, PG_swapcache copied (%s)",
    (preset) => {
      const map = frozen(preset, 4, build);
      map.setFlag(HEAD, "swapbacked");
      map.setFlag(HEAD, "swapcache");
      map.writeWord(HEAD, 40, 0x0400000000000100n);
      map.splitFolioToOrder(HEAD, 2);
      for (const i of [0, 4, 8, 12]) {
        expect(map.readWord(HEAD + i, 40)).toBe(0x0400000000000100n + BigInt(i));
        expect(map.testFlag(HEAD + i, "swapcache")).toBe(true);
      }
    },
  );

  it("swap cache to order 0: every page its own swap entry (7.3)", () => {
    const map = frozen("7.3", 3, build);
    map.setFlag(HEAD, "swapbacked");
    map.setFlag(HEAD, "swapcache");
    map.writeWord(HEAD, 40, 0x0400000000000ffcn);
    map.splitFolioToOrder(HEAD, 0);
    for (let i = 0; i < 8; i++) expect(map.readWord(HEAD + i, 40)).toBe(0x0400000000000ffcn + BigInt(i));
  });

  it("PG_swapcache of a folio that is not swap-backed is owner_priv_1: no swap entries (folio_test_swapcache, 7.3)", () => {
    const map = frozen("7.3", 4, build);
    map.setFlag(HEAD, "swapcache");
    map.writeWord(HEAD, 40, 0x100n);
    map.splitFolioToOrder(HEAD, 2);
    expect([4, 8, 12].map((i) => map.readWord(HEAD + i, 40))).toEqual([0n, 0n, 0n]);
  });

  it("without swap cache, private of a new head is left (7.3)", () => {
    const map = frozen("7.3", 4, build);
    map.writeWord(HEAD, 40, 0x77n);
    map.splitFolioToOrder(HEAD, 2);
    expect([0, 4, 8, 12].map((i) => map.readWord(HEAD + i, 40))).toEqual([0x77n, 0n, 0n, 0n]);
  });

  it.each(families)(
    "memcg_data is copied to each new head (split_page_memcg, folio_split_memcg_refs, %s)",
    (preset) => {
      const map = frozen(preset, 4, build);
      map.writeWord(HEAD, 56, 0xffff888000abc000n);
      map.splitFolioToOrder(HEAD, 2);
      for (const i of [4, 8, 12]) expect(map.readWord(HEAD + i, 56)).toBe(0xffff888000abc000n);
    },
  );

  it.each(families)("last_cpupid is copied to each new head (%s)", (preset) => {
    const map = frozen(preset, 4, build);
    map.setLastCpupid(HEAD, 0x12345);
    map.splitFolioToOrder(HEAD, 2);
    expect([4, 8, 12].map((i) => map.pageLastCpupid(HEAD + i))).toEqual([0x12345, 0x12345, 0x12345]);
    expect(map.pageLastCpupid(HEAD + 5)).toBe(0x1fffff);
  });

  it.each(["6.12", "6.18", "7.3"] as const)("each new large part is large_rmappable (%s)", (preset) => {
    const map = frozen(preset, 4, build);
    map.splitFolioToOrder(HEAD, 2);
    expect([4, 8, 12].map((i) => map.testFlag(HEAD + i, "large_rmappable"))).toEqual([true, true, true]);
  });

  it("has_hwpoisoned is set again just on the parts that hold a poisoned page (7.3)", () => {
    const map = frozen("7.3", 4, build);
    map.setFlag(HEAD + 9, "hwpoison");
    map.setFlag(HEAD, "has_hwpoisoned");
    map.splitFolioToOrder(HEAD, 2);
    expect([0, 4, 8, 12].map((i) => map.testFlag(HEAD + i, "has_hwpoisoned"))).toEqual([false, false, true, false]);
    expect(map.testFlag(HEAD + 9, "hwpoison")).toBe(true);
  });

  it("split to order 0 keeps hwpoison on the page and has_hwpoisoned nowhere (7.3)", () => {
    const map = frozen("7.3", 4, build);
    map.setFlag(HEAD + 9, "hwpoison");
    map.setFlag(HEAD, "has_hwpoisoned");
    map.splitFolioToOrder(HEAD, 0);
    expect(map.flagNames(HEAD + 9)).toEqual(["hwpoison"]);
    expect(map.flagNames(HEAD + 1)).toEqual([]);
  });

  it("new folios have the fields of prep_compound_page, order 2 and above a deferred list of their own (7.3)", () => {
    const map = frozen("7.3", 4, build);
    map.splitFolioToOrder(HEAD, 2);
    const folio = map.folio(HEAD + 4);
    expect([folio.mapcount, folio.entireMapcount, folio.nrPagesMapped, folio.pincount]).toEqual([0, 0, 0, 0]);
    expect(peek(map, HEAD + 4, 144, 8)).toBe(0xffffea0000010190n);
    expect(peek(map, HEAD + 4, 152, 8)).toBe(0xffffea0000010190n);
    expect(peek(map, HEAD + 4, 120, 4)).toBe(4n);
  });
});

describe.each(builds)("counts and a split (%s build)", (build) => {
  it.each(families)("no refcount is written: all stay 0 until each part is unfrozen (%s)", (preset) => {
    const map = frozen(preset, 3, build);
    map.splitFolioToOrder(HEAD, 1);
    for (let i = 0; i < 8; i++) expect(map.pageRefCount(HEAD + i)).toBe(0);
    for (const i of [0, 2, 4, 6]) map.folio(HEAD + i).unfreeze(2 + i);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((i) => map.pageRefCount(HEAD + i))).toEqual([2, 0, 4, 0, 6, 0, 8, 0]);
    expect(map.pageCount(HEAD + 7)).toBe(8);
  });

  it.each(families)("a folio that is not frozen is refused (not-frozen, %s)", (preset) => {
    const map = frozen(preset, 3, build);
    map.folio(HEAD).setRefcount(1);
    refused(map, "not-frozen", [HEAD, 1], () => map.splitFolioToOrder(HEAD, 0));
  });

  it.each(["6.12", "7.3"] as const)("a folio with a mapped page is refused (folio-mapped, %s)", (preset) => {
    const map = frozen(preset, 3, build);
    poke(map, HEAD, 80, 4, 0); // _large_mapcount: 1
    poke(map, HEAD + 5, 48, 4, 0);
    refused(map, "folio-mapped", [HEAD], () => map.splitFolioToOrder(HEAD, 0));
  });

  it.each(["6.12", "7.3"] as const)("a folio mapped as a whole is refused (folio-mapped, %s)", (preset) => {
    const map = frozen(preset, 3, build);
    poke(map, HEAD, 80, 4, 0);
    poke(map, HEAD, preset === "7.3" ? 88 : 84, 4, 0); // _entire_mapcount: 1
    refused(map, "folio-mapped", [HEAD], () => map.splitFolioToOrder(HEAD, 0));
  });

  it("with NO_PAGE_MAPCOUNT _large_mapcount alone says that a folio is mapped (folio_mapped, 7.3)", () => {
    const map = machine(defineProfile("7.3", { mapcount: "average" }), 1, { build });
    compound(map, HEAD, 3);
    poke(map, HEAD, 80, 4, 0);
    expect(map.folio(HEAD).mapcount).toBe(1);
    refused(map, "folio-mapped", [HEAD], () => map.splitFolioToOrder(HEAD, 0));
  });

  it("upwards, to its own order, a tail, a single page: refused (split-upwards, not-compound)", () => {
    const map = frozen("7.3", 3, build);
    refused(map, "split-upwards", [HEAD, 4, 3], () => map.splitFolioToOrder(HEAD, 4));
    refused(map, "split-upwards", [HEAD, 3], () => map.splitFolioToOrder(HEAD, 3));
    refused(map, "not-compound", [HEAD + 1], () => map.splitFolioToOrder(HEAD + 1, 0));
    refused(map, "not-compound", [7], () => map.splitFolioToOrder(7, 0));
  });

  it("a list with one bad folio splits none (splitFoliosToOrder)", () => {
    const map = frozen("7.3", 3, build);
    compound(map, 2048, 3).setRefcount(1);
    refused(map, "not-frozen", [2048], () => map.splitFoliosToOrder([HEAD, 2048], 0));
    map.folio(2048).freeze(1);
    map.splitFoliosToOrder([HEAD, 2048], [0, 1]);
    expect([map.folioOrder(HEAD), map.folioOrder(2049)]).toEqual([0, 1]);
  });

  it("neighbours' bytes are untouched (7.3)", () => {
    const map = frozen("7.3", 3, build);
    compound(map, HEAD + 8, 3);
    const before = [hex(slotsFrom(map, HEAD - 8, 8)), hex(slotsFrom(map, HEAD + 8, 8))];
    map.splitFolioToOrder(HEAD, 0);
    expect([hex(slotsFrom(map, HEAD - 8, 8)), hex(slotsFrom(map, HEAD + 8, 8))]).toEqual(before);
  });
});
