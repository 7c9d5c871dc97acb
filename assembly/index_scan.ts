// The head index as the slots tell it, block by block; and with it which sections are well-formed, since a block that the index
// can express has no ill-formed word.

import { ASK, KNOWN, MIXED, claim_block, end_claim, set_byte } from "./block_byte";
import { block_words, gather_common, gather_kinds } from "./block_words";
import { checked_distance, has_head_flag, page_address, plain_distance, tagged_distance } from "./compound";
import {
  ASK_PGMAP,
  BLOCK_PAGES,
  BLOCK_SHIFT,
  HEAD_INDEX_BYTES,
  NO_PGMAP_HERE,
  ONE_PGMAP,
  bits_of_order,
  block_order,
  block_word,
  has_index,
  has_word,
  index_forget_all,
  index_has_room,
  index_section,
  index_table,
  is_one_order,
  order_in,
  subsection_pgmap,
} from "./head_index";
import { INVALID, ONES } from "./memory";
import { COMPOUND_INFO, is_tagged, page } from "./page";
import { in_zone_device, links, zone_field } from "./page_links";
import { Pgmap, pgmap_number } from "./pgmap";
import { Encoding, Word, state_set, word, word64 } from "./profile";
import { slot_section_nr, slot_to_pfn_low } from "./slots";
import { pfn_to_slot, set_section_plain, slot_to_page, slot_to_pfn, slot_valid } from "./sparse";
import { PAGES_PER_SECTION, PFN_SECTION_SHIFT, PFN_SUBSECTION_SHIFT, STRUCT_PAGE_SHIFT } from "./x86_64";

const SUBSECTION_PAGES: u32 = 1 << PFN_SUBSECTION_SHIFT;
const ALL: u64 = 0xffff_ffff_ffff_ffff;

/** Whether all pages of the block that was last looked at but the first have one word at +8. */
function rest_is_alike(): bool {
  const words = block_words();
  return words.any_info == words.all_info;
}

/**
 * Whether pages `from` to `to` of the block at `p`, all tagged, lead to the head at `address`; `own` and `pfn` are page 0's. A mask has to do
 * so in its low half alone as well, by which the unchecked loops go.
 */
function lead_to(p: u32, from: u32, to: u32, own: u64, address: u64, pfn: u32): bool {
  let wrong: u64 = 0;
  // One mask for all: what it leaves of a page's place in the block shows in the last page.
  const first = to - from == BLOCK_PAGES - 1 && rest_is_alike() ? to - 1 : from;
  if (word(Word.ENCODING) == Encoding.MASK) {
    for (let i = first; i < to; i++) {
      const info = load<u64>(p + (i << STRUCT_PAGE_SHIFT), COMPOUND_INFO);
      const distance = <u32>((own - address) >> STRUCT_PAGE_SHIFT) + i;
      wrong |= ((own + (i << STRUCT_PAGE_SHIFT)) & info) ^ address;
      wrong |= tagged_distance(Encoding.MASK, pfn + i, <u32>info, 0) ^ distance;
    }
  } else {
    const info = address | 1;
    for (let i = first; i < to; i++) wrong |= load<u64>(p + (i << STRUCT_PAGE_SHIFT), COMPOUND_INFO) ^ info;
  }
  return wrong == 0;
}

/** A block whose first page leads `distance` pages back: part of one folio as a whole, or nothing that can be expressed. */
function block_of_tails(slot: u32, p: u32, distance: u32, bits: u32): u32 {
  const head = slot - distance;
  if (distance > slot || (head & (BLOCK_PAGES - 1)) != 0) return ASK;
  if (pfn_to_slot(slot_to_pfn(slot) - distance) != head) return ASK;
  const byte: u32 = load<u8>(block_order(head));
  if (!is_one_order(byte) || order_in(byte) <= BLOCK_SHIFT || distance >> order_in(byte) != 0) return ASK;
  if ((block_words().all_info & 1) == 0) return ASK;
  if (!lead_to(p, 1, BLOCK_PAGES, page_address(slot), page_address(head), slot_to_pfn_low(slot))) return ASK;
  store<u64>(bits, 1);
  return byte;
}

