/** Dumps of synthetic machines, written page by page: as large as they may be, no file stands in memory. */
import { closeSync, openSync, writeSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { FRAME_BYTES } from "../../src/dump/memory.js";

/** What a machine's memory holds. */
export interface DumpContent {
  readonly frames: ReadonlyMap<number, Uint8Array>;
  readonly vmcoreinfo: string;
}

/** Forms of a dump: an ELF core, and kdump-compressed with pages packed by zlib. */
export const DUMP_FORMS = ["elf", "kdump-zlib"] as const;
export type DumpForm = (typeof DUMP_FORMS)[number];

export function writeDump(path: string, form: DumpForm, content: DumpContent): void {
  const fd = openSync(path, "wx");
  try {
    if (form === "elf") writeElf(fd, content);
    else writeKdump(fd, content);
  } finally {
    closeSync(fd);
  }
}

function inOrder({ frames }: DumpContent): [frame: number, page: Uint8Array][] {
  return [...frames].sort(([a], [b]) => a - b);
}

// ---- ELF ------------------------------------------------------------------------------------------------------------

const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;

/** A PT_NOTE, and a PT_LOAD for each run of frames. */
function writeElf(fd: number, content: DumpContent): void {
  const pages = inOrder(content);
  const runs: { first: number; count: number }[] = [];
  for (const [frame] of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === frame) last.count++;
    else runs.push({ first: frame, count: 1 });
  }
  writeSync(fd, elfHeaders(content.vmcoreinfo, runs));
  for (const [, page] of pages) writeSync(fd, page);
}

/** Headers and notes of an ELF core, behind which the runs of frames follow. */
export function elfHeaders(
  vmcoreinfo: string,
  runs: readonly { readonly first: number; readonly count: number }[],
): Uint8Array {
  const note = vmcoreinfoNote(vmcoreinfo);
  const noteAt = ELF_HEADER + (runs.length + 1) * PROGRAM_HEADER;
  const head = Buffer.alloc(Math.ceil((noteAt + note.length) / FRAME_BYTES) * FRAME_BYTES);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(4, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(ELF_HEADER), 32);
  head.writeUInt16LE(ELF_HEADER, 52);
  head.writeUInt16LE(PROGRAM_HEADER, 54);
  head.writeUInt16LE(runs.length + 1, 56);
  let at = ELF_HEADER;
  const programHeader = (type: number, offset: number, address: number, size: number): void => {
    head.writeUInt32LE(type, at);
    for (const [field, value] of [offset, 0, address, size, size].entries())
      head.writeBigUInt64LE(BigInt(value), at + 8 + 8 * field);
    at += PROGRAM_HEADER;
  };
  programHeader(4, noteAt, 0, note.length);
  let data = head.length;
  for (const { first, count } of runs) {
    programHeader(1, data, first * FRAME_BYTES, count * FRAME_BYTES);
    data += count * FRAME_BYTES;
  }
  head.set(note, noteAt);
  return head;
}

function vmcoreinfoNote(text: string): Buffer {
  const name = Buffer.from("VMCOREINFO\0\0");
  const description = Buffer.from(text);
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE("VMCOREINFO\0".length, 0);
  sizes.writeUInt32LE(description.length, 4);
  return Buffer.concat([sizes, name, description, Buffer.alloc(-description.length & 3)]);
}

// ---- kdump ----------------------------------------------------------------------------------------------------------

const DESCRIPTOR = 24;
const VMCOREINFO_AT = FRAME_BYTES + 104;
const ZLIB = 1;
const RAW = 0;

/** As makedumpfile -d 31 -c has it, header version 6: zero pages share one, and what does not get smaller stands as it is. */
function writeKdump(fd: number, content: DumpContent): void {
  const pages = inOrder(content);
  const text = Buffer.from(content.vmcoreinfo);
  const endFrame = pages.at(-1)![0] + 1;
  const subBlocks = Math.ceil((VMCOREINFO_AT + text.length) / FRAME_BYTES) - 1;
  const bitmap = Buffer.alloc(Math.ceil(endFrame / 8 / FRAME_BYTES) * FRAME_BYTES);
  for (const [frame] of pages) bitmap[frame >> 3]! |= 1 << (frame & 7);
  const head = Buffer.alloc((1 + subBlocks) * FRAME_BYTES);
  head.write("KDUMP   ");
  head.writeInt32LE(6, 8);
  head.write("x86_64", 12 + 4 * 65);
  head.writeUInt32LE(ZLIB, 424);
  head.writeInt32LE(FRAME_BYTES, 428);
  head.writeInt32LE(subBlocks, 432);
  head.writeUInt32LE((2 * bitmap.length) / FRAME_BYTES, 436);
  head.writeInt32LE(31, FRAME_BYTES + 8);
  head.writeBigInt64LE(BigInt(VMCOREINFO_AT), FRAME_BYTES + 32);
  head.writeBigInt64LE(BigInt(text.length), FRAME_BYTES + 40);
  head.writeBigInt64LE(BigInt(endFrame), FRAME_BYTES + 96);
  head.set(text, VMCOREINFO_AT);

  const table = head.length + 2 * bitmap.length;
  const zeros = table + pages.length * DESCRIPTOR;
  const descriptors = Buffer.alloc(pages.length * DESCRIPTOR);
  let end = zeros + FRAME_BYTES;
  writeSync(fd, new Uint8Array(FRAME_BYTES), 0, FRAME_BYTES, zeros);
  for (const [i, [, page]] of pages.entries()) {
    const packed = deflateSync(page, { level: 1 });
    const isZero = page.every((byte) => byte === 0);
    const isPacked = !isZero && packed.length < FRAME_BYTES;
    const bytes = isPacked ? packed : page;
    descriptors.writeBigInt64LE(BigInt(isZero ? zeros : end), i * DESCRIPTOR);
    descriptors.writeUInt32LE(bytes.length, i * DESCRIPTOR + 8);
    descriptors.writeUInt32LE(isPacked ? ZLIB : RAW, i * DESCRIPTOR + 12);
    if (isZero) continue;
    writeSync(fd, bytes, 0, bytes.length, end);
    end += bytes.length;
  }
  writeSync(fd, Buffer.concat([head, bitmap, bitmap, descriptors]), 0, undefined, 0);
}
