import { FRAME_BYTES } from "../memory.js";
import type { RandomAccessFile } from "../file.js";
import { badDump, hex, readStructure, readU64, unsupportedDump } from "../structure.js";

const SIGNATURE = "KDUMP   ";
const OLD_SIGNATURE = "DISKDUMP";
const NEWEST_VERSION = 6;

// struct disk_dump_header of makedumpfile, x86_64
const VERSION = 8;
const UTSNAME = 12;
const UTSNAME_FIELD = 65;
const TIMESTAMP = 408;
const STATUS = 424;
const BLOCK_SIZE = 428;
const SUB_HEADER_BLOCKS = 432;
const BITMAP_BLOCKS = 436;
const MAX_MAPNR = 440;
const WRITTEN_BLOCKS = 452;
const NR_CPUS = 460;
const HEADER_BYTES = 464;

// struct kdump_sub_header, in block 1
const PHYS_BASE = 0;
const DUMP_LEVEL = 8;
const SPLIT = 12;
const START_PFN = 16;
const END_PFN = 24;
const OFFSET_VMCOREINFO = 32;
const OFFSET_NOTE = 48;
const START_PFN_64 = 80;
const END_PFN_64 = 88;
const MAX_MAPNR_64 = 96;
const SUB_HEADER_BYTES = 104;

/** Bits of a header's status word; those below 8, and 0x20, are compressions. */
const INCOMPLETE = 8;
const EXCLUDED_VMEMMAP = 0x10;

/** Frames of 52-bit physical addresses, the most that x86_64 has. */
const MAX_FRAMES = 2 ** 40;

/** The kernel writes a page of it at most. */
const MAX_VMCOREINFO = 1 << 20;
/** A CPU has less than 1 KiB of them. */
const MAX_NOTES = 64 << 20;

/** A stretch of the file. */
export interface Stretch {
  readonly offset: number;
  readonly size: number;
}

/** What a kdump-compressed file says of itself. */
export interface KdumpHeader {
  readonly version: number;
  readonly release: string;
  readonly machine: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly status: number;
  /** The dump ends before its memory does: the disk was full. */
  readonly incomplete: boolean;
  /** Unused pages of the vmemmap were left out too. */
  readonly vmemmapExcluded: boolean;
  readonly cpus: number;
  readonly writtenBlocks: number;
  /** First frame behind the last of the machine: max_mapnr. */
  readonly endFrame: number;
  readonly physBase: number;
  /** makedumpfile's -d. */
  readonly dumpLevel: number;
  /** Whether this file is one of several. */
  readonly split: boolean;
  /** Frames that this file is about: all of the machine's, unless it is split. */
  readonly first: number;
  readonly end: number;
  /** Where the file says so. */
  readonly rangeAt: number;
  /** The VMCOREINFO text, and the ELF notes; null where there is none. */
  readonly vmcoreinfo: Stretch | null;
  readonly notes: Stretch | null;
  /** Where the bitmaps and the page descriptors begin. */
  readonly ramBitmap: number;
  readonly pageBitmap: number;
  readonly descriptors: number;
}

/**
 * Read both headers of a kdump-compressed file.
 *
 * @throws VmemmapError "bad-dump"; "unsupported-dump": another machine, page size or version, or an old diskdump
 */
export async function readHeader(file: RandomAccessFile): Promise<KdumpHeader> {
  const head = await readStructure(file, 0, HEADER_BYTES, "a kdump header");
  const version = checkKind(file, head);
  const sub = await readStructure(file, FRAME_BYTES, SUB_HEADER_BYTES, "a kdump sub header");
  const areas = areasOf(file, head);
  const endFrame = endFrameOf(file, head, sub, version, (8 * (areas.descriptors - areas.ramBitmap)) / 2);
  checkBitmaps(file, areas, endFrame);
  const status = head.getUint32(STATUS, true);
  return {
    version,
    release: text(head, UTSNAME + 2 * UTSNAME_FIELD),
    machine: text(head, UTSNAME + 4 * UTSNAME_FIELD),
    timestamp: readU64(head, TIMESTAMP),
    status,
    incomplete: (status & INCOMPLETE) !== 0,
    vmemmapExcluded: (status & EXCLUDED_VMEMMAP) !== 0,
    cpus: head.getInt32(NR_CPUS, true),
    writtenBlocks: head.getUint32(WRITTEN_BLOCKS, true),
    endFrame,
    physBase: Number(sub.getBigInt64(PHYS_BASE, true)),
    dumpLevel: sub.getInt32(DUMP_LEVEL, true),
    ...rangeOf(file, sub, version, endFrame),
    vmcoreinfo: version >= 3 ? stretchOf(file, sub, "VMCOREINFO", OFFSET_VMCOREINFO, MAX_VMCOREINFO) : null,
    notes: version >= 4 ? stretchOf(file, sub, "notes", OFFSET_NOTE, MAX_NOTES) : null,
    ...areas,
  };
}

