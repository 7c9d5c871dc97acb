/** verify() against the model's rules, on maps that are intact and on maps that are not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presetNames, profile } from "../../src/index.js";
import * as model from "../model/index.js";
import { damage, harm } from "./device-damage.js";
import { deviceOperations, DeviceTwins, remaps } from "./device-operations.js";
import { pagesOfInterest } from "./device-pages.js";
import { makeMachine, RAM } from "./device-world.js";
import { runs, timeout } from "./runs.js";

function allPages(map: model.DeviceMap): number[] {
  const early = Array.from({ length: model.PAGES_PER_SECTION }, (_, i) => RAM.start + i);
  const others = map.subsections().flatMap((start) => Array.from({ length: 512 }, (_, i) => start + i));
  return [...early, ...others].sort((a, b) => a - b);
}

interface Named {
  readonly code: string;
  readonly pfn: number;
}

/**
 * Where the mappings of a folio are added up over its pages, a head that is none has any number of them: nobody's count
 * tells there.
 */
function isAnyonesGuess(map: model.DeviceMap, { code, pfn }: Named): boolean {
  const addsUp = map.profile.folio.largeMapcount === null;
  return addsUp && code === "device-refcount" && model.hasFlagBit(map, pfn, "head");
}

function expectSameFindings({ map, model: reference }: DeviceTwins, what: unknown): void {
  const pages = allPages(reference);
  const report = map.verify({ limit: 5000 });
  const listOf = (found: readonly Named[]) =>
    found
      .filter((one) => !isAnyonesGuess(reference, one))
      .map(({ code, pfn }) => `${pfn} ${code}`)
      .sort();
  const wanted = model.verify(reference, pages);
  expect({ what, pages: report.pages, list: listOf(report.findings) }).toEqual({
    what,
    pages: pages.length,
    list: listOf(wanted),
  });
  const listed: Record<string, number> = {};
  for (const { code } of report.findings) listed[code] = (listed[code] ?? 0) + 1;
  expect({ what, counts: report.counts }).toEqual({ what, counts: listed });
}

describe.each(presetNames)("%s", (name) => {
  it(
    "finds in a map that lived through changes what the model finds",
    () => {
      fc.assert(
        fc.property(deviceOperations, (list) => {
          const { map, model } = makeMachine(profile(name), "simd");
          const twins = new DeviceTwins(map, model);
          for (const operation of list) twins.step(operation);
          expectSameFindings(twins, "nothing");
        }),
        runs(5),
      );
    },
    timeout,
  );

  it(
    "finds each damage by its code",
    () => {
      fc.assert(
        fc.property(remaps, fc.array(damage, { minLength: 1, maxLength: 8 }), (list, harms) => {
          const { map, model } = makeMachine(profile(name), "simd");
          const twins = new DeviceTwins(map, model);
          for (const operation of list) twins.step(operation);
          const pages = pagesOfInterest(model);
          for (const one of harms) {
            harm(map, model, pages, one);
            expectSameFindings(twins, one);
          }
        }),
        runs(5),
      );
    },
    timeout,
  );
});
