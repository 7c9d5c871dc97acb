/*
 * Holds one map and one list of PFNs, and runs the loops over them when told to. One command a line on stdin:
 *
 *   map SLOTS BASE HEAD_FLAG ENCODING   then SLOTS * 64 bytes     -> ok
 *   list COUNT                          then COUNT * 4 bytes      -> ok
 *   heads VARIANT OFFSET COUNT                                    -> COUNT * 4 bytes, the heads of that part of the list
 *   time VARIANT OFFSET COUNT WARM_OFFSET WARM_COUNT              -> NANOSECONDS CHECKSUM, of one run over that part
 *                                                                    right after an untimed run over the other
 *
 * Numbers are decimal, little-endian in binary. Anything wrong ends the process with a line on stderr.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "loops.h"

struct buffer {
	void *bytes;
	size_t size;
};

static struct buffer map_bytes, list_bytes, heads_bytes;
static struct map map;
static enum encoding encoding;
static uint64_t list_count;

static const char *const encoding_names[ENCODINGS] = { "pointer", "fake-heads", "mask" };

static const struct variant {
	const char *name;
	const struct loops *loops;
} variants[] = {
	{ "native", &loops_native },
#ifdef WITH_SIMD
	{ "native-simd", &loops_native_simd },
#endif
};

_Noreturn static void fail(const char *reason)
{
	fprintf(stderr, "%s\n", reason);
	exit(1);
}

/* Plain 4 KiB pages, as the wasm memory has them: no transparent huge pages. */
static void resize(struct buffer *buffer, size_t size)
{
	if (buffer->size == size)
		return;
	if (buffer->size)
		munmap(buffer->bytes, buffer->size);
	buffer->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer->bytes == MAP_FAILED)
		fail("not enough memory");
#ifdef MADV_NOHUGEPAGE
	madvise(buffer->bytes, size, MADV_NOHUGEPAGE);
#endif
	buffer->size = size;
}

static void receive(struct buffer *buffer, size_t size)
{
	resize(buffer, size);
	if (fread(buffer->bytes, 1, size, stdin) != size)
		fail("the input ended early");
}

static void receive_map(const char *arguments)
{
	uint64_t slots;
	char name[16];

	if (sscanf(arguments, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %15s", &slots, &map.vmemmap_base, &map.head_flag,
		   name) != 4)
		fail("map: four arguments wanted");
	for (encoding = 0; encoding < ENCODINGS && strcmp(name, encoding_names[encoding]); encoding++)
		;
	if (encoding == ENCODINGS)
		fail("map: no such encoding");
	receive(&map_bytes, slots * sizeof(struct page));
	map.pages = map_bytes.bytes;
	puts("ok");
}

static void receive_list(const char *arguments)
{
	if (sscanf(arguments, "%" SCNu64, &list_count) != 1)
		fail("list: one argument wanted");
	receive(&list_bytes, list_count * sizeof(uint32_t));
	resize(&heads_bytes, list_count * sizeof(uint32_t));
	memset(heads_bytes.bytes, 0xff, heads_bytes.size);
	puts("ok");
}

/* One part of the list, and the loop a command names for it. */
struct job {
	heads_loop *loop;
	const uint32_t *pfns;
	uint32_t *heads;
	uint64_t count;
};

static heads_loop *loop_named(const char *name)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++)
		if (!strcmp(name, variants[i].name))
			return variants[i].loops->heads[encoding];
	fail("no such variant");
}

static struct job job_at(heads_loop *loop, uint64_t offset, uint64_t count)
{
	if (!map.pages || offset > list_count || count > list_count - offset)
		fail("outside the list");
	return (struct job){ loop, (uint32_t *)list_bytes.bytes + offset, (uint32_t *)heads_bytes.bytes + offset,
			     count };
}

static void run(struct job job)
{
	job.loop(&map, job.pfns, job.heads, job.count);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The same sum as checksum() on the other side. */
static uint32_t checksum(const uint32_t *words, uint64_t count)
{
	uint32_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		sum = sum * 31 + words[i];
	return sum;
}

static void answer_heads(const char *arguments)
{
	char name[16];
	uint64_t offset, count;

	if (sscanf(arguments, "%15s %" SCNu64 " %" SCNu64, name, &offset, &count) != 3)
		fail("heads: three arguments wanted");
	struct job job = job_at(loop_named(name), offset, count);
	run(job);
	fwrite(job.heads, sizeof(uint32_t), job.count, stdout);
}

static void answer_time(const char *arguments)
{
	char name[16];
	uint64_t offset, count, warm_offset, warm_count;

	if (sscanf(arguments, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, name, &offset, &count, &warm_offset,
		   &warm_count) != 5)
		fail("time: five arguments wanted");
	struct job job = job_at(loop_named(name), offset, count);
	struct job warm_up = job_at(job.loop, warm_offset, warm_count);
	run(warm_up);
	uint64_t start = now();
	run(job);
	printf("%" PRIu64 " %" PRIu32 "\n", now() - start, checksum(job.heads, job.count));
}

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "map ", 4))
			receive_map(line + 4);
		else if (!strncmp(line, "list ", 5))
			receive_list(line + 5);
		else if (!strncmp(line, "heads ", 6))
			answer_heads(line + 6);
		else if (!strncmp(line, "time ", 5))
			answer_time(line + 5);
		else
			fail("no such command");
		fflush(stdout);
	}
	return 0;
}
