/* The native twins: the loops a kernel would run, over the same bytes and the same PFNs as the wasm engine. */
#ifndef VMEMMAP_BENCH_LOOPS_H
#define VMEMMAP_BENCH_LOOPS_H

#include <stdint.h>

/* What a lookup of heads sees of a struct page: 64 bytes, flags at 0, the tagged word at 8. */
struct page {
	uint64_t flags;
	uint64_t compound_info;
	uint64_t other_words[6];
};

_Static_assert(sizeof(struct page) == 64, "a slot is 64 bytes");

/* The pages stand at an address of this process, their words hold kernel addresses from vmemmap_base on. */
struct map {
	const struct page *pages;
	uint64_t vmemmap_base;
	uint64_t head_flag; /* 1 << PG_head of the map's kernel */
};

enum encoding { ENCODING_POINTER, ENCODING_FAKE_HEADS, ENCODING_MASK, ENCODINGS };

typedef void heads_loop(const struct map *map, const uint32_t *pfns, uint32_t *heads, uint64_t count);

/* Every loop of one compilation of heads.c. */
struct loops {
	heads_loop *heads[ENCODINGS];
};

extern const struct loops loops_native;      /* -O2, as a kernel is built */
extern const struct loops loops_native_simd; /* -O3 -march=native */

#endif
