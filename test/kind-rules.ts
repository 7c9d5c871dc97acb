/** What bits of /proc/kpageflags and drgn's pgmaps say of pages' kinds; and where a page may differ from them, and why. */
import { PAGE_KINDS, type UsageKind, type Vmemmap } from "../src/index.js";
import { placeIn, type Truth } from "./truth.js";

/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h; those from 32 on for kernel hackers alone). */
export const KPF = {
  slab: 7,
  buddy: 10,
  anon: 12,
  swapbacked: 14,
  huge: 17,
  ksm: 21,
  offline: 23,
  pgtable: 26,
  reserved: 32,
} as const;

export const ZONE_DEVICE = 4;

const DEVICE_KINDS: Readonly<Record<string, UsageKind>> = {
  "fs-dax": "device-fsdax",
  generic: "device-generic",
};

/** 6.12 to 6.18: the kernel looks for KSM in both bits at once, and for neither anon nor KSM past a slab. */
const hasAnonBugs = (name: string) => /^linux-6\.1[28]\./.test(name);
/** 6.1: the bits of a tail are its own. */
const hasOwnBits = (name: string) => name.startsWith("linux-6.1.");

/** The kinds a map tells, beside a truth. Pages are meant by their places in the truth. */
export class KindsOfMap {
  readonly kinds: readonly UsageKind[];
  /** An altmap's reserved PFNs: device memory whose slots the kernel leaves all zero, so that no zone tells. */
  readonly reserve: ReadonlySet<number>;
  /** Pages that /proc/kpageflags describes, and told alike twice. */
  readonly compared: readonly number[];
  /** Words of kpageflags as halves. */
  readonly #words: Uint32Array;

  constructor(
    readonly map: Vmemmap,
    readonly truth: Truth,
  ) {
    const out = new Uint8Array(truth.pfns.length);
    if (map.usageKindsInto(truth.pfns, out) !== 0) throw new Error(`${truth.name}: the map lacks pages`);
    this.kinds = Array.from(out, (kind) => PAGE_KINDS[kind]!);
    this.reserve = altmapReserve(map);
    this.compared = Array.from(truth.pfns.keys()).filter((i) => isTold(truth, this.reserve, i));
    this.#words = new Uint32Array(truth.kpageflags.buffer, truth.kpageflags.byteOffset, 2 * truth.kpageflags.length);
  }

  has(i: number, bit: number): boolean {
    return ((this.#words[2 * i + (bit >> 5)]! >>> (bit & 31)) & 1) !== 0;
  }

  placeOf(pfn: number): number {
    return placeIn(this.truth, pfn);
  }

  /** Pages compared that differ in a bit and a kind. */
  differing(bit: number, kind: UsageKind): number[] {
    return this.compared.filter((i) => this.has(i, bit) !== (this.kinds[i] === kind));
  }
}

/** PFNs of a map's altmaps that the kernel leaves all zero. */
export function altmapReserve(map: Vmemmap): ReadonlySet<number> {
  return new Set(
    map.pgmaps.flatMap(({ altmap }) =>
      altmap === null ? [] : Array.from({ length: altmap.reserve }, (_, i) => altmap.basePfn + i),
    ),
  );
}

/** Whether /proc/kpage* describes a page, and both reads of kpageflags saw it alike. */
export function isTold(truth: Truth, reserve: ReadonlySet<number>, i: number): boolean {
  return truth.zone[i] !== ZONE_DEVICE && truth.kpageflagsStable[i] === 1 && !reserve.has(truth.pfns[i]!);
}

export interface KindRule {
  readonly title: string;
  /** Pages that differ from what was said of them, unexplained. */
  readonly broken: (of: KindsOfMap) => number[];
}

/** Kinds that are the kernel's bit and nothing else, in both directions. */
const EXACT = [
  ["free", KPF.buddy],
  ["offline", KPF.offline],
  ["pgtable", KPF.pgtable],
  ["hugetlb", KPF.huge],
  ["slab", KPF.slab],
  ["reserved", KPF.reserved],
] as const;

export const KIND_RULES: readonly KindRule[] = [
  ...EXACT.map(([kind, bit]) => ({
    title: `${kind} is bit ${bit} of kpageflags, both ways`,
    broken: (of: KindsOfMap) => of.differing(bit, kind),
  })),
  {
    title: "anon is KPF_ANON but for hugetlb's pages, which come first, and slabs of 6.12 to 6.18 that look like it",
    broken: (of) =>
      of.differing(KPF.anon, "anon").filter((i) => {
        const { truth, kinds } = of;
        const isOddWord = (truth.mapping[of.placeOf(truth.heads[i]!)]! & 1n) !== 0n;
        const isOther = kinds[i] === "hugetlb" || (kinds[i] === "slab" && hasAnonBugs(truth.name));
        return !(of.has(i, KPF.anon) && isOddWord && isOther);
      }),
  },
  {
    title: "no page is ksm",
    broken: ({ kinds }) => Array.from(kinds.keys()).filter((i) => kinds[i] === "ksm"),
  },
  {
    title: "no page is KPF_KSM, but in 6.12 to 6.18, where it is KPF_ANON",
    broken: (of) =>
      of.compared.filter((i) => of.has(i, KPF.ksm) !== (hasAnonBugs(of.truth.name) && of.has(i, KPF.anon))),
  },
  {
    title: "shmem is KPF_SWAPBACKED and file is not, but on tails of 6.1, whose head's bit tells",
    broken: (of) =>
      of.compared.filter((i) => {
        const { truth, kinds } = of;
        const isSwapbacked = of.has(i, KPF.swapbacked);
        if (kinds[i] === "shmem" ? isSwapbacked : kinds[i] !== "file" || !isSwapbacked) return false;
        const head = truth.heads[i]!;
        return !hasOwnBits(truth.name) || head === truth.pfns[i] || !of.has(of.placeOf(head), KPF.swapbacked);
      }),
  },
  {
    title: "of free-pcp pages the kernel tells nothing at all",
    broken: ({ compared, kinds, truth }) =>
      compared.filter((i) => kinds[i] === "free-pcp" && truth.kpageflags[i] !== 0n),
  },
  {
    title: "device pages are of their pgmap's type by drgn's word, an altmap's by their place, and stale ones unknown",
    broken: ({ kinds, map, truth }) => {
      const altmaps = map.pgmaps.flatMap(({ altmap }) => altmap ?? []);
      const isAltmaps = (pfn: number) =>
        altmaps.some(({ basePfn, reserve, free }) => basePfn + reserve <= pfn && pfn < basePfn + reserve + free);
      const byAddress = new Map(map.pgmaps.map((pgmap) => [pgmap.address, pgmap]));
      const wanted = (i: number): UsageKind => {
        const pgmap = byAddress.get(truth.pgmap[i]!);
        if (pgmap !== undefined) return DEVICE_KINDS[map.profile.zoneDevice.memoryTypes[pgmap.type - 1]!]!;
        return isAltmaps(truth.pfns[i]!) ? "device-altmap" : "device-unknown";
      };
      return Array.from(kinds.keys()).filter((i) =>
        truth.zone[i] === ZONE_DEVICE ? kinds[i] !== wanted(i) : kinds[i]!.startsWith("device-"),
      );
    },
  },
  {
    title: "an altmap's reserved slots, all zero, are of no zone that tells: free-pcp",
    broken: (of) => Array.from(of.reserve, (pfn) => of.placeOf(pfn)).filter((i) => of.kinds[i] !== "free-pcp"),
  },
];
