/**
 * Page flags by kernel (include/linux/page-flags.h), as data. A kernel lists its flags in the order of `enum pageflags`,
 * so a flag's position is its bit; aliases give a second meaning to a bit, often with another policy.
 *
 * The numbers are those of an x86_64 distribution kernel: MMU, MEMORY_FAILURE, PAGE_IDLE_FLAG and PG_arch_2 on,
 * PG_uncached where the kernel still has it. A kernel configured otherwise moves everything from `mlocked` upward.
 */
import type { FlagPolicy, PageFlag } from "./profile.js";

export interface FlagTable {
  readonly flags: Readonly<Record<string, PageFlag>>;
  readonly nrPageFlags: number;
}

type Flag = readonly [name: string, policy: FlagPolicy];
type Alias = readonly [name: string, of: string, policy: FlagPolicy];

/** 5.15 and 6.1: head is bit 16. */
const CLASSIC: readonly Flag[] = [
  ["locked", "no-tail"],
  ["referenced", "head"],
  ["uptodate", "no-tail"],
  ["dirty", "head"],
  ["lru", "head"],
  ["active", "head"],
  ["workingset", "head"],
  ["waiters", "only-head"],
  ["error", "no-tail"],
  ["slab", "no-tail"],
  ["owner_priv_1", "any"],
  ["arch_1", "any"],
  ["reserved", "no-compound"],
  ["private", "any"],
  ["private_2", "any"],
  ["writeback", "no-tail"],
  ["head", "any"],
  ["mappedtodisk", "no-tail"],
  ["reclaim", "no-tail"],
  ["swapbacked", "no-tail"],
  ["unevictable", "head"],
  ["mlocked", "no-tail"],
  ["uncached", "no-compound"],
  ["hwpoison", "any"],
  ["young", "any"],
  ["idle", "any"],
  ["arch_2", "any"],
];

const ALIASES_5_15: readonly Alias[] = [
  ["readahead", "reclaim", "no-compound"],
  ["checked", "owner_priv_1", "no-compound"],
  ["swapcache", "owner_priv_1", "no-tail"],
  ["fscache", "private_2", "any"],
  ["pinned", "owner_priv_1", "no-compound"],
  ["savepinned", "dirty", "no-compound"],
  ["foreign", "owner_priv_1", "no-compound"],
  ["xen_remapped", "owner_priv_1", "no-compound"],
  ["isolated", "reclaim", "any"],
  ["reported", "uptodate", "no-compound"],
  ["double_map", "workingset", "second"],
  ["has_hwpoisoned", "mappedtodisk", "second"],
];

/** 6.1 gave PG_mappedtodisk to anon_exclusive, which exists on tails, so has_hwpoisoned moved away. */
const ALIASES_6_1: readonly Alias[] = [
  ...ALIASES_5_15.filter(([name]) => name !== "has_hwpoisoned"),
  ["has_hwpoisoned", "error", "second"],
  ["anon_exclusive", "mappedtodisk", "any"],
  ["vmemmap_self_hosted", "owner_priv_1", "any"],
];

/**
 * 6.12: head is bit 6, and the low byte holds no flag that a large folio needs in its page 1, where the order stands.
 * Most flags have only folio accessors by now, which take the head: policy "head".
 */
const FLAGS_6_12: readonly Flag[] = [
  ["locked", "no-tail"],
  ["writeback", "no-tail"],
  ["referenced", "head"],
  ["uptodate", "no-tail"],
  ["dirty", "head"],
  ["lru", "head"],
  ["head", "any"],
  ["waiters", "head"],
  ["active", "head"],
  ["workingset", "head"],
  ["owner_priv_1", "any"],
  ["owner_2", "head"],
  ["arch_1", "any"],
  ["reserved", "no-compound"],
  ["private", "any"],
  ["private_2", "any"],
  ["reclaim", "no-tail"],
  ["swapbacked", "head"],
  ["unevictable", "head"],
  ["mlocked", "head"],
  ["hwpoison", "any"],
  ["young", "head"],
  ["idle", "head"],
  ["arch_2", "any"],
];

const ALIASES_6_12: readonly Alias[] = [
  ["readahead", "reclaim", "head"],
  ["swapcache", "owner_priv_1", "head"],
  ["checked", "owner_priv_1", "no-compound"],
  ["anon_exclusive", "owner_2", "any"],
  ["mappedtodisk", "owner_2", "no-tail"],
  ["fscache", "private_2", "any"],
  ["pinned", "owner_priv_1", "no-compound"],
  ["savepinned", "dirty", "no-compound"],
  ["foreign", "owner_priv_1", "no-compound"],
  ["xen_remapped", "owner_priv_1", "no-compound"],
  ["isolated", "reclaim", "any"],
  ["reported", "uptodate", "no-compound"],
  ["vmemmap_self_hosted", "owner_priv_1", "any"],
  ["has_hwpoisoned", "active", "second"],
  ["large_rmappable", "workingset", "second"],
  ["partially_mapped", "reclaim", "second"],
];

/** 6.14 put dropbehind between unevictable and mlocked. */
const FLAGS_6_14: readonly Flag[] = FLAGS_6_12.flatMap((flag): Flag[] =>
  flag[0] === "mlocked" ? [["dropbehind", "head"], flag] : [flag],
);

/** 6.15 left private_2 and mappedtodisk (and so fscache) only folio accessors. */
const FLAGS_6_17: readonly Flag[] = FLAGS_6_14.map((flag): Flag =>
  flag[0] === "private_2" ? ["private_2", "head"] : flag,
);

/** 6.17 replaced the marks in page->mapping of movable non-LRU pages by flags. */
const ALIASES_6_17: readonly Alias[] = [
  ...ALIASES_6_12.filter(([name]) => !["isolated", "mappedtodisk", "fscache"].includes(name)),
  ["mappedtodisk", "owner_2", "head"],
  ["fscache", "private_2", "head"],
  ["movable_ops", "uptodate", "no-tail"],
  ["movable_ops_isolated", "reclaim", "no-tail"],
];

/** Gives every flag the bit of its position, and every alias the bit of the flag it stands for. */
function numberFlags(order: readonly Flag[], aliases: readonly Alias[]): FlagTable {
  const flags: Record<string, PageFlag> = {};
  order.forEach(([name, policy], bit) => (flags[name] = { bit, policy }));
  for (const [name, of, policy] of aliases) {
    const original = flags[of];
    if (original === undefined) throw new Error(`${name} is an alias of ${of}, which is no flag`);
    flags[name] = { bit: original.bit, policy };
  }
  return { flags, nrPageFlags: order.length };
}

export const flags5_15 = numberFlags(CLASSIC, ALIASES_5_15);
export const flags6_1 = numberFlags(CLASSIC, ALIASES_6_1);
export const flags6_12 = numberFlags(FLAGS_6_12, ALIASES_6_12);
export const flags6_14 = numberFlags(FLAGS_6_14, ALIASES_6_12);
export const flags6_17 = numberFlags(FLAGS_6_17, ALIASES_6_17);

/** Names that share a bit with another flag in some kernel; every other flag has its bit to itself. */
export const aliasNames: ReadonlySet<string> = new Set(
  [ALIASES_5_15, ALIASES_6_1, ALIASES_6_12, ALIASES_6_17].flatMap((aliases) => aliases.map(([name]) => name)),
);
