// The checker: a pass over all slots that holds each against the rules of compounds and of ZONE_DEVICE. It goes from folio
// to folio, so that a folio's tails are held against its head while both are in cache.
//
// What is judged is what a lookup would read. Slots that show another frame's bytes are judged by where they lead alone: their
// other words are another page's. An altmap's own pages have a list where others have a pgmap, its reserved ones are all zero,
// and zone numbers past the last zone stand on pages that boot reserved: none of these is a fault.

import { checked_distance, compound_order, page_address } from "../compound";
import { folio_is_hugetlb, folio_mapcount } from "../folio";
import { idle_count } from "../memremap";
import { notes } from "../memory";
import { COMPOUND_INFO, NOT_MAPPED, is_tagged, page } from "../page";
import { links, links_mask, node_of, zone_field, zone_of } from "../page_links";
import {
  Pgmap,
  Range,
  in_set,
  pgmap_address,
  pgmap_number,
  pgmap_of_pfn,
  pgmap_type,
  range_at,
  range_from,
} from "../pgmap";
import { Encoding, MapcountRule, NO_FIELD, Word, word, word64 } from "../profile";
import { follows, slot_is_alias, slot_to_page, slot_to_pfn, slot_valid } from "../sparse";
import {
  PFN_SUBSECTION_SHIFT,
  RESERVED_SLOTS,
  SLOTS_PER_VMEMMAP_PAGE,
  SLOT_IN_VMEMMAP_PAGE_MASK,
  STRUCT_PAGE_SHIFT,
  STRUCT_PAGE_SIZE,
  TAIL_MAPPING,
  VMEMMAP_PAGE_SHIFT,
} from "../x86_64";
import { FINDING_SIZE, Fault, NO_VALUE, NR_FAULTS, Report, report } from "./findings";
import { verify_index } from "./verify_index";

const SUBSECTION_PAGES: u32 = 1 << PFN_SUBSECTION_SHIFT;
/** HPG_vmemmap_optimized: bit of a hugetlb head's private word. */
const VMEMMAP_OPTIMIZED: u64 = 1 << 4;

// ---- Heads and tails ----------------------------------------------------------------------------------------------

/** First page of a folio from which on slots show another frame's, as its head tells; no map tells it of every dump. */
function shown_from(head: u32, p: u32, nr: u32): u32 {
  const optimized = (changetype<page>(p).private_ & VMEMMAP_OPTIMIZED) != 0 && folio_is_hugetlb(head);
  if (!optimized) return nr;
  return word(Word.ENCODING) == Encoding.POINTER ? RESERVED_SLOTS : SLOTS_PER_VMEMMAP_PAGE;
}

/** Hold a tail against its head, one rule after the other. */
function judge_tail(slot: u32, i: u32, head_flags: u64): void {
  const p = changetype<page>(slot_to_page(slot));
  if (p._refcount != 0) report(Fault.TAIL_REFCOUNT, slot, <u64>p._refcount, 0);
  if (i > word(Word.META_PAGES) && p.mapping != TAIL_MAPPING) {
    report(Fault.TAIL_MAPPING, slot, p.mapping, TAIL_MAPPING);
  }
  if ((p.flags & word64(Word.PG_HEAD)) != 0) report(Fault.TAIL_FLAG_HEAD, slot, p.flags, NO_VALUE);
  if (zone_of(p.flags) != zone_of(head_flags)) {
    report(Fault.ZONE_DIFFERS, slot, zone_of(p.flags), zone_of(head_flags));
  }
  if (node_of(p.flags) != node_of(head_flags)) {
    report(Fault.NODE_DIFFERS, slot, node_of(p.flags), node_of(head_flags));
  }
}

/** Bits in which a tail's flags must be its head's: zone and node. PG_head must be clear. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function compared_flags(): u64 {
  return links_mask() | word64(Word.PG_HEAD);
}

/**
 * From page `i` on the first tail of a folio that needs a closer look; `end` where none does. Pointers are equal to `info`, flags
 * in the bits `compared`, and mapping is TAIL_MAPPING in the bits `mapped`: in none where fields of the folio may stand.
 */
