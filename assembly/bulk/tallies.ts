// How many pages and folios there are of each zone, node, order, pgmap or flag, by what each page's own words say, or its head's. A folio
// is counted where the page is no tail. Two u32 each, at `dst`: a run of pages that say the same is added at once.

import { ASK, KNOWN } from "../block_byte";
import { PageTail, compound_head, compound_order, has_head_flag, page_is_fake_head } from "../compound";
import { BLOCK_PAGES, BLOCK_SHIFT, block_order, block_word, has_index, is_one_order, order_in } from "../head_index";
import { INVALID, MAX_PGMAPS } from "../memory";
import { page_pgmap } from "../memremap";
import { is_tagged, page } from "../page";
import { node_of, zone_of } from "../page_links";
import { Pgmap } from "../pgmap";
import { Word, word, word64 } from "../profile";
import { slot_to_pfn_low } from "../slots";
import { slot_to_page, slot_valid } from "../sparse";
import { STRUCT_PAGE_SIZE } from "../x86_64";

/** What pages are counted by. */
const enum Tally {
  ORDER,
  ZONE,
  NODE,
  PGMAP,
  FLAGS,
}

/** Zones and nodes are counted by their numbers below this; all from the last on are counted as the last. */
export const TALLY_LIMIT: u32 = 2048;

/** What pages of no pgmap the core knows are counted as: behind all pgmaps. */
const UNKNOWN_PGMAP: u32 = MAX_PGMAPS;
const NOT_DEVICE: u32 = MAX_PGMAPS + 1;
const HEADLESS: u32 = MAX_PGMAPS + 2;
/** What pages that lead nowhere are counted as by order: no order is larger than a byte. */
const NO_ORDER: u32 = 256;
const FLAG_BITS: u32 = 64;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function add(dst: u32, key: u32, pages: u32, folios: u32): void {
  const at = dst + (key << 3);
  store<u32>(at, load<u32>(at) + pages);
  store<u32>(at, load<u32>(at, 4) + folios, 4);
}

/** Bits of the pages of a block that are no tails. */
function heads_of_block(block: u32): u64 {
  const byte: u32 = has_index() ? load<u8>(block_order(block)) : ASK;
  if ((byte & KNOWN) != 0) {
    if (!is_one_order(byte) || order_in(byte) <= BLOCK_SHIFT) return load<u64>(block_word(block));
    return <u64>((slot_to_pfn_low(block) & (((<u32>1) << order_in(byte)) - 1)) == 0);
  }
  let heads: u64 = 0;
  for (let i: u32 = 0; i < BLOCK_PAGES; i++) heads |= (<u64>!PageTail(block + i)) << i;
  return heads;
}

function pgmap_key(slot: u32): u32 {
  const number = page_pgmap(slot);
  if (number == INVALID) return HEADLESS;
  if (number == <u32>Pgmap.NOT_DEVICE) return NOT_DEVICE;
  return min(number, UNKNOWN_PGMAP);
}

function order_key(slot: u32): u32 {
  const head = compound_head(slot);
  return head == INVALID ? NO_ORDER : compound_order(head);
}

