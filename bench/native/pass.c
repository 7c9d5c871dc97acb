/* A plain pass over all slots: the sum of one word of each, cut to 32 bits. What a checker of all slots is held against. */
#include "loops.h"

uint32_t LOOPS(pass)(const struct page *pages, uint64_t slots)
{
	uint32_t sum = 0;

	for (uint64_t i = 0; i < slots; i++)
		sum += (uint32_t)pages[i].compound_info;
	return sum;
}
