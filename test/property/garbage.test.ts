/** Random garbage in slots, made to look like tags: no lookup leaves the map, traps, or differs from the model. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnswerList, type PfnList, type PfnSource, profile, Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";
import { type Layout, layouts, makePair, validRanges, windowsOf } from "./layout.js";
import { outcome } from "./outcome.js";
import { orderOf } from "./preconditions.js";
import { runs, timeout } from "./runs.js";

const WINDOW = 192;
const BUILDS = ["simd", "scalar"] as const;

// ---- Garbage --------------------------------------------------------------------------------------------------------

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const distance = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(64, 63, 65, -64, 2 ** 15, -(2 ** 15), 2 ** 26, 2 ** 32),
  fc.constantFrom(2 ** 18 - 1, 2 ** 18, 2 ** 22 - 1, 2 ** 22),
);

/** A word at +8, told relative to its own page. */
const tag = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("word" as const), word: u64 }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("word" as const), word: fc.constantFrom(0n, 1n, (1n << 64n) - 1n) }),
  },
  // The address of a page some way back, now and then of no page, with other high bits, or without the tag.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pointer" as const),
      back: distance,
      low: fc.constantFrom(1n, 1n, 1n, 0n, 3n, 33n),
      high: fc.oneof(fc.constant(0n), fc.constantFrom(1n << 32n, 1n << 38n, 1n << 63n, 0xffffffff00000000n)),
    }),
  },
  // A mask, now and then with a hole in it or without its high half.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("mask" as const),
      order: fc.nat(27),
      hole: fc.option(fc.nat(63)),
      low: fc.constantFrom(1n, 1n, 1n, 0n, 3n),
    }),
  },
);

const word = fc.oneof(
  fc.constantFrom(0n, (1n << 64n) - 1n, 0xffffffffn, 0xffffffff00000000n, model.TAIL_MAPPING, 0x0000000100000000n),
  u64,
);

/** A word that leads to a page, though not to the right one: such sections take the fast loop. */
const harmlessTag = fc.oneof(
  fc.record({
    kind: fc.constant("pointer" as const),
    back: fc.oneof(fc.nat(3), fc.nat(192)),
    low: fc.constantFrom(1n, 0n),
    high: fc.constant(0n),
  }),
  fc.record({
    kind: fc.constant("mask" as const),
    order: fc.nat(9),
    hole: fc.option(fc.integer({ min: 6, max: 15 })),
    low: fc.constantFrom(1n, 0n),
  }),
);

function slotWith(tag: fc.Arbitrary<Tag>) {
  return fc.record({
    window: fc.nat(10),
    offset: fc.oneof(fc.nat(WINDOW - 1), fc.constantFrom(0, 64, 127, 128)),
    head: fc.boolean(),
    /** The order's byte of a folio that starts a page before, in kernels where it stands in the flags. */
    lowByte: fc.constantFrom(0, 1, 9, 18, 22, 23, 64, 255),
    tag,
    /** The words from +16 on: fields of a folio that starts one, two or three pages before. */
    rest: fc.array(word, { minLength: 6, maxLength: 6 }),
  });
}
type Tag = typeof tag | typeof harmlessTag extends fc.Arbitrary<infer T> ? T : never;
type Slot = ReturnType<typeof slotWith> extends fc.Arbitrary<infer T> ? T : never;

const garbage = fc.oneof(
  fc.array(slotWith(tag), { minLength: 1, maxLength: 60, size: "max" }),
  fc.array(slotWith(harmlessTag), { minLength: 1, maxLength: 60, size: "max" }),
);

function tagWord(map: model.ModelMap, pfn: number, it: Slot["tag"]): bigint {
  switch (it.kind) {
    case "word":
      return it.word;
    case "pointer":
      return BigInt.asUintN(64, (map.addressOf(pfn) - BigInt(it.back) * 64n + it.low) ^ it.high);
    case "mask": {
      const ones = BigInt.asUintN(64, -1n << BigInt(it.order + 6));
      return (it.hole === null ? ones : ones & ~(1n << BigInt(it.hole))) | it.low;
    }
  }
}

/** Writes the garbage into the model's slots, then the slots' bytes into the map, by writeSlots or through the live view. */
function litter(map: Vmemmap, reference: model.ModelMap, windows: readonly number[], slots: readonly Slot[]): void {
  const headBit = model.flagMask(reference, "head");
  slots.forEach(({ window, offset, head, lowByte, tag, rest }, i) => {
    const pfn = windows[window % windows.length]! + offset;
    if (!reference.has(pfn)) return;
    const flags = (reference.u64(pfn, 0) & ~0xffn & ~headBit) | BigInt(lowByte);
    reference.setU64(pfn, 0, head ? flags | headBit : flags);
    reference.setU64(pfn, 8, tagWord(reference, pfn, tag));
    rest.forEach((value, at) => reference.setU64(pfn, 16 + at * 8, value));
    if (i % 2 === 0) map.writeSlots(pfn, reference.bytes(pfn));
    else {
      map.slotBytes().set(reference.bytes(pfn), map.slotOf(pfn) * 64);
      map.writeWord(pfn, 8, reference.u64(pfn, 8));
    }
  });
}

