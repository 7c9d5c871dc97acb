import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runBenchCommand } from "../../../bench/command.js";
import { expectWellFormed } from "../svg.js";

const QUICK = ["all", "--quick", "--slots", "128Ki"];

let stdout: string;
let stderr: string;
let folder: string;

beforeEach(async () => {
  stdout = stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true));
  folder = await mkdtemp(join(tmpdir(), "vmemmap-page-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function resultsOf(part: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, `lookups-${part}.json`), "utf8");
  return (JSON.parse(text) as { results: Record<string, unknown>[] }).results;
}

async function picturesIn(): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".svg"));
  for (const name of names) expectWellFormed(await readFile(join(folder, name), "utf8"));
  return names.sort();
}

test("sizes: all encodings at random, the newest in order as well", async () => {
  expect(await runBenchCommand([...QUICK, "sizes", "--out", folder])).toBe(0);
  expect(await picturesIn()).toEqual([
    "lookups-sizes-fake-heads-random.svg",
    "lookups-sizes-mask-random.svg",
    "lookups-sizes-mask-sequential.svg",
    "lookups-sizes-pointer-random.svg",
  ]);
  const own = (await resultsOf("sizes")).filter(({ op, contender }) => op === "heads" && contender === "wasm-index");
  expect(own.map(({ slots }) => slots)).toEqual(Array.from({ length: 4 }, () => [65536, 131072]).flat());
});

test("patterns and mixes: a picture each", async () => {
  expect(await runBenchCommand([...QUICK, "patterns", "mixes", "--out", folder])).toBe(0);
  expect(await picturesIn()).toEqual(["lookups-mixes.svg", "lookups-patterns.svg"]);
  const strided = (await resultsOf("patterns")).filter(({ pattern }) => pattern === "strided");
  expect(new Set(strided.map(({ encoding }) => encoding))).toEqual(new Set(["pointer", "fake-heads", "mask"]));
  const names = new Set((await resultsOf("mixes")).map(({ mix }) => mix));
  expect(names).toEqual(new Set(["real", "0:100", "0:60,2:20,9:20", "9:100", "2:100"]));
});

test("batches: every length by every way, a call for each page once", async () => {
  expect(await runBenchCommand([...QUICK, "batches", "--out", folder])).toBe(0);
  expect(await picturesIn()).toEqual(["lookups-batches-random.svg", "lookups-batches-sequential.svg"]);
  const ways = (await resultsOf("batches")).map(({ pattern, way, length }) => [pattern, way, length].join(" "));
  expect(ways).toHaveLength(2 * (1 + 4 * 7));
  expect(new Set(ways).size).toBe(ways.length);
});

test("fields, pgmap and passes: a picture each", async () => {
  expect(await runBenchCommand([...QUICK, "fields", "pgmap", "passes", "--out", folder])).toBe(0);
  expect(await picturesIn()).toEqual(["lookups-fields.svg", "lookups-passes.svg", "lookups-pgmap.svg"]);
});

test.each([
  [["sizes", "nothing"], 'part: "nothing" is none of sizes, patterns, mixes, batches, fields, pgmap, passes, threads'],
  [["--slots", "17"], "--slots: 17 is not within 64Ki to 60Mi"],
  [["--rounds", "3"], "Unknown option '--rounds'"],
  [["--out", join("package.json", "below")], "--out: package.json/below can't be written"],
])("refuses %j with one line and exit code 2", async (argv, message) => {
  expect(await runBenchCommand(["all", ...argv])).toBe(2);
  expect([stdout, stderr]).toEqual(["", `vmemmap bench: ${message}\n`]);
});

test("help goes to stdout", async () => {
  expect(await runBenchCommand(["all", "--help"])).toBe(0);
  expect(stdout).toContain("Usage: vmemmap bench all");
});