function sound_tails_by_pointer(p: u32, i: u32, end: u32, info: u64, flags: u64, compared: u64, mapped: u64): u32 {
  for (; i < end; i++) {
    const tail = changetype<page>(p + (i << STRUCT_PAGE_SHIFT));
    const differs = ((tail.flags ^ flags) & compared) | ((tail.mapping ^ TAIL_MAPPING) & mapped);
    const wrong = (tail.compound_info ^ info) | differs;
    if ((wrong | (<u64>(<u32>tail._refcount))) != 0) break;
  }
  return i;
}

/** The same for masks, that of the folio's order or a larger one: what they leave of the address is the head's. */
function sound_tails_by_mask(p: u32, i: u32, end: u32, address: u64, flags: u64, compared: u64, mapped: u64): u32 {
  for (; i < end; i++) {
    const tail = changetype<page>(p + (i << STRUCT_PAGE_SHIFT));
    const info = tail.compound_info;
    const head = (address + ((<u64>i) << STRUCT_PAGE_SHIFT)) & info;
    const differs = ((tail.flags ^ flags) & compared) | ((tail.mapping ^ TAIL_MAPPING) & mapped);
    const wrong = (head ^ address) | (~info & 1) | differs;
    if ((wrong | (<u64>(<u32>tail._refcount))) != 0) break;
  }
  return i;
}

/** Hold the tails of a folio against its head; answers how many pages stand in its run, the head counted. */
function verify_tails(head: u32, nr: u32): u32 {
  const p = slot_to_page(head);
  const address = page_address(head);
  const head_flags = changetype<page>(p).flags;
  const flags = head_flags & ~word64(Word.PG_HEAD);
  const compared = compared_flags();
  const by_mask = word(Word.ENCODING) == Encoding.MASK;
  const shown = shown_from(head, p, nr);
  const shares = word(Word.NR_SHARED) != 0;
  let i: u32 = 1;
  while (i < nr) {
    if (i >= shown || (shares && slot_is_alias(head + i))) {
      // 64 slots of another frame.
      const stop = min(nr, (i | SLOT_IN_VMEMMAP_PAGE_MASK) + 1);
      for (; i < stop; i++) {
        if (checked_distance(head + i) == i) continue;
        if (!is_tagged(slot_to_page(head + i))) return i;
        report_stray(head + i, address, nr);
      }
      continue;
    }
    const meta = i <= word(Word.META_PAGES);
    const block = shares || shown < nr ? min(nr, (i | SLOT_IN_VMEMMAP_PAGE_MASK) + 1) : nr;
    const stop = meta ? min(block, word(Word.META_PAGES) + 1) : block;
    const mapped: u64 = meta ? 0 : ~(<u64>0);
    i = by_mask
      ? sound_tails_by_mask(p, i, stop, address, flags, compared, mapped)
      : sound_tails_by_pointer(p, i, stop, address | 1, flags, compared, mapped);
    if (i == stop) continue;
    if (checked_distance(head + i) == i) judge_tail(head + i, i, head_flags);
    else if (is_tagged(slot_to_page(head + i))) report_stray(head + i, address, nr);
    else return i;
    i++;
  }
  return nr;
}

/** A tagged page amid a folio's tails that does not lead to its head. */
function report_stray(slot: u32, head: u64, nr: u32): void {
  const mask = word(Word.ENCODING) == Encoding.MASK;
  const info = mask ? ~(((<u64>nr) << STRUCT_PAGE_SHIFT) - 1) | 1 : head | 1;
  report(Fault.TAIL_HEAD, slot, load<u64>(slot_to_page(slot), COMPOUND_INFO), info);
}

/** Pages right behind a folio of `nr` pages that lead to its head as well. */
function surplus(head: u32, nr: u32): u32 {
  let i = nr;
  while (head + i < word(Word.NR_SLOTS) && is_tagged(slot_to_page(head + i)) && follows(head, i)) {
    if (checked_distance(head + i) != i) break;
    i++;
  }
  return i - nr;
}

