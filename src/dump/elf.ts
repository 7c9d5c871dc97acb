import { END_OF_PHYSICAL, Segments } from "./extent-memory.js";
import { MAX_EXTENTS } from "./extents.js";
import type { RandomAccessFile } from "./file.js";
import type { Dump } from "./memory.js";
import { notesIn, textOf } from "./notes.js";
import { badDump, hex, readStructure, readU64, unsupportedDump } from "./structure.js";

/** Sizes of Elf64_Ehdr, Elf64_Phdr and Elf64_Shdr. */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;

const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const ET_CORE = 4;
const EM_X86_64 = 62;
/** e_phnum of a file with more program headers than 16 bits can count: section header 0 has their number in sh_info. */
const PN_XNUM = 0xffff;
const PT_LOAD = 1;
const PT_NOTE = 4;

/** p_paddr of what has no physical address, in 64 bits and as a double. */
const NO_ADDRESS = 2 ** 64;

/** A segment is two extents if a part of it was left out. */
const MAX_PROGRAM_HEADERS = MAX_EXTENTS / 2;
/** Program headers read at a time: 3.5 MiB. */
const HEADERS_A_READ = 1 << 16;
/** Most bytes of notes; a CPU has less than 1 KiB of them. */
const MAX_NOTE_BYTES = 64 << 20;

/** Owners of notes that the details name: CORE, QEMU, VMCOREINFO, and room for more. */
const OWNERS_SHOWN = 16;

/** What matters of a core's notes. */
interface Notes {
  readonly owners: Set<string>;
  /** The first VMCOREINFO that is not empty. */
  vmcoreinfo: string | null;
}

const TYPES: Readonly<Record<number, string>> = { 1: "an object file", 2: "a program", 3: "a program or library" };
const MACHINES: Readonly<Record<number, string>> = {
  3: "x86 (32 bits)",
  20: "PowerPC",
  21: "PowerPC 64",
  22: "S/390",
  40: "ARM (32 bits)",
  183: "AArch64",
  62: "x86_64",
  243: "RISC-V",
  258: "LoongArch",
};

/**
 * Open an ELF64 core of an x86_64 machine: kdump's /proc/vmcore, QEMU's dump-guest-memory, makedumpfile's `-E`. Memory is where
 * PT_LOAD segments say by p_paddr; p_vaddr is not looked at. What a segment has beyond p_filesz was filtered, and what the file
 * has lost at its end counts as filtered too.
 *
 * @throws VmemmapError "bad-dump": damaged, or no core of a machine; "unsupported-dump": of another machine
 */
export async function openElf(file: RandomAccessFile): Promise<Dump> {
  const header = await readStructure(file, 0, HEADER_BYTES, "the ELF header");
  checkHeader(file, header);
  const segments = new Segments(file);
  const notes = await readProgramHeaders(file, header, segments);
  if (segments.count === 0)
    throw badDump(file, readU64(header, 32), "expected program headers of PT_LOAD segments with memory, found none");
  if (segments.count > 1 && segments.highest === 0)
    throw badDump(file, 0, "expected a core of a machine, found that of a process: no segment has a physical address");
  const memory = segments.memory();
  if (memory === null)
    throw badDump(file, file.size, "expected the bytes of memory, found the end of the file before any of them");
  return {
    format: "elf",
    memory,
    vmcoreinfo: notes.vmcoreinfo,
    details: {
      machine: "x86_64",
      segments: segments.count,
      notes: [...notes.owners].join(", "),
      bytesLost: segments.bytesLost,
    },
    close: () => file.close(),
  };
}

