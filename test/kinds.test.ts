/**
 * Kinds of every page of the shipped maps, against the bits of /proc/kpageflags that mean them and the pgmaps that drgn read. What differs is
 * explained page by page; docs/results/ground-truth.md has the counts, which are held against the page here.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { PAGE_KINDS, type UsageKind, Vmemmap } from "../src/index.js";
import { loadTruth, mapNames, openMap, type Truth } from "./truth.js";

/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h; those from 32 on for kernel hackers alone). */
const KPF = {
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

/** Kinds that are the kernel's bit and nothing else, in both directions. */
const EXACT = [
  ["free", KPF.buddy],
  ["offline", KPF.offline],
  ["pgtable", KPF.pgtable],
  ["hugetlb", KPF.huge],
  ["slab", KPF.slab],
  ["reserved", KPF.reserved],
] as const;

const DEVICE_KINDS: Readonly<Record<string, UsageKind>> = {
  "fs-dax": "device-fsdax",
  generic: "device-generic",
};
const ZONE_DEVICE = 4;

/** 6.12 to 6.18: the kernel looks for KSM in both bits at once, and for neither anon nor KSM past a slab. */
const hasAnonBugs = (name: string) => /^linux-6\.1[28]\./.test(name);
/** 6.1: the bits of a tail are its own. */
const hasOwnBits = (name: string) => name.startsWith("linux-6.1.");

const page = readFileSync(new URL("../docs/results/ground-truth.md", import.meta.url), "utf8");

/** Cells of the row of a map in the table below this line of the section. */
function documentedRow(caption: string, map: string): (number | string)[] {
  const table = page.slice(page.indexOf(caption)).split("\n\n")[1] ?? "";
  const row = table.split("\n").find((line) => line.includes(` \`${map}\` `)) ?? "";
  return row
    .split("|")
    .slice(2, -1)
    .map((cell) => (/^[\d ]+$/.test(cell) ? Number(cell.replaceAll(" ", "")) : cell.trim()));
}

describe.each(mapNames)("%s", (name) => {
  let truth: Truth;
  let map: Vmemmap;
  let kinds: UsageKind[];
  /** Places in `truth` of pages that /proc/kpageflags describes, and told alike twice. */
  let compared: number[];
  let reserve: ReadonlySet<number>;
  /** Places in `truth` by PFN. */
  let places: ReadonlyMap<number, number>;

  const has = (i: number, bit: number) => ((truth.kpageflags[i]! >> BigInt(bit)) & 1n) !== 0n;
  const countOf = (test: (i: number) => boolean) => compared.filter(test).length;
  const placeOf = (pfn: number) => places.get(pfn)!;

  beforeAll(async () => {
    truth = await loadTruth(name);
    map = await Vmemmap.load(openMap(name));
    places = new Map(Array.from(truth.pfns, (pfn, i) => [pfn, i]));
    const out = new Uint8Array(truth.pfns.length);
    expect(map.usageKindsInto(truth.pfns, out)).toBe(0);
    kinds = Array.from(out, (kind) => PAGE_KINDS[kind]!);
    reserve = new Set(
      map.pgmaps.flatMap(({ altmap }) =>
        altmap === null ? [] : Array.from({ length: altmap.reserve }, (_, i) => altmap.basePfn + i),
      ),
    );
    compared = Array.from(truth.pfns.keys()).filter(
      (i) => truth.zone[i] !== ZONE_DEVICE && truth.kpageflagsStable[i] === 1 && !reserve.has(truth.pfns[i]!),
    );
  });

  it.each(EXACT)("%s is bit %i of kpageflags, both ways", (kind, bit) => {
    expect(compared.filter((i) => has(i, bit) !== (kinds[i] === kind))).toEqual([]);
  });

  it("anon is KPF_ANON but for hugetlb's pages, which come first, and slabs of 6.12 to 6.18 that look like it", () => {
    const differing = compared.filter((i) => has(i, KPF.anon) !== (kinds[i] === "anon"));
    const unexplained = differing.filter((i) => {
      const isOddWord = (truth.mapping[placeOf(truth.heads[i]!)]! & 1n) !== 0n;
      return !has(i, KPF.anon) || !isOddWord || !(kinds[i] === "hugetlb" || (kinds[i] === "slab" && hasAnonBugs(name)));
    });
    expect(unexplained).toEqual([]);
  });

  it("no page is ksm, nor KPF_KSM, but in 6.12 to 6.18, where KPF_KSM is KPF_ANON", () => {
    expect(kinds.filter((kind) => kind === "ksm")).toEqual([]);
    expect(compared.filter((i) => has(i, KPF.ksm) !== (hasAnonBugs(name) && has(i, KPF.anon)))).toEqual([]);
  });

  it("shmem is KPF_SWAPBACKED and file is not, but on tails of 6.1, whose head's bit tells", () => {
    const differing = compared.filter(
      (i) => (kinds[i] === "shmem" && !has(i, KPF.swapbacked)) || (kinds[i] === "file" && has(i, KPF.swapbacked)),
    );
    const unexplained = differing.filter((i) => {
      const head = truth.heads[i]!;
      return !hasOwnBits(name) || head === truth.pfns[i] || !has(placeOf(head), KPF.swapbacked);
    });
    expect(unexplained).toEqual([]);
  });

  it("of free-pcp pages the kernel tells nothing at all", () => {
    expect(compared.filter((i) => kinds[i] === "free-pcp" && truth.kpageflags[i] !== 0n)).toEqual([]);
  });

  it("device pages are of their pgmap's type by drgn's word, an altmap's by their place, and stale ones unknown", () => {
    const altmaps = map.pgmaps.flatMap(({ altmap }) => altmap ?? []);
    const isAltmaps = (pfn: number) =>
      altmaps.some(({ basePfn, reserve, free }) => basePfn + reserve <= pfn && pfn < basePfn + reserve + free);
    const wanted = (i: number): UsageKind => {
      const pgmap = map.pgmaps.find(({ address }) => address === truth.pgmap[i]);
      if (pgmap !== undefined) return DEVICE_KINDS[map.profile.zoneDevice.memoryTypes[pgmap.type - 1]!]!;
      return isAltmaps(truth.pfns[i]!) ? "device-altmap" : "device-unknown";
    };
    const differing = Array.from(kinds.keys()).filter((i) =>
      truth.zone[i] === ZONE_DEVICE ? kinds[i] !== wanted(i) : kinds[i]!.startsWith("device-"),
    );
    expect(differing).toEqual([]);
  });

  it("an altmap's reserved slots, all zero, are of no zone that tells: free-pcp", () => {
    expect(Array.from(reserve, (pfn) => map.usageKind(pfn))).toEqual(Array.from(reserve, () => "free-pcp"));
  });

  it.each(["simd", "scalar"] as const)(
    "the census of the %s build counts these kinds, by index and without",
    (build) => {
      map.build = build;
      const wanted = new Map<string, number>();
      for (const kind of kinds) wanted.set(kind, (wanted.get(kind) ?? 0) + 1);
      const check = () => {
        const { rows, pages, folios } = map.census();
        expect(new Map(rows.map(({ key, pages }) => [key, pages]))).toEqual(wanted);
        expect(pages).toBe(kinds.length);
        expect(folios).toBe(map.foliosByOrder().reduce((sum, count) => sum + count, 0));
      };
      check();
      map.headIndex.drop();
      check();
      map.headIndex.build();
      check();
    },
  );

  it("docs/results/ground-truth.md tells what was compared", () => {
    const moving = Array.from(truth.pfns.keys()).filter((i) => truth.kpageflagsStable[i] !== 1).length;
    const devices = truth.zone.filter((zone) => zone === ZONE_DEVICE).length;
    expect(documentedRow("What was compared", name)).toEqual([
      kinds.length,
      compared.length,
      devices,
      moving,
      reserve.size,
    ]);
  });

  it("docs/results/ground-truth.md tells how many pages are of each kind", () => {
    const all = map.census();
    const pagesOf = (kind: string) => all.rows.find(({ key }) => key === kind)?.pages ?? 0;
    const told = PAGE_KINDS.filter((kind) => page.includes(`| ${kind} `) || page.includes(`${kind} |`));
    expect(all.rows.map(({ key }) => key).filter((key) => !(told as string[]).includes(key))).toEqual([]);
    expect(documentedRow("Device memory", name)).toEqual(
      ["device-fsdax", "device-generic", "device-altmap", "device-unknown"].map(pagesOf),
    );
    expect(documentedRow("By page type, flag or destructor", name)).toEqual(
      ["free", "offline", "pgtable", "hugetlb", "slab", "large-kmalloc"].map(pagesOf),
    );
    expect(documentedRow("By the other words", name)).toEqual(
      ["anon", "shmem", "file", "reserved", "free-pcp", "other"].map(pagesOf),
    );
  });

  it("docs/results/ground-truth.md tells what differs", () => {
    const isOf = (kind: UsageKind) => (i: number) => kinds[i] === kind;
    expect(documentedRow("What differs", name)).toEqual([
      countOf((i) => isOf("hugetlb")(i) && has(i, KPF.anon)),
      countOf((i) => isOf("slab")(i) && has(i, KPF.anon)),
      countOf((i) => has(i, KPF.ksm)),
      countOf((i) => isOf("shmem")(i) && !has(i, KPF.swapbacked)),
    ]);
  });
});