// ---- Lists ------------------------------------------------------------------------------------------------------------

/** Every page of the windows, absent ones and what is no PFN at all, shuffled so that no four neighbours are alike. */
function pagesOf(map: Vmemmap, windows: readonly number[]): number[] {
  const wide = isWide(map);
  const pages = windows.flatMap((start) => Array.from({ length: WINDOW }, (_, i) => start + i));
  pages.push(map.endPfn, map.endPfn + 1, 0, 2 ** 32 - 1, map.endPfn - 1, map.startPfn + 32768 * 5);
  if (wide) pages.push(NaN, -1, 0.5, map.startPfn + 0.25, Infinity, 2 ** 53, 2 ** 40, -0, 1e300);
  return pages
    .map((pfn, i) => ({ pfn, key: (i * 7919) % 10007 }))
    .sort((a, b) => a.key - b.key)
    .map(({ pfn }) => pfn);
}

function isWide(map: Vmemmap): boolean {
  return map.endPfn > 2 ** 32;
}

function listOf(map: Vmemmap, numbers: readonly number[]): PfnList {
  return isWide(map) ? Float64Array.from(numbers) : Uint32Array.from(numbers);
}

interface Answers {
  readonly invalid: number;
  readonly list: number[];
}

/** null is what a list says of a page that has no answer. */
function answersOf(wanted: readonly (number | null)[], none: number): Answers {
  return { invalid: wanted.filter((one) => one === null).length, list: wanted.map((one) => one ?? none) };
}

function ask<Out extends AnswerList>(out: Out, call: (out: Out) => number): Answers {
  const invalid = call(out);
  return { invalid, list: Array.from(out) };
}

// ---- What the model says ------------------------------------------------------------------------------------------------

function headOf(map: model.ModelMap, pfn: number): number | null {
  return Number.isInteger(pfn) ? model.compoundHead(map, pfn) : null;
}

function ofHead<T>(map: model.ModelMap, pfn: number, read: (head: number) => T): T | null {
  const head = headOf(map, pfn);
  return head === null ? null : read(head);
}

/** By kind, for pages that exist. */
function kindOf(map: model.ModelMap, pfn: number): "single" | "head" | "tail" {
  if (model.pageTail(map, pfn)) return "tail";
  return model.pageHead(map, pfn) ? "head" : "single";
}

// ---- Comparisons --------------------------------------------------------------------------------------------------------

function expectSameHeads(map: Vmemmap, reference: model.ModelMap, pages: readonly number[]): void {
  const none = isWide(map) ? NaN : 0xffffffff;
  const wanted = answersOf(
    pages.map((pfn) => headOf(reference, pfn)),
    none,
  );
  expect(ask(listOf(map, pages), (out) => map.headsInto(listOf(map, pages), out))).toEqual(wanted);
  expect(ask(listOf(map, pages), (out) => map.heads(out))).toEqual(wanted);
  if (!isWide(map)) {
    const resident = map.list(pages.length);
    resident.set(pages);
    expect(ask(resident, (out) => map.heads(out))).toEqual(wanted);
  }
  for (const pfn of pages) {
    if (!Number.isSafeInteger(pfn) || pfn < 0) continue;
    const single = outcome(() => map.compoundHead(pfn));
    const head = headOf(reference, pfn);
    expect(single).toEqual(head !== null ? { answer: head } : { code: reference.has(pfn) ? "bad-head" : "pfn-absent" });
  }
}

function expectSameRanges(map: Vmemmap, reference: model.ModelMap, windows: readonly number[]): void {
  const none = isWide(map) ? NaN : 0xffffffff;
  for (const start of windows) {
    const range = { start, count: WINDOW + 64 };
    const wanted = answersOf(
      Array.from({ length: range.count }, (_, i) => headOf(reference, start + i)),
      none,
    );
    const out = listOf(map, new Array<number>(range.count).fill(0));
    expect(ask(out, (out) => map.headsInto(range, out))).toEqual(wanted);
  }
}

