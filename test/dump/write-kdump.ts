/** Writes kdump-compressed files for tests, as makedumpfile's IMPLEMENTATION tells of their form. */
import { deflateSync } from "node:zlib";
import { compress } from "snappyjs";

export const PAGE = 4096;

export type Packing = "raw" | "zlib" | "lzo" | "snappy" | "zstd";

const FLAGS: Readonly<Record<Packing, number>> = { raw: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 };

export interface KdumpToWrite {
  /** What each frame holds; null: filtered. Frames that are not here are absent. */
  readonly frames: ReadonlyMap<number, Uint8Array | null>;
  /** @default the frame behind the last */
  readonly endFrame?: number;
  /** @default "zlib"; or by frame */
  readonly packing?: Packing | ((frame: number) => Packing);
  /** @default 6 */
  readonly version?: number;
  /** The frames this part of a split dump is about. */
  readonly split?: readonly [first: number, end: number];
  /** Frames whose pages were lost: the dump is incomplete. */
  readonly lost?: readonly number[];
  readonly vmcoreinfo?: string;
  /** Put VMCOREINFO into a note alone. */
  readonly byNote?: boolean;
  readonly dumpLevel?: number;
}

const isZero = (page: Uint8Array) => page.every((byte) => byte === 0);

/** An LZO1X stream of literals alone: a run, and the end. */
export function lzoLiterals(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) throw new Error("a run has 4 literals or more");
  const run: number[] = [];
  if (bytes.length <= 238) {
    run.push(17 + bytes.length);
  } else {
    let left = bytes.length - 3 - 15;
    run.push(0);
    for (; left > 255; left -= 255) run.push(0);
    run.push(left);
  }
  return Uint8Array.of(...run, ...bytes, 0x11, 0, 0);
}

/** A zstd frame: of one byte many times over as an RLE block, else as a raw one. */
export function zstdFrame(bytes: Uint8Array): Uint8Array {
  const same = bytes.every((byte) => byte === bytes[0]);
  // Magic; a single segment with 2 bytes of content size, which is stored less 256.
  const header = [0x28, 0xb5, 0x2f, 0xfd, 0x60, (bytes.length - 256) & 255, (bytes.length - 256) >> 8];
  // Last block; its type; its size.
  const block = 1 | ((same ? 1 : 0) << 1) | (bytes.length << 3);
  return Uint8Array.of(
    ...header,
    block & 255,
    (block >> 8) & 255,
    block >> 16,
    ...(same ? bytes.subarray(0, 1) : bytes),
  );
}

export function pack(page: Uint8Array, packing: Packing): Uint8Array {
  if (packing === "raw") return page;
  if (packing === "zlib") return deflateSync(page, { level: 1 });
  if (packing === "lzo") return lzoLiterals(page);
  return packing === "snappy" ? compress(page) : zstdFrame(page);
}

/** As makedumpfile: a page that does not get smaller is stored as it is. */
function packed(page: Uint8Array, packing: Packing): { bytes: Uint8Array; flags: number } {
  const bytes = pack(page, packing);
  return bytes.length < PAGE ? { bytes, flags: FLAGS[packing] } : { bytes: page, flags: 0 };
}

function noteOf(text: string): Uint8Array {
  const name = new TextEncoder().encode("VMCOREINFO\0");
  const description = new TextEncoder().encode(text);
  const note = new Uint8Array(12 + 12 + Math.ceil(description.length / 4) * 4);
  const view = new DataView(note.buffer);
  view.setUint32(0, name.length, true);
  view.setUint32(4, description.length, true);
  note.set(name, 12);
  note.set(description, 24);
  return note;
}

