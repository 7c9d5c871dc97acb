import { describe, expect, it } from "vitest";
import { builds, everyPreset, machine, peek, poke, refused } from "./machine.js";

describe.each(builds)("page types (%s build)", (build) => {
  it.each([
    ["6.1", "buddy", 0xffffff7fn],
    ["6.1", "offline", 0xfffffeffn],
    ["6.1", "table", 0xfffffdffn],
    ["6.1", "guard", 0xfffffbffn],
    ["5.15", "buddy", 0xffffff7fn],
    ["5.15", "table", 0xfffffdffn],
    ["6.12", "buddy", 0xf0000000n],
    ["6.12", "offline", 0xf1000000n],
    ["6.12", "table", 0xf2000000n],
    ["6.12", "guard", 0xf3000000n],
    ["6.12", "hugetlb", 0xf4000000n],
    ["6.12", "slab", 0xf5000000n],
    ["6.12", "zsmalloc", 0xf6000000n],
    ["6.12", "unaccepted", 0xf7000000n],
    ["6.17", "large_kmalloc", 0xf8000000n],
    ["7.3", "buddy", 0xf0000000n],
    ["7.3", "offline", 0xf1000000n],
    ["7.3", "table", 0xf2000000n],
    ["7.3", "hugetlb", 0xf4000000n],
    ["7.3", "slab", 0xf5000000n],
    ["7.3", "large_kmalloc", 0xf8000000n],
  ] as const)("%s %s is the word %s, and cleared 0xffffffff", (preset, name, word) => {
    const map = machine(preset, 1, { build });
    map.setPageType(77, name);
    expect([peek(map, 77, 48, 4), map.pageType(77), map.pageMapcount(77)]).toEqual([word, name, 0]);
    expect(peek(map, 77, 52, 4)).toBe(0n);
    map.clearPageType(77, name);
    expect([peek(map, 77, 48, 4), map.pageType(77)]).toEqual([0xffffffffn, null]);
  });

  it("buddy is -129 as a signed word (PAGE_BUDDY_MAPCOUNT_VALUE, 6.1)", () => {
    const map = machine("6.1", 1, { build });
    poke(map, 77, 48, 4, -129);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual(["buddy", 0]);
  });

  it.each(["6.12", "7.3"] as const)(
    "large_kmalloc is no type before 6.17, zsmalloc's low 24 bits are its own (%s)",
    (preset) => {
      const map = machine(preset, 1, { build });
      for (const word of [0xf6000000, 0xf6000001, 0xf6ffffff, 0xf6abcdef]) {
        poke(map, 77, 48, 4, word);
        expect([map.pageType(77), map.pageMapcount(77)]).toEqual(["zsmalloc", 0]);
      }
      poke(map, 77, 48, 4, 0xf8000000);
      expect(map.pageType(77)).toBe(preset === "6.12" ? null : "large_kmalloc");
    },
  );

  it.each([0x80, 0x81, 0xa0, 0xef])(
    "top byte %i is an overflowed mapcount: no type by name, and no mapcount (6.12 on)",
    (byte) => {
      for (const preset of ["6.12", "6.17", "7.3"] as const) {
        const map = machine(preset, 1, { build });
        poke(map, 77, 48, 4, byte * 2 ** 24 + 5);
        expect([map.pageType(77), map.pageMapcount(77), map.folio(77).mapcount]).toEqual([null, 0, 0]);
      }
    },
  );

  it("top bytes 0xf9..0xfe have no name but are typed; 0xff is none (7.3)", () => {
    const map = machine("7.3", 1, { build });
    poke(map, 77, 48, 4, 0xfe000000);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, 0]);
    poke(map, 77, 48, 4, 0xffffffff);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, 0]);
  });

  it("0x00..0x7f is a real mapcount (7.3)", () => {
    const map = machine("7.3", 1, { build });
    poke(map, 77, 48, 4, 0x7ffffffe);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, 0x7fffffff]);
    poke(map, 77, 48, 4, 0);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, 1]);
  });

  it.each(["5.15", "6.1"] as const)("zsmalloc's bare offset reads as mapped offset + 1 times (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    poke(map, 77, 48, 4, 0);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, 1]);
    poke(map, 77, 48, 4, 1536);
    expect(map.pageMapcount(77)).toBe(1537);
  });

  it("6.1: a word of -128 and above is no type (PAGE_MAPCOUNT_RESERVE)", () => {
    const map = machine("6.1", 1, { build });
    poke(map, 77, 48, 4, -128);
    expect(map.pageType(77)).toBe(null);
    poke(map, 77, 48, 4, -1);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, 0]);
  });

  it.each([
    ["5.15", -128],
    ["6.1", -128],
    ["6.12", -0x1000000],
    ["7.3", -0x1000000],
  ] as const)("the first word above all types is a count below 0 (page_has_type, %s)", (preset, word) => {
    const map = machine(preset, 1, { build });
    poke(map, 77, 48, 4, word);
    expect([map.pageType(77), map.pageMapcount(77)]).toEqual([null, word + 1]);
  });

  it.each(["5.15", "6.1"] as const)("an untyped page has no type to clear (__ClearPageBuddy, %s)", (preset) => {
    const map = machine(preset, 1, { build });
    refused(map, "page-type", [77], () => map.clearPageType(77, "buddy"));
  });

  it.each(everyPreset)("setting the type a page has does nothing (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.setPageType(77, "offline");
    const word = peek(map, 77, 48, 4);
    map.setPageType(77, "offline");
    expect(peek(map, 77, 48, 4)).toBe(word);
  });

  it.each(everyPreset)("a mapped page gets no type, and a type that a page lacks is not cleared (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.setPageType(77, "offline");
    refused(map, "page-type", [77], () => map.clearPageType(77, "buddy"));
    poke(map, 78, 48, 4, 0);
    refused(map, "page-type", [78], () => map.setPageType(78, "buddy"));
    refused(map, "page-type", [78], () => map.clearPageType(78, "buddy"));
  });

  it.each(["6.12", "7.3"] as const)("clearing the type of an untyped page does nothing (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.clearPageType(79, "buddy");
    expect(peek(map, 79, 48, 4)).toBe(0xffffffffn);
  });

  it.each(["6.12", "6.17", "7.3"] as const)("one type at a time: the top byte is an enum (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.setPageType(77, "offline");
    refused(map, "page-type", [77], () => map.setPageType(77, "buddy"));
  });

  it("a type that the kernel lacks is refused by name (hugetlb up to 6.1, large_kmalloc in 6.14)", () => {
    for (const [preset, name] of [
      ["6.1", "hugetlb"],
      ["6.14", "large_kmalloc"],
      ["7.3", "nonsense"],
    ] as const) {
      const map = machine(preset, 1, { build });
      refused(map, "bad-argument", [name], () => map.setPageType(77, name));
    }
  });

  it("the type stands on the head alone; tails keep 0xffffffff (7.3)", () => {
    const map = machine("7.3", 1, { build });
    map.prepCompoundPage(64, 3);
    map.setPageType(64, "slab");
    expect([map.pageType(64), map.pageType(65), peek(map, 65, 48, 4)]).toEqual(["slab", null, 0xffffffffn]);
    expect([map.folio(67).isSlab, map.folio(67).isHugetlb]).toEqual([true, false]);
  });

  it("hugetlb and slab are told by destructor and by flag up to 6.1, by type from 6.12 on", () => {
    for (const preset of ["5.15", "6.1"] as const) {
      const map = machine(preset, 1, { build });
      map.prepCompoundPage(64, 3);
      expect([map.folio(64).isHugetlb, map.folio(64).isSlab]).toEqual([false, false]);
      poke(map, 64, 80, 1, 2); // HUGETLB_PAGE_DTOR
      expect([map.folio(66).isHugetlb, map.folio(66).isSlab]).toEqual([true, false]);
      map.setFlag(64, "slab");
      expect([map.folio(66).isSlab, map.folio(9).isHugetlb]).toEqual([true, false]);
    }
    const map = machine("6.12", 1, { build });
    map.prepCompoundPage(64, 3);
    poke(map, 64, 80, 1, 2);
    expect(map.folio(64).isHugetlb).toBe(false);
    poke(map, 64, 80, 1, 0xff);
    map.setPageType(64, "hugetlb");
    expect(map.folio(66).isHugetlb).toBe(true);
  });
});
