// Pages, sections and struct pages of x86_64 with SPARSEMEM_VMEMMAP
// (arch/x86/include/asm/sparsemem.h, include/linux/mmzone.h; the same in 5.15 to 7.3).

const PAGE_SHIFT: u32 = 12;

const SECTION_SIZE_BITS: u32 = 27;
export const PFN_SECTION_SHIFT: u32 = SECTION_SIZE_BITS - PAGE_SHIFT;
export const PAGES_PER_SECTION: u32 = 1 << PFN_SECTION_SHIFT;
export const PAGE_IN_SECTION_MASK: u32 = PAGES_PER_SECTION - 1;

const SUBSECTION_SHIFT: u32 = 21;
export const PFN_SUBSECTION_SHIFT: u32 = SUBSECTION_SHIFT - PAGE_SHIFT;
export const ALL_SUBSECTIONS: u64 = 0xffff_ffff_ffff_ffff;

export const STRUCT_PAGE_SHIFT: u32 = 6;
export const STRUCT_PAGE_SIZE: u32 = 1 << STRUCT_PAGE_SHIFT;
export const SECTION_MEMMAP_SHIFT: u32 = PFN_SECTION_SHIFT + STRUCT_PAGE_SHIFT;
export const SUBSECTION_MEMMAP_SHIFT: u32 = PFN_SUBSECTION_SHIFT + STRUCT_PAGE_SHIFT;

/** A page of the vmemmap itself holds 64 struct pages. */
export const VMEMMAP_PAGE_SHIFT: u32 = PAGE_SHIFT - STRUCT_PAGE_SHIFT;
export const SLOTS_PER_VMEMMAP_PAGE: u32 = 1 << VMEMMAP_PAGE_SHIFT;
export const SLOT_IN_VMEMMAP_PAGE_MASK: u32 = SLOTS_PER_VMEMMAP_PAGE - 1;
/** Slots of a folio that a deduplicated vmemmap keeps: VMEMMAP_RESERVE_NR pages of it. */
export const RESERVED_SLOTS: u32 = 2 * SLOTS_PER_VMEMMAP_PAGE;

/** POISON_POINTER_DELTA + 0x400 (include/linux/poison.h). */
export const TAIL_MAPPING: u64 = 0xdead_0000_0000_0400;
