import { describe, expect, it } from "vitest";
import type { PgmapArray } from "../../src/dump/kernel-profile.js";
import { deviceWordsOf } from "./words-of.js";
import { findPgmaps } from "../../src/dump/pgmaps.js";
import type { PgmapRecord } from "../../src/image/image.js";
import { profile, Vmemmap } from "../../src/index.js";
import { KernelWriter } from "./write-kernel.js";
import { ARRAY, linkPgmaps, putPgmap } from "./write-pgmaps.js";

const GENERIC = 0xffff888000100000n;
const FS_DAX = 0xffff888000101c40n;
const profile7_3 = profile("7.3");
const NO_ARRAY = "the pages of kallsyms are not in the dump";

/** A machine with two kinds of device memory, whose pgmaps are in the kernel's memory too. */
function machine() {
  const map = new Vmemmap({ profile: profile7_3, memory: [{ start: 0, end: 32768 }] });
  map.memremapPages({
    type: "generic",
    ranges: [{ start: 65536, end: 98304 }],
    vmemmapShift: 9,
    address: GENERIC,
  });
  map.memremapPages({
    type: "fs-dax",
    ranges: [{ start: 131072, end: 163840 }],
    altmap: { reserve: 2, free: 1022 },
    address: FS_DAX,
    owner: 0xffff888000200000n,
    ops: {},
  });
  const records = map.pgmaps.map((pgmap): PgmapRecord => ({ ...pgmap, ops: 0xffffffff82345678n }));
  const writer = new KernelWriter();
  for (const record of records) putPgmap(writer, record, profile7_3.pgmap);
  const find = (pgmapArray: PgmapArray | string = NO_ARRAY) =>
    findPgmaps(writer.kernel(), { profile: profile7_3, pgmapArray }, () => deviceWordsOf(map, profile7_3));
  return { map, writer, records, find };
}

const plain = ({ address, type, typeName, flags, vmemmapShift, ranges, altmap, owner, ops }: PgmapRecord) => ({
  address,
  type,
  typeName,
  flags,
  vmemmapShift,
  ranges,
  altmap,
  owner: owner ?? 0n,
  ops,
});

/** The generic pgmap, with one of its fields written over. */
async function spoilt(field: keyof typeof profile7_3.pgmap, offset: number, value: bigint, bytes: 4 | 8) {
  const { writer, find } = machine();
  const words = new DataView(new ArrayBuffer(8));
  words.setBigUint64(0, value, true);
  writer.put(GENERIC + BigInt(profile7_3.pgmap[field]! + offset), new Uint8Array(words.buffer, 0, bytes));
  const { pgmaps, facts } = await find();
  expect(pgmaps.map(({ address }) => address)).toEqual([FS_DAX]);
  return facts.find(({ name }) => name === `pgmap 0x${GENERIC.toString(16)}`)!.from;
}

