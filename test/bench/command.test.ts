import { EventEmitter } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runBenchCommand } from "../../bench/command.js";
import { endWithReader } from "../../bench/output.js";
import { Vmemmap } from "../../src/vmemmap.js";

const SMALL = ["--slots", "128Ki", "--lookups", "16Ki", "--rounds", "2"];

let stdout: string;
let stderr: string;

beforeEach(() => {
  stdout = stderr = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => ((stderr += String(text)), true));
});
afterEach(() => vi.restoreAllMocks());

test("prints one JSON object with a result for every encoding, pattern and contender", async () => {
  expect(await runBenchCommand([...SMALL, "--json", "--contenders", "wasm-simd,wasm-scalar,wasm-call,js-uint32"])).toBe(
    0,
  );
  const report = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  expect(report).toMatchObject({
    slots: 128 * 1024,
    seed: 1,
    lookups: 16 * 1024,
    rounds: 2,
    compiler: null,
    map: { pointer: "linux-6.1.176, tiled" },
  });
  expect(report.results).toHaveLength(3 * 2 * 4);
  for (const result of report.results) {
    expect(result).toMatchObject({ op: "heads", slots: 128 * 1024, ratioToNative: null, ratioToNativeSimd: null });
    expect(result["nsPerLookup"]).toBeGreaterThan(0);
  }
});

test("fields: one JSON object with a result for every encoding, field, pattern and contender", async () => {
  const contenders = ["wasm-simd", "wasm-scalar", "wasm-call", "js-uint32"];
  expect(await runBenchCommand(["fields", ...SMALL, "--json", "--contenders", contenders.join(",")])).toBe(0);
  const report = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  expect(report).toMatchObject({ lookups: 16 * 1024, compiler: null, map: { mask: "linux-7.3.4-hvo, tiled" } });
  expect(report.results).toHaveLength(3 * 3 * 2 * 4);
  expect(new Set(report.results.map(({ op }) => op))).toEqual(new Set(["order", "folio-flags", "page-flags"]));
  for (const result of report.results) expect(result["nsPerLookup"]).toBeGreaterThan(0);
});

test("fields: a table for each of them", async () => {
  const argv = ["fields", ...SMALL, "--mix", "0:50,9:50", "--encoding", "mask", "--contenders", "wasm-simd,js-uint32"];
  expect(await runBenchCommand(argv)).toBe(0);
  expect(stdout.match(/^[\w-]+, mask encoding/gm)).toEqual([
    "order, mask encoding",
    "folio-flags, mask encoding",
    "page-flags, mask encoding",
  ]);
});

test("prints tables, and draws maps of growing size", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vmemmap-plot-"));
  const file = join(folder, "plot.svg");
  expect(
    await runBenchCommand([
      ...SMALL,
      "--encoding",
      "fake-heads",
      "--contenders",
      "wasm-simd,js-bigint",
      "--plot",
      file,
    ]),
  ).toBe(0);
  expect(stdout).toContain("heads, fake-heads encoding, map of linux-6.18.15-hvo-la57, tiled");
  expect((await readFile(file, "utf8")).match(/<circle /g)).toHaveLength(2 * 2);
  await rm(folder, { recursive: true });
});

test("measures synthetic maps", async () => {
  expect(await runBenchCommand([...SMALL, "--mix", "0:50,9:50", "--contenders", "wasm-simd"])).toBe(0);
  expect(stdout).toContain("mask encoding, map of synthetic, order 0 50 %, order 9 50 %");
});

test("pgmap: one JSON object with a result for every order, encoding, pattern, form and contender", async () => {
  const contenders = ["wasm-simd", "wasm-scalar", "wasm-call", "js-uint32"];
  const argv = ["pgmap", ...SMALL, "--orders", "0,2,9", "--json", "--contenders", contenders.join(",")];
  expect(await runBenchCommand(argv)).toBe(0);
  const report = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  expect(report).toMatchObject({ slots: 128 * 1024, compiler: null, map: { page: "made as by Linux 6.14" } });
  expect(report.results).toHaveLength(3 * 2 * 2 * 3 * 4);
  for (const result of report.results) {
    expect(result).toMatchObject({ op: "pgmap", slots: 128 * 1024, ratioToNative: null });
    expect(result["nsPerLookup"]).toBeGreaterThan(0);
    expect(result["costOverPage"]).toBeGreaterThan(0);
  }
});

