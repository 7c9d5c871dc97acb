/* Fields of the pages of a list of PFNs, or of their folios; an order is 32 bits wide, a flags word 64. */
#include "compound.h"

/* page_folio, at an address of this process. */
#define FOLIO(map, head_of, pfn) page_at(map, head_of(map, pfn))

/* folio_order (mm.h): the byte in page 1, where the folio is large. */
#define DEFINE_ORDER(name, head_of)                                               \
	static inline uint32_t name(const struct map *map, uint32_t pfn)          \
	{                                                                         \
		const struct page *folio = FOLIO(map, head_of, pfn);              \
                                                                                  \
		if (!(folio->flags & map->head_flag))                             \
			return 0;                                                 \
		return ((const uint8_t *)folio)[map->order_offset];               \
	}

/* folio->flags */
#define DEFINE_FOLIO_FLAGS(name, head_of)                                         \
	static inline uint64_t name(const struct map *map, uint32_t pfn)          \
	{                                                                         \
		return FOLIO(map, head_of, pfn)->flags;                           \
	}

/* page->flags */
static inline uint64_t own_flags(const struct map *map, uint32_t pfn)
{
	return map->pages[pfn].flags;
}

#define DEFINE_FIELDS(name, type, field_of)                                                            \
	static void name(const struct map *map, const uint32_t *restrict pfns, void *restrict results, \
			 uint64_t count)                                                               \
	{                                                                                              \
		const struct map local = *map;                                                         \
		type *restrict fields = results;                                                       \
		type field = 0;                                                                        \
                                                                                                       \
		for (uint64_t i = 0; i < count; i++) {                                                 \
			field = field_of(&local, PFN_AFTER(&local, pfns, i, field));                   \
			fields[i] = field;                                                             \
		}                                                                                      \
	}

#define DEFINE_FOLIO_FIELDS(encoding, head_of)                            \
	DEFINE_ORDER(order_##encoding, head_of)                           \
	DEFINE_FOLIO_FLAGS(flags_##encoding, head_of)                     \
	DEFINE_FIELDS(orders_##encoding, uint32_t, order_##encoding)      \
	DEFINE_FIELDS(folio_flags_##encoding, uint64_t, flags_##encoding)

DEFINE_FOLIO_FIELDS(pointer, head_by_pointer)
DEFINE_FOLIO_FIELDS(fake_heads, head_past_fakes)
DEFINE_FOLIO_FIELDS(mask, head_by_mask)
DEFINE_FIELDS(page_flags, uint64_t, own_flags)

loop *const LOOPS(order)[ENCODINGS] = { orders_pointer, orders_fake_heads, orders_mask };
loop *const LOOPS(folio_flags)[ENCODINGS] = { folio_flags_pointer, folio_flags_fake_heads, folio_flags_mask };
loop *const LOOPS(page_flags)[ENCODINGS] = { page_flags, page_flags, page_flags };
