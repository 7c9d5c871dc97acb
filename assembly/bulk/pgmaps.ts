// Lists of pages to lists of pgmaps: kernel addresses as pages hold them, or numbers. On a page that is not ZONE_DEVICE the
// address is 0; what is absent or leads nowhere answers all ones, and each call answers how many were so.

import { compound_head } from "../compound";
import { get_dev_pagemap, own_pgmap, page_pgmap, zone_device_pages_have_same_pgmap } from "../memremap";
import { has_index } from "../head_index";
import { ABSENT, INVALID, notes, ZEROES } from "../memory";
import { COMPOUND_INFO, is_tagged, page } from "../page";
import { in_zone_device, is_zone_device_page, links, zone_field } from "../page_links";
import { Pgmap, live_pgmap_of_pfn, pgmap_number, pgmap_type } from "../pgmap";
import { Word, word } from "../profile";
import { PLAIN, PLAIN_FLAGS, pfn_to_slot, section_entry, slot_to_page, slot_valid } from "../sparse";
import { PFN_SECTION_SHIFT, STRUCT_PAGE_SHIFT } from "../x86_64";
import { BY_SLOTS } from "./heads";
import { pgmap_words_by_index, pgmaps_by_index } from "./indexed";
import { BLOCK, head_addresses, mark_absent, page_addresses, words_at_notes } from "./pages";

const NO_WORD: u64 = 0xffff_ffff_ffff_ffff;

// ---- Words, through the folio -------------------------------------------------------------------------------------

/** Store the pgmap word of a page's folio, the checked way; 1 where there is none. Any word may stand there, all ones too. */
function store_pgmap_word(at: u32, slot: u32): u32 {
  const device = is_zone_device_page(slot);
  const head = device ? compound_head(slot) : slot;
  const invalid = !slot_valid(slot) || head == INVALID;
  const value = invalid ? NO_WORD : device ? changetype<page>(slot_to_page(head)).compound_info : 0;
  store<u64>(at, value);
  return <u32>invalid;
}

/** Send pages that are not ZONE_DEVICE to zeroes, from PFN `at` on up to the first outside the PLAIN sections: which one. */
function leave_plain_devices(pfns: u32, at: u32, nr: u32): u32 {
  const noted = notes();
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  for (; at < nr; at++) {
    const pfn = load<u32>(pfns + (at << 2));
    const entry = section_entry(pfn >> PFN_SECTION_SHIFT);
    if ((entry & PLAIN) == 0) break;
    const flags = load<u64>(entry + (pfn << STRUCT_PAGE_SHIFT) - PLAIN_FLAGS);
    const head = load<u32>(noted + (at << 2));
    store<u32>(noted + (at << 2), select<u32>(head, ZEROES, (flags & zone_bits) == zone_device));
  }
  return at;
}

/**
 * Send the pages that are not ZONE_DEVICE to zeroes, where addresses of their heads stand at notes(); answers how many of them
 * were without a head.
 */
function leave_devices(pfns: u32, nr: u32): u32 {
  let headless: u32 = 0;
  for (let at = leave_plain_devices(pfns, 0, nr); at < nr; at = leave_plain_devices(pfns, at + 1, nr)) {
    const slot = pfn_to_slot(load<u32>(pfns + (at << 2)));
    if (slot == INVALID || in_zone_device(slot_to_page(slot))) continue;
    headless += <u32>(load<u32>(notes() + (at << 2)) == ABSENT);
    store<u32>(notes() + (at << 2), ZEROES);
  }
  return headless;
}

/**
 * Pgmap words of a list of PFNs below 2^32, through the folio (page_pgmap, 6.15 on). The head index is asked first. Lists must not
 * overlap.
 */
export function pgmap_words_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  if (!has_index()) return pgmap_words_by_slots(src, dst, nr);
  const end = src + (nr << 2);
  let invalid: u32 = 0;
  for (let at = src; at != end; at = min(at + BY_SLOTS, end)) {
    at = pgmap_words_by_index(at, end, dst + ((at - src) << 1));
    invalid += pgmap_words_by_slots(at, dst + ((at - src) << 1), min(BY_SLOTS, end - at) >> 2);
  }
  return invalid;
}

