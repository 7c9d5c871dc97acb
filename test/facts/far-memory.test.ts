import { describe, expect, it } from "vitest";
import { Vmemmap } from "../../src/index.js";
import { builds, errorOf, machine, refused, SECTION } from "./machine.js";

const MIB = 2 ** 20;

describe.each(builds)("large folios (%s build)", (build) => {
  it.each(["5.15", "6.18", "7.3"] as const)("a folio of order 18 across eight sections (%s)", (preset) => {
    const map = machine(preset, 16, { build, initialize: false });
    map.prepCompoundPage(2 ** 18, 18);
    for (let section = 8; section < 16; section++) {
      for (const pfn of [section * SECTION, section * SECTION + 1, section * SECTION + 32767]) {
        expect([map.compoundHead(pfn), map.folioOrder(pfn), map.folioPageIdx(pfn)]).toEqual([
          2 ** 18,
          18,
          pfn - 2 ** 18,
        ]);
      }
    }
    const heads = new Uint32Array(2 ** 18);
    expect(map.headsInto({ start: 2 ** 18, count: 2 ** 18 }, heads)).toBe(0);
    expect(heads.every((head) => head === 2 ** 18)).toBe(true);
    expect(map.folioNrPages(2 ** 19 - 1)).toBe(262144);
    expect([map.compoundHead(2 ** 18 - 1), map.folioOrder(2 ** 18 - 1)]).toEqual([2 ** 18 - 1, 0]);
    expect(map.foliosByOrder().slice(0, 19)).toEqual([262144, ...Array<number>(17).fill(0), 1]);
  });

  it("a folio of order 18 reads its own words in 64 bits (nr 262144, 6.18)", () => {
    const map = machine("6.18", 8, { build, initialize: false });
    map.prepCompoundPage(0, 18);
    expect(map.readWord(1, 0) & 0xffn).toBe(18n);
    expect(map.readWord(1, 56) & 0xffffffffn).toBe(0x40000n);
    expect(map.readWord(2 ** 18 - 1, 8)).toBe(0xffffea0000000001n);
  });

  it("a folio over a hole is refused: its slots would not be contiguous", () => {
    const map = new Vmemmap({
      build,
      memory: [0, 2, 3, 4, 5, 6, 7].map((n) => ({ start: n * SECTION, end: (n + 1) * SECTION })),
    });
    refused(map, "pfn-absent", [], () => map.prepCompoundPage(0, 18));
  });
});

it("a folio of order 22, 16 GiB: golden mask word, every tail resolves (MAX_FOLIO_ORDER, 7.3)", () => {
  const map = machine("7.3", 128, { initialize: false });
  map.prepCompoundPage(0, 22);
  const slots = map.slotBytes();
  const words = new Uint32Array(slots.buffer, slots.byteOffset, 2 ** 22 * 16);
  let others = 0;
  for (let i = 1; i < 2 ** 22; i++)
    others += words[i * 16 + 2] === 0xf0000001 && words[i * 16 + 3] === 0xffffffff ? 0 : 1;
  expect(others).toBe(0);
  expect(map.readWord(2 ** 22 - 1, 8)).toBe(0xfffffffff0000001n);
  const heads = new Uint32Array(100_000);
  for (let i = 0; i < heads.length; i++) heads[i] = (i * 41_943) % 2 ** 22;
  expect(map.heads(heads)).toBe(0);
  expect(heads.every((head) => head === 0)).toBe(true);
  expect([map.folioOrder(4_194_303), map.folioNrPages(4_194_303)]).toEqual([22, 4_194_304]);
  map.dispose();
});

