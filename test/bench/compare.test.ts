import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runBenchCommand } from "../../bench/command.js";

let stdout: string;
let stderr: string;

beforeEach(() => {
  stdout = stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

test("an earlier run is held against the last release's row", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vmemmap-compare-"));
  const file = join(folder, "heads.json");
  const setting = { op: "heads", encoding: "mask", pattern: "random", slots: 2 ** 24 };
  const results = [
    { ...setting, contender: "native", nsPerLookup: 12 },
    { ...setting, contender: "wasm-simd", nsPerLookup: 10 },
  ];
  await writeFile(file, JSON.stringify({ machine: "EPYC", node: "v20.0.0", results }));
  expect(await runBenchCommand(["compare", "--json", file])).toBe(0);
  expect(stdout).toMatch(/wasm-simd : native +\S+ +1\.20 /);
  await rm(folder, { recursive: true });
});

test.each([
  [["--json", "no-such.json"], "vmemmap bench: --json: no-such.json can't be read\n"],
  [["--json", "package.json"], "vmemmap bench: --json: package.json is no report of vmemmap bench\n"],
  [["--slots", "1Mi"], "vmemmap bench: Unknown option '--slots'\n"],
])("refuses %j with one line and exit code 2", async (argv, message) => {
  expect(await runBenchCommand(["compare", ...argv])).toBe(2);
  expect([stdout, stderr]).toEqual(["", message]);
});

test("help goes to stdout", async () => {
  expect(await runBenchCommand(["compare", "--help"])).toBe(0);
  expect(stdout).toContain("Usage: vmemmap bench compare");
});
