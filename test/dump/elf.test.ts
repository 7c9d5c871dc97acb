import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openElf } from "../../src/dump/elf.js";
import { FRAME_BYTES, FrameState } from "../../src/dump/memory.js";
import { concat, patched, pattern, u16, u32, u64 } from "./bytes.js";
import { refusal } from "./refusal.js";
import { writeElf, vmcoreinfo } from "./write-elf.js";

const open = (bytes: Uint8Array) => openElf(new BytesFile(bytes, "vmcore"));
const refused = (bytes: Uint8Array) => refusal(() => open(bytes));

const one = { address: 0x3000, bytes: pattern(2 * FRAME_BYTES, 1) };
const two = { address: 0x9000, bytes: pattern(FRAME_BYTES, 2) };
/** Where p_offset, p_paddr, p_filesz and p_memsz of program header `i` stand, if they stand in front. */
const field = (i: number, name: "offset" | "address" | "fileSize" | "memorySize") =>
  64 + 56 * i + { offset: 8, address: 24, fileSize: 32, memorySize: 40 }[name];

async function frame(bytes: Uint8Array, number: number): Promise<Uint8Array> {
  const out = new Uint8Array(FRAME_BYTES).fill(0xee);
  await (await open(bytes)).memory.readFrames([number], out);
  return out;
}

describe("memory of an ELF core", () => {
  it("is where p_paddr says", async () => {
    const { memory, format } = await open(writeElf([one, two]));
    expect(format).toBe("elf");
    expect(memory.endFrame).toBe(10);
    expect(Array.from({ length: 11 }, (_, i) => memory.stateOf(i))).toEqual([2, 2, 2, 0, 0, 2, 2, 2, 2, 0, 2]);
    const out = new Uint8Array(4 * FRAME_BYTES).fill(0xee);
    await memory.readFrames([4, 9, 8, 3], out);
    expect(out).toEqual(
      concat(
        one.bytes.subarray(FRAME_BYTES),
        two.bytes,
        new Uint8Array(FRAME_BYTES),
        one.bytes.subarray(0, FRAME_BYTES),
      ),
    );
  });

  it("is found where e_phoff says, though the notes and the data stand before the program headers", async () => {
    const bytes = writeElf([one, two], { headers: "end", notes: [[vmcoreinfo("OSRELEASE=6\n")]], headerSize: 8 });
    expect(await frame(bytes, 9)).toEqual(two.bytes);
    expect((await open(bytes)).vmcoreinfo).toBe("OSRELEASE=6\n");
  });

  it("takes the number of program headers from section header 0 where e_phnum is PN_XNUM", async () => {
    expect(await frame(writeElf([one, two], { extendedCount: true }), 9)).toEqual(two.bytes);
  });

  it("that is not in the file, beyond p_filesz, was filtered and reads as zero", async () => {
    const bytes = writeElf([{ ...two, memorySize: 3 * FRAME_BYTES }]);
    const { memory } = await open(bytes);
    expect([9, 10, 11, 12].map((number) => memory.stateOf(number))).toEqual([0, 1, 1, 2]);
    expect(await frame(bytes, 10)).toEqual(new Uint8Array(FRAME_BYTES));
  });

  it("that the file has lost at its end counts as filtered", async () => {
    const whole = writeElf([one, two]);
    const { memory, details } = await open(whole.subarray(0, whole.length - FRAME_BYTES - 1));
    expect([3, 4, 9].map((number) => memory.stateOf(number))).toEqual([0, 0, 1]);
    expect(details["bytesLost"]).toBe(FRAME_BYTES + 1);
    const out = new Uint8Array(FRAME_BYTES);
    await memory.readFrames([4], out);
    expect(out).toEqual(patched(one.bytes.subarray(FRAME_BYTES), FRAME_BYTES - 1, Uint8Array.of(0)));
  });

  it("may begin and end inside a frame, which two segments may share", async () => {
    const left = { address: 0x5100, bytes: pattern(0x200, 3) };
    const right = { address: 0x5800, bytes: pattern(0x1000, 4) };
    const bytes = writeElf([right, left]);
    const { memory } = await open(bytes);
    expect([4, 5, 6, 7].map((number) => memory.stateOf(number))).toEqual([2, 0, 0, 2]);
    const expected = new Uint8Array(FRAME_BYTES);
    expected.set(left.bytes, 0x100);
    expected.set(right.bytes.subarray(0, 0x800), 0x800);
    expect(await frame(bytes, 5)).toEqual(expected);
  });

  it("that two segments tell of is the first one's, wherever it begins", async () => {
    const inner = { address: 0x4000, bytes: pattern(FRAME_BYTES, 5) };
    expect(await frame(writeElf([one, inner]), 4)).toEqual(one.bytes.subarray(FRAME_BYTES));
    expect(await frame(writeElf([inner, one]), 4)).toEqual(inner.bytes);
  });

  it("that one segment has left out is another's that has it", async () => {
    const leftOut = { address: 0x3000, bytes: new Uint8Array(0), memorySize: 3 * FRAME_BYTES };
    const bytes = writeElf([leftOut, one]);
    expect(await frame(bytes, 4)).toEqual(one.bytes.subarray(FRAME_BYTES));
    expect((await open(bytes)).memory.stateOf(5)).toBe(FrameState.FILTERED);
  });

  it("has no part in a segment without a physical address", async () => {
    const { memory } = await open(writeElf([{ ...two, address: -1n }, one]));
    expect(memory.endFrame).toBe(5);
  });

  it("is not read into a list that is too short", async () => {
    const { memory } = await open(writeElf([one]));
    expect(await refusal(() => memory.readFrames([3, 4], new Uint8Array(FRAME_BYTES)))).toBe(
      "bad-array: out has 4096 bytes; 2 frames take 8192",
    );
  });
});

