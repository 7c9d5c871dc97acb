// The flags word: named flags under their policies (include/linux/page-flags.h), what writes zone, node and last_cpupid, and
// the page type in the word at +48. Which bit a flag is, is the host's to say; what a policy means, is said here.

import { PageCompound, PageHead, PageTail, compound_head, compound_order, has_page, page_address } from "./compound";
import { index_forget, index_singles, index_zone } from "./head_index";
import { INVALID } from "./memory";
import { NOT_MAPPED, is_tagged, page } from "./page";
import { cpupid_field, links, links_mask, zone_field } from "./page_links";
import { assign_flags, clear_flags, ref_set, set_flags } from "./page_ref";
import { Word, word, word64 } from "./profile";
import { slot_to_pfn_low } from "./slots";
import { any_shared, set_section_plain, slot_to_page, slot_valid, span_valid } from "./sparse";
import { Status, refused } from "./status";
import { PFN_SECTION_SHIFT, STRUCT_PAGE_SIZE } from "./x86_64";

/** Which page of a compound a flag operation touches. */
export enum Policy {
  /** PF_ANY: the page itself. */
  ANY,
  /** PF_HEAD: the page's head. */
  HEAD,
  /** PF_NO_TAIL: the page's head; a change on a tail is refused. */
  NO_TAIL,
  /** PF_NO_COMPOUND: the page itself; a change on a page of a compound is refused. */
  NO_COMPOUND,
  /** PF_ONLY_HEAD: the page itself; a change on a tail is refused. */
  ONLY_HEAD,
  /** PF_SECOND: page 1 of the folio; a change on any page but a head is refused. */
  SECOND,
}

/** Slot whose flags word a test or change of a flag under `policy` touches; INVALID where there is none. */
function flag_slot(slot: u32, policy: u32): u32 {
  if (!slot_valid(slot)) return INVALID;
  if (policy == Policy.ANY || policy == Policy.NO_COMPOUND || policy == Policy.ONLY_HEAD) return slot;
  const head = compound_head(slot);
  if (policy != Policy.SECOND || head == INVALID) return head;
  return PageHead(head) && has_page(head, 1) ? head + 1 : INVALID;
}

/** Test a flag: 1 or 0, or a refusal where the slot does not exist. PF_SECOND of a small folio is 0. */
export function page_test_flag(slot: u32, bit: u32, policy: u32): i32 {
  if (!slot_valid(slot)) return refused(Status.ABSENT);
  const at = flag_slot(slot, policy);
  if (at == INVALID) return policy == Policy.SECOND && compound_head(slot) != INVALID ? 0 : refused(Status.BAD_HEAD);
  return <i32>((changetype<page>(slot_to_page(at)).flags >> (bit & 63)) & 1);
}

/** Why a flag may not be changed on this page. */
function check_flag_change(slot: u32, policy: u32): Status {
  if (!slot_valid(slot)) return Status.ABSENT;
  if (policy == Policy.NO_COMPOUND && PageCompound(slot)) return Status.POLICY;
  if (policy == Policy.SECOND && !PageHead(slot)) return Status.POLICY;
  if ((policy == Policy.NO_TAIL || policy == Policy.ONLY_HEAD) && PageTail(slot)) return Status.POLICY;
  const at = flag_slot(slot, policy);
  if (at == INVALID) return Status.BAD_HEAD;
  return folio_is_aliased(at) ? Status.ALIASED : Status.OK;
}

/** The slot after the last of this page's folio, whatever its order byte holds. */
function folio_end(slot: u32): u32 {
  const head = compound_head(slot);
  if (head == INVALID) return slot + 1;
  const nr: u32 = 1 << min(compound_order(head), word(Word.MAX_FOLIO_ORDER));
  return min(head + nr, word(Word.NR_SLOTS));
}

/** Whether another slot may show this one's bytes: some slot of its folio is an alias. */
export function folio_is_aliased(slot: u32): bool {
  if (word(Word.NR_SHARED) == 0) return false;
  const head = compound_head(slot);
  return any_shared(slot, 1) || (head != INVALID && any_shared(head, folio_end(head) - head));
}

/** Set or clear a flag under its policy. */
export function page_change_flag(slot: u32, bit: u32, policy: u32, value: bool): i32 {
  if (bit > 63) return refused(Status.ARGUMENT);
  const status = check_flag_change(slot, policy);
  if (status != Status.OK) return refused(status);
  const at = flag_slot(slot, policy);
  const mask: u64 = (<u64>1) << bit;
  if (value) set_flags(slot_to_page(at), mask);
  else clear_flags(slot_to_page(at), mask);
  // With PG_head a page may turn into a fake head, whose words nobody has checked.
  const is_head = (mask & word64(Word.PG_HEAD)) != 0;
  if (is_head) set_section_plain(at >> PFN_SECTION_SHIFT, false);
  // From 6.6 on the low byte of page 1's word is the order.
  const is_order = (mask & 0xff) != 0 && is_tagged(slot_to_page(at));
  if (is_head || is_order || (mask & zone_field()) != 0) index_forget(at, 1);
  return 0;
}