function checkHeader(file: RandomAccessFile, header: DataView): void {
  if (header.getUint32(0) !== 0x7f454c46) throw badDump(file, 0, "expected the ELF magic 7f 45 4c 46, found another");
  const machine = header.getUint16(18, true);
  const found = `for ${MACHINES[machine] ?? "a machine that is not known here"} (e_machine ${machine})`;
  const read = "only 64-bit little-endian cores of x86_64 are read";
  if (header.getUint8(4) !== CLASS_64)
    throw unsupportedDump(file, `an ELF file of class ${header.getUint8(4)} ${found}; ${read}`);
  if (header.getUint8(5) !== LITTLE_ENDIAN)
    throw unsupportedDump(file, `an ELF file of data encoding ${header.getUint8(5)}; ${read}`);
  const type = header.getUint16(16, true);
  if (type !== ET_CORE)
    throw badDump(file, 16, `expected e_type 4 (a core), found ${type}${type in TYPES ? ` (${TYPES[type]!})` : ""}`);
  if (machine !== EM_X86_64) throw unsupportedDump(file, `an ELF core ${found}; ${read}`);
}

/** Adds the PT_LOADs to the segments and answers what all PT_NOTEs say. */
async function readProgramHeaders(file: RandomAccessFile, header: DataView, segments: Segments): Promise<Notes> {
  const start = readU64(header, 32);
  const entryBytes = header.getUint16(54, true);
  const count = await programHeaderCount(file, header);
  if (count > 0 && entryBytes !== PROGRAM_HEADER_BYTES)
    throw badDump(file, 54, `expected e_phentsize ${PROGRAM_HEADER_BYTES}, found ${entryBytes}`);
  if (start + count * PROGRAM_HEADER_BYTES > file.size)
    throw badDump(file, start, `expected ${count} program headers, found the end of the file at ${file.size}`);
  if (count > MAX_PROGRAM_HEADERS)
    throw unsupportedDump(file, `${count} program headers; at most ${MAX_PROGRAM_HEADERS} are read`);
  const notes: Notes = { owners: new Set(), vmcoreinfo: null };
  let noteBytes = 0;
  for (let first = 0; first < count; first += HEADERS_A_READ) {
    const offset = start + first * PROGRAM_HEADER_BYTES;
    const length = Math.min(HEADERS_A_READ, count - first) * PROGRAM_HEADER_BYTES;
    const headers = await readStructure(file, offset, length, "program headers");
    for (let at = 0; at < length; at += PROGRAM_HEADER_BYTES) {
      const type = headers.getUint32(at, true);
      if (type === PT_LOAD) addLoad(file, offset + at, headers, at, segments);
      if (type !== PT_NOTE) continue;
      noteBytes += readU64(headers, at + 32);
      if (noteBytes > MAX_NOTE_BYTES)
        throw badDump(file, offset + at + 32, `expected at most ${MAX_NOTE_BYTES} bytes of notes, found ${noteBytes}`);
      await readNotes(file, headers, at, notes);
    }
  }
  return notes;
}

async function programHeaderCount(file: RandomAccessFile, header: DataView): Promise<number> {
  const count = header.getUint16(56, true);
  if (count !== PN_XNUM) return count;
  const section = await readStructure(
    file,
    readU64(header, 40),
    SECTION_HEADER_BYTES,
    "section header 0, which has the number of program headers",
  );
  return section.getUint32(44, true);
}

function addLoad(file: RandomAccessFile, offset: number, headers: DataView, at: number, segments: Segments): void {
  const address = readU64(headers, at + 24);
  const fileSize = readU64(headers, at + 32);
  const size = Math.max(fileSize, readU64(headers, at + 40));
  if (address === NO_ADDRESS || size === 0) return;
  if (address + size > END_OF_PHYSICAL)
    throw badDump(
      file,
      offset + 24,
      `expected memory below the 52 bits of x86_64, found p_paddr ${hex(address)} with ${hex(size)} bytes`,
    );
  segments.add(address, size, readU64(headers, at + 8), fileSize);
}

async function readNotes(file: RandomAccessFile, headers: DataView, at: number, notes: Notes): Promise<void> {
  const offset = readU64(headers, at + 8);
  const bytes = await readStructure(file, offset, readU64(headers, at + 32), "notes");
  for (const { owner, description } of notesIn(file, bytes, offset, readU64(headers, at + 48) === 8 ? 8 : 4)) {
    if (notes.owners.size < OWNERS_SHOWN) notes.owners.add(owner.slice(0, 32));
    if (owner === "VMCOREINFO" && description.length > 0) notes.vmcoreinfo ??= textOf(description);
  }
}
