import { checkAliasLists, SLOTS_PER_VMEMMAP_PAGE, type VmemmapAliases } from "../aliases.js";
import { PAGES_PER_SECTION, PAGES_PER_SUBSECTION, type Section, validSubsections } from "../sections.js";
import type { ChunkLimits } from "./chunk.js";

const PAGES_PER_SECTION_MEMMAP = PAGES_PER_SECTION / SLOTS_PER_VMEMMAP_PAGE;

//   0                      8       12     16
//   | page = PFN / 64, u64 | frame | home |
export const ALIAS_RECORD = 16;
const FRAME_AT = 8;
const HOME_AT = 12;

export function aliasesLimits(sections: readonly Section[]): ChunkLimits {
  return { max: sections.length * PAGES_PER_SECTION_MEMMAP * ALIAS_RECORD };
}

export function encodeAliases({ pfns, frames, home }: VmemmapAliases): Uint8Array {
  const bytes = new Uint8Array(pfns.length * ALIAS_RECORD);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < pfns.length; i++) {
    const at = i * ALIAS_RECORD;
    view.setBigUint64(at, BigInt(pfns[i]! / SLOTS_PER_VMEMMAP_PAGE), true);
    view.setUint32(at + FRAME_AT, frames[i]!, true);
    view.setUint32(at + HOME_AT, home[i]!, true);
  }
  return bytes;
}

/** The aliases of a chunk's bytes. `refuse` gets what was expected where that does not hold. */
export function decodeAliases(
  bytes: Uint8Array<ArrayBuffer>,
  sections: readonly Section[],
  refuse: (message: string) => Error,
): VmemmapAliases {
  if (bytes.length % ALIAS_RECORD !== 0)
    throw refuse(`expected records of ${ALIAS_RECORD} bytes, found ${bytes.length} bytes`);
  const count = bytes.length / ALIAS_RECORD;
  const view = new DataView(bytes.buffer);
  const aliases = { pfns: new Float64Array(count), frames: new Uint32Array(count), home: new Uint8Array(count) };
  for (let i = 0; i < count; i++) {
    const at = i * ALIAS_RECORD;
    const home = view.getUint32(at + HOME_AT, true);
    if (home > 1) throw refuse(`expected home 0 or 1, found ${home}`);
    aliases.pfns[i] = Number(view.getBigUint64(at, true)) * SLOTS_PER_VMEMMAP_PAGE;
    aliases.frames[i] = view.getUint32(at + FRAME_AT, true);
    aliases.home[i] = home;
  }
  checkAliases(aliases, sections, refuse);
  return aliases;
}

/** What holds for the aliases of every image, written or read. */
export function checkAliases(
  aliases: VmemmapAliases,
  sections: readonly Section[],
  refuse: (message: string) => Error,
): void {
  checkAliasLists(aliases, refuse);
  const present = new Map(sections.map((section) => [section.number, validSubsections(section)]));
  let nextFrame = 0;
  aliases.pfns.forEach((pfn, i) => {
    const frame = aliases.frames[i]!;
    const subsection = BigInt(Math.floor((pfn % PAGES_PER_SECTION) / PAGES_PER_SUBSECTION));
    if ((((present.get(Math.floor(pfn / PAGES_PER_SECTION)) ?? 0n) >> subsection) & 1n) === 0n) {
      throw refuse(`expected aliases in present sections, found PFN ${pfn}`);
    }
    if (frame > nextFrame) throw refuse(`expected frames in order of appearance, found ${frame} before ${nextFrame}`);
    if (frame === nextFrame) nextFrame++;
  });
}
