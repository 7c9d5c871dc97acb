/** Dumps packed as a whole, unpacked to a temporary file of which nothing is left. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type * as promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { spool, type SpoolOptions } from "../../src/dump/spool.js";
import type { UnpackProgress } from "../../src/dump/unpack-stream.js";
import { zstdFrame } from "../../src/dump/zstd-frame.js";
import { concat, patched, pattern, u32, u64 } from "./bytes.js";
import { refusal } from "./refusal.js";
import { storeZstd } from "./write-zstd.js";

/** Free bytes of the host's disk, as it is told; null: as it is. */
let freeBytes: (() => number) | null = null;
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof promises>();
  return {
    ...real,
    statfs: async (path: string) => {
      const stat = await real.statfs(path);
      return freeBytes === null ? stat : Object.assign(stat, { bavail: freeBytes(), bsize: 1 });
    },
  };
});

const folder = mkdtempSync(join(tmpdir(), "vmemmap-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  freeBytes = null;
  expect(readdirSync(folder)).toEqual([]);
});

const content = pattern(700_001);
const packed = { gzip: gzipSync(content), zstd: storeZstd(content) };
const unpacking = (bytes: Uint8Array, packing: "gzip" | "zstd", options: SpoolOptions = {}) =>
  spool(new BytesFile(bytes, "vmcore"), packing, { directory: folder, ...options });
const refused = (bytes: Uint8Array, packing: "gzip" | "zstd", options?: SpoolOptions) =>
  refusal(() => unpacking(bytes, packing, options));

async function all(file: RandomAccessFile): Promise<Uint8Array> {
  const out = new Uint8Array(file.size);
  await file.readInto(out, 0);
  return out;
}

