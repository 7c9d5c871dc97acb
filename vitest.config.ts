import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { NotTested } from "./test/not-tested.js";

export default defineConfig({
  test: {
    reporters: ["default", new NotTested()],
    setupFiles: ["test/setup.ts"],
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    // A thread for each file starts faster than a process, and collects the garbage of fewer.
    pool: "threads",
    // Of two cores, vitest by itself uses one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
