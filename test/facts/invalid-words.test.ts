import { describe, expect, it } from "vitest";
import { type Build, type PresetName, Vmemmap } from "../../src/index.js";
import { builds, errorOf, machine, SECTION } from "./machine.js";

/** The page reads as bad-head alone and as 0xffffffff in every place of a batch; it is counted each time. */
function invalid(map: Vmemmap, pfn: number, good: number): void {
  const error = errorOf(() => map.compoundHead(pfn));
  expect([error.code, error.message.includes(String(pfn))]).toEqual(["bad-head", true]);
  for (const call of [
    () => map.folio(pfn),
    () => map.folioOrder(pfn),
    () => map.folioNrPages(pfn),
    () => map.folioPageIdx(pfn),
    () => map.pageCount(pfn),
    () => map.tryGetPage(pfn),
    () => map.pageMapcount(pfn),
    () => map.testFlag(pfn, "dirty"),
    () => map.setFlag(pfn, "dirty"),
  ]) {
    expect(errorOf(call).code).toBe("bad-head");
  }
  // Nine pages: a full round of eight lanes and a rest.
  const list = Uint32Array.of(pfn, good, good, pfn, good, good, good, good, pfn);
  const heads = new Uint32Array(9);
  expect(map.headsInto(list, heads)).toBe(3);
  expect([...heads].map((head) => head === 0xffffffff)).toEqual([
    true,
    false,
    false,
    true,
    false,
    false,
    false,
    false,
    true,
  ]);
  const answers = new Int32Array(9);
  for (const batch of [
    "ordersInto",
    "folioIdsInto",
    "folioRefcountsInto",
    "mapcountsInto",
    "folioMapcountsInto",
  ] as const) {
    expect(`${batch} ${map[batch](list, answers)} ${answers[0]} ${answers[8]}`).toBe(`${batch} 3 -1 -1`);
  }
  const doubles = new Float64Array(9);
  expect([map.ordersInto(list, doubles), doubles[0], doubles[3], doubles[8]]).toEqual([3, NaN, NaN, NaN]);
  const flags = new BigUint64Array(9);
  expect([map.folioFlagsInto(list, flags), flags[0]]).toEqual([3, 0xffffffffffffffffn]);
  expect([map.heads(list), list[0], list[8]]).toEqual([3, 0xffffffff, 0xffffffff]);
  const range = new Uint32Array(1);
  expect([map.headsInto({ start: pfn, count: 1 }, range), range[0]]).toEqual([1, 0xffffffff]);
}

/** A map whose page `pfn` has this word at +8, after a scan or before one. */
function withWord(preset: PresetName, pfn: number, word: bigint, build: Build, sections = 1): Vmemmap {
  const map = machine(preset, sections, { build, initialize: sections === 1 });
  map.writeWord(pfn, 8, word);
  return map;
}

