import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { detect } from "../../src/dump/detect.js";
import { concat } from "./bytes.js";
import { refusal } from "./refusal.js";
import { writeElf } from "./write-elf.js";
import { flatten } from "./write-flattened.js";
import { writeLime } from "./write-lime.js";

const letters = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const of = (bytes: Uint8Array) => detect(new BytesFile(bytes, "file"));

describe("the first bytes tell", () => {
  it.each([
    ["elf", writeElf([])],
    ["kdump", letters("KDUMP   \x06\0\0\0Linux")],
    ["flattened", flatten(letters("KDUMP   "), 4)],
    ["lime", writeLime([{ address: 0, bytes: Uint8Array.of(1) }])],
    ["gzip", letters("\x1f\x8b\x08")],
    ["zstd", letters("\x28\xb5\x2f\xfd")],
    ["zstd", letters("\x5e\x2a\x4d\x18\0\0\0\0")],
    ["image", letters("\x89VMM\r\n\x1a\n\x01\0\0\0")],
  ])("%s", async (container, bytes) => {
    expect(await of(bytes)).toBe(container);
  });

  it.each([
    ["an empty file", ""],
    ['text: "OSRELEASE=6.1\\n"', "OSRELEASE=6.1\n"],
    ['text: "makedumpfile -d 31"', "makedumpfile -d 31"],
    ["packed by xz", "\xfd7zXZ\0"],
    ["a crash dump of Windows", "PAGEDU64"],
    ["a saved state of QEMU", "QEVM\0\0\0\x03"],
    ["zeros", "\0".repeat(4096)],
    ["a tar archive", `vmcore${"\0".repeat(251)}ustar\0`],
    ["bytes of no known kind: 01 02 03 00", "\x01\x02\x03\0"],
    ["bytes of no known kind: 7f 45 4c", "\x7fEL"],
  ])("%s, which is refused", async (look, bytes) => {
    expect(await refusal(() => of(letters(bytes)))).toContain(
      `bad-dump: file, offset 0: expected a dump, found ${look}`,
    );
  });

  it("what can be read, if they are of nothing that can", async () => {
    expect(await refusal(() => of(letters("hello")))).toMatch(
      /What can be read: ELF vmcores, .*LiME.*gzip or zstd.*images/,
    );
  });

  it("the same of a short file as of a long one", async () => {
    expect(await of(concat(writeElf([]), new Uint8Array(100_000)))).toBe("elf");
    expect(await of(writeElf([]).subarray(0, 4))).toBe("elf");
  });
});