describe("notes of an ELF core", () => {
  const prstatus = { owner: "CORE", type: 1, description: pattern(336) };

  it("are gone through, in several segments, for VMCOREINFO", async () => {
    const { vmcoreinfo: text, details } = await open(
      writeElf([one], { notes: [[prstatus, { owner: "QEMU", description: pattern(7) }], [vmcoreinfo("A=1\n")]] }),
    );
    expect(text).toBe("A=1\n");
    expect(details["notes"]).toBe("CORE, QEMU, VMCOREINFO");
  });

  it("may be padded to 8 bytes", async () => {
    const notes = [[{ owner: "QEMU", description: pattern(5) }, vmcoreinfo("A=1\n")]];
    expect((await open(writeElf([one], { notes, noteAlignment: 8 }))).vmcoreinfo).toBe("A=1\n");
  });

  it("without VMCOREINFO answer null", async () => {
    expect((await open(writeElf([one], { notes: [[prstatus]] }))).vmcoreinfo).toBeNull();
    expect((await open(writeElf([one]))).vmcoreinfo).toBeNull();
  });

  it("end at a header of zeros", async () => {
    const notes = [[vmcoreinfo("A=1\n")], [vmcoreinfo("B=1\n")]];
    const bytes = writeElf([one], { notes });
    const first = 64 + 3 * 56;
    expect((await open(patched(bytes, first, new Uint8Array(12)))).vmcoreinfo).toBe("B=1\n");
  });

  it("that say they are longer than their segment are refused", async () => {
    const bytes = writeElf([one], { notes: [[vmcoreinfo("A=1\n")]] });
    const at = 64 + 2 * 56;
    expect(await refused(patched(bytes, at + 4, u32(0x7fffffff)))).toBe(
      "bad-dump: vmcore, offset 176: expected a note within its segment of 28 bytes, found one with 11 bytes of name and " +
        "2147483647 of description",
    );
    expect(await refused(patched(bytes, at, u32(0xffffffff)))).toMatch(
      /^bad-dump: vmcore, offset 176: expected a note/,
    );
  });

  it("of a segment behind the end of the file are refused", async () => {
    const bytes = writeElf([one], { notes: [[vmcoreinfo("A=1\n")]] });
    expect(await refused(patched(bytes, field(0, "offset"), u64(bytes.length - 3)))).toMatch(
      /^bad-dump: vmcore, offset \d+: expected 28 bytes of notes, found the end of the file at/,
    );
    expect(await refused(patched(bytes, field(0, "fileSize"), u64(-1)))).toMatch(
      /^bad-dump: vmcore, offset 96: expected at most 67108864 bytes of notes, found 18446744073709552000/,
    );
  });
});

