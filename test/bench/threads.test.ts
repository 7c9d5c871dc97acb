/** The suite "threads", of the built package: its workers are a file of their own. */
import { afterEach, expect, test, vi } from "vitest";
import { runBenchCommand } from "../../dist/bench/command.js";

afterEach(() => vi.restoreAllMocks());

test("one worker and two give the right heads, and counts are timed on both builds", async () => {
  let stdout = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((stdout += String(text)), true));
  const contenders = "wasm-shared,one-worker,two-workers,one-worker-index,two-workers-index";
  const argv = ["threads", "--slots", "128Ki", "--lookups", "16Ki", "--rounds", "2", "--json"];
  expect(await runBenchCommand([...argv, "--encoding", "mask", "--contenders", contenders])).toBe(0);
  const { results } = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  expect(results.map(({ op, pattern, contender, build }) => [op, pattern ?? build, contender ?? null])).toEqual([
    ...["random", "sequential"].flatMap((pattern) =>
      contenders.split(",").map((contender) => ["heads", pattern, contender]),
    ),
    ["counts", "simd", null],
    ["counts", "shared", null],
  ]);
});
