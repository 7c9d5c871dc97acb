// The words at +8 of ZONE_DEVICE pages as they stand: where a kernel's pgmaps are to be looked for, before any is known.

import { page } from "../page";
import { links, zone_field } from "../page_links";
import { Word, word, word64 } from "../profile";
import { slot_to_page } from "../sparse";
import { STRUCT_PAGE_SIZE } from "../x86_64";

/** Pages with the same word, pages without one between them. */
@unmanaged
class DeviceWordRun {
  word: u64;
  /** Slots of the first and the last of them. */
  first: u32;
  last: u32;
  pages: u32;
}

/** Bits that are clear in a pointer to a pgmap: it is no tail's word, and aligned. */
const NO_POINTER: u64 = 7;
/** From its base on, the vmemmap of the 64 TiB that four levels of page tables map, and the first part of what five do. */
const VMEMMAP_BYTES: u64 = 1 << 40;

/**
 * The next run of ZONE_DEVICE pages, among the slots from `first` up to `end`, whose word may be a pgmap's address, written to `run`;
 * answers where to look for the one behind it. Without any its pages are 0. What leads into the vmemmap is a list's, as of an altmap's pages,
 * whose list heads are linked to themselves.
 */
export function next_device_words(first: u32, end: u32, run: u32): u32 {
  const found = changetype<DeviceWordRun>(run);
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const vmemmap_base = word64(Word.VMEMMAP_BASE);
  const stop = min(end, word(Word.NR_SLOTS));
  found.pages = 0;
  for (let slot = first, p = slot_to_page(first); slot < stop; slot++, p += STRUCT_PAGE_SIZE) {
    const own = changetype<page>(p).compound_info;
    if ((changetype<page>(p).flags & zone_bits) != zone_device || (own & NO_POINTER) != 0) continue;
    if (found.pages == 0 || found.word != own) {
      if (own - vmemmap_base < VMEMMAP_BYTES) continue;
      if (found.pages != 0) return slot;
      found.word = own;
      found.first = slot;
    }
    found.last = slot;
    found.pages++;
  }
  return stop;
}
