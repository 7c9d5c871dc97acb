/** Dumps packed as a whole, where the host has no files of its own: unpacked to a Blob, as browsers do. */
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { unpackToBlob } from "../../src/dump/unpack-blob.js";
import type { UnpackOptions, UnpackProgress } from "../../src/dump/unpack-stream.js";
import { concat, patched, pattern, u32 } from "./bytes.js";
import { refusal } from "./refusal.js";
import { vmcoreinfo, writeElf } from "./write-elf.js";
import { storeZstd } from "./write-zstd.js";

vi.mock("../../src/host.js", () => ({ isNode: () => false }));
afterEach(() => void vi.unstubAllGlobals());

const content = pattern(9_000_001);
const packed = { gzip: gzipSync(content, { level: 1 }), zstd: storeZstd(content) };

async function all(file: RandomAccessFile): Promise<Uint8Array> {
  const out = new Uint8Array(file.size);
  await file.readInto(out, 0);
  return out;
}

describe.each(["gzip", "zstd"] as const)("a dump packed by %s", (packing) => {
  const unpacking = (bytes: Uint8Array, options: UnpackOptions = {}) =>
    unpackToBlob(new BytesFile(bytes, "vmcore"), packing, options);

  it("is unpacked byte for byte, and announced, with progress", async () => {
    const started: unknown[] = [];
    let last: UnpackProgress | undefined;
    const file = await unpacking(packed[packing], {
      onStart: (...told) => started.push(told),
      onProgress: (progress) => (last = progress),
    });
    expect(Buffer.compare(await all(file), content)).toBe(0);
    expect(started).toEqual([["vmcore (unpacked)", packing === "zstd" ? content.length : null]]);
    const { length } = packed[packing];
    expect(last).toEqual({ bytesRead: length, bytesToRead: length, bytesWritten: content.length });
  });

  it("is refused if it ends early or is damaged", async () => {
    const bytes = packed[packing];
    const cut = [10, bytes.length >> 1, bytes.length - 1].map((length) => bytes.subarray(0, length));
    for (const bad of [...cut, patched(bytes, 13, u32(0xffffffff))])
      expect(await refusal(() => unpacking(bad))).toMatch(
        new RegExp(`^bad-dump: vmcore, offset \\d+: expected a whole ${packing} stream`),
      );
  });

  it("stops when its signal says so", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    await expect(
      unpacking(packed[packing], { signal: stop.signal, onProgress: () => stop.abort(reason) }),
    ).rejects.toBe(reason);
  });

  it("whose file can't be read fails with that file's error", async () => {
    const failing = new BytesFile(packed[packing]);
    failing.readInto = (out, offset) => {
      if (offset > 0) throw new Error("the disk failed");
      out.set(packed[packing].subarray(0, out.length));
      return undefined;
    };
    await expect(unpackToBlob(failing, packing)).rejects.toThrow("the disk failed");
  });

  it.each([
    [new RangeError("Array buffer allocation failed"), /^out-of-memory: vmcore is unpacked to \d+ bytes so far/],
    [new DOMException("full", "QuotaExceededError"), /^no-space: vmcore is unpacked to \d+ bytes so far/],
    [new DOMException("lost", "NotReadableError"), /^no-space: vmcore is unpacked to 9000001 bytes so far/],
  ])("is refused where the host refuses: %s", async (error, message) => {
    class Full extends Blob {
      constructor(parts: BlobPart[]) {
        if (error.name !== "NotReadableError") throw error;
        super(parts);
      }
      override slice(): Blob {
        const part = new Blob();
        part.arrayBuffer = () => Promise.reject(error);
        return part;
      }
    }
    vi.stubGlobal("Blob", Full);
    expect(await refusal(() => unpacking(packed[packing]))).toMatch(message);
  });

  it("is opened as what is in it", async () => {
    const elf = writeElf([{ address: 0x3000, bytes: pattern(4096) }], { notes: [[vmcoreinfo("A=1\n")]] });
    const dump = await openDumpFile(new BytesFile(packing === "gzip" ? gzipSync(elf) : storeZstd(elf)));
    expect([dump.format, dump.details["packing"], dump.vmcoreinfo]).toEqual(["elf", packing, "A=1\n"]);
    await dump.close();
  });
});

it("zstd of several frames is unpacked to all of them", async () => {
  const file = await unpackToBlob(new BytesFile(concat(packed.zstd, packed.zstd)), "zstd");
  expect(Buffer.compare(await all(file), concat(content, content))).toBe(0);
});
