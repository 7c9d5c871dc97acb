/** Extents laid side by side, and memory read through them, against one that keeps every byte. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { ExtentReader } from "../../src/dump/extent-reader.js";
import { ExtentList, NOT_IN_FILE } from "../../src/dump/extents.js";
import { Segments } from "../../src/dump/extent-memory.js";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { layOut } from "../../src/dump/lay-out.js";
import { FRAME_BYTES, FrameState } from "../../src/dump/memory.js";
import { runs, timeout } from "../property/runs.js";
import { pattern } from "./bytes.js";

const SPACE = 64;
const content = pattern(256);

const extent = fc.record({
  start: fc.nat(SPACE - 1),
  length: fc.nat(24),
  offset: fc.oneof(fc.constant(NOT_IN_FILE), fc.nat(content.length - 32)),
});

/** A file that answers later, as a Blob does. */
function later(file: RandomAccessFile): RandomAccessFile {
  return {
    name: file.name,
    size: file.size,
    readInto: async (out, offset) => {
      await Promise.resolve();
      await file.readInto(out, offset);
    },
    close: () => file.close(),
  };
}

describe("extents laid out", () => {
  it.each(["first", "last"] as const)(
    "tell of each byte as the %s of the list that has it",
    (winner) => {
      fc.assert(
        fc.property(fc.array(extent, { maxLength: 12 }), (list) => {
          const given = new ExtentList();
          // What each address reads, -1 where nothing tells of it, 0 where it is not in the file.
          const truth = new Int32Array(SPACE + 24).fill(-1);
          for (const { start, length, offset } of list) {
            given.add(start, start + length, offset);
            for (let at = start; at < start + length; at++) {
              if (offset === NOT_IN_FILE) truth[at] = Math.max(truth[at]!, 0);
              else if (truth[at]! <= 0 || winner === "last") truth[at] = content[offset + at - start]!;
            }
          }
          const laidOut = layOut(given, winner);
          const seen = new Int32Array(SPACE + 24).fill(-1);
          for (let i = 0; i < laidOut.length; i++) {
            const [start, end, offset] = [laidOut.starts[i]!, laidOut.ends[i]!, laidOut.offsets[i]!];
            expect(end).toBeGreaterThan(start);
            expect(start).toBeGreaterThanOrEqual(i === 0 ? 0 : laidOut.ends[i - 1]!);
            for (let at = start; at < end; at++) seen[at] = offset === NOT_IN_FILE ? 0 : content[offset + at - start]!;
          }
          expect(seen).toEqual(truth);
        }),
        runs(400),
      );
    },
    timeout,
  );

  it("join those that go on from each other", () => {
    const list = new ExtentList();
    list.add(0, 10, 100);
    list.add(20, 30, 120);
    list.add(10, 20, 110);
    const laidOut = layOut(list, "first");
    expect([laidOut.length, laidOut.starts[0], laidOut.ends[0], laidOut.offsets[0]]).toEqual([1, 0, 30, 100]);
  });

  it("are as many as are given, however many lie over each other", () => {
    const list = new ExtentList();
    for (let i = 0; i < 20_000; i++) list.add(i, 40_000 - i, 0);
    expect(layOut(list, "first").length).toBe(1);
    expect(layOut(list, "last").length).toBe(39_999);
  });
});

describe("reading through extents", () => {
  it("answers what a memory of bytes does, at once and later", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(extent, { maxLength: 12 }),
        fc.array(fc.tuple(fc.nat(SPACE + 30), fc.nat(40)), { minLength: 1, maxLength: 8 }),
        async (list, reads) => {
          const given = new ExtentList();
          const truth = new Uint8Array(2 * SPACE + 64);
          for (const { start, length, offset } of list.toReversed())
            if (offset !== NOT_IN_FILE) truth.set(content.subarray(offset, offset + length), start);
          for (const { start, length, offset } of list) given.add(start, start + length, offset);
          const laidOut = layOut(given, "first");
          const file = new BytesFile(content);
          const now = new ExtentReader(file, laidOut);
          const then = new ExtentReader(later(file), laidOut);
          for (const [address, length] of reads) {
            const out = new Uint8Array(length).fill(0xee);
            expect(now.readInto(out, address)).toBeUndefined();
            expect(out).toEqual(truth.subarray(address, address + length));
            out.fill(0xee);
            await then.readInto(out, address);
            expect(out).toEqual(truth.subarray(address, address + length));
          }
        },
      ),
      runs(200),
    );
  });
});

describe("segments of physical memory", () => {
  const segment = fc.record({
    address: fc.nat(6 * FRAME_BYTES),
    size: fc.nat(3 * FRAME_BYTES),
    fileSize: fc.nat(3 * FRAME_BYTES),
    offset: fc.nat(5 * FRAME_BYTES),
  });
  const bytes = pattern(4 * FRAME_BYTES);

  it("read as a memory of bytes does, whatever they overlap and the file has lost", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { maxLength: 6 }),
        fc.array(fc.nat(10), { maxLength: 12 }),
        async (list, frames) => {
          const truth = new Uint8Array(11 * FRAME_BYTES);
          const state = new Uint8Array(11 * FRAME_BYTES).fill(FrameState.ABSENT);
          for (const { address, size, fileSize, offset } of list)
            for (let i = 0; i < Math.max(size, fileSize); i++) {
              const here = i < fileSize && offset + i < bytes.length;
              if (state[address + i] === FrameState.HERE) continue;
              state[address + i] = here ? FrameState.HERE : FrameState.FILTERED;
              truth[address + i] = here ? bytes[offset + i]! : 0;
            }
          for (const file of [new BytesFile(bytes), later(new BytesFile(bytes))]) {
            const segments = new Segments(file);
            for (const { address, size, fileSize, offset } of list)
              segments.add(address, Math.max(size, fileSize), offset, fileSize);
            const memory = segments.memory();
            if (memory === null) {
              expect(state).not.toContain(FrameState.HERE);
              continue;
            }
            const out = new Uint8Array(FRAME_BYTES * frames.length).fill(0xee);
            await memory.readFrames(frames, out);
            frames.forEach((frame, i) => {
              const at = frame * FRAME_BYTES;
              expect(
                Buffer.compare(
                  out.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES),
                  truth.subarray(at, at + FRAME_BYTES),
                ),
              ).toBe(0);
              expect(memory.stateOf(frame)).toBe(Math.min(...state.subarray(at, at + FRAME_BYTES)));
            });
          }
        },
      ),
      runs(60),
    );
  });

  it("give the first failure of a file that fails, when nothing is read any more", async () => {
    let underWay = 0;
    const failing: RandomAccessFile = {
      name: "failing",
      size: 2 ** 20,
      readInto: async (_, offset) => {
        underWay++;
        await new Promise((resolve) => setTimeout(resolve, (offset / FRAME_BYTES) % 3));
        underWay--;
        if (offset === 2 * FRAME_BYTES || offset === 20 * FRAME_BYTES) throw new Error(`at ${offset}`);
      },
      close: () => Promise.resolve(),
    };
    const segments = new Segments(failing);
    segments.add(0, 2 ** 20, 0, 2 ** 20);
    const frames = Array.from({ length: 40 }, (_, i) => 2 * i);
    await expect(segments.memory()!.readFrames(frames, new Uint8Array(40 * FRAME_BYTES))).rejects.toThrow("at 8192");
    expect(underWay).toBe(0);
  });
});
