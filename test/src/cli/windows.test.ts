/** Commands that go by windows give the answer that they give of the whole map. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeDump } from "../../../bench/open/write-dump.js";
import { syntheticKernel } from "../../../bench/open/synthetic-kernel.js";
import { jsonText } from "../../../src/cli/json.js";
import { openVmcore, pageReport } from "../../../src/index.js";
import { threeGibs } from "../../dump/three-gibs.js";
import { runCli } from "./run.js";

const WINDOW = 2 ** 18;
let folder: string;
let dump: string;
let other: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-windows-"));
  [dump, other] = [join(folder, "vmcore"), join(folder, "other")];
  const map = threeGibs();
  writeDump(dump, "elf", syntheticKernel(map));
  map.setFlag(WINDOW + 7, "dirty");
  map.setFlag(2 * WINDOW + 4096, "dirty");
  writeDump(other, "elf", syntheticKernel(map));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function answers(argv: readonly string[]) {
  const never = new AbortController().signal;
  const byWindows = await runCli(argv, never, WINDOW);
  const whole = await runCli(argv, never);
  return { byWindows, whole };
}

const ROWS = "pfn,kind,head,order,refcount,mapcount,pgmap,alias";

const LINES = [
  ...["kind", "order", "zone", "node", "pgmap", "flags"].map((by) => ["census", "VMCORE", "--by", by, "--json"]),
  ["census", "VMCORE", "--range", "260000:530000"],
  ["pages", "VMCORE", "--columns", ROWS, "--where", "order > 0 or pfn & 1023 = 0"],
  ["pages", "VMCORE", "--columns", "pfn,kind", "--where", "order = 9", "--limit", "1000", "--json"],
  ["pages", "VMCORE", "--columns", "pfn,kind,flags,flag_names", "--range", "261000:263500", "--format", "arrow"],
  ["folios", "VMCORE", "--columns", "pfn,nr_pages", "--where", "order > 0"],
  ["pages", "VMCORE", "--columns", ROWS, "--sort", "order:desc", "--limit", "5000"],
  ["pages", "VMCORE", "--columns", "all", "--sort", "pfn:desc", "--limit", "3000", "--format", "arrow"],
  ["folios", "VMCORE", "--columns", "pfn", "--sort", "pgmap", "--where", "order > 0", "--limit", "7", "--json"],
  ["verify", "VMCORE"],
  ["verify", "VMCORE", "--json", "--limit", "3"],
  ["info", "VMCORE"],
  ["info", "VMCORE", "--json"],
  ["map", "VMCORE"],
  ["map", "VMCORE", "--by", "order", "--range", "200000:600000"],
  ["diff", "VMCORE", "OTHER"],
  ["diff", "VMCORE", "OTHER", "--json", "--limit", "1"],
].map((words) => ({ words, line: words.join(" ") }));

describe("by windows as of the whole", () => {
  it.each(LINES)("$line", async ({ words }) => {
    const argv = words.map((word) => (word === "VMCORE" ? dump : word === "OTHER" ? other : word));
    const { byWindows, whole } = await answers(argv);
    expect(byWindows.code).toBe(whole.code);
    expect(Buffer.compare(byWindows.stdout, whole.stdout), byWindows.stdout.toString().slice(0, 2000)).toBe(0);
    expect(byWindows.stderr).toContain("read by windows of 1 GiB");
    expect(whole.stderr).not.toContain("windows");
  });
});

describe("a part", () => {
  it("is all that page reads: what it says is what the whole says", async () => {
    const map = await openVmcore(dump);
    const pfns = [262143, 262144, 294912 + 4097, 524300, 524288 + 4 * 32768 + 600];
    const { stdout } = await runCli(["page", dump, ...pfns.map(String), "--json"]);
    const { pages } = JSON.parse(stdout.toString()) as { pages: { pfn: number; bytes: string }[] };
    expect(pages).toHaveLength(pfns.length);
    for (const [i, pfn] of pfns.entries()) {
      const { bytes: _bytes, alias, ...report } = pageReport(map, pfn);
      expect(pages[i]).toMatchObject(JSON.parse(jsonText(report)) as object);
      const { isAlias, home } = alias ?? {};
      if (alias !== null) expect(pages[i]).toMatchObject({ alias: { isAlias, home } });
    }
  });

  it("is refused where there is no memory, with the ranges that there are", async () => {
    const { code, stderr } = await runCli(["census", dump, "--range", "0x1000000:"]);
    expect(code).toBe(2);
    expect(stderr).toContain("the kernel has no memory at PFN 16777216");
  });

  it("is extracted, and its image says that it is one", async () => {
    const image = join(folder, "part.vmemmap");
    expect((await runCli(["extract", dump, "--range", "262144:262145", "-o", image])).code).toBe(0);
    const { stdout } = await runCli(["info", image, "--json"]);
    const { provenance } = JSON.parse(stdout.toString()) as { provenance: { part: object } };
    expect(provenance.part).toEqual({ start: 262144, count: 262144, sections: 8, ofSections: 18 });
    const range = ["--range", "262144:524288"];
    const of = async (path: string) => (await runCli(["census", path, ...range])).stdout.toString();
    expect(await of(image)).toBe(await of(dump));
  });
});

describe("a map that does not fit one memory", () => {
  it("is not extracted as a whole", async () => {
    const { code, stderr } = await runCli(["extract", dump, "-o", join(folder, "x")], undefined, WINDOW);
    expect(code).toBe(2);
    expect(stderr).toContain("name a part of it with --range A:B");
  });
});
