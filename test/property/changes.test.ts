/** Random changes, by the engine and by the model: the same answers, the same refusals, the same bytes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presetNames, profile } from "../../src/index.js";
import * as model from "../model/index.js";
import { firstDifference, layouts, makePair, windowsOf } from "./layout.js";
import { operations, type Step, Twins } from "./operations.js";
import { orderOf } from "./preconditions.js";
import { builds } from "./builds.js";
import { runs, timeout } from "./runs.js";

function expectAgreement({ engine, refusals, model }: Step): void {
  if (model !== null) expect(engine).toEqual(model);
  else expect([...refusals]).toContain("code" in engine ? engine.code : `done, answering ${String(engine.answer)}`);
}

/** Heads of all pages around the windows, one by one and as a range. */
function expectSameHeads({ map, model: reference, windows }: Twins): void {
  const wide = map.endPfn > 2 ** 32;
  for (const start of windows) {
    const range = { start, count: 300 };
    const wanted = Array.from({ length: range.count }, (_, i) => model.compoundHead(reference, start + i));
    const heads = wide ? new Float64Array(range.count) : new Uint32Array(range.count);
    expect(map.headsInto(range, heads)).toBe(wanted.filter((head) => head === null).length);
    expect(Array.from(heads)).toEqual(wanted.map((head) => head ?? (wide ? NaN : 0xffffffff)));
  }
}

/** What a folio tells of itself, for folios whose order is sound. */
function expectSameFolios({ map, model: reference, heads, aliases }: Twins): void {
  for (const pfn of heads) {
    expect(map.isAlias(pfn)).toBe(aliases.has(Math.floor(pfn / 64)));
    const head = model.compoundHead(reference, pfn);
    const sound = head !== null && !model.pageTail(reference, head) && orderOf(reference, head) <= 16;
    if (!sound || (model.folioTestLarge(reference, head) && !reference.has(head + 3))) continue;
    const folio = map.folio(pfn);
    expect({
      pfn: folio.pfn,
      order: folio.order,
      nrPages: folio.nrPages,
      refcount: folio.refcount,
      entireMapcount: folio.entireMapcount,
      pincount: folio.pincount,
      mmIds: folio.mmIds,
      isHugetlb: folio.isHugetlb,
      isSlab: folio.isSlab,
    }).toEqual({
      pfn: head,
      order: model.folioOrder(reference, head),
      nrPages: model.folioNrPages(reference, head),
      refcount: model.folioRefCount(reference, pfn),
      entireMapcount: model.entireMapcount(reference, head),
      pincount: model.pincount(reference, head) ?? 0,
      mmIds: model.mmIds(reference, head) ?? [0, 0],
      isHugetlb: model.folioTestHugetlb(reference, head),
      isSlab: model.folioTestSlab(reference, head),
    });
  }
}

describe.each(presetNames)("%s", (name) => {
  it.each(builds)(
    "%s build: changes agree with the model in every byte",
    (build) => {
      fc.assert(
        fc.property(layouts, operations, (layout, list) => {
          const { map, model: reference } = makePair(profile(name), layout, build);
          const twins = new Twins(map, reference, windowsOf(layout));
          for (const operation of list) {
            expectAgreement(twins.step(operation));
            expect(firstDifference(map, reference, layout)).toBe(null);
          }
          expectSameHeads(twins);
          expectSameFolios(twins);
          map.checkWellFormed();
          expectSameHeads(twins);
        }),
        runs(build === "shared" ? 4 : 8),
      );
    },
    timeout,
  );
});
