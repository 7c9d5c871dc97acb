// The way of a list of PFNs through the slots, a block at a time.
//
// What counts is how many cache misses are under way at once, and a processor's window holds the fewer of them the more is
// done for each. So a block goes through several short loops: one that only reads the pages' words and waits for the misses,
// one that looks at the pages once they are in cache, and through the folio more that only read the heads' words. Between
// the loops stand, at NOTES, the addresses of what the next one reads; what is not to be read is sent to zeroes.

import { plain_distance, tagged_distance } from "../compound";
import { NOTES, ZEROES } from "../memory";
import { COMPOUND_INFO } from "../page";
import { Encoding, Word, word, word64 } from "../profile";
import { PLAIN, PLAIN_FLAGS, section_entry } from "../sparse";
import { PFN_SECTION_SHIFT, SLOT_IN_VMEMMAP_PAGE_MASK, STRUCT_PAGE_SHIFT } from "../x86_64";
import { FakeHeads, Mask } from "./heads";

/** PFNs a block: their slots' cache lines fill half of a first-level cache. */
export const BLOCK: u32 = 256;
/** The pages' tagged words, behind their addresses. */
const TAGS: u32 = NOTES + BLOCK * sizeof<u32>();

/** Leave the addresses of pages' slots at NOTES, up to the first page outside the PLAIN sections; how many. */
export function page_addresses(src: u32, nr: u32): u32 {
  let at: u32 = 0;
  for (; at < nr; at++) {
    const pfn = load<u32>(src + (at << 2));
    const entry = section_entry(pfn >> PFN_SECTION_SHIFT);
    if ((entry & PLAIN) == 0) break;
    store<u32>(NOTES + (at << 2), entry + (pfn << STRUCT_PAGE_SHIFT) - PLAIN_FLAGS);
  }
  return at;
}

/** Read the pages whose addresses stand at NOTES, and leave the low halves of their words at TAGS. */
function tags_at_notes(nr: u32): void {
  for (let at: u32 = 0; at < nr; at++) {
    store<u32>(TAGS + (at << 2), load<u32>(load<u32>(NOTES + (at << 2)), COMPOUND_INFO));
  }
}

/** Turn the addresses at NOTES into those of the pages' heads; zeroes where `flags & zone_bits` of a page is not `zone`. */
function addresses_by_tags<E>(src: u32, nr: u32, zone_bits: u64, zone: u64): void {
  const base_low = <u32>word64(Word.VMEMMAP_BASE);
  const encoding = sizeof<E>() == sizeof<Mask>() ? Encoding.MASK : Encoding.POINTER;
  const slots = word(Word.SLOTS);
  const bytes = word(Word.NR_SLOTS) << STRUCT_PAGE_SHIFT;
  for (let at: u32 = 0; at < nr; at++) {
    const p = load<u32>(NOTES + (at << 2));
    const pfn = load<u32>(src + (at << 2));
    const tag = load<u32>(TAGS + (at << 2));
    let distance = tagged_distance(encoding, pfn, tag, base_low) & (0 - (tag & 1));
    if (sizeof<E>() == sizeof<FakeHeads>() && ((pfn & SLOT_IN_VMEMMAP_PAGE_MASK) | (tag & 1)) == 0) {
      distance = plain_distance(Encoding.FAKE_HEADS, p, pfn, base_low);
    }
    // A host that writes slots behind our back must not lead the core out of the map.
    const head = p - (distance << STRUCT_PAGE_SHIFT);
    const asked = (load<u64>(p) & zone_bits) == zone;
    store<u32>(NOTES + (at << 2), select<u32>(head, ZEROES, asked && head - slots < bytes));
  }
}

/**
 * From the addresses of pages at NOTES to those of their heads. Pages whose flags under `zone_bits` are not `zone` are sent
 * to zeroes.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function head_addresses<E>(src: u32, nr: u32, zone_bits: u64, zone: u64): void {
  tags_at_notes(nr);
  addresses_by_tags<E>(src, nr, zone_bits, zone);
}

/** Read the 64-bit words `field` bytes behind the addresses at NOTES. */
export function words_at_notes(dst: u32, nr: u32, field: u32): void {
  for (let at: u32 = 0; at < nr; at++) {
    store<u64>(dst + (at << 3), load<u64>(load<u32>(NOTES + (at << 2)) + field));
  }
}
