/** Real dumps in kdump's compressed form hold what the ELF cores of the same machines hold. */
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openKdump } from "../../src/dump/kdump.js";
import { FrameState } from "../../src/dump/memory.js";
import { elfFrames, haveRealDumps, readReal, realDumps, unflatten } from "./real-dumps.js";

describe.skipIf(!haveRealDumps)("real kdump files", () => {
  it.each(realDumps(/kdump-/))("%s", async (path) => {
    const bytes = readReal(path);
    const flat = new TextDecoder().decode(bytes.subarray(0, 12)) === "makedumpfile";
    const dump = await openKdump([new BytesFile(flat ? unflatten(bytes) : bytes, path)]);
    const truth = await elfFrames(path.replace(/[^/]*$/, "vmcore-filtered.elf.zst"));
    const frames = [...truth.keys()].sort((a, b) => a - b);
    expect(frames.length).toBeGreaterThan(1000);
    const out = new Uint8Array(frames.length * 4096);
    await dump.memory.readFrames(frames, out);
    const zeros = new Uint8Array(4096);
    const counts = { here: 0, filtered: 0, absent: 0, differ: 0 };
    frames.forEach((frame, i) => {
      const state = dump.memory.stateOf(frame);
      const expected = state === FrameState.HERE ? truth.get(frame)! : zeros;
      if (state === FrameState.HERE) counts.here++;
      else if (state === FrameState.FILTERED) counts.filtered++;
      else counts.absent++;
      if (Buffer.compare(out.subarray(i * 4096, i * 4096 + 4096), expected) !== 0) counts.differ++;
    });
    // makedumpfile -d 31 took pages of users out of some of the filtered cores.
    const filtered = path.includes("filtered") ? counts.filtered : 0;
    expect(filtered).toBeLessThan(5);
    expect(counts).toEqual({ here: frames.length - filtered, filtered, absent: 0, differ: 0 });
    await dump.close();
  });
});
