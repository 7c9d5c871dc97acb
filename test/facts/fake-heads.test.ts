import { describe, expect, it } from "vitest";
import { type PresetName, type Vmemmap } from "../../src/index.js";
import { builds, compound, hex, machine, peek, poke, refused, SECTION, slotsFrom } from "./machine.js";

const fakeHeadPresets = ["6.1", "6.12", "6.14", "6.17", "6.18", "7.0"] as const;

/** PG_head of each numbering. */
const PG_HEAD: Partial<Record<PresetName, bigint>> = { "5.15": 1n << 16n, "6.1": 1n << 16n };
const pgHead = (preset: PresetName) => PG_HEAD[preset] ?? 1n << 6n;

/** A folio of order 9 at PFN 1024 whose slot at `pfn` shows PG_head and no tagged word, and the slot after it `next`. */
function withFakeHead(preset: PresetName, pfn: number, next: bigint, build: (typeof builds)[number] = "simd"): Vmemmap {
  const map = machine(preset, 1, { build });
  map.prepCompoundPage(1024, 9);
  map.writeWord(pfn, 0, pgHead(preset));
  map.writeWord(pfn, 8, 0n);
  map.writeWord(pfn + 1, 8, next);
  return map;
}
const HEAD_TAGGED = 0xffffea0000010001n; // head 1024

describe.each(builds)("page_fixed_fake_head (%s build)", (build) => {
  it.each(fakeHeadPresets)(
    "an aligned slot with PG_head leads where the next slot's tagged word does (%s)",
    (preset) => {
      const map = withFakeHead(preset, 1088, HEAD_TAGGED, build);
      expect(map.compoundHead(1088)).toBe(1024);
      expect([map.pageTail(1088), map.pageHead(1088), map.pageCompound(1088)]).toEqual([true, false, true]);
      const list = Uint32Array.of(1088, 1088, 1024, 1088, 1088);
      expect([map.heads(list), [...list]]).toEqual([0, [1024, 1024, 1024, 1024, 1024]]);
    },
  );

  it.each(fakeHeadPresets)("a fake head behind pages of an ill-formed section leads there too (%s)", (preset) => {
    const map = machine(preset, 2, { build });
    compound(map, 1024, 9);
    map.writeWord(1088, 0, pgHead(preset));
    map.writeWord(1088, 8, 0n);
    map.writeWord(SECTION + 5, 8, 1n);
    expect([map.checkWellFormed(), map.isWellFormed(0), map.isWellFormed(SECTION)]).toEqual([1, true, false]);
    const list = Uint32Array.of(1088, 7, 8, 9, SECTION, SECTION + 5, 7, 8, 7, 1088, 8, 1088);
    expect([map.heads(list), [...list]]).toEqual([1, [1024, 7, 8, 9, SECTION, 0xffffffff, 7, 8, 7, 1024, 8, 1024]]);
  });

  it.each(fakeHeadPresets)("a real head on a multiple of 64 takes the same path and gets itself (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    map.prepCompoundPage(1024, 9);
    map.prepCompoundPage(64, 1);
    for (const head of [1024, 64]) {
      expect([map.compoundHead(head), map.pageHead(head), map.pageTail(head)]).toEqual([head, true, false]);
    }
    const out = new Uint32Array(2);
    expect([map.headsInto({ start: 64, count: 2 }, out), [...out]]).toEqual([0, [64, 64]]);
  });

  it.each(fakeHeadPresets)("no step for a slot whose PFN is no multiple of 64 (%s)", (preset) => {
    const map = withFakeHead(preset, 1089, HEAD_TAGGED, build);
    expect([map.compoundHead(1089), map.pageHead(1089), map.pageTail(1089)]).toEqual([1089, true, false]);
    const list = Uint32Array.of(1089, 1090, 1089, 1090);
    expect([map.heads(list), [...list]]).toEqual([0, [1089, 1024, 1089, 1024]]);
  });

  it.each(fakeHeadPresets)(
    "an aligned slot with PG_head whose next slot is untagged is its own head (%s)",
    (preset) => {
      const map = withFakeHead(preset, 1088, 0n, build);
      expect([map.compoundHead(1088), map.pageHead(1088), map.pageTail(1088)]).toEqual([1088, true, false]);
      const list = Uint32Array.of(1088, 1088, 1088, 1088);
      expect([map.heads(list), [...list]]).toEqual([0, [1088, 1088, 1088, 1088]]);
    },
  );

  it.each(fakeHeadPresets)(
    "an aligned slot without PG_head is its own head, whatever the next slot says (%s)",
    (preset) => {
      const map = withFakeHead(preset, 1088, HEAD_TAGGED, build);
      map.writeWord(1088, 0, 0n);
      expect([map.compoundHead(1088), map.pageHead(1088), map.pageTail(1088)]).toEqual([1088, false, false]);
      expect(map.pageCompound(1088)).toBe(false);
    },
  );

  it.each(["5.15", "7.3"] as const)("no fake heads: PG_head without a tagged word is a head (%s)", (preset) => {
    const next = preset === "7.3" ? 0xffffffffffff8001n : HEAD_TAGGED;
    const map = withFakeHead(preset, 1088, next, build);
    expect([map.compoundHead(1088), map.pageHead(1088), map.pageTail(1088)]).toEqual([1088, true, false]);
    expect(map.compoundHead(1089)).toBe(1024);
  });

  it("the rule works for a map's last slot but one, and looks past no end for the very last vmemmap page (6.18)", () => {
    const map = machine("6.18", 1, { build });
    map.writeWord(SECTION - 64, 0, 0x40n);
    expect(map.compoundHead(SECTION - 64)).toBe(SECTION - 64);
    const list = Uint32Array.of(SECTION - 64);
    expect([map.heads(list), [...list]]).toEqual([0, [SECTION - 64]]);
  });
});

