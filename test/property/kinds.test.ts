/** What pages are used for, and the counts: the engine against the model, over pages of all kinds and words that make no sense. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CensusKey, PAGE_KINDS, presetNames, profile, type UsageKind, type Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";
import { deviceOperations, DeviceTwins } from "./device-operations.js";
import { garbage, litter } from "./device-garbage.js";
import { pagesOfInterest } from "./device-pages.js";
import { makeMachine } from "./device-world.js";
import { type Layout, layouts, makePair, validRanges, windowsOf } from "./layout.js";
import { orderOf } from "./preconditions.js";
import { runs, timeout } from "./runs.js";

const BUILDS = ["simd", "scalar"] as const;
/** Twice the largest free block, from a multiple of it on: what is before and behind the ranges is litter too. */
const WINDOW = 2048;
const NO_KIND = 255;

// ---- Pages of all kinds -----------------------------------------------------------------------------------------------

const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant("buddy" as const), order: fc.nat(12), aligned: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant("buddy" as const),
      order: fc.constantFrom(64, 2 ** 32),
      aligned: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant("type" as const), nth: fc.nat(8), low: fc.constantFrom(0, 0, 1, 0xffff) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant("word" as const),
      value: fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0x80000000, 0xef123456, 0xfe000000, 0xfffff000, 0xf0000000)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("mapping" as const),
      value: fc.constantFrom(
        0n,
        1n,
        2n,
        3n,
        0xffff888000000000n,
        0xffff888000000001n,
        0xffff888000000002n,
        0xffff888000000003n,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant("refcount" as const), value: fc.constantFrom(0, 0, 1, -1, 5) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("flag" as const),
      name: fc.constantFrom("swapbacked", "reserved", "slab", "head"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("zone" as const), value: fc.constantFrom(4, 4, 5, 0) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("list" as const), of: fc.constantFrom(0, 0, 1) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("dtor" as const), id: fc.constantFrom(2, 2, 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("tag" as const),
      back: fc.oneof(fc.nat(70), fc.constantFrom(-1, 2 ** 15, 2 ** 30)),
    }),
  },
);
const changes = fc.array(
  fc.record({
    window: fc.nat(10),
    offset: fc.oneof(fc.nat(WINDOW - 1), fc.nat(130)),
    nr: fc.constantFrom(1, 1, 1, 3, 70),
    change,
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
const folios = fc.array(
  fc.record({
    window: fc.nat(10),
    nth: fc.nat(200),
    order: fc.constantFrom(1, 2, 3, 6, 7, 9, 10),
    isOptimized: fc.boolean(),
  }),
  { maxLength: 12 },
);

function apply(map: model.ModelMap, pfn: number, it: Change): void {
  const { pageTypes, folio, zone, tailEncoding } = map.profile;
  switch (it.what) {
    case "buddy": {
      model.setPageType(map, pfn, "buddy");
      map.setU64(pfn, model.PRIVATE, BigInt(it.order));
      return;
    }
    case "type": {
      const types = Object.entries(pageTypes.types);
      const [, value] = types[it.nth % types.length]!;
      map.setU32(
        pfn,
        model.MAPCOUNT,
        pageTypes.encoding === "top-byte" ? value * 2 ** 24 + it.low : (~value & ~it.low) >>> 0,
      );
      return;
    }
    case "word": {
      map.setU32(pfn, model.MAPCOUNT, it.value);
      return;
    }
    case "mapping": {
      map.setU64(pfn, model.MAPPING, it.value);
      return;
    }
    case "refcount": {
      map.setI32(pfn, model.REFCOUNT, it.value);
      return;
    }
    case "flag": {
      model.setFlagBit(map, pfn, it.name);
      return;
    }
    case "zone": {
      const others = map.u64(pfn, 0) & ~model.fieldMask(zone);
      map.setU64(pfn, 0, others | (BigInt(it.value) << BigInt(zone.shift)));
      return;
    }
    case "list": {
      map.setU64(pfn, 8, BigInt.asUintN(64, map.addressOf(pfn - it.of) + 8n));
      return;
    }
    case "dtor": {
      if (folio.dtor !== null && map.has(pfn + 1)) map.setU8(pfn, folio.dtor, it.id);
      return;
    }
    case "tag": {
      const pointer = BigInt.asUintN(64, map.addressOf(pfn) - 64n * BigInt(it.back)) | 1n;
      const mask = BigInt.asUintN(64, -64n << BigInt(Math.abs(it.back) % 12)) | 1n;
      map.setU64(pfn, 8, tailEncoding === "mask" ? mask : pointer);
      return;
    }
  }
}

/** Where windows begin: at multiples of the largest free block. */
function placesOf(layout: Layout): number[] {
  return windowsOf(layout).map((start) => start - (start % 1024));
}

interface Case {
  readonly layout: Layout;
  readonly folios: typeof folios extends fc.Arbitrary<infer T> ? T : never;
  readonly changes: typeof changes extends fc.Arbitrary<infer T> ? T : never;
}
const cases: fc.Arbitrary<Case> = fc.record({ layout: layouts, folios, changes });

function makeCase(name: (typeof presetNames)[number], build: (typeof BUILDS)[number], it: Case) {
  const { map, model: reference } = makePair(profile(name), it.layout, build);
  const places = placesOf(it.layout);
  for (const { window, nth, order, isOptimized } of it.folios) {
    const start = places[window % places.length]!;
    const pfn = start + (nth % (WINDOW / 2 ** order)) * 2 ** order;
    const pages = Array.from({ length: 2 ** order }, (_, i) => pfn + i);
    if (pages.some((page) => !reference.has(page) || model.pageCompound(reference, page))) continue;
    map.prepCompoundPage(pfn, order);
    model.prepCompoundPage(reference, pfn, order);
    if (!isOptimized || order < 8) continue;
    map.hugetlbVmemmapOptimizeFolio(pfn);
    model.hugetlbVmemmapOptimize(reference, pfn, order);
  }
  for (const { window, offset, nr, change } of it.changes) {
    const at = places[window % places.length]! + offset;
    const first = change.what === "buddy" && change.aligned ? at - (at % 2 ** Math.min(change.order, 10)) : at;
    for (let pfn = first; pfn < first + nr; pfn++) {
      if (!reference.has(pfn) || (change.what === "buddy" && model.pageHasType(reference, pfn))) continue;
      if (change.what === "buddy" && reference.u32(pfn, model.MAPCOUNT) !== model.NO_TYPE) continue;
      apply(reference, pfn, change);
      map.writeSlots(pfn, reference.bytes(pfn));
      if (change.what === "dtor" && reference.has(pfn + 1)) map.writeSlots(pfn + 1, reference.bytes(pfn + 1));
    }
  }
  return { map, reference, places };
}

// ---- Comparisons --------------------------------------------------------------------------------------------------------

type KindOf = (pfn: number) => UsageKind | null;

function listOf(map: Vmemmap, pfns: readonly number[]): Uint32Array | Float64Array {
  return map.endPfn > 2 ** 32 ? Float64Array.from(pfns) : Uint32Array.from(pfns);
}

/** Kinds of ranges, of lists and of single pages; and what is counted in the ranges. */
function expectSameKinds(map: Vmemmap, ranges: readonly { start: number; count: number }[], kindOf: KindOf): void {
  for (const range of ranges) {
    const pfns = Array.from({ length: range.count }, (_, i) => range.start + i);
    const kinds = pfns.map(kindOf);
    const wanted = kinds.map((kind) => (kind === null ? NO_KIND : PAGE_KINDS.indexOf(kind)));
    const invalid = kinds.filter((kind) => kind === null).length;
    for (const source of [range, listOf(map, pfns)]) {
      const out = new Uint8Array(range.count).fill(77);
      expect({ range, invalid: map.usageKindsInto(source, out) }).toEqual({ range, invalid });
      // Listed only where they differ: long lists take long to compare element by element.
      if (Buffer.compare(out, Uint8Array.from(wanted)) !== 0) expect([...out]).toEqual(wanted);
    }
    for (let i = 0; i < range.count; i += 97) if (kinds[i] !== null) expect(map.usageKind(pfns[i]!)).toBe(kinds[i]);
  }
}

/** The flags word without what the folio keeps in page 1, and without a fake head's. */
function ownFlags(map: model.ModelMap, pfn: number): bigint {
  if (model.isFakeHead(map, pfn)) return 0n;
  const word = map.u64(pfn, 0);
  const before = pfn - 1;
  const isBehindHead = pfn % 2 === 1 && model.isTagged(map, pfn) && model.hasFlagBit(map, before, "head");
  const isPage1 = isBehindHead && (model.compoundHead(map, pfn) === before || model.isFakeHead(map, before));
  return isPage1 ? word & ~map.profile.compound.freeSecondMask : word;
}

type Counts = Record<string, { pages: number; folios: number }>;

function countsOf(
  pfns: readonly number[],
  keysOf: (pfn: number) => readonly string[],
  isFolio: (pfn: number) => boolean,
): Counts {
  const counts: Counts = {};
  for (const pfn of pfns) {
    for (const key of keysOf(pfn)) {
      const count = (counts[key] ??= { pages: 0, folios: 0 });
      count.pages++;
      if (isFolio(pfn)) count.folios++;
    }
  }
  return counts;
}

function expectSameCounts(
  map: Vmemmap,
  reference: model.ModelMap,
  range: { start: number; count: number },
  kindOf: KindOf,
  pgmapKey: (pfn: number) => string,
): void {
  const { zones, flags } = map.profile;
  const pfns = Array.from({ length: range.count }, (_, i) => range.start + i).filter((pfn) => reference.has(pfn));
  const zoneOf = (pfn: number) => model.pageZone(reference, pfn);
  const keys: Record<CensusKey, (pfn: number) => string[]> = {
    kind: (pfn) => [kindOf(pfn) ?? "other"],
    order: (pfn) => {
      const head = model.compoundHead(reference, pfn);
      return [head === null ? "headless" : String(orderOf(reference, head))];
    },
    zone: (pfn) => [zones[zoneOf(pfn)] ?? String(zoneOf(pfn))],
    node: (pfn) => [String(model.pageNode(reference, pfn))],
    pgmap: (pfn) => [pgmapKey(pfn)],
    flags: (pfn) => {
      const word = ownFlags(reference, pfn);
      const names = new Map<number, string>();
      for (const [name, { bit, policy }] of Object.entries(flags)) {
        if (policy !== "second" && !names.has(bit)) names.set(bit, name);
      }
      const bits = Array.from({ length: map.profile.nrPageFlags }, (_, bit) => bit);
      return bits.filter((bit) => (word >> BigInt(bit)) & 1n).map((bit) => names.get(bit) ?? `bit ${bit}`);
    },
  };
  for (const [by, keysOf] of Object.entries(keys) as [CensusKey, (pfn: number) => string[]][]) {
    const isFolio = (pfn: number) => !model.pageTail(reference, pfn);
    const census = map.census({ by, range });
    const rows = Object.fromEntries(census.rows.map(({ key, pages, folios }) => [key, { pages, folios }]));
    const folios = pfns.filter(isFolio).length;
    expect({ by, pages: census.pages, folios: census.folios, rows }).toEqual({
      by,
      pages: pfns.length,
      folios,
      rows: countsOf(pfns, keysOf, isFolio),
    });
    for (const { pages, bytes } of [census, ...census.rows]) expect(bytes).toBe(pages * 4096);
  }
}

/** With the head index, with sections marked, and without either. */
function inEachWay(map: Vmemmap, compare: () => void): void {
  compare();
  map.checkWellFormed();
  compare();
  map.headIndex.drop();
  compare();
}

// ---- Properties ---------------------------------------------------------------------------------------------------------

describe.each(presetNames)("%s", (name) => {
  it.each(BUILDS)(
    "%s build: kinds and counts of pages of all kinds agree with the model",
    (build) => {
      fc.assert(
        fc.property(cases, fc.nat(70), (it, skip) => {
          const { map, reference, places } = makeCase(name, build, it);
          const kindOf: KindOf = (pfn) => model.usageKind(reference, pfn);
          const pgmapKey = (pfn: number) => {
            if (map.profile.zones[model.pageZone(reference, pfn)] !== "DEVICE") return "none";
            return model.compoundHead(reference, pfn) === null ? "headless" : "unknown";
          };
          const ranges = places.map((start) => ({ start: start + skip, count: WINDOW - skip }));
          inEachWay(map, () => {
            expectSameKinds(map, ranges.slice(0, 2), kindOf);
            for (const range of ranges.slice(0, 2)) expectSameCounts(map, reference, range, kindOf, pgmapKey);
          });
          const valid = validRanges(it.layout).reduce((sum, { start, end }) => sum + end - start, 0);
          expect(map.census().pages).toBe(valid);
        }),
        runs(2),
      );
    },
    timeout,
  );

  it.each(BUILDS)(
    "%s build: kinds of device pages agree with the model",
    (build) => {
      fc.assert(
        fc.property(deviceOperations, garbage, fc.boolean(), (list, words, isLittered) => {
          const { map, model: reference } = makeMachine(profile(name), build);
          const twins = new DeviceTwins(map, reference);
          for (const operation of list) twins.step(operation);
          if (isLittered) litter(map, reference, pagesOfInterest(reference), words);
          const typeOfWord = (word: bigint) => model.pgmapByAddress(reference, word)?.type ?? null;
          const kindOf: KindOf = (pfn) => model.usageKind(reference, pfn, typeOfWord);
          const starts = new Set(pagesOfInterest(reference).map((pfn) => pfn - (pfn % 512)));
          inEachWay(map, () => {
            expectSameKinds(
              map,
              [...starts].map((start) => ({ start, count: 512 })),
              kindOf,
            );
          });
        }),
        runs(2),
      );
    },
    timeout,
  );
});
