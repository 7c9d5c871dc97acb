/**
 * VMCOREINFO in memory itself, for dumps that lack the note (LiME; QEMU without the vmcoreinfo device): the kernel keeps it as an ELF
 * note in pages of its own (vmcoreinfo_note, kernel/vmcore_info.c).
 */
import { VmemmapError } from "../errors.js";
import { imageToPhysical, KernelMemory, pageTablesOf } from "./kernel-memory.js";
import { checkKernel, physmemBits } from "./limits.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "./memory.js";
import { readSectionTable } from "./sections.js";
import { MAX_VMCOREINFO_BYTES, Vmcoreinfo } from "./vmcoreinfo.js";

//   0        4         8      12               24
//   | namesz | descsz  | type | "VMCOREINFO\0" | text
const NAME_SIZE = 11;
const TEXT_AT = 24;
const HEADER_WORDS = TEXT_AT / 4;
/** "VMCO", "REIN", "FO\0" as little-endian words; the byte behind is padding. */
const NAME_WORDS = [0x4f434d56, 0x4e494552, 0x4f46] as const;
const TEXT_START = "OSRELEASE=";

/** Frames that are read at once. */
const CHUNK_FRAMES = 256;
/** Different texts that are looked into: a kernel has one, and a crash kernel that is loaded has another. */
const MAX_HITS = 64;
/** Copies of notes, whose texts are alike or broken, that are looked at. */
const MAX_HEADERS = 4096;

export interface FoundVmcoreinfo {
  readonly info: Vmcoreinfo;
  readonly pfn: number;
  /** Different texts that were found. */
  readonly hits: number;
}

/**
 * Search all of memory for the note. Of several, the one whose page tables lead back to its kernel, and of those the one whose kernel has
 * most memory: a crash kernel has a small part of the machine's.
 *
 * @throws VmemmapError "unsupported-dump": there is none, or none whose page tables work
 */
export async function findVmcoreinfo(
  memory: PhysicalMemory,
  progress: (doneFrames: number) => void = () => undefined,
): Promise<FoundVmcoreinfo> {
  const texts = await searchNotes(memory, progress);
  let best: { info: Vmcoreinfo; pfn: number; sections: number } | null = null;
  const complaints: string[] = [];
  for (const [text, pfn] of texts) {
    try {
      const info = new Vmcoreinfo(text);
      const sections = await sectionsReached(memory, info);
      if (best === null || sections > best.sections) best = { info, pfn, sections };
    } catch (error) {
      if (!(error instanceof VmemmapError) || error.code === "unreadable") throw error;
      complaints.push(`at frame ${pfn}: ${error.message}`);
    }
  }
  if (best !== null) return { info: best.info, pfn: best.pfn, hits: texts.size };
  const why = complaints.length === 0 ? "none is in its memory either" : complaints.slice(0, 3).join("; ");
  throw new VmemmapError("unsupported-dump", `the dump has no VMCOREINFO note, and ${why}`);
}

/** Different texts of notes and the frame of each. */
async function searchNotes(memory: PhysicalMemory, progress: (frames: number) => void): Promise<Map<string, number>> {
  const texts = new Map<string, number>();
  const bytes = new Uint8Array(CHUNK_FRAMES * FRAME_BYTES);
  const words = new Int32Array(bytes.buffer);
  const frames: number[] = [];
  let headers = 0;
  const search = async (): Promise<void> => {
    const reading = memory.readFrames(frames, bytes.subarray(0, frames.length * FRAME_BYTES));
    if (reading !== undefined) await reading;
    const end = (frames.length * FRAME_BYTES) / 4 - HEADER_WORDS;
    for (let i = words.indexOf(NAME_WORDS[0]); i >= 0 && i <= end + 3; i = words.indexOf(NAME_WORDS[0], i + 1)) {
      if (words[i - 3] !== NAME_SIZE || words[i + 1] !== NAME_WORDS[1] || (words[i + 2]! & 0xffffff) !== NAME_WORDS[2])
        continue;
      const place = (i - 3) * 4;
      const size = words[i - 2]!;
      if (size < TEXT_START.length || size > MAX_VMCOREINFO_BYTES || ++headers > MAX_HEADERS) continue;
      const frame = frames[Math.floor(place / FRAME_BYTES)]!;
      const text = await readText(memory, frame * FRAME_BYTES + (place % FRAME_BYTES) + TEXT_AT, size);
      if (text !== null && !texts.has(text) && texts.size < MAX_HITS) texts.set(text, frame);
    }
  };
  for (let frame = 0; frame < memory.endFrame; frame++) {
    if (memory.stateOf(frame) === FrameState.HERE) frames.push(frame);
    if (frames.length === CHUNK_FRAMES) {
      await search();
      frames.length = 0;
      progress(frame);
    }
  }
  if (frames.length > 0) await search();
  return texts;
}

/** The text of a note, which stands in one stretch of memory; null if it is none. */
async function readText(memory: PhysicalMemory, address: number, size: number): Promise<string | null> {
  const first = Math.floor(address / FRAME_BYTES);
  const count = Math.floor((address + size - 1) / FRAME_BYTES) - first + 1;
  const frames = Array.from({ length: count }, (_, i) => first + i);
  if (frames.some((frame) => memory.stateOf(frame) !== FrameState.HERE)) return null;
  const bytes = new Uint8Array(count * FRAME_BYTES);
  const reading = memory.readFrames(frames, bytes);
  if (reading !== undefined) await reading;
  const from = address - first * FRAME_BYTES;
  const text = new TextDecoder("latin1").decode(bytes.subarray(from, from + size)).replace(/\0[^]*$/, "");
  return text.startsWith(TEXT_START) ? text : null;
}

/** How many sections its kernel has; throws unless its page tables lead back to the kernel's own image. */
async function sectionsReached(memory: PhysicalMemory, info: Vmcoreinfo): Promise<number> {
  checkKernel(info);
  const kernel = new KernelMemory(memory, pageTablesOf(info));
  const image = info.symbol("_stext") ?? info.symbol("init_uts_ns");
  const physBase = info.integer("phys_base");
  if (image === undefined || physBase === undefined)
    throw new VmemmapError("bad-dump", "VMCOREINFO has no SYMBOL(_stext)");
  if (BigInt((await kernel.translate(image)) ?? -1) !== imageToPhysical(image, physBase)) {
    throw new VmemmapError("bad-dump", "its page tables do not lead to its kernel");
  }
  return (await readSectionTable(kernel, info, physmemBits(info, kernel.levels))).entries.length;
}
