import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseOpenOptions } from "../../bench/open/options.js";
import { openResultOf, openTable, openVerdict } from "../../bench/open/report.js";
import { defaultSources } from "../../bench/open/sources.js";
import { measureOpenings, type Opening } from "../../bench/open/stages.js";
import { syntheticMachine } from "../../bench/open/synthetic.js";
import { DUMP_FORMS, writeDump } from "../../bench/open/write-dump.js";
import { openVmcore } from "../../src/index.js";

const SLOTS = 256 * 1024;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-test-"));
  const content = await syntheticMachine(SLOTS);
  for (const form of DUMP_FORMS) writeDump(join(folder, form), form, content);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the synthetic machine's dumps hold the same map", async () => {
  const [elf, kdump] = await Promise.all(DUMP_FORMS.map((form) => openVmcore(join(folder, form))));
  expect(elf!.slots).toBe(SLOTS);
  expect(Buffer.compare(kdump!.slotBytes(), elf!.slotBytes())).toBe(0);
  expect(elf!.census().rows.map(({ key }) => key)).toContain("anon");
});

test.each(DUMP_FORMS)("opens %s by stages, and reads its frames alone", async (form) => {
  const { pages, openings } = await measureOpenings({ source: join(folder, form), threads: 1, rounds: 2 });
  expect(pages).toBe(SLOTS);
  expect(openings).toHaveLength(2);
  for (const { stages, readingAlone } of openings) {
    expect(stages.unpack).toBe(0);
    expect(stages.slots).toBeGreaterThan(0);
    expect(readingAlone).toBeGreaterThan(0);
  }
});

test("an image has no frames to read alone", async () => {
  const [source] = defaultSources(folder).sources;
  const { openings } = await measureOpenings({ source: source!, rounds: 1 });
  expect(openings[0]!.readingAlone).toBeNull();
});

test("without dumps the images of the package are opened, and it says so", () => {
  const { sources, origin } = defaultSources(folder);
  expect(sources.every((source) => source.endsWith(".vmemmap"))).toBe(true);
  expect(origin).toContain("there are no dumps in");
});

describe("the report", () => {
  const stages = { open: 1, unpack: 0, kernel: 2, slots: 4, check: 2, census: 1 };
  const openings: Opening[] = [
    { stages: { ...stages, open: 11 }, readingAlone: 5 },
    { stages, readingAlone: 8 },
  ];
  const result = openResultOf("vmcore", { pages: 1000, maxRss: 2 ** 20, openings });

  test("tells the first round apart", () => {
    expect(result.cold).toEqual({ stages: openings[0]!.stages, total: 20, readingAlone: 5, ratio: 4 });
    expect(result.warm).toEqual({ stages, total: 10, readingAlone: 8, ratio: 1.25 });
  });

  test("has a row for each stage, and the ratio", () => {
    const table = openTable(result);
    expect(table).toContain("vmcore: 1000 pages, map 62.5 KiB, peak 1 MiB");
    expect(table).toMatch(/total : alone +4\.00 +1\.25/);
  });

  test("says whether the promise is kept", () => {
    expect(openVerdict([result])).toContain("yes, at most 1.25x (vmcore)");
    expect(openVerdict([])).toBe("");
  });
});

describe("options", () => {
  test("several maps, threads and rounds", () => {
    expect(parseOpenOptions(["--map", "a", "--map", "b", "--threads", "2", "--rounds", "3"])).toEqual({
      sources: ["a", "b"],
      slots: 4 * 2 ** 20,
      rounds: 3,
      threads: 2,
      json: false,
    });
  });

  test("refuse what is no number", () => {
    expect(() => parseOpenOptions(["--rounds", "1"])).toThrow('--rounds: "1" is no whole number from 2 to 1000');
    expect(() => parseOpenOptions(["--maps"])).toThrow("--maps");
  });
});
