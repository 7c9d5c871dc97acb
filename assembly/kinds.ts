// What a page is used for: the first kind that matches, and a tail's is its head's. Most are told by one or two words of the
// head, as /proc/kpageflags tells them (fs/proc/page.c, stable_page_flags); a free block by that of its first page alone.

import { PageTail, compound_head, page_address } from "./compound";
import { folio_is_hugetlb, folio_is_slab } from "./folio";
import { INVALID } from "./memory";
import { MAPPING_ANON, page } from "./page";
import { in_zone_device, links, zone_field } from "./page_links";
import { pgmap_number, pgmap_type } from "./pgmap";
import { KindMark, Word, word, word64 } from "./profile";
import { slot_to_page, slot_valid } from "./sparse";

/** What a page is used for. The lower number wins where several match. */
export enum UsageKind {
  /** ZONE_DEVICE, a device's memory that the CPU can't reach: kinds up to here are MemoryTypes less one. */
  DEVICE_PRIVATE,
  /** ZONE_DEVICE, a device's memory that the CPU reaches as its own. */
  DEVICE_COHERENT,
  /** ZONE_DEVICE, persistent memory under a filesystem. */
  DEVICE_FSDAX,
  /** ZONE_DEVICE, memory of device-dax. */
  DEVICE_GENERIC,
  /** ZONE_DEVICE, a PCI device's memory for its peers. */
  DEVICE_P2PDMA,
  /** ZONE_DEVICE, holds an altmap's slots: the word at +8 is the slot's own address + 8. */
  DEVICE_ALTMAP,
  /** ZONE_DEVICE, of no pgmap the core knows. */
  DEVICE_UNKNOWN,
  /** The head of a free block of the buddy allocator, or a page of count 0 in the rest of it. */
  FREE,
  /** Typed offline. */
  OFFLINE,
  /** Typed table: a page table. */
  PGTABLE,
  /** Typed guard. */
  GUARD,
  /** folio_test_hugetlb. */
  HUGETLB,
  /** folio_test_slab. */
  SLAB,
  /** Typed zsmalloc. */
  ZSMALLOC,
  /** Typed unaccepted. */
  UNACCEPTED,
  /** Typed large_kmalloc. */
  LARGE_KMALLOC,
  /** Both low bits of mapping. */
  KSM,
  /** Bit 0 of mapping alone. */
  ANON,
  /** Bit 1 of mapping alone. */
  MOVABLE,
  /** A mapping, and PG_swapbacked. */
  SHMEM,
  /** A mapping. */
  FILE,
  /** PG_reserved. */
  RESERVED,
  /** No type, and count 0. */
  FREE_PCP,
  /** None of these. */
  OTHER,
}

/** Kinds that the core tells. */
export const NR_KINDS: u32 = UsageKind.OTHER + 1;

/** Largest order of a free block: MAX_PAGE_ORDER, MAX_ORDER - 1 up to 6.3. */
const MAX_PAGE_ORDER: u32 = 10;
/** Pages of the largest: no free block reaches over a multiple. */
export const MAX_FREE_PAGES: u32 = 1 << MAX_PAGE_ORDER;

// ---- By type ------------------------------------------------------------------------------------------------------

/** Whether a word at +48 is of the type of a state word: mask in its low half, value in its high one. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function is_type(type_word: u32, name: Word): bool {
  return (type_word & word(name)) == <u32>(word64(name) >> 32);
}

/** The kind that a word at +48 below TYPE_LIMIT says, OTHER where it is none of the kernel's types. */
export function kind_of_type(type_word: u32): u32 {
  if (is_type(type_word, Word.TYPE_BUDDY)) return UsageKind.FREE;
  if (is_type(type_word, Word.TYPE_OFFLINE)) return UsageKind.OFFLINE;
  if (is_type(type_word, Word.TYPE_TABLE)) return UsageKind.PGTABLE;
  if (is_type(type_word, Word.TYPE_GUARD)) return UsageKind.GUARD;
  if (is_marked_type(type_word, Word.HUGETLB_BY, Word.HUGETLB_MASK, Word.HUGETLB_VALUE)) return UsageKind.HUGETLB;
  if (is_marked_type(type_word, Word.SLAB_BY, Word.SLAB_MASK, Word.SLAB_VALUE)) return UsageKind.SLAB;
  if (is_type(type_word, Word.TYPE_ZSMALLOC)) return UsageKind.ZSMALLOC;
  if (is_type(type_word, Word.TYPE_UNACCEPTED)) return UsageKind.UNACCEPTED;
  if (is_type(type_word, Word.TYPE_LARGE_KMALLOC)) return UsageKind.LARGE_KMALLOC;
  return UsageKind.OTHER;
}

