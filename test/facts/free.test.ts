import { describe, expect, it } from "vitest";
import { type Build, defineProfile, type PresetName, type Vmemmap } from "../../src/index.js";
import { builds, compound, families, hex, machine, peek, poke, refused, SECTION, slotsFrom } from "./machine.js";

const HEAD = 1024;
/** Zone NORMAL, node 0, last_cpupid all ones: the flags word of an idle page with the Debian fields. */
const IDLE_FLAGS = 0x0017ffffc0000000n;

function free8(preset: PresetName, build: Build, before: (map: Vmemmap) => void): Vmemmap {
  const map = machine(preset, 1, { build });
  compound(map, HEAD, 3);
  before(map);
  map.freePagesPrepare(HEAD, 3);
  return map;
}

describe.each(builds)("what freeing a compound page clears (%s build)", (build) => {
  it.each(families)("PG_head, and the word at +8 and mapping of every tail (free_tail_page_prepare, %s)", (preset) => {
    const map = free8(preset, build, () => {});
    for (let i = 0; i < 8; i++) {
      expect([map.readWord(HEAD + i, 8) & 1n, map.pageCompound(HEAD + i), map.compoundHead(HEAD + i)]).toEqual([
        0n,
        false,
        HEAD + i,
      ]);
      if (i > 0) expect([map.readWord(HEAD + i, 8), map.readWord(HEAD + i, 24)]).toEqual([0n, 0n]);
      expect(map.readWord(HEAD + i, 0)).toBe(IDLE_FLAGS);
    }
    expect(map.foliosByOrder()[0]).toBe(SECTION);
  });

  it("page by page, these words and no other (__free_pages_prepare, 7.3)", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    map.writeWord(HEAD, 40, 0x1234n);
    map.writeWord(HEAD, 32, 0x5678n);
    map.writeWord(HEAD, 8, 0x1000n);
    map.writeWord(HEAD + 4, 32, 0x9999n);
    map.writeWord(HEAD + 4, 40, 0x8888n);
    const before = new BigUint64Array(slotsFrom(map, HEAD - 1, 10).buffer);
    map.freePagesPrepare(HEAD, 3);
    const expected = before.slice();
    const at = (page: number, offset: number) => (page + 1) * 8 + offset / 8;
    expected[at(0, 0)] = IDLE_FLAGS;
    expected[at(0, 40)] = 0n;
    for (let i = 1; i < 8; i++) {
      expected[at(i, 0)] = IDLE_FLAGS;
      expected[at(i, 8)] = 0n;
      expected[at(i, 24)] = 0n;
    }
    expected[at(1, 56)] = 0n; // nr pages
    const after = new BigUint64Array(slotsFrom(map, HEAD - 1, 10).buffer);
    const differing = [...after.keys()]
      .filter((i) => after[i] !== expected[i])
      .map(
        (i) =>
          `page ${Math.floor(i / 8) - 1} +${(i % 8) * 8}: ${after[i]!.toString(16)}, not ${expected[i]!.toString(16)}`,
      );
    expect(differing).toEqual([]);
  });

  it.each(["6.12", "6.17", "7.3"] as const)(
    "the second-page flags and order: page 1 has none left (PAGE_FLAGS_SECOND, %s)",
    (preset) => {
      const map = free8(preset, build, (map) => {
        map.setFlag(HEAD, "has_hwpoisoned");
        map.setFlag(HEAD, "large_rmappable");
        map.setFlag(HEAD, "partially_mapped");
      });
      expect(map.readWord(HEAD + 1, 0)).toBe(IDLE_FLAGS);
    },
  );

  it("6.1: double_map and has_hwpoisoned of page 1 (PAGE_FLAGS_SECOND)", () => {
    const map = free8("6.1", build, (map) => {
      map.setFlag(HEAD, "double_map");
      map.setFlag(HEAD, "has_hwpoisoned");
    });
    expect(map.flagNames(HEAD + 1)).toEqual([]);
  });

  it.each(["6.17", "7.3"] as const)("nr_pages in page 1's memcg word (%s)", (preset) => {
    expect(free8(preset, build, () => {}).readWord(HEAD + 1, 56) & 0xffffffffn).toBe(0n);
  });

  it.each([
    "referenced",
    "uptodate",
    "dirty",
    "active",
    "workingset",
    "owner_priv_1",
    "owner_2",
    "swapbacked",
    "mlocked",
    "young",
    "idle",
  ] as const)("%s on the head (PAGE_FLAGS_CHECK_AT_PREP, 7.3)", (name) => {
    const map = free8("7.3", build, (map) => map.setFlag(HEAD, name));
    expect(map.flagNames(HEAD)).toEqual([]);
  });

  it("anon_exclusive of tails (7.3)", () => {
    const map = free8("7.3", build, (map) => {
      map.setFlag(HEAD + 5, "anon_exclusive");
      expect(map.flagNames(HEAD + 5)).not.toEqual([]);
    });
    expect(map.flagNames(HEAD + 5)).toEqual([]);
  });

  it("last_cpupid of the head becomes all ones, zone and node stay (page_cpupid_reset_last, 7.3)", () => {
    const map = free8("7.3", build, (map) => {
      map.setPageLinks(HEAD, 8, 3, 9);
      map.setLastCpupid(HEAD, 0x155);
    });
    expect([map.pageLastCpupid(HEAD), map.pageZone(HEAD), map.pageNode(HEAD)]).toEqual([0x1fffff, 3, 9]);
    expect([map.pageZone(HEAD + 7), map.pageNode(HEAD + 7)]).toEqual([3, 9]);
  });

  it("an anonymous folio's mapping becomes 0 (7.3)", () => {
    const map = free8("7.3", build, (map) => {
      map.writeWord(HEAD, 24, 0xffff888000000001n);
    });
    expect(map.readWord(HEAD, 24)).toBe(0n);
  });

  it.each(["6.17", "6.18", "7.0", "7.3"] as const)("a typed head becomes untyped (%s)", (preset) => {
    const map = free8(preset, build, (map) => map.setPageType(HEAD, "slab"));
    expect([peek(map, HEAD, 48, 4), map.pageType(HEAD)]).toEqual([0xffffffffn, null]);
  });

  it("an order 1 folio whose next page holds what were its pincount (5.15)", () => {
    const map = machine("5.15", 1, { build });
    compound(map, HEAD, 1);
    poke(map, HEAD, 128 + 16, 4, 5);
    map.freePagesPrepare(HEAD, 1);
    expect([map.pageCompound(HEAD), peek(map, HEAD, 128 + 16, 4)]).toEqual([false, 5n]);
  });

  it("a head's word that is no type yet stays (page_has_type, 7.3)", () => {
    const map = free8("7.3", build, (map) => poke(map, HEAD, 48, 4, 0xff000000));
    expect(peek(map, HEAD, 48, 4)).toBe(0xff000000n);
  });

  it("the head's private becomes 0, the tails' stays (7.3)", () => {
    const map = free8("7.3", build, (map) => {
      map.writeWord(HEAD, 40, 0x55n);
      map.writeWord(HEAD + 6, 40, 0x66n);
    });
    expect([map.readWord(HEAD, 40), map.readWord(HEAD + 6, 40)]).toEqual([0n, 0x66n]);
  });

  it("LRU generation and references are flags too (7.3)", () => {
    const map = free8("7.3", build, (map) => {
      map.writeWord(HEAD, 0, map.readWord(HEAD, 0) | (5n << 27n) | (3n << 25n));
    });
    expect(map.readWord(HEAD, 0)).toBe(IDLE_FLAGS);
  });
});

