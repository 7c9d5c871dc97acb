/* Passes over all slots, without a list; pages are those from PFN 0 on. */
#include <stdbool.h>
#include <string.h>

#include "compound.h"

/* A plain pass: the sum of one word of each slot, cut to 32 bits. What all others are held against. */
static uint64_t sum(const struct map *map, uint64_t slots, uint32_t *restrict answers)
{
	const struct page *pages = map->pages;
	uint32_t total = 0;

	for (uint64_t i = 0; i < slots; i++)
		total += (uint32_t)pages[i].compound_info;
	answers[0] = total;
	return 1;
}

static inline bool is_tagged(const struct map *map, uint32_t pfn)
{
	return map->pages[pfn].compound_info & 1;
}

/* PageTail (page-flags.h, 6.1 to 7.0 with HVO): tagged, or a fake head. */
static inline bool is_tail_or_fake(const struct map *map, uint32_t pfn)
{
	return is_tagged(map, pfn) || fixed_fake_head(map, pfn) != page_address(map, pfn);
}

static inline bool has_head_flag(const struct map *map, uint32_t pfn)
{
	return map->pages[pfn].flags & map->head_flag;
}

/* Folios of each order; single pages are of order 0. */
#define DEFINE_COUNT(name, is_tail)                                                                   \
	static uint64_t name(const struct map *map, uint64_t slots, uint32_t *restrict counts)        \
	{                                                                                             \
		const struct map local = *map;                                                        \
                                                                                                      \
		memset(counts, 0, ORDERS * sizeof(*counts));                                          \
		for (uint32_t pfn = 0; pfn < slots; pfn++) {                                          \
			if (is_tail(&local, pfn))                                                     \
				continue;                                                             \
			if (has_head_flag(&local, pfn))                                               \
				counts[((const uint8_t *)&local.pages[pfn])[local.order_offset]]++;   \
			else                                                                          \
				counts[0]++;                                                          \
		}                                                                                     \
		return ORDERS;                                                                        \
	}

/* PFNs of all heads of compound pages. */
#define DEFINE_LIST(name, is_tail)                                                                    \
	static uint64_t name(const struct map *map, uint64_t slots, uint32_t *restrict heads)         \
	{                                                                                             \
		const struct map local = *map;                                                        \
		uint64_t found = 0;                                                                   \
                                                                                                      \
		for (uint32_t pfn = 0; pfn < slots; pfn++)                                            \
			if (has_head_flag(&local, pfn) && !is_tail(&local, pfn))                      \
				heads[found++] = pfn;                                                 \
		return found;                                                                         \
	}

DEFINE_COUNT(count_by_order, is_tagged)
DEFINE_COUNT(count_past_fakes, is_tail_or_fake)
DEFINE_LIST(list_heads, is_tagged)
DEFINE_LIST(list_past_fakes, is_tail_or_fake)

pass_loop *const LOOPS(pass_sum)[ENCODINGS] = { sum, sum, sum };
pass_loop *const LOOPS(pass_orders)[ENCODINGS] = { count_by_order, count_past_fakes, count_by_order };
pass_loop *const LOOPS(pass_heads)[ENCODINGS] = { list_heads, list_past_fakes, list_heads };
