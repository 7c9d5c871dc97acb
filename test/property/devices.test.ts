/** ZONE_DEVICE pages: random lives of them, by the engine and by the model, and every lookup on the way. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presetNames, profile, type VmemmapErrorCode } from "../../src/index.js";
import { expectSameLookups } from "./device-lookups.js";
import { garbage, litter } from "./device-garbage.js";
import { deviceOperations, type DeviceStep, DeviceTwins, type Remap, remaps } from "./device-operations.js";
import { pagesOfInterest } from "./device-pages.js";
import * as model from "../model/index.js";
import { firstDifference, makeMachine, sectionsOf } from "./device-world.js";
import { runs, timeout } from "./runs.js";

const REMAP: Remap = {
  op: "remap",
  type: "fs-dax",
  ranges: [],
  order: 0,
  altmap: null,
  ops: [],
  owner: null,
  node: 0,
  address: null,
  vmemmapOptimize: true,
};
const BUILDS = ["simd", "scalar"] as const;

function expectAgreement({ engine, refusals, model }: DeviceStep, operation: unknown): void {
  if (model !== null) expect({ operation, ...engine }).toEqual({ operation, ...model });
  else {
    const found = "code" in engine ? engine.code : "none: it was done";
    const allowed = refusals.has(found as VmemmapErrorCode) || [...refusals];
    expect({ operation, found, allowed }).toEqual({ operation, found, allowed: true });
  }
}

/** Slots, references and what drivers were told. */
function expectSameState({ map, model, pgmaps, calls }: DeviceTwins): void {
  expect(firstDifference(map, model)).toBe(null);
  expect(sectionsOf(map)).toEqual(model.subsections());
  expect(pgmaps.map(({ address, refs, dying }) => ({ address, refs, dying }))).toEqual(
    model.pgmaps.map(({ address, refs, dying }) => ({ address, refs, dying })),
  );
  expect(calls).toEqual(model.calls.filter(({ call }) => call !== "wake"));
}

describe.each(presetNames)("%s", (name) => {
  it.each(BUILDS)(
    "%s build: the lives of device pages agree with the model in every byte",
    (build) => {
      fc.assert(
        fc.property(deviceOperations, (list) => {
          const { map, model } = makeMachine(profile(name), build);
          const twins = new DeviceTwins(map, model);
          for (const operation of list) {
            expectAgreement(twins.step(operation), operation);
            expectSameState(twins);
          }
          expectSameLookups(map, model, twins.pgmaps, pagesOfInterest(model));
        }),
        runs(5),
      );
    },
    timeout,
  );

  it.each(BUILDS)(
    "%s build: lookups answer as the model where words are garbage, before and after checkWellFormed",
    (build) => {
      fc.assert(
        fc.property(remaps, garbage, (list, words) => {
          const { map, model } = makeMachine(profile(name), build);
          const twins = new DeviceTwins(map, model);
          for (const operation of list) expectAgreement(twins.step(operation), operation);
          const pages = pagesOfInterest(model);
          litter(map, model, pages, words);
          expectSameLookups(map, model, twins.pgmaps, pages);
          map.checkWellFormed();
          expectSameLookups(map, model, twins.pgmaps, pages);
        }),
        runs(4),
      );
    },
    timeout,
  );
});

describe.each(["6.1", "6.18", "7.3"] as const)("%s, large device memory", (name) => {
  const SECTION = 32768;
  const twinsWith = (wishes: Partial<Remap>): DeviceTwins => {
    const { map, model } = makeMachine(profile(name), "simd");
    const twins = new DeviceTwins(map, model);
    expectAgreement(twins.step({ ...REMAP, ...wishes }), wishes);
    expectSameState(twins);
    return twins;
  };

  it("a deduplicated folio of two sections", () => {
    const ranges = [{ start: 4 * SECTION, end: 6 * SECTION }];
    const { map, model, pgmaps } = twinsWith({ type: "generic", order: 16, ranges });
    expectSameLookups(map, model, pgmaps, pagesOfInterest(model));
    expect(map.vmemmapUsage().savedBytes).toBe((1024 - 2) * 4096);
  });

  it("an altmap that hosts the memmap of a whole section", () => {
    const ranges = [{ start: 6 * SECTION, end: 7 * SECTION }];
    const { map, model, pgmaps } = twinsWith({ order: 9, ranges, altmap: { reserve: 2, free: 1022 } });
    expectSameLookups(map, model, pgmaps, pagesOfInterest(model));
    expect(pgmaps[0]!.altmap).toMatchObject({ basePfn: 0x30000, reserve: 2, free: 1022, align: 510, alloc: 512 });
  });
});

describe.each(presetNames)("%s, a driver that throws", (name) => {
  const START = 65536 + 16384;
  const RANGES = [{ start: START, end: START + 512 }];
  const driverError = new Error("the driver's");
  const thrower = () => {
    throw driverError;
  };

  it("is heard once the page is free and its reference is gone", () => {
    const { map, model: reference } = makeMachine(profile(name), "simd");
    const ops = { pageFree: thrower, migrateToRam: thrower };
    const pgmap = map.memremapPages({ type: "private", ranges: RANGES, owner: 5n, ops });
    const names = new Set(["pageFree", "migrateToRam"] as const);
    const { address, refs } = pgmap;
    const plan = { ...REMAP, type: "private" as const, ranges: RANGES, owner: 5n, ops: names, address };
    const other = model.memremapPages(reference, plan);
    expect(refs).toBe(other.refs);
    for (const page of [START, START + 7, START + 9]) {
      map.zoneDevicePageInit(page);
      model.zoneDevicePageInit(reference, page);
    }
    expect(() => map.folio(START).put()).toThrow(driverError);
    model.putFolio(reference, START);
    expect(firstDifference(map, reference)).toBe(null);
    expect(() => map.putFolios(Uint32Array.of(START + 7, START + 9))).toThrow(driverError);
    model.putFolios(reference, [START + 7, START + 9]);
    expect(firstDifference(map, reference)).toBe(null);
    expect(pgmap.refs).toBe(other.refs);
  });

  it("of a page that the CPU touched is heard once the reference of the fault is gone", () => {
    const { map } = makeMachine(profile(name), "simd");
    const counts: number[] = [];
    const migrateToRam = (pfn: number) => {
      counts.push(map.pageRefCount(pfn));
      throw driverError;
    };
    const ops = { pageFree: () => undefined, migrateToRam };
    map.memremapPages({ type: "private", ranges: RANGES, owner: 5n, ops });
    map.zoneDevicePageInit(START);
    const before = map.pageRefCount(START);
    expect(() => map.migrateToRam(START)).toThrow(driverError);
    expect([...counts, map.pageRefCount(START)]).toEqual([before + 1, before]);
  });
});
