import { describe, expect, it } from "vitest";
import { type Build, defineProfile, type PresetName, type Profile, type Vmemmap } from "../../src/index.js";
import { builds, compound, machine, poke } from "./machine.js";

const HEAD = 1024;

function folioOf(profile: PresetName | Profile, order: number, build: Build): Vmemmap {
  const map = machine(profile, 1, { build });
  compound(map, HEAD, order);
  return map;
}

/** Own counts of all pages: `count` is what stands in the word, -1 based. */
function ownCounts(map: Vmemmap, order: number, count: number): void {
  for (let i = 0; i < 1 << order; i++) poke(map, HEAD + i, 48, 4, count);
}

const places = {
  "6.12": { large: 80, entire: 84, pagesMapped: 88, pincount: 92 },
  "6.17": { large: 80, entire: 88, pagesMapped: 84, pincount: 92 },
  "7.3": { large: 80, entire: 88, pagesMapped: 84, pincount: 92 },
} as const;
const precise = Object.keys(places) as (keyof typeof places)[];

describe.each(builds)("mapcounts (%s build)", (build) => {
  it.each(["5.15", "6.1", "6.12", "7.3"] as const)("a small page: the word + 1 (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    expect([map.pageMapcount(77), map.folio(77).mapcount]).toEqual([0, 0]);
    poke(map, 77, 48, 4, 2);
    expect([map.pageMapcount(77), map.folio(77).mapcount]).toEqual([3, 3]);
  });

  it.each(["6.1", "6.12", "7.3"] as const)("a typed page has none (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.setPageType(77, "table");
    expect([map.pageMapcount(77), map.folio(77).mapcount]).toEqual([0, 0]);
  });

  it.each(precise)("anonymous, mapped by PTEs: each page once, in all nr (%s)", (preset) => {
    const map = folioOf(preset, 4, build);
    const at = places[preset];
    ownCounts(map, 4, 0);
    poke(map, HEAD, at.large, 4, 15);
    poke(map, HEAD, at.pagesMapped, 4, 16);
    const folio = map.folio(HEAD + 9);
    expect([folio.mapcount, folio.largeMapcount, folio.entireMapcount, folio.nrPagesMapped]).toEqual([16, 16, 0, 16]);
    for (let i = 0; i < 16; i++) expect(map.pageMapcount(HEAD + i)).toBe(1);
  });

  it.each(precise)("anonymous, mapped by a PMD: one mapping in all, one of each page (%s)", (preset) => {
    const map = folioOf(preset, 9, build);
    const at = places[preset];
    poke(map, HEAD, at.large, 4, 0);
    poke(map, HEAD, at.entire, 4, 0);
    poke(map, HEAD, at.pagesMapped, 4, 0x800000);
    const folio = map.folio(HEAD + 100);
    expect([folio.mapcount, folio.entireMapcount, folio.nrPagesMapped]).toEqual([1, 1, 0x800000]);
    for (const i of [0, 1, 2, 63, 64, 511]) expect(map.pageMapcount(HEAD + i)).toBe(1);
  });

  it.each(precise)(
    "both at once: own count + entire count, page by page (folio_precise_page_mapcount, %s)",
    (preset) => {
      const map = folioOf(preset, 9, build);
      const at = places[preset];
      poke(map, HEAD, at.large, 4, 4); // two PMDs, three PTEs
      poke(map, HEAD, at.entire, 4, 1);
      poke(map, HEAD + 7, 48, 4, 1);
      poke(map, HEAD + 8, 48, 4, 0);
      poke(map, HEAD, at.pagesMapped, 4, 0x800002);
      const folio = map.folio(HEAD);
      expect([6, 7, 8, 9].map((i) => map.pageMapcount(HEAD + i))).toEqual([2, 4, 3, 2]);
      expect([folio.mapcount, folio.entireMapcount, folio.nrPagesMapped]).toEqual([5, 2, 0x800002]);
    },
  );

  it.each(precise)("hugetlb: no page tracked, the entire count is each page's (%s)", (preset) => {
    const map = folioOf(preset, 9, build);
    const at = places[preset];
    map.setPageType(HEAD, "hugetlb");
    poke(map, HEAD, at.large, 4, 2);
    poke(map, HEAD, at.entire, 4, 2);
    const folio = map.folio(HEAD + 3);
    expect([folio.mapcount, folio.entireMapcount, folio.nrPagesMapped]).toEqual([3, 3, 0]);
    // The head's own word is a type, which counts as 0.
    expect([map.pageMapcount(HEAD), map.pageMapcount(HEAD + 3), map.pageMapcount(HEAD + 511)]).toEqual([3, 3, 3]);
  });

  it("pincount: of the folio, as it stands", () => {
    for (const [preset, offset] of [
      ["6.1", 88],
      ["6.12", 92],
      ["7.3", 92],
      ["5.15", 144],
    ] as const) {
      const map = folioOf(preset, 4, build);
      poke(map, HEAD, offset, 4, 1027);
      expect(map.folio(HEAD + 3).pincount).toBe(1027);
      expect(map.folio(5).pincount).toBe(0);
    }
  });
});

