import { describe, expect, it } from "vitest";
import { profileOf } from "../../src/dump/kernel-profile.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { profile } from "../../src/profile/index.js";
import { LAYOUT_7_3 } from "../src/profile/layouts.js";
import { parsePahole, writeLayouts } from "../src/profile/pahole.js";
import { BtfWriter } from "../src/profile/write-btf.js";
import { refusal } from "./refusal.js";
import { writeKallsyms } from "./write-kallsyms.js";
import { KernelWriter } from "./write-kernel.js";

const INFO_6_1 = [
  "OSRELEASE=6.1.0-50-amd64",
  "OFFSET(page.compound_dtor)=16",
  "OFFSET(page.compound_order)=17",
  "OFFSET(page.compound_head)=8",
  "NUMBER(PG_lru)=4",
  "NUMBER(PG_slab)=9",
  "NUMBER(PG_hwpoison)=23",
  "NUMBER(PG_head_mask)=65536",
  "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129",
  "NUMBER(HUGETLB_PAGE_DTOR)=2",
  "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257",
  "LENGTH(node_data)=1024",
];
const INFO_7_3 = [
  "OSRELEASE=7.3.4+deb13-amd64",
  "OFFSET(page.compound_info)=8",
  "NUMBER(PG_lru)=5",
  "NUMBER(PG_hwpoison)=21",
  "NUMBER(PG_head_mask)=64",
  "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456",
  "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376",
  "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592",
  "LENGTH(node_data)=1024",
];
const STEXT = 0xffffffff81000000n;
const BTF_AT = 0xffffffff83000000n;

/** The profile of a kernel whose dump holds nothing but VMCOREINFO. */
async function told(lines: readonly string[]) {
  const { profile: made, facts } = await profileOf(new Vmcoreinfo(lines.join("\n")), new KernelWriter().kernel());
  return { profile: made, fact: (name: string) => facts.find((fact) => fact.name === name) };
}

const without = (lines: readonly string[], key: string) => lines.filter((line) => !line.includes(key));

/** The same of a kernel with symbols, BTF among them. */
async function withBtf(lines: readonly string[], btf: Uint8Array, symbols: Record<string, bigint> = HVO) {
  const writer = new KernelWriter();
  writer.put(BTF_AT, btf);
  const all = { _stext: STEXT, __start_BTF: BTF_AT, __stop_BTF: BTF_AT + BigInt(btf.length), ...symbols };
  const info = new Vmcoreinfo([...lines, ...writeKallsyms(writer, { symbols: all, rule: "place" })].join("\n"));
  const { profile: made, facts, pgmapArray } = await profileOf(info, writer.kernel());
  return { profile: made, pgmapArray, fact: (name: string) => facts.find((fact) => fact.name === name) };
}

const HVO = { hugetlb_vmemmap_optimize_folio: STEXT + 0x100n };

function btfOf(write: (writer: BtfWriter) => void, layout = ""): Uint8Array {
  const writer = new BtfWriter();
  writeLayouts(writer, parsePahole(layout));
  write(writer);
  return writer.bytes();
}

const nothing = () => undefined;

