import { describe, expect, it } from "vitest";
import { presetNames, profile } from "../../../src/profile/index.js";

const presets = presetNames.map((name) => profile(name));

/** NUMBER(PG_*) as the VMCOREINFO notes of booted Debian kernels give them. */
const VMCOREINFO_FLAGS = {
  "6.1": { lru: 4, private: 13, swapcache: 10, swapbacked: 19, slab: 9, hwpoison: 23, head: 16 },
  "6.12": { lru: 5, private: 14, swapcache: 10, swapbacked: 17, hwpoison: 20, head: 6 },
  "6.18": { lru: 5, private: 14, swapcache: 10, swapbacked: 17, hwpoison: 21, head: 6 },
  "7.3": { lru: 5, private: 14, swapcache: 10, swapbacked: 17, hwpoison: 21, head: 6 },
};

describe("presets", () => {
  it("are listed oldest kernel first", () => {
    expect(presetNames).toEqual(["5.15", "6.1", "6.12", "6.14", "6.17", "6.18", "7.0", "7.3"]);
    expect(presets.map(({ name }) => name)).toEqual(presetNames);
  });

  it.each(Object.entries(VMCOREINFO_FLAGS))("of %s has the flag numbers of its VMCOREINFO", (name, numbers) => {
    const { flags } = profile(name);
    expect(Object.fromEntries(Object.keys(numbers).map((flag) => [flag, flags[flag]?.bit]))).toEqual(numbers);
  });

  it("number their flags without gaps", () => {
    for (const { flags, nrPageFlags } of presets) {
      const bits = new Set(Object.values(flags).map(({ bit }) => bit));
      expect(bits).toEqual(new Set(Array.from({ length: nrPageFlags }, (_, bit) => bit)));
    }
    expect(presets.map(({ nrPageFlags }) => nrPageFlags)).toEqual([27, 27, 24, 25, 25, 25, 25, 25]);
  });

  it("move has_hwpoisoned as the kernels did", () => {
    const marks = presets.map(({ flags }) => flags["has_hwpoisoned"]);
    expect(marks.map((mark) => mark?.bit)).toEqual([17, 8, 8, 8, 8, 8, 8, 8]);
    expect(new Set(marks.map((mark) => mark?.policy))).toEqual(new Set(["second"]));
  });

  it("read the flags word of a Debian ZONE_DEVICE page", () => {
    const flagsOfPage = 0x0027ffffc0002000n;
    const { zone, node, lastCpupid, zones, flags } = profile("7.3");
    const field = ({ shift, width }: { shift: number; width: number }) =>
      Number((flagsOfPage >> BigInt(shift)) & ((1n << BigInt(width)) - 1n));
    expect(zones[field(zone)]).toBe("DEVICE");
    expect(field(node)).toBe(0);
    expect(field(lastCpupid)).toBe(0x1fffff);
    expect(Number(flagsOfPage & 0x1ffffffn)).toBe(1 << flags["reserved"]!.bit);
  });

  it("give lru_refs only the bits that lru_gen leaves above the page flags", () => {
    expect(presets.map(({ lruGen }) => lruGen.width)).toEqual([0, 3, 3, 3, 3, 3, 3, 3]);
    expect(presets.map(({ lruRefs }) => lruRefs.width)).toEqual([0, 0, 2, 2, 2, 2, 2, 2]);
  });

  it("clear the order byte and the second page's marks at free", () => {
    expect(presets.map(({ compound }) => compound.freeSecondMask.toString(16))).toEqual([
      "20040",
      "140",
      "103ff",
      "103ff",
      "103ff",
      "103ff",
      "103ff",
      "103ff",
    ]);
  });

  it("zero private words where the kernels do", () => {
    const names = (rule: "prepZeroesTailPrivate" | "freeZeroesPrivate") =>
      presets.filter(({ compound }) => compound[rule]).map(({ name }) => name);
    expect(names("prepZeroesTailPrivate")).toEqual(["6.1", "6.12", "6.14", "6.17", "6.18", "7.0"]);
    expect(names("freeZeroesPrivate")).toEqual(["6.1", "6.12", "7.0", "7.3"]);
  });

  it("switch the tail encoding with HVO (6.1) and compound_info (7.x)", () => {
    expect(Object.fromEntries(presets.map(({ name, tailEncoding }) => [name, tailEncoding]))).toEqual({
      "5.15": "pointer",
      "6.1": "fake-heads",
      "6.12": "fake-heads",
      "6.14": "fake-heads",
      "6.17": "fake-heads",
      "6.18": "fake-heads",
      "7.0": "fake-heads",
      "7.3": "mask",
    });
  });

  it("cannot be changed", () => {
    const { flags, zones } = profile("7.3");
    expect(() => ((flags["head"] as { bit: number }).bit = 7)).toThrow(TypeError);
    expect(() => (zones as string[]).push("CMA")).toThrow(TypeError);
  });
});
