import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { FrameBitmap } from "../../src/dump/kdump/frame-bitmap.js";
import { runs, timeout } from "../property/runs.js";

const BLOCK = 4096;
const FRAMES = 8 * BLOCK;

/** Blocks of a bitmap: empty, full, or with some bits; behind some bytes that are not its own. */
const bitmap = fc
  .array(fc.constantFrom("empty", "full", "some", "few"), { minLength: 1, maxLength: 4 })
  .map((kinds) => {
    const bytes = new Uint8Array((1 + kinds.length) * BLOCK).fill(0x55, 0, BLOCK);
    kinds.forEach((kind, i) => {
      const block = bytes.subarray((1 + i) * BLOCK, (2 + i) * BLOCK);
      if (kind === "full") block.fill(0xff);
      for (let at = 0; at < BLOCK && kind === "some"; at++) block[at] = Math.imul(at + i + 1, 2654435761) >>> 24;
      if (kind === "few") block[i * 700 + 3] = 0x12;
    });
    return bytes;
  });

describe("a bitmap of frames", () => {
  it(
    "tells the bits of its range, and how many are before each",
    async () => {
      const range = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
      await fc.assert(
        fc.asyncProperty(bitmap, range, async (bytes, ends) => {
          const frames = bytes.length * 8 - FRAMES;
          const [first, end] = ends.map((part) => Math.floor(part * frames)).sort((a, b) => a - b) as [number, number];
          const bits = await FrameBitmap.read(new BytesFile(bytes), BLOCK, { first, end });
          const bit = (frame: number) => ((bytes[BLOCK + (frame >> 3)]! >> (frame & 7)) & 1) === 1;
          let before = 0;
          let wrong = 0;
          for (let frame = 0; frame < frames; frame++) {
            const inside = frame >= first && frame < end;
            if (bits.has(frame) !== (inside && bit(frame))) wrong++;
            if (inside && bits.rank(frame) !== before) wrong++;
            if (inside && bit(frame)) before++;
          }
          expect([wrong, bits.count]).toEqual([0, before]);
        }),
        runs(20),
      );
    },
    timeout,
  );

  it(
    "counts what it has in common with another",
    async () => {
      await fc.assert(
        fc.asyncProperty(bitmap, bitmap, async (a, b) => {
          const end = Math.min(a.length, b.length) * 8 - FRAMES;
          const [one, other] = await Promise.all(
            [a, b].map((bytes) => FrameBitmap.read(new BytesFile(bytes), BLOCK, { first: 0, end })),
          );
          let both = 0;
          for (let frame = 0; frame < end; frame++) if (one!.has(frame) && other!.has(frame)) both++;
          expect(one!.countBoth(other!)).toBe(both);
        }),
        runs(20),
      );
    },
    timeout,
  );
});
