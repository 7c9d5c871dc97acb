/* The native twins: the loops a kernel would run, over the same bytes and the same PFNs as the wasm engine. */
#ifndef VMEMMAP_BENCH_LOOPS_H
#define VMEMMAP_BENCH_LOOPS_H

#include <stdint.h>

/* What a lookup sees of a struct page: 64 bytes, flags at 0; at 8 a tail has its tag, a device page its pgmap. */
struct page {
	uint64_t flags;
	union {
		uint64_t compound_info;
		uint64_t pgmap;
	};
	uint64_t other_words[6];
};

_Static_assert(sizeof(struct page) == 64, "a slot is 64 bytes");

/* The pages stand at an address of this process, their words hold kernel addresses from vmemmap_base on. */
struct map {
	const struct page *pages; /* where PFN 0's would stand, as the kernel's vmemmap */
	uint64_t vmemmap_base;
	uint64_t head_flag;   /* 1 << PG_head of the map's kernel */
	uint64_t order_offset; /* from a head to the byte that holds its order */
	uint64_t zone_mask;   /* the zone's bits of the flags word, */
	uint64_t zone_device; /* and how they read in ZONE_DEVICE */
	uint64_t pgmap_array; /* pgmaps by PFN, the head of an xarray (xarray.h) */
	const uint64_t *head_bits;   /* the head index: a bit for each page that is no tail, */
	const uint8_t *block_orders; /* and for each 64 pages their order, or MIXED */
	uint32_t zero;        /* 0 */
};

enum encoding { ENCODING_POINTER, ENCODING_FAKE_HEADS, ENCODING_MASK, ENCODINGS };

/* Writes an answer for each of `count` PFNs; the op decides how wide an answer is. */
typedef void loop(const struct map *map, const uint32_t *restrict pfns, void *restrict results, uint64_t count);

/*
 * Files of loops are compiled as VARIANT native (-O2, as a kernel is built), native_simd (-O3 -march=native) and native_chain
 * (-O2 -DCHAINED: each lookup waits for the answer before, so that its time is what one takes alone). Each defines a
 * table of loops by encoding for each of its ops, or one loop, under the name LOOPS(op).
 */
#define LOOPS_OF(op, variant) LOOPS_PASTE(op, variant)
#define LOOPS_PASTE(op, variant) op##_##variant
#define LOOPS(op) LOOPS_OF(op, VARIANT)

/* The PFN of lookup `i`: chained, it can't be known before the answer before, since no compiler knows that `zero` is 0. */
#ifdef CHAINED
#define PFN_AFTER(map, pfns, i, answer) ((pfns)[i] + ((uint32_t)(answer) & (map)->zero))
#else
#define PFN_AFTER(map, pfns, i, answer) ((pfns)[i])
#endif

#define DECLARE_LOOPS(op)                               \
	extern loop *const op##_native[ENCODINGS];      \
	extern loop *const op##_native_simd[ENCODINGS]; \
	extern loop *const op##_native_chain[ENCODINGS];

DECLARE_LOOPS(heads) /* compound_head: u32, a PFN */
DECLARE_LOOPS(index) /* the same by the head index */
DECLARE_LOOPS(order) /* folio_order: u32 */
DECLARE_LOOPS(folio_flags) /* folio->flags: u64 */
DECLARE_LOOPS(page_flags) /* page->flags: u64 */
DECLARE_LOOPS(page)  /* page->pgmap up to 6.14: u64, the pgmap's address */
DECLARE_LOOPS(folio) /* page_pgmap from 6.15 on: u64 */
DECLARE_LOOPS(range) /* get_dev_pagemap: u64 */

/* Goes over all slots, without a list, and writes 32-bit answers, at most one for each slot: how many. */
typedef uint64_t pass_loop(const struct map *map, uint64_t slots, uint32_t *restrict answers);

/* Orders are told by a byte; a map has more slots than there are orders. */
#define ORDERS 256

#define DECLARE_PASS(op)                                     \
	extern pass_loop *const op##_native[ENCODINGS];      \
	extern pass_loop *const op##_native_simd[ENCODINGS]; \
	extern pass_loop *const op##_native_chain[ENCODINGS];

DECLARE_PASS(pass_sum)    /* one word of every slot, added up */
DECLARE_PASS(pass_orders) /* how many folios there are of each order */
DECLARE_PASS(pass_heads)  /* PFNs of heads */

#endif
