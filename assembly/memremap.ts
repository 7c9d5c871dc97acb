// Device page maps: which dev_pagemap a ZONE_DEVICE page belongs to (mm/memremap.c, include/linux/memremap.h).
//
// The word at +8 of a head or single page is its pgmap: page->pgmap up to 6.14, folio->pgmap from 6.15 on. On a tail it is
// the tag, so the way leads through the head in either case. Zone bits come first: on any other page the word is a list
// pointer. And they do not suffice: pages that hold an altmap's struct pages are ZONE_DEVICE and have a list there, and a
// word may name a pgmap that is gone. So it is held against the pgmaps the host has named.

import { compound_head } from "./compound";
import { INVALID, MAX_PGMAPS, MAX_PGMAP_RANGES, PGMAPS, PGMAP_RANGES } from "./memory";
import { page } from "./page";
import { page_zonenum } from "./page_flags";
import { Word, state_set, word } from "./profile";
import { slot_to_page, slot_to_pfn, slot_valid } from "./sparse";

/** Answers beside the number of a pgmap and INVALID. */
export enum Pgmap {
  /** The page is not ZONE_DEVICE. */
  NOT_DEVICE = -2,
  /** Its word names no pgmap the core knows. */
  UNKNOWN = -3,
}

/** One range of a pgmap, in PFNs, by rising start. */
@unmanaged
class Range {
  start: u64;
  /** First PFN after. */
  end: u64;
  pgmap: u32;
}

const RANGE_SIZE: u32 = offsetof<Range>();

/** Forget all pgmaps. */
export function pgmaps_clear(): void {
  state_set(Word.NR_PGMAPS, 0, 0);
  state_set(Word.NR_PGMAP_RANGES, 0, 0);
}

/** Name a pgmap by its kernel address; its number, or -1 where there is no room. */
export function pgmap_add(address_low: u32, address_high: u32): i32 {
  const number = word(Word.NR_PGMAPS);
  if (number >= MAX_PGMAPS) return -1;
  store<u64>(PGMAPS + (number << 3), ((<u64>address_high) << 32) | address_low);
  state_set(Word.NR_PGMAPS, number + 1, 0);
  return <i32>number;
}

/** Give a pgmap a range of PFNs by halves, end exclusive; ranges come by rising start. -1 where it can't be. */
export function pgmap_add_range(pgmap: u32, start_low: u32, start_high: u32, end_low: u32, end_high: u32): i32 {
  const number = word(Word.NR_PGMAP_RANGES);
  const start = ((<u64>start_high) << 32) | start_low;
  const end = ((<u64>end_high) << 32) | end_low;
  if (number >= MAX_PGMAP_RANGES || pgmap >= word(Word.NR_PGMAPS) || start >= end) return -1;
  if (number > 0 && range_at(number - 1).end > start) return -1;
  const range = range_at(number);
  range.start = start;
  range.end = end;
  range.pgmap = pgmap;
  state_set(Word.NR_PGMAP_RANGES, number + 1, 0);
  return <i32>number;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function range_at(number: u32): Range {
  return changetype<Range>(PGMAP_RANGES + number * RANGE_SIZE);
}

function pgmap_number(address: u64): u32 {
  const end = PGMAPS + (word(Word.NR_PGMAPS) << 3);
  for (let at = PGMAPS; at != end; at += 8) {
    if (load<u64>(at) == address) return (at - PGMAPS) >> 3;
  }
  return <u32>Pgmap.UNKNOWN;
}

/** is_zone_device_page: by the page's own zone bits. */
export function is_zone_device_page(slot: u32): bool {
  return slot_valid(slot) && page_zonenum(slot) == word(Word.ZONE_DEVICE);
}

/** page_pgmap: the number of the page's pgmap, NOT_DEVICE, UNKNOWN, or INVALID where the page has no head. */
export function page_pgmap(slot: u32): u32 {
  if (!slot_valid(slot)) return INVALID;
  if (!is_zone_device_page(slot)) return <u32>Pgmap.NOT_DEVICE;
  const head = compound_head(slot);
  return head == INVALID ? INVALID : pgmap_number(changetype<page>(slot_to_page(head)).compound_info);
}

/** get_dev_pagemap: the number of the pgmap whose range holds the slot's PFN, or UNKNOWN. */
export function get_dev_pagemap(slot: u32): u32 {
  if (!slot_valid(slot)) return INVALID;
  const pfn = slot_to_pfn(slot);
  let low: u32 = 0;
  let high = word(Word.NR_PGMAP_RANGES);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (range_at(middle).end <= pfn) low = middle + 1;
    else high = middle;
  }
  const found = low < word(Word.NR_PGMAP_RANGES) && range_at(low).start <= pfn;
  return found ? range_at(low).pgmap : <u32>Pgmap.UNKNOWN;
}

/** zone_device_pages_have_same_pgmap: both normal, or both ZONE_DEVICE with the same word. */
export function zone_device_pages_have_same_pgmap(a: u32, b: u32): bool {
  if (!slot_valid(a) || !slot_valid(b)) return false;
  const device = is_zone_device_page(a);
  if (device != is_zone_device_page(b)) return false;
  if (!device) return true;
  const head_a = compound_head(a);
  const head_b = compound_head(b);
  if (head_a == INVALID || head_b == INVALID) return false;
  return changetype<page>(slot_to_page(head_a)).compound_info == changetype<page>(slot_to_page(head_b)).compound_info;
}

/** page_pgmap of each page of a list of slots; how many had no head. */
export function pgmaps_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const pgmap = page_pgmap(load<u32>(src + (at << 2)));
    store<u32>(dst + (at << 2), pgmap);
    invalid += <u32>(pgmap == INVALID);
  }
  return invalid;
}

/** get_dev_pagemap of each page of a list of slots; how many slots there were not. */
export function dev_pagemaps_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const pgmap = get_dev_pagemap(load<u32>(src + (at << 2)));
    store<u32>(dst + (at << 2), pgmap);
    invalid += <u32>(pgmap == INVALID);
  }
  return invalid;
}

/** The pgmap words of pages' heads, 64 bits, as they stand; 0 for pages that are not ZONE_DEVICE. */
export function pgmap_words_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    const device = is_zone_device_page(slot);
    const head = device ? compound_head(slot) : slot;
    const valid = head != INVALID && slot_valid(slot);
    const value = device && valid ? changetype<page>(slot_to_page(head)).compound_info : 0;
    store<u64>(dst + (at << 3), valid ? value : ~(<u64>0));
    invalid += <u32>!valid;
  }
  return invalid;
}