/** The same through the slots alone. */
function pgmap_words_by_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at += BLOCK) {
    const count = min(BLOCK, nr - at);
    const pfns = src + (at << 2);
    const out = dst + (at << 3);
    const absent = head_addresses(pfns, count) - leave_devices(pfns, count);
    words_at_notes(out, count, COMPOUND_INFO);
    if (absent != 0) mark_absent<u64>(out, count);
    invalid += absent;
  }
  return invalid;
}

/** The same of a list of slots. */
export function pgmap_words_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    invalid += store_pgmap_word(dst + (at << 3), load<u32>(src + (at << 2)));
  }
  return invalid;
}

// ---- Words, of each page itself -----------------------------------------------------------------------------------

/** What the word at +8 of a page with these flags says of a pgmap: 0 on a tail, where it is the tag. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function own_word_of(value: u64, flags: u64, zone_bits: u64, zone_device: u64): u64 {
  return select<u64>(value & ((value & 1) - 1), 0, (flags & zone_bits) == zone_device);
}

function own_word(slot: u32): u64 {
  if (!slot_valid(slot)) return NO_WORD;
  const p = changetype<page>(slot_to_page(slot));
  return own_word_of(p.compound_info, p.flags, zone_field(), links(word(Word.ZONE_DEVICE), 0));
}

/** Keep those words of the pages at notes() that are pgmaps, and make the others 0. */
function keep_own_words(dst: u32, nr: u32): void {
  const noted = notes();
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  for (let at: u32 = 0; at < nr; at++) {
    const p = load<u32>(noted + (at << 2));
    store<u64>(dst + (at << 3), own_word_of(load<u64>(dst + (at << 3)), load<u64>(p), zone_bits, zone_device));
  }
}

/** Pgmap words of a list of PFNs below 2^32, each of the page itself (page->pgmap, up to 6.14). Lists must not overlap. */
export function own_pgmap_words_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at += BLOCK) {
    const count = min(BLOCK, nr - at);
    const out = dst + (at << 3);
    const absent = page_addresses(src + (at << 2), count);
    words_at_notes(out, count, COMPOUND_INFO);
    keep_own_words(out, count);
    if (absent != 0) mark_absent<u64>(out, count);
    invalid += absent;
  }
  return invalid;
}

/** The same of a list of slots. */
export function own_pgmap_words_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const value = own_word(load<u32>(src + (at << 2)));
    store<u64>(dst + (at << 3), value);
    invalid += <u32>(value == NO_WORD);
  }
  return invalid;
}

// ---- Numbers ------------------------------------------------------------------------------------------------------

/** page_pgmap of each page of a list of PFNs below 2^32: the number of its pgmap, NOT_DEVICE or UNKNOWN. The head index is asked first. */
export function pgmaps_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  const indexed = has_index();
  const end = src + (nr << 2);
  const to_dst = dst - src;
  let invalid: u32 = 0;
  for (let at = src; at != end;) {
    if (indexed) at = pgmaps_by_index(at, end, at + to_dst);
    const stop = min(at + BY_SLOTS, end);
    for (; at != stop; at += 4) {
      const slot = pfn_to_slot(load<u32>(at));
      const number = slot != INVALID ? page_pgmap(slot) : INVALID;
      store<u32>(at + to_dst, number);
      invalid += <u32>(number == INVALID);
    }
  }
  return invalid;
}

