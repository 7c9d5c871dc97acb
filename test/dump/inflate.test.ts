/** The inflate for hosts without a zlib that answers at once, held against Node's. */
import { constants, deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codecOf, loadCodecs } from "../../src/dump/codecs/index.js";
import { inflate } from "../../src/dump/codecs/inflate.js";
import { runs, timeout } from "../property/runs.js";
import { somePage } from "./some-memory.js";
import { PAGE } from "./write-kdump.js";

await loadCodecs(1);
const node = codecOf(1);

const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];
const options = fc.record({ level: fc.integer({ min: 0, max: 9 }), strategy: fc.constantFrom(...strategies) });
/** Bytes of which few values are frequent, so that codes have all lengths. */
const skewed = fc.tuple(fc.integer({ min: 1, max: 0x7fffffff }), fc.integer({ min: 1, max: 12 })).map(([seed, skew]) =>
  Uint8Array.from({ length: PAGE }, (_, i) => {
    const state = Math.imul(seed + i, 2654435761) >>> 0;
    return Math.floor(256 * (((state ^ (state >>> 15)) >>> 0) / 2 ** 32) ** skew);
  }),
);
const page = fc.oneof(fc.nat(400).map(somePage), skewed);

describe("inflate", () => {
  it(
    "unpacks what zlib packs",
    () => {
      fc.assert(
        fc.property(page, options, (bytes, how) => {
          const out = new Uint8Array(PAGE);
          expect(inflate(deflateSync(bytes, how), out)).toBe(null);
          expect(Buffer.compare(out, bytes)).toBe(0);
        }),
        runs(400),
      );
    },
    timeout,
  );

  it(
    "refuses the damaged streams that zlib refuses, and no others",
    () => {
      const changes = fc.array(fc.tuple(fc.nat(PAGE), fc.nat(255)), { maxLength: 3 });
      const cut = fc.oneof(fc.constant(PAGE * 2), fc.nat(PAGE));
      fc.assert(
        fc.property(page, options, changes, cut, (bytes, how, changes, cut) => {
          const packed = Uint8Array.from(deflateSync(bytes, how));
          for (const [at, byte] of changes) packed[at % packed.length] = byte;
          const outs = [new Uint8Array(PAGE), new Uint8Array(PAGE)] as const;
          const found = [node, inflate].map((codec, i) => codec(packed.subarray(0, cut), outs[i]!));
          expect(found[1] === null).toBe(found[0] === null);
          if (found[0] === null) expect(Buffer.compare(...outs)).toBe(0);
        }),
        runs(2000),
      );
    },
    timeout,
  );

  it("unpacks no more than a page", () => {
    expect(inflate(deflateSync(new Uint8Array(1 << 20)), new Uint8Array(PAGE))).toBe("more than 4096");
    expect(inflate(deflateSync(new Uint8Array(PAGE - 1)), new Uint8Array(PAGE))).toBe("4095");
  });
});
