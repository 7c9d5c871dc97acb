// The plan of linear memory. All state stands here and none in globals, so any number of instances (SIMD and
// scalar, or one a thread) may work over one memory. What an instance writes down for the length of a call stands in its
// thread's area: staging, notes and predicate. The first thread's is here, others' where the host puts them.
//
//     0x00000  the compiler's own static data (debug builds: file names of assertions)
//     0x04000  state and profile words, 8 bytes each
//     0x06000  section number of each slot section, u32
//     0x08000  subsection map of each slot section, u64
//     0x10000  which slots are aliases, one bit per 64
//     0x30000  which slots share their frame, one bit per 64
//     0x50000  staging for lists on their way through
//     0x70000  notes of a batch or pass about pages to look at again
//     0x71f00  the predicate of a select pass
//     0x72000  device page maps
//     0x7a000  their ranges, by PFN
//     0x82000  which pgmap has which kernel address: a hash table of u16
//     0x83000  zeroes, to be read in place of a slot, and ones, in place of a word of the head index
//     0x90000  section table, u32 an entry, as long as the host wishes, and one entry more that stays 0
//              lists the host keeps in this memory
//              slots, 64 bytes each, up to the end

import { PFN_SECTION_SHIFT, SECTION_MEMMAP_SHIFT, STRUCT_PAGE_SIZE, VMEMMAP_PAGE_SHIFT } from "./x86_64";

/** A 4 GiB memory holds at most this many sections' slots. */
export const MAX_SLOT_SECTIONS: u32 = 1 << (32 - SECTION_MEMMAP_SHIFT);
/** No memory holds more slots than this. */
export const MAX_SLOTS: u32 = MAX_SLOT_SECTIONS << PFN_SECTION_SHIFT;

export const STATE: u32 = 0x4000;
export const STATE_SIZE: u32 = 0x1000;
export const SLOT_SECTIONS: u32 = 0x6000;
export const SUBSECTION_MAPS: u32 = SLOT_SECTIONS + MAX_SLOT_SECTIONS * sizeof<u32>();
export const ALIAS_BITMAP: u32 = 0x10000;
export const SHARED_BITMAP: u32 = ALIAS_BITMAP + (MAX_SLOTS >> (VMEMMAP_PAGE_SHIFT + 3));
/** Address of room the core never touches: the host's, for lists on their way through. */
export const STAGING: u32 = SHARED_BITMAP + (MAX_SLOTS >> (VMEMMAP_PAGE_SHIFT + 3));
/** Bytes of that room. */
export const STAGING_SIZE: u32 = 0x20000;
const NOTES: u32 = STAGING + STAGING_SIZE;
/** Address of the predicate of select_slots. */
export const PREDICATE: u32 = NOTES + 0x1f00;
/** Bytes of a thread's area, a multiple of 64, laid out as the first thread's from STAGING on. */
export const THREAD_AREA_SIZE: u32 = PREDICATE + 0x100 - STAGING;
export const PGMAPS: u32 = 0x72000;
/** Device page maps the core can know. */
export const MAX_PGMAPS: u32 = 1024;
export const PGMAP_RANGES: u32 = 0x7a000;
/** Ranges of all of them together. */
export const MAX_PGMAP_RANGES: u32 = 1024;
export const PGMAP_HASH: u32 = 0x82000;
/** 64 bytes of zeroes: the slot of a page that is not to be read. */
export const ZEROES: u32 = 0x83000;
/** 64 more: the slot of a page that does not exist. */
export const ABSENT: u32 = ZEROES + STRUCT_PAGE_SIZE;
/** 8 bytes of ones: a word of the head index in which each page is a head. */
export const ONES: u32 = ABSENT + STRUCT_PAGE_SIZE;
/** Address of the section table, a u32 an entry, and one more that stays 0; what stands behind is the host's to plan. */
export const SECTION_TABLE: u32 = 0x90000;

/** What no slot, PFN or distance is: the answer where there is none. */
export const INVALID: u32 = 0xffff_ffff;

// ---- One thread's area ----------------------------------------------------------------------------------------------

/** How far behind the first thread's area this instance's is. */
let area_offset: u32 = 0;

/**
 * Give this instance an area of its own for staging, notes and predicate, at a multiple of 64: what each further thread of a shared
 * memory needs before its first call. False in the builds without threads.
 */
export function thread_area(address: u32): bool {
  if (ASC_FEATURE_THREADS) area_offset = address - STAGING;
  return ASC_FEATURE_THREADS;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function notes(): u32 {
  return ASC_FEATURE_THREADS ? NOTES + area_offset : NOTES;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function predicate(): u32 {
  return ASC_FEATURE_THREADS ? PREDICATE + area_offset : PREDICATE;
}
