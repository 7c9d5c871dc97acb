/** Offsets in struct page that are the same in every kernel from 5.15 to 7.3. */
export const FLAGS = 0;
/** compound_head, compound_info from 7.1: bit 0 set says "I am a tail". lru.next and pgmap stand here too. */
export const COMPOUND_WORD = 8;
export const MAPPING = 24;
export const INDEX = 32;
export const PRIVATE = 40;
/** _mapcount (i32, -1 based); page_type (u32) shares the word. */
export const MAPCOUNT = 48;
export const REFCOUNT = 52;
export const MEMCG_DATA = 56;

/** What a tail's mapping holds (include/linux/poison.h, x86_64). */
export const TAIL_MAPPING = 0xdead000000000400n;