describe.each(builds)("what freeing keeps (%s build)", (build) => {
  it.each(["6.1", "6.12", "7.3"] as const)("hwpoison of a tail (PAGE_FLAGS_CHECK_AT_PREP leaves it, %s)", (preset) => {
    const map = free8(preset, build, (map) => map.setFlag(HEAD + 5, "hwpoison"));
    expect(map.flagNames(HEAD + 5)).toEqual(["hwpoison"]);
  });

  it("index, memcg word, and the other words of former tails (7.3)", () => {
    const map = free8("7.3", build, (map) => {
      map.writeWord(HEAD + 5, 16, 0x10n);
      map.writeWord(HEAD + 5, 32, 0x20n);
      map.writeWord(HEAD + 5, 56, 0n);
    });
    expect([map.readWord(HEAD + 5, 16), map.readWord(HEAD + 5, 32)]).toEqual([0x10n, 0x20n]);
    // The deferred list's self link stays behind in page 2's +16, not in its mapping.
    expect([map.readWord(HEAD + 2, 16), map.readWord(HEAD + 2, 24)]).toEqual([0xffffea0000010090n, 0n]);
    // So do the mapcounts in page 1's +16; those in +24 went with mapping.
    expect([map.readWord(HEAD + 1, 16), map.readWord(HEAD + 1, 24)]).toEqual([0x00000000ffffffffn, 0n]);
  });

  it.each(families)("refcounts: none is written (%s)", (preset) => {
    const map = free8(preset, build, () => {});
    for (let i = 0; i < 8; i++) expect(map.pageRefCount(HEAD + i)).toBe(0);
  });
});

