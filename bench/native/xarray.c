#include "xarray.h"

#include <stdlib.h>

static uint64_t xa_new_node(uint32_t shift)
{
	struct xa_node *node = calloc(1, sizeof(*node));

	if (!node)
		return 0;
	node->shift = shift;
	return (uintptr_t)node | XA_INTERNAL;
}

static struct xa_node *node_of(uint64_t word)
{
	return (struct xa_node *)xa_to_node(word);
}

/* Nodes above the head until it covers an index. An array without nodes is empty. */
static bool xa_expand(uint64_t *head, uint64_t index)
{
	if (!*head && !(*head = xa_new_node(0)))
		return false;
	while (index >> node_of(*head)->shift > XA_CHUNK_MASK) {
		uint64_t above = xa_new_node(node_of(*head)->shift + XA_CHUNK_SHIFT);

		if (!above)
			return false;
		node_of(above)->slots[0] = *head;
		*head = above;
	}
	return true;
}

/* The node over an index whose slots cover 1 << shift indices; NULL where memory is short. */
static struct xa_node *xa_create(uint64_t head, uint64_t index, uint32_t shift)
{
	struct xa_node *node = node_of(head);

	while (node->shift > shift) {
		uint64_t *slot = &node->slots[(index >> node->shift) & XA_CHUNK_MASK];

		if (!*slot && !(*slot = xa_new_node(node->shift - XA_CHUNK_SHIFT)))
			return NULL;
		node = node_of(*slot);
	}
	return node;
}

/* The highest level, that of the head at most, at which a slot may cover `count` indices from `first` on. */
static uint32_t shift_for(uint64_t head, uint64_t first, uint64_t count)
{
	uint32_t shift = 0;

	while (shift < node_of(head)->shift) {
		uint64_t covered = (uint64_t)1 << (shift + XA_CHUNK_SHIFT);

		if (first % covered || count < covered)
			break;
		shift += XA_CHUNK_SHIFT;
	}
	return shift;
}

bool xa_store_range(uint64_t *head, uint64_t first, uint64_t last, uint64_t entry)
{
	if (!xa_expand(head, last))
		return false;
	while (first <= last) {
		uint64_t count = last - first + 1;
		uint32_t shift = shift_for(*head, first, count);
		uint64_t offset = (first >> shift) & XA_CHUNK_MASK;
		uint64_t slots = count >> shift;
		struct xa_node *node = xa_create(*head, first, shift);

		if (!node)
			return false;
		if (slots > XA_CHUNK_SIZE - offset)
			slots = XA_CHUNK_SIZE - offset;
		node->slots[offset] = entry;
		for (uint64_t i = 1; i < slots; i++)
			node->slots[offset + i] = offset << XA_TAG_SHIFT | XA_INTERNAL;
		first += slots << shift;
	}
	return true;
}

static void free_node(struct xa_node *node)
{
	for (uint32_t at = 0; at < XA_CHUNK_SIZE; at++)
		if (xa_is_node(node->slots[at]))
			free_node(node_of(node->slots[at]));
	free(node);
}

void xa_destroy(uint64_t *head)
{
	if (xa_is_node(*head))
		free_node(node_of(*head));
	*head = 0;
}