describe.each(builds)("a folio at PFN 2^32, 16 TiB (%s build)", (build) => {
  const BASE = 2 ** 32;
  const wide = (profile: "6.18" | "7.3", initialize = true) =>
    new Vmemmap({
      profile,
      build,
      initialize,
      memory: [
        { start: 0, end: SECTION },
        { start: BASE, end: BASE + SECTION, zone: "DEVICE" },
      ],
    });

  it("mask words: lists are Float64Array and answers exact (7.3)", () => {
    const map = wide("7.3");
    map.prepCompoundPage(BASE + 512, 9);
    expect(map.readWord(BASE + 513, 8)).toBe(0xffffffffffff8001n);
    expect(map.compoundHead(BASE + 1023)).toBe(4_294_967_808);
    const list = Float64Array.of(BASE + 513, BASE + 1023, BASE + 1024, 5, BASE - 1, BASE + SECTION);
    const out = new Float64Array(6);
    expect(map.headsInto(list, out)).toBe(2);
    expect([...out]).toEqual([BASE + 512, BASE + 512, BASE + 1024, 5, NaN, NaN]);
    expect([map.heads(list), [...list]]).toEqual([2, [BASE + 512, BASE + 512, BASE + 1024, 5, NaN, NaN]]);
    expect(map.listHeads()).toEqual(Float64Array.of(BASE + 512));
  });

  it("pointer words: the head's address has bits above 2^37 (6.18)", () => {
    const map = wide("6.18");
    map.prepCompoundPage(BASE + 512, 9);
    expect(map.readWord(BASE + 513, 8)).toBe(0xffffea4000008001n);
    expect(map.pageAddress(BASE)).toBe(0xffffea4000000000n);
    expect(map.addressPfn(0xffffea4000008000n)).toBe(BASE + 512);
    const out = new Float64Array(512);
    expect(map.headsInto({ start: BASE + 512, count: 512 }, out)).toBe(0);
    expect(out.every((head) => head === BASE + 512)).toBe(true);
  });

  it("the same low 32 bits below 16 TiB are another page: a pointer there names an absent or far page (6.18)", () => {
    const map = wide("6.18");
    map.prepCompoundPage(BASE + 512, 9);
    map.writeWord(BASE + 513, 8, 0xffffea0000008001n); // page 512, 2^32 PFNs below
    expect(errorOf(() => map.compoundHead(BASE + 513)).code).toBe("bad-head");
    const list = Float64Array.of(BASE + 513, BASE + 514);
    expect([map.heads(list), [...list]]).toEqual([1, [NaN, BASE + 512]]);
  });

  it("a range may cross PFN 2^32", () => {
    const map = new Vmemmap({ build, memory: [{ start: BASE - SECTION, end: BASE + SECTION }] });
    map.prepCompoundPage(BASE, 2);
    const out = new Float64Array(6);
    expect([map.headsInto({ start: BASE - 2, count: 6 }, out), [...out]]).toEqual([
      0,
      [BASE - 2, BASE - 1, BASE, BASE, BASE, BASE],
    ]);
  });

  it("a Uint32Array of PFNs, or of answers, is the wrong kind here (bad-array)", () => {
    const map = wide("7.3");
    refused(map, "bad-array", ["Float64Array"], () => map.heads(Uint32Array.of(1)));
    refused(map, "bad-array", ["Float64Array"], () => map.headsInto(Float64Array.of(1), new Uint32Array(1)));
  });

  it("it has a zone and a node of its own (set_page_links)", () => {
    const map = wide("7.3");
    expect([map.pageZone(BASE), map.pageZone(0)]).toEqual([4, 0]);
  });
});

