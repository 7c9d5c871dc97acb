/** A machine whose map fits no memory: 272 GiB, and what opens of it; what ranges and windows are refused. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeLargeDump } from "../../bench/open/large-dump.js";
import { openVmcore, type Vmemmap, vmcoreWindows } from "../../src/index.js";
import { mapPath, runCli } from "../src/cli/run.js";

const GIB = 2 ** 18;
const SECTIONS = 272 * 8;
let folder: string;
let dump: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-large-"));
  dump = join(folder, "vmcore");
  writeLargeDump(dump, 272);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a map that does not fit one memory", () => {
  it("is refused as a whole, with what can be done", async () => {
    const refused = openVmcore(dump);
    await expect(refused).rejects.toMatchObject({ code: "out-of-memory" });
    await expect(refused).rejects.toThrow(/272\.00 GiB of memory.*\(range\).*vmcoreWindows/);
  });

  it("opens in part, at its very end as well", async () => {
    for (const start of [0, 256 * GIB, 272 * GIB - 1]) {
      const map = await openVmcore(dump, { range: { start, count: 1 } });
      const first = Math.floor(start / GIB) * GIB;
      expect(map.provenance["part"]).toEqual({ start: first, count: GIB, sections: 8, ofSections: SECTIONS });
      expect([map.startPfn, map.endPfn]).toEqual([first, first + GIB]);
      map.dispose();
    }
    const map = await openVmcore(dump, { range: { start: 256 * GIB, count: 1 } });
    expect(map.compoundHead(256 * GIB + 8192 + 100)).toBe(256 * GIB + 8192);
    expect(map.isAlias(256 * GIB + 8192 + 100)).toBe(true);
  });

  it("goes by windows, each gone when the next is asked for, and none is read after the loop is left", async () => {
    const seen: Vmemmap[] = [];
    const stages: string[] = [];
    const onProgress = ({ stage }: { stage: string }) => stages.push(stage);
    for await (const map of vmcoreWindows(dump, { range: { start: 15 * GIB, count: 3 * GIB }, onProgress })) {
      for (const old of seen) expect(() => map.slots && old.slots).toThrow("disposed");
      seen.push(map);
      expect(map.verify().counts).toEqual({});
      if (seen.length === 2) break;
    }
    expect(seen.map(({ provenance }) => (provenance["part"] as { start: number }).start).slice(0, 2)).toEqual([
      15 * GIB,
      16 * GIB,
    ]);
    expect(stages.filter((stage) => stage === "vmcoreinfo")).toHaveLength(1);
  });

  it("has its pages and ranges on the command line, and is not extracted whole", async () => {
    const page = await runCli(["page", dump, String(256 * GIB + 8192), "--json"]);
    expect(JSON.parse(page.stdout.toString())).toMatchObject({ pages: [{ order: 9, compound: "head" }] });
    const extract = await runCli(["extract", dump, "-o", join(folder, "image")]);
    expect([extract.code, extract.stderr]).toEqual([2, expect.stringContaining("with --range A:B")]);
  });
});

describe("ranges and windows are refused", () => {
  it("where there is no memory, with the ranges that there are", async () => {
    const refused = openVmcore(dump, { range: { start: 300 * GIB, count: 5 } });
    await expect(refused).rejects.toMatchObject({ code: "bad-range" });
    await expect(refused).rejects.toThrow(
      "no memory at PFNs 78643200 to 78643204; it has sections of PFNs 0 to 71303167",
    );
  });

  it.each([
    { start: -1, count: 5 },
    { start: 0, count: 0 },
    { start: 2 ** 40, count: 1 },
    { start: 0.5, count: 1 },
    { start: 0, end: 5 },
    "0:5",
  ])("as arguments: %j", async (range) => {
    await expect(openVmcore(dump, { range: range as never })).rejects.toMatchObject({ code: "bad-argument" });
  });

  it.each([0, 2 ** 17, 2 ** 18 + 1, 2 ** 40, NaN])("as windows: %s", async (pagesPerWindow) => {
    await expect(vmcoreWindows(dump, { pagesPerWindow }).next()).rejects.toMatchObject({ code: "bad-argument" });
  });
});

describe("an image", () => {
  it("opens in part as a dump does, and all of it is no part", async () => {
    const path = join(folder, "image");
    const { code } = await runCli(["extract", dump, "--range", `0:${2 * GIB}`, "-o", path]);
    expect(code).toBe(0);
    const map = await openVmcore(path, { range: { start: GIB, count: 1 } });
    expect(map.provenance["part"]).toEqual({ start: GIB, count: GIB, sections: 8, ofSections: SECTIONS });
    const whole = await openVmcore(mapPath("linux-7.3.4-hvo"), { range: { start: 5, count: 1 } });
    expect(whole.provenance["part"]).toBeUndefined();
  });
});