test("pgmap: a table for each order, and a picture of all", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vmemmap-plot-"));
  const file = join(folder, "plot.svg");
  const argv = ["pgmap", ...SMALL, "--orders", "0,9", "--encoding", "mask", "--contenders", "wasm-simd"];
  expect(await runBenchCommand([...argv, "--plot", file])).toBe(0);
  expect(stdout).toContain("\npgmap, order 0: fs-dax pages of 4 pgmaps\n");
  expect(stdout).toContain("\npgmap, order 9: device-dax folios of 512 pages of 4 pgmaps\n");
  const [background, legend, bars] = [1, 1, 2 * 2];
  expect((await readFile(file, "utf8")).match(/<rect /g)).toHaveLength(background + legend + bars);
  await rm(folder, { recursive: true });
});

const FEW_PASSES = ["verify", "--slots", "256Ki", "--rounds", "2", "--contenders", "wasm-simd,wasm-scalar,js-uint32"];

test("verify: one JSON object with a result for real and synthetic maps, every encoding and contender", async () => {
  expect(await runBenchCommand([...FEW_PASSES, "--json"])).toBe(0);
  const report = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  expect(report).toMatchObject({
    slots: 256 * 1024,
    compiler: null,
    map: {
      "mask tiled": "linux-7.3.4-hvo, tiled",
      "mask synthetic": "synthetic, order 0 60 %, order 2 20 %, order 9 20 %",
    },
  });
  expect(report.results).toHaveLength(2 * 3 * 3);
  for (const result of report.results) {
    expect(result).toMatchObject({ slots: 256 * 1024, timeOverNative: null, counts: {} });
    expect(result["nsPerSlot"]).toBeGreaterThan(0);
    expect(result["timeOverJavaScript"]).toBeGreaterThan(0);
  }
});

test("verify: a table for the map that was asked for, and the verdict", async () => {
  const argv = [...FEW_PASSES, "--encoding", "mask", "--mix", "0:50,9:50"];
  expect(await runBenchCommand(argv)).toBe(0);
  expect(stdout.match(/^verify, .*/gm)).toEqual([
    "verify, mask encoding, map of synthetic, order 0 50 %, order 9 50 %; no findings",
  ]);
  expect(stdout).toMatch(/^ {2}js-uint32 +\w+, at most \d+\.\d\dx \(wasm-\w+, mask, synthetic\)$/m);
});

test("passes: one JSON object with a result for every map, pass and contender", async () => {
  expect(await runBenchCommand(["passes", ...FEW_PASSES.slice(1), "--json"])).toBe(0);
  const report = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  expect(report).toMatchObject({ slots: 256 * 1024, map: { "mask tiled": "linux-7.3.4-hvo, tiled" } });
  expect(report).not.toHaveProperty("lookups");
  expect(report.results).toHaveLength(2 * 3 * (1 + 3 + 3 + 2));
  for (const result of report.results) expect(result["nsPerSlot"]).toBeGreaterThan(0);
});

test("help goes to stdout", async () => {
  expect(await runBenchCommand(["--help"])).toBe(0);
  expect(stdout).toContain("Usage: vmemmap bench");
});

test.each([
  [["--slots", "17"], "vmemmap bench: --slots: 17 is not within 64Ki to 60Mi\n"],
  [["--map", "no-such.vmemmap"], "vmemmap bench: no-such.vmemmap: no such file (ENOENT)\n"],
  [["--plot", "no-such-folder/a.svg"], "vmemmap bench: --plot: no-such-folder/a.svg can't be written\n"],
  [["pgmap", "--plot", "no-such-folder/a.svg"], "vmemmap bench: --plot: no-such-folder/a.svg can't be written\n"],
  [["--map", "."], "vmemmap bench: .: a directory; give the dump's file in it\n"],
])("refuses %j with one line and exit code 2", async (argv, message) => {
  expect(await runBenchCommand(argv)).toBe(2);
  expect([stdout, stderr]).toEqual(["", message]);
});

test("a file that is no map of any kind is named", async () => {
  expect(await runBenchCommand(["--map", "package.json"])).toBe(2);
  expect(stderr).toMatch(/^vmemmap bench: package\.json, offset 0: .*\n$/);
});

test("a map with a word that leads nowhere is refused: the slow loop would be measured", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vmemmap-map-"));
  const file = join(folder, "ill.vmemmap");
  const map = new Vmemmap({ profile: "6.1", memory: [{ start: 0, end: 32768 }] });
  map.writeWord(7, 8, 0x1001n);
  await writeFile(file, map.save());
  expect(await runBenchCommand([...SMALL, "--map", file, "--contenders", "wasm-simd"])).toBe(2);
  expect(stderr).toContain("words lead to no head");
  await rm(folder, { recursive: true });
});

test("a reader that goes away ends it quietly, other failures are not hidden", () => {
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  const stream = new EventEmitter();
  endWithReader(stream);
  stream.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  expect(exit.mock.calls).toEqual([[0]]);
  expect(() => stream.emit("error", new Error("no space"))).toThrow("no space");
});
