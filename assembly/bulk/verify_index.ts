// The checker's part for the head index: what it answers must be what the slots answer.

import { KNOWN, MIXED } from "../block_byte";
import { compound_head, compound_order } from "../compound";
import {
  ASK_PGMAP,
  BLOCK_PAGES,
  BLOCK_SHIFT,
  NO_PGMAP_HERE,
  ONE_PGMAP,
  block_order,
  block_word,
  has_index,
  has_word,
  is_one_order,
  order_in,
  subsection_pgmap,
} from "../head_index";
import { block_of_slots, differing_flags, pgmap_of_scanned } from "../index_scan";
import { page_pgmap } from "../memremap";
import { notes } from "../memory";
import { Pgmap } from "../pgmap";
import { page } from "../page";
import { slot_to_page, slot_to_pfn, slot_valid } from "../sparse";
import { PFN_SUBSECTION_SHIFT } from "../x86_64";
import { Fault, NO_VALUE, report } from "./findings";
import { head_by_index, order_by_index } from "./indexed";

/** A block is looked at anew so far behind notes(); the pass's own state stands before. */
const BLOCK_WORD: u32 = 64;

/** The first page of a block whose head, or order, is not that of the slots. */
function report_block(first: u32): void {
  let orders = false;
  for (let slot = first; slot < first + BLOCK_PAGES; slot++) {
    const by_index = head_by_index(slot);
    const head = compound_head(slot);
    if (by_index != head) {
      report(Fault.INDEX_HEAD, slot, slot_to_pfn(by_index), slot_valid(head) ? slot_to_pfn(head) : NO_VALUE);
      return;
    }
    if (orders || order_by_index(slot) == compound_order(head)) continue;
    report(Fault.INDEX_ORDER, slot, order_by_index(slot), compound_order(head));
    orders = true;
  }
}

/** The first page of a subsection whose pgmap is not that of the slots. */
function report_pgmap(first: u32, number: u32): void {
  const by_index = number == NO_PGMAP_HERE ? <u32>Pgmap.NOT_DEVICE : number;
  for (let slot = first; slot < first + ((<u32>1) << PFN_SUBSECTION_SHIFT); slot++) {
    if (page_pgmap(slot) == by_index) continue;
    report(Fault.INDEX_PGMAP, slot, <u64>(<i32>by_index), <u64>(<i32>page_pgmap(slot)));
    return;
  }
}

/** Hold what the index says of a valid subsection against its slots. */
export function verify_index(first: u32): void {
  if (!has_index()) return;
  const like = changetype<page>(slot_to_page(first)).flags;
  const word_at = notes() + BLOCK_WORD;
  let differing: u64 = 0;
  let as_told = true;
  for (let slot = first; slot < first + ((<u32>1) << PFN_SUBSECTION_SHIFT); slot += BLOCK_PAGES) {
    const byte: u32 = load<u8>(block_order(slot));
    const told = block_of_slots(slot, word_at);
    differing |= differing_flags(slot_to_page(slot), like);
    if ((byte & KNOWN) == 0) continue;
    // Changes leave a block MIXED that came to be of one small order.
    const became_one = byte == (KNOWN | MIXED) && is_one_order(told) && order_in(told) <= BLOCK_SHIFT;
    const same_word = !has_word(byte) || load<u64>(word_at) == load<u64>(block_word(slot));
    if ((told == byte || became_one) && same_word) continue;
    report_block(slot);
    as_told = false;
  }
  const number: u32 = load<u16>(subsection_pgmap(first));
  if (number == ASK_PGMAP || number == ONE_PGMAP) return;
  // By the slots a pgmap is told for blocks that the index is right about.
  if (!as_told || pgmap_of_scanned(first, differing) != number) report_pgmap(first, number);
}
