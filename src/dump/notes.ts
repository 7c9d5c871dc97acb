import type { RandomAccessFile } from "./file.js";
import { badDump } from "./structure.js";

const NOTE_HEADER_BYTES = 12;

/** A note of an ELF file: who wrote it, of what type, and what it says. */
export interface Note {
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/**
 * Notes of one PT_NOTE segment, as Elf64_Nhdr lays them out: sizes of name and description, type, then both, each padded.
 * A header without a name and a type ends them, since the kernel pads its notes with zeros (append_elf_note's final note).
 *
 * @param offset of the segment in the file, for messages
 * @throws VmemmapError "bad-dump": a note says that it is longer than its segment
 */
export function* notesIn(
  file: RandomAccessFile,
  bytes: DataView,
  offset: number,
  alignment: 4 | 8,
): Generator<Note, void> {
  const padded = (size: number): number => Math.ceil(size / alignment) * alignment;
  for (let at = 0; at + NOTE_HEADER_BYTES <= bytes.byteLength;) {
    const nameSize = bytes.getUint32(at, true);
    const descriptionSize = bytes.getUint32(at + 4, true);
    const type = bytes.getUint32(at + 8, true);
    if (nameSize === 0 && type === 0) break;
    const description = at + padded(NOTE_HEADER_BYTES + nameSize);
    const end = description + descriptionSize;
    if (end > bytes.byteLength)
      throw badDump(
        file,
        offset + at,
        `expected a note within its segment of ${bytes.byteLength} bytes, found one with ${nameSize} bytes of name and ` +
          `${descriptionSize} of description`,
      );
    yield {
      owner: textOf(slice(bytes, at + NOTE_HEADER_BYTES, nameSize)),
      type,
      description: slice(bytes, description, descriptionSize),
    };
    at = description + padded(descriptionSize);
  }
}

/** Text up to its first NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function slice(bytes: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, length);
}
