/* compound_head over a list of PFNs; the answers are PFNs. */
#include "compound.h"

#define DEFINE_HEADS(name, head_of)                                                                    \
	static void name(const struct map *map, const uint32_t *restrict pfns, void *restrict results, \
			 uint64_t count)                                                               \
	{                                                                                              \
		const struct map local = *map;                                                         \
		uint32_t *restrict heads = results;                                                    \
		uint32_t head = 0;                                                                     \
                                                                                                       \
		for (uint64_t i = 0; i < count; i++) {                                                 \
			head = pfn_of(&local, head_of(&local, PFN_AFTER(&local, pfns, i, head)));        \
			heads[i] = head;                                                               \
		}                                                                                      \
	}

DEFINE_HEADS(heads_pointer, head_by_pointer)
DEFINE_HEADS(heads_fake_heads, head_past_fakes)
DEFINE_HEADS(heads_mask, head_by_mask)

loop *const LOOPS(heads)[ENCODINGS] = { heads_pointer, heads_fake_heads, heads_mask };
