/** Whatever bytes a kdump file has, it opens or is refused, and its pages are read or are refused: by VmemmapError, soon. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openKdump } from "../../src/dump/kdump.js";
import { VmemmapError } from "../../src/errors.js";
import { someFrames } from "../dump/some-memory.js";
import { areas, PAGE, type Packing, writeKdump } from "../dump/write-kdump.js";
import { runs, timeout } from "./runs.js";

const frames = someFrames(64);
const packings: readonly Packing[] = ["raw", "zlib", "lzo", "snappy", "zstd"];
const packing = (frame: number) => packings[frame % 5]!;
const split = (first: number, end: number) => writeKdump({ frames, endFrame: 64, packing, split: [first, end] });
const dumps: readonly (readonly Uint8Array[])[] = [
  ...[1, 2, 3, 4, 5, 6].map((version) => [writeKdump({ frames, packing, version })]),
  [writeKdump({ frames, packing, byNote: true })],
  [writeKdump({ frames, packing, lost: [1, 60] })],
  [split(0, 20), split(20, 64)],
];

/** Places where a change matters: headers, bitmaps' beginnings, descriptors, and anywhere. */
const place = fc.oneof(
  fc.constantFrom(8, 424, 428, 432, 436, 440, ...[8, 12, 16, 24, 32, 40, 48, 56, 80, 88, 96].map((at) => PAGE + at)),
  fc.record({ notes: fc.nat(40) }).map(({ notes }) => PAGE + 104 + notes),
  fc.record({ bitmap: fc.nat(8), second: fc.boolean() }),
  fc.record({ descriptor: fc.nat(60), field: fc.constantFrom(0, 4, 8, 12) }),
  fc.record({ anywhere: fc.nat(2 ** 24) }),
);
const value = fc.oneof(
  fc.constantFrom(0, 1, 2, 4, 8, 0x20, 0x7fffffff, 0x80000000, 0xffffffff, 4095, 4096, 4097),
  fc.nat(2 ** 16),
  fc.nat(2 ** 32 - 1),
);
const change = fc.record({ place, value, bytes: fc.constantFrom(1, 4, 8) });

type Place = typeof place extends fc.Arbitrary<infer T> ? T : never;

function offsetOf(file: Uint8Array, at: Place): number {
  if (typeof at === "number") return at;
  const { ram, pages, descriptors } = areas(file);
  if ("bitmap" in at) return (at.second ? pages : ram) + at.bitmap;
  if ("descriptor" in at) return descriptors + 24 * at.descriptor + at.field;
  return at.anywhere % file.length;
}

function damaged(file: Uint8Array, changes: readonly { place: Place; value: number; bytes: number }[], length: number) {
  const copy = file.slice();
  const view = new DataView(copy.buffer);
  for (const { place, value, bytes } of changes) {
    const at = Math.min(offsetOf(file, place), file.length - 8);
    if (bytes === 1) view.setUint8(at, value & 255);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, (BigInt(value) << 32n) | BigInt(value), true);
  }
  // Two of three stay whole.
  return length % 3 === 0 ? copy.subarray(0, length % file.length) : copy;
}

/** Open and read, one page at a time where all at once is refused; whether anything was refused. */
async function readAll(files: readonly Uint8Array[]): Promise<void> {
  const refused = (error: unknown) => {
    if (!(error instanceof VmemmapError)) throw error;
    expect(["bad-dump", "unsupported-dump", "bad-argument"]).toContain(error.code);
  };
  const dump = await openKdump(files.map((bytes) => new BytesFile(bytes))).catch(refused);
  if (dump === undefined) return;
  const list = Array.from({ length: 80 }, (_, frame) => frame);
  const out = new Uint8Array(list.length * PAGE);
  const read = async (frames: readonly number[]) => {
    try {
      await dump.memory.readFrames(frames, out);
      return true;
    } catch (error) {
      refused(error);
      return false;
    }
  };
  if (!(await read(list))) for (const frame of list) await read([frame]);
  await dump.close();
}

describe("damaged kdump files", () => {
  it(
    "are read or refused",
    async () => {
      const damage = fc.record({ changes: fc.array(change, { maxLength: 5 }), length: fc.nat(2 ** 24) });
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...dumps),
          fc.array(damage, { minLength: 2, maxLength: 2 }),
          (files, damages) => readAll(files.map((file, i) => damaged(file, damages[i]!.changes, damages[i]!.length))),
        ),
        runs(250),
      );
    },
    timeout,
  );

  it(
    "of bytes that are none are refused",
    async () => {
      const bytes = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 3 * PAGE, size: "max" }));
      await fc.assert(
        fc.asyncProperty(bytes, ([signed, garbage]) => {
          if (signed) garbage.set(writeKdump({ frames: new Map() }).subarray(0, Math.min(12, garbage.length)));
          return readAll([garbage]);
        }),
        runs(100),
      );
    },
    timeout,
  );
});
