/** Files that can be read at any place: of the host, Blobs, and bytes. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BlobFile } from "../../src/dump/blob-file.js";
import { BytesFile } from "../../src/dump/bytes-file.js";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { openNodeFile } from "../../src/dump/node-file.js";
import { pattern } from "./bytes.js";
import { refusal } from "./refusal.js";

const folder = mkdtempSync(join(tmpdir(), "vmemmap-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const content = pattern(300_000);
const path = join(folder, "dump");
writeFileSync(path, content);

describe.each<[string, () => RandomAccessFile]>([
  ["a file of the host", () => openNodeFile(path)],
  ["a Blob", () => new BlobFile(new Blob([content]))],
  ["bytes", () => new BytesFile(content)],
])("%s", (_, open) => {
  it("is read at any place, at any length", async () => {
    const file = open();
    expect(file.size).toBe(300_000);
    for (const [offset, length] of [
      [0, 300_000],
      [299_999, 1],
      [300_000, 0],
      [0, 0],
      [12_345, 64 << 10],
      [12_345, (64 << 10) + 1],
    ] as const) {
      const out = new Uint8Array(length).fill(0xee);
      await file.readInto(out, offset);
      expect(Buffer.compare(out, content.subarray(offset, offset + length))).toBe(0);
    }
    await file.close();
  });

  it("is not read beyond its end, nor before its start", async () => {
    const file = open();
    for (const [offset, length] of [
      [0, 300_001],
      [299_999, 2],
      [300_001, 0],
      [-1, 1],
      [2 ** 60, 1],
      [NaN, 1],
      [0.5, 1],
    ] as const)
      expect(await refusal(() => file.readInto(new Uint8Array(length), offset))).toMatch(/^bad-dump: .*, offset/);
    await file.close();
  });

  it("can be closed twice", async () => {
    const file = open();
    await file.close();
    await file.close();
  });
});

describe("a file of the host", () => {
  it("reads a few bytes at once, and many later", async () => {
    const file = openNodeFile(path);
    expect(file.readInto(new Uint8Array(64 << 10), 0)).toBeUndefined();
    const later = file.readInto(new Uint8Array((64 << 10) + 1), 0);
    expect(later).toBeInstanceOf(Promise);
    await later;
    await file.close();
  });

  it("may be sparse and larger than 4 GiB", async () => {
    const sparse = join(folder, "sparse");
    const fd = openSync(sparse, "w");
    const far = 5 * 2 ** 30 + 3;
    writeSync(fd, pattern(100), 0, 100, far);
    closeSync(fd);
    const file = openNodeFile(sparse);
    expect(file.size).toBe(far + 100);
    const out = new Uint8Array(110);
    await file.readInto(out, far - 10);
    expect(out).toEqual(Uint8Array.of(...new Uint8Array(10), ...pattern(100)));
    await file.close();
  });

  it("that is cut while it is read is refused", async () => {
    const cut = join(folder, "cut");
    writeFileSync(cut, content);
    const file = openNodeFile(cut);
    truncateSync(cut, 1000);
    for (const length of [2000, 100_000])
      expect(await refusal(() => file.readInto(new Uint8Array(length), 0))).toMatch(
        /^bad-dump: .*cut, offset 1000: expected bytes up to 300000, found the end: the file was cut meanwhile/,
      );
    await file.close();
  });

  it("that was closed is read no more", async () => {
    const file = openNodeFile(path);
    await file.close();
    expect(await refusal(() => file.readInto(new Uint8Array(1), 0))).toMatch(/^disposed: .*dump was closed/);
  });

  it("that is not there, a directory, a device or no path is unreadable, in a sentence that helps", async () => {
    const refused = (name: string) => refusal(() => openNodeFile(name));
    expect(await refused(join(folder, "none"))).toMatch(/^unreadable: .*none: no such file \(ENOENT\)/);
    expect(await refused(join(path, "x"))).toMatch(/^unreadable: .*: a part of the path is no directory/);
    mkdirSync(join(folder, "crash"), { recursive: true });
    expect(await refused(join(folder, "crash"))).toMatch(
      /^unreadable: .*crash: a directory; give the dump's file in it/,
    );
    expect(await refused("/dev/null")).toMatch(/^unreadable: .*: no plain file/);
    expect(await refused("a\0b")).toMatch(/^unreadable: .*: no path of a file/);
  });

  it.skipIf(process.getuid?.() === 0)("that this user may not read is unreadable", async () => {
    const secret = join(folder, "secret");
    writeFileSync(secret, "x");
    chmodSync(secret, 0);
    expect(await refusal(() => openNodeFile(secret))).toMatch(/^unreadable: .*secret: no permission to read it/);
  });
});

describe("a Blob", () => {
  it("has the name of the File that a user chose", () => {
    expect(new BlobFile(new Blob([])).name).toBe("blob");
    expect(new BlobFile(Object.assign(new Blob([]), { name: "vmcore" })).name).toBe("vmcore");
  });

  it("that the host can't read any more is unreadable", async () => {
    const gone = Object.assign(new Blob([content]), {
      slice: () => ({ arrayBuffer: () => Promise.reject(new Error("the file was changed")) }),
    }) as unknown as Blob;
    expect(await refusal(() => new BlobFile(gone, "gone").readInto(new Uint8Array(1), 0))).toBe(
      "unreadable: gone: the file was changed",
    );
  });
});
