import { checkSections as checkNumbers, type Section } from "../sections.js";
import type { ChunkLimits } from "./chunk.js";

/** 8 TiB of memory, 128 GiB of slots: more than any host will load, and it bounds what a reader allocates. */
const MAX_SECTIONS = 65536;

//   0        4       8            16
//   | number | flags | subsections |     flags: the kernel's low bits of section_mem_map (mmzone.h)
export const SECTION_RECORD = 16;
const FLAGS_AT = 4;
const SUBSECTIONS_AT = 8;
const PRESENT = 1 << 0;
const HAS_MEM_MAP = 1 << 1;
const IS_ONLINE = 1 << 2;
const IS_EARLY = 1 << 3;
const TAINT_ZONE_DEVICE = 1 << 4;
const ALWAYS = PRESENT | HAS_MEM_MAP;
const KNOWN = ALWAYS | IS_ONLINE | IS_EARLY | TAINT_ZONE_DEVICE;

export const SECTIONS_LIMITS: ChunkLimits = { max: MAX_SECTIONS * SECTION_RECORD };

export function encodeSections(sections: readonly Section[]): Uint8Array {
  const bytes = new Uint8Array(sections.length * SECTION_RECORD);
  const view = new DataView(bytes.buffer);
  sections.forEach((section, i) => {
    const at = i * SECTION_RECORD;
    const { early, online, taintZoneDevice } = section;
    const flags = (online ? IS_ONLINE : 0) | (early ? IS_EARLY : 0) | (taintZoneDevice ? TAINT_ZONE_DEVICE : 0);
    view.setUint32(at, section.number, true);
    view.setUint32(at + FLAGS_AT, ALWAYS | flags, true);
    view.setBigUint64(at + SUBSECTIONS_AT, section.subsections, true);
  });
  return bytes;
}

/** The sections of a chunk's bytes. `refuse` gets what was expected where that does not hold. */
export function decodeSections(bytes: Uint8Array<ArrayBuffer>, refuse: (message: string) => Error): Section[] {
  if (bytes.length % SECTION_RECORD !== 0)
    throw refuse(`expected records of ${SECTION_RECORD} bytes, found ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer);
  const sections: Section[] = [];
  for (let at = 0; at < bytes.length; at += SECTION_RECORD) {
    const flags = view.getUint32(at + FLAGS_AT, true);
    if ((flags & ALWAYS) !== ALWAYS || (flags & ~KNOWN) !== 0) {
      throw refuse(`expected section flags 0b00011 to 0b11111 with bits 0 and 1 set, found ${flags}`);
    }
    sections.push({
      number: view.getUint32(at, true),
      early: (flags & IS_EARLY) !== 0,
      online: (flags & IS_ONLINE) !== 0,
      taintZoneDevice: (flags & TAINT_ZONE_DEVICE) !== 0,
      subsections: view.getBigUint64(at + SUBSECTIONS_AT, true),
    });
  }
  checkSections(sections, refuse);
  return sections;
}

/** What holds for the sections of every image, written or read. */
export function checkSections(sections: readonly Section[], refuse: (message: string) => Error): void {
  if (sections.length > MAX_SECTIONS) {
    throw refuse(`expected at most ${MAX_SECTIONS} sections, found ${sections.length}`);
  }
  checkNumbers(sections, refuse);
}
