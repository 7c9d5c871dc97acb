/** What a page is used for. The first kind that matches is its kind; a tail has its head's. */
export const PAGE_KINDS = [
  // ZONE_DEVICE, by the type of the folio's pgmap.
  "device-private",
  "device-coherent",
  "device-fsdax",
  "device-generic",
  "device-p2pdma",
  /** It holds the vmemmap of its own device: no pgmap, its list head points to itself. */
  "device-altmap",
  /** Zone DEVICE, but no pgmap is known by its word. */
  "device-unknown",
  // By page type; 6.1: by flag or compound destructor.
  /** In the buddy allocator: the head of a free block, or the rest of it. */
  "free",
  "offline",
  "pgtable",
  "guard",
  "hugetlb",
  "slab",
  "zsmalloc",
  "unaccepted",
  "large-kmalloc",
  // By the word mapping.
  "ksm",
  "anon",
  "movable",
  /** Has a mapping and PG_swapbacked. */
  "shmem",
  "file",
  /** PG_reserved. */
  "reserved",
  /** No type and refcount 0: on a per-CPU list, or on its way. */
  "free-pcp",
  "other",
  /** A dump left the page's slot out: it reads as zero, and nothing is known. */
  "filtered",
] as const;

export type UsageKind = (typeof PAGE_KINDS)[number];