/**
 * span_valid, for slots that come in rising order: how far valid slots stand in a row is looked at once, or garbage with a large order in
 * each slot would have it looked at for each.
 */
function in_run(slot: u32, nr: u32): bool {
  const run = changetype<Report>(notes());
  if (slot < run.run_start || slot >= run.run_end) {
    run.run_start = slot;
    run.run_end = (slot | (SUBSECTION_PAGES - 1)) + 1;
    while (follows(slot, run.run_end - slot)) run.run_end += SUBSECTION_PAGES;
  }
  return nr <= run.run_end - slot;
}

/** A page with PG_head that is no fake head: its folio. Answers how many pages are dealt with. */
function verify_head(head: u32, p: u32, pfn: u64): u32 {
  const order = compound_order(head);
  if (order == 0 || order > word(Word.MAX_FOLIO_ORDER) || !in_run(head, 1 << order)) {
    report(Fault.HEAD_ORDER, head, order, NO_VALUE);
    verify_page(head, p, pfn, 1);
    return 1;
  }
  const nr: u32 = 1 << order;
  if ((pfn & (nr - 1)) != 0) report(Fault.HEAD_UNALIGNED, head, pfn, pfn & ~(<u64>nr - 1));
  const run = verify_tails(head, nr);
  const more = run == nr ? surplus(head, nr) : 0;
  if (run + more != nr) report(Fault.ORDER_RUN, head, run + more, nr);
  const offset = word(Word.NR_PAGES);
  if (offset != NO_FIELD && load<u32>(p + offset) != nr) report(Fault.NR_PAGES, head, load<u32>(p + offset), nr);
  verify_page(head, p, pfn, nr);
  return run + more;
}

/** A tagged page, or a fake head, behind no head that it could belong to. */
function verify_stray(slot: u32, p: u32): void {
  const distance = checked_distance(slot);
  const head = slot - distance;
  const leads =
    distance <= slot && distance != 0 && slot_valid(head) && slot_to_pfn(slot) - slot_to_pfn(head) == distance;
  const at = slot_to_page(head);
  const is_head = leads && !is_tagged(at) && (changetype<page>(at).flags & word64(Word.PG_HEAD)) != 0;
  if (!is_head || distance >> min(compound_order(head), 31) != 0) {
    report(Fault.TAIL_HEAD, slot, changetype<page>(p).compound_info, NO_VALUE);
  } else if (!slot_is_alias(slot) && distance < shown_from(head, at, 1 << min(compound_order(head), 31))) {
    judge_tail(slot, distance, changetype<page>(at).flags);
  }
}

// ---- ZONE_DEVICE --------------------------------------------------------------------------------------------------

/** The least count that a device folio can have at rest. */
function least_count(folio: u32, type: u32): i32 {
  let mappings: i32 = 0;
  // Up to 6.1 a large folio's mappings are told by all of its pages; its device folios are not mapped by count anyway.
  const told = word(Word.MAPCOUNT_RULE) != MapcountRule.COMPOUND || compound_order(folio) == 0;
  if (in_set(Word.DEVICE_MAPPINGS_COUNT, type) && told) mappings = max(folio_mapcount(folio), 0);
  return idle_count(type) + mappings;
}

/** Hold a ZONE_DEVICE folio of `nr` pages against its pgmap. */
function verify_device(folio: u32, p: u32, pfn: u64, nr: u32): void {
  const value = changetype<page>(p).compound_info;
  const number = pgmap_number(value);
  const at = range_from(pfn);
  const inside = at < word(Word.NR_PGMAP_RANGES) && range_at(at).start <= pfn;
  if (number == <u32>Pgmap.UNKNOWN) {
    const hosts = inside && pfn < range_at(at).first && value == page_address(folio) + COMPOUND_INFO;
    if (!hosts) report(Fault.PGMAP_UNKNOWN, folio, value, inside ? pgmap_address(range_at(at).pgmap) : NO_VALUE);
    return;
  }
  if (!inside || range_at(at).pgmap != number || pfn < range_at(at).first) {
    // By which rules it counts is not known then.
    report(Fault.PGMAP_RANGE, folio, value, inside ? pgmap_address(range_at(at).pgmap) : NO_VALUE);
    return;
  }
  if (pfn + nr > range_at(at).end) verify_ranges(folio, pfn, nr, number);
  const type = pgmap_type(number);
  if (type == 0) return;
  const least = least_count(folio, type);
  const count = changetype<page>(p)._refcount;
  if (count < least) report(Fault.DEVICE_REFCOUNT, folio, <u64>count, <u64>least);
}