describe.each(builds)("single pages and blocks that are no compound page (%s build)", (build) => {
  it("a single page: flags, private, last_cpupid (7.3)", () => {
    const map = machine("7.3", 1, { build });
    map.setFlag(77, "referenced");
    map.setLastCpupid(77, 5);
    map.writeWord(77, 40, 9n);
    map.freePagesPrepare(77, 0);
    expect([map.readWord(77, 0), map.readWord(77, 40)]).toEqual([IDLE_FLAGS, 0n]);
  });

  it("four pages of no compound: each one's flags are cleared, hwpoison of a later one stays (7.3)", () => {
    const map = machine("7.3", 1, { build });
    for (let i = 0; i < 4; i++) map.setFlag(64 + i, "owner_priv_1");
    map.setFlag(67, "hwpoison");
    map.freePagesPrepare(64, 2);
    expect([0, 1, 2, 3].map((i) => map.flagNames(64 + i))).toEqual([[], [], [], ["hwpoison"]]);
  });
});

describe.each(builds)("what is not freed (%s build)", (build) => {
  it.each(families)("a folio with references (not-frozen, %s)", (preset) => {
    const map = machine(preset, 1, { build });
    compound(map, HEAD, 3).setRefcount(2);
    refused(map, "not-frozen", [HEAD, 3], () => map.freePagesPrepare(HEAD, 3));
  });

  it("a folio with a page mapped, or mapped as a whole (folio-mapped, 7.3)", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    poke(map, HEAD, 88, 4, 0);
    refused(map, "folio-mapped", [HEAD], () => map.freePagesPrepare(HEAD, 3));
    poke(map, HEAD, 88, 4, 0xffffffff);
    poke(map, HEAD + 6, 48, 4, 0);
    refused(map, "folio-mapped", [HEAD], () => map.freePagesPrepare(HEAD, 3));
  });

  it("a folio whose _large_mapcount is not -1 (free_tail_page_prepare: nonzero large_mapcount, 7.3)", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    poke(map, HEAD, 80, 4, 0);
    refused(map, "folio-mapped", [HEAD], () => map.freePagesPrepare(HEAD, 3));
  });

  it("the same with NO_PAGE_MAPCOUNT, where no other field tells (7.3)", () => {
    const map = machine(defineProfile("7.3", { mapcount: "average" }), 1, { build });
    compound(map, HEAD, 3);
    poke(map, HEAD, 80, 4, 0);
    refused(map, "folio-mapped", [HEAD], () => map.freePagesPrepare(HEAD, 3));
  });

  it("a folio whose _pincount or _nr_pages_mapped is not 0 (still carries a count, 7.3)", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    poke(map, HEAD, 92, 4, 1);
    refused(map, "folio-mapped", [HEAD], () => map.freePagesPrepare(HEAD, 3));
    poke(map, HEAD, 92, 4, 0);
    poke(map, HEAD, 84, 4, 1);
    refused(map, "folio-mapped", [HEAD], () => map.freePagesPrepare(HEAD, 3));
  });

  it("a poisoned page (hwpoison)", () => {
    for (const preset of ["6.1", "6.12", "7.3"] as const) {
      const map = machine(preset, 1, { build });
      map.setFlag(77, "hwpoison");
      refused(map, "hwpoison", [77], () => map.freePagesPrepare(77, 0));
    }
  });

  it("a tail, part of a folio, or more than a folio (not-compound, …)", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    refused(map, "not-compound", [HEAD + 1], () => map.freePagesPrepare(HEAD + 1, 0));
    for (const order of [0, 2, 4]) {
      const before = hex(slotsFrom(map, HEAD, 16));
      expect(() => map.freePagesPrepare(HEAD, order)).toThrow();
      expect(hex(slotsFrom(map, HEAD, 16))).toBe(before);
    }
  });

  it("a list with one bad folio frees none (freePagesPrepareAll)", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    compound(map, HEAD + 8, 3).setRefcount(1);
    refused(map, "not-frozen", [HEAD + 8], () => map.freePagesPrepareAll([HEAD, HEAD + 8], 3));
    map.folio(HEAD + 8).freeze(1);
    map.freePagesPrepareAll(Uint32Array.of(HEAD, HEAD + 8), 3);
    expect(map.foliosByOrder()[0]).toBe(SECTION);
  });

  it("a list that names a folio twice is refused whole", () => {
    const map = machine("7.3", 1, { build });
    compound(map, HEAD, 3);
    const before = map.slotBytes().slice();
    expect(() => map.freePagesPrepareAll([HEAD, HEAD], 3)).toThrow();
    expect(Buffer.compare(before, map.slotBytes())).toBe(0);
  });
});