describe.each(builds)("mapcounts up to 6.1: compound_mapcount (%s build)", (build) => {
  const anon = (map: Vmemmap) => map.writeWord(HEAD, 24, 0xffff888012345001n);
  const file = (map: Vmemmap) => map.writeWord(HEAD, 24, 0xffff888012345000n);

  it.each(["5.15", "6.1"] as const)("an anonymous THP mapped by a PMD: each page and the folio once (%s)", (preset) => {
    const map = folioOf(preset, 9, build);
    anon(map);
    poke(map, HEAD, 84, 4, 0);
    const folio = map.folio(HEAD + 5);
    expect([folio.mapcount, folio.entireMapcount, map.pageMapcount(HEAD), map.pageMapcount(HEAD + 511)]).toEqual([
      1, 1, 1, 1,
    ]);
  });

  it.each(["5.15", "6.1"] as const)(
    "an anonymous THP mapped both ways: PG_double_map's extra count is taken off (%s)",
    (preset) => {
      const map = folioOf(preset, 9, build);
      anon(map);
      // One process by PMD, one by PTE at page 7: every page carries one more for PG_double_map.
      ownCounts(map, 9, 0);
      poke(map, HEAD + 7, 48, 4, 1);
      poke(map, HEAD, 84, 4, 0);
      map.setFlag(HEAD, "double_map");
      expect([map.pageMapcount(HEAD + 6), map.pageMapcount(HEAD + 7), map.pageMapcount(HEAD + 511)]).toEqual([1, 2, 1]);
      expect(map.folio(HEAD).mapcount).toBe(2);
    },
  );

  it.each(["5.15", "6.1"] as const)("an anonymous THP mapped by PTEs alone: own counts (%s)", (preset) => {
    const map = folioOf(preset, 9, build);
    anon(map);
    ownCounts(map, 9, 0);
    poke(map, HEAD + 7, 48, 4, 4);
    expect([map.pageMapcount(HEAD + 6), map.pageMapcount(HEAD + 7), map.folio(HEAD).mapcount]).toEqual([1, 5, 516]);
  });

  it.each(["5.15", "6.1"] as const)("a file THP: its PMD mapping stands in every page's own count (%s)", (preset) => {
    const map = folioOf(preset, 9, build);
    file(map);
    ownCounts(map, 9, 0);
    poke(map, HEAD, 84, 4, 0);
    expect([map.pageMapcount(HEAD), map.pageMapcount(HEAD + 7), map.folio(HEAD).mapcount]).toEqual([1, 1, 1]);
    poke(map, HEAD + 7, 48, 4, 1);
    expect([map.pageMapcount(HEAD + 7), map.pageMapcount(HEAD + 8), map.folio(HEAD).mapcount]).toEqual([2, 1, 2]);
  });

  it.each(["5.15", "6.1"] as const)("hugetlb: compound_mapcount alone (%s)", (preset) => {
    const map = folioOf(preset, 9, build);
    file(map);
    poke(map, HEAD, 80, 1, 2);
    poke(map, HEAD, 84, 4, 4);
    expect([map.folio(HEAD).mapcount, map.folio(HEAD).entireMapcount]).toEqual([5, 5]);
    expect([map.pageMapcount(HEAD), map.pageMapcount(HEAD + 3)]).toEqual([5, 5]);
  });

  it.each(["5.15", "6.1"] as const)(
    "a typed page of an anonymous THP has no mappings (kpagecount_read, %s)",
    (preset) => {
      const map = folioOf(preset, 9, build);
      map.writeWord(HEAD, 24, 0xffff888000abc001n);
      poke(map, HEAD, 84, 4, 0);
      poke(map, HEAD + 5, 48, 4, 0xfffffdff);
      expect([4, 5].map((i) => map.pageMapcount(HEAD + i))).toEqual([1, 0]);
    },
  );

  it("a garbage number of pages counts no further than a folio here may reach (6.1)", () => {
    const map = folioOf("6.1", 9, build);
    poke(map, HEAD, 92, 4, 2 ** 20);
    poke(map, HEAD + 1023, 48, 4, 0);
    poke(map, HEAD + 1024, 48, 4, 0);
    map.writeWord(HEAD, 24, 0xffff888000abc001n);
    expect(map.folio(HEAD).mapcount).toBe(1);
  });

  it("there is no large mapcount and no mm id: 0 (6.1)", () => {
    const folio = folioOf("6.1", 9, build).folio(HEAD);
    expect([folio.largeMapcount, folio.nrPagesMapped, folio.mmIds]).toEqual([0, 0, [0, 0]]);
  });
});

