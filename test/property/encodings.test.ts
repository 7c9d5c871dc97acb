/** The same folios in each encoding of tails: the same heads, orders and folio ids, and again after splits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { profile, Vmemmap } from "../../src/index.js";
import { type Layout, layouts, memoryOf, SECTION, validRanges } from "./layout.js";
import { builds } from "./builds.js";
import { runs, timeout } from "./runs.js";

/** Pointer, pointer with fake heads under HVO, mask under HVO. */
const KERNELS = ["5.15", "6.1", "6.17", "6.18", "7.3"] as const;

interface Plan {
  /** One after another, each at the next PFN its order allows; order 0 leaves a page out. */
  readonly folios: readonly { readonly order: number; readonly hvo: boolean; readonly splitTo: number | null }[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  folios: fc.array(
    fc.record({
      order: fc.oneof({ weight: 5, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: fc.integer({ min: 10, max: 16 }) }),
      hvo: fc.boolean(),
      splitTo: fc.option(fc.nat(8)),
    }),
    { minLength: 1, maxLength: 30, size: "max" },
  ),
});

interface Placed {
  readonly pfn: number;
  readonly order: number;
  readonly hvo: boolean;
  readonly splitTo: number | null;
}

/** Where the folios stand: in the two whole sections, the last ones in the partial section. */
function place(layout: Layout, { folios }: Plan): Placed[] {
  const ranges = validRanges(layout);
  const placed: Placed[] = [];
  let range = 0;
  let next = ranges[0]!.start;
  for (const folio of folios) {
    const pages = 2 ** folio.order;
    let pfn = Math.ceil(next / pages) * pages;
    while (range < ranges.length && pfn + pages > ranges[range]!.end) {
      range++;
      pfn = range < ranges.length ? Math.ceil(ranges[range]!.start / pages) * pages : NaN;
    }
    if (range === ranges.length) break;
    placed.push({ ...folio, pfn });
    next = pfn + pages;
  }
  return placed.filter(({ order }) => order > 0);
}

/** Heads, orders and ids of all pages of the map, absent ones too. */
function answersOf(map: Vmemmap) {
  const range = { start: map.startPfn, count: 4 * SECTION };
  const heads = map.endPfn > 2 ** 32 ? new Float64Array(range.count) : new Uint32Array(range.count);
  const orders = new Int32Array(range.count);
  const ids = new Uint32Array(range.count);
  const invalid = [map.headsInto(range, heads), map.ordersInto(range, orders), map.folioIdsInto(range, ids)];
  const tails = map.select({ kinds: ["tail"] });
  return { invalid, heads, orders, ids, listed: map.listHeads(), tails, counts: map.foliosByOrder().slice(0, 19) };
}

/** toEqual over hundreds of thousands of numbers is slow where all are equal. */
function expectSame(found: ReturnType<typeof answersOf>, wanted: ReturnType<typeof answersOf>, what: string): void {
  for (const key of ["heads", "orders", "ids", "listed", "tails"] as const) {
    const [one, other] = [found[key], wanted[key]];
    const differs = one.findIndex((value, i) => !Object.is(value, other[i]));
    expect([what, key, one.length, differs]).toEqual([what, key, other.length, -1]);
  }
  expect([found.invalid, found.counts]).toEqual([wanted.invalid, wanted.counts]);
}

/** The heads and orders that the plan itself asks for. */
function expectAsPlanned(map: Vmemmap, folios: readonly Placed[]): void {
  for (const { pfn, order } of folios) {
    const last = pfn + 2 ** order - 1;
    expect([map.compoundHead(last), map.folioOrder(last), map.folioNrPages(pfn), map.folioPageIdx(last)]).toEqual([
      pfn,
      order,
      2 ** order,
      last - pfn,
    ]);
  }
}

const HVO_ORDER = 8;
const isOptimised = ({ order, hvo }: Placed) => hvo && order >= HVO_ORDER;

/** Parts of a folio after its split, or the folio itself. */
function partsOf(folio: Placed): Placed[] {
  const { pfn, order, splitTo } = folio;
  if (isOptimised(folio) || splitTo === null || splitTo >= order) return [folio];
  return Array.from({ length: 2 ** (order - splitTo) }, (_, i) => ({
    ...folio,
    pfn: pfn + i * 2 ** splitTo,
    order: splitTo,
  }));
}

describe.each(builds)("%s build", (build) => {
  it(
    "the encodings agree on the same folios, before and after splits",
    () => {
      fc.assert(
        fc.property(layouts, plans, ({ gap, ...rest }, plan) => {
          const layout = { ...rest, gap: gap % 2 };
          const folios = place(layout, plan);
          const maps = KERNELS.map((name) => new Vmemmap({ profile: profile(name), memory: memoryOf(layout), build }));
          for (const map of maps) {
            map.prepCompoundPages(
              folios.map(({ pfn }) => pfn),
              folios.map(({ order }) => order),
            );
            for (const folio of folios.filter(isOptimised)) map.hugetlbVmemmapOptimizeFolio(folio.pfn);
            expectAsPlanned(map, folios);
          }
          const [first, ...others] = maps;
          const before = answersOf(first!);
          others.forEach((map, i) => expectSame(answersOf(map), before, KERNELS[i + 1]!));

          for (const map of maps) {
            for (const folio of folios) {
              if (partsOf(folio).length > 1) map.splitFolioToOrder(folio.pfn, folio.splitTo!);
            }
            expectAsPlanned(
              map,
              folios.flatMap((folio) => partsOf(folio).slice(0, 64)),
            );
            expect(map.checkWellFormed()).toBe(0);
          }
          const after = answersOf(first!);
          others.forEach((map, i) => expectSame(answersOf(map), after, KERNELS[i + 1]!));
        }),
        runs(build === "shared" ? 2 : 4),
      );
    },
    timeout,
  );

  it("mask encoding: tails of the first part keep the mask of the old order", () => {
    const map = new Vmemmap({ profile: "7.3", memory: [{ start: 0, end: SECTION }], build });
    map.prepCompoundPage(512, 9);
    map.splitFolioToOrder(512, 3);
    expect([map.readWord(513, 8), map.readWord(521, 8)]).toEqual([0xffffffffffff8001n, 0xfffffffffffffe01n]);
    expect([map.compoundHead(519), map.folioOrder(519), map.compoundHead(521)]).toEqual([512, 3, 520]);
  });
});
