import type { RandomAccessFile } from "./file.js";
import { FLATTENED_SIGNATURE } from "./flattened.js";
import { badDump } from "./structure.js";

/** What a file is, as its first bytes say. `image` is the package's own (`Vmemmap.load`). */
export type Container = "elf" | "kdump" | "flattened" | "lime" | "gzip" | "zstd" | "image";

/** Enough for the signature of tar, the last of those below. */
const LOOKED_AT = 512;

const CONTAINERS: readonly (readonly [Container, string])[] = [
  ["elf", "\x7fELF"],
  ["kdump", "KDUMP   "],
  ["flattened", FLATTENED_SIGNATURE],
  ["lime", "EMiL"],
  ["gzip", "\x1f\x8b"],
  ["zstd", "\x28\xb5\x2f\xfd"],
  // What follows tells a damaged one: its reader says how.
  ["image", "\x89VMM"],
];

/** What people may take for a dump, or keep one in: a signature, its offset, and what to say. */
const OTHERS: readonly (readonly [string, number, string])[] = [
  ["DISKDUMP", 0, "a diskdump of an old Red Hat kernel"],
  ["\xfd7zXZ", 0, "packed by xz: unpack it first"],
  ["BZh", 0, "packed by bzip2: unpack it first"],
  ["\x04\x22\x4d\x18", 0, "packed by lz4: unpack it first"],
  ["\x89LZO", 0, "packed by lzop: unpack it first"],
  ["PK\x03\x04", 0, "a zip archive: unpack it first"],
  ["7z\xbc\xaf\x27\x1c", 0, "a 7z archive: unpack it first"],
  ["ustar", 257, "a tar archive: unpack it first"],
  ["AVML", 0, "a compressed dump of AVML: convert it by avml-convert first"],
  ["PAGEDU64", 0, "a crash dump of Windows"],
  ["PAGEDUMP", 0, "a crash dump of Windows"],
  ["QEVM", 0, "a saved state of QEMU: dump-guest-memory writes an ELF core or kdump"],
  ["QFI\xfb", 0, "a qcow2 disk: dump-guest-memory writes an ELF core or kdump"],
  ["KDMV", 0, "a VMDK disk"],
  ["\xd2\xbe\xd2\xbe", 0, "a suspended state of VMware: vmss2core makes an ELF core of it"],
  ["\xd1\xbe\xd1\xbe", 0, "a suspended state of VMware: vmss2core makes an ELF core of it"],
  ["\xd0\xbe\xd2\xbe", 0, "a suspended state of VMware: vmss2core makes an ELF core of it"],
  ["\x89PNG", 0, "a PNG picture"],
];

const READABLE =
  "ELF vmcores, kdump-compressed dumps and their flattened form, LiME dumps, each as it is or packed by gzip or zstd, and images (.vmemmap)";

/**
 * Tell by a file's first bytes what it is.
 *
 * @throws VmemmapError "bad-dump": nothing that can be read; the message says what it looks like, and what can be
 */
export async function detect(file: RandomAccessFile): Promise<Container> {
  const bytes = new Uint8Array(Math.min(LOOKED_AT, file.size));
  await file.readInto(bytes, 0);
  for (const [container, signature] of CONTAINERS) if (startsWith(bytes, signature, 0)) return container;
  // A zstd stream may begin with a frame to skip: pzstd writes one.
  if (bytes.length >= 4 && (bytes[0]! & 0xf0) === 0x50 && startsWith(bytes, "\x2a\x4d\x18", 1)) return "zstd";
  throw badDump(file, 0, `expected a dump, found ${lookOf(bytes, file.size)}. What can be read: ${READABLE}`);
}

function lookOf(bytes: Uint8Array, size: number): string {
  if (size === 0) return "an empty file";
  for (const [signature, offset, look] of OTHERS) if (startsWith(bytes, signature, offset)) return look;
  if (bytes.every((byte) => byte === 0)) return `zeros: a dump that was not written, or plain memory`;
  if (bytes.every(isText)) return `text: ${JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 40)))}`;
  return `bytes of no known kind: ${[...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
}

/** Printable, a tab or an end of line, or a part of a letter beyond ASCII. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d);
}

/** Whether the signature, whose letters are bytes, stands at `offset`. */
function startsWith(bytes: Uint8Array, signature: string, offset: number): boolean {
  if (bytes.length < offset + signature.length) return false;
  for (let i = 0; i < signature.length; i++) if (bytes[offset + i] !== signature.charCodeAt(i)) return false;
  return true;
}