/**
 * Whether a slot shows page 1 of a folio: it is that page, or HVO shows it behind a fake head (6.1 to 7.0). Heads stand at even PFNs and have
 * PG_head, so few slots are looked at twice.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function shows_page_1(slot: u32, p: u32): bool {
  if ((slot & 1) == 0 || !is_tagged(p) || !has_head_flag(p - STRUCT_PAGE_SIZE)) return false;
  return compound_head(slot) == slot - 1 || page_is_fake_head(slot - 1);
}

/**
 * The flags that are a page's own. In page 1, those of PF_SECOND are the folio's (PAGE_FLAGS_SECOND), and so is the order in the low byte
 * (folio_set_order, 6.6 on). A fake head shows the head's word: nothing there is its own.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function own_flags(slot: u32): u64 {
  const p = slot_to_page(slot);
  const flags = changetype<page>(p).flags;
  if (shows_page_1(slot, p)) return flags & ~word64(Word.SECOND_MASK);
  return has_head_flag(p) && page_is_fake_head(slot) ? 0 : flags;
}

/** What a page is counted as; of flags those that are its own. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function key_of(tally: Tally, slot: u32): u64 {
  if (tally == Tally.ORDER) return order_key(slot);
  if (tally == Tally.PGMAP) return pgmap_key(slot);
  if (tally == Tally.FLAGS) return own_flags(slot);
  const flags = changetype<page>(slot_to_page(slot)).flags;
  if (tally == Tally.ZONE) return min(zone_of(flags), TALLY_LIMIT - 1);
  return min(node_of(flags), TALLY_LIMIT - 1);
}

/** Count a run of pages with the same key; flags go by their bits. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function add_run(tally: Tally, dst: u32, key: u64, pages: u32, folios: u32): void {
  if (tally != Tally.FLAGS) {
    add(dst, <u32>key, pages, folios);
    return;
  }
  for (let left = key; left != 0; left &= left - 1) add(dst, <u32>ctz(left), pages, folios);
  add(dst, FLAG_BITS, pages, folios);
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function tally_block(tally: Tally, block: u32, from: u32, to: u32, mask: u64, dst: u32): void {
  const heads = heads_of_block(block);
  let start = from;
  let key = key_of(tally, block + from) & mask;
  for (let i = from + 1; i <= to; i++) {
    const next = i < to ? key_of(tally, block + i) & mask : ~key;
    if (next == key) continue;
    const folios = heads & ((((<u64>2) << (i - 1 - start)) - 1) << start);
    add_run(tally, dst, key, i - start, <u32>popcnt(folios));
    start = i;
    key = next;
  }
}

/** By the head index alone, where it knows a whole block that folios of one order fill. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function tally_one_order(block: u32, dst: u32): bool {
  const byte: u32 = has_index() ? load<u8>(block_order(block)) : ASK;
  if ((byte & KNOWN) == 0 || !is_one_order(byte)) return false;
  add(dst, order_in(byte), BLOCK_PAGES, <u32>popcnt(heads_of_block(block)));
  return true;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function tally_between(tally: Tally, first: u32, end: u32, mask: u64, dst: u32): void {
  const stop = min(end, word(Word.NR_SLOTS));
  for (let at = first; at < stop;) {
    const block = at & ~(BLOCK_PAGES - 1);
    const to = min(stop - block, BLOCK_PAGES);
    if (slot_valid(block)) {
      const whole = at == block && to == BLOCK_PAGES;
      if (tally != Tally.ORDER || !whole || !tally_one_order(block, dst)) {
        tally_block(tally, block, at - block, to, mask, dst);
      }
    }
    at = block + to;
  }
}

const ALL: u64 = 0xffff_ffff_ffff_ffff;

/**
 * Pages and folios of each order among the slots from `first` up to `end`: 257 pairs, of which the last are pages that lead nowhere. A page
 * is of its folio's order.
 */
export function tally_orders(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, (NO_ORDER + 1) << 3);
  tally_between(Tally.ORDER, first, end, ALL, dst);
}

/** The same of each zone number, TALLY_LIMIT pairs. */
export function tally_zones(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, TALLY_LIMIT << 3);
  tally_between(Tally.ZONE, first, end, ALL, dst);
}

/** The same of each node number, TALLY_LIMIT pairs. */
export function tally_nodes(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, TALLY_LIMIT << 3);
  tally_between(Tally.NODE, first, end, ALL, dst);
}

/** The same of each pgmap by number (page_pgmap), MAX_PGMAPS pairs; three more of unknown pgmaps, of pages that are not ZONE_DEVICE, and of headless ones. */
export function tally_pgmaps(first: u32, end: u32, dst: u32): void {
  memory.fill(dst, 0, (HEADLESS + 1) << 3);
  tally_between(Tally.PGMAP, first, end, ALL, dst);
}

/**
 * The same of each bit of pages' own flags, 64 pairs and one more of all pages; of bits below `nr` alone, up to 64. What page 1 keeps for its
 * folio, and what fake heads show, is not counted.
 */
export function tally_flags(first: u32, end: u32, nr: u32, dst: u32): void {
  memory.fill(dst, 0, (FLAG_BITS + 1) << 3);
  tally_between(Tally.FLAGS, first, end, nr >= FLAG_BITS ? ALL : ((<u64>1) << nr) - 1, dst);
}
