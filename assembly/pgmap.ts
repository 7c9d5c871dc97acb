// Device page maps as the core knows them: what the host says of each struct dev_pagemap, which kernel address is whose,
// and which PFNs are whose (the pgmap_array of mm/memremap.c).

import { index_renumber } from "./head_index";
import { MAX_PGMAPS, MAX_PGMAP_RANGES, PGMAPS, PGMAP_HASH, PGMAP_RANGES } from "./memory";
import { count_add } from "./page_ref";
import { Word, state_set, word } from "./profile";

/** enum memory_type (include/linux/memremap.h), numbered as from 6.1 on. */
export enum MemoryType {
  /** A device's memory that the CPU can't reach (HMM). */
  PRIVATE = 1,
  /** A device's memory that the CPU reaches as its own. */
  COHERENT = 2,
  /** Persistent memory under a filesystem. */
  FS_DAX = 3,
  /** Memory of device-dax. */
  GENERIC = 4,
  /** A PCI device's memory for its peers. */
  PCI_P2PDMA = 5,
}

/** Answers beside the number of a pgmap and INVALID. */
export enum Pgmap {
  /** The page is not ZONE_DEVICE. */
  NOT_DEVICE = -2,
  /** Its word names no pgmap the core knows. */
  UNKNOWN = -3,
}

/** What the host says of a pgmap beside its type, added up. */
export enum PgmapFlag {
  /** percpu_ref_kill was called: no new references. */
  DYING = 1,
  /** Its ops have page_free or folio_free. */
  HAS_FREE = 2,
}

/** What the core keeps of a struct dev_pagemap. */
@unmanaged
class dev_pagemap {
  /** Its kernel address: the word that pages hold. */
  address: u64;
  /** References held on it (percpu_ref). */
  refs: i32;
  /** Those of them that pages in use hold. */
  held: i32;
  /** A MemoryType. */
  type: u8;
  /** PgmapFlags. */
  flags: u8;
}

/** One range of a pgmap, in PFNs, by rising start. */
@unmanaged
export class Range {
  start: u64;
  /** First PFN that is not an altmap's (pfn_first). */
  first: u64;
  /** First PFN after. */
  end: u64;
  pgmap: u32;
}

const PGMAP_SHIFT: u32 = 5;
const RANGE_SHIFT: u32 = 5;

const HASH_BITS: u32 = 11;
const HASH_SIZE: u32 = 1 << HASH_BITS;
const HASH_MASK: u32 = HASH_SIZE - 1;

