// The words at +8 of ZONE_DEVICE pages as they stand: where a kernel's pgmaps are to be looked for, before any is known.

import { page_address } from "../compound";
import { COMPOUND_INFO, page } from "../page";
import { links, zone_field } from "../page_links";
import { Word, word } from "../profile";
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

/**
 * The next run of ZONE_DEVICE pages, among the slots from `first` up to `end`, whose word may be a pgmap's address, written to `run`;
 * answers where to look for the one behind it. Without any its pages are 0. A page of an altmap has its list head there, linked to itself.
 */
export function next_device_words(first: u32, end: u32, run: u32): u32 {
  const found = changetype<DeviceWordRun>(run);
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const stop = min(end, word(Word.NR_SLOTS));
  found.pages = 0;
  for (let slot = first, p = slot_to_page(first); slot < stop; slot++, p += STRUCT_PAGE_SIZE) {
    const own = changetype<page>(p).compound_info;
    if ((changetype<page>(p).flags & zone_bits) != zone_device || (own & NO_POINTER) != 0) continue;
    if (found.pages == 0 || found.word != own) {
      if (own == page_address(slot) + COMPOUND_INFO) continue;
      if (found.pages != 0) return slot;
      found.word = own;
      found.first = slot;
    }
    found.last = slot;
    found.pages++;
  }
  return stop;
}
