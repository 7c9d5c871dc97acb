/** The command page: places by number and by address, and what is said of pages of every sort. */
import { beforeAll, describe, expect, it } from "vitest";
import { Vmemmap } from "../../../src/index.js";
import { pageReport } from "../../../src/page-report.js";
import { placeOf } from "../../../src/cli/where-page.js";
import { mapNames, openMap } from "../../truth.js";
import { mapPath, printed, refusal } from "./run.js";

const MAP = mapPath("linux-7.3.4-hvo");

interface Answer {
  readonly pages: readonly Record<string, unknown>[];
}

async function asked(path: string, ...wheres: string[]): Promise<Answer["pages"]> {
  return (JSON.parse(await printed("page", path, ...wheres, "--json")) as Answer).pages;
}

describe("places", () => {
  it("a PFN, decimal or hex, a physical and a struct page address are the same page", async () => {
    const pages = await asked(MAP, "5121", "0x1401", "pfn:5121", "phys:0x1401abc", "0xfffffb9640050048");
    expect(pages.map(({ pfn }) => pfn)).toEqual([5121, 5121, 5121, 5121, 5121]);
    expect(pages.map(({ offset }) => offset)).toEqual([0, 0, 0, 0xabc, 8]);
  });

  it("an address of the kernel may do without 0x, and a physical one be a size", async () => {
    const pages = await asked(MAP, "fffffb9640050048", "ffff8ba081401abc", "phys:20M", "20m", "phys:0x5000K");
    expect(pages.map(({ pfn }) => pfn)).toEqual([5121, 5121, 5120, 5120, 5120]);
  });

  it("an address in the direct map is told with where that begins", async () => {
    const [page] = await asked(MAP, "0xffff8ba081401abc");
    expect(page).toMatchObject({
      pfn: 5121,
      offset: 0xabc,
      by: "address in the direct map, which begins at 0xffff8ba080000000",
    });
  });

  it.each([
    [0xffffea0000000000n, "0xffff888000003004"],
    [0xffd4000000000000n, "0xff11000000003004"],
  ])("where nothing tells of the direct map it is where it is without KASLR, vmemmap %s", (vmemmapBase, address) => {
    const map = new Vmemmap({ memory: [{ start: 0, end: 1024 }], vmemmapBase });
    const begins = `${address.slice(0, -4)}0000`;
    expect(placeOf(map, address)).toEqual({
      pfn: 3,
      offset: 4,
      by: `address in the direct map, which begins at ${begins} (the default without KASLR: the dump does not tell)`,
    });
  });

  it("the dump's own base of the direct map comes first", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: 1024 }] });
    map.provenance = {
      facts: [null, { name: "pageOffsetBase", value: "0xffff9d0000000000", from: "page_offset_base" }],
    };
    expect(placeOf(map, "0xffff9d0000003004")).toEqual({
      pfn: 3,
      offset: 4,
      by: "address in the direct map, which begins at 0xffff9d0000000000",
    });
  });

  it.each([
    [MAP, "zero", '"zero" is no page: expected a PFN, phys:ADDRESS, or a kernel address'],
    [MAP, "-1", 'no option "-1"; there is --part, --json, --help'],
    [MAP, "262144", "PFN 262144 has no struct page: the nearest are PFNs 0 to 262143"],
    [
      MAP,
      "0x1401abc",
      "PFN 20978364 has no struct page: the nearest are PFNs 0 to 262143; of a physical address write phys:0x1401abc",
    ],
    [MAP, "pfn:20978364", "PFN 20978364 has no struct page: the nearest are PFNs 0 to 262143"],
    [MAP, "pfn:1G", '"pfn:1G" is no page: expected a PFN, phys:ADDRESS, or a kernel address'],
    [
      mapPath("linux-7.3.4-hvo-4gib"),
      "600000",
      "PFN 600000 has no struct page: the nearest are PFNs 0 to 524287 below it, 1048576 to 1572863 above",
    ],
    [
      MAP,
      "0x123456789abcd",
      "0x123456789abcd is neither a PFN nor an address of the kernel; of a physical address write phys:0x123456789abcd",
    ],
    [MAP, "phys:0x10000000000000", "physical address 0x10000000000000: there are up to 52 bits of them"],
    [
      MAP,
      "0xffffffffffffffff",
      "0xffffffffffffffff is neither in the vmemmap, from 0xfffffb9640000000, nor in the direct map, from 0xffff8ba080000000",
    ],
  ])("%s %s is refused", async (path, where, message) => {
    expect(await refusal("page", path, where)).toBe(`vmemmap page: ${message}`);
  });
});