/** A hugetlb folio, made as its kernel tells one. */
function hugetlb(preset: PresetName, pfn: number, order: number, build: (typeof builds)[number]): Vmemmap {
  const sections = Math.max(1, (pfn + (1 << order)) / SECTION);
  const map = machine(preset, sections, { build });
  const folio = compound(map, pfn, order);
  folio.setRefcount(1);
  if (preset === "5.15" || preset === "6.1") {
    poke(map, pfn, 80, 1, 2); // HUGETLB_PAGE_DTOR
  } else {
    folio.setRefcount(0);
    map.setPageType(pfn, "hugetlb");
    folio.setRefcount(1);
  }
  map.checkWellFormed();
  expect(folio.isHugetlb).toBe(true);
  return map;
}

describe.each(builds)("a HVO-optimised hugetlb folio (%s build)", (build) => {
  describe.each(["6.1", "6.18"] as const)("up to 7.0: all later vmemmap pages show the head's (%s)", (preset) => {
    it.each([
      [1024, 9],
      [2 ** 18, 18],
    ])("PFN %i, order %i: slot i reads as slot i % 64 of the head's page, bit 4 of private set", (pfn, order) => {
      const map = hugetlb(preset, pfn, order, build);
      map.hugetlbVmemmapOptimizeFolio(pfn);
      expect(map.readWord(pfn, 40) & 0x10n).toBe(0x10n);
      const first = Buffer.from(slotsFrom(map, pfn, 64));
      const nr = 1 << order;
      let others = 0;
      for (let at = 64; at < nr; at += 64) others += first.equals(slotsFrom(map, pfn + at, 64)) ? 0 : 1;
      expect(others).toBe(0);
      // Tail 64k reads as the head: PG_head, the head's refcount and type.
      expect(map.pageRefCount(pfn + 64)).toBe(1);
      expect(map.testFlag(pfn + 64, "head")).toBe(true);
      if (preset === "6.18") expect(peek(map, pfn + 64, 48, 4)).toBe(0xf4000000n);
      // compound_order looks at that very page and the next: the folio's order.
      expect(map.compoundOrder(pfn + 64)).toBe(order);
    });

    it.each([
      [1024, 9],
      [2 ** 18, 18],
    ])("PFN %i, order %i: every slot still resolves, fake heads are tails", (pfn, order) => {
      const map = hugetlb(preset, pfn, order, build);
      map.hugetlbVmemmapOptimizeFolio(pfn);
      const heads = new Uint32Array(1 << order);
      expect(map.headsInto({ start: pfn, count: heads.length }, heads)).toBe(0);
      expect(heads.every((head) => head === pfn)).toBe(true);
      for (const i of [1, 63, 64, 65, 128, 256, (1 << order) - 64, (1 << order) - 1]) {
        expect([map.pageTail(pfn + i), map.pageHead(pfn + i), map.pageCompound(pfn + i)]).toEqual([true, false, true]);
        expect([map.compoundHead(pfn + i), map.folioPageIdx(pfn + i)]).toEqual([pfn, i]);
      }
      expect([map.pageTail(pfn), map.pageHead(pfn)]).toEqual([false, true]);
      expect(map.foliosByOrder()[order]).toBe(1);
      expect([...map.listHeads()]).toEqual([pfn]);
    });
  });

  it.each([
    [1024, 9],
    [2 ** 18, 18],
  ])("7.3: slots past the first vmemmap page show the zone's shared tail (PFN %i, order %i)", (pfn, order) => {
    const map = hugetlb("7.3", pfn, order, build);
    const own = hex(slotsFrom(map, pfn + 1, 63));
    map.hugetlbVmemmapOptimizeFolio(pfn);
    expect(map.readWord(pfn, 40) & 0x10n).toBe(0x10n);
    expect(hex(slotsFrom(map, pfn + 1, 63))).toBe(own);
    // Zone NORMAL, node 0, nothing else in flags; the mask; TAIL_MAPPING; mapcount -1, refcount 0.
    const words = [0x0010000000000000n, order === 9 ? 0xffffffffffff8001n : 0xffffffffff000001n];
    words.push(0n, 0xdead000000000400n, 0n, 0n, 0x00000000ffffffffn, 0n);
    const shared = new BigUint64Array(words.concat(...Array.from({ length: 63 }, () => words)));
    const expected = Buffer.from(shared.buffer);
    let others = 0;
    for (let at = 64; at < 1 << order; at += 64) others += expected.equals(slotsFrom(map, pfn + at, 64)) ? 0 : 1;
    expect(others).toBe(0);
    expect(map.pageHead(pfn + 64)).toBe(false);
    const heads = new Uint32Array(1 << order);
    expect(map.headsInto({ start: pfn, count: heads.length }, heads)).toBe(0);
    expect(heads.every((head) => head === pfn)).toBe(true);
  });

  it("5.15: two vmemmap pages stay, later ones show the second; no fake heads (free_huge_page_vmemmap)", () => {
    const map = hugetlb("5.15", 1024, 9, build);
    map.hugetlbVmemmapOptimizeFolio(1024);
    const second = hex(slotsFrom(map, 1024 + 64, 64));
    for (let at = 128; at < 512; at += 64) expect(hex(slotsFrom(map, 1024 + at, 64))).toBe(second);
    expect([map.isAlias(1024), map.isAlias(1024 + 64 * 7)]).toEqual([false, true]);
    for (const i of [64, 128, 192, 511]) {
      expect([map.testFlag(1024 + i, "head"), map.compoundHead(1024 + i)]).toEqual([false, 1024]);
    }
  });

  it.each(["5.15", "6.1", "6.18", "7.3"] as const)(
    "isAlias tells the optimised slots, and none elsewhere (%s)",
    (preset) => {
      const map = hugetlb(preset, 1024, 9, build);
      expect([map.isAlias(1024), map.isAlias(1024 + 448)]).toEqual([false, false]);
      map.hugetlbVmemmapOptimizeFolio(1024);
      expect([map.isAlias(1024 + 448), map.isAlias(1024 + 511)]).toEqual([true, true]);
      expect([map.isAlias(1023), map.isAlias(1536)]).toEqual([false, false]);
    },
  );

  it.each(["6.1", "6.12", "6.18", "7.0", "7.3"] as const)(
    "changes to it are refused as aliased-slots (%s)",
    (preset) => {
      const map = hugetlb(preset, 1024, 9, build);
      map.hugetlbVmemmapOptimizeFolio(1024);
      const folio = map.folio(1100);
      if (preset !== "7.3") {
        refused(map, "aliased-slots", [1024], () => folio.get());
        refused(map, "aliased-slots", [1024], () => folio.tryGet());
        refused(map, "aliased-slots", [1024], () => folio.put());
        refused(map, "aliased-slots", [1024], () => folio.freeze(1));
        refused(map, "aliased-slots", [1024], () => folio.setRefcount(2));
        refused(map, "aliased-slots", [1100], () => map.tryGetPage(1100));
      }
      refused(map, "aliased-slots", [1024], () => map.setFlag(1024, "dirty"));
      refused(map, "aliased-slots", [1024], () => map.clearFlag(1024, "head"));
      refused(map, "aliased-slots", [1024], () => map.hugetlbVmemmapOptimizeFolio(1024));
      refused(map, "aliased-slots", [], () => map.setFlag(1024 + 70, "hwpoison"));
      refused(map, "aliased-slots", [], () => map.setPageLinks(1024, 512, 2, 0));
      refused(map, "aliased-slots", [], () => map.setPageLinks(1020, 10, 2, 0));
      refused(map, "aliased-slots", [], () => map.setLastCpupid(1024 + 70, 1));
      refused(map, "aliased-slots", [], () => map.prepCompoundPage(1024, 9));
      if (preset !== "6.1") refused(map, "aliased-slots", [1024], () => map.clearPageType(1024, "hugetlb"));
      expect([folio.order, folio.refcount]).toEqual([9, 1]);
    },
  );

  it("counts go on from 7.1 on, where the head's frame is its own and writable", () => {
    const map = hugetlb("7.3", 1024, 9, build);
    map.hugetlbVmemmapOptimizeFolio(1024);
    map.folio(1100).get();
    expect(map.tryGetPage(1500)).toBe(true);
    expect([map.folio(1024).refcount, map.folio(1024).put(3), map.pageRefCount(1100)]).toEqual([3, true, 0]);
  });

  it.each(["6.1", "6.18", "7.3"] as const)("a frozen one is neither split nor freed (%s)", (preset) => {
    const map = hugetlb(preset, 1024, 9, build);
    expect(map.folio(1024).freeze(1)).toBe(true);
    map.hugetlbVmemmapOptimizeFolio(1024);
    refused(map, "aliased-slots", [1024], () => map.splitFolioToOrder(1024, 0));
    refused(map, "aliased-slots", [1024], () => map.freePagesPrepare(1024, 9));
    refused(map, "aliased-slots", [], () => map.splitFoliosToOrder([1024], 0));
    refused(map, "aliased-slots", [], () => map.freePagesPrepareAll([1024], 9));
  });

  it.each(["6.1", "6.18", "7.3"] as const)("restored, each slot is its own and changes go through (%s)", (preset) => {
    const map = hugetlb(preset, 1024, 9, build);
    map.hugetlbVmemmapOptimizeFolio(1024);
    map.hugetlbVmemmapRestoreFolio(1024);
    expect(map.readWord(1024, 40) & 0x10n).toBe(0n);
    for (const i of [1, 63, 64, 65, 66, 128, 448, 511]) {
      expect([map.isAlias(1024 + i), map.compoundHead(1024 + i), map.pageTail(1024 + i)]).toEqual([false, 1024, true]);
      expect([map.testFlag(1024 + i, "head"), map.readWord(1024 + i, 8) & 1n]).toEqual([false, 1n]);
      expect(map.pageRefCount(1024 + i)).toBe(0);
      expect(map.pageZone(1024 + i)).toBe(2);
    }
    for (const i of [64, 65, 66, 67, 511]) expect(map.readWord(1024 + i, 24)).toBe(0xdead000000000400n);
    map.setFlag(1024 + 70, "hwpoison");
    expect([map.testFlag(1024 + 70, "hwpoison"), map.testFlag(1024 + 134, "hwpoison")]).toEqual([true, false]);
  });

  it.each(["6.1", "6.18", "7.3"] as const)("restored and freed, its pages stand alone (%s)", (preset) => {
    const map = hugetlb(preset, 1024, 9, build);
    map.hugetlbVmemmapOptimizeFolio(1024);
    map.hugetlbVmemmapRestoreFolio(1024);
    map.folio(1024).freeze(1);
    if (preset !== "6.1") map.clearPageType(1024, "hugetlb");
    else poke(map, 1024, 80, 1, 1);
    map.freePagesPrepare(1024, 9);
    expect(map.foliosByOrder()[0]).toBe(SECTION);
  });
});