/** A block whose first page is no tail, by its tags and the heads among its pages. */
function block_of_heads(slot: u32, p: u32, tags: u64, heads: u64, bits: u32): u32 {
  const own = page_address(slot);
  const pfn = slot_to_pfn_low(slot);
  let order: u32 = 0;
  let left = tags;
  for (; heads != 0; heads &= heads - 1) {
    const at = <u32>ctz(heads);
    // The order stands in the page after, which is in another block if this one is not even.
    if ((at & 1) != 0) return ASK;
    order = load<u8>(p + (at << STRUCT_PAGE_SHIFT) + word(Word.ORDER));
    if (order == 0 || order > word(Word.MAX_FOLIO_ORDER)) return ASK;
    if (((pfn + at) & (((<u32>1) << order) - 1)) != 0) return ASK;
    const end = order < BLOCK_SHIFT ? at + ((<u32>1) << order) : BLOCK_PAGES;
    const run = ((ALL >> (BLOCK_PAGES - (end - at))) << at) & ~((<u64>1) << at);
    if ((left & run) != run || !lead_to(p, at + 1, end, own, own + (at << STRUCT_PAGE_SHIFT), pfn)) return ASK;
    left &= ~run;
  }
  if (left != 0) return ASK;
  store<u64>(bits, ~tags);
  return KNOWN | (order > BLOCK_SHIFT || ~tags == bits_of_order(order) ? order : MIXED);
}

/**
 * What the index says of the block that begins at `slot`, by its slots: the word to the address `bits`, the byte as the answer. Blocks
 * before it have been looked at.
 */
export function block_of_slots(slot: u32, bits: u32): u32 {
  if (!slot_valid(slot)) return ASK;
  const p = slot_to_page(slot);
  gather_common(p);
  const tagged = is_tagged(p);
  const flagged = has_head_flag(p);
  const words = block_words();
  const any_tagged = (words.any_info & 1) != 0;
  if (!tagged && !flagged && !any_tagged && (words.any_flags & word64(Word.PG_HEAD)) == 0) {
    store<u64>(bits, ALL);
    return KNOWN;
  }
  const may_be_fake = word(Word.ENCODING) == Encoding.FAKE_HEADS && flagged;
  if (tagged || may_be_fake) {
    const distance = checked_distance(slot);
    if (distance == INVALID) return ASK;
    if (distance != 0) return block_of_tails(slot, p, distance, bits);
  }
  if (tagged) return ASK;
  if (flagged && (words.all_info & 1) != 0) return block_of_heads(slot, p, ~(<u64>1), 1, bits);
  gather_kinds(p);
  return block_of_heads(slot, p, words.tagged, words.flagged & ~words.tagged, bits);
}

/** Bits in which flags words of pages of the block at `p`, the last that was looked at, differ from `like`. */
export function differing_flags(p: u32, like: u64): u64 {
  const words = block_words();
  return (words.any_flags ^ like) | (words.all_flags ^ like) | (load<u64>(p) ^ like);
}

// ---- Pgmaps -------------------------------------------------------------------------------------------------------

/** The pgmap that page_pgmap answers for all pages of a valid subsection whose blocks have been looked at, by its slots. */
function pgmap_of_slots(slot: u32): u32 {
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const end = slot + SUBSECTION_PAGES;
  let devices: u32 = 0;
  for (let s = slot; s != end; s++) devices += <u32>((load<u64>(slot_to_page(s)) & zone_bits) == zone_device);
  if (devices == 0) return NO_PGMAP_HERE;
  return devices == SUBSECTION_PAGES ? pgmap_of_device_pages(slot) : ASK_PGMAP;
}

