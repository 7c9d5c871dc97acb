/** Dumps of real machines, where this host has them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ZSTDDecoder } from "zstddec";

const folder = process.env["VMEMMAP_VMCORES"] ?? fileURLToPath(new URL("../../../shared/vmcores", import.meta.url));

/** More than any file unpacks to: zstd frames need not say how much. */
const ROOM = 2 ** 28;

export const haveRealDumps = existsSync(folder);

/** Files of each capture's folder that hold its memory. */
export const FORMS: Readonly<Record<string, readonly string[]>> = {
  "linux-6.1.176": ["vmcore-filtered.elf.zst", "vmcore-filtered.kdump-d31-zlib", "vmcore-filtered.kdump-d31-zstd"],
  "linux-6.12.107-hvo-la57": ["vmcore-filtered.elf.zst", "vmcore-filtered.kdump-d31-zstd", "vmcore.qemu-kdump-zlib"],
  "linux-6.18.15-hvo-la57": ["vmcore-filtered.elf.zst", "vmcore-filtered.kdump-d31-zstd"],
  "linux-6.18.15-hvo-partial-section": ["vmcore-filtered.elf.zst", "vmcore-filtered.kdump-d31-zstd"],
  "linux-7.3.4": ["vmcore-filtered.elf.zst"],
  "linux-7.3.4-hvo": [
    "vmcore-filtered.elf.zst",
    "vmcore-filtered.kdump-d31-lzo",
    "vmcore-filtered.kdump-d31-zlib",
    "vmcore-filtered.kdump-d31-zlib.flat",
    "vmcore-filtered.kdump-d31-zstd",
  ],
  "linux-7.3.4-hvo-4gib": ["vmcore-filtered.elf.zst"],
  "linux-7.3.4-hvo-kexec": ["vmcore-filtered.elf.zst", "vmcore-filtered.kdump-d31-zstd", "vmcore.kdump-d31-zstd"],
};

/** Paths in the folder whose names match; without it those of dumps that it should have, so that their tests are skipped by name. */
export function realDumps(pattern: RegExp): string[] {
  const paths = haveRealDumps
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
    : Object.entries(FORMS).flatMap(([name, forms]) => forms.map((form) => `${name}/${form}`));
  return paths.filter((path) => pattern.test(path)).sort();
}

/** Where the host has a file of that folder. */
export function realPath(path: string): string {
  return `${folder}/${path}`;
}

export function readReal(path: string): Uint8Array {
  return new Uint8Array(readFileSync(realPath(path)));
}

/** A file of that folder that is packed by zstd. */
export async function unpackReal(path: string): Promise<Uint8Array> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder.decode(readReal(path), ROOM);
}

/** The same as 64-bit words. */
export async function realWords(path: string): Promise<BigUint64Array> {
  const bytes = await unpackReal(path);
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
}

/** The frames of an ELF core that is packed by zstd: the truth that other forms of the same dump are held against. */
export async function elfFrames(path: string): Promise<Map<number, Uint8Array>> {
  const bytes = await unpackReal(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const frames = new Map<number, Uint8Array>();
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const header = word(32) + i * view.getUint16(54, true);
    if (view.getUint32(header, true) !== 1) continue;
    const [offset, address, size] = [word(header + 8), word(header + 24), word(header + 32)];
    for (let at = 0; at < size; at += 4096)
      frames.set((address + at) / 4096, bytes.subarray(offset + at, offset + at + 4096));
  }
  return frames;
}

/** A file out of makedumpfile's flattened form, as its records say: offset, size and bytes, numbers big-endian. */
export function unflatten(flat: Uint8Array): Uint8Array {
  const view = new DataView(flat.buffer, flat.byteOffset, flat.length);
  const records: { offset: number; bytes: Uint8Array }[] = [];
  let length = 0;
  for (let at = 4096; ;) {
    const offset = Number(view.getBigInt64(at));
    const size = Number(view.getBigInt64(at + 8));
    if (offset < 0) break;
    records.push({ offset, bytes: flat.subarray(at + 16, at + 16 + size) });
    length = Math.max(length, offset + size);
    at += 16 + size;
  }
  const file = new Uint8Array(length);
  for (const { offset, bytes } of records) file.set(bytes, offset);
  return file;
}
