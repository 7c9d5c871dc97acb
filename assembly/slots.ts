// Which PFN a slot is of, by the section that has it.

import { SLOT_SECTIONS } from "./memory";
import { PAGE_IN_SECTION_MASK, PFN_SECTION_SHIFT } from "./x86_64";

/** Number of the section whose slots hold `slot`. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function slot_section_nr(slot: u32): u32 {
  return load<u32>(SLOT_SECTIONS + ((slot >> PFN_SECTION_SHIFT) << 2));
}

/** Low half of a slot's PFN: all that alignment, masks and distances need. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function slot_to_pfn_low(slot: u32): u32 {
  return (slot_section_nr(slot) << PFN_SECTION_SHIFT) | (slot & PAGE_IN_SECTION_MASK);
}
