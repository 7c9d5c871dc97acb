import { VmemmapError } from "../errors.js";
import type { RandomAccessFile } from "./file.js";

/** Refuses a dump: what is wrong at which byte of which file. */
export function badDump(file: RandomAccessFile, offset: number, message: string, cause?: unknown): VmemmapError {
  return new VmemmapError("bad-dump", `${file.name}, offset ${offset}: ${message}`, { cause });
}

/** Refuses a dump of a kind that can't be read. */
export function unsupportedDump(file: RandomAccessFile, message: string): VmemmapError {
  return new VmemmapError("unsupported-dump", `${file.name}: ${message}`);
}

/** What every reader says of a read that its file can't answer: held against the size before anything is read. */
export function checkWithin(file: RandomAccessFile, offset: number, length: number): void {
  if (offset < 0 || offset + length > file.size)
    throw badDump(file, offset, `expected ${length} more bytes, found the end of the file at ${file.size}`);
}

/** The `length` bytes of a structure, which `what` names should the file end before; nothing is allocated then. */
export async function readStructure(
  file: RandomAccessFile,
  offset: number,
  length: number,
  what: string,
): Promise<DataView<ArrayBuffer>> {
  if (offset < 0 || offset + length > file.size)
    throw badDump(file, offset, `expected ${length} bytes of ${what}, found the end of the file at ${file.size}`);
  const bytes = new Uint8Array(length);
  await file.readInto(bytes, offset);
  return new DataView(bytes.buffer);
}

/**
 * A 64-bit number as a double: exact below 2^53, and above it near enough to be refused as larger than any file or address.
 */
export function readU64(view: DataView, at: number, littleEndian = true): number {
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  return view.getUint32(littleEndian ? at + 4 : at, littleEndian) * 2 ** 32 + low;
}

/** A number from a file as messages show it. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
