// struct page, 64 bytes (include/linux/mm_types.h). The fixed skeleton is the same in 5.15 to 7.3; what the words
// of pages 1 to 3 of a folio mean is the profile's business (folio.ts).

/** Field access at the kernel's offsets: `changetype<page>(address)`. */
@unmanaged
export class page {
  flags: u64;
  /** Bit 0 says "I am a tail"; compound_head up to 7.0, compound_info from 7.1, lru.next or pgmap on others. */
  compound_info: u64;
  lru_prev: u64;
  mapping: u64;
  index: u64;
  private_: u64;
  /** A page type where it is one, else the number of mappings less one. */
  _mapcount: i32;
  _refcount: i32;
  memcg_data: u64;
}

export const COMPOUND_INFO: u32 = offsetof<page>("compound_info");

/** A word of +48 that is neither a type nor a mapping: mapcount 0. */
export const NOT_MAPPED: i32 = -1;

/** Low bit of page->mapping: PAGE_MAPPING_ANON up to 6.14, FOLIO_MAPPING_ANON from 6.17. */
export const MAPPING_ANON: u64 = 1;

// @ts-ignore: top level decorators are AssemblyScript
@inline
export function is_tagged(p: u32): bool {
  return (load<u32>(p, COMPOUND_INFO) & 1) != 0;
}
