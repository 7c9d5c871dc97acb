/** Real dumps: every frame of each ELF vmcore against a plain read of the same file, in each form it is kept in. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { unflatten } from "../../src/dump/flattened.js";
import type { Dump } from "../../src/dump/memory.js";
import { FRAME_BYTES, FrameState } from "../../src/dump/memory.js";
import { openNodeFile } from "../../src/dump/node-file.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { elfFrames, haveRealDumps, readReal, realDumps, realPath, unflatten as plainUnflatten } from "./real-dumps.js";

describe.skipIf(!haveRealDumps).each(realDumps(/\.elf\.zst$/))("%s", (path) => {
  let dump: Dump;
  let truth: Map<number, Uint8Array>;

  beforeAll(async () => {
    dump = await openDumpFile(openNodeFile(realPath(path)));
    truth = await elfFrames(path);
  });
  afterAll(() => dump.close());

  it("is an ELF core packed by zstd", () => {
    expect(dump.format).toBe("elf");
    expect(dump.details).toMatchObject({ packing: "zstd", bytesLost: 0 });
  });

  it("has the VMCOREINFO note of its text file", () => {
    expect(dump.vmcoreinfo).toBe(readFileSync(realPath(`${dirname(path)}/vmcoreinfo.txt`), "utf8"));
  });

  it("has all frames of a plain read, and no others", async () => {
    const { memory } = dump;
    const here: number[] = [];
    for (let frame = 0; frame < memory.endFrame; frame++)
      if (memory.stateOf(frame) === FrameState.HERE) here.push(frame);
    expect(here).toEqual([...truth.keys()].sort((a, b) => a - b));
    for (const order of [here, here.toReversed()]) {
      const out = new Uint8Array(FRAME_BYTES * order.length);
      await memory.readFrames(order, out);
      const wrong = order.filter(
        (frame, i) => Buffer.compare(out.subarray(FRAME_BYTES * i, FRAME_BYTES * (i + 1)), truth.get(frame)!) !== 0,
      );
      expect(wrong).toEqual([]);
    }
  });
});

describe.skipIf(!haveRealDumps).each(realDumps(/\.flat$|qemu-kdump/))("%s", (path) => {
  it("is the file that a plain read puts together", async () => {
    const bytes = readReal(path);
    const plain = plainUnflatten(bytes);
    for (const file of [openNodeFile(realPath(path)), new BytesFile(bytes)]) {
      const flat = await unflatten(file);
      expect([flat.size, flat.truncated]).toEqual([plain.length, false]);
      const out = new Uint8Array(flat.size);
      await flat.readInto(out, 0);
      expect(Buffer.compare(out, plain)).toBe(0);
      await flat.close();
    }
  });

  it("is a kdump inside", async () => {
    const dump = await openDumpFile(openNodeFile(realPath(path)));
    expect(dump.format).toBe("kdump");
    expect(dump.details["flattened"]).toBe(true);
    await dump.close();
  });
});
