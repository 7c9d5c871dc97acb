/**
 * Two threads that change the same few counts as often as they can: where a change is not atomic, some are lost, and the counts are not
 * what they were. The stress test beside it holds the protocol; this one the arithmetic, in a few seconds.
 */
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { profile } from "../../src/index.js";
import { moduleBytes, rawCore } from "../assembly/raw-core.js";

const AREA_BYTES = 2 ** 18;
const STEPS = 1_000_000;
/** A large folio, and a single page: its pins are references. */
const HEADS = [8, 1];

it("counts and flags that two threads change a million times are what they were", async () => {
  const layout = profile("7.3");
  const core = rawCore("vmemmap.shared.wasm", layout, [[0]], (2 * AREA_BYTES) / 4);
  const { exports } = core;
  exports.memmap_init_range(0, 32768, 0, 0, 0, 0);
  exports.prep_compound_page(8, 3);
  for (const head of HEADS) exports.folio_ref_unfreeze(head, 1);
  const before = core.slots.slice(0, 16 * 64);
  const arrived = new Int32Array(new SharedArrayBuffer(64));
  const module = new WebAssembly.Module(moduleBytes("vmemmap.shared.wasm"));
  const workers = ["dirty", "referenced"].map(
    (flag, thread) =>
      new Worker(new URL("hammer-worker.mjs", import.meta.url), {
        workerData: {
          module,
          memory: core.linear,
          area: Math.ceil(core.plan.lists / 64) * 64 + thread * (AREA_BYTES - 64),
          heads: HEADS,
          steps: STEPS,
          flagBit: layout.flags[flag]!.bit,
          arrived,
          thread,
        },
      }),
  );
  try {
    const told = await Promise.all(
      workers.map((worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))),
    );
    const lost = {
      references: 0,
      "references by a page": 0,
      increments: 0,
      pins: 0,
      "pins of a large folio": 0,
      flags: 0,
    };
    expect(told).toEqual([0, 1].map((thread) => ({ thread, lost })));
    expect(Buffer.compare(Buffer.from(core.slots.subarray(0, 16 * 64)), Buffer.from(before))).toBe(0);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});
