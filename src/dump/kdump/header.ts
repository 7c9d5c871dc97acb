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
const SIZE_VMCOREINFO = 40;
const OFFSET_NOTE = 48;
const SIZE_NOTE = 56;
const START_PFN_64 = 80;
const END_PFN_64 = 88;
const MAX_MAPNR_64 = 96;
const SUB_HEADER_BYTES = 104;

/** Bits of a header's status word; those below 8, and 0x20, are compressions. */
const INCOMPLETE = 8;
const EXCLUDED_VMEMMAP = 0x10;

/** Frames of 52-bit physical addresses, the most that x86_64 has. */
const MAX_FRAMES = 2 ** 40;

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
  /** First frame behind the last of the machine. */
  readonly endFrame: number;
  readonly physBase: number;
  /** makedumpfile's -d, null where the version does not tell. */
  readonly dumpLevel: number | null;
  /** Whether this file is one of several. */
  readonly split: boolean;
  /** Frames that this file is about: all of the machine's, unless it is split. */
  readonly first: number;
  readonly end: number;
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
  const bitmapBlocks = head.getUint32(BITMAP_BLOCKS, true);
  const subHeaderBlocks = head.getInt32(SUB_HEADER_BLOCKS, true);
  if (subHeaderBlocks < 1)
    throw badDump(file, SUB_HEADER_BLOCKS, `sub_hdr_size ${subHeaderBlocks}: expected 1 block or more`);
  const ramBitmap = (1 + subHeaderBlocks) * FRAME_BYTES;
  const descriptors = ramBitmap + bitmapBlocks * FRAME_BYTES;
  if (descriptors > file.size)
    throw badDump(
      file,
      BITMAP_BLOCKS,
      `${subHeaderBlocks} blocks of sub header and ${bitmapBlocks} of bitmaps: expected them to end at ${descriptors} or before the file does, found ${file.size}`,
    );
  if (bitmapBlocks % 2 !== 0)
    throw badDump(file, BITMAP_BLOCKS, `bitmap_blocks ${bitmapBlocks}: expected two bitmaps of the same size`);

  const sub = await readStructure(file, FRAME_BYTES, SUB_HEADER_BYTES, "a kdump sub header");
  const since = (first: number) => version >= first;
  const status = head.getUint32(STATUS, true);
  const endFrame = since(6) ? readU64(sub, MAX_MAPNR_64) : head.getUint32(MAX_MAPNR, true);
  const endAt = since(6) ? FRAME_BYTES + MAX_MAPNR_64 : MAX_MAPNR;
  const bits = (bitmapBlocks / 2) * FRAME_BYTES * 8;
  if (endFrame > Math.min(bits, MAX_FRAMES))
    throw badDump(
      file,
      endAt,
      `max_mapnr ${endFrame}: expected ${Math.min(bits, MAX_FRAMES)} at most, as the bitmaps have`,
    );

  const split = since(2) && sub.getInt32(SPLIT, true) !== 0;
  const [startAt, stopAt] = since(6) ? [START_PFN_64, END_PFN_64] : [START_PFN, END_PFN];
  const first = split ? readU64(sub, startAt) : 0;
  const end = split ? readU64(sub, stopAt) : endFrame;
  if (first > end || end > endFrame)
    throw badDump(
      file,
      FRAME_BYTES + startAt,
      `a part from frame ${first} to ${end}: expected frames below max_mapnr ${endFrame}`,
    );

  const stretch = (what: string, offsetAt: number, sizeAt: number): Stretch | null => {
    const offset = readU64(sub, offsetAt);
    const size = readU64(sub, sizeAt);
    if (size === 0) return null;
    if (offset < FRAME_BYTES || offset + size > file.size)
      throw badDump(
        file,
        FRAME_BYTES + offsetAt,
        `${what} of ${size} bytes at ${hex(offset)}: expected it in the file, which has ${file.size}`,
      );
    return { offset, size };
  };
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
    dumpLevel: since(1) ? sub.getInt32(DUMP_LEVEL, true) : null,
    split,
    first,
    end,
    vmcoreinfo: since(3) ? stretch("VMCOREINFO", OFFSET_VMCOREINFO, SIZE_VMCOREINFO) : null,
    notes: since(4) ? stretch("notes", OFFSET_NOTE, SIZE_NOTE) : null,
    ramBitmap,
    pageBitmap: ramBitmap + (bitmapBlocks / 2) * FRAME_BYTES,
    descriptors,
  };
}

/** The header's version. @throws VmemmapError what this reader is not for */
function checkKind(file: RandomAccessFile, head: DataView): number {
  const signature = text(head, 0, SIGNATURE.length);
  if (signature === OLD_SIGNATURE)
    throw unsupportedDump(file, "an old diskdump: only dumps in kdump's compressed form can be read");
  if (signature !== SIGNATURE)
    throw badDump(file, 0, `signature ${JSON.stringify(signature)}: expected ${JSON.stringify(SIGNATURE)}`);
  const version = head.getInt32(VERSION, true);
  if (version < 0) throw badDump(file, VERSION, `header version ${version}: expected 1 to ${NEWEST_VERSION}`);
  if (version < 1 || version > NEWEST_VERSION)
    throw unsupportedDump(file, `header version ${version}: versions 1 to ${NEWEST_VERSION} can be read`);
  const machine = text(head, UTSNAME + 4 * UTSNAME_FIELD);
  if (machine !== "" && machine !== "x86_64")
    throw unsupportedDump(file, `a dump of a machine ${JSON.stringify(machine)}: only x86_64 can be read`);
  const blockSize = head.getInt32(BLOCK_SIZE, true);
  if (blockSize !== FRAME_BYTES)
    throw unsupportedDump(file, `blocks of ${blockSize} bytes: only pages of ${FRAME_BYTES} can be read`);
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
