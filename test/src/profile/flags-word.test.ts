import { describe, expect, it } from "vitest";
import { flagsWord } from "../../../src/profile/flags-word.js";
import { presetNames, profile } from "../../../src/profile/index.js";

const DEBIAN = { zones: 5, nodesShift: 10, cpupidShift: 21, lruGen: true };

describe("flagsWord", () => {
  it.each(presetNames)("lays the fields of %s out as its preset has them", (name) => {
    const { nrPageFlags, node, zone, lastCpupid, lruGen, lruRefs } = profile(name);
    const fields = flagsWord({ ...DEBIAN, nrPageFlags, lruGen: name !== "5.15" });
    expect(fields).toEqual({ node, zone, lastCpupid, lruGen, lruRefs });
  });

  it("gives a kernel of 64 CPUs and nodes narrower fields, from the top down", () => {
    const fields = flagsWord({ ...DEBIAN, nrPageFlags: 25, nodesShift: 6, cpupidShift: 14 });
    expect([fields.node.shift, fields.zone.shift, fields.lastCpupid.shift]).toEqual([58, 55, 41]);
  });

  it("starts with the zone where there are no nodes", () => {
    const fields = flagsWord({ nrPageFlags: 25, zones: 5, nodesShift: 0, cpupidShift: 0, lruGen: false });
    expect(fields.zone).toEqual({ shift: 61, width: 3 });
    expect([fields.node.width, fields.lastCpupid.width, fields.lruGen.width, fields.lruRefs.width]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it("leaves a last_cpupid out that does not fit", () => {
    const fields = flagsWord({ ...DEBIAN, nrPageFlags: 30 });
    expect(fields.lastCpupid.width).toBe(0);
    expect(fields.lruRefs.width).toBe(2);
  });
});