describe.each(builds)("mapcounts without CONFIG_PAGE_MAPCOUNT: averages (%s build)", (build) => {
  const average = defineProfile("7.3", { name: "no page mapcount", mapcount: "average" });

  it.each([
    // large, entire, mapcount of each page of four
    [0, 0, 0],
    [1, 1, 1],
    [3, 3, 3],
    [1, 0, 1], // 0.25: at least 1
    [5, 0, 1], // 1.25
    [6, 0, 2], // 1.5
    [8, 0, 2],
    [4, 1, 2], // 1 + 0.75
    [3, 1, 2], // 1 + 0.5
    [9, 1, 3],
    [40, 20, 25],
  ])("%i mappings, %i entire, of 4 pages: %i (folio_average_page_mapcount)", (large, entire, each) => {
    const map = folioOf(average, 2, build);
    poke(map, HEAD, 80, 4, large - 1);
    poke(map, HEAD, 88, 4, entire - 1);
    expect([0, 1, 2, 3].map((i) => map.pageMapcount(HEAD + i))).toEqual([each, each, each, each]);
    expect([map.folio(HEAD).mapcount, map.folio(HEAD).entireMapcount]).toEqual([large, entire]);
  });

  it("pages' own words are not read (7.3)", () => {
    const map = folioOf(average, 2, build);
    ownCounts(map, 2, 6);
    expect(map.pageMapcount(HEAD + 1)).toBe(0);
  });

  it("a small page's mapcount is its own (7.3)", () => {
    const map = machine(average, 1, { build });
    poke(map, 77, 48, 4, 6);
    expect(map.pageMapcount(77)).toBe(7);
  });
});

describe.each(builds)("mm ids and sharing (%s build)", (build) => {
  it.each(["6.17", "7.3"] as const)(
    "ids are 31 bits: neither the lock nor the shared bit is part of one (%s)",
    (preset) => {
      const map = folioOf(preset, 4, build);
      poke(map, HEAD, 104, 4, 0x80000005);
      poke(map, HEAD, 108, 4, 0x80000007);
      poke(map, HEAD, 96, 4, 3);
      poke(map, HEAD, 100, 4, -1);
      const folio = map.folio(HEAD + 6);
      expect([folio.mmIds, folio.mmIdMapcounts]).toEqual([
        [5, 7],
        [3, -1],
      ]);
    },
  );

  it("large: bit 63 of _mm_ids, unless mapped once at most (folio_maybe_mapped_shared, 7.3)", () => {
    const map = folioOf("7.3", 4, build);
    const shared = (large: number, bit63: boolean) => {
      poke(map, HEAD, 80, 4, large - 1);
      poke(map, HEAD, 108, 4, bit63 ? 0x80000000 : 0);
      return map.folio(HEAD).maybeMappedShared;
    };
    expect([shared(0, true), shared(1, true), shared(2, true), shared(2, false), shared(100, false)]).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it("bit 31 of the first id is a lock, not sharing (7.3)", () => {
    const map = folioOf("7.3", 4, build);
    poke(map, HEAD, 80, 4, 5);
    poke(map, HEAD, 104, 4, 0x80000001);
    expect(map.folio(HEAD).maybeMappedShared).toBe(false);
  });

  it("small: mapped more than once (7.3)", () => {
    const map = machine("7.3", 1, { build });
    poke(map, 77, 48, 4, 0);
    expect(map.folio(77).maybeMappedShared).toBe(false);
    poke(map, 77, 48, 4, 1);
    expect(map.folio(77).maybeMappedShared).toBe(true);
  });

  it("hugetlb: mapped more than once, whatever bit 63 says (7.3)", () => {
    const map = folioOf("7.3", 9, build);
    map.setPageType(HEAD, "hugetlb");
    poke(map, HEAD, 80, 4, 1);
    poke(map, HEAD, 88, 4, 1);
    expect(map.folio(HEAD).maybeMappedShared).toBe(true);
    poke(map, HEAD, 80, 4, 0);
    poke(map, HEAD, 88, 4, 0);
    poke(map, HEAD, 108, 4, 0x80000000);
    expect(map.folio(HEAD).maybeMappedShared).toBe(false);
  });

  it("before mm ids: mapped more than once (6.12)", () => {
    const map = folioOf("6.12", 4, build);
    poke(map, HEAD, 80, 4, 0);
    expect(map.folio(HEAD).maybeMappedShared).toBe(false);
    poke(map, HEAD, 80, 4, 1);
    expect(map.folio(HEAD).maybeMappedShared).toBe(true);
  });
});