// @ts-ignore: top level decorators are AssemblyScript
@inline
function pgmap_at(number: u32): dev_pagemap {
  return changetype<dev_pagemap>(PGMAPS + (number << PGMAP_SHIFT));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function range_at(number: u32): Range {
  return changetype<Range>(PGMAP_RANGES + (number << RANGE_SHIFT));
}

/** Forget all pgmaps. */
export function pgmaps_clear(): void {
  state_set(Word.NR_PGMAPS, 0, 0);
  state_set(Word.NR_PGMAP_RANGES, 0, 0);
  memory.fill(PGMAP_HASH, 0, HASH_SIZE * sizeof<u16>());
  index_renumber();
}

/**
 * Name a pgmap: kernel address by halves, MemoryType, PgmapFlags, references, and how many of them pages in use hold. Its number, or
 * -1 where there is no room.
 */
export function pgmap_add(address_low: u32, address_high: u32, type: u32, flags: u32, refs: i32, held: i32): i32 {
  const number = word(Word.NR_PGMAPS);
  if (number >= MAX_PGMAPS) return -1;
  const pgmap = pgmap_at(number);
  pgmap.address = ((<u64>address_high) << 32) | address_low;
  pgmap.refs = refs;
  pgmap.held = held;
  pgmap.type = <u8>type;
  pgmap.flags = <u8>flags;
  state_set(Word.NR_PGMAPS, number + 1, 0);
  let at = hash_of(pgmap.address);
  while (load<u16>(PGMAP_HASH + (at << 1)) != 0) at = (at + 1) & HASH_MASK;
  store<u16>(PGMAP_HASH + (at << 1), <u16>(number + 1));
  return <i32>number;
}

/**
 * Give a pgmap a range of PFNs by halves, end exclusive, of which the first `offset` are an altmap's; ranges come by rising
 * start. -1 where it can't be.
 */
export function pgmap_add_range(
  pgmap: u32,
  start_low: u32,
  start_high: u32,
  end_low: u32,
  end_high: u32,
  offset: u32,
): i32 {
  const number = word(Word.NR_PGMAP_RANGES);
  const start = ((<u64>start_high) << 32) | start_low;
  const end = ((<u64>end_high) << 32) | end_low;
  if (number >= MAX_PGMAP_RANGES || pgmap >= word(Word.NR_PGMAPS) || start >= end) return -1;
  if (number > 0 && range_at(number - 1).end > start) return -1;
  const range = range_at(number);
  range.start = start;
  range.first = min(start + offset, end);
  range.end = end;
  range.pgmap = pgmap;
  state_set(Word.NR_PGMAP_RANGES, number + 1, 0);
  return <i32>number;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function hash_of(address: u64): u32 {
  return (((<u32>(address >> 3)) ^ (<u32>(address >> 35))) * 0x9e37_79b1) >> (32 - HASH_BITS);
}

/** Number of the pgmap at a kernel address, or UNKNOWN. The table is never more than half full. */
export function pgmap_number(address: u64): u32 {
  let at = hash_of(address);
  let entry: u32 = load<u16>(PGMAP_HASH + (at << 1));
  while (entry != 0 && pgmap_at(entry - 1).address != address) {
    at = (at + 1) & HASH_MASK;
    entry = load<u16>(PGMAP_HASH + (at << 1));
  }
  return entry != 0 ? entry - 1 : <u32>Pgmap.UNKNOWN;
}

/** Place of the range that holds a PFN, or of the first after it. Free of branches on the PFN: in a random list they are coin tosses. */
export function range_from(pfn: u64): u32 {
  let low: u32 = 0;
  let left = word(Word.NR_PGMAP_RANGES);
  if (left == 0) return 0;
  while (left > 1) {
    const half = left >> 1;
    low = select<u32>(low + half, low, range_at(low + half - 1).end <= pfn);
    left -= half;
  }
  return low + <u32>(range_at(low).end <= pfn);
}

/** Number of the pgmap whose range holds a PFN, or UNKNOWN. */
export function pgmap_of_pfn(pfn: u64): u32 {
  const at = range_from(pfn);
  return at < word(Word.NR_PGMAP_RANGES) && range_at(at).start <= pfn ? range_at(at).pgmap : <u32>Pgmap.UNKNOWN;
}

/** The same, UNKNOWN too where the pgmap is being torn down (get_dev_pagemap). */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function live_pgmap_of_pfn(pfn: u64): u32 {
  const number = pgmap_of_pfn(pfn);
  return number < word(Word.NR_PGMAPS) && !pgmap_is_dying(number) ? number : <u32>Pgmap.UNKNOWN;
}

/** Kernel address of a pgmap that exists. */
export function pgmap_address(number: u32): u64 {
  return pgmap_at(number).address;
}

/** MemoryType of a pgmap; 0 where the number is none. */
export function pgmap_type(number: u32): u32 {
  return number < word(Word.NR_PGMAPS) ? pgmap_at(number).type : 0;
}

/** References held on a pgmap. */
export function pgmap_refs(number: u32): i32 {
  return number < word(Word.NR_PGMAPS) ? pgmap_at(number).refs : 0;
}

/** How many references on a pgmap pages in use hold. */
export function pgmap_held(number: u32): i32 {
  return number < word(Word.NR_PGMAPS) ? pgmap_at(number).held : 0;
}

/** Pages in use take references on their pgmap, or let go of them. */
export function pgmap_hold(number: u32, delta: i32): void {
  if (number >= word(Word.NR_PGMAPS)) return;
  pgmap_add_refs(number, delta);
  count_add(changetype<u32>(pgmap_at(number)) + offsetof<dev_pagemap>("held"), delta);
}

/** percpu_ref_get_many and put_many of whoever made the pgmap. */
export function pgmap_add_refs(number: u32, delta: i32): void {
  if (number >= word(Word.NR_PGMAPS)) return;
  count_add(changetype<u32>(pgmap_at(number)) + offsetof<dev_pagemap>("refs"), delta);
}

/** percpu_ref_kill: from now on the pgmap gives no new references. */
export function pgmap_kill(number: u32): void {
  if (number < word(Word.NR_PGMAPS)) pgmap_at(number).flags |= <u8>PgmapFlag.DYING;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function pgmap_is_dying(number: u32): bool {
  return (pgmap_at(number).flags & (<u8>PgmapFlag.DYING)) != 0;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function pgmap_has_free(number: u32): bool {
  return (pgmap_at(number).flags & (<u8>PgmapFlag.HAS_FREE)) != 0;
}

/** Whether a set of MemoryTypes, as the state words hold them, has this one. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
export function in_set(name: Word, type: u32): bool {
  return ((word(name) >> type) & 1) != 0;
}
