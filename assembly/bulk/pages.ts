// The way of a list of PFNs through the slots, a block at a time.
//
// What counts is how many cache misses are under way at once, and a processor's window holds the fewer of them the more is
// done for each. So a block goes through several short loops: one that finds the heads of its pages, one that leaves at
// notes() where their slots are, and one that only reads those.

import { ABSENT, INVALID, notes } from "../memory";
import { PLAIN, PLAIN_FLAGS, pfn_to_slot, section_entry, slot_to_page } from "../sparse";
import { PFN_SECTION_SHIFT, STRUCT_PAGE_SHIFT } from "../x86_64";
import { heads_of_pfns } from "./heads";

/** PFNs a block: their slots' cache lines fill a first-level cache. Shorter ones wait too often for their last misses. */
export const BLOCK: u32 = 512;
/** Room for a word of each page: so far behind the addresses. */
export const WORDS: u32 = BLOCK * sizeof<u32>();

/** Leave addresses of slots at notes() from PFN `at` on, up to the first outside the PLAIN sections: which one that is. */
function plain_addresses(pfns: u32, at: u32, nr: u32): u32 {
  const noted = notes();
  for (; at < nr; at++) {
    const pfn = load<u32>(pfns + (at << 2));
    const entry = section_entry(pfn >> PFN_SECTION_SHIFT);
    if ((entry & PLAIN) == 0) break;
    store<u32>(noted + (at << 2), entry + (pfn << STRUCT_PAGE_SHIFT) - PLAIN_FLAGS);
  }
  return at;
}

/** Leave the addresses of pages' slots at notes(), ABSENT where there is none; answers how many there are not. */
export function page_addresses(pfns: u32, nr: u32): u32 {
  const noted = notes();
  let absent: u32 = 0;
  for (let at = plain_addresses(pfns, 0, nr); at < nr; at = plain_addresses(pfns, at + 1, nr)) {
    const slot = pfn_to_slot(load<u32>(pfns + (at << 2)));
    store<u32>(noted + (at << 2), slot == INVALID ? ABSENT : slot_to_page(slot));
    absent += <u32>(slot == INVALID);
  }
  return absent;
}

/** The same of the pages' heads. */
export function head_addresses(pfns: u32, nr: u32): u32 {
  const heads = notes() + WORDS;
  heads_of_pfns(pfns, heads, nr);
  return page_addresses(heads, nr);
}

/** The 64-bit words `field` bytes behind the addresses at notes(). */
export function words_at_notes(dst: u32, nr: u32, field: u32): void {
  const noted = notes();
  for (let at: u32 = 0; at < nr; at++) {
    store<u64>(dst + (at << 3), load<u64>(load<u32>(noted + (at << 2)) + field));
  }
}

/** Answer all ones, T wide, where the address at notes() is ABSENT. */
export function mark_absent<T>(dst: u32, nr: u32): void {
  const noted = notes();
  for (let at: u32 = 0; at < nr; at++) {
    if (load<u32>(noted + (at << 2)) == ABSENT) store<T>(dst + at * sizeof<T>(), <T>-1);
  }
}
