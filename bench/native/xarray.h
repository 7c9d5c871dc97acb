/*
 * As much of the kernel's xarray (lib/xarray.c) as pgmap_array has: ranges of indices in a radix tree of 64-way nodes.
 * A range stands at the highest level at which it is aligned; where it fills several slots there, the first holds the
 * entry and the others, its siblings, name the first.
 *
 * A word of the tree says by its low bits what it is:
 *
 *   63                               8 7       2 1 0
 *   entry, a multiple of 4, or 0 ............... 0 0
 *   node's address ............................. 1 0
 *   0 .............................. 0 |offset | 1 0     sibling of the slot at this offset
 */
#ifndef VMEMMAP_BENCH_XARRAY_H
#define VMEMMAP_BENCH_XARRAY_H

#include <stdbool.h>
#include <stdint.h>

#define XA_CHUNK_SHIFT 6
#define XA_CHUNK_SIZE (1u << XA_CHUNK_SHIFT)
#define XA_CHUNK_MASK (XA_CHUNK_SIZE - 1)

#define XA_TAG_MASK 3u
#define XA_INTERNAL 2u
#define XA_TAG_SHIFT 2
#define XA_SIBLINGS_END ((uint64_t)XA_CHUNK_SIZE << XA_TAG_SHIFT)

struct xa_node {
	uint32_t shift; /* one slot covers 1 << shift indices */
	uint64_t slots[XA_CHUNK_SIZE];
};

static inline bool xa_is_node(uint64_t word)
{
	return (word & XA_TAG_MASK) == XA_INTERNAL && word >= XA_SIBLINGS_END;
}

static inline bool xa_is_sibling(uint64_t word)
{
	return (word & XA_TAG_MASK) == XA_INTERNAL && word < XA_SIBLINGS_END;
}

static inline const struct xa_node *xa_to_node(uint64_t word)
{
	return (const struct xa_node *)(uintptr_t)(word - XA_INTERNAL);
}

/* xas_descend */
static inline uint64_t xa_descend(const struct xa_node *node, uint64_t index)
{
	uint64_t word = node->slots[(index >> node->shift) & XA_CHUNK_MASK];

	return xa_is_sibling(word) ? node->slots[word >> XA_TAG_SHIFT] : word;
}

/* xa_load of the tree with this head, without the RCU read lock: the entry at an index, or 0. */
static inline uint64_t xa_load(uint64_t head, uint64_t index)
{
	uint64_t word = head;

	if (xa_is_node(word) && (index >> xa_to_node(word)->shift) > XA_CHUNK_MASK)
		return 0;
	while (xa_is_node(word))
		word = xa_descend(xa_to_node(word), index);
	return word;
}

/* xa_store_range: puts an entry at the indices from `first` to `last`, which are free. False where memory is short. */
bool xa_store_range(uint64_t *head, uint64_t first, uint64_t last, uint64_t entry);

/* xa_destroy */
void xa_destroy(uint64_t *head);

#endif
