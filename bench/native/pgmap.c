/* The pgmap of each page of a list of PFNs; the answers are 64-bit addresses, 0 for a page that has none. */
#include <stdbool.h>

#include "compound.h"
#include "xarray.h"

/* is_zone_device_page: the page's own zone bits. */
static inline bool is_zone_device_page(const struct map *map, const struct page *page)
{
	return (page->flags & map->zone_mask) == map->zone_device;
}

/* page->pgmap, as read up to 6.14: the page's own word. The fs-dax pages that were asked are of order 0, no tails. */
static inline uint64_t own_pgmap(const struct map *map, uint32_t pfn)
{
	const struct page *page = &map->pages[pfn];

	return is_zone_device_page(map, page) ? page->pgmap : 0;
}

/* page_pgmap (memremap.h, 6.15 on): page_folio(page)->pgmap, behind the zone test of its callers. */
#define DEFINE_PAGE_PGMAP(name, head_of)                                                                        \
	static inline uint64_t name(const struct map *map, uint32_t pfn)                                        \
	{                                                                                                       \
		return is_zone_device_page(map, &map->pages[pfn]) ? page_at(map, head_of(map, pfn))->pgmap : 0; \
	}

DEFINE_PAGE_PGMAP(page_pgmap_pointer, head_by_pointer)
DEFINE_PAGE_PGMAP(page_pgmap_fake_heads, head_past_fakes)
DEFINE_PAGE_PGMAP(page_pgmap_mask, head_by_mask)

/* get_dev_pagemap (mm/memremap.c, 7.0 on) without its RCU read lock and percpu_ref_tryget_live: the walk alone. */
static inline uint64_t get_dev_pagemap(const struct map *map, uint32_t pfn)
{
	return xa_load(map->pgmap_array, pfn);
}

#define DEFINE_PGMAPS(name, pgmap_of)                                                                  \
	static void name(const struct map *map, const uint32_t *restrict pfns, void *restrict results, \
			 uint64_t count)                                                               \
	{                                                                                              \
		const struct map local = *map;                                                         \
		uint64_t *restrict pgmaps = results;                                                   \
		uint64_t pgmap = 0;                                                                    \
                                                                                                       \
		for (uint64_t i = 0; i < count; i++) {                                                 \
			pgmap = pgmap_of(&local, PFN_AFTER(&local, pfns, i, pgmap));                       \
			pgmaps[i] = pgmap;                                                             \
		}                                                                                      \
	}

DEFINE_PGMAPS(own_pgmaps, own_pgmap)
DEFINE_PGMAPS(pgmaps_pointer, page_pgmap_pointer)
DEFINE_PGMAPS(pgmaps_fake_heads, page_pgmap_fake_heads)
DEFINE_PGMAPS(pgmaps_mask, page_pgmap_mask)
DEFINE_PGMAPS(dev_pagemaps, get_dev_pagemap)

loop *const LOOPS(page)[ENCODINGS] = { own_pgmaps, own_pgmaps, own_pgmaps };
loop *const LOOPS(folio)[ENCODINGS] = { pgmaps_pointer, pgmaps_fake_heads, pgmaps_mask };
loop *const LOOPS(range)[ENCODINGS] = { dev_pagemaps, dev_pagemaps, dev_pagemaps };