describe.each(builds)("tagged words that lead nowhere (%s build)", (build) => {
  describe.each(["5.15", "6.1", "6.18"] as const)("pointers (%s)", (preset) => {
    it.each([
      ["wrong in the high half alone", 0xffffeb0000010001n],
      ["wrong in the high half alone: bit 63", 0x7fffea0000010001n],
      ["wrong in bit 38: PFN 2^32 further", 0xffffea4000010001n],
      ["no multiple of 64", 0xffffea0000010021n],
      ["no multiple of 64, by two", 0xffffea0000010003n],
      ["the next page", 0xffffea0000010181n],
      ["the last page of the map", 0xffffea00001fffc1n],
      ["below vmemmap_base", 0xffffe9ffffffffc1n],
      ["the tag alone", 1n],
      ["all ones", 0xffffffffffffffffn],
      ["a mask", 0xffffffffffff8001n],
    ])("%s: %s", (_, word) => {
      invalid(withWord(preset, 1029, word, build), 1029, 5);
    });
  });

  it.each([
    ["wrong in the high half alone: bit 63", 0x7fffffffffff8001n],
    ["the high half 0", 0x00000000ffff8001n],
    ["the tag alone", 1n],
    ["a pointer", 0xffffea0000010001n & 0x00000000ffffffffn],
  ])("masks (7.3): %s: %s", (_, word) => {
    invalid(withWord("7.3", 1029, word, build), 1029, 5);
  });

  it("a pointer as far as the largest folio's last page is good, one page more is not (order 18, 6.1)", () => {
    const map = withWord("6.1", 2 ** 18 + 5, 0xffffea0000000181n, build, 9); // PFN 6
    expect(map.compoundHead(2 ** 18 + 5)).toBe(6);
    map.writeWord(2 ** 18 + 5, 8, 0xffffea0000000141n); // PFN 5
    invalid(map, 2 ** 18 + 5, 5);
  });

  it("a mask that leads further than the largest folio (order 22, 7.3)", () => {
    const map = new Vmemmap({
      profile: "7.3",
      build,
      initialize: false,
      memory: [
        { start: 0, end: SECTION },
        { start: 2 ** 22, end: 2 ** 22 + SECTION },
      ],
    });
    map.writeWord(2 ** 22 + 3, 8, 0xffffffffe0000001n); // rounds down to 2^23 pages
    invalid(map, 2 ** 22 + 3, 5);
    map.writeWord(2 ** 22 + 3, 8, 0xfffffffff0000001n);
    expect(map.compoundHead(2 ** 22 + 3)).toBe(2 ** 22);
  });

  it.each([
    ["6.18", 0xffffea0000200041n], // PFN 32769
    ["7.3", 0xffffffffff800001n], // rounds PFN 65541 down to 0
  ] as const)("into an absent section (%s)", (preset, word) => {
    const map = new Vmemmap({ profile: preset, build, memory: [{ start: 2 * SECTION, end: 3 * SECTION }] });
    map.writeWord(65541, 8, word);
    invalid(map, 65541, 65536);
  });

  it.each([
    ["6.18", 0xffffea0000400001n], // PFN 65536
    ["7.3", 0xffffffffffe00001n], // rounds PFN 66053 down to 65536
  ] as const)("into an absent subsection of a present section (%s)", (preset, word) => {
    const map = new Vmemmap({
      profile: preset,
      build,
      memory: [{ start: 2 * SECTION + 512, end: 2 * SECTION + 1024, hotplug: true }],
    });
    map.writeWord(66053, 8, word);
    invalid(map, 66053, 66050);
  });

  it("a fake head whose next slot's word leads nowhere (6.18)", () => {
    const map = machine("6.18", 1, { build });
    map.writeWord(1024, 0, 0x40n);
    map.writeWord(1025, 8, 0xffffeb0000010001n);
    invalid(map, 1024, 5);
  });

  it("whatever random words say, no lookup leaves the map (all encodings)", () => {
    for (const preset of ["5.15", "6.18", "7.3"] as const) {
      const map = machine(preset, 1, { build });
      const words = new Uint32Array(map.slotBytes().buffer, map.slotBytes().byteOffset, map.slots * 16);
      let x = 1;
      for (let i = 0; i < words.length; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        words[i] = x ^= x << 5;
      }
      map.checkWellFormed();
      const heads = new Uint32Array(SECTION);
      const wrong = map.headsInto({ start: 0, count: SECTION }, heads);
      expect(heads.filter((head) => head === 0xffffffff).length).toBe(wrong);
      expect(heads.every((head, pfn) => head === 0xffffffff || head <= pfn)).toBe(true);
      expect(wrong).toBeGreaterThan(SECTION / 8);
    }
  });
});

