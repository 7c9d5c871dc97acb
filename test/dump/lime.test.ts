import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openLime } from "../../src/dump/lime.js";
import { FRAME_BYTES } from "../../src/dump/memory.js";
import { concat, patched, pattern, u32, u64 } from "./bytes.js";
import { refusal } from "./refusal.js";
import { writeLime } from "./write-lime.js";

const open = (bytes: Uint8Array) => openLime(new BytesFile(bytes, "ram.lime"));
const refused = (bytes: Uint8Array) => refusal(() => open(bytes));

const one = { address: 0x1000, bytes: pattern(2 * FRAME_BYTES, 1) };
const two = { address: 2 ** 32, bytes: pattern(FRAME_BYTES, 2) };
const whole = writeLime([one, two]);

describe("a LiME dump", () => {
  it("has its ranges where their headers say, and no VMCOREINFO note", async () => {
    const { memory, format, vmcoreinfo, details } = await open(whole);
    expect([format, vmcoreinfo, details["segments"]]).toEqual(["lime", null, 2]);
    expect(memory.endFrame).toBe(2 ** 20 + 1);
    expect([0, 1, 2, 3, 2 ** 20].map((frame) => memory.stateOf(frame))).toEqual([2, 0, 0, 2, 0]);
    const out = new Uint8Array(3 * FRAME_BYTES);
    await memory.readFrames([1, 2, 2 ** 20], out);
    expect(out).toEqual(concat(one.bytes, two.bytes));
  });

  it("has ranges that begin and end inside a frame, as /proc/iomem does", async () => {
    const low = { address: 0x1000, bytes: pattern(0x9c00) };
    const { memory } = await open(writeLime([low]));
    const out = new Uint8Array(FRAME_BYTES);
    await memory.readFrames([10], out);
    expect(out.subarray(0, 0xc00)).toEqual(low.bytes.subarray(0x9000));
    expect(out.subarray(0xc00)).toEqual(new Uint8Array(0x400));
  });

  it("has lost what is behind its end, as filtered", async () => {
    const { memory, details } = await open(whole.subarray(0, whole.length - 100));
    expect(details["bytesLost"]).toBe(100);
    expect(memory.stateOf(2 ** 20)).toBe(0);
    const cut = await open(whole.subarray(0, 32 + 2 * FRAME_BYTES + 32));
    expect(cut.memory.stateOf(2 ** 20)).toBe(1);
  });

  it("is refused if it ends in a header or before any memory", async () => {
    for (const length of [1, 31, 32 + 2 * FRAME_BYTES + 1, 32 + 2 * FRAME_BYTES + 31])
      expect(await refused(whole.subarray(0, length))).toMatch(
        /^bad-dump: ram.lime, offset \d+: expected 32 bytes of the header of a LiME range, found the end/,
      );
    expect(await refused(whole.subarray(0, 32))).toMatch(
      /^bad-dump: ram.lime, offset 32: expected the bytes of memory/,
    );
    expect(await refused(new Uint8Array(0))).toMatch(/^bad-dump/);
  });

  it("is refused if another magic or version stands where a range should", async () => {
    expect(await refused(patched(whole, 32 + 2 * FRAME_BYTES, u32(0)))).toBe(
      "bad-dump: ram.lime, offset 8224: expected the magic 0x4c694d45 of a LiME range, found 0x0",
    );
    expect(await refused(patched(whole, 4, u32(2)))).toBe(
      "unsupported-dump: ram.lime: a LiME range of version 2 at offset 0; only version 1 is read",
    );
  });

  it("is refused if a range ends before it begins or beyond 52 bits", async () => {
    for (const last of [0xfff, 2n ** 52n, 2n ** 63n, 2n ** 64n - 1n])
      expect(await refused(patched(whole, 16, u64(last)))).toMatch(
        /^bad-dump: ram.lime, offset 8: expected a range of addresses below the 52 bits/,
      );
  });

  it("is refused if it has more ranges than any machine", async () => {
    const range = writeLime([{ address: 0, bytes: Uint8Array.of(1) }]);
    const many = new Uint8Array(range.length * 65537);
    for (let i = 0; i < 65537; i++) many.set(range, i * range.length);
    expect(await refused(many)).toBe("unsupported-dump: ram.lime: more than 65536 ranges of memory");
  });
});
