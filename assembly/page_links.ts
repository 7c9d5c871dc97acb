// The fields above the flags: node, zone and last_cpupid (include/linux/mm.h, page-flags-layout.h).
//
//     63 ................................................. 0
//     node | zone | last_cpupid | lru_gen | lru_refs | flags      widths and places by profile

import { INVALID } from "./memory";
import { page } from "./page";
import { Word, word, word64 } from "./profile";
import { slot_to_page, slot_valid } from "./sparse";

// @ts-ignore: top level decorators are AssemblyScript
@inline
function field(flags: u64, shift: Word, mask: Word): u32 {
  return <u32>((flags >> word64(shift)) & word64(mask));
}

/** Zone number in a flags word. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function zone_of(flags: u64): u32 {
  return field(flags, Word.ZONE_SHIFT, Word.ZONE_MASK);
}

/** Node number in a flags word. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function node_of(flags: u64): u32 {
  return field(flags, Word.NODE_SHIFT, Word.NODE_MASK);
}

/** page_zonenum: the page's own zone bits, 0xffffffff where there is no slot. */
export function page_zonenum(slot: u32): u32 {
  return slot_valid(slot) ? zone_of(changetype<page>(slot_to_page(slot)).flags) : INVALID;
}

/** page_to_nid: the page's own node bits, 0xffffffff where there is no slot. */
export function page_to_nid(slot: u32): u32 {
  return slot_valid(slot) ? node_of(changetype<page>(slot_to_page(slot)).flags) : INVALID;
}

/** page_cpupid_last: all ones of the field's width after a reset, 0xffffffff where there is no slot. */
export function page_cpupid_last(slot: u32): u32 {
  if (!slot_valid(slot)) return INVALID;
  return field(changetype<page>(slot_to_page(slot)).flags, Word.CPUPID_SHIFT, Word.CPUPID_MASK);
}

/** Whether the flags word at `p` has the zone bits of ZONE_DEVICE. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function in_zone_device(p: u32): bool {
  return zone_of(changetype<page>(p).flags) == word(Word.ZONE_DEVICE);
}

/** is_zone_device_page: by the page's own zone bits. */
export function is_zone_device_page(slot: u32): bool {
  return slot_valid(slot) && in_zone_device(slot_to_page(slot));
}

/** Mask of the zone. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function zone_field(): u64 {
  return word64(Word.ZONE_MASK) << word64(Word.ZONE_SHIFT);
}

/** Mask of zone and node. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function links_mask(): u64 {
  return zone_field() | (word64(Word.NODE_MASK) << word64(Word.NODE_SHIFT));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function links(zone: u32, nid: u32): u64 {
  return ((<u64>zone) << word64(Word.ZONE_SHIFT)) | ((<u64>nid) << word64(Word.NODE_SHIFT));
}

/** All bits of last_cpupid set: what page_cpupid_reset_last leaves. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function cpupid_field(): u64 {
  return word64(Word.CPUPID_MASK) << word64(Word.CPUPID_SHIFT);
}