describe("what is said", () => {
  it("of page 1 of a folio: the folio's fields in place of its own", async () => {
    const [page] = await asked(MAP, "5121");
    const fields = page!["fields"] as { name: string; offset: number; bytes: number; value: unknown }[];
    expect(fields.map(({ name, offset, value }) => [offset, name, value])).toEqual([
      [0, "flags", "0xfffffc0000001"],
      [0, "_order", 1],
      [8, "compound_info", "0xffffffffffffff81"],
      [16, "_large_mapcount", -1],
      [20, "_nr_pages_mapped", 0],
      [24, "_entire_mapcount", -1],
      [28, "_pincount", 0],
      [32, "_mm_id_mapcount[0]", -1],
      [36, "_mm_id_mapcount[1]", -1],
      [40, "_mm_ids", "0x0"],
      [48, "_mapcount", -1],
      [52, "_refcount", 0],
      [56, "_nr_pages", 2],
    ]);
    // The order is no flag.
    expect(page).toMatchObject({ flagNames: [], compound: "tail", head: 5120, order: 1, folio: { nrPages: 2 } });
  });

  it("as text, with the bytes", async () => {
    const text = await printed("page", MAP, "131072");
    expect(text).toContain("PFN 131072, physical 0x20000000, struct page 0xfffffb9640800000\n");
    expect(text).toContain("\n  kind              device-generic\n");
    expect(text).toContain("\n  pgmap             0xffff8ba08243cd80: generic, PFNs 131072 to 163839\n");
    expect(text).toContain("\n  +8   80 cd 43 82 a0 8b ff ff  pgmap 0xffff8ba08243cd80\n");
  });

  it("of a stale device page: its word is no pgmap's that is known", async () => {
    const stale = "0xffff8bb7c227cca8";
    const map = mapPath("linux-6.18.15-hvo-partial-section");
    const rows = await printed("pages", map, "--columns", "pfn", "--where", `pgmap = ${stale}`, "--limit", "1");
    const pfn = rows.trimEnd().split("\n")[1]!;
    expect((await asked(map, pfn))[0]).toMatchObject({ kind: "device-unknown", pgmap: { address: stale, type: null } });
  });

  it("of a page whose word leads nowhere", () => {
    const map = new Vmemmap({ profile: "6.1", memory: [{ start: 0, end: 1024 }] });
    map.writeWord(700, 8, 0xdead000000000001n);
    const nothing = { kind: null, compound: null, head: null, order: null, mapcount: null, folio: null, pgmap: null };
    expect(pageReport(map, 700)).toMatchObject(nothing);
  });
});

describe.each(mapNames)("%s", (name) => {
  let map: Vmemmap;
  beforeAll(async () => {
    map = await Vmemmap.load(openMap(name));
  });

  it("fields cover the 64 bytes, once each but for the order's byte, on pages of every sort", () => {
    for (let pfn = map.startPfn; pfn < map.endPfn; pfn += 97) {
      if (!map.pfnValid(pfn)) continue;
      const { fields, bytes } = pageReport(map, pfn);
      const times = new Uint8Array(64);
      for (const { offset, bytes: size } of fields.filter(({ name: field }) => field !== "_order"))
        times.subarray(offset, offset + size).forEach((_, i) => times[offset + i]!++);
      expect(Math.max(...times)).toBe(1);
      for (const { offset, bytes: size, value } of fields) {
        const word = Array.from(bytes.subarray(offset, offset + size)).reduceRight(
          (sum, byte) => sum * 256n + BigInt(byte),
          0n,
        );
        expect(BigInt.asUintN(8 * size, BigInt(value))).toBe(word);
      }
    }
  });
});