export function writeKdump(dump: KdumpToWrite): Uint8Array<ArrayBuffer> {
  const { frames, version = 6, packing = "zlib", lost = [], vmcoreinfo = "OSRELEASE=6.1\n" } = dump;
  const endFrame = dump.endFrame ?? Math.max(-1, ...frames.keys()) + 1;
  const [first, end] = dump.split ?? [0, endFrame];
  const note = noteOf(vmcoreinfo);
  const notesAt = PAGE + 104;
  const subBlocks = Math.ceil((104 + note.length) / PAGE);
  const bitmapBytes = Math.ceil(Math.ceil(endFrame / 8) / PAGE) * PAGE;
  const ram = (1 + subBlocks) * PAGE;
  const descriptors = ram + 2 * bitmapBytes;

  const sorted = [...frames.keys()].sort((a, b) => a - b);
  const dumped = sorted.filter((frame) => frames.get(frame) !== null);
  const own = dumped.filter((frame) => frame >= first && frame < end);
  const data = descriptors + own.length * 24;
  const pieces: Uint8Array[] = [new Uint8Array(PAGE)];
  let at = data + PAGE;
  const table = own.map((frame) => {
    const page = frames.get(frame)!;
    if (lost.includes(frame)) return { offset: 0, size: 0, flags: 0 };
    if (isZero(page)) return { offset: data, size: PAGE, flags: 0 };
    const { bytes, flags } = packed(page, typeof packing === "function" ? packing(frame) : packing);
    pieces.push(bytes);
    at += bytes.length;
    return { offset: at - bytes.length, size: bytes.length, flags };
  });

  const file = new Uint8Array(at);
  const view = new DataView(file.buffer);
  const text = (offset: number, characters: string) => file.set(new TextEncoder().encode(characters), offset);
  const status = typeof packing === "string" ? FLAGS[packing] : 0;
  text(0, "KDUMP   ");
  view.setInt32(8, version, true);
  text(12 + 2 * 65, "6.1.0-test");
  text(12 + 4 * 65, "x86_64");
  view.setBigInt64(408, 1_700_000_000n, true);
  view.setUint32(424, status | (lost.length > 0 ? 8 : 0), true);
  view.setInt32(428, PAGE, true);
  view.setInt32(432, subBlocks, true);
  view.setUint32(436, (2 * bitmapBytes) / PAGE, true);
  view.setUint32(440, version >= 6 ? 0 : endFrame, true);
  view.setUint32(452, 7, true);
  view.setInt32(460, 2, true);

  const sub = (offset: number, value: number) => view.setBigInt64(PAGE + offset, BigInt(value), true);
  sub(0, -4096);
  view.setInt32(PAGE + 8, dump.dumpLevel ?? 31, true);
  if (version >= 2) {
    view.setInt32(PAGE + 12, dump.split ? 1 : 0, true);
    if (dump.split && version < 6) {
      sub(16, first);
      sub(24, end);
    }
  }
  if (version >= 3 && dump.byNote !== true) {
    sub(32, notesAt + 24);
    sub(40, new TextEncoder().encode(vmcoreinfo).length);
  }
  if (version >= 4) {
    sub(48, notesAt);
    sub(56, note.length);
  }
  if (version >= 6) {
    if (dump.split) {
      sub(80, first);
      sub(88, end);
    }
    sub(96, endFrame);
  }
  file.set(note, notesAt);

  const set = (bitmap: number, frame: number) => (file[bitmap + (frame >> 3)]! |= 1 << (frame & 7));
  for (const frame of sorted) set(ram, frame);
  for (const frame of dumped) set(ram + bitmapBytes, frame);
  table.forEach(({ offset, size, flags }, i) => {
    view.setBigInt64(descriptors + 24 * i, BigInt(offset), true);
    view.setUint32(descriptors + 24 * i + 8, size, true);
    view.setUint32(descriptors + 24 * i + 12, flags, true);
  });
  let to = data;
  for (const piece of pieces) {
    file.set(piece, to);
    to += piece.length;
  }
  return file;
}

/** Where a file's parts begin, from its own header. */
export function areas(file: Uint8Array): { ram: number; pages: number; descriptors: number } {
  const view = new DataView(file.buffer, file.byteOffset);
  const ram = (1 + view.getInt32(432, true)) * PAGE;
  const bitmaps = view.getUint32(436, true) * PAGE;
  return { ram, pages: ram + bitmaps / 2, descriptors: ram + bitmaps };
}