/** A folio that goes on behind the range it begins in: into another one of its pgmap, or not. */
function verify_ranges(folio: u32, pfn: u64, nr: u32, number: u32): void {
  for (let at = pfn; at < pfn + nr;) {
    const other = pgmap_of_pfn(at);
    if (other != number) {
      if (other == <u32>Pgmap.UNKNOWN) report(Fault.PGMAP_RANGE, folio, pgmap_address(number), NO_VALUE);
      else report(Fault.PGMAP_DIFFERS, folio, pgmap_address(other), pgmap_address(number));
      return;
    }
    at = range_at(range_from(at)).end;
  }
}

/** What holds for a folio of `nr` pages as a whole. */
function verify_page(folio: u32, p: u32, pfn: u64, nr: u32): void {
  const zone = zone_of(changetype<page>(p).flags);
  if (zone == word(Word.ZONE_DEVICE)) {
    verify_device(folio, p, pfn, nr);
    return;
  }
  if (word(Word.NR_PGMAP_RANGES) == 0) return;
  const at = range_from(pfn);
  if (at >= word(Word.NR_PGMAP_RANGES)) return;
  const range = range_at(at);
  const meets = pfn + nr > range.first && range.first < range.end;
  if (meets) report(Fault.PGMAP_ZONE, folio, zone, word(Word.ZONE_DEVICE));
}

// ---- The pass -----------------------------------------------------------------------------------------------------

/**
 * The first slot from `slot` on in a subsection of normal memory that needs a closer look. Single pages do not, nor do small folios
 * whose tails are all as they should be; both are most of what there is, and pay no call.
 */
function skip_sound_pages(slot: u32, stop: u32): u32 {
  const zone_bits = zone_field();
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const pg_head = word64(Word.PG_HEAD);
  const compared = compared_flags();
  const by_mask = word(Word.ENCODING) == Encoding.MASK;
  const order_at = word(Word.ORDER);
  const nr_pages_at = word(Word.NR_PAGES);
  const fields_end = word(Word.META_PAGES) + 1;
  let address = page_address(slot);
  let p = slot_to_page(slot);
  while (slot < stop) {
    const flags = changetype<page>(p).flags;
    if ((load<u32>(p, COMPOUND_INFO) & 1) != 0 || (flags & zone_bits) == zone_device) break;
    let nr: u32 = 1;
    if ((flags & pg_head) != 0) {
      // Nothing stands behind the last slot of all.
      nr = slot + 1 < stop ? small_folio_at(slot, stop, load<u8>(p + order_at)) : 0;
      if (nr == 0 || (nr_pages_at != NO_FIELD && load<u32>(p + nr_pages_at) != nr)) break;
      const fields = min(nr, fields_end);
      const own = flags & ~pg_head;
      if (by_mask) {
        if (sound_tails_by_mask(p, 1, fields, address, own, compared, 0) != fields) break;
        if (sound_tails_by_mask(p, fields, nr, address, own, compared, NO_VALUE) != nr) break;
      } else {
        if (sound_tails_by_pointer(p, 1, fields, address | 1, own, compared, 0) != fields) break;
        if (sound_tails_by_pointer(p, fields, nr, address | 1, own, compared, NO_VALUE) != nr) break;
      }
      if (is_tagged(p + (nr << STRUCT_PAGE_SHIFT))) break;
    }
    slot += nr;
    p += nr << STRUCT_PAGE_SHIFT;
    address += (<u64>nr) << STRUCT_PAGE_SHIFT;
  }
  return slot;
}

