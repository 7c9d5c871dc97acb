/** The eight shipped maps, every PFN of them, against what drgn and the kernel itself said of the same memory. */
import { beforeAll, describe, expect, it } from "vitest";
import { Vmemmap } from "../src/index.js";
import { compareFields, FIELDS } from "./fields.js";
import { documentedRow } from "./ground-truth-page.js";
import { altmapReserve, isTold } from "./kind-rules.js";
import { Kind, loadTruth, mapNames, openMap, type Truth } from "./truth.js";

/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h). */
const KPF_COMPOUND_HEAD = 1n << 15n;
const KPF_COMPOUND_TAIL = 1n << 16n;
const KPF_BUDDY = 1n << 10n;

/** Fake heads that the kernel's own kpageflags calls heads (6.17 to 7.0): 7 per optimised 2 MiB hugetlb page. */
const FAKE_HEADS_IN_KPAGEFLAGS: Partial<Record<string, number>> = {
  "linux-6.18.15-hvo-la57": 280,
  "linux-6.18.15-hvo-partial-section": 140,
};

/** How many PFNs differ, and the first few of them, for a message that helps. */
function differing(pfns: Uint32Array, same: (i: number) => boolean): { count: number; first: number[] } {
  const found = { count: 0, first: [] as number[] };
  pfns.forEach((pfn, i) => {
    if (same(i)) return;
    if (found.count++ < 5) found.first.push(pfn);
  });
  return found;
}

