import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { MAX_EXTENTS } from "../../src/dump/extents.js";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { unflatten } from "../../src/dump/flattened.js";
import { runs, timeout } from "../property/runs.js";
import { concat, pattern, u64 } from "./bytes.js";
import { refusal } from "./refusal.js";
import { type FlatRecord, flatten, writeFlattened } from "./write-flattened.js";

const open = (bytes: Uint8Array, signal?: AbortSignal) => unflatten(new BytesFile(bytes, "flat"), signal);
const refused = (bytes: Uint8Array) => refusal(() => open(bytes));

async function all(file: RandomAccessFile): Promise<Uint8Array> {
  const out = new Uint8Array(file.size).fill(0xee);
  await file.readInto(out, 0);
  return out;
}

describe("a flattened stream", () => {
  it("is the file that its records make up", async () => {
    const file = pattern(100_000);
    const flat = await open(flatten(file, 4100));
    expect([flat.size, flat.records, flat.truncated]).toEqual([100_000, 25, false]);
    expect(Buffer.compare(await all(flat), file)).toBe(0);
    const middle = new Uint8Array(9000);
    await flat.readInto(middle, 4000);
    expect(Buffer.compare(middle, file.subarray(4000, 13_000))).toBe(0);
  });

  it(
    "may have records of any order, holes that read as zero, and later ones over earlier ones",
    { timeout },
    async () => {
      const record = fc.record({ offset: fc.nat(300), length: fc.nat(80), seed: fc.nat(100) });
      await fc.assert(
        fc.asyncProperty(fc.array(record, { maxLength: 20 }), async (list) => {
          const records: FlatRecord[] = list.map(({ offset, length, seed }) => ({
            offset,
            bytes: pattern(length, seed),
          }));
          const ends = records
            .filter(({ bytes }) => bytes.length > 0)
            .map((one) => Number(one.offset) + one.bytes.length);
          const truth = new Uint8Array(Math.max(0, ...ends));
          for (const { offset, bytes } of records) if (bytes.length > 0) truth.set(bytes, Number(offset));
          const flat = await open(writeFlattened(records));
          expect(await all(flat)).toEqual(truth);
        }),
        runs(300),
      );
    },
  );

  it("has large records among small ones", async () => {
    const records = [10, 300_000, 20, 5, 700_000, 70_000, 70_001, 3].map((length, i) => pattern(length, i));
    let offset = 0;
    const flat = await open(
      writeFlattened(records.map((bytes) => ({ offset: (offset += bytes.length) - bytes.length, bytes }))),
    );
    expect(Buffer.compare(await all(flat), concat(...records))).toBe(0);
  });

  it("is truncated if it ends without saying so", async () => {
    const whole = writeFlattened([{ offset: 0, bytes: pattern(100) }], { end: false });
    for (const length of [whole.length, whole.length - 10, whole.length - 100, whole.length - 101]) {
      const flat = await open(whole.subarray(0, length));
      expect(flat.truncated).toBe(true);
      expect(await all(flat)).toEqual(pattern(100).subarray(0, Math.max(0, length - 4096 - 16)));
    }
  });

  it("ends where it says, whatever follows", async () => {
    const flat = await open(concat(flatten(pattern(50), 7), pattern(1000)));
    expect(await all(flat)).toEqual(pattern(50));
  });

  it("is not read beyond the end of its file", async () => {
    const flat = await open(flatten(pattern(50), 7));
    for (const [length, offset] of [
      [1, 50],
      [51, 0],
      [1, -1],
    ] as const)
      expect(await refusal(() => flat.readInto(new Uint8Array(length), offset))).toMatch(/^bad-dump: flat, offset/);
  });

  it("is refused if it ends in its header, or is of another type or version", async () => {
    const whole = flatten(pattern(50), 7);
    for (const length of [0, 16, 32, 4095])
      expect(await refused(whole.subarray(0, length))).toMatch(/^bad-dump: flat, offset 0: expected 4096 bytes/);
    for (const shape of [{ type: 2 }, { version: 2 }, { type: -1 }])
      expect(await refused(writeFlattened([], shape))).toMatch(/^unsupported-dump: flat: a flattened dump of type/);
  });

  it("is refused if a record's offset or size is negative or overflows", async () => {
    const bytes = pattern(8);
    for (const record of [
      { offset: -1, bytes },
      { offset: 0, bytes, size: -1 },
      { offset: 0, bytes, size: -(2n ** 63n) },
      { offset: 2n ** 63n - 1n, bytes },
      { offset: 2n ** 53n - 1n, bytes },
      { offset: 2n ** 62n, bytes, size: 2n ** 62n },
    ])
      expect(await refused(writeFlattened([{ offset: 0, bytes: pattern(3) }, record]))).toMatch(
        /^bad-dump: flat, offset 4115: expected offset and size of a record, found 0x/,
      );
  });

  it("is refused if it would be a far larger file than it has bytes for", async () => {
    expect(await refused(writeFlattened([{ offset: 2n ** 50n, bytes: pattern(8) }]))).toMatch(
      /^bad-dump: flat, offset 4096: expected records of a file of about 4136 bytes, found one up to byte 1125899906842632/,
    );
  });

  it("is refused if it has more records than the index holds", { timeout: 120_000 }, async () => {
    // Read where it is needed only: 17 bytes a record, of which no two go on from each other.
    const record = concat(u64(0, false), u64(1, false), Uint8Array.of(1));
    const page = new Uint8Array(record.length << 12);
    for (let i = 0; i < 1 << 12; i++) page.set(record, i * record.length);
    const header = writeFlattened([], { end: false });
    const file: RandomAccessFile = {
      name: "flat",
      size: header.length + record.length * (MAX_EXTENTS + 2),
      readInto(out, offset) {
        if (offset < header.length) out.set(header.subarray(offset, offset + out.length));
        else
          for (let at = 0; at < out.length;) {
            const from = (offset - header.length + at) % page.length;
            const piece = page.subarray(from, Math.min(page.length, from + out.length - at));
            out.set(piece, at);
            at += piece.length;
          }
        return undefined;
      },
      close: () => Promise.resolve(),
    };
    expect(await refusal(() => unflatten(file))).toMatch(
      /^unsupported-dump: flat: a flattened dump of more than 8388608/,
    );
  });

  it("ends being indexed when its signal says so", async () => {
    const reason = new Error("enough");
    await expect(open(flatten(pattern(50), 7), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