function check_links(slot: u32, nr: u32, zone: u32, nid: u32): Status {
  if (zone > word(Word.ZONE_MASK) || nid > word(Word.NODE_MASK)) return Status.ARGUMENT;
  if (!span_valid(slot, nr)) return Status.ABSENT;
  return any_shared(slot, nr) ? Status.ALIASED : Status.OK;
}

/** set_page_links over `nr` slots: their zone and node bits. */
export function set_page_links(slot: u32, nr: u32, zone: u32, nid: u32): i32 {
  const status = check_links(slot, nr, zone, nid);
  if (status != Status.OK) return refused(status);
  // A folio inside the span has its aliases there too; one that sticks out is the first page's or the last one's.
  if (folio_is_aliased(slot) || folio_is_aliased(slot + (nr - 1))) return refused(Status.ALIASED);
  for (let s = slot, end = slot + nr; s < end; s++) assign_flags(slot_to_page(s), links_mask(), links(zone, nid));
  index_zone(slot, nr, zone == word(Word.ZONE_DEVICE));
  return 0;
}

/** page_cpupid_xchg_last, without the old value: it is page_cpupid_last's to tell. */
export function page_cpupid_xchg_last(slot: u32, cpupid: u32): i32 {
  if (!slot_valid(slot)) return refused(Status.ABSENT);
  if (cpupid > word(Word.CPUPID_MASK)) return refused(Status.ARGUMENT);
  if (folio_is_aliased(slot)) return refused(Status.ALIASED);
  assign_flags(slot_to_page(slot), cpupid_field(), (<u64>cpupid) << word64(Word.CPUPID_SHIFT));
  return 0;
}

/**
 * __init_single_page over `nr` slots, with the count the caller wishes: 1 as the boot's memmap_init_range leaves it,
 * 0 as __free_pages_core does; and flags below bit 32 to set, such as PG_reserved.
 */
export function memmap_init_range(slot: u32, nr: u32, zone: u32, nid: u32, count: i32, flags_low: u32): i32 {
  const status = check_links(slot, nr, zone, nid);
  if (status != Status.OK) return refused(status);
  const flags = links(zone, nid) | flags_low | cpupid_field();
  for (let s = slot, end = slot + nr; s < end; s++) init_single_page(s, flags, count);
  index_singles(slot, nr);
  index_zone(slot, nr, zone == word(Word.ZONE_DEVICE));
  return 0;
}

/** __init_single_page, with flags and count as the caller goes on to set them. */
export function init_single_page(slot: u32, flags: u64, count: i32): void {
  const p = slot_to_page(slot);
  const lru = page_address(slot) + offsetof<page>("compound_info");
  memory.fill(p, 0, STRUCT_PAGE_SIZE);
  changetype<page>(p).flags = flags;
  changetype<page>(p).compound_info = lru;
  changetype<page>(p).lru_prev = lru;
  changetype<page>(p)._mapcount = NOT_MAPPED;
  ref_set(p, count);
}

// Page types, by mask and value as the profile's encoding gives them: top byte from 6.12 on (mask 0xff000000), an
// active-low bit under 0xf0000000 in 5.15 and 6.1 (mask 0xf0000000 | bit, value 0xf0000000).

/** Whether the page's own word at +48 says this type: (word & mask) == value. */
export function page_has_type(slot: u32, mask: u32, value: u32): bool {
  return slot_valid(slot) && ((<u32>changetype<page>(slot_to_page(slot))._mapcount) & mask) == value;
}

/** The word at +48 as it stands, 0 where there is no slot. */
export function page_type_word(slot: u32): u32 {
  return slot_valid(slot) ? <u32>changetype<page>(slot_to_page(slot))._mapcount : 0;
}

const LOW_BITS_BASE: u32 = 0xf000_0000;

/**
 * __SetPage<type>: give an untyped page the type whose word is `typed`. The type a page already has changes nothing.
 * Top byte: any other word than "none" refuses; low bits: only a word that has lost its base.
 */
export function page_set_type(slot: u32, mask: u32, value: u32, typed: u32): i32 {
  if (!slot_valid(slot)) return refused(Status.ABSENT);
  if (folio_is_aliased(slot)) return refused(Status.ALIASED);
  if (page_has_type(slot, mask, value)) return 0;
  const p = changetype<page>(slot_to_page(slot));
  const untyped =
    word(Word.TYPES_IN_TOP_BYTE) != 0
      ? p._mapcount == NOT_MAPPED
      : ((<u32>p._mapcount) & LOW_BITS_BASE) == LOW_BITS_BASE;
  if (!untyped) return refused(Status.TYPE);
  p._mapcount &= <i32>typed;
  return 0;
}

/** __ClearPage<type>: take off a type the page must have; in the top byte none will do as well. */
export function page_clear_type(slot: u32, mask: u32, value: u32, typed: u32): i32 {
  if (!slot_valid(slot)) return refused(Status.ABSENT);
  if (folio_is_aliased(slot)) return refused(Status.ALIASED);
  const p = changetype<page>(slot_to_page(slot));
  if (word(Word.TYPES_IN_TOP_BYTE) != 0 && p._mapcount == NOT_MAPPED) return 0;
  if (!page_has_type(slot, mask, value)) return refused(Status.TYPE);
  p._mapcount |= ~(<i32>typed);
  return 0;
}