describe("profileOf, by VMCOREINFO and preset", () => {
  it("is 6.1's preset by its VMCOREINFO", async () => {
    const { profile: made } = await told(INFO_6_1);
    expect(made).toEqual({ ...profile("6.1"), name: "6.1.0-50-amd64" });
  });

  it("is 7.3's preset by its VMCOREINFO", async () => {
    expect((await told(INFO_7_3)).profile).toEqual({ ...profile("7.3"), name: "7.3.4+deb13-amd64" });
  });

  it("says of each fact where it is from", async () => {
    const { fact } = await told(INFO_6_1);
    expect(fact("flags.head")).toEqual({ name: "flags.head", value: 16, from: "VMCOREINFO NUMBER(PG_head_mask)" });
    expect(fact("flags.dirty")?.from).toBe("preset 6.1 (newest not above 6.1.0-50-amd64)");
    expect(fact("folio.order")?.from).toBe("VMCOREINFO OFFSET(page.compound_order)");
    expect(fact("pageTypes.buddy")?.from).toBe("VMCOREINFO NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)");
    expect(fact("tailEncoding")).toMatchObject({ value: "fake-heads", from: "VMCOREINFO OFFSET(page.compound_head)" });
    expect(fact("hugetlb")).toMatchObject({ value: "dtor 2", from: "VMCOREINFO NUMBER(HUGETLB_PAGE_DTOR)" });
    expect(fact("node")?.from).toBe("derived from VMCOREINFO LENGTH(node_data)");
    expect(fact("btf")).toMatchObject({ value: false, from: "VMCOREINFO has no SYMBOL(kallsyms_…)" });
  });

  it.each([
    ["5.15.3", "5.15", "newest not above 5.15.3"],
    ["6.11.0-9-generic", "6.1", "newest not above 6.11.0-9-generic"],
    ["6.16.12", "6.17", "its layout is that of 6.15 on"],
    ["6.18.15", "6.18", "newest not above 6.18.15"],
    ["9.9.9", "7.3", "newest not above 9.9.9"],
  ])("takes for %s the preset %s", async (release, preset, why) => {
    const { profile: made, fact } = await told([`OSRELEASE=${release}`]);
    expect(made.preset).toBe(preset);
    expect(fact("preset")?.from).toBe(`preset ${preset} (${why})`);
  });

  it("takes the newest preset where there is no release", async () => {
    expect((await told(without(INFO_7_3, "OSRELEASE"))).fact("preset")?.from).toContain("VMCOREINFO has no OSRELEASE");
  });

  it("closes the gap where PG_hwpoison is not configured", async () => {
    const { profile: made, fact } = await told(without(INFO_7_3, "PG_hwpoison"));
    expect(made.flags["hwpoison"]).toBeUndefined();
    expect([made.flags["young"]?.bit, made.flags["idle"]?.bit, made.nrPageFlags]).toEqual([21, 22, 24]);
    expect(made.lruRefs).toEqual({ shift: 25, width: 2 });
    expect(fact("flags.young")?.from).toContain("without MEMORY_FAILURE");
  });

  it("moves what is above PG_hwpoison with it", async () => {
    const { profile: made } = await told([...without(INFO_6_1, "PG_hwpoison"), "NUMBER(PG_hwpoison)=22"]);
    expect([made.flags["young"]?.bit, made.flags["arch_2"]?.bit, made.nrPageFlags]).toEqual([23, 25, 26]);
    expect(made.flags["uncached"]).toBeUndefined();
  });

  it("takes the flags of the preset that VMCOREINFO's numbers fit", async () => {
    const lines = [
      ...INFO_7_3.map((line) => line.replace("7.3.4+deb13-amd64", "6.11.0").replace("compound_info", "compound_head")),
    ];
    const { profile: made, fact } = await told(lines);
    expect(made.flags["dirty"]?.bit).toBe(4);
    expect(fact("flags.dirty")?.from).toBe("flags of preset 6.14");
  });

  it("tells a mask from the word's name alone, whatever the preset", async () => {
    const lines = INFO_7_3.map((line) => line.replace("7.3.4+deb13-amd64", "7.1.0"));
    const { fact } = await told(lines);
    expect(fact("tailEncoding")).toEqual({
      name: "tailEncoding",
      value: "mask",
      from: "VMCOREINFO OFFSET(page.compound_info); preset 7.0 (newest not above 7.1.0) says fake-heads",
    });
  });

  it("derives the node's bits from the length of node_data", async () => {
    const { profile: made, fact } = await told(INFO_7_3.map((line) => line.replace("=1024", "=64")));
    expect(made.node).toEqual({ shift: 58, width: 6 });
    expect(made.zone.shift).toBe(55);
    expect(fact("node")?.from).toContain("says bits 54 to 63");
  });

  it.each([
    [["OSRELEASE=4.19.0"], "unsupported-dump: VMCOREINFO OSRELEASE is 4.19.0: the oldest kernel that is known is 5.15"],
    [
      ["OSRELEASE=6.11.0", "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-1073741825"],
      "unsupported-dump: VMCOREINFO NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE) is 0xbfffffff: expected all bits but one",
    ],
    [
      ["OSRELEASE=6.12.0", "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129", "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376"],
      "bad-dump: VMCOREINFO NUMBER(PAGE_SLAB_MAPCOUNT_VALUE) says page types by top-byte",
    ],
    [["OSRELEASE=6.12.0", "NUMBER(PG_head_mask)=65"], "bad-dump: VMCOREINFO NUMBER(PG_head_mask) is 65"],
    [["OSRELEASE=6.12.0", "NUMBER(PG_lru)=64"], "bad-dump: VMCOREINFO NUMBER(PG_lru) is 64"],
    [
      ["OSRELEASE=6.12.0", "NUMBER(PG_lru)=40"],
      "unsupported-dump: the kernel's own facts make no profile: profile.flags.lru",
    ],
    [["OSRELEASE=6.1.0", "OFFSET(page.compound_order)=8"], "unsupported-dump: the kernel's own facts make no profile"],
  ])("refuses what it can't use: %#", async (lines, expected) => {
    expect(await refusal(() => told(lines))).toContain(expected);
  });
});

