/** Hostile files: whatever their bytes, a reader answers or refuses, soon and in little memory. */
import fc from "fast-check";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { FRAME_BYTES } from "../../src/dump/memory.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { VmemmapError } from "../../src/errors.js";
import { runs, timeout } from "../property/runs.js";
import { concat, pattern, u64 } from "./bytes.js";
import { vmcoreinfo, writeElf } from "./write-elf.js";
import { flatten, writeFlattened } from "./write-flattened.js";
import { writeLime } from "./write-lime.js";
import { storeZstd } from "./write-zstd.js";

const folder = mkdtempSync(join(tmpdir(), "vmemmap-test-"));
afterAll(() => {
  const left = readdirSync(folder);
  rmSync(folder, { recursive: true });
  expect(left).toEqual([]);
});

/** Opens the bytes as a dump and reads some of it; anything but an answer or a VmemmapError fails. */
async function attempt(bytes: Uint8Array): Promise<void> {
  try {
    const dump = await openDumpFile(new BytesFile(bytes), { spool: { directory: folder } });
    const { memory } = dump;
    expect(memory.endFrame).toBeLessThanOrEqual(2 ** 40);
    const frames = [0, 1, 2, 3, 4, 5, 9, memory.endFrame - 2, memory.endFrame - 1, memory.endFrame, 2 ** 40];
    const out = new Uint8Array(FRAME_BYTES * frames.length).fill(0xee);
    await memory.readFrames(frames, out);
    frames.forEach((frame, i) => {
      const read = out.subarray(FRAME_BYTES * i, FRAME_BYTES * (i + 1));
      if (memory.stateOf(frame) !== 0 && read.some((byte) => byte !== 0))
        throw new Error(`frame ${frame} is not there`);
    });
    await dump.close();
  } catch (error) {
    if (!(error instanceof VmemmapError)) throw error;
    expect(["bad-dump", "unsupported-dump", "no-space"]).toContain(error.code);
    expect(error.message).not.toMatch(/undefined|NaN|\[object/);
  }
}

const segments = [
  { address: 0x1000, bytes: pattern(FRAME_BYTES, 1) },
  { address: 0x2800, bytes: pattern(0x300, 2), memorySize: 2 * FRAME_BYTES },
  { address: 2 ** 33, bytes: pattern(FRAME_BYTES, 3) },
];
const notes = [[{ owner: "CORE", type: 1, description: pattern(30) }, vmcoreinfo("OSRELEASE=6.1\n")]];
const elf = writeElf(segments, { notes });
const files: Readonly<Record<string, Uint8Array>> = {
  elf,
  "elf, headers behind": writeElf(segments, { notes, headers: "end", noteAlignment: 8 }),
  "elf, count in a section": writeElf(segments, { notes, extendedCount: true }),
  lime: writeLime(segments),
  flattened: flatten(elf, 700),
  "flattened, overlapping": writeFlattened([
    { offset: 0, bytes: elf },
    { offset: 100, bytes: elf.subarray(100, 5000) },
    { offset: 50, bytes: elf.subarray(50, 150) },
  ]),
  gzip: gzipSync(elf),
  zstd: storeZstd(elf),
};

const value = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, -2n, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1n << 32n),
  fc.constantFrom((1n << 52n) - 1n, 1n << 52n, (1n << 53n) - 1n, 1n << 53n, 1n << 62n, (1n << 63n) - 1n, 1n << 63n),
  fc.bigInt({ min: 0n, max: 20_000n }),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);

/** One change of a file; places are told as shares of its length, mostly near its front, where structures are. */
const mutation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("byte" as const), at: fc.nat(400), to: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("anywhere" as const), share: fc.nat(9999), to: fc.nat(255) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("value" as const),
      at: fc.nat(60),
      bytes: fc.constantFrom(2, 4, 8),
      value,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), share: fc.nat(9999) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("repeat" as const), share: fc.nat(9999), bytes: fc.nat(600) }),
  },
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** @param front where the structures begin: those of flattened files stand behind a header of 4096 bytes */
function mutated(bytes: Uint8Array, list: readonly Mutation[], front: number): Uint8Array {
  let now = Uint8Array.from(bytes);
  for (const change of list) {
    const place = "share" in change ? Math.floor((now.length * change.share) / 10_000) : 0;
    if (change.kind === "byte") now[front + change.at] = change.to;
    else if (change.kind === "anywhere") now[place] = change.to;
    else if (change.kind === "value") {
      const at = front + 4 * change.at;
      if (at + 8 <= now.length) now.set(u64(change.value, front === 0).subarray(0, change.bytes), at);
    } else if (change.kind === "cut") now = now.slice(0, place);
    else now = concat(now.subarray(0, place + change.bytes), now.subarray(place));
  }
  return now;
}

describe("a valid file with some bytes changed is read or refused", () => {
  it.each(Object.keys(files))("%s", { timeout }, async (name) => {
    const front = name.startsWith("flattened") ? 4096 : 0;
    await attempt(files[name]!);
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (list) => {
        await attempt(mutated(files[name]!, list, front));
      }),
      runs(name === "gzip" || name === "zstd" ? 150 : 400),
    );
  });
});

describe("a file that is made up is read or refused", () => {
  const some = fc.uint8Array({ maxLength: 300 });
  const number = value.map((of) => BigInt.asUintN(64, of));

  it("as an ELF core of any segments and notes", { timeout }, async () => {
    const segment = fc.record({ address: number, bytes: some, memorySize: number });
    const note = fc.record({ owner: fc.constantFrom("CORE", "VMCOREINFO", ""), type: fc.nat(), description: some });
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { maxLength: 8 }),
        fc.array(fc.array(note, { maxLength: 3 }), { maxLength: 3 }),
        fc.record({ headers: fc.constantFrom("front" as const, "end" as const), extendedCount: fc.boolean() }),
        async (list, of, shape) => attempt(writeElf(list, { notes: of, ...shape })),
      ),
      runs(400),
    );
  });

  it("as a LiME dump of any ranges", { timeout }, async () => {
    const range = fc.record({ address: number, bytes: some, last: number });
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 8 }), async (list) => attempt(writeLime(list))),
      runs(400),
    );
  });

  it("as a flattened stream of any records", { timeout }, async () => {
    const record = fc.record({ offset: number, bytes: some, size: fc.oneof(number, fc.nat(300)) });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 8 }), fc.boolean(), async (list, end) =>
        attempt(writeFlattened([{ offset: 0, bytes: elf }, ...list], { end })),
      ),
      runs(400),
    );
  });

  it("as any bytes behind any signature", { timeout }, async () => {
    const signature = fc.constantFrom("\x7fELF\x02\x01\x01", "EMiL\x01\0\0\0", "\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "");
    await fc.assert(
      fc.asyncProperty(signature, fc.uint8Array({ maxLength: 400 }), async (letters, bytes) =>
        attempt(
          concat(
            Uint8Array.from(letters, (letter) => letter.charCodeAt(0)),
            bytes,
          ),
        ),
      ),
      runs(400),
    );
  });
});