/**
 * Pages of a folio of this order that stands aligned and with the page behind it in the subsection that ends at `stop`; 0 where it
 * does not, and where it is so large that its slots may show another frame's.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function small_folio_at(slot: u32, stop: u32, order: u32): u32 {
  if (order - 1 >= VMEMMAP_PAGE_SHIFT) return 0;
  const nr: u32 = 1 << order;
  return (slot & (nr - 1)) == 0 && slot + nr < stop ? nr : 0;
}

/** The same in a subsection that is all one pgmap's: single pages of it, not mapped, with a count that may be. */
function skip_sound_device_pages(slot: u32, stop: u32, range: Range): u32 {
  const type = pgmap_type(range.pgmap);
  const pgmap = pgmap_address(range.pgmap);
  const compared = zone_field() | word64(Word.PG_HEAD);
  const zone_device = links(word(Word.ZONE_DEVICE), 0);
  const idle = idle_count(type);
  let p = slot_to_page(slot);
  for (; slot < stop; slot++, p += STRUCT_PAGE_SIZE) {
    const single = changetype<page>(p);
    if (single.compound_info != pgmap || (single.flags & compared) != zone_device) break;
    if (single._mapcount != NOT_MAPPED || single._refcount < idle) break;
  }
  return slot;
}

/**
 * Hold all slots against the rules: a u32 for each Fault, how often it was found, to `counts`; `room` findings, of those
 * behind the first `skip`, to `list`. Answers how many pages there are.
 */
export function verify_all(counts: u32, list: u32, room: u32, skip: u32): u32 {
  memory.fill(counts, 0, NR_FAULTS << 2);
  const to = changetype<Report>(notes());
  to.counts = counts;
  to.skip = skip;
  to.next = list;
  to.end = list + room * FINDING_SIZE;
  to.run_start = 0;
  to.run_end = 0;
  const end = word(Word.NR_SLOTS);
  let pages: u32 = 0;
  // A folio may end inside a later subsection: `slot` is the next page that no folio before has dealt with.
  let slot: u32 = 0;
  for (let first: u32 = 0; first < end; first += SUBSECTION_PAGES) {
    if (!slot_valid(first)) continue;
    pages += SUBSECTION_PAGES;
    slot = max(slot, first);
    verify_subsection(slot, first + SUBSECTION_PAGES);
    verify_index(first);
    slot = changetype<Report>(notes()).at;
  }
  return pages;
}

/** The pages from `slot` up to the end of a valid subsection, and further where a folio does. */
function verify_subsection(slot: u32, stop: u32): void {
  const pfn = slot_to_pfn(stop - SUBSECTION_PAGES);
  const at = range_from(pfn);
  const nearby = at < word(Word.NR_PGMAP_RANGES) && range_at(at).start < pfn + SUBSECTION_PAGES;
  const inside = nearby && range_at(at).first <= pfn && range_at(at).end >= pfn + SUBSECTION_PAGES;
  const known = inside && pgmap_type(range_at(at).pgmap) != 0;
  while (slot < stop) {
    if (!nearby) slot = skip_sound_pages(slot, stop);
    else if (known) slot = skip_sound_device_pages(slot, stop, range_at(at));
    if (slot < stop) slot += verify_at(slot);
  }
  changetype<Report>(notes()).at = slot;
}

/** One page that no folio before has dealt with; answers how many pages are. */
function verify_at(slot: u32): u32 {
  const p = slot_to_page(slot);
  if (is_tagged(p)) {
    verify_stray(slot, p);
    return 1;
  }
  const pfn = slot_to_pfn(slot);
  if ((changetype<page>(p).flags & word64(Word.PG_HEAD)) == 0) {
    verify_page(slot, p, pfn, 1);
    return 1;
  }
  if (checked_distance(slot) == 0) return verify_head(slot, p, pfn);
  verify_stray(slot, p);
  return 1;
}