describe("memory with holes", () => {
  it("a device range at 256 GiB costs no more than its own slots", () => {
    const near = machine("7.3", 2);
    const far = new Vmemmap({
      memory: [
        { start: 0, end: SECTION },
        { start: 2 ** 26, end: 2 ** 26 + SECTION, zone: "DEVICE" },
      ],
    });
    expect(far.slots).toBe(65536);
    expect(far.memoryBytes - near.memoryBytes).toBeLessThan(MIB / 2);
    expect(far.memoryBytes).toBeLessThan(4 * MIB + 9 * MIB);
    expect([far.startPfn, far.endPfn]).toEqual([0, 2 ** 26 + SECTION]);
    far.prepCompoundPage(2 ** 26, 9);
    expect(far.compoundHead(2 ** 26 + 511)).toBe(67_108_864);
    expect(far.slotOf(2 ** 26)).toBe(32768);
    expect(far.pfnOf(32768)).toBe(2 ** 26);
  });

  it("a device range at 16 TiB costs its slots and a section table, not the hole", () => {
    const far = new Vmemmap({
      memory: [
        { start: 0, end: SECTION },
        { start: 2 ** 32, end: 2 ** 32 + SECTION, zone: "DEVICE" },
      ],
    });
    expect(far.slots).toBe(65536);
    expect(far.memoryBytes).toBeLessThan(4 * MIB + 9 * MIB);
  });

  it("absent sections between present ones have no slots, and single calls and changes say so", () => {
    const map = new Vmemmap({
      memory: [
        { start: SECTION, end: 2 * SECTION },
        { start: 4 * SECTION, end: 5 * SECTION },
      ],
    });
    expect([map.slots, map.startPfn, map.endPfn]).toEqual([65536, 32768, 163840]);
    expect(map.sections.map((section) => section.number)).toEqual([1, 4]);
    for (const pfn of [0, SECTION - 1, 2 * SECTION, 3 * SECTION, 4 * SECTION - 1, 5 * SECTION, 2 ** 39]) {
      expect(map.pfnValid(pfn)).toBe(false);
      expect(errorOf(() => map.compoundHead(pfn)).code).toBe("pfn-absent");
      refused(map, "pfn-absent", [pfn], () => map.setFlag(pfn, "locked"));
    }
    const list = Uint32Array.of(0, SECTION, 2 * SECTION, 4 * SECTION - 1, 4 * SECTION, 5 * SECTION, 0xffffffff);
    expect(map.heads(list)).toBe(5);
    expect([...list]).toEqual([0xffffffff, 32768, 0xffffffff, 0xffffffff, 131072, 0xffffffff, 0xffffffff]);
  });

  it("boot memory: all of an early section is valid, even where the range stops (pfn_valid, 7.3)", () => {
    const map = new Vmemmap({ memory: [{ start: 512, end: 1024 }] });
    expect([0, 511, 512, 1023, 1024, 32767, 32768].map((pfn) => map.pfnValid(pfn))).toEqual([
      ...Array<boolean>(6).fill(true),
      false,
    ]);
    expect(map.sections[0]?.early).toBe(true);
  });

  it("hot-added memory: only the 2 MiB subsections of the range are valid (pfn_section_valid, 7.3)", () => {
    const map = new Vmemmap({
      memory: [
        { start: 0, end: SECTION },
        { start: 2 * SECTION + 512, end: 2 * SECTION + 1536, hotplug: true },
      ],
    });
    const at = 2 * SECTION;
    expect(
      [at, at + 511, at + 512, at + 1023, at + 1024, at + 1535, at + 1536, at + 32767].map((p) => map.pfnValid(p)),
    ).toEqual([false, false, true, true, true, true, false, false]);
    expect(map.sections[1]).toMatchObject({ number: 2, early: false, subsections: 0b110n });
    expect(errorOf(() => map.compoundHead(at)).code).toBe("pfn-absent");
    const list = Uint32Array.of(at, at + 512, at + 1535, at + 1536);
    expect([map.heads(list), [...list]]).toEqual([2, [0xffffffff, at + 512, at + 1535, 0xffffffff]]);
    refused(map, "pfn-absent", [], () => map.prepCompoundPage(at, 10));
  });

  it.each(["5.15", "6.18", "7.3"] as const)(
    "a section with absent subsections is never well-formed (%s)",
    (profile) => {
      const map = new Vmemmap({ profile, memory: [{ start: 512, end: 1536, hotplug: true }] });
      expect([map.checkWellFormed(), map.isWellFormed(512)]).toEqual([0, false]);
      const list = Uint32Array.of(0, 512, 1535, 1536);
      expect([map.heads(list), [...list]]).toEqual([2, [0xffffffff, 512, 1535, 0xffffffff]]);
    },
  );

  it("a span of pages over absent subsections is refused (pfn_section_valid, 7.3)", () => {
    const map = new Vmemmap({
      memory: [
        { start: 0, end: 512, hotplug: true },
        { start: 1024, end: 2048, hotplug: true },
      ],
    });
    refused(map, "pfn-absent", [], () => map.setPageLinks(0, 1536, 1, 0));
    refused(map, "pfn-absent", [], () => map.prepCompoundPage(0, 11));
  });

  it.each(["simd", "scalar"] as const)("masks reach PFNs from 2^26 on, in lists too (%s build)", (build) => {
    const start = 2 ** 31;
    const map = new Vmemmap({ profile: "7.3", build, memory: [{ start, end: start + SECTION, zone: "DEVICE" }] });
    map.prepCompoundPage(start + 512, 9);
    const list = Uint32Array.of(start + 513, start + 1023, start + 5, start + 512);
    expect([map.heads(list), [...list]]).toEqual([0, [start + 512, start + 512, start + 5, start + 512]]);
  });

  it("pieces of 2 MiB of one section join", () => {
    const map = new Vmemmap({
      memory: [
        { start: 0, end: 512, hotplug: true },
        { start: 32256, end: 32768, hotplug: true },
      ],
    });
    expect(map.sections).toMatchObject([{ number: 0, subsections: 0x8000000000000001n }]);
    expect(map.slots).toBe(32768);
    expect([0, 512, 32255, 32256].map((pfn) => map.pfnValid(pfn))).toEqual([true, false, false, true]);
  });

  it("hot-adding less than a section into an early section leaves all of it valid (4.3)", () => {
    const map = new Vmemmap({
      memory: [
        { start: 0, end: 512 },
        { start: 1024, end: 1536, hotplug: true, zone: "DEVICE" },
      ],
    });
    expect([600, 1024, 2000].map((pfn) => map.pfnValid(pfn))).toEqual([true, true, true]);
    expect(map.pageZone(1024)).toBe(4);
  });
});
