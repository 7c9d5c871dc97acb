/** Threads unpack what this thread does. They run the built package: a worker is a file of its own. */
import { describe, expect, it, vi } from "vitest";
import { BytesFile } from "../../dist/src/dump/bytes-file.js";
import { openKdump } from "../../dist/src/dump/kdump.js";
import { UnpackPool as BuiltPool } from "../../dist/src/dump/unpack/unpack-pool.js";
import { openKdump as openSource } from "../../src/dump/kdump.js";
import type { Done, Job } from "../../src/dump/unpack/job.js";
import { UnpackPool } from "../../src/dump/unpack/unpack-pool.js";
import { somePage } from "./some-memory.js";
import { areas, PAGE, type Packing, writeKdump } from "./write-kdump.js";

const COUNT = 9000;
const packings: readonly Packing[] = ["raw", "zlib", "lzo", "snappy", "zstd"];
const pages = Array.from({ length: 40 }, (_, seed) => somePage(seed));
const frames = new Map(Array.from({ length: COUNT }, (_, frame) => [frame, pages[frame % 40]!]));
const file = writeKdump({ frames, packing: (frame) => packings[frame % 5]! });
const list = [...frames.keys()];

function differences(out: Uint8Array, frames: readonly number[]): number {
  return frames.filter((frame, i) => Buffer.compare(out.subarray(i * PAGE, (i + 1) * PAGE), pages[frame % 40]!) !== 0)
    .length;
}

/** What a thread dies of: its buffer goes along to it, and is none there, so that it can't be sent back. */
function deadly(): Job {
  class Lost {
    readonly #bytes = new ArrayBuffer(8);
    get buffer(): ArrayBuffer {
      return this.#bytes;
    }
  }
  const none = { bytes: new Uint8Array(8), pages: new Float64Array(), packings: 0 };
  return { ...none, unpacked: new Lost() } as unknown as Job;
}

