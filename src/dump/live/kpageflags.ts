/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h, and those that fs/proc/page.c keeps to itself: from 32 on). */
export const KPF = {
  BUDDY: 10,
  ANON: 12,
  SWAPBACKED: 14,
  COMPOUND_HEAD: 15,
  COMPOUND_TAIL: 16,
  HUGE: 17,
  HWPOISON: 19,
  NOPAGE: 20,
  KSM: 21,
  OFFLINE: 23,
  PGTABLE: 26,
  LRU: 5,
  SLAB: 7,
} as const;

/** Bits that stand for one page flag, by the flag's name; where a kernel lacks the first name, the next is meant. */
export const KPF_FLAGS: readonly (readonly [bit: number, ...names: string[]])[] = [
  [0, "locked"],
  [1, "error"],
  [2, "referenced"],
  [3, "uptodate"],
  [4, "dirty"],
  [5, "lru"],
  [6, "active"],
  [7, "slab"],
  [8, "writeback"],
  [9, "reclaim"],
  [13, "swapcache"],
  [14, "swapbacked"],
  [18, "unevictable"],
  [19, "hwpoison"],
  [25, "idle"],
  [32, "reserved"],
  [33, "mlocked"],
  [34, "owner_2", "mappedtodisk"],
  [35, "private"],
  [36, "private_2"],
  [37, "owner_priv_1"],
  [38, "arch_1"],
  [39, "uncached"],
  [41, "arch_2"],
];

/** A word of kpageflags as its low and its high half. */
export function hasBit(low: number, high: number, bit: number): boolean {
  return ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 1;
}
