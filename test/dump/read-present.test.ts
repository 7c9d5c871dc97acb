import fc from "fast-check";
import { expect, it } from "vitest";
import { runs } from "../property/runs.js";
import { KernelWriter } from "./write-kernel.js";

const START = 0xffffffff83000000n;
const PAGES = 40;

it("reads what there is of a stretch of virtual memory, each page in its place, and says what is not there", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat(PAGES - 1), { maxLength: PAGES }),
      fc.nat(9000),
      fc.integer({ min: 1, max: 120_000 }),
      async (filtered, offset, wish) => {
        const writer = new KernelWriter();
        const all = Uint8Array.from({ length: PAGES * 4096 }, (_, i) => ((i >> 12) * 7 + (i & 4095) * 3 + 1) & 255);
        writer.put(START, all);
        for (const page of filtered) {
          writer.filter(START + BigInt(page * 4096));
          all.fill(0, page * 4096, (page + 1) * 4096);
        }
        const length = Math.min(wish, all.length - offset);
        const { bytes, has } = await writer.kernel().readPresent(START + BigInt(offset), length);
        expect(Buffer.from(bytes).equals(all.subarray(offset, offset + length))).toBe(true);
        for (let at = 0; at + 8 <= length; at += 1000) {
          const pages = [offset + at, offset + at + 7].map((byte) => Math.floor(byte / 4096));
          expect(has(at, 8)).toBe(!pages.some((page) => filtered.includes(page)));
        }
      },
    ),
    runs(200),
  );
});
