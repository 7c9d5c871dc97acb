/** ELF64 cores as kernels, QEMU and makedumpfile write them, and as they never should. */
import { concat, u16, u32, u64 } from "./bytes.js";

export interface ElfSegment {
  /** p_paddr */
  readonly address: number | bigint;
  readonly bytes: Uint8Array;
  /** p_memsz @default the bytes' length */
  readonly memorySize?: number | bigint;
}

export interface ElfNote {
  readonly owner: string;
  readonly type?: number;
  readonly description: Uint8Array;
}

export interface ElfShape {
  /** Each list is a PT_NOTE. */
  readonly notes?: readonly (readonly ElfNote[])[];
  readonly noteAlignment?: 4 | 8;
  /** Where the program headers stand: QEMU has the notes and the data before them. @default "front" */
  readonly headers?: "front" | "end";
  /** e_phnum 0xffff, and the number in section header 0. */
  readonly extendedCount?: boolean;
  /** e_ehsize; QEMU before 8 writes 8. */
  readonly headerSize?: number;
  readonly machine?: number;
  readonly type?: number;
}

const HEADER = 64;
const PROGRAM_HEADER = 56;
const SECTION_HEADER = 64;

export function writeElf(segments: readonly ElfSegment[], shape: ElfShape = {}): Uint8Array<ArrayBuffer> {
  const { notes = [], noteAlignment = 4, headers = "front", extendedCount = false } = shape;
  const count = notes.length + segments.length;
  const notePieces = notes.map((list) => concat(...list.map((note) => noteBytes(note, noteAlignment))));
  const pieces = [...notePieces, ...segments.map(({ bytes }) => bytes)];
  const headerBytes = count * PROGRAM_HEADER + (extendedCount ? SECTION_HEADER : 0);
  const headersAt = headers === "front" ? HEADER : HEADER + pieces.reduce((sum, piece) => sum + piece.length, 0);

  let at = headers === "front" ? HEADER + headerBytes : HEADER;
  const programHeaders = pieces.map((piece, i) => {
    const segment = segments[i - notes.length];
    const address = BigInt(segment?.address ?? 0);
    const header = concat(
      u32(segment === undefined ? 4 : 1),
      u32(7),
      ...[at, 0n, address, piece.length, segment?.memorySize ?? piece.length, noteAlignment].map((value) => u64(value)),
    );
    at += piece.length;
    return header;
  });
  const sectionsAt = headersAt + count * PROGRAM_HEADER;
  const header = concat(
    Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    u16(shape.type ?? 4),
    u16(shape.machine ?? 62),
    u32(1),
    u64(0),
    u64(headersAt),
    u64(extendedCount ? sectionsAt : 0),
    u32(0),
    ...[shape.headerSize ?? HEADER, PROGRAM_HEADER, extendedCount ? 0xffff : count].map((value) => u16(value)),
    ...[extendedCount ? SECTION_HEADER : 0, extendedCount ? 1 : 0, 0].map((value) => u16(value)),
  );
  const section = extendedCount ? concat(new Uint8Array(44), u32(count), new Uint8Array(16)) : new Uint8Array(0);
  const table = concat(...programHeaders, section);
  return headers === "front" ? concat(header, table, ...pieces) : concat(header, ...pieces, table);
}

export function vmcoreinfo(text: string): ElfNote {
  return { owner: "VMCOREINFO", description: new TextEncoder().encode(text) };
}

/** A note as it stands in a file, and in the memory of a kernel that keeps it. */
export function noteBytes({ owner, type = 0, description }: ElfNote, alignment: number): Uint8Array {
  const name = new TextEncoder().encode(`${owner}\0`);
  const named = concat(u32(name.length), u32(description.length), u32(type), name);
  return concat(padded(named, alignment), padded(description, alignment));
}

function padded(bytes: Uint8Array, alignment: number): Uint8Array {
  return concat(bytes, new Uint8Array(-bytes.length & (alignment - 1)));
}