describe("profileOf, with BTF", () => {
  it("takes offsets from BTF before the preset's, and tells where they differ", async () => {
    const moved = LAYOUT_7_3.replace("_nr_pages;          /*   120", "_nr_pages;          /*    72");
    const lines = INFO_7_3.map((line) => line.replace("7.3.4+deb13-amd64", "7.3.9"));
    const { fact } = await withBtf(lines, btfOf(nothing, LAYOUT_7_3));
    expect(fact("folio.nrPages")).toMatchObject({ value: 120, from: "BTF struct folio._nr_pages" });
    expect(await refusal(() => withBtf(lines, btfOf(nothing, moved)))).toContain(
      "folio.nrPages covers 72 to 75, overlaps",
    );
    const older = await withBtf(
      INFO_7_3.map((line) => line.replace("7.3.4+deb13-amd64", "6.14.0").replace("compound_info", "compound_head")),
      btfOf(nothing, LAYOUT_7_3),
    );
    expect(older.fact("folio.nrPages")?.from).toBe(
      "BTF struct folio._nr_pages; preset 6.14 (newest not above 6.14.0) says 96",
    );
    expect(older.profile.pgmap).toEqual(profile("7.3").pgmap);
  });

  it("takes VMCOREINFO's flags before BTF's, and tells where they differ", async () => {
    const { fact, profile: made } = await withBtf(
      INFO_7_3,
      btfOf((w) => w.enum("pageflags", { PG_locked: 0, PG_lru: 7, PG_head: 6, PG_dropped: 9, __NR_PAGEFLAGS: 24 })),
    );
    expect(fact("flags.lru")).toMatchObject({
      value: 5,
      from: "VMCOREINFO NUMBER(PG_lru); BTF enum pageflags says 7",
    });
    expect(made.flags["dropped"]).toEqual({ bit: 9, policy: "any" });
    expect(made.flags["mlocked"]).toBeUndefined();
    expect(made.compound.splitCopiedFlags).toEqual(["locked"]);
    expect(fact("nrPageFlags")?.value).toBe(24);
  });

  it("takes zones, memory types and page types from BTF's enums", async () => {
    const { profile: made, fact } = await withBtf(
      INFO_7_3,
      btfOf((w) => {
        w.enum("zone_type", { ZONE_DMA32: 0, ZONE_NORMAL: 1, ZONE_MOVABLE: 2, ZONE_DEVICE: 3, __MAX_NR_ZONES: 4 });
        w.enum("memory_type", { MEMORY_DEVICE_PRIVATE: 1, MEMORY_DEVICE_GENERIC: 2 });
        w.enum("pagetype", { PGTY_buddy: 0xf0, PGTY_hugetlb: 0xf4, PGTY_slab: 0xf5, PGTY_new: 0xf9 });
      }),
    );
    expect(made.zones).toEqual(["DMA32", "NORMAL", "MOVABLE", "DEVICE"]);
    expect(made.zone).toEqual({ shift: 52, width: 2 });
    expect(made.zoneDevice.memoryTypes).toEqual(["private", "generic"]);
    expect(made.pageTypes.types["new"]).toBe(0xf9);
    expect(fact("zone")?.from).toContain("derived from 4 zones, below node");
  });

  it("derives the width of last_cpupid from the size of a cpumask", async () => {
    const { profile: made } = await withBtf(
      INFO_7_3,
      btfOf((w) => {
        w.struct("cpumask", 32, []);
        w.struct("task_struct", 8, [{ name: "numa_scan_seq", type: w.int("int", 4), bit: 0 }]);
      }),
    );
    expect(made.lastCpupid).toEqual({ shift: 35, width: 16 });
  });

  it("has no last_cpupid without NUMA_BALANCING, and no lru_gen without LRU_GEN", async () => {
    const { profile: made } = await withBtf(
      INFO_7_3,
      btfOf((w) => {
        w.struct("task_struct", 8, []);
        w.struct("lruvec", 8, []);
      }),
    );
    expect([made.lastCpupid.width, made.lruGen.width, made.lruRefs.width]).toEqual([0, 0, 0]);
  });

  it("takes addresses for the encoding where the kernel has no HVO", async () => {
    const { fact } = await withBtf(INFO_7_3, btfOf(nothing), {});
    expect(fact("tailEncoding")?.value).toBe("pointer");
  });

  it("goes on without BTF that is damaged, and says so", async () => {
    const { profile: made, fact } = await withBtf(INFO_7_3, btfOf(nothing, LAYOUT_7_3).fill(0xff, 24, 48));
    expect(fact("btf")).toMatchObject({ value: false });
    expect(fact("btf")?.from).toMatch(/^BTF, byte \d+/);
    expect(made.folio).toEqual(profile("7.3").folio);
  });

  it("refuses a struct page of another size", async () => {
    const btf = btfOf((w) => w.struct("page", 80, []));
    expect(await refusal(() => withBtf(INFO_7_3, btf))).toBe(
      "unsupported-dump: BTF: struct page has 80 bytes, expected 64",
    );
  });

  it("tells where pgmap_array is, or why not", async () => {
    const array = STEXT + 0x2000n;
    const found = await withBtf(INFO_7_3, btfOf(nothing), { ...HVO, pgmap_array: array });
    expect(found.pgmapArray).toEqual({ address: array, layout: { head: 8, shift: 0, slots: 40, chunk: 64 } });
    expect((await withBtf(INFO_7_3, btfOf(nothing))).pgmapArray).toBe("kallsyms names no pgmap_array");
  });
});
