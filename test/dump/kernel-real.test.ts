/** Profiles and pgmaps of real kernels, held against what pahole and drgn said of them. */
import { ZSTDDecoder } from "zstddec";
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { findSymbols } from "../../src/dump/kallsyms.js";
import { readBtfLayout } from "../../src/dump/kernel-btf.js";
import { KernelMemory, pageTablesOf } from "../../src/dump/kernel-memory.js";
import { type KernelProfile, profileOf } from "../../src/dump/kernel-profile.js";
import { loadMap } from "../../src/dump/load-map.js";
import type { Dump } from "../../src/dump/memory.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { deviceWordsOf } from "./words-of.js";
import { findPgmaps } from "../../src/dump/pgmaps.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import type { PgmapRecord } from "../../src/image/image.js";
import { Btf } from "../../src/profile/btf.js";
import { layoutOf } from "../../src/profile/btf-layout.js";
import { profile } from "../../src/profile/index.js";
import { type Layout, parsePahole, pathsOf } from "../src/profile/pahole.js";
import { haveRealDumps, readReal, realDumps } from "./real-dumps.js";

const textOf = (path: string) => new TextDecoder().decode(readReal(path));
const folderOf = (path: string) => path.replace(/\/.*/, "");
const layoutsOf = (folder: string) =>
  new Map(parsePahole(textOf(`${folder}/layouts.pahole.txt`)).map((each) => [each.name, each]));

async function open(path: string): Promise<{ dump: Dump; info: Vmcoreinfo; kernel: KernelMemory }> {
  let bytes = readReal(path);
  if (path.endsWith(".zst")) {
    const decoder = new ZSTDDecoder();
    await decoder.init();
    bytes = decoder.decode(bytes);
  }
  const dump = await openDumpFile(new BytesFile(bytes, path));
  const info = new Vmcoreinfo(dump.vmcoreinfo!);
  return { dump, info, kernel: new KernelMemory(dump.memory, pageTablesOf(info)) };
}

/** The folio's fields, and dev_pagemap's, by pahole's text alone. */
function expectedFields(layouts: ReadonlyMap<string, Layout>) {
  const places = (name: string) => {
    const paths = pathsOf(layouts.get(name)!);
    return (...members: string[]) =>
      members.map((each) => paths.get(each)?.offset).find((each) => each !== undefined) ?? null;
  };
  const [folio, page, pgmap] = [places("folio"), places("page"), places("dev_pagemap")];
  const page2 = page("deferred_list");
  return {
    folio: {
      order: folio("_folio_order", "_flags_1"),
      dtor: folio("_folio_dtor"),
      nrPages: folio("_nr_pages", "_folio_nr_pages"),
      largeMapcount: folio("_large_mapcount"),
      entireMapcount: folio("_entire_mapcount", "_total_mapcount"),
      nrPagesMapped: folio("_nr_pages_mapped"),
      pincount: folio("_pincount"),
      pincountMinOrder: 1,
      mmIds: folio("_mm_ids"),
      mmIdMapcounts: folio("_mm_id_mapcount"),
      deferredList: folio("_deferred_list") ?? 128 + page2!,
      metaPages: folio("_flags_3") === null ? 2 : 3,
    },
    pgmap: {
      altmap: pgmap("altmap"),
      ref: pgmap("ref"),
      type: pgmap("type"),
      flags: pgmap("flags"),
      vmemmapShift: pgmap("vmemmap_shift"),
      ops: pgmap("ops"),
      owner: pgmap("owner"),
      nrRange: pgmap("nr_range"),
      range: pgmap("range"),
    },
  };
}

interface Told {
  readonly pgmap: string;
  readonly type: string | number;
  readonly flags: number;
  readonly vmemmap_shift: number;
  readonly nr_range: number;
  readonly range_start: string;
  readonly range_end: string;
  readonly altmap: Readonly<Record<"base_pfn" | "end_pfn" | "reserve" | "free" | "align" | "alloc", number>>;
}

/** The pgmaps that drgn found, as records; those without a range are no more. */
function toldPgmaps(folder: string): Omit<PgmapRecord, "owner" | "ops" | "type">[] {
  const { pgmaps } = (JSON.parse(textOf(`${folder}/facts.json`)) as { pgmaps: { pgmaps: readonly Told[] } }).pgmaps;
  return pgmaps
    .filter(({ nr_range }) => nr_range > 0)
    .map(({ altmap: { base_pfn, end_pfn, reserve, free, align, alloc }, ...told }) => ({
      address: BigInt(told.pgmap),
      typeName: String(told.type),
      flags: told.flags,
      vmemmapShift: told.vmemmap_shift,
      ranges: [{ start: Number(told.range_start) / 4096, end: (Number(told.range_end) + 1) / 4096 }],
      altmap: (told.flags & 1) === 0 ? null : { basePfn: base_pfn, endPfn: end_pfn, reserve, free, align, alloc },
    }));
}

const comparable = ({ address, typeName, flags, vmemmapShift, ranges, altmap }: PgmapRecord) => ({
  address,
  typeName,
  flags,
  vmemmapShift,
  ranges,
  altmap,
});

