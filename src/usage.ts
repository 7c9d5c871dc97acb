/** What the vmemmap of a map takes. */
import { type AliasTable, SLOTS_PER_VMEMMAP_PAGE } from "./aliases.js";
import { PAGES_PER_SUBSECTION, type Section, SLOT_BYTES, validSubsections } from "./sections.js";

const VMEMMAP_PAGE_BYTES = SLOTS_PER_VMEMMAP_PAGE * SLOT_BYTES;

/** Bytes of the vmemmap. */
export interface VmemmapUsage {
  /** 64 bytes for each valid PFN. */
  readonly nominalBytes: number;
  /** Frames that are really there. */
  readonly realBytes: number;
  readonly savedBytes: number;
}

/** Bytes of the vmemmap of these sections. @internal */
export function vmemmapUsage(sections: readonly Section[], aliases: AliasTable): VmemmapUsage {
  const subsections = sections.reduce((sum, section) => sum + bits(validSubsections(section)), 0);
  const nominalBytes = subsections * PAGES_PER_SUBSECTION * SLOT_BYTES;
  const savedBytes = aliases.savedPages * VMEMMAP_PAGE_BYTES;
  return { nominalBytes, realBytes: nominalBytes - savedBytes, savedBytes };
}

function bits(word: bigint): number {
  return word.toString(2).replaceAll("0", "").length;
}
