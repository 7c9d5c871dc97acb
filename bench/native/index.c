/* compound_head by the head index: what the engine's index answers, without a slot. */
#include "compound.h"

#define PAGES_PER_BLOCK 64
#define MIXED 0x40 /* folios of several orders: only then do the bits count */

static const uint64_t ones = ~UINT64_C(0);

/* The last head at or before the page in its block, then down to the start of a folio of the block's order. */
static inline uint32_t head_by_index(const struct map *map, uint32_t pfn)
{
	uint32_t block = pfn / PAGES_PER_BLOCK;
	uint8_t order = map->block_orders[block];
	const uint64_t *bits = order & MIXED ? &map->head_bits[block] : &ones;
	uint64_t up_to_page = *bits << (PAGES_PER_BLOCK - 1 - pfn % PAGES_PER_BLOCK);

	return (pfn - (uint32_t)__builtin_clzll(up_to_page)) & (~UINT32_C(0) << (order & 31));
}

static void heads(const struct map *map, const uint32_t *restrict pfns, void *restrict results, uint64_t count)
{
	const struct map local = *map;
	uint32_t *restrict out = results;
	uint32_t head = 0;

	for (uint64_t i = 0; i < count; i++) {
		head = head_by_index(&local, PFN_AFTER(&local, pfns, i, head));
		out[i] = head;
	}
}

loop *const LOOPS(index)[ENCODINGS] = { heads, heads, heads };