/** Where the bitmaps and descriptors begin. */
function areasOf(
  file: RandomAccessFile,
  head: DataView,
): Pick<KdumpHeader, "ramBitmap" | "pageBitmap" | "descriptors"> {
  const subHeaderBlocks = head.getInt32(SUB_HEADER_BLOCKS, true);
  if (subHeaderBlocks < 1)
    throw badDump(file, SUB_HEADER_BLOCKS, `expected a sub header of 1 block or more, found ${subHeaderBlocks}`);
  const bitmapBlocks = head.getUint32(BITMAP_BLOCKS, true);
  if (bitmapBlocks % 2 !== 0)
    throw badDump(file, BITMAP_BLOCKS, `expected two bitmaps of the same size, found ${bitmapBlocks} blocks of them`);
  const ramBitmap = (1 + subHeaderBlocks) * FRAME_BYTES;
  const descriptors = ramBitmap + bitmapBlocks * FRAME_BYTES;
  return { ramBitmap, pageBitmap: (ramBitmap + descriptors) / 2, descriptors };
}

function endFrameOf(file: RandomAccessFile, head: DataView, sub: DataView, version: number, bits: number): number {
  const endFrame = version >= 6 ? readU64(sub, MAX_MAPNR_64) : head.getUint32(MAX_MAPNR, true);
  const most = Math.min(bits, MAX_FRAMES);
  if (endFrame > most)
    throw badDump(
      file,
      version >= 6 ? FRAME_BYTES + MAX_MAPNR_64 : MAX_MAPNR,
      `expected max_mapnr ${most} at most, which is what a bitmap has bits for, found ${endFrame}`,
    );
  return endFrame;
}

/** makedumpfile writes the bytes that bitmaps have, not their last block in full: a part without pages ends with them. */
function checkBitmaps(file: RandomAccessFile, { pageBitmap }: { pageBitmap: number }, endFrame: number): void {
  const end = pageBitmap + Math.ceil(endFrame / 8);
  if (end > file.size)
    throw badDump(
      file,
      BITMAP_BLOCKS,
      `expected two bitmaps of ${endFrame} frames up to ${hex(end)}, found the end of the file at ${hex(file.size)}`,
    );
}

/** The frames that a file is about. */
function rangeOf(
  file: RandomAccessFile,
  sub: DataView,
  version: number,
  endFrame: number,
): Pick<KdumpHeader, "split" | "first" | "end" | "rangeAt"> {
  const [firstAt, endAt] = version >= 6 ? [START_PFN_64, END_PFN_64] : [START_PFN, END_PFN];
  const rangeAt = FRAME_BYTES + firstAt;
  if (version < 2 || sub.getInt32(SPLIT, true) === 0) return { split: false, first: 0, end: endFrame, rangeAt };
  const first = readU64(sub, firstAt);
  const end = readU64(sub, endAt);
  if (first > end || end > endFrame)
    throw badDump(
      file,
      rangeAt,
      `expected a part of frames below max_mapnr ${endFrame}, found one from ${first} to ${end}`,
    );
  return { split: true, first, end, rangeAt };
}

/** A stretch whose offset stands at a place of the sub header, and its size behind it. */
function stretchOf(file: RandomAccessFile, sub: DataView, what: string, at: number, most: number): Stretch | null {
  const offset = readU64(sub, at);
  const size = readU64(sub, at + 8);
  if (size === 0) return null;
  if (offset < FRAME_BYTES || offset + size > file.size || size > most)
    throw badDump(
      file,
      FRAME_BYTES + at,
      `expected ${what} of ${most} bytes at most within the file, found ${size} bytes at ${hex(offset)} of ${hex(file.size)}`,
    );
  return { offset, size };
}

/** The header's version. @throws VmemmapError what this reader is not for */
function checkKind(file: RandomAccessFile, head: DataView): number {
  const signature = text(head, 0, SIGNATURE.length);
  if (signature === OLD_SIGNATURE) throw unsupportedDump(file, "an old diskdump; only kdump-compressed dumps are read");
  if (signature !== SIGNATURE)
    throw badDump(file, 0, `expected the signature ${JSON.stringify(SIGNATURE)}, found ${JSON.stringify(signature)}`);
  const version = head.getInt32(VERSION, true);
  if (version < 1)
    throw badDump(file, VERSION, `expected a header version of 1 to ${NEWEST_VERSION}, found ${version}`);
  if (version > NEWEST_VERSION)
    throw unsupportedDump(file, `header version ${version}; versions 1 to ${NEWEST_VERSION} are read`);
  const machine = text(head, UTSNAME + 4 * UTSNAME_FIELD);
  if (machine !== "" && machine !== "x86_64")
    throw unsupportedDump(file, `a dump of a machine ${JSON.stringify(machine)}; only those of x86_64 are read`);
  const blockSize = head.getInt32(BLOCK_SIZE, true);
  if (blockSize !== FRAME_BYTES)
    throw unsupportedDump(file, `blocks of ${blockSize} bytes; only those of ${FRAME_BYTES} are read`);
  return version;
}

/** Characters up to a NUL. */
function text(view: DataView, at: number, length = UTSNAME_FIELD): string {
  let characters = "";
  for (let i = 0; i < length; i++) {
    const byte = view.getUint8(at + i);
    if (byte === 0) break;
    characters += String.fromCharCode(byte);
  }
  return characters;
}