const filtered = realDumps(/vmcore-filtered\.elf\.zst$/);
/** Whole dumps, in which the kernel's symbols and BTF are. */
const whole = realDumps(/vmcore\.(qemu-kdump-zlib|kdump-d31-zstd)$/);

describe.skipIf(!haveRealDumps)("kernels of filtered dumps", () => {
  it.each(filtered)("%s: profile as pahole has it, pgmaps as drgn has them", async (path) => {
    const { dump, info, kernel } = await open(path);
    const meaning = await profileOf(info, kernel);
    const { folio, pgmap } = expectedFields(layoutsOf(folderOf(path)));
    expect(meaning.profile.folio).toEqual(folio);
    expect(meaning.profile.pgmap).toEqual(pgmap);
    const { name: _name, vmemmapBase: _base, ...rest } = meaning.profile;
    expect(rest).toEqual(expect.objectContaining({ flags: profile(meaning.profile.preset).flags }));
    const map = await loadMap(dump);
    expect(map.pgmaps.map(comparable)).toEqual(toldPgmaps(folderOf(path)));
  });

  it.each(filtered.filter((path) => path.includes("partial-section")))(
    "%s: the pgmap that 12288 stale pages name is told, not taken",
    async (path) => {
      const { dump } = await open(path);
      const map = await loadMap(dump);
      expect(map.zoneDeviceTotals().unknown).toBe(12288);
      const facts = map.provenance["facts"] as readonly { name: string; from: string }[];
      expect(facts.find(({ name }) => name === "pgmap 0xffff8bb7c227cca8")?.from).toBe(
        "named by 12288 pages from PFN 0x30080 to 0x33fff: its nr_range is 0, expected 1 to 1024",
      );
    },
  );
});

describe.skipIf(!haveRealDumps)("kernels of whole dumps", () => {
  it.each(whole)("%s: BTF gives every member that pahole printed", async (path) => {
    const { info, kernel } = await open(path);
    const { addresses } = await findSymbols(info, kernel, ["__start_BTF", "__stop_BTF"]);
    const start = addresses.get("__start_BTF")!;
    const btf = new Btf(await kernel.read(start, Number(addresses.get("__stop_BTF")! - start)));
    let members = 0;
    for (const [name, struct] of layoutsOf(folderOf(path))) {
      expect(btf.sizeOf(name)).toBe(struct.size);
      for (const [member, { offset, size }] of pathsOf(struct)) {
        expect([name, member, btf.field(name, member)]).toEqual([
          name,
          member,
          expect.objectContaining({ offset, size }),
        ]);
        members++;
      }
    }
    expect(members).toBeGreaterThan(100);
  });

  it.each(whole)("%s: a part of its BTF gives the layout that all of it gives", async (path) => {
    const { info, kernel, dump } = await open(path);
    const { addresses } = await findSymbols(info, kernel, ["__start_BTF", "__stop_BTF"]);
    const start = addresses.get("__start_BTF")!;
    const length = Number(addresses.get("__stop_BTF")! - start);
    let pages = 0;
    const readFrames = dump.memory.readFrames.bind(dump.memory);
    dump.memory.readFrames = (frames, out) => {
      pages += frames.length;
      return readFrames(frames, out);
    };
    expect(await readBtfLayout(kernel, start, length)).toEqual(layoutOf(new Btf(await kernel.read(start, length))));
    // All of it is read once, and less before.
    expect(pages).toBeLessThan((1.8 * length) / 4096);
  });

  it.each(whole)("%s: the same profile by BTF as by preset, with no fact in dispute", async (path) => {
    const { info, kernel } = await open(path);
    const byBtf = await profileOf(info, kernel);
    const lines = info.text.split("\n").filter((line) => !line.includes("kallsyms"));
    const byPreset = await profileOf(new Vmcoreinfo(lines.join("\n")), kernel);
    const said = (facts: KernelProfile["facts"], word: string) =>
      facts.filter(({ from }) => from.includes(word)).length;
    expect(byBtf.profile).toEqual(byPreset.profile);
    expect(said(byBtf.facts, " says ")).toBe(0);
    expect(said(byBtf.facts, "BTF")).toBeGreaterThan(50);
    expect(said(byPreset.facts, "BTF")).toBe(0);
  });

  it.each(whole)("%s: pgmap_array lists the pgmaps that drgn found, and pages name them", async (path) => {
    const { dump, info, kernel } = await open(path);
    const map = await loadMap(dump);
    const meaning = await profileOf(info, kernel);
    const listed = await findPgmaps(kernel, meaning, () => deviceWordsOf(map, meaning.profile));
    const named = await findPgmaps(kernel, { ...meaning, pgmapArray: "not asked for" }, () =>
      deviceWordsOf(map, meaning.profile),
    );
    expect(listed.facts).toEqual([{ name: "pgmaps", value: listed.pgmaps.length, from: "kallsyms pgmap_array" }]);
    expect(listed.pgmaps.map(comparable)).toEqual(toldPgmaps(folderOf(path)));
    expect(named.pgmaps).toEqual(listed.pgmaps);
  });
});