describe("threads", () => {
  it("give each frame its page, in the list's order", async () => {
    const onUnpackedBy = vi.fn();
    const dump = await openKdump([new BytesFile(file)], { threads: 2, onUnpackedBy });
    const mixed = list.map((frame) => (frame * 7919) % COUNT);
    for (const frames of [list, mixed]) {
      const out = new Uint8Array(COUNT * PAGE);
      await dump.memory.readFrames(frames, out);
      expect(differences(out, frames)).toBe(0);
    }
    expect(onUnpackedBy.mock.calls).toEqual([["2 threads"]]);
    await dump.close();
  });

  it("give byte for byte what one thread gives, at every place and in every order", async () => {
    const frames = [...list.map((frame) => (frame * 4567 + 11) % COUNT), 5, 5, 5];
    const outs = await Promise.all(
      [1, 2].map(async (threads) => {
        const by: string[] = [];
        const dump = await openKdump([new BytesFile(file)], { threads, onUnpackedBy: (who) => by.push(who) });
        const out = new Uint8Array(frames.length * PAGE);
        await dump.memory.readFrames(frames, out);
        await dump.close();
        return { out, by, details: dump.details };
      }),
    );
    expect(outs.map(({ by }) => by)).toEqual([[], ["2 threads"]]);
    expect(outs[0]!.details).toEqual(outs[1]!.details);
    expect(Buffer.compare(outs[0]!.out, outs[1]!.out)).toBe(0);
  });

  it.each([1, 2])("%i of two that die midway: reads fail with a code, and nothing hangs", async (dying) => {
    const started = vi.spyOn(BuiltPool, "start");
    const dump = await openKdump([new BytesFile(file)], { threads: 2 });
    await dump.memory.readFrames(list, new Uint8Array(COUNT * PAGE));
    const pool = (await started.mock.results[0]!.value) as UnpackPool;
    started.mockRestore();
    const reading = Promise.resolve(dump.memory.readFrames(list, new Uint8Array(COUNT * PAGE)));
    const deaths = Array.from({ length: dying }, () => pool.run(deadly()));
    const failed = [reading, ...deaths].map((one) => expect(one).rejects.toMatchObject({ code: "worker-failed" }));
    await Promise.all(failed);
    await dump.close();
  });

  it("serve several reads at once, into shared memory too", async () => {
    const dump = await openKdump([new BytesFile(file)], { threads: 2 });
    const outs = [new Uint8Array(COUNT * PAGE), new Uint8Array(new SharedArrayBuffer(COUNT * PAGE))];
    await Promise.all(outs.map(async (out) => dump.memory.readFrames(list, out)));
    expect(outs.map((out) => differences(out, list))).toEqual([0, 0]);
    await dump.close();
  });

  it("are not started for few pages, nor for one thread", async () => {
    const onUnpackedBy = vi.fn();
    const few = await openKdump([new BytesFile(file)], { threads: 2, onUnpackedBy });
    await few.memory.readFrames(list.slice(0, 1000), new Uint8Array(1000 * PAGE));
    const one = await openKdump([new BytesFile(file)], { threads: 1, onUnpackedBy });
    await one.memory.readFrames(list, new Uint8Array(COUNT * PAGE));
    expect(onUnpackedBy).not.toHaveBeenCalled();
    await Promise.all([few.close(), one.close()]);
  });

  it("tell of a damaged page, and go on", async () => {
    const damaged = file.slice();
    const view = new DataView(damaged.buffer);
    const at = Number(view.getBigUint64(areas(file).descriptors + 24 * 8001, true));
    damaged.fill(0xff, at, at + 8);
    const dump = await openKdump([new BytesFile(damaged, "damaged")], { threads: 2 });
    const reading = Promise.resolve(dump.memory.readFrames(list, new Uint8Array(COUNT * PAGE)));
    await expect(reading).rejects.toMatchObject({
      code: "bad-dump",
      message: expect.stringContaining("damaged, offset ") as string,
    });
    await expect(reading).rejects.toThrow(
      /frame 0x1f41: expected a page of 4096 bytes packed by zlib, found a damaged stream/,
    );
    const out = new Uint8Array(2000 * PAGE);
    await dump.memory.readFrames(list.slice(0, 2000), out);
    expect(differences(out, list.slice(0, 2000))).toBe(0);
    await dump.close();
  });

  it("end with the dump, and reads under way with them", async () => {
    const dump = await openKdump([new BytesFile(file)], { threads: 2 });
    await dump.memory.readFrames(list, new Uint8Array(COUNT * PAGE));
    const reading = Promise.resolve(dump.memory.readFrames(list, new Uint8Array(COUNT * PAGE)));
    const ended = expect(reading).rejects.toMatchObject({ code: "disposed" });
    await dump.close();
    await ended;
  });

  it("leave pages to this thread where they can't load what unpacks them", async () => {
    const threw = { code: "unsupported-dump", message: "no zstddec" } as const;
    const run = vi.fn((job: Job): Promise<Done> => Promise.resolve({ ...job, damage: null, threw }));
    const pool = { size: 2, run, stop: () => Promise.resolve() };
    const start = vi.spyOn(UnpackPool, "start").mockResolvedValue(pool as unknown as UnpackPool);
    const onUnpackedBy = vi.fn();
    const dump = await openSource([new BytesFile(file)], { threads: 2, onUnpackedBy });
    const outs = [new Uint8Array(COUNT * PAGE), new Uint8Array(COUNT * PAGE)];
    await dump.memory.readFrames(list, outs[0]!);
    const asked = run.mock.calls.length;
    await dump.memory.readFrames(list, outs[1]!);
    expect(outs.map((out) => differences(out, list))).toEqual([0, 0]);
    expect(run.mock.calls.length).toBe(asked);
    expect(onUnpackedBy.mock.calls).toEqual([["2 threads"], ["this thread (no zstddec)"]]);
    await dump.close();
    start.mockRestore();
  });

  it("are done without where none can be started", async () => {
    // The sources have no worker.js.
    const onUnpackedBy = vi.fn();
    const dump = await openSource([new BytesFile(file)], { threads: 2, onUnpackedBy });
    const out = new Uint8Array(COUNT * PAGE);
    await dump.memory.readFrames(list, out);
    expect(differences(out, list)).toBe(0);
    expect(onUnpackedBy.mock.calls).toEqual([[expect.stringMatching(/^this thread \(.*worker\.js/)]]);
    await dump.close();
  });

  it("are stopped where who hears of them throws, and the read ends with that", async () => {
    const onUnpackedBy = () => {
      throw new Error("enough");
    };
    const dump = await openKdump([new BytesFile(file)], { threads: 2, onUnpackedBy });
    await expect(dump.memory.readFrames(list, new Uint8Array(COUNT * PAGE))).rejects.toThrow("enough");
    await dump.close();
  });
});