/** page_pgmap of each page of a list of slots: the number of its pgmap, NOT_DEVICE or UNKNOWN. */
export function pgmaps_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  let last_word: u64 = NO_WORD;
  let last_number: u32 = <u32>Pgmap.UNKNOWN;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    let number: u32 = <u32>Pgmap.NOT_DEVICE;
    if (!slot_valid(slot)) number = INVALID;
    else if (in_zone_device(slot_to_page(slot))) {
      const head = compound_head(slot);
      if (head == INVALID) number = INVALID;
      else {
        // Pages of one pgmap come in long runs as a rule.
        const value = changetype<page>(slot_to_page(head)).compound_info;
        if (value != last_word) {
          last_word = value;
          last_number = pgmap_number(value);
        }
        number = last_number;
      }
    }
    store<u32>(dst + (at << 2), number);
    invalid += <u32>(number == INVALID);
  }
  return invalid;
}

/** What a list of numbers is asked for. */
const enum Question {
  OWN_PGMAP,
  DEV_PAGEMAP,
  MEMORY_TYPE,
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function answer_of(slot: u32, question: Question): u32 {
  if (question == Question.OWN_PGMAP) return own_pgmap(slot);
  if (question == Question.DEV_PAGEMAP) return get_dev_pagemap(slot);
  const number = page_pgmap(slot);
  return number == INVALID ? INVALID : pgmap_type(number);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function number_list(src: u32, dst: u32, nr: u32, question: Question): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const answer = answer_of(load<u32>(src + (at << 2)), question);
    store<u32>(dst + (at << 2), answer);
    invalid += <u32>(answer == INVALID);
  }
  return invalid;
}

/** page->pgmap of each page of a list of slots, by its own word; UNKNOWN on tails. */
export function own_pgmaps_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return number_list(src, dst, nr, Question.OWN_PGMAP);
}

/** get_dev_pagemap of each page of a list of slots; how many slots there were not. */
export function dev_pagemaps_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return number_list(src, dst, nr, Question.DEV_PAGEMAP);
}

/** MemoryType of each page of a list of slots; 0 where it is not ZONE_DEVICE or of no known pgmap. */
export function memory_types_of_slots(src: u32, dst: u32, nr: u32): u32 {
  return number_list(src, dst, nr, Question.MEMORY_TYPE);
}

/** get_dev_pagemap of a list of PFNs below 2^32: no slot is read. */
export function dev_pagemaps_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const pfn = load<u32>(src + (at << 2));
    const present = (section_entry(pfn >> PFN_SECTION_SHIFT) & PLAIN) != 0 || pfn_to_slot(pfn) != INVALID;
    store<u32>(dst + (at << 2), present ? live_pgmap_of_pfn(pfn) : INVALID);
    invalid += <u32>!present;
  }
  return invalid;
}

/** zone_device_pages_have_same_pgmap of two lists of slots, pair by pair: 1 or 0, INVALID where page_pgmap of one is. */
export function same_pgmaps_of_slots(src: u32, other: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const a = load<u32>(src + (at << 2));
    const b = load<u32>(other + (at << 2));
    const valid = page_pgmap(a) != INVALID && page_pgmap(b) != INVALID;
    store<u32>(dst + (at << 2), valid ? <u32>zone_device_pages_have_same_pgmap(a, b) : INVALID);
    invalid += <u32>!valid;
  }
  return invalid;
}

// ---- The whole map ------------------------------------------------------------------------------------------------

/** ZONE_DEVICE pages and folios of each pgmap: two u32 each to `dst`; answers how many pages are of no known pgmap. */
export function count_pgmaps(dst: u32): u32 {
  let unknown: u32 = 0;
  memory.fill(dst, 0, word(Word.NR_PGMAPS) << 3);
  const nr = word(Word.NR_SLOTS);
  for (let slot: u32 = 0; slot < nr; slot++) {
    if (!slot_valid(slot) || !in_zone_device(slot_to_page(slot))) continue;
    const number = page_pgmap(slot);
    if (number >= word(Word.NR_PGMAPS)) {
      unknown++;
      continue;
    }
    const at = dst + (number << 3);
    store<u32>(at, load<u32>(at) + 1);
    if (!is_tagged(slot_to_page(slot))) store<u32>(at, load<u32>(at, 4) + 1, 4);
  }
  return unknown;
}
