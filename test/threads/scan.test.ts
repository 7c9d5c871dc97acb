/** The head index made by one thread while another changes the slots: no block may tell what was before a change. */
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { constant } from "../../src/engine/modules.js";
import { profile } from "../../src/index.js";
import { moduleBytes, rawCore } from "../assembly/raw-core.js";
import { timeout } from "../property/runs.js";

const SECTION = 32768;
const AREA_BYTES = 2 ** 18;
const ROUNDS = 150 * Math.max(1, Number(process.env["VMEMMAP_RUNS"] ?? 1));
/** Up to four blocks. */
const MAX_ORDER = 8;
const [RUN, STAND, END] = [0, 1, 2];

function start(kernel: Parameters<typeof profile>[0]) {
  const core = rawCore("vmemmap.shared.wasm", profile(kernel), [[0]], (2 * AREA_BYTES) / 4);
  core.exports.memmap_init_range(0, SECTION, 0, 0, 0, 0);
  core.exports.scan_all();
  return core;
}

/** How many blocks the index tells wrongly. */
function wrongBlocks({ exports, linear }: ReturnType<typeof start>): number {
  const counts = constant("STAGING");
  exports.verify_all(counts, counts + 128, 0, 0);
  const words = new Uint32Array(linear.buffer, counts, 32);
  return words[constant("Fault.INDEX_HEAD")]! + words[constant("Fault.INDEX_ORDER")]!;
}

describe.each(["5.15", "6.18", "7.3"] as const)("slots of %s that change while they are scanned", (kernel) => {
  it(
    "leave an index that tells what they say, and no ill-formed word",
    async () => {
      const core = start(kernel);
      const { exports } = core;
      const turn = new Int32Array(new SharedArrayBuffer(8)).fill(STAND);
      const worker = new Worker(new URL("scan-worker.mjs", import.meta.url), {
        workerData: {
          module: new WebAssembly.Module(moduleBytes("vmemmap.shared.wasm")),
          memory: core.linear,
          area: Math.ceil(core.plan.lists / 64) * 64,
          slots: SECTION,
          maxOrder: MAX_ORDER,
          turn,
        },
      });
      const failed = new Promise((_, reject) => worker.once("error", reject));
      const ended = new Promise((resolve) => worker.once("message", resolve));
      const ask = (what: number) => {
        Atomics.store(turn, 0, what);
        Atomics.notify(turn, 0);
      };
      const found = { wrong: 0, ill: 0, asks: 0 };
      try {
        const online = new Promise((resolve) => worker.once("online", resolve));
        await Promise.race([online, failed]);
        for (let round = 0; round < ROUNDS; round++) {
          ask(RUN);
          while (Atomics.load(turn, 1) !== RUN) continue;
          exports.slots_written(0, SECTION);
          found.ill += exports.scan_section(0);
          ask(STAND);
          while (Atomics.load(turn, 1) !== STAND) Atomics.wait(turn, 1, RUN, 1000);
          found.wrong += wrongBlocks(core);
          found.asks += exports.head_index_asks();
        }
        ask(END);
        await Promise.race([ended, failed]);
      } finally {
        await worker.terminate();
      }
      expect(found).toEqual({ wrong: 0, ill: 0, asks: expect.any(Number) as number });
      // Claims were spoiled, and few.
      expect(found.asks).toBeLessThan((ROUNDS * SECTION) / 64 / 2);
      exports.slots_written(0, SECTION);
      exports.scan_section(0);
      expect([exports.head_index_asks(), wrongBlocks(core)]).toEqual([0, 0]);
    },
    timeout,
  );
});

describe("a change beside a scan's claim", () => {
  const SCANNING = 1;
  const SPOILED = 2;
  const core = start("7.3");
  const { exports, memory, linear, plan } = core;
  /** Where the blocks' words and bytes stand: behind the table of sections (head_index.ts). */
  const words = plan.headIndex + 2 ** 17 * 4;
  const bytes = words + plan.headIndexSections * (SECTION / 8);
  const word = new BigUint64Array(linear.buffer, words, 16);

  it.each([
    ["makes a folio in the block", (slot: number) => exports.prep_compound_page(slot, 3)],
    ["makes a folio of the block", (slot: number) => exports.prep_compound_page(slot, 6)],
    ["splits one", (slot: number) => exports.split_folio_to_order(slot, 2)],
    ["frees one", (slot: number) => exports.free_pages_prepare(slot, 2)],
  ])("spoils it and leaves the word alone: %s", (what, change) => {
    const slot = what.endsWith("of the block") ? 64 : 0;
    const block = slot / 64;
    memory[bytes + block] = SCANNING;
    const before = word[block];
    expect(change(slot)).toBe(0);
    expect([memory[bytes + block], word[block]]).toEqual([SPOILED, before]);
  });

  it("leaves the other blocks of a folio to the slots, where the first is claimed", () => {
    memory[bytes + 8] = SCANNING;
    expect(exports.prep_compound_page(512, 8)).toBe(0);
    expect([...memory.subarray(bytes + 8, bytes + 12)]).toEqual([SPOILED, 0, 0, 0]);
    memory[bytes + 16] = 0;
    memory[bytes + 17] = SCANNING;
    expect(exports.prep_compound_page(1024, 7)).toBe(0);
    expect([...memory.subarray(bytes + 16, bytes + 18)]).toEqual([0x87, SPOILED]);
    expect(exports.split_folio_to_order(1024, 0)).toBe(0);
    expect([...memory.subarray(bytes + 16, bytes + 18)]).toEqual([0x80, SPOILED]);
  });
});