describe("an ELF file is refused", () => {
  const bytes = writeElf([one, two], { notes: [[vmcoreinfo("A=1\n")]] });

  it("of another machine, size of word or order of bytes, saying which", async () => {
    expect(await refused(writeElf([one], { machine: 183 }))).toBe(
      "unsupported-dump: vmcore: an ELF core for AArch64 (e_machine 183); only 64-bit little-endian cores of x86_64 are read",
    );
    expect(await refused(patched(writeElf([one], { machine: 3 }), 4, Uint8Array.of(1)))).toMatch(
      /^unsupported-dump: vmcore: an ELF file of class 1 for x86 \(32 bits\) \(e_machine 3\)/,
    );
    expect(await refused(patched(bytes, 5, Uint8Array.of(2)))).toMatch(
      /^unsupported-dump: vmcore: an ELF file of data encoding 2/,
    );
  });

  it("that is a program", async () => {
    expect(await refused(writeElf([one], { type: 2 }))).toBe(
      "bad-dump: vmcore, offset 16: expected e_type 4 (a core), found 2 (a program)",
    );
  });

  it("that is the core of a process", async () => {
    expect(
      await refused(
        writeElf([
          { ...one, address: 0 },
          { ...two, address: 0 },
        ]),
      ),
    ).toMatch(/^bad-dump: vmcore, offset 0: expected a core of a machine, found that of a process/);
  });

  it("that has no memory", async () => {
    expect(await refused(writeElf([]))).toMatch(/^bad-dump: .*expected program headers of PT_LOAD segments/);
  });

  it("that ends before its memory", async () => {
    expect(await refused(bytes.subarray(0, bytes.length - 3 * FRAME_BYTES))).toMatch(
      /^bad-dump: vmcore, offset 260: expected the bytes of memory, found the end of the file/,
    );
  });

  it("that ends anywhere before", async () => {
    for (let length = 0; length < bytes.length - 3 * FRAME_BYTES; length++)
      expect(await refused(bytes.subarray(0, length))).toMatch(/^bad-dump: vmcore, offset \d+: expected/);
  });

  it("whose program headers are of another size, or beyond the end", async () => {
    expect(await refused(patched(bytes, 54, u16(32)))).toMatch(/expected e_phentsize 56, found 32/);
    expect(await refused(patched(bytes, 56, u16(0xfffe)))).toMatch(/expected 65534 program headers, found the end/);
    for (const at of [2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, BigInt(bytes.length)])
      expect(await refused(patched(bytes, 32, u64(at)))).toMatch(
        /^bad-dump: .*expected 3 program headers, found the end/,
      );
  });

  it("whose section header 0 is needed and is not there, or counts too many", async () => {
    expect(await refused(patched(bytes, 56, u16(0xffff)).subarray(0, 40))).toMatch(/^bad-dump/);
    const extended = writeElf([one], { extendedCount: true });
    expect(await refused(patched(extended, 40, u64(-1)))).toMatch(/expected 64 bytes of section header 0/);
    expect(await refused(patched(extended, 64 + 56 + 44, u32(0xffffffff)))).toMatch(
      /expected 4294967295 program headers/,
    );
  });

  it("whose segments reach beyond 52 bits", async () => {
    for (const [name, value] of [
      ["address", 2n ** 52n - 4096n],
      ["address", 2n ** 63n],
      ["memorySize", 2n ** 64n - 1n],
      ["fileSize", 2n ** 63n],
    ] as const)
      expect(await refused(patched(bytes, field(1, name), u64(value)))).toMatch(
        /^bad-dump: vmcore, offset 144: expected memory below the 52 bits/,
      );
  });
});
