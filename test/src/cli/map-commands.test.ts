/** census, verify, extract, diff, map and info, over maps that ship with the package. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Census, diffMaps, Vmemmap } from "../../../src/index.js";
import { FREE_COLOUR, freeOrderColour } from "../../../src/picture/colours.js";
import { mapPath, runCli as runRaw } from "./run.js";

const MAP = mapPath("linux-7.3.4-hvo");
const STALE = mapPath("linux-6.18.15-hvo-partial-section");

async function runCli(argv: readonly string[]) {
  const { code, stdout, stderr } = await runRaw(argv);
  return { code, stdout: stdout.toString(), bytes: stdout, stderr };
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const json = async <T>(...argv: string[]): Promise<T> => JSON.parse((await runCli([...argv, "--json"])).stdout) as T;

describe("census", () => {
  it("counts every page once, by kind", async () => {
    const { code, stdout } = await runCli(["census", MAP]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kind +pages +size +share +folios\n/);
    expect(stdout).toMatch(/\noffline +8192 +32 MiB +3\.1% +8192\n/);
    expect(stdout).toMatch(/\nall +262144 +1 GiB +100\.0% +\d+\n$/);
  });

  it.each(["kind", "order", "zone", "node", "pgmap"])("by %s adds up to all pages", async (by) => {
    const { rows, pages } = await json<Census>("census", MAP, "--by", by);
    expect(rows.reduce((sum, row) => sum + row.pages, 0)).toBe(pages);
    expect(pages).toBe(262144);
  });

  it("of a range counts its pages alone", async () => {
    const { pages, rows } = await json<Census>("census", MAP, "--range", "0x20200:0x20400");
    expect([pages, rows.map(({ key }) => key)]).toEqual([512, ["device-generic"]]);
  });
});

describe("verify", () => {
  it("finds the 12288 stale pages that this kernel left, and says so by its exit code", async () => {
    const { code, stdout, stderr } = await runCli(["verify", STALE, "--limit", "2"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\npgmap-unknown +12288\n/);
    expect(stdout).toMatch(/\norder-run +32\n/);
    expect(stdout).toMatch(/\n\d+\.\.\d+ +\d+ +pgmap-unknown +0xffff[0-9a-f]{12}/);
    expect(stdout).toMatch(/\npgmap-unknown: .*__init_zone_device_page/);
    expect(stderr).toBe("31 more lines; --limit lists up to 100000\n");
  });

  it("in JSON keeps single findings, and has the runs of all", async () => {
    const { findings, runs, findingsInRuns } = await json<{
      findings: unknown[];
      runs: { count: number }[];
      findingsInRuns: number;
    }>("verify", STALE, "--limit", "2");
    expect(findings.length).toBe(2);
    expect(runs.length).toBeLessThan(100);
    expect(runs.reduce((sum, { count }) => sum + count, 0)).toBe(findingsInRuns);
    expect(findingsInRuns).toBe(12320);
  });

  it("is content with a sound map", async () => {
    expect(await runCli(["verify", MAP])).toMatchObject({ code: 0, stdout: "262144 pages, no finding\n" });
  });
});

describe("extract", () => {
  it("writes an image that differs in nothing", async () => {
    const image = join(folder, "copy.vmemmap");
    const { code, stderr } = await runCli(["extract", MAP, "-o", image]);
    expect(code).toBe(0);
    expect(stderr).toBe(`${readFileSync(image).length} bytes for 262144 struct pages\n`);
    const compared = await runCli(["diff", MAP, image]);
    expect(compared).toMatchObject({ code: 0, stderr: "" });
    expect(compared.stdout).toMatch(/\ndiffering +0\n/);
  });

  it("says which part it wrote, which is wider than what was asked for", async () => {
    const image = join(folder, "part.vmemmap");
    const argv = ["extract", mapPath("linux-7.3.4-hvo-4gib"), "--range", "0x20000:+1", "-o", image];
    expect((await runCli(argv)).stderr).toMatch(/ bytes for 262144 struct pages, a part: PFNs 0 to 262143\n$/);
    expect(JSON.parse((await runCli([...argv, "--json"])).stdout)).toMatchObject({ part: { start: 0, count: 262144 } });
  });

  it("will not write over its source", async () => {
    const { code, stderr } = await runCli(["extract", MAP, "-o", MAP]);
    expect(code).toBe(2);
    expect(stderr).toContain("is the source itself");
  });
});

describe("diff", () => {
  it("says what it can't compare of two boots, and lists as many pages as it is told to", async () => {
    const { code, stdout, stderr } = await runCli(["diff", MAP, mapPath("linux-7.3.4"), "--limit", "1"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^A and B are not of one boot: .*vmemmapBase 0xfffffb9640000000 in A, 0x\w+ in B\. /);
    expect(stdout).toMatch(/ in mapping +not compared\n/);
    expect(stdout.trimEnd().split("\n").at(-2)).toMatch(/^ +pfn {2}kind in A/);
  });

  it("refuses, as a library, a limit that is none", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: 512 }] });
    expect(() => diffMaps(map, map, { limit: -1 })).toThrow("limit -1");
    expect(diffMaps(map, map)).toMatchObject({ pages: 32768, differing: 0, first: [] });
  });

  it("counts pages that one map alone has", async () => {
    const { onlyA, onlyB } = await json<{ onlyA: number; onlyB: number }>("diff", MAP, STALE);
    expect([onlyA, onlyB]).toEqual([32768, 0]);
  });
});

describe("map", () => {
  it("draws one cell for each page of a machine of 1 GiB", async () => {
    const png = join(folder, "map.png");
    const { code, stderr } = await runCli(["map", MAP, "-o", png, "--size", "512"]);
    expect(code).toBe(0);
    const { width, height } = decode(readFileSync(png));
    expect(stderr).toBe(`${width} by ${height} pixels, pages in a cell: 1\n`);
    expect(height).toBeGreaterThanOrEqual(512);
  });

  it("goes to stdout where no file is named", async () => {
    const { bytes } = await runCli(["map", MAP, "--by", "order", "--size", "64"]);
    expect(bytes.subarray(1, 4).toString()).toBe("PNG");
  });

  it("shows by order what is free in colours of its own, a pixel for each page", async () => {
    const { bytes } = await runCli(["map", MAP, "--by", "order", "--size", "512"]);
    const { data } = decode(bytes);
    const count = ([red, green, blue]: readonly number[]) => {
      let pixels = 0;
      for (let at = 0; at < data.length; at += 3)
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) pixels++;
      return pixels;
    };
    const swatch = 14 * 14;
    const shown = Array.from({ length: 11 }, (_, order) => Math.max(count(freeOrderColour(order)) - swatch, 0));
    const free = (await json<Census>("census", MAP)).rows.find(({ key }) => key === "free")!.pages;
    expect(shown.reduce((sum, pixels) => sum + pixels)).toBe(free);
    expect(count(FREE_COLOUR)).toBe(0);
  });

  it("knows the order of a free block that begins before the range", async () => {
    const { stdout } = await runCli([
      "pages",
      MAP,
      "--columns",
      "pfn",
      "--where",
      "type = buddy and private = 10",
      "--limit",
      "1",
    ]);
    const pfn = Number(stdout.split("\n")[1]);
    const { bytes } = await runCli([
      "map",
      MAP,
      "--by",
      "order",
      "--range",
      `${pfn + 100}:${pfn + 356}`,
      "--size",
      "16",
    ]);
    const { data } = decode(bytes);
    const blue = freeOrderColour(10);
    const pixels = Array.from({ length: data.length / 3 }, (_, i) => blue.every((part, k) => data[3 * i + k] === part));
    expect(pixels.filter(Boolean).length).toBe(256 + 7 * 7);
  });

  it("marks pages by PFN and by address, within what it shows", async () => {
    const shown = await runCli(["map", MAP, "--size", "512"]);
    const marked = await runCli(["map", MAP, "--size", "512", "--mark", "5120", "--mark", "phys:0x10000000"]);
    expect(decode(marked.bytes).width).toBeGreaterThanOrEqual(decode(shown.bytes).width);
    expect(marked.bytes.equals(shown.bytes)).toBe(false);
  });

  it.each([
    ["is no page", ["--mark", "999999999"], /^vmemmap map: PFN 999999999 has no struct page/],
    [
      "is not shown",
      ["--range", "0:100", "--mark", "5120"],
      /^vmemmap map: --mark: PFN 5120 is not in the range that the picture shows/,
    ],
    [
      "has no letter",
      Array.from({ length: 27 }, (_, i) => ["--mark", String(i)]).flat(),
      /^vmemmap map: --mark: 27 marks: there are letters for 26/,
    ],
  ])("refuses a mark that %s", async (_what, options, message) => {
    const { code, stderr } = await runCli(["map", MAP, "-o", join(folder, "none.png"), ...options]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe("info", () => {
  it("shows release, encoding and base, each with its origin", async () => {
    const { code, stdout } = await runCli(["info", MAP]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nrelease +7\.3\.4\+deb13-amd64 +\S/);
    expect(stdout).toMatch(/\ntailEncoding +mask +\S/);
    expect(stdout).toMatch(/\nvmemmapBase +0xfffffb9640000000 +\S/);
  });

  it("shows bits, offsets, types and frames as people read them, and in JSON as they are", async () => {
    const { stdout } = await runCli(["info", MAP]);
    expect(stdout).toMatch(/\nflags\.head +bit 6 /);
    expect(stdout).toMatch(/\nfolio\.nrPages +\+120 /);
    expect(stdout).toMatch(/\npageTypes\.slab +0xf5 /);
    expect(stdout).toMatch(/\npageTablesFrame +PFN 79914, physical 0x1382a000 /);
    expect(stdout).toMatch(/\nkallsyms +no /);
    const { facts } = await json<{ facts: { name: string; value: unknown }[] }>("info", MAP);
    const values = ["flags.head", "folio.nrPages", "pageTypes.slab", "pageTablesFrame", "kallsyms"].map(
      (wanted) => facts.find(({ name }) => name === wanted)!.value,
    );
    expect(values).toEqual([6, 120, 0xf5, 79914, false]);
  });

  it("lists the device page maps", async () => {
    const { pgmaps } = await json<{ pgmaps: { typeName: string; address: string }[] }>("info", MAP);
    expect(pgmaps.map(({ typeName }) => typeName).sort()).toEqual(["MEMORY_DEVICE_FS_DAX", "MEMORY_DEVICE_GENERIC"]);
    expect(pgmaps[0]!.address).toMatch(/^0xffff[0-9a-f]{12}$/);
  });
});

describe("bad input", () => {
  it.each([
    [["census"], "vmemmap census: SOURCE is missing\nvmemmap help census says more\n"],
    [
      ["census", MAP, "--by", "kinds"],
      'vmemmap census: --by: no key "kinds"; did you mean kind?\nvmemmap help census says more\n',
    ],
    [
      ["census", MAP, "--range", "9"],
      'vmemmap census: --range: "9": expected PFNs as A:B, A:, :B or A:+N, or bytes as phys:A:B or 4G:5G\nvmemmap help census says more\n',
    ],
    [
      ["verify", MAP, "--limit", "-1"],
      'vmemmap verify: --limit: "-1" is no whole number, decimal or 0x…\nvmemmap help verify says more\n',
    ],
    [["map", MAP, "--size", "7"], "vmemmap map: --size: 7 is not among 16 to 8192\nvmemmap help map says more\n"],
    [["diff", MAP], "vmemmap diff: B is missing\nvmemmap help diff says more\n"],
    [["censsu", MAP], 'vmemmap: no command "censsu"; did you mean census?\nvmemmap help says more\n'],
  ])("%j is refused with a sentence", async (argv, message) => {
    expect(await runCli(argv)).toMatchObject({ code: 2, stdout: "", stderr: message });
  });

  it("is told by a code in JSON", async () => {
    const { code, stderr } = await runCli(["info", join(folder, "nowhere"), "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "unreadable" } });
  });
});

describe("help", () => {
  it.each(["info", "census", "verify", "extract", "diff", "map"])("of %s has examples", async (command) => {
    const { code, stdout } = await runCli(["help", command]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: vmemmap ${command} `);
    expect(stdout).toMatch(/\nExamples:\n {2}vmemmap /);
  });
});
