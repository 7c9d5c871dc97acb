import { describe, expect, it } from "vitest";
import { VmemmapError } from "../../../src/errors.js";
import {
  defineProfile,
  presetNames,
  profile,
  profileFromJson,
  profileToJson,
  type DeepPartial,
  type Profile,
} from "../../../src/profile/index.js";

/** The message of the "bad-profile" that `make` must throw. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(VmemmapError);
    expect((error as VmemmapError).code).toBe("bad-profile");
    return (error as VmemmapError).message;
  }
  throw new Error("nothing was refused");
}

describe("profile", () => {
  it("names the known presets when it knows no such name", () => {
    expect(refusal(() => profile("7.4"))).toBe(
      'no profile is named "7.4"; known: 5.15, 6.1, 6.12, 6.14, 6.17, 6.18, 7.0, 7.3',
    );
    expect(refusal(() => profile("constructor"))).toContain("known: 5.15");
  });

  it("takes a profile as well as a name", () => {
    expect(profile(profile("6.12"))).toEqual(profile("6.12"));
  });
});

describe("defineProfile", () => {
  it("changes only what it is told", () => {
    const made = defineProfile("7.3", { name: "mine", lastCpupid: { shift: 35, width: 16 } });
    expect(made).toEqual({ ...profile("7.3"), name: "mine", lastCpupid: { shift: 35, width: 16 } });
  });

  it("keeps a flag's policy when only its bit changes", () => {
    const { flags } = defineProfile("7.3", {
      flags: { arch_3: { bit: 25, policy: "any" } },
      nrPageFlags: 26,
      lruRefs: { shift: 26, width: 1 },
    });
    expect(flags["arch_3"]).toEqual({ bit: 25, policy: "any" });
    expect(defineProfile("7.3", { flags: { reported: { bit: 4 } } }).flags["reported"]).toEqual({
      bit: 4,
      policy: "no-compound",
    });
  });

  it("drops a flag that is set to undefined, as a kernel without MEMORY_FAILURE does", () => {
    const { flags } = defineProfile("6.18", {
      flags: { hwpoison: undefined, young: { bit: 21 }, idle: { bit: 22 }, arch_2: { bit: 23 } },
      nrPageFlags: 24,
    });
    expect(flags).not.toHaveProperty("hwpoison");
    expect(flags["idle"]?.bit).toBe(22);
  });

  it("replaces a kind mark whole", () => {
    const { hugetlb } = defineProfile("6.1", { hugetlb: { by: "dtor", id: 3 }, slab: { by: "flag", name: "error" } });
    expect(hugetlb).toEqual({ by: "dtor", id: 3 });
  });

  const refused: [changes: DeepPartial<Profile>, message: string][] = [
    [{ flags: { hwpoison: { bit: 25 } } }, "profile.flags.hwpoison.bit is 25, must be below nrPageFlags (25)"],
    [{ flags: { hwpoison: { bit: 6 } } }, "profile.flags.hwpoison.bit is 6, which is already head"],
    [
      { flags: { large_rmappable: { bit: 7 } } },
      "profile.flags.large_rmappable.bit is 7, inside the order byte of page 1",
    ],
    [{ flags: { head: undefined } }, 'profile.flags lack "head"'],
    [{ flags: { Head: { bit: 6, policy: "any" } } }, 'profile.flags has "Head", names are lower case: a-z, 0-9, _'],
    [{ zone: { shift: 52 } }, "profile.zone covers 52 to 54, overlaps node (54 to 63)"],
    [{ node: { shift: 55 } }, "profile.node covers 55 to 64, must end below 64"],
    [{ lruRefs: { shift: 24 } }, "profile.lruRefs covers 24 to 25, overlaps the page flags (0 to 24)"],
    [{ zone: { shift: 52, width: 2 } }, "profile.zones has 5 names, must have 1 to 4 for zone.width 2"],
    [{ zones: ["DMA", "NORMAL", "DMA"] }, 'profile.zones has "DMA" twice'],
    [{ folio: { nrPages: 122 } }, "profile.folio.nrPages is 122, must be a multiple of 4"],
    [{ folio: { nrPages: 132 } }, "profile.folio.nrPages is 132, must end by 128"],
    [{ folio: { nrPages: 300 } }, "profile.folio.nrPages is 300, must be an integer from 64 to 255"],
    [
      { folio: { nrPages: 76 } },
      "profile.folio.nrPages covers 76 to 79, overlaps page 1's word of the head (72 to 79)",
    ],
    [{ folio: { pincount: 88 } }, "profile.folio.pincount covers 88 to 91, overlaps folio.entireMapcount (88 to 91)"],
    [{ pgmap: { type: 98 } }, "profile.pgmap.type is 98, must be a multiple of 4"],
    [{ pgmap: { type: 100 } }, "profile.pgmap.flags covers 100 to 103, overlaps pgmap.type (100 to 103)"],
    [{ pgmap: { range: 4096 } }, "profile.pgmap.range is 4096, must be an integer from 0 to 4095"],
    [{ folio: { mmIds: null } }, "profile.folio.mmIds is null and folio.mmIdMapcounts 96: have both or neither"],
    [{ maxFolioOrder: 23 }, "profile.maxFolioOrder is 23, must be an integer from 0 to 22"],
    [{ maxFolioOrder: 2.5 }, "profile.maxFolioOrder is 2.5, must be an integer from 0 to 22"],
    [
      { vmemmapBase: 0xffffea0008000000n },
      "profile.vmemmapBase is 0xffffea0008000000, must be a multiple of 0x10000000 for mask encoding",
    ],
    [
      { vmemmapBase: 1n << 64n },
      'profile.vmemmapBase is 0x10000000000000000, must be a 64-bit word (bigint, or "0x…" of up to 16 digits)',
    ],
    [{ slab: { by: "type", name: "slub" } }, 'profile.slab is told by type "slub", which the profile lacks'],
    [{ slab: { by: "flag", name: "slab" } }, 'profile.slab is told by flag "slab", which the profile lacks'],
    [{ hugetlb: { by: "dtor", id: 2 } }, "profile.hugetlb is told by dtor 2, but folio.dtor is null"],
    [{ pageTypes: { types: { slab: 0xf4 } } }, "profile.pageTypes.types.slab is 0xf4, which is already hugetlb"],
    [
      { pageTypes: { types: { slab: 0xff } } },
      "profile.pageTypes.types.slab is 0xff, must be a top byte from 0x80 to 0xfe",
    ],
    [{ compound: { prepDtor: 1 } }, "profile.compound.prepDtor is 1, but folio.dtor is null"],
    [
      { compound: { freeSecondMask: 1n << 40n } },
      "profile.compound.freeSecondMask is 0x10000000000, has bits from nrPageFlags (25) on",
    ],
    [{ name: undefined }, 'profile lacks the field "name"'],
    [{ nrFlags: 3 } as DeepPartial<Profile>, 'profile has an unknown field "nrFlags"'],
  ];
  it.each(refused)("refuses %o", (changes, message) => {
    expect(refusal(() => defineProfile("7.3", changes))).toBe(message);
  });

  it("lets masks round down to any base the encoding can bear", () => {
    expect(defineProfile("7.3", { maxFolioOrder: 18, vmemmapBase: 0xffffea0001000000n }).maxFolioOrder).toBe(18);
    expect(defineProfile("7.0", { vmemmapBase: 0xffffea0000000040n }).vmemmapBase).toBe(0xffffea0000000040n);
  });

  it("refuses bits of two types in the low-bits encoding", () => {
    expect(refusal(() => defineProfile("6.1", { pageTypes: { types: { buddy: 0x180 } } }))).toBe(
      "profile.pageTypes.types.buddy is 0x180, must be one bit from 0x80 to 0x8000000",
    );
  });
});

describe("profileToJson and profileFromJson", () => {
  it.each(presetNames)("carry %s there and back", (name) => {
    expect(profileFromJson(profileToJson(profile(name)))).toEqual(profile(name));
  });

  it("write words as hexadecimal strings", () => {
    expect(JSON.parse(profileToJson(profile("7.3")))).toMatchObject({
      vmemmapBase: "0xffffea0000000000",
      compound: { freeSecondMask: "0x103ff" },
    });
  });

  const good = JSON.parse(profileToJson(profile("7.3"))) as Record<string, unknown>;
  const hostile: [what: string, json: string, message: string | RegExp][] = [
    ["what is no JSON", "{", /^profile is no JSON: /],
    ["an empty text", "", /^profile is no JSON: /],
    ["null", "null", "profile is null, must be an object"],
    ["an array", "[]", "profile is an array, must be an object"],
    [
      "an empty object",
      "{}",
      "profile.preset is undefined, must be one of 5.15, 6.1, 6.12, 6.14, 6.17, 6.18, 7.0, 7.3",
    ],
    [
      "a flag table that is a list",
      JSON.stringify({ ...good, flags: [] }),
      "profile.flags is an array, must be an object",
    ],
    [
      "a word as a number",
      JSON.stringify({ ...good, vmemmapBase: 64 }),
      /^profile.vmemmapBase is 64, must be a 64-bit word/,
    ],
    [
      "a word that is no number",
      JSON.stringify({ ...good, vmemmapBase: "0x" }),
      /^profile.vmemmapBase is "0x", must be/,
    ],
    [
      "an unknown encoding",
      JSON.stringify({ ...good, tailEncoding: "x" }),
      'profile.tailEncoding is "x", must be one of pointer, fake-heads, mask',
    ],
    ["a kind mark of nothing", JSON.stringify({ ...good, slab: null }), "profile.slab is null, must be an object"],
    [
      "a flag named __proto__",
      profileToJson(profile("7.3")).replace('"locked"', '"__proto__"'),
      'profile.flags has "__proto__", names are lower case: a-z, 0-9, _',
    ],
    [
      "zones that are no names",
      JSON.stringify({ ...good, zones: ["DMA", 1] }),
      "profile.zones[1] is 1, must be a non-empty string",
    ],
  ];
  it.each(hostile)("refuse %s", (_what, json, message) => {
    const said = refusal(() => profileFromJson(json));
    if (typeof message === "string") expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  it("fill in what an older version of this package did not write, from the preset", () => {
    const { lruGen: _lruGen, ...older } = good;
    const compound = { ...(good["compound"] as object), splitMovesSwap: undefined };
    expect(profileFromJson(JSON.stringify({ ...older, compound }))).toEqual(profile("7.3"));
  });

  it("refuse a profile that mistypes any one field", () => {
    for (const key of Object.keys(good)) {
      expect(refusal(() => profileFromJson(JSON.stringify({ ...good, [key]: false })))).toContain(`profile.${key} `);
    }
  });
});