describe("findPgmaps", () => {
  it("reads the pgmaps that ZONE_DEVICE pages name", async () => {
    const { records, find } = machine();
    const { pgmaps, facts } = await find();
    expect(pgmaps).toEqual(records.map(plain));
    expect(facts).toEqual([{ name: "pgmaps", value: 2, from: `words of ZONE_DEVICE folios (${NO_ARRAY})` }]);
  });

  it("gives what a map takes for its pgmaps", async () => {
    const { map, find } = machine();
    const { pgmaps } = await find();
    const other = new Vmemmap({ profile: profile7_3, sections: map.sections, initialize: false });
    other.slotBytes().set(map.slotBytes());
    other.pgmaps = pgmaps;
    expect(other.pagePgmap(65536 + 513)?.address).toBe(GENERIC);
    expect(other.zoneDeviceTotals().unknown).toBe(1022);
  });

  it("reads those that pgmap_array lists, which its pages need not name", async () => {
    const { writer, find } = machine();
    const unused = {
      ...plain(machine().records[0]!),
      address: 0xffff888000300000n,
      ranges: [{ start: 2 ** 30, end: 2 ** 30 + 512 }],
    };
    putPgmap(writer, unused, profile7_3.pgmap);
    linkPgmaps(writer, [GENERIC, FS_DAX, unused.address]);
    const { pgmaps, facts } = await find(ARRAY);
    expect(pgmaps.map(({ address }) => address)).toEqual([GENERIC, FS_DAX, unused.address]);
    expect(facts).toEqual([{ name: "pgmaps", value: 3, from: "kallsyms pgmap_array" }]);
  });

  it("asks the pages where pgmap_array is not in the dump", async () => {
    const { writer, find } = machine();
    const { nodes } = linkPgmaps(writer, [GENERIC]);
    writer.filter(nodes.at(-1)!);
    const { pgmaps, facts } = await find(ARRAY);
    expect(pgmaps).toHaveLength(2);
    expect(facts[0]!.from).toMatch(/^words of ZONE_DEVICE folios \(the xarray's node at 0x\w+ is not in the dump\)$/);
  });

  it("asks the pages where pgmap_array goes in a circle", async () => {
    const { writer, find } = machine();
    const { nodes } = linkPgmaps(writer, [GENERIC]);
    writer.words(nodes[1]! + 40n, [nodes[0]! + 2n]);
    expect((await find(ARRAY)).facts[0]!.from).toContain("has shift 18: expected less than 12");
  });

  it.each([
    ["nrRange", 0, 0n, 4, "its nr_range is 0, expected 1 to 1024"],
    ["nrRange", 0, 0xffffffffn, 4, "its nr_range is -1, expected 1 to 1024"],
    ["type", 0, 0n, 4, "its type is 0, expected 1 to 5"],
    ["type", 0, 6n, 4, "its type is 6, expected 1 to 5"],
    ["ref", 8, 0n, 8, "its ref was let go of: it is unmapped"],
    ["vmemmapShift", 0, 23n, 8, "its vmemmap_shift is 0x17, expected at most 22"],
    ["range", 0, 1n, 8, "its range 0 is 0x1 to"],
    ["range", 8, 0xffffffffffffffffn, 8, "its range 0 is"],
    ["flags", 0, 1n, 4, "its altmap has the words 0x0, 0x0"],
  ] as const)("takes no pgmap whose %s (+%i) is %s", async (field, offset, value, bytes, reason) => {
    const from = await spoilt(field, offset, value, bytes);
    expect(from).toContain("named by 64 pages from PFN 0x10000 to 0x17e00: ");
    expect(from).toContain(reason);
  });

  it("takes of two pgmaps that meet the one that more pages name", async () => {
    const { writer, find, records } = machine();
    putPgmap(writer, { ...plain(records[0]!), ranges: [{ start: 65536, end: 163840 }] }, profile7_3.pgmap);
    const { pgmaps, facts } = await find();
    expect(pgmaps.map(({ address }) => address)).toEqual([FS_DAX]);
    expect(facts[1]!.from).toContain(`its ranges meet those of the pgmap at 0x${FS_DAX.toString(16)}`);
  });

  it("takes no pgmap whose ranges hold none of the pages that name it", async () => {
    const { writer, find, records } = machine();
    putPgmap(writer, { ...plain(records[0]!), ranges: [{ start: 2 ** 20, end: 2 ** 20 + 512 }] }, profile7_3.pgmap);
    expect((await find()).facts[1]!.from).toContain("its ranges hold no page that names it");
  });

  it("takes no pgmap that is not in the dump", async () => {
    const { writer, find } = machine();
    writer.filter(FS_DAX);
    expect((await find()).facts[1]!.from).toMatch(/: it is not in the dump$/);
  });

  it("finds pgmaps behind thousands of pages that each name another, and stays with few facts", async () => {
    const { map, find } = machine();
    for (let i = 0; i < 6000; i++) map.writeWord(131072 + 1024 + i, 8, 0xffff900000000000n + BigInt(i * 8));
    const { pgmaps, facts } = await find();
    expect(pgmaps).toHaveLength(2);
    expect(facts).toHaveLength(34);
    expect(facts.at(-1)).toMatchObject({ name: "more pgmaps", value: "not taken" });
  });
});