/** Orders, ids, counts and flags of lists, in each kind of array, and of a list in the engine's memory over itself. */
function expectSameFields(map: Vmemmap, reference: model.ModelMap, pages: readonly number[]): void {
  const source = listOf(map, pages);
  const resident = isWide(map) ? null : map.list(pages.length);
  const has = (pfn: number) => reference.has(pfn);
  const check = (into: (source: PfnSource, out: AnswerList) => number, wanted: (number | null)[]): void => {
    const length = pages.length;
    expect(ask(new Int32Array(length), (out) => into(source, out))).toEqual(answersOf(wanted, -1));
    expect(ask(new Float64Array(length), (out) => into(source, out))).toEqual(answersOf(wanted, NaN));
    if (resident === null) return;
    resident.set(pages);
    const unsigned = wanted.map((one) => (one === null ? null : one >>> 0));
    expect(ask(resident, (out) => into(out, out))).toEqual(answersOf(unsigned, 0xffffffff));
  };
  check(
    (source, out) => map.ordersInto(source, out),
    pages.map((pfn) => ofHead(reference, pfn, (head) => orderOf(reference, head))),
  );
  check(
    (source, out) => map.folioIdsInto(source, out),
    pages.map((pfn) => ofHead(reference, pfn, (head) => map.slotOf(head))),
  );
  check(
    (source, out) => map.refcountsInto(source, out),
    pages.map((pfn) => (has(pfn) ? model.pageRefCount(reference, pfn) : null)),
  );
  check(
    (source, out) => map.folioRefcountsInto(source, out),
    pages.map((pfn) => ofHead(reference, pfn, (head) => model.pageRefCount(reference, head))),
  );
  const checkWords = (into: (source: PfnSource, out: BigUint64Array) => number, wanted: (bigint | null)[]): void => {
    const flags = new BigUint64Array(pages.length);
    expect(into(source, flags)).toBe(wanted.filter((one) => one === null).length);
    expect(Array.from(flags)).toEqual(wanted.map((one) => one ?? (1n << 64n) - 1n));
  };
  checkWords(
    (source, out) => map.flagsInto(source, out),
    pages.map((pfn) => (has(pfn) ? reference.u64(pfn, 0) : null)),
  );
  checkWords(
    (source, out) => map.folioFlagsInto(source, out),
    pages.map((pfn) => ofHead(reference, pfn, (head) => reference.u64(head, 0))),
  );
}

/** What one page says of itself, and its folio of its kind. */
function expectSamePages(map: Vmemmap, reference: model.ModelMap, pages: readonly number[]): void {
  for (const pfn of pages.filter((pfn) => reference.has(pfn))) {
    const head = headOf(reference, pfn);
    const badHead = { code: "bad-head" };
    expect({
      kind: [map.pageTail(pfn), map.pageHead(pfn), map.pageCompound(pfn)],
      order: map.compoundOrder(pfn),
      folioOrder: outcome(() => map.folioOrder(pfn)),
      count: outcome(() => map.pageCount(pfn)),
      index: outcome(() => map.folioPageIdx(pfn)),
      type: map.pageType(pfn),
      links: [map.pageZone(pfn), map.pageNode(pfn), map.pageLastCpupid(pfn)],
      dirty: outcome(() => map.testFlag(pfn, "dirty")),
    }).toEqual({
      kind: [model.pageTail(reference, pfn), model.pageHead(reference, pfn), model.pageCompound(reference, pfn)],
      order: orderOf(reference, pfn),
      folioOrder: head === null ? badHead : { answer: orderOf(reference, head) },
      count: outcome(() => model.folioRefCount(reference, pfn)),
      index: head === null ? badHead : { answer: pfn - head },
      type: model.pageType(reference, pfn),
      links: [model.pageZone(reference, pfn), model.pageNode(reference, pfn), model.lastCpupid(reference, pfn)],
      dirty: outcome(() => model.testPageFlag(reference, pfn, "dirty")),
    });
  }
}