describe.each(["gzip", "zstd"] as const)("a dump packed by %s", (packing) => {
  it("is unpacked to a file without a name", async () => {
    const file = await unpacking(packed[packing], packing);
    expect(readdirSync(folder)).toEqual([]);
    expect(file.name).toBe("vmcore (unpacked)");
    expect(Buffer.compare(await all(file), content)).toBe(0);
    await file.close();
  });

  it("may be several streams one after another", async () => {
    const file = await unpacking(concat(packed[packing], packed[packing]), packing);
    expect(Buffer.compare(await all(file), concat(content, content))).toBe(0);
    await file.close();
  });

  it("is announced, with progress", async () => {
    const seen: UnpackProgress[] = [];
    let path = "";
    const file = await unpacking(packed[packing], packing, {
      onStart: (to) => (path = to),
      onProgress: (progress) => seen.push(progress),
    });
    expect(path.startsWith(join(folder, "vmemmap-"))).toBe(true);
    expect(seen.at(-1)).toEqual({
      bytesRead: packed[packing].length,
      bytesToRead: packed[packing].length,
      bytesWritten: content.length,
    });
    expect(seen.map(({ bytesWritten }) => bytesWritten)).toEqual(
      seen.map(({ bytesWritten }) => bytesWritten).toSorted((a, b) => a - b),
    );
    await file.close();
  });

  it("is refused if it ends early, wherever that is", async () => {
    const bytes = packed[packing];
    for (const length of [10, 20, bytes.length >> 1, bytes.length - 9, bytes.length - 1])
      expect(await refused(bytes.subarray(0, length), packing)).toMatch(
        new RegExp(`^bad-dump: vmcore, offset \\d+: expected a whole ${packing} stream`),
      );
  });

  it("is refused if it is damaged", async () => {
    expect(await refused(patched(packed[packing], 13, u32(0xffffffff)), packing)).toMatch(/^bad-dump: vmcore, offset/);
  });

  it("stops when its signal says so", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const halfway = unpacking(packed[packing], packing, {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(halfway).rejects.toBe(reason);
  });

  it("is refused before the first byte if there is no room at all", async () => {
    freeBytes = () => 0;
    let started = false;
    expect(await refused(packed[packing], packing, { onStart: () => (started = true) })).toMatch(
      /^no-space: .*has room for 0 .*set TMPDIR/,
    );
    expect(started).toBe(false);
  });

  it("is refused once there is no more room", async () => {
    let looks = 0;
    freeBytes = () => (looks++ === 0 ? 2 ** 40 : 2 ** 20);
    const large = new Uint8Array(65 << 20);
    expect(await refused(packing === "gzip" ? gzipSync(large, { level: 1 }) : storeZstd(large), packing)).toMatch(
      /^no-space: vmcore is unpacked to \d+ bytes so far, and .* has room for 1048576/,
    );
  });

  it("can't be put where nothing can be written", async () => {
    expect(await refused(packed[packing], packing, { directory: join(folder, "none") })).toMatch(
      /^unreadable: .*: no such folder to unpack to; set TMPDIR/,
    );
  });

  it("whose file can't be read is unreadable", async () => {
    const failing: RandomAccessFile = {
      name: "disk",
      size: 10_000_000,
      readInto(out, offset) {
        if (offset + out.length > 500_000) throw new Error("the disk failed");
        out.set(packed[packing].subarray(offset, offset + out.length));
        return undefined;
      },
      close: () => Promise.resolve(),
    };
    await expect(spool(failing, packing, { directory: folder })).rejects.toThrow("the disk failed");
  });
});

it("a dump that does not say how large it is, is refused without a size", async () => {
  freeBytes = () => 0;
  expect(await refused(packed.gzip, "gzip")).toMatch(
    /^no-space: vmcore does not say how many bytes it unpacks to, and .* has room for 0 /,
  );
});

describe("a dump packed by zstd", () => {
  it("is refused before the first byte if it says that it is larger than the room", async () => {
    freeBytes = () => 2 ** 40;
    const huge = patched(packed.zstd, 5, u64(2n ** 41n));
    expect(await refused(huge, "zstd")).toMatch(
      /^no-space: vmcore unpacks to 2199023255552 bytes, and .*1099511627776/,
    );
  });

  it("may have a window of 27 bits, and none that is larger", async () => {
    const file = await unpacking(storeZstd(content, 27), "zstd");
    expect(Buffer.compare(await all(file), content)).toBe(0);
    await file.close();
    expect(await refused(storeZstd(content, 31), "zstd")).toBe(
      "unsupported-dump: vmcore: packed by zstd with a window of 2147483648 bytes, and up to 134217728 are unpacked here: " +
        "unpack it first, by zstd -d --long=31",
    );
  });

  it("says how large it is", async () => {
    let expected: number | null = 0;
    await (await unpacking(packed.zstd, "zstd", { onStart: (_, bytes) => (expected = bytes) })).close();
    expect(expected).toBe(content.length);
  });
});

describe("the header of a zstd frame", () => {
  const frame = (...bytes: number[]) => zstdFrame(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...bytes));

  it("tells window and content size in each of its forms (RFC 8878, 3.1.1.1)", () => {
    expect(frame(0x20, 77)).toEqual({ windowSize: 77, contentSize: 77 });
    expect(frame(0x60, 1, 1)).toEqual({ windowSize: 513, contentSize: 513 });
    expect(frame(0x80, 0x88, 1, 0, 0, 1)).toEqual({ windowSize: 2 ** 27, contentSize: 2 ** 24 + 1 });
    expect(frame(0xc3, 0x09, 9, 9, 9, 9, 0, 0, 0, 0, 0, 1, 0, 0)).toEqual({ windowSize: 2304, contentSize: 2 ** 40 });
    expect(frame(0x00, 0xa9)).toEqual({ windowSize: 2 ** 31 * 1.125, contentSize: null });
  });

  it("is none if it is of another kind or too short", () => {
    expect(zstdFrame(new Uint8Array(18))).toBeNull();
    expect(frame()).toBeNull();
    expect(frame(0xc0, 0x09, 1, 2, 3)).toBeNull();
  });
});
