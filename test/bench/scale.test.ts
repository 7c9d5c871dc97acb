import { describe, expect, it } from "vitest";
import { measureScale, TEMPLATE_SLOTS } from "../../bench/scale.js";
import { scalePlot } from "../../bench/scale-plot.js";
import { buildTable, lookupsOf, lookupTable } from "../../bench/scale-report.js";

const task = { slots: TEMPLATE_SLOTS, threads: 1, patterns: ["random"], lookups: 16384, rounds: 1, seed: 1 } as const;

describe("the suite scale", () => {
  it("builds a map of copies, checks its answers, and tells all of it", async () => {
    const figures = await measureScale(task);
    expect(figures.build).toMatchObject({ memories: 1, threads: 1 });
    expect(figures.routing).toBeNull();
    expect(figures.lookups.map(({ way, pattern }) => `${way} ${pattern}`)).toEqual(["index random", "slots random"]);

    const sizes = [{ slots: task.slots, one: figures, workers: figures }];
    expect(buildTable(sizes)).toMatch(/\n {2}1Mi +4 GiB +1 +this thread +\d/);
    const results = lookupsOf(task.slots, figures, figures);
    expect(results.map(({ contender }) => contender)).toEqual(["wasm-index", "wasm-simd", "workers-index", "workers"]);
    const larger = results.map((result) => ({ ...result, slots: 4 * task.slots }));
    expect(lookupTable("random", [...results, ...larger], sizes)).toContain("routing alone\n  1Mi           1");

    const machine = { name: "a machine", node: "v20", pageSize: 4096, transparentHugePages: "madvise", caches: [] };
    const svg = scalePlot([...results, ...larger], { machine, compiler: "cc", seed: 1 });
    expect(svg).toContain("workers-index");
  });
});