/** The same of a subsection of ZONE_DEVICE pages alone. */
function pgmap_of_device_pages(slot: u32): u32 {
  const end = slot + SUBSECTION_PAGES;
  for (let s = slot; s != end; s += BLOCK_PAGES) {
    if ((load<u8>(block_order(s)) & KNOWN) == 0) return ASK_PGMAP;
  }
  const value = pgmap_word_of(slot);
  for (let s = slot; s != end; s += BLOCK_PAGES) {
    if (!has_pgmap_word(s, value)) return ASK_PGMAP;
  }
  const number = pgmap_number(value);
  return number == <u32>Pgmap.UNKNOWN ? ONE_PGMAP : number;
}

/** Whether all heads and single pages of a block that the index expresses have this word at +8. */
function has_pgmap_word(slot: u32, value: u64): bool {
  // A block that is part of one folio has no head but in its first page.
  const end = slot + (has_word(load<u8>(block_order(slot))) ? BLOCK_PAGES : 1);
  for (let s = slot; s != end; s++) {
    const p = slot_to_page(s);
    if (!is_tagged(p) && changetype<page>(p).compound_info != value && pgmap_word_of(s) != value) return false;
  }
  return true;
}

/** The word at +8 of the head of a page of a block that the index expresses. */
function pgmap_word_of(slot: u32): u64 {
  return changetype<page>(slot_to_page(slot - checked_distance(slot))).compound_info;
}

/** Look up the numbers of pgmaps that pages have in common but that had none: after the host has named them. */
export function head_index_pgmaps(): void {
  if (!has_index()) return;
  for (let slot: u32 = 0, end = word(Word.NR_SLOTS); slot < end; slot += SUBSECTION_PAGES) {
    const at = subsection_pgmap(slot);
    if (load<u16>(at) != ONE_PGMAP) continue;
    const number = pgmap_number(pgmap_word_of(slot));
    if (number != <u32>Pgmap.UNKNOWN) store<u16>(at, <u16>number);
  }
}

// ---- Sections -----------------------------------------------------------------------------------------------------

/** Whether the unchecked loop would answer for this slot what the checked one does, by slot and by PFN. */
function well_formed(slot: u32, encoding: u32, base_low: u32): bool {
  const distance = checked_distance(slot);
  if (distance == INVALID) return false;
  const pfn = slot_to_pfn(slot);
  if (plain_distance(encoding, slot_to_page(slot), <u32>pfn, base_low) != distance) return false;
  return pfn_to_slot(pfn - distance) == slot - distance;
}

/** How often a word is looked at that another thread may be changing between the looks of well_formed. */
const LOOKS: u32 = ASC_FEATURE_THREADS ? 64 : 1;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function is_ill_formed(slot: u32, encoding: u32, base_low: u32): bool {
  for (let looks: u32 = 0; looks < LOOKS; looks++) {
    if (well_formed(slot, encoding, base_low)) return false;
  }
  return true;
}

/** How many words at +8 of `nr` slots are ill-formed. */
function ill_formed(first: u32, nr: u32): u32 {
  const encoding = word(Word.ENCODING);
  const base_low = <u32>word64(Word.VMEMMAP_BASE);
  let ill: u32 = 0;
  for (let slot = first, end = first + nr; slot < end; slot++) {
    const p = slot_to_page(slot);
    const may_be_tail = is_tagged(p) || (encoding == Encoding.FAKE_HEADS && has_head_flag(p));
    if (may_be_tail && slot_valid(slot) && is_ill_formed(slot, encoding, base_low)) ill++;
  }
  return ill;
}

/** Make the index of the blocks that `nr` slots are in, of which nothing is known. */
export function index_blocks(slot: u32, nr: u32): void {
  const end = slot + nr;
  for (let at = slot & ~(BLOCK_PAGES - 1); at < end; at += BLOCK_PAGES) {
    const byte = block_order(at);
    // Another scan may have come before, when not all of the slots were written.
    if (claim_block(byte)) end_claim(byte, block_of_slots(at, block_word(at)));
    else set_byte(byte, ASK);
  }
}

/**
 * Read the words at +8 of a section's slots, mark it PLAIN if it may be, and answer how many are ill-formed. Its part of the head index is
 * made on the way, and what the index knows already is not read again; sections before it have been read.
 */
