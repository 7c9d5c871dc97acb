/*
 * Holds one map and one list of PFNs, and runs the loops over them when told to. One command a line on stdin:
 *
 *   map SLOTS BASE HEAD_FLAG ORDER_OFFSET ENCODING   then SLOTS * 64 bytes
 *                                                                 -> ok
 *   device FIRST_PFN ZONE_MASK ZONE_DEVICE PGMAPS   then PGMAPS * 24 bytes: address, first PFN, last PFN
 *                                                                 -> ok; the map's slots are those from FIRST_PFN on
 *   index SLOTS                         then SLOTS / 8 + SLOTS / 64 bytes: the head index   -> ok
 *   list COUNT                          then COUNT * 4 bytes      -> ok
 *   run OP VARIANT OFFSET COUNT                                   -> COUNT answers for that part of the list
 *   time OP VARIANT OFFSET COUNT WARM_OFFSET WARM_COUNT           -> NANOSECONDS CHECKSUM, of one run over that part
 *                                                                    right after an untimed run over the other
 *   pass OP VARIANT                                               -> NANOSECONDS CHECKSUM, of one pass over all slots
 *                                                                    right after an untimed one
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

/* Where the system has no transparent huge pages, all pages are alike. */
#ifndef MADV_HUGEPAGE
#define MADV_HUGEPAGE MADV_NORMAL
#define MADV_NOHUGEPAGE MADV_NORMAL
#endif

#include "loops.h"
#include "xarray.h"

struct buffer {
	void *bytes;
	size_t size;
};

static struct buffer index_bytes, map_bytes, list_bytes, results_bytes, pass_bytes;
static struct map map;
static uint64_t map_slots;
static enum encoding encoding;
static uint64_t list_count;

static const char *const encoding_names[ENCODINGS] = { "pointer", "fake-heads", "mask" };

enum variant {
	NATIVE,
	NATIVE_CHAIN,
#ifdef WITH_SIMD
	NATIVE_SIMD,
#endif
	VARIANTS
};

static const char *const variant_names[VARIANTS] = {
	"native",
	"native-chain",
#ifdef WITH_SIMD
	"native-simd",
#endif
};

#ifdef WITH_SIMD
#define ALL_VARIANTS(op) { op##_native, op##_native_chain, op##_native_simd }
#else
#define ALL_VARIANTS(op) { op##_native, op##_native_chain }
#endif

static const struct op {
	const char *name;
	size_t result_size;
	loop *const *loops[VARIANTS];
} ops[] = {
	{ "heads", sizeof(uint32_t), ALL_VARIANTS(heads) },
	{ "index", sizeof(uint32_t), ALL_VARIANTS(index) },
	{ "order", sizeof(uint32_t), ALL_VARIANTS(order) },
	{ "folio-flags", sizeof(uint64_t), ALL_VARIANTS(folio_flags) },
	{ "page-flags", sizeof(uint64_t), ALL_VARIANTS(page_flags) },
	{ "page", sizeof(uint64_t), ALL_VARIANTS(page) },
	{ "folio", sizeof(uint64_t), ALL_VARIANTS(folio) },
	{ "range", sizeof(uint64_t), ALL_VARIANTS(range) },
};

#define LARGEST_RESULT sizeof(uint64_t)

static const struct pass {
	const char *name;
	pass_loop *const *loops[VARIANTS];
} passes[] = {
	{ "sum", ALL_VARIANTS(pass_sum) },
	{ "count-by-order", ALL_VARIANTS(pass_orders) },
	{ "list-heads", ALL_VARIANTS(pass_heads) },
};

_Noreturn static void fail(const char *reason)
{
	fprintf(stderr, "%s\n", reason);
	exit(1);
}

/* What madvise is told of the slots: plain 4 KiB pages, as the wasm memory has them, or 2 MiB ones, as a kernel's vmemmap. */
static int slots_advice = MADV_NOHUGEPAGE;

static void resize(struct buffer *buffer, size_t size)
{
	if (buffer->size == size)
		return;
	if (buffer->size)
		munmap(buffer->bytes, buffer->size);
	buffer->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer->bytes == MAP_FAILED)
		fail("not enough memory");
	madvise(buffer->bytes, size, buffer == &map_bytes ? slots_advice : MADV_NOHUGEPAGE);
	buffer->size = size;
}

static void receive_bytes(void *bytes, size_t size)
{
	if (fread(bytes, 1, size, stdin) != size)
		fail("the input ended early");
}

static void receive(struct buffer *buffer, size_t size)
{
	resize(buffer, size);
	receive_bytes(buffer->bytes, size);
}

static void receive_map(const char *arguments)
{
	char name[16];

	if (sscanf(arguments, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %15s", &map_slots, &map.vmemmap_base,
		   &map.head_flag, &map.order_offset, name) != 5)
		fail("map: five arguments wanted");
	for (encoding = 0; encoding < ENCODINGS && strcmp(name, encoding_names[encoding]); encoding++)
		;
	if (encoding == ENCODINGS)
		fail("map: no such encoding");
	receive(&map_bytes, map_slots * sizeof(struct page));
	map.pages = map_bytes.bytes;
	puts("ok");
}

