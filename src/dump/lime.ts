import { END_OF_PHYSICAL, Segments } from "./extent-memory.js";
import type { RandomAccessFile } from "./file.js";
import type { Dump } from "./memory.js";
import { badDump, hex, readStructure, readU64, unsupportedDump } from "./structure.js";

/** lime_mem_range_header: magic, version, first and last address, reserved. */
const HEADER_BYTES = 32;
const MAGIC = 0x4c694d45;
const VERSION = 1;
/** A machine has some dozens of ranges of RAM. */
const MAX_RANGES = 1 << 16;

/**
 * Open a dump of the LiME kernel module (`format=lime`), which AVML writes too: ranges of RAM one after another, each behind its
 * header. It has no VMCOREINFO note. A last range that the file ends in is lost from there on; whether more should follow, nothing tells.
 *
 * @throws VmemmapError "bad-dump", "unsupported-dump"
 */
export async function openLime(file: RandomAccessFile): Promise<Dump> {
  const segments = new Segments(file);
  for (let at = 0; at < file.size;) {
    const header = await readStructure(file, at, HEADER_BYTES, "the header of a LiME range");
    const size = addRange(file, at, header, segments);
    at += HEADER_BYTES + size;
  }
  const memory = segments.memory();
  if (memory === null)
    throw badDump(file, file.size, "expected the bytes of memory, found the end of the file before any of them");
  return {
    format: "lime",
    memory,
    vmcoreinfo: null,
    details: { version: VERSION, segments: segments.count, bytesLost: segments.bytesLost },
    close: () => file.close(),
  };
}

/** Bytes of the range whose header stands at `at`. */
function addRange(file: RandomAccessFile, at: number, header: DataView, segments: Segments): number {
  const magic = header.getUint32(0, true);
  if (magic !== MAGIC) throw badDump(file, at, `expected the magic ${hex(MAGIC)} of a LiME range, found ${hex(magic)}`);
  const version = header.getUint32(4, true);
  if (version !== VERSION)
    throw unsupportedDump(file, `a LiME range of version ${version} at offset ${at}; only version ${VERSION} is read`);
  const first = readU64(header, 8);
  const last = readU64(header, 16);
  if (last < first || last >= END_OF_PHYSICAL)
    throw badDump(
      file,
      at + 8,
      `expected a range of addresses below the 52 bits of x86_64, found ${hex(first)} to ${hex(last)}`,
    );
  if (segments.count === MAX_RANGES) throw unsupportedDump(file, `more than ${MAX_RANGES} ranges of memory`);
  const size = last - first + 1;
  segments.add(first, size, at + HEADER_BYTES, size);
  return size;
}