export function scan_section(slot_section: u32): u32 {
  const first = slot_section << PFN_SECTION_SHIFT;
  const end = first + PAGES_PER_SECTION;
  if (first >= word(Word.NR_SLOTS)) return 0;
  const indexed = index_has_room(slot_section);
  let ill: u32 = 0;
  for (let slot = first; slot < end; slot += SUBSECTION_PAGES) {
    ill += indexed ? scan_subsection(slot) : ill_formed(slot, SUBSECTION_PAGES);
  }
  set_section_plain(slot_section, ill == 0);
  return ill;
}

/** pgmap_of_slots of a subsection whose pages' flags words differ in these bits from its first page's. */
export function pgmap_of_scanned(first: u32, differing: u64): u32 {
  if ((differing & zone_field()) != 0) return pgmap_of_slots(first);
  return in_zone_device(slot_to_page(first)) ? pgmap_of_device_pages(first) : NO_PGMAP_HERE;
}

/** Note the pgmap of a subsection, as its slots were read. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function set_pgmap(at: u32, first: u32, number: u32): void {
  if (!ASC_FEATURE_THREADS) {
    store<u16>(at, <u16>number);
    return;
  }
  // A change of another thread forgets the number behind its slots: it will, or this second look sees them.
  atomic.xchg<u16>(at, <u16>number);
  if (number < NO_PGMAP_HERE && pgmap_of_slots(first) != number) store<u16>(at, <u16>ASK_PGMAP);
}

/** The same of a subsection that the index has room for. */
function scan_subsection(first: u32): u32 {
  if (!slot_valid(first)) return 0;
  const like = changetype<page>(slot_to_page(first)).flags;
  let differing: u64 = 0;
  let ill: u32 = 0;
  for (let slot = first; slot < first + SUBSECTION_PAGES; slot += BLOCK_PAGES) {
    const at = block_order(slot);
    if (!claim_block(at)) {
      // Not looked at now.
      differing = ALL;
      continue;
    }
    end_claim(at, block_of_slots(slot, block_word(slot)));
    differing |= differing_flags(slot_to_page(slot), like);
    if (load<u8>(at) == ASK) ill += ill_formed(slot, BLOCK_PAGES);
  }
  const pgmap = subsection_pgmap(first);
  if (load<u16>(pgmap) != ASK_PGMAP) return ill;
  set_pgmap(pgmap, first, pgmap_of_scanned(first, differing));
  return ill;
}

/** Put the head index to work, in the room the host has made for it; it answers for no section before that is scanned. */
export function head_index_start(): void {
  state_set(Word.HEAD_INDEX, word(Word.HEAD_INDEX_ROOM), 0);
  store<u64>(ONES, ALL);
  const sections = word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT;
  if (sections == 0 || !index_has_room(sections - 1)) return;
  memory.fill(index_table(), 0, HEAD_INDEX_BYTES);
  for (let s: u32 = 0; s < sections; s++) index_section(slot_section_nr(s << PFN_SECTION_SHIFT), s, true);
  index_forget_all();
}

/**
 * Look again at sections whose first page is part of a folio from a section before, where that was not known yet: after sections were
 * scanned by several threads at once.
 */
export function head_index_settle(): void {
  if (!has_index()) return;
  for (let s: u32 = 0, end = word(Word.NR_SLOTS) >> PFN_SECTION_SHIFT; s < end; s++) {
    const first = s << PFN_SECTION_SHIFT;
    if (load<u8>(block_order(first)) == ASK && slot_valid(first)) scan_section(s);
  }
}

/** Blocks of present pages that the index can't express. */
export function head_index_asks(): u32 {
  if (!has_index()) return 0;
  let asks: u32 = 0;
  for (let slot: u32 = 0, end = word(Word.NR_SLOTS); slot < end; slot += BLOCK_PAGES) {
    asks += <u32>(load<u8>(block_order(slot)) == ASK && slot_valid(slot));
  }
  return asks;
}