describe.each(builds)("slots that device-dax deduplicated (%s build)", (build) => {
  /** A folio of order 9 whose vmemmap pages 2 to 7 show the second one's frame (vmemmap_populate_compound_pages). */
  function dax(preset: PresetName): Vmemmap {
    const map = machine(preset, 1, { build });
    compound(map, 1024, 9);
    map.addAliases({
      pfns: Float64Array.from({ length: 7 }, (_, i) => 1024 + 64 * (i + 1)),
      frames: new Uint32Array(7),
      home: Uint8Array.of(1, 0, 0, 0, 0, 0, 0),
    });
    return map;
  }

  it.each(["6.1", "6.18", "7.3"] as const)(
    "two frames: the first two vmemmap pages are no aliases, the rest is (%s)",
    (preset) => {
      const map = dax(preset);
      expect([0, 63, 64, 127, 128, 511].map((i) => map.isAlias(1024 + i))).toEqual([
        false,
        false,
        false,
        false,
        true,
        true,
      ]);
      expect([map.compoundHead(1024 + 200), map.folioOrder(1024 + 200), map.pageHead(1024 + 128)]).toEqual([
        1024,
        9,
        false,
      ]);
    },
  );

  it.each(["6.1", "6.18", "7.3"] as const)("changes to the folio are refused as aliased-slots (%s)", (preset) => {
    const map = dax(preset);
    refused(map, "aliased-slots", [1024], () => map.splitFolioToOrder(1024, 0));
    refused(map, "aliased-slots", [1024], () => map.freePagesPrepare(1024, 9));
    refused(map, "aliased-slots", [1024 + 70], () => map.setFlag(1024 + 70, "hwpoison"));
  });

  it.each(["6.1", "6.18", "7.3"] as const)("counts of the folio go on: its head's frame is its own (%s)", (preset) => {
    const folio = dax(preset).folio(1300);
    folio.unfreeze(2);
    expect([folio.refcount, folio.put(), folio.refcount]).toEqual([2, false, 1]);
  });
});
