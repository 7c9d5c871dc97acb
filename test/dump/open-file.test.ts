import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { FRAME_BYTES } from "../../src/dump/memory.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { pattern } from "./bytes.js";
import { refusal } from "./refusal.js";
import { vmcoreinfo, writeElf } from "./write-elf.js";
import { flatten } from "./write-flattened.js";
import { writeLime } from "./write-lime.js";
import { storeZstd } from "./write-zstd.js";

const folder = mkdtempSync(join(tmpdir(), "vmemmap-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const options = { spool: { directory: folder } };

const segment = { address: 0x3000, bytes: pattern(FRAME_BYTES) };
const elf = writeElf([segment], { notes: [[vmcoreinfo("A=1\n")]] });
const letters = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** A file that knows whether it was closed. */
class Watched extends BytesFile {
  closed = 0;
  override close(): Promise<void> {
    this.closed++;
    return super.close();
  }
}

describe("a dump of whatever kind is opened", () => {
  it.each([
    ["elf", "A=1\n", {}, elf],
    ["lime", null, {}, writeLime([segment])],
    ["elf", "A=1\n", { flattened: true, records: Math.ceil(elf.length / 100) }, flatten(elf, 100)],
    ["elf", "A=1\n", { packing: "gzip" }, gzipSync(elf)],
    ["elf", "A=1\n", { packing: "zstd" }, storeZstd(elf)],
    ["elf", "A=1\n", { packing: "gzip", flattened: true }, gzipSync(flatten(elf, 1000))],
  ] as const)("%s", async (format, text, details, bytes) => {
    const dump = await openDumpFile(new BytesFile(bytes), options);
    expect(dump.format).toBe(format);
    expect(dump.vmcoreinfo).toBe(text);
    expect(dump.details).toMatchObject(details);
    const out = new Uint8Array(FRAME_BYTES);
    await dump.memory.readFrames([3], out);
    expect(out).toEqual(segment.bytes);
    await dump.close();
  });

  it("says that a flattened stream was truncated where its dump can't be read", async () => {
    const flat = flatten(elf, 100);
    const cut = new BytesFile(flat.subarray(0, 4096 + 16 + 50));
    expect(await refusal(() => openDumpFile(cut))).toMatch(
      /^bad-dump: .*; the file is cut short: it lacks the record that ends the flattened form$/,
    );
  });

  it("says that a flattened stream was truncated", async () => {
    const flat = flatten(elf, 100);
    const dump = await openDumpFile(new BytesFile(flat.subarray(0, flat.length - 50)));
    expect(dump.details["truncated"]).toBe(true);
  });

  it("and closes its file with it, or with an error", async () => {
    const file = new Watched(flatten(elf, 100));
    const dump = await openDumpFile(file);
    expect(file.closed).toBe(0);
    await dump.close();
    expect(file.closed).toBe(1);
    for (const bytes of [letters("text"), gzipSync(letters("text")), flatten(letters("text"), 2)]) {
      const bad = new Watched(bytes);
      expect(await refusal(() => openDumpFile(bad, options))).toMatch(/^bad-dump: .*found text: "text"/);
      expect(bad.closed).toBe(1);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it("unless it is one of this package's images, packed over and over, or none", async () => {
    expect(await refusal(() => openDumpFile(new BytesFile(letters("\x89VMM\r\n\x1a\n"))))).toMatch(
      /^bad-dump: .*found an image of this package/,
    );
    let nested: Uint8Array = elf;
    for (let i = 0; i < 4; i++) nested = gzipSync(nested);
    expect(await refusal(() => openDumpFile(new BytesFile(nested), options))).toMatch(
      /^bad-dump: .*found more than 3 layers of packing/,
    );
    expect(await refusal(() => openDumpFile([]))).toMatch(/^bad-argument/);
  });

  it("of several files only if they are parts of a split kdump", async () => {
    const files = [new Watched(letters("KDUMP   ")), new Watched(elf)];
    expect(await refusal(() => openDumpFile(files))).toMatch(/^unsupported-dump: .*: elf among 2 files/);
    expect(files.map(({ closed }) => closed)).toEqual([1, 1]);
  });

  it("unless its signal says to stop", async () => {
    const reason = new Error("enough");
    await expect(openDumpFile(new BytesFile(elf), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
