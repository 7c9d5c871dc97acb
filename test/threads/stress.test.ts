/**
 * Threads that get, put, pin, freeze, split and free the same folios at the same time. Each writes down what it does; at the
 * end all counts are what the threads hold, and all other bytes what the model makes of their changes, in the order they came.
 */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { profile } from "../../src/index.js";
import { ModelMap, freePagesPrepare, prepCompoundPage, splitFolioToOrder } from "../model/index.js";
import { REFCOUNT } from "../model/page.js";
import { moduleBytes, rawCore } from "../assembly/raw-core.js";
import { timeout } from "../property/runs.js";

const SECTION = 32768;
/** Few folios, so that threads meet; slots 0 and on. */
const BLOCKS = 1;
const BLOCK_ORDER = 3;
const PAGES = BLOCKS << BLOCK_ORDER;
const THREADS = 2;
const STEPS = 300_000 * Math.max(1, Number(process.env["VMEMMAP_RUNS"] ?? 1));
const SMALL_PIN = 1024;

interface Held {
  readonly page: number;
  readonly head: number;
  readonly pins: number;
}

interface Story {
  readonly error?: string;
  readonly held: readonly Held[];
  readonly log: readonly (readonly [when: number, what: "free" | "prep" | "split", slot: number, order: number])[];
  readonly done: Readonly<Record<string, number>>;
}

function shared(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4));
}

function start(kernel: Parameters<typeof profile>[0]) {
  const layout = profile(kernel);
  const areaBytes = 2 ** 18;
  const core = rawCore("vmemmap.shared.wasm", layout, [[0]], (THREADS * areaBytes) / 4);
  core.exports.memmap_init_range(0, SECTION, 0, 0, 0, 0);
  const table = {
    locks: shared(BLOCKS),
    bases: shared(PAGES),
    owners: shared(PAGES),
    sequence: shared(1),
    arrived: shared(THREADS),
    invited: shared(1),
  };
  for (let block = 0; block < BLOCKS; block++) {
    core.exports.prep_compound_page(block << BLOCK_ORDER, BLOCK_ORDER);
    table.bases[block << BLOCK_ORDER] = 1;
  }
  core.exports.scan_all();
  const model = new ModelMap(layout, layout.vmemmapBase);
  model.addRange(0, SECTION);
  new Uint8Array(model.bytes(0).buffer).set(core.slots.subarray(0, SECTION * 64));
  for (let block = 0; block < BLOCKS; block++) core.exports.folio_ref_unfreeze(block << BLOCK_ORDER, 1);
  return { core, layout, model, table, areaBytes };
}

async function runThreads(
  { core, layout, table, areaBytes }: ReturnType<typeof start>,
  seed: number,
): Promise<Story[]> {
  const module = new WebAssembly.Module(moduleBytes("vmemmap.shared.wasm"));
  const flagBits = ["dirty", "referenced"].map((name) => layout.flags[name]!.bit);
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const area = Math.ceil(core.plan.lists / 64) * 64 + thread * (areaBytes - 64);
    return new Worker(new URL("stress-worker.mjs", import.meta.url), {
      workerData: {
        module,
        memory: core.linear,
        area,
        seed: seed * THREADS + thread + 1,
        steps: STEPS,
        blocks: BLOCKS,
        blockOrder: BLOCK_ORDER,
        table,
        biases: { smallPin: SMALL_PIN },
        flagBits,
        thread,
      },
    });
  });
  const message = <T>(worker: Worker) =>
    new Promise<T>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  try {
    await Promise.all(workers.map((worker) => message(worker)));
    const stories = workers.map((worker) => message<Story>(worker));
    for (const worker of workers) worker.postMessage("go");
    return await Promise.all(stories);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

describe.each(["5.15", "6.18", "7.3"] as const)("folios of %s that two threads work on", (kernel) => {
  it(
    "have the counts their holders say, and otherwise the model's bytes",
    async () => {
      const world = start(kernel);
      const { core, layout, model, table } = world;
      const stories = await runThreads(world, Number(kernel.replace(".", "")));
      expect(stories.map(({ error }) => error)).toEqual(stories.map(() => undefined));

      const log = stories.flatMap((story) => story.log).sort(([a], [b]) => a - b);
      for (const [, what, slot, order] of log) {
        if (what === "free") freePagesPrepare(model, slot, order);
        else if (what === "prep") prepCompoundPage(model, slot, order);
        else splitFolioToOrder(model, slot, order);
      }
      const addTo = (pfn: number, offset: number, nr: number) => model.setI32(pfn, offset, model.i32(pfn, offset) + nr);
      for (const [slot, base] of table.bases.entries()) if (base === 1) addTo(slot, REFCOUNT, 1);
      const { pincount, pincountMinOrder } = layout.folio;
      for (const { head, pins } of stories.flatMap(({ held }) => held)) {
        const order = core.exports.compound_order(head);
        const counts = pincount !== null && order >= pincountMinOrder && order > 0;
        addTo(head, REFCOUNT, pins === 0 ? 1 : counts ? pins : pins * SMALL_PIN);
        if (pins > 0 && counts) addTo(head, pincount, pins);
      }
      const bytes = Buffer.from(core.slots.subarray(0, PAGES * 64));
      const wanted = Buffer.from(new Uint8Array(model.bytes(0).buffer).subarray(0, PAGES * 64));
      const differs = bytes.findIndex((byte, i) => byte !== wanted[i]);
      expect([Math.floor(differs / 64), differs % 64]).toEqual([-1, -1]);

      // Each kind of step was taken.
      for (const kind of ["got", "put", "pinned", "released", "split", "froze", "merged", "dropped"]) {
        expect([kind, stories.some(({ done }) => done[kind]! > 0)]).toEqual([kind, true]);
      }
    },
    timeout,
  );
});
