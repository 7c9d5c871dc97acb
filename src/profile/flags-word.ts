/** How the fields above the page flags share the flags word (include/linux/page-flags-layout.h). */
import type { BitField, Profile } from "./profile.js";

/** What a kernel's configuration says of the word. */
export interface FlagsWordParts {
  /** __NR_PAGEFLAGS. */
  readonly nrPageFlags: number;
  /** MAX_NR_ZONES. */
  readonly zones: number;
  /** NODES_SHIFT; 0 without NUMA. */
  readonly nodesShift: number;
  /** LAST_CPUPID_SHIFT: 8 bits of a process and those that number a CPU; 0 without NUMA_BALANCING. */
  readonly cpupidShift: number;
  /** LRU_GEN is configured. */
  readonly lruGen: boolean;
}

export type FlagsWordFields = Pick<Profile, "node" | "zone" | "lastCpupid" | "lruGen" | "lruRefs">;

const WORD_BITS = 64;
/** order_base_2(MAX_NR_GENS + 1) */
const LRU_GEN_BITS = 3;
/** MAX_NR_TIERS - 2 */
const LRU_REFS_BITS = 2;

/** Bits that number `count` things (order_base_2). */
export function bitsFor(count: number): number {
  return Math.ceil(Math.log2(Math.max(count, 1)));
}

/**
 * Fields from bit 63 down: node, zone, last_cpupid, lru_gen, lru_refs. SECTIONS_WIDTH is 0 with SPARSEMEM_VMEMMAP, KASAN's tag with
 * x86_64. A last_cpupid that does not fit has no bits here, lru_refs takes what is left.
 */
export function flagsWord({ nrPageFlags, zones, nodesShift, cpupidShift, lruGen }: FlagsWordParts): FlagsWordFields {
  const genWidth = lruGen ? LRU_GEN_BITS : 0;
  const zoneWidth = bitsFor(zones);
  let left = WORD_BITS - nrPageFlags - genWidth - zoneWidth - nodesShift;
  const cpupidWidth = cpupidShift <= left ? cpupidShift : 0;
  left -= cpupidWidth;
  const refsWidth = lruGen ? Math.max(0, Math.min(LRU_REFS_BITS, left)) : 0;
  let end = WORD_BITS;
  const field = (width: number): BitField => (width === 0 ? { shift: 0, width } : { shift: (end -= width), width });
  return {
    node: field(nodesShift),
    zone: field(zoneWidth),
    lastCpupid: field(cpupidWidth),
    lruGen: field(genWidth),
    lruRefs: field(refsWidth),
  };
}
