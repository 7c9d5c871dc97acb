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

test("help goes to stdout", async () => {
  expect(await runBenchCommand(["--help"])).toBe(0);
  expect(stdout).toContain("Usage: vmemmap bench");
});

test.each([
  [["--slots", "17"], "vmemmap bench: --slots: 17 is not within 64Ki to 60Mi\n"],
  [["--map", "no-such.vmemmap"], "vmemmap bench: no-such.vmemmap: can't be read\n"],
  [["--plot", "no-such-folder/a.svg"], "vmemmap bench: --plot: no-such-folder/a.svg can't be written\n"],
  [["--map", "."], "vmemmap bench: .: can't be read\n"],
])("refuses %j with one line and exit code 2", async (argv, message) => {
  expect(await runBenchCommand(argv)).toBe(2);
  expect([stdout, stderr]).toEqual(["", message]);
});

test("a file that is no image is named, exit code 1", async () => {
  expect(await runBenchCommand(["--map", "package.json"])).toBe(1);
  expect(stderr).toMatch(/^vmemmap bench: package\.json: .*\n$/);
});

test("a map with a word that leads nowhere is refused: the slow loop would be measured", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vmemmap-map-"));
  const file = join(folder, "ill.vmemmap");
  const map = new Vmemmap({ profile: "6.1", memory: [{ start: 0, end: 32768 }] });
  map.writeWord(7, 8, 0x1001n);
  await writeFile(file, map.save());
  expect(await runBenchCommand([...SMALL, "--map", file, "--contenders", "wasm-simd"])).toBe(1);
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
