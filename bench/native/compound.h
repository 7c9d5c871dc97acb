/* compound_head in the kernels' encodings (include/linux/page-flags.h): of a PFN, the head's kernel address. */
#ifndef VMEMMAP_BENCH_COMPOUND_H
#define VMEMMAP_BENCH_COMPOUND_H

#include "loops.h"

#define SLOTS_PER_PAGE 64 /* struct pages in one 4 KiB page of vmemmap */

static inline uint64_t page_address(const struct map *map, uint32_t pfn)
{
	return map->vmemmap_base + (uint64_t)pfn * sizeof(struct page);
}

static inline uint32_t pfn_of(const struct map *map, uint64_t page)
{
	return (uint32_t)((page - map->vmemmap_base) / sizeof(struct page));
}

/* The page at a kernel address, in this process: an addition the kernel does not need, done by the load itself. */
static inline const struct page *page_at(const struct map *map, uint64_t address)
{
	return (const struct page *)((uintptr_t)map->pages + (uintptr_t)(address - map->vmemmap_base));
}

/* _compound_head without HVO (page-flags.h up to 7.0): a tail holds its head's address plus 1. */
static inline uint64_t head_by_pointer(const struct map *map, uint32_t pfn)
{
	uint64_t word = map->pages[pfn].compound_info;

	return word & 1 ? word - 1 : page_address(map, pfn);
}

/*
 * page_fixed_fake_head (page-flags.h, 6.1 to 7.0): at the start of a 4 KiB page of vmemmap, PG_head may be that of
 * another page's alias; then the next slot is a tail and names the head.
 */
static inline uint64_t fixed_fake_head(const struct map *map, uint32_t pfn)
{
	const struct page *page = &map->pages[pfn];

	if (pfn % SLOTS_PER_PAGE == 0 && (page->flags & map->head_flag)) {
		uint64_t word = page[1].compound_info;

		if (word & 1)
			return word - 1;
	}
	return page_address(map, pfn);
}

/* _compound_head with HVO. */
static inline uint64_t head_past_fakes(const struct map *map, uint32_t pfn)
{
	uint64_t word = map->pages[pfn].compound_info;

	return word & 1 ? word - 1 : fixed_fake_head(map, pfn);
}

/* _compound_head from 7.1 on: a tail holds a mask that rounds its own address down to the head; others keep it. */
static inline uint64_t head_by_mask(const struct map *map, uint32_t pfn)
{
	uint64_t word = map->pages[pfn].compound_info;

	return page_address(map, pfn) & (((word & 1) - 1) | word);
}

#endif
