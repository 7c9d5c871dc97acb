/** Who waits for a folio or a pgmap is told when the model says so, and not before. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presetNames, profile } from "../../src/index.js";
import * as model from "../model/index.js";
import { makeMachine, RAM } from "./device-world.js";
import { outcome } from "./outcome.js";
import { runs, timeout } from "./runs.js";

const START = RAM.end;
const PLAN: model.PgmapPlan = {
  address: 0xffff888100000000n,
  type: "fs-dax",
  ranges: [{ start: START, end: START + 512 }],
  order: 0,
  altmap: null,
  node: 0,
  owner: null,
  ops: new Set(),
  vmemmapOptimize: true,
};

/** Everything that was settled by now has told so. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

const deeds = fc.array(
  fc.record({
    page: fc.nat(2),
    by: fc.constantFrom("wait", "wait", "refInc", "refInc", "put", "put", "pin", "unpin"),
  }),
  { minLength: 5, maxLength: 40, size: "max" },
);

describe.each(presetNames)("%s", (name) => {
  it(
    "whenIdle resolves at once where the folio is idle, else with its wake-up",
    async () => {
      await fc.assert(
        fc.asyncProperty(deeds, async (list) => {
          const { map, model: reference } = makeMachine(profile(name), "simd");
          map.memremapPages({ type: "fs-dax", ranges: PLAN.ranges, address: PLAN.address });
          model.memremapPages(reference, PLAN);
          const waits: { pfn: number; told: boolean; due: boolean }[] = [];
          for (const { page, by } of list) {
            const pfn = START + page;
            const folio = map.folio(pfn);
            const calls = reference.calls.length;
            switch (by) {
              case "wait": {
                const wait = { pfn, told: false, due: model.daxIsIdle(reference, pfn) };
                void folio.whenIdle().then(() => (wait.told = true));
                waits.push(wait);
                break;
              }
              case "refInc":
                folio.refInc();
                model.folioRefInc(reference, pfn);
                break;
              case "put":
                expect(outcome(() => folio.put(1))).toEqual(outcome(() => model.putFolio(reference, pfn)));
                break;
              case "pin":
                expect(outcome(() => folio.pin())).toEqual(
                  outcome(() => model.pinFolio(reference, pfn, 1, { longterm: false, p2pdma: false })),
                );
                break;
              case "unpin":
                expect(outcome(() => folio.unpin())).toEqual(outcome(() => model.unpinFolio(reference, pfn, 1)));
                break;
            }
            const woken = new Set(reference.calls.slice(calls).map((call) => call.pfn));
            for (const wait of waits) wait.due ||= woken.has(wait.pfn);
            await settled();
            expect(waits.map(({ told }) => told)).toEqual(waits.map(({ due }) => due));
            expect([folio.daxIsIdle, folio.daxIsBusy]).toEqual([
              model.daxIsIdle(reference, pfn),
              model.daxIsBusy(reference, pfn),
            ]);
          }
        }),
        runs(10),
      );
    },
    timeout,
  );

  it(
    "memunmapPagesWhenIdle kills the pgmap at once and takes it away with the last reference",
    async () => {
      const handedOut = fc.uniqueArray(fc.nat(511), { minLength: 0, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(handedOut, async (pages) => {
          const { map, model: reference } = makeMachine(profile(name), "simd");
          const owner = 5n;
          const ops = { pageFree: () => undefined, migrateToRam: () => undefined };
          const pgmap = map.memremapPages({ type: "private", ranges: PLAN.ranges, owner, ops });
          const plan = { ...PLAN, type: "private" as const, ops: new Set(["pageFree", "migrateToRam"] as const) };
          model.memremapPages(reference, { ...plan, owner });
          for (const page of pages) {
            map.zoneDevicePageInit(START + page);
            model.zoneDevicePageInit(reference, START + page);
          }
          let gone = false;
          void map.memunmapPagesWhenIdle(pgmap).then(() => (gone = true));
          expect(pgmap.dying).toBe(true);
          await settled();
          for (const page of pages) {
            expect([gone, map.getDevPagemap(START + page)]).toEqual([false, null]);
            const free = START + [0, 1, 2, 3, 4].find((one) => !pages.includes(one))!;
            expect(outcome(() => map.zoneDevicePageInit(free))).toEqual({ code: "pgmap-dying" });
            expect(map.folio(START + page).put()).toBe(model.putFolio(reference, START + page));
            await settled();
          }
          expect([gone, map.pgmaps.length]).toEqual([true, 0]);
        }),
        runs(10),
      );
    },
    timeout,
  );
});