function is_marked_type(type_word: u32, by: Word, mask: Word, value: Word): bool {
  return word(by) == KindMark.TYPE && (type_word & word(mask)) == word(value);
}

/** The bits of a flags word without which neither a flag nor a destructor makes a page a hugetlb folio's head, or a slab's. */
export function marking_flags(): u64 {
  return marking_flag(Word.HUGETLB_BY, Word.HUGETLB_MASK) | marking_flag(Word.SLAB_BY, Word.SLAB_MASK);
}

function marking_flag(by: Word, mask: Word): u64 {
  if (word(by) == KindMark.TYPE) return 0;
  return word(by) == KindMark.FLAG ? word64(mask) : word64(Word.PG_HEAD);
}

/** The kind of a page that has one of those bits, OTHER where it is no such page. */
export function kind_of_mark(head: u32): u32 {
  if (folio_is_hugetlb(head)) return UsageKind.HUGETLB;
  return folio_is_slab(head) ? UsageKind.SLAB : UsageKind.OTHER;
}

// ---- By the other words -------------------------------------------------------------------------------------------

/** The kind of a head or single page of ZONE_DEVICE. */
export function kind_of_device(head: u32): u32 {
  const info = changetype<page>(slot_to_page(head)).compound_info;
  const type = pgmap_type(pgmap_number(info));
  if (type != 0) return type - 1;
  return info == page_address(head) + offsetof<page>("compound_info")
    ? UsageKind.DEVICE_ALTMAP
    : UsageKind.DEVICE_UNKNOWN;
}

/** What the word mapping says where it is not 0. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function kind_of_mapping(mapping: u64, is_swapbacked: bool): u32 {
  const bits = (<u32>mapping) & 3;
  if (bits == 0) return is_swapbacked ? UsageKind.SHMEM : UsageKind.FILE;
  if (bits == <u32>MAPPING_ANON) return UsageKind.ANON;
  return bits == 3 ? UsageKind.KSM : UsageKind.MOVABLE;
}

// ---- Free blocks --------------------------------------------------------------------------------------------------

/**
 * Pages of the free block that a page typed buddy leads, as is_free_buddy_page finds it from its other pages: no more than there are up
 * to the next multiple, whatever `private` holds.
 */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function free_block_pages(slot: u32, private_: u64): u32 {
  const most = ctz(slot | MAX_FREE_PAGES);
  return (<u32>1) << (private_ < <u64>most ? <u32>private_ : most);
}

/** Pages of the free block that this page leads; 0 where it leads none. */
export function free_block_at(slot: u32): u32 {
  if (!slot_valid(slot)) return 0;
  const p = changetype<page>(slot_to_page(slot));
  if (!is_type(<u32>p._mapcount, Word.TYPE_BUDDY) || PageTail(slot) || in_zone_device(slot_to_page(slot))) return 0;
  return free_block_pages(slot, p.private_);
}

/** is_free_buddy_page: whether a page is in a free block. Slots are as far apart as PFNs here, and as aligned. */
function in_free_block(slot: u32): bool {
  for (let order: u32 = 0; order <= MAX_PAGE_ORDER; order++) {
    const pages: u32 = 1 << order;
    if (free_block_at(slot & ~(pages - 1)) >= pages) return true;
  }
  return false;
}

// ---- One page -----------------------------------------------------------------------------------------------------

/** The kind of a head or single page. */
export function kind_of_head(head: u32): u32 {
  const p = changetype<page>(slot_to_page(head));
  if ((p.flags & zone_field()) == links(word(Word.ZONE_DEVICE), 0)) return kind_of_device(head);
  const is_typed = p._mapcount < <i32>word(Word.TYPE_LIMIT);
  let kind: u32 = is_typed ? kind_of_type(<u32>p._mapcount) : UsageKind.OTHER;
  if ((p.flags & marking_flags()) != 0) kind = min(kind, kind_of_mark(head));
  if (kind != UsageKind.FREE && p._refcount == 0 && in_free_block(head)) return UsageKind.FREE;
  if (kind != UsageKind.OTHER) return kind;
  if (p.mapping != 0) return kind_of_mapping(p.mapping, (p.flags & word64(Word.PG_SWAPBACKED)) != 0);
  if ((p.flags & word64(Word.PG_RESERVED)) != 0) return UsageKind.RESERVED;
  return !is_typed && p._refcount == 0 ? UsageKind.FREE_PCP : UsageKind.OTHER;
}

/** The kind of a page: its head's. INVALID where it does not exist, or leads nowhere. */
export function page_kind(slot: u32): u32 {
  const head = compound_head(slot);
  return head == INVALID ? INVALID : kind_of_head(head);
}