describe.each(builds)("absent pages in batches (%s build)", (build) => {
  it("read 0xffffffff, -1, NaN, all ones, and are counted", () => {
    const map = machine("7.3", 1, { build });
    const list = Uint32Array.of(5, SECTION, 6, 0xffffffff, 0x80000000);
    const out = new Uint32Array(5);
    expect([map.headsInto(list, out), [...out]]).toEqual([3, [5, 0xffffffff, 6, 0xffffffff, 0xffffffff]]);
    expect([map.slotsOf(list, out), [...out]]).toEqual([3, [5, 0xffffffff, 6, 0xffffffff, 0xffffffff]]);
    const signed = new Int32Array(5);
    expect([map.refcountsInto(list, signed), [...signed]]).toEqual([3, [0, -1, 0, -1, -1]]);
    expect([map.mapcountsInto(list, signed), [...signed]]).toEqual([3, [0, -1, 0, -1, -1]]);
    const doubles = new Float64Array(5);
    expect([map.refcountsInto(list, doubles), [...doubles]]).toEqual([3, [0, NaN, 0, NaN, NaN]]);
    const flags = new BigUint64Array(5);
    expect([map.flagsInto(list, flags), flags[1], flags[4]]).toEqual([3, 0xffffffffffffffffn, 0xffffffffffffffffn]);
  });

  it("a range that ends past the map counts what is absent", () => {
    const map = machine("7.3", 1, { build });
    const out = new Uint32Array(10);
    expect([map.headsInto({ start: SECTION - 4, count: 10 }, out), out[3], out[4]]).toEqual([6, 32767, 0xffffffff]);
  });

  it("numbers that are no PFN are absent in a Float64 list", () => {
    const map = new Vmemmap({
      build,
      memory: [
        { start: 0, end: SECTION },
        { start: 2 ** 32, end: 2 ** 32 + SECTION },
      ],
    });
    const list = Float64Array.of(NaN, -1, 1.5, Infinity, -Infinity, 2 ** 60, 2 ** 52 + 5, -0, 5);
    const out = new Float64Array(9);
    expect([map.headsInto(list, out), [...out]]).toEqual([7, [NaN, NaN, NaN, NaN, NaN, NaN, NaN, 0, 5]]);
  });
});

describe.each(builds)("the well-formed mark (%s build)", (build) => {
  it("a new map has it; a raw word clears it, a scan gives it back", () => {
    const map = machine("7.3", 2, { build });
    expect([map.isWellFormed(5), map.isWellFormed(SECTION)]).toEqual([true, true]);
    map.writeWord(5, 40, 1n);
    expect(map.isWellFormed(5)).toBe(false);
    expect([map.checkWellFormed(), map.isWellFormed(5)]).toEqual([0, true]);
    map.writeSlots(5, new Uint8Array(64));
    expect(map.isWellFormed(5)).toBe(false);
    expect([map.checkWellFormed(), map.isWellFormed(5)]).toEqual([0, true]);
  });

  it("the scan counts ill-formed words, and marks just the sections without one", () => {
    const map = machine("6.18", 2, { build });
    map.writeWord(5, 8, 0xffffeb0000000001n);
    map.writeWord(77, 8, 0xffffea0000000021n);
    expect(map.checkWellFormed()).toBe(2);
    expect([map.isWellFormed(5), map.isWellFormed(SECTION)]).toEqual([false, true]);
    map.writeWord(5, 8, 0n);
    map.writeWord(77, 8, 0n);
    expect([map.checkWellFormed(), map.isWellFormed(5)]).toEqual([0, true]);
  });

  it("writes through slotBytes are found by the scan", () => {
    const map = machine("7.3", 1, { build });
    map.slotBytes().fill(0, 5 * 64 + 8, 5 * 64 + 16)[5 * 64 + 8] = 1;
    expect([map.checkWellFormed(), map.isWellFormed(5)]).toEqual([1, false]);
  });

  it("the kernel's operations keep it", () => {
    for (const preset of ["5.15", "6.1", "6.18", "7.3"] as const) {
      const map = machine(preset, 1, { build });
      map.prepCompoundPage(1024, 9);
      const folio = map.folio(1024);
      folio.setRefcount(1);
      map.setFlag(1024, "dirty");
      map.setPageLinks(1024, 512, 1, 1);
      map.setLastCpupid(1030, 5);
      map.setPageType(77, "buddy");
      folio.put();
      expect(map.isWellFormed(1024)).toBe(true);
      map.splitFolioToOrder(1024, 2);
      map.freePagesPrepare(1028, 2);
      map.prepCompoundPage(2048, 9);
      map.hugetlbVmemmapOptimizeFolio(2048);
      expect(map.isWellFormed(1024)).toBe(true);
      map.hugetlbVmemmapRestoreFolio(2048);
      expect([map.isWellFormed(1024), map.checkWellFormed()]).toEqual([true, 0]);
    }
  });

  it("the kernel's operations do not give it back", () => {
    const map = machine("7.3", 1, { build });
    map.writeWord(5, 8, 1n);
    map.prepCompoundPage(1024, 9);
    expect(map.isWellFormed(1024)).toBe(false);
  });
});
