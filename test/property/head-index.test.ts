/** The head index under random changes: it answers as the slots do, after each of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presetNames, profile } from "../../src/index.js";
import { garbage, litter } from "./device-garbage.js";
import { deviceOperations, DeviceTwins, remaps } from "./device-operations.js";
import { pagesOfInterest } from "./device-pages.js";
import { makeMachine } from "./device-world.js";
import { expectSameBySlots, expectSoundIndex } from "./head-index.js";
import { layouts, makePair, windowsOf } from "./layout.js";
import { type Operation, operations, Twins } from "./operations.js";
import { runs, timeout } from "./runs.js";

const BUILDS = ["simd", "scalar"] as const;
/** What leaves no word behind that the index can't express. */
const STRUCTURAL: readonly Operation["op"][] = ["prep", "free", "split", "count", "zero", "links", "cpupid", "hvo"];

describe.each(presetNames)("%s", (name) => {
  it.each(BUILDS)(
    "%s build: changes keep the index, raw writes and flags among them",
    (build) => {
      fc.assert(
        fc.property(layouts, operations, (layout, list) => {
          const { map, model } = makePair(profile(name), layout, build);
          map.headIndex.build();
          const twins = new Twins(map, model, windowsOf(layout));
          for (const operation of list) {
            twins.step(operation);
            expectSoundIndex(map);
          }
          expectSameBySlots(map, windowsOf(layout));
          map.headIndex.build();
          expectSoundIndex(map);
          expectSameBySlots(map, windowsOf(layout));
        }),
        runs(2),
      );
    },
    timeout,
  );

  it.each(BUILDS)(
    "%s build: after kernel operations alone, the index answers for every page",
    (build) => {
      fc.assert(
        fc.property(layouts, operations, (layout, list) => {
          const { map, model } = makePair(profile(name), layout, build);
          map.headIndex.build();
          const twins = new Twins(map, model, windowsOf(layout));
          for (const operation of list.filter(({ op }) => STRUCTURAL.includes(op))) {
            twins.step(operation);
            expect({ operation, pagesBySlots: map.headIndex.pagesBySlots }).toEqual({ operation, pagesBySlots: 0 });
            expectSoundIndex(map);
          }
        }),
        runs(4),
      );
    },
    timeout,
  );

  it.each(BUILDS)(
    "%s build: the lives of device pages keep the index",
    (build) => {
      fc.assert(
        fc.property(deviceOperations, (list) => {
          const { map, model } = makeMachine(profile(name), build);
          map.headIndex.build();
          const twins = new DeviceTwins(map, model);
          for (const operation of list) {
            twins.step(operation);
            expectSoundIndex(map);
          }
        }),
        runs(5),
      );
    },
    timeout,
  );

  it.each(BUILDS)(
    "%s build: an index made of garbage answers as the garbage does, and so after changes to it",
    (build) => {
      fc.assert(
        fc.property(remaps, garbage, deviceOperations, (list, words, more) => {
          const { map, model } = makeMachine(profile(name), build);
          const twins = new DeviceTwins(map, model);
          for (const operation of list) twins.step(operation);
          litter(map, model, pagesOfInterest(model), words);
          expectSoundIndex(map);
          map.checkWellFormed();
          expectSoundIndex(map);
          for (const operation of more) {
            try {
              twins.step(operation);
            } catch {
              // The model need not follow where words are garbage; what the engine did is what counts.
            }
            expectSoundIndex(map);
          }
        }),
        runs(3),
      );
    },
    timeout,
  );
});