/** Passes over the whole map; all pages outside the windows are single pages of order 0. */
function expectSamePasses(map: Vmemmap, reference: model.ModelMap, layout: Layout, windows: readonly number[]): void {
  const pages = [...new Set(windows.flatMap((start) => Array.from({ length: WINDOW }, (_, i) => start + i)))]
    .filter((pfn) => reference.has(pfn))
    .sort((a, b) => a - b);
  const total = validRanges(layout).reduce((sum, { start, end }) => sum + end - start, 0);
  const counts = new Map<number, number>([[0, total - pages.length]]);
  for (const pfn of pages) {
    if (model.pageTail(reference, pfn)) continue;
    const order = orderOf(reference, pfn);
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  const headMask = model.flagMask(reference, "head");
  const found = map.foliosByOrder();
  expect(found.flatMap((count, order) => (count > 0 ? [[order, count]] : []))).toEqual(
    [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b),
  );
  expect(Array.from(map.listHeads())).toEqual(pages.filter((pfn) => kindOf(reference, pfn) === "head"));
  const inWindows = new Set(pages);
  for (const kinds of [["single"], ["single", "head"], ["head", "tail"]] as const) {
    for (const set of [[], ["head"]]) {
      const found = Array.from(map.select({ kinds, set })).filter((pfn) => inWindows.has(pfn));
      const ofKind = pages.filter((pfn) => (kinds as readonly string[]).includes(kindOf(reference, pfn)));
      expect(found).toEqual(ofKind.filter((pfn) => set.length === 0 || (reference.u64(pfn, 0) & headMask) !== 0n));
    }
  }
  expect(Array.from(map.select({ kinds: ["tail"] }))).toEqual(pages.filter((pfn) => kindOf(reference, pfn) === "tail"));
  expect(Array.from(map.select({ minOrder: 1, maxOrder: 254 }))).toEqual(
    pages.filter((pfn) => {
      const order = ofHead(reference, pfn, (head) => orderOf(reference, head));
      return order !== null && order >= 1 && order <= 254;
    }),
  );
}

/** Reads whose answer is anyone's guess on garbage: they must come back. */
function readEverything(map: Vmemmap, pages: readonly number[]): void {
  const out = new Int32Array(pages.length);
  const source = listOf(map, pages);
  map.mapcountsInto(source, out);
  map.folioMapcountsInto(source, out);
  for (const pfn of pages.filter((pfn) => Number.isSafeInteger(pfn) && pfn >= 0)) {
    outcome(() => map.flagNames(pfn));
    outcome(() => map.pageMapcount(pfn));
    outcome(() => {
      const folio = map.folio(pfn);
      return [
        folio.order,
        folio.nrPages,
        [0, 1, 2 ** 31, -1, 0.5, NaN].map((index) => folio.page(index)),
        folio.refcount,
        folio.mapcount,
        folio.entireMapcount,
        folio.largeMapcount,
        folio.nrPagesMapped,
        folio.pincount,
        folio.mmIds,
        folio.mmIdMapcounts,
        folio.maybeMappedShared,
        folio.isHugetlb,
        folio.isSlab,
      ];
    });
  }
}

// ---- Properties ---------------------------------------------------------------------------------------------------------

/** How many words checkWellFormed may call ill-formed: those that lead nowhere, or across a hole. */
function illFormed(map: Vmemmap, reference: model.ModelMap, windows: readonly number[]): number {
  const pages = new Set(windows.flatMap((start) => Array.from({ length: WINDOW }, (_, i) => start + i)));
  return [...pages].filter((pfn) => {
    if (!reference.has(pfn)) return false;
    const head = model.compoundHead(reference, pfn);
    return head === null || map.slotOf(pfn) - map.slotOf(head) !== pfn - head;
  }).length;
}

describe.each(["5.15", "6.1", "6.18", "7.3"] as const)("%s, garbage in slots", (name) => {
  it(
    "every lookup answers what the model does, before and after checkWellFormed",
    () => {
      fc.assert(
        fc.property(layouts, garbage, (layout, slots) => {
          const { map, model: reference } = makePair(profile(name), layout, "simd");
          const windows = windowsOf(layout);
          const pages = pagesOf(map, windows);
          litter(map, reference, windows, slots);
          const compare = () => {
            for (const build of BUILDS) {
              map.build = build;
              expectSameHeads(map, reference, pages);
              expectSameRanges(map, reference, windows);
            }
          };
          compare();
          const ill = map.checkWellFormed();
          // In mask encoding a word may be right in 64 bits and not in the 32 that the fast loop reads.
          if (map.profile.tailEncoding === "mask")
            expect(ill).toBeGreaterThanOrEqual(illFormed(map, reference, windows));
          else expect(ill).toBe(illFormed(map, reference, windows));
          compare();
        }),
        runs(4),
      );
    },
    timeout,
  );

  it.each(BUILDS)(
    "%s build: fields, kinds, passes and folios",
    (build) => {
      fc.assert(
        fc.property(layouts, garbage, (layout, slots) => {
          const { map, model: reference } = makePair(profile(name), layout, build);
          const windows = windowsOf(layout);
          const pages = pagesOf(map, windows);
          litter(map, reference, windows, slots);
          expectSameFields(map, reference, pages);
          expectSamePages(map, reference, pages);
          expectSamePasses(map, reference, layout, windows);
          readEverything(map, pages);
          map.checkWellFormed();
          expectSameFields(map, reference, pages);
        }),
        runs(2),
      );
    },
    timeout,
  );
});
