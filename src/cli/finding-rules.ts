/** The rule behind each finding of the checker, and who holds to it. */
import type { FindingCode } from "../verify.js";

export const FINDING_RULES: Readonly<Record<FindingCode, string>> = {
  "tail-head":
    "The tagged word of a tail leads to the head of its folio: prep_compound_tail sets it, compound_head reads it.",
  "head-unaligned":
    "A folio's PFN is a multiple of its size: the buddy allocator and memmap_init_zone_device hand out no other.",
  "head-order": "A page with PG_head has an order from 1 to the largest folio's, as prep_compound_page leaves it.",
  "order-run": "A folio of order n has 2^n - 1 tails right behind its head: prep_compound_page makes as many.",
  "nr-pages": "The number of pages kept in a large folio is that of its order: folio_set_order writes both.",
  "tail-refcount":
    "A tail has no references of its own: prep_compound_page sets its count to 0, get_page counts on the head.",
  "tail-mapping":
    "A tail's mapping is TAIL_MAPPING: prep_compound_tail sets it, free_tail_page_prepare reports any other.",
  "tail-flag-head": "PG_head is the head's alone: __SetPageHead, called by prep_compound_page, sets it there.",
  "zone-differs":
    "Pages of a folio are in one zone: set_page_links writes it, and blocks of the buddy allocator cross no zone.",
  "node-differs":
    "Pages of a folio are on one node: set_page_links writes it, and blocks of the buddy allocator cross no node.",
  "pgmap-unknown": "A ZONE_DEVICE page names a pgmap that lives: __init_zone_device_page sets it, page_pgmap reads it.",
  "pgmap-range": "A page stands in the ranges of the pgmap that it names: memremap_pages initialises those alone.",
  "pgmap-differs":
    "A folio of device memory belongs to one pgmap: memmap_init_zone_device makes folios within one range.",
  "pgmap-zone": "Pages of a pgmap are in ZONE_DEVICE: __init_zone_device_page puts them there.",
  "device-refcount":
    "A count of device memory is not below what its type has at rest, mappings added: __init_zone_device_page and free_zone_device_folio set that.",
  "index-head":
    "The engine's own head index leads to the head that compound_head finds; this is no rule of the kernel.",
  "index-order":
    "The engine's own head index tells the order that compound_order reads; this is no rule of the kernel.",
  "index-pgmap": "The engine's own head index tells the pgmap that page_pgmap reads; this is no rule of the kernel.",
};