/** The numbers below `length` in a seeded random order (Fisher and Yates, xorshift). */
function shuffled(length: number): Uint32Array {
  const numbers = Uint32Array.from({ length }, (_, i) => i);
  let state = 0x2545f491;
  for (let i = length - 1; i > 0; i--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const j = (state >>> 0) % (i + 1);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers;
}

const NONE = { count: 0, first: [] };

describe.each(mapNames)("%s", (name) => {
  let truth: Truth;
  let map: Vmemmap;

  /** Pages that /proc/kpage* describes, and that both reads of kpageflags saw alike. */
  /** 1 at each of these PFNs. */
  const marks = (pfns: Iterable<number>) => {
    const marked = new Uint8Array(map.endPfn);
    for (const pfn of pfns) marked[pfn] = 1;
    return marked;
  };

  const isOnlineAndStable = (i: number) => isTold(truth, reserve, i);
  let reserve: ReadonlySet<number>;

  beforeAll(async () => {
    truth = await loadTruth(name);
    map = await Vmemmap.load(openMap(name));
    reserve = altmapReserve(map);
  });

  describe.each(["simd", "scalar"] as const)("%s build", (build) => {
    beforeAll(() => {
      map.build = build;
    });

    it("heads agree with drgn on every page", () => {
      const heads = new Uint32Array(truth.pfns.length);
      expect(map.headsInto(truth.pfns, heads)).toBe(0);
      expect(differing(truth.pfns, (i) => heads[i] === truth.heads[i])).toEqual(NONE);
    });

    it("heads agree in any order and at any place of a list", () => {
      const order = shuffled(truth.pfns.length);
      const pfns = order.map((i) => truth.pfns[i]!);
      for (const skip of [0, 1, 2, 3]) {
        const heads = new Uint32Array(pfns.length - skip);
        expect(map.headsInto(pfns.subarray(skip), heads)).toBe(0);
        expect(differing(heads, (at) => heads[at] === truth.heads[order[at + skip]!])).toEqual(NONE);
      }
    });

    it("heads agree in lists of nothing but first slots of vmemmap pages, where fake heads are", () => {
      const firsts = Uint32Array.from(truth.pfns.keys()).filter((i) => truth.pfns[i]! % 64 === 0);
      const heads = firsts.map((i) => truth.pfns[i]!);
      expect(map.heads(heads)).toBe(0);
      expect(differing(heads, (at) => heads[at] === truth.heads[firsts[at]!])).toEqual(NONE);
    });

    it("orders agree with drgn on every page", () => {
      const orders = new Uint32Array(truth.pfns.length);
      expect(map.ordersInto(truth.pfns, orders)).toBe(0);
      expect(differing(truth.pfns, (i) => orders[i] === truth.order[i])).toEqual(NONE);
    });

    it("head and tail agree with drgn on every page", () => {
      const head = marks(map.listHeads());
      const tail = marks(map.select({ kinds: ["tail"] }));
      const same = (i: number) => {
        const kind = truth.kind[i]!;
        const pfn = truth.pfns[i]!;
        return head[pfn] === Number((kind & Kind.HEAD) !== 0) && tail[pfn] === Number((kind & Kind.TAIL) !== 0);
      };
      expect(differing(truth.pfns, same)).toEqual(NONE);
    });

    it("flags and refcounts agree with drgn on every page", () => {
      const flags = new BigUint64Array(truth.pfns.length);
      const refcounts = new Int32Array(truth.pfns.length);
      expect(map.flagsInto(truth.pfns, flags)).toBe(0);
      expect(map.refcountsInto(truth.pfns, refcounts)).toBe(0);
      expect(differing(truth.pfns, (i) => flags[i] === truth.flags[i])).toEqual(NONE);
      expect(differing(truth.pfns, (i) => refcounts[i] === truth.refcount[i])).toEqual(NONE);
    });

    it("zones and nodes agree with drgn on every page", () => {
      const same = (i: number) =>
        map.pageZone(truth.pfns[i]!) === truth.zone[i] && map.pageNode(truth.pfns[i]!) === truth.node[i];
      expect(differing(truth.pfns, same)).toEqual(NONE);
    });

    it("mapcounts agree with /proc/kpagecount on every stable online page", () => {
      const mapcounts = new Int32Array(truth.pfns.length);
      expect(map.mapcountsInto(truth.pfns, mapcounts)).toBe(0);
      const same = (i: number) => !isOnlineAndStable(i) || BigInt(mapcounts[i]!) === truth.kpagecount[i];
      expect(differing(truth.pfns, same)).toEqual(NONE);
    });
  });

  it("head and tail agree with /proc/kpageflags, but for the fake heads it calls heads", () => {
    let fakeHeads = 0;
    const same = (i: number) => {
      if (!isOnlineAndStable(i)) return true;
      const pfn = truth.pfns[i]!;
      const flags = truth.kpageflags[i]!;
      const head = (flags & KPF_COMPOUND_HEAD) !== 0n;
      const tail = (flags & KPF_COMPOUND_TAIL) !== 0n;
      if (map.pageHead(pfn) === head && map.pageTail(pfn) === tail) return true;
      const fake = head && !tail && map.pageTail(pfn) && pfn % 64 === 0 && map.folio(pfn).isHugetlb && map.isAlias(pfn);
      if (fake) fakeHeads++;
      return fake;
    };
    expect(differing(truth.pfns, same)).toEqual(NONE);
    expect(fakeHeads).toBe(FAKE_HEADS_IN_KPAGEFLAGS[name] ?? 0);
  });

  it("each buddy head's block is KPF_BUDDY to its end", () => {
    const buddies = map.select({ type: "buddy" });
    const covered = new Uint8Array(map.endPfn);
    for (const pfn of buddies) covered.fill(1, pfn, pfn + 2 ** Number(map.readWord(pfn, 40)));
    const same = (i: number) =>
      !isOnlineAndStable(i) || covered[truth.pfns[i]!] === Number((truth.kpageflags[i]! & KPF_BUDDY) !== 0n);
    expect(differing(truth.pfns, same)).toEqual(NONE);
    expect(buddies.length).toBeGreaterThan(0);
  });

  it("docs/results/ground-truth.md tells how many pages were compared, and how many differ", () => {
    const counts = compareFields(map, truth);
    const compared = [counts.head, counts.mapcount, counts.kind].map((each) => each.compared);
    expect(documentedRow("Pages compared:", name)).toEqual(compared);
    expect(documentedRow("in every form", name, "image")).toEqual(FIELDS.map((field) => counts[field].differing));
  });

  it("all words are well-formed, so every lookup takes the fast loop", () => {
    expect(map.checkWellFormed()).toBe(0);
    expect(map.sections.every(({ number }) => map.isWellFormed(number * 32768))).toBe(true);
  });
});
