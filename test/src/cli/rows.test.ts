/** The commands pages and folios: options, files, what they refuse. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { mapPath, printed, refusal, runCli } from "./run.js";

const MAP = mapPath("linux-7.3.4-hvo");
const folder = mkdtempSync(join(tmpdir(), "vmemmap-rows-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("rows", () => {
  it("csv starts with a line of the columns' names", async () => {
    const argv = ["pages", MAP, "--columns", "pfn, page,flags,mapcount_raw,type,pgmap", "--range", "0x20000:131073"];
    expect(await printed(...argv)).toBe(
      "pfn,page,flags,mapcount_raw,type,pgmap\n131072,0xfffffb9640800000,0x27ffffc0002040,-1,,0xffff8ba08243cd80\n",
    );
  });

  it("--json prints an object a line", async () => {
    const out = await printed(
      "folios",
      MAP,
      "--json",
      "--where",
      "order = 9 and kind = device-generic",
      "--limit",
      "2",
    );
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { pfn: number }).pfn),
    ).toEqual([131072, 131584]);
  });

  it("has a row for each PFN that has a slot, and none in holes", async () => {
    const lines = (await printed("pages", mapPath("linux-7.3.4-hvo-4gib"), "--columns", "pfn")).trimEnd().split("\n");
    expect(lines.length - 1).toBe(1_048_576);
    expect(lines[524_288]).toBe("524287");
    expect(lines[524_289]).toBe("1048576");
  });

  it("every kind of column prints", async () => {
    expect((await printed("folios", MAP, "--columns", "all", "--limit", "1")).split("\n")[0]!.split(",").length).toBe(
      30,
    );
  });

  it("--output writes the same to a file, and Arrow too", async () => {
    const file = join(folder, "rows.csv");
    expect(await printed("pages", MAP, "--limit", "9", "-o", file)).toBe("");
    expect(readFileSync(file, "utf8")).toBe(await printed("pages", MAP, "--limit", "9"));
    const { stdout } = await runCli(["pages", MAP, "--limit", "9", "--format", "arrow"]);
    await printed("pages", MAP, "--limit", "9", "--format", "arrow", "--output", file);
    expect(readFileSync(file).equals(stdout)).toBe(true);
  });
});

describe.each(["pages", "folios"])("%s refuses", (name) => {
  it.each([
    [["--columns", "pfn,mapp"], `no column "mapp"; did you mean mapping?`],
    [["--columns", "pfn,"], 'no column ""; there is '],
    [["--where", "kind = fre"], 'no kind "fre"; did you mean free?\n  kind = fre\n         ^'],
    [["--range", "12"], '--range: "12": expected PFNs as A:B, A:, :B or A:+N'],
    [["--range", "9:3"], '--range: "9:3": it ends before it starts'],
    [["--range", "a:"], '--range: "a" is no whole number, decimal or 0x…'],
    [["--limit", "-1"], '--limit: "-1" is no whole number, decimal or 0x…'],
    [["--limit", "1e3"], '--limit: "1e3" is no whole number, decimal or 0x…'],
    [["--sort", "pfn"], "--sort takes --limit N too: the first N rows, up to 100000"],
    [["--sort", "pfn:down", "--limit", "1"], '--sort: "pfn:down": expected COLUMN, COLUMN:asc or COLUMN:desc'],
    [["--sort", "pfn:desc:", "--limit", "1"], '--sort: "pfn:desc:": expected COLUMN, COLUMN:asc or COLUMN:desc'],
    [["--sort", "pnf", "--limit", "1"], 'no column "pnf"; did you mean pfn?'],
    [["--sort", "pfn", "--limit", "100001"], "limit of sorted rows 100001: expected a whole number from 0 to 100000"],
    [["--format", "ndjsno"], '--format: no format "ndjsno"; did you mean ndjson?'],
    [["--format", "arrow", "-o", join(folder, "none.arrow"), "--range", "phys:1"], '--range: "phys:1": expected PFNs'],
    [["-o", "/nonexistent/rows.csv"], "--output: /nonexistent/rows.csv: its folder does not exist"],
    [["-o", MAP], `--output: ${MAP} is the source itself`],
  ])("%j", async (options, message) => {
    const said = await refusal(name, MAP, ...options);
    expect(said.slice(0, `vmemmap ${name}: ${message}`.length)).toBe(`vmemmap ${name}: ${message}`);
  });

  it("--json beside another format", async () => {
    const { code, stderr } = await runCli([name, MAP, "--json", "--format", "csv"]);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "bad-argument", message: "--json is --format ndjson, and --format csv is given too" },
    });
  });

  it("what is no dump", async () => {
    const file = join(folder, "text");
    writeFileSync(file, "no dump at all\n");
    expect(await refusal(name, file)).toContain(`vmemmap ${name}: ${file}`);
    expect(await refusal(name, join(folder, "none"))).toContain("no such file");
    const cut = join(folder, "cut.vmemmap");
    writeFileSync(cut, readFileSync(MAP).subarray(0, 50_000));
    expect(await refusal(name, cut)).toMatch(/^vmemmap (pages|folios): /);
  });
});
