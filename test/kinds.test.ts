/**
 * Kinds of every page of the shipped maps, against the bits of /proc/kpageflags that mean them and the pgmaps that drgn read. What differs is
 * explained page by page; docs/results/ground-truth.md has the counts, which are held against the page here.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { PAGE_KINDS, type UsageKind, Vmemmap } from "../src/index.js";
import { documentedRow, groundTruthPage as page } from "./ground-truth-page.js";
import { KIND_RULES, KindsOfMap, KPF, ZONE_DEVICE } from "./kind-rules.js";
import { loadTruth, mapNames, openMap, type Truth } from "./truth.js";

describe.each(mapNames)("%s", (name) => {
  let truth: Truth;
  let map: Vmemmap;
  let told: KindsOfMap;
  let kinds: readonly UsageKind[];
  let compared: readonly number[];

  const has = (i: number, bit: number) => told.has(i, bit);
  const countOf = (test: (i: number) => boolean) => compared.filter(test).length;

  beforeAll(async () => {
    truth = await loadTruth(name);
    map = await Vmemmap.load(openMap(name));
    told = new KindsOfMap(map, truth);
    ({ kinds, compared } = told);
  });

  it.each(KIND_RULES)("$title", ({ broken }) => {
    expect(broken(told)).toEqual([]);
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
      told.reserve.size,
    ]);
  });

  it("docs/results/ground-truth.md tells how many pages are of each kind", () => {
    const all = map.census();
    const pagesOf = (kind: string) => all.rows.find(({ key }) => key === kind)?.pages ?? 0;
    const written = PAGE_KINDS.filter((kind) => page.includes(`| ${kind} `) || page.includes(`${kind} |`));
    expect(all.rows.map(({ key }) => key).filter((key) => !(written as string[]).includes(key))).toEqual([]);
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
