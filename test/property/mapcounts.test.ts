/** Mapcounts of folios whose pages are mapped at random, by every kernel's rule. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineProfile, presetNames, profile } from "../../src/index.js";
import * as model from "../model/index.js";
import { makePair } from "./layout.js";
import { runs, timeout } from "./runs.js";

const LAYOUT = { base: 2, gap: 0, subsections: [0] };
const HEAD = 65536;

/** -1 based, as the fields are. */
const stored = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -1, max: 3 }) }, fc.constantFrom(-1, 40, 2 ** 24));

const folios = fc.record({
  order: fc.nat(5),
  pages: fc.array(stored, { minLength: 32, maxLength: 32 }),
  entire: fc.oneof(fc.constant(-1), stored),
  large: stored,
  nrPagesMapped: fc.integer({ min: 0, max: 0x800010 }),
  pincount: fc.nat(100),
  mmIds: fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)),
  mmIdMapcounts: fc.tuple(stored, stored),
  anon: fc.boolean(),
  doubleMap: fc.boolean(),
  hugetlb: fc.boolean(),
});
type FolioPlan = typeof folios extends fc.Arbitrary<infer T> ? T : never;

function layOut(map: model.ModelMap, plan: FolioPlan): void {
  const { folio, hugetlb } = map.profile;
  const { order, entire, large, nrPagesMapped, pincount, mmIds, mmIdMapcounts, anon, doubleMap } = plan;
  model.prepCompoundPage(map, HEAD, order);
  for (let i = 0; i < 2 ** order; i++) map.setI32(HEAD + i, model.MAPCOUNT, plan.pages[i]!);
  map.setU64(HEAD, model.MAPPING, anon ? 0xffff888000000001n : 0xffff888000000000n);
  if (order === 0) return;
  map.setI32(HEAD, folio.entireMapcount, entire);
  if (folio.largeMapcount !== null) map.setI32(HEAD, folio.largeMapcount, large);
  if (folio.nrPagesMapped !== null) map.setI32(HEAD, folio.nrPagesMapped, nrPagesMapped);
  if (folio.pincount !== null && order >= folio.pincountMinOrder) map.setI32(HEAD, folio.pincount, pincount);
  if (folio.mmIds !== null) mmIds.forEach((id, i) => map.setU32(HEAD, folio.mmIds! + i * 4, id));
  if (folio.mmIdMapcounts !== null) mmIdMapcounts.forEach((n, i) => map.setI32(HEAD, folio.mmIdMapcounts! + i * 4, n));
  if (doubleMap && map.profile.mapcount === "compound") model.setFlagBit(map, HEAD + 1, "double_map");
  if (!plan.hugetlb) return;
  if (hugetlb.by === "dtor") map.setU8(HEAD, folio.dtor!, hugetlb.id);
  if (hugetlb.by === "type") map.setU32(HEAD, model.MAPCOUNT, map.profile.pageTypes.types[hugetlb.name]! * 2 ** 24);
}

const PROFILES = [
  ...presetNames.map((name) => profile(name)),
  defineProfile("7.3", { name: "7.3 without page mapcounts", mapcount: "average" }),
];

describe.each(PROFILES)("$name", (kernel) => {
  it(
    "mapcounts agree with the model",
    () => {
      const { map, model: reference } = makePair(kernel, LAYOUT, "scalar");
      const empty = new Uint8Array(32 * 64);
      map.readSlots(HEAD, empty);
      fc.assert(
        fc.property(folios, (plan) => {
          const pages = 2 ** plan.order;
          for (let i = 0; i < 32; i++) reference.bytes(HEAD + i).set(empty.subarray(i * 64, i * 64 + 64));
          layOut(reference, plan);
          for (let i = 0; i < 32; i++) map.writeSlots(HEAD + i, reference.bytes(HEAD + i));

          const folio = map.folio(HEAD);
          const counts = new Int32Array(pages);
          expect(map.mapcountsInto({ start: HEAD, count: pages }, counts)).toBe(0);
          const wanted = Array.from({ length: pages }, (_, i) => model.pagePreciseMapcount(reference, HEAD + i));
          expect(Array.from(counts)).toEqual(wanted);
          expect({
            mapcount: folio.mapcount,
            entire: folio.entireMapcount,
            nrPagesMapped: folio.nrPagesMapped,
            pincount: folio.pincount,
            mmIds: folio.mmIds,
            mmIdMapcounts: folio.mmIdMapcounts.map((count) => count + 1),
            shared: folio.maybeMappedShared,
            hugetlb: folio.isHugetlb,
          }).toEqual({
            mapcount: model.folioMapcount(reference, HEAD),
            entire: model.entireMapcount(reference, HEAD),
            nrPagesMapped: model.nrPagesMapped(reference, HEAD) ?? 0,
            pincount: model.pincount(reference, HEAD) ?? 0,
            mmIds: model.mmIds(reference, HEAD) ?? [0, 0],
            mmIdMapcounts: model.mmIdMapcounts(reference, HEAD) ?? [0, 0],
            shared: model.maybeMappedShared(reference, HEAD) ?? model.folioMapcount(reference, HEAD) > 1,
            hugetlb: model.folioTestHugetlb(reference, HEAD),
          });
        }),
        runs(150),
      );
    },
    timeout,
  );
});