static void receive_device(const char *arguments)
{
	uint64_t first_pfn, pgmaps;

	if (sscanf(arguments, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &first_pfn, &map.zone_mask,
		   &map.zone_device, &pgmaps) != 4)
		fail("device: four arguments wanted");
	if (!map_bytes.bytes)
		fail("device: no map yet");
	map.pages = (const struct page *)((uintptr_t)map_bytes.bytes - first_pfn * sizeof(struct page));
	xa_destroy(&map.pgmap_array);
	for (uint64_t i = 0; i < pgmaps; i++) {
		struct {
			uint64_t address, first, last;
		} pgmap;

		receive_bytes(&pgmap, sizeof(pgmap));
		if (!xa_store_range(&map.pgmap_array, pgmap.first, pgmap.last, pgmap.address))
			fail("not enough memory");
	}
	puts("ok");
}

static void receive_index(const char *arguments)
{
	uint64_t slots;

	if (sscanf(arguments, "%" SCNu64, &slots) != 1)
		fail("index: one argument wanted");
	receive(&index_bytes, slots / 8 + slots / 64);
	map.head_bits = index_bytes.bytes;
	map.block_orders = (const uint8_t *)index_bytes.bytes + slots / 8;
	puts("ok");
}

static void receive_list(const char *arguments)
{
	if (sscanf(arguments, "%" SCNu64, &list_count) != 1)
		fail("list: one argument wanted");
	receive(&list_bytes, list_count * sizeof(uint32_t));
	resize(&results_bytes, list_count * LARGEST_RESULT);
	memset(results_bytes.bytes, 0xff, results_bytes.size);
	puts("ok");
}

/* One part of the list, and the loop a command names for it. */
struct job {
	loop *loop;
	const uint32_t *pfns;
	void *results;
	uint64_t count;
	size_t results_size;
};

static const struct op *op_named(const char *name)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!strcmp(name, ops[i].name))
			return &ops[i];
	fail("no such op");
}

static enum variant variant_named(const char *name)
{
	for (enum variant variant = 0; variant < VARIANTS; variant++)
		if (!strcmp(name, variant_names[variant]))
			return variant;
	fail("no such variant");
}

static const struct pass *pass_named(const char *name)
{
	for (size_t i = 0; i < sizeof(passes) / sizeof(*passes); i++)
		if (!strcmp(name, passes[i].name))
			return &passes[i];
	fail("no such pass");
}

static struct job job_at(const char *op_name, const char *variant_name, uint64_t offset, uint64_t count)
{
	const struct op *op = op_named(op_name);

	if (!map.pages || offset > list_count || count > list_count - offset)
		fail("outside the list");
	return (struct job){
		.loop = op->loops[variant_named(variant_name)][encoding],
		.pfns = (uint32_t *)list_bytes.bytes + offset,
		.results = (char *)results_bytes.bytes + offset * op->result_size,
		.count = count,
		.results_size = count * op->result_size,
	};
}

static void run(struct job job)
{
	job.loop(&map, job.pfns, job.results, job.count);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Of 32-bit words, the low half of a 64-bit one first: the same sum as checksum() on the other side. */
static uint32_t checksum(const uint32_t *words, uint64_t count)
{
	uint32_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		sum = sum * 31 + words[i];
	return sum;
}

static void answer_run(const char *arguments)
{
	char op[16], variant[16];
	uint64_t offset, count;

	if (sscanf(arguments, "%15s %15s %" SCNu64 " %" SCNu64, op, variant, &offset, &count) != 4)
		fail("run: four arguments wanted");
	struct job job = job_at(op, variant, offset, count);
	run(job);
	fwrite(job.results, 1, job.results_size, stdout);
}

static void answer_time(const char *arguments)
{
	char op[16], variant[16];
	uint64_t offset, count, warm_offset, warm_count;

	if (sscanf(arguments, "%15s %15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, op, variant, &offset, &count,
		   &warm_offset, &warm_count) != 6)
		fail("time: six arguments wanted");
	struct job job = job_at(op, variant, offset, count);
	struct job warm_up = job_at(op, variant, warm_offset, warm_count);
	run(warm_up);
	uint64_t start = now();
	run(job);
	printf("%" PRIu64 " %" PRIu32 "\n", now() - start,
	       checksum(job.results, job.results_size / sizeof(uint32_t)));
}

static void answer_pass(const char *arguments)
{
	char op[16], variant[16];

	if (sscanf(arguments, "%15s %15s", op, variant) != 2)
		fail("pass: two arguments wanted");
	if (!map_bytes.bytes)
		fail("pass: no map yet");
	resize(&pass_bytes, map_slots * sizeof(uint32_t));
	pass_loop *pass = pass_named(op)->loops[variant_named(variant)][encoding];
	pass(&map, map_slots, pass_bytes.bytes);
	uint64_t start = now();
	uint64_t answers = pass(&map, map_slots, pass_bytes.bytes);
	printf("%" PRIu64 " ", now() - start);
	printf("%" PRIu32 "\n", checksum(pass_bytes.bytes, answers));
}

static const struct command {
	const char *name;
	void (*execute)(const char *arguments);
} commands[] = {
	{ "map ", receive_map }, { "device ", receive_device }, { "index ", receive_index }, { "list ", receive_list },
	{ "run ", answer_run },  { "time ", answer_time },      { "pass ", answer_pass },
};

static void execute(const char *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		size_t length = strlen(commands[i].name);

		if (!strncmp(line, commands[i].name, length)) {
			commands[i].execute(line + length);
			return;
		}
	}
	fail("no such command");
}

int main(int argc, char **argv)
{
	char line[256];

	if (argc > 1 && !strcmp(argv[1], "--huge-pages"))
		slots_advice = MADV_HUGEPAGE;
	while (fgets(line, sizeof(line), stdin)) {
		execute(line);
		fflush(stdout);
	}
	return 0;
}
