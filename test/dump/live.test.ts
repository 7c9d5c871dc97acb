/** Maps rebuilt from /proc/kpage*: of the real kernels in maps/, of hand-written pages, and of the machine the tests run on. */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reconstructLive } from "../../src/dump/live/rebuild.js";
import { csvOf, openLive, PAGE_KINDS, pageReport, pageRows, Vmemmap, VmemmapError } from "../../src/index.js";
import { loadTruth, mapNames, openMap, type Truth } from "../truth.js";

const SECTION = 32768;
const ZONE_DEVICE = 4;
const KPF_BUDDY = 1n << 10n;
const HEAD_BIT = 15;
const TAIL_BIT = 16;

const ZONEINFO = (endPfn: number) => `Node 0, zone      DMA
        spanned  4095
  start_pfn:           1
Node 0, zone    DMA32
        spanned  ${endPfn - 4096}
  start_pfn:           4096
Node 0, zone   Normal
        spanned  0
`;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "vmemmap-live-"));
});
afterAll(() => rmSync(root, { recursive: true }));

interface Proc {
  readonly release: string;
  readonly flags: BigUint64Array;
  readonly counts?: BigUint64Array;
  readonly cgroups?: BigUint64Array;
  readonly iomem?: string;
}

let folders = 0;

/** A folder that looks like the /proc of such a machine. */
function procOf({ release, flags, counts = new BigUint64Array(flags.length), cgroups, iomem }: Proc): string {
  const proc = join(root, `proc-${folders++}`);
  mkdirSync(proc);
  writeFileSync(join(proc, "version"), `Linux version ${release} (someone@somewhere)\n`);
  writeFileSync(join(proc, "zoneinfo"), ZONEINFO(flags.length));
  const last = (flags.length * 4096 - 1).toString(16);
  writeFileSync(join(proc, "iomem"), iomem ?? `00001000-${last} : System RAM\n`);
  writeFileSync(join(proc, "kpageflags"), flags);
  writeFileSync(join(proc, "kpagecount"), counts);
  if (cgroups !== undefined) writeFileSync(join(proc, "kpagecgroup"), cgroups);
  return proc;
}

const rebuild = (proc: string) => reconstructLive({ proc, sys: join(root, "no-sys") });

/** A section's kpageflags, with these bits set. */
function section(bits: Readonly<Record<number, readonly number[]>>): BigUint64Array {
  const flags = new BigUint64Array(SECTION);
  for (const [pfn, set] of Object.entries(bits)) {
    flags[Number(pfn)] = set.reduce((word, bit) => word | (1n << BigInt(bit)), 0n);
  }
  return flags;
}

const RELEASES: Readonly<Record<string, string>> = Object.fromEntries(
  mapNames.map((name) => [name, name.slice("linux-".length)]),
);

describe.each(mapNames)("%s, rebuilt", (name) => {
  let truth: Truth;
  let dump: Vmemmap;
  let map: Vmemmap;
  /** Truth's pages that /proc shows, and that nobody changed meanwhile. */
  let shown: number[];

  beforeAll(async () => {
    truth = await loadTruth(name);
    dump = await Vmemmap.load(openMap(name));
    const end = Math.ceil((truth.pfns.at(-1)! + 1) / SECTION) * SECTION;
    const flags = new BigUint64Array(end);
    const counts = new BigUint64Array(end);
    truth.pfns.forEach((pfn, i) => {
      flags[pfn] = truth.kpageflags[i]!;
      counts[pfn] = truth.kpagecount[i]!;
    });
    const iomem = truth.ranges
      .map(([start, stop]) => `${(start * 4096).toString(16)}-${(stop * 4096 - 1).toString(16)} : System RAM\n`)
      .join("");
    map = await rebuild(procOf({ release: RELEASES[name]!, flags, counts, iomem }));
    const reserve = new Set(
      dump.pgmaps.flatMap(({ altmap }) =>
        altmap === null ? [] : Array.from({ length: altmap.reserve }, (_, i) => altmap.basePfn + i),
      ),
    );
    shown = [...truth.pfns.keys()].filter(
      (i) => truth.zone[i] !== ZONE_DEVICE && truth.kpageflagsStable[i] === 1 && !reserve.has(truth.pfns[i]!),
    );
  });

  const differences = (same: (pfn: number, i: number) => boolean) =>
    shown.filter((i) => !same(truth.pfns[i]!, i)).length;

  it("has the dump's head for every page that /proc shows", () => {
    const heads = new Uint32Array(truth.pfns.length);
    expect(map.headsInto(truth.pfns, heads)).toBe(0);
    expect(differences((_, i) => heads[i] === truth.heads[i])).toBe(0);
  });

  it("has the dump's order for every page but those of free blocks, which are no folios", () => {
    const orders = new Uint32Array(truth.pfns.length);
    const known = new Uint32Array(truth.pfns.length);
    map.ordersInto(truth.pfns, orders);
    dump.ordersInto(truth.pfns, known);
    expect(differences((_, i) => orders[i] === known[i])).toBe(0);
  });

  it("has the dump's zone for PFN 0, which no zone spans", () => {
    expect(map.pageZone(0)).toBe(dump.pageZone(0));
  });

  it("has the kernel's own mapcount of every page", () => {
    const wrong = differences((pfn, i) => BigInt(map.pageMapcount(pfn)) === truth.kpagecount[i]);
    expect(wrong).toBe(0);
  });

  it("shows a free block's first page as the buddy allocator's, and no other as that", () => {
    const free = shown.filter((i) => (truth.kpageflags[i]! & KPF_BUDDY) !== 0n);
    const blocks = map.select({ type: "buddy" });
    expect(blocks.length).toBeGreaterThan(0);
    let pages = 0;
    for (const pfn of blocks) pages += 2 ** Number(map.readWord(pfn, 40));
    // Pages in motion between the two reads are free in the second.
    const inMotion = truth.kpageflags.filter((word, i) => truth.kpageflagsStable[i] === 0 && (word & KPF_BUDDY) !== 0n);
    expect(pages).toBe(free.length + inMotion.length);
  });

  it("has the dump's kind for every page, but for what no file tells", () => {
    const kinds = new Uint8Array(truth.pfns.length);
    const known = new Uint8Array(truth.pfns.length);
    map.usageKindsInto(truth.pfns, kinds);
    dump.usageKindsInto(truth.pfns, known);
    const wrong = new Set(
      shown.filter((i) => kinds[i] !== known[i]).map((i) => `${PAGE_KINDS[known[i]!]!} as ${PAGE_KINDS[kinds[i]!]!}`),
    );
    wrong.delete("free-pcp as other");
    wrong.delete("large-kmalloc as other");
    expect([...wrong]).toEqual([]);
  });

  it("breaks no rule that its folios have", () => {
    expect(map.verify().counts).toEqual({});
  });

  it("says that it is a reconstruction, and what it can't know", () => {
    expect(map.provenance).toMatchObject({ format: "live", reconstruction: true });
    expect(map.provenance["unknown"]).toContain("which frames HVO shares");
  });
});

describe("pages of a hand-written /proc", () => {
  const HEAD = 15;
  const TAIL = 16;
  const HUGE = 17;

  it("joins a hugetlb page that fake heads cut (6.17 to 7.0)", async () => {
    const flags = section({});
    for (let i = 0; i < 512; i++) flags[1024 + i] = (1n << 17n) | (i % 64 === 0 ? 1n << 15n : 1n << 16n);
    const map = await rebuild(procOf({ release: "6.18.15", flags }));
    expect([map.compoundHead(1100), map.folioOrder(1100), map.folio(1024).isHugetlb]).toEqual([1024, 9, true]);
  });

  it("takes heads of neighbouring folios for what they are elsewhere", async () => {
    const map = await rebuild(
      procOf({ release: "7.3.4", flags: section({ 64: [HEAD], 65: [TAIL], 66: [HEAD], 67: [TAIL] }) }),
    );
    expect([map.compoundHead(65), map.compoundHead(67)]).toEqual([64, 66]);
  });

  it("leaves a run of three pages as single ones, and counts them", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: section({ 64: [HEAD], 65: [TAIL], 66: [TAIL] }) }));
    expect(map.compoundHead(66)).toBe(66);
    expect(map.provenance["facts"]).toContainEqual(expect.objectContaining({ name: "tornPages", value: 3 }));
  });

  it("makes a folio over the border of two sections", async () => {
    const flags = new BigUint64Array(2 * SECTION);
    for (let i = 0; i < 2 * SECTION; i++) flags[i] = (1n << 17n) | (1n << (i === 0 ? 15n : 16n));
    const map = await rebuild(procOf({ release: "7.3.4", flags, counts: new BigUint64Array(2 * SECTION).fill(3n) }));
    expect([map.folioOrder(40000), map.pageMapcount(40000), map.folio(0).mapcount]).toEqual([16, 3, 3]);
  });

  it("keeps a cgroup's inode number in the word of the memory cgroup", async () => {
    const cgroups = new BigUint64Array(SECTION);
    cgroups[5] = 4711n;
    const map = await rebuild(procOf({ release: "7.3.4", flags: section({ 5: [5, 12] }), cgroups }));
    expect(map.readWord(5, 56)).toBe(4711n);
  });

  it("finds 6.1's hugetlb pages and slabs by their own marks", async () => {
    const flags = section({ 64: [HEAD, HUGE], 65: [TAIL, HUGE], 66: [HEAD, 7], 67: [TAIL, 7] });
    const map = await rebuild(procOf({ release: "6.1.0-50-amd64", flags }));
    expect([map.folio(64).isHugetlb, map.folio(66).isSlab, map.folio(64).isSlab]).toEqual([true, true, false]);
  });

  it("reads pages behind the end of the files as pages without a bit", async () => {
    const map = await rebuild(
      procOf({ release: "7.3.4", flags: section({ 1: [32] }).subarray(0, 100), iomem: "1000-7ffffff : System RAM\n" }),
    );
    expect([map.testFlag(1, "reserved"), map.flagNames(20000)]).toEqual([true, []]);
  });
});

describe("what a rebuilt map does not know", () => {
  /** A tail's folio, a free page and an anonymous one. */
  const flags = () => section({ 4: [HEAD_BIT], 5: [TAIL_BIT], 6: [10], 7: [5, 12] });
  const cellsOf = (map: Vmemmap, columns: readonly string[]) =>
    new TextDecoder().decode(Buffer.concat([...csvOf(pageRows(map, { columns, range: { start: 4, end: 8 } }))]));

  it("is left empty in rows", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    expect(
      cellsOf(map, ["pfn", "mapping", "index", "private", "memcg", "last_cpupid"]).split("\n").slice(1, 5),
    ).toEqual([4, 5, 6, 7].map((pfn) => `${pfn},,,,,`));
  });

  it("are refcounts, but that tails and free pages have none", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    expect(cellsOf(map, ["pfn", "refcount"])).toBe("pfn,refcount\n4,\n5,0\n6,0\n7,\n");
  });

  it("has no row that a condition would find by its stand-in", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    const rows = pageRows(map, { columns: ["pfn"], where: "mapping & 1 = 1 or refcount = 1" });
    expect([...rows.blocks]).toEqual([]);
  });

  it("is told word by word in a page's report, and as null", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    const { fields, ...report } = pageReport(map, 7);
    expect(Object.fromEntries(fields.map(({ name, known }) => [name, known]))).toEqual({
      flags: "derived",
      "lru.next": "unknown",
      "lru.prev": "unknown",
      mapping: "unknown",
      index: "unknown",
      private: "unknown",
      _mapcount: "derived",
      _refcount: "unknown",
      memcg_data: "unknown",
    });
    expect(report).toMatchObject({ refcount: null, mapping: null, index: null, private: null, memcg: null });
  });

  it("is told of a folio's own fields too", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    const { folio, fields } = pageReport(map, 5);
    expect(folio).toMatchObject({ refcount: null, largeMapcount: 0, entireMapcount: null, maybeMappedShared: null });
    expect(fields).toContainEqual(expect.objectContaining({ name: "compound_info", known: "derived" }));
    expect(fields).toContainEqual(expect.objectContaining({ name: "_refcount", known: "derived" }));
  });

  it("has the cgroup where the kernel tells of it", async () => {
    const cgroups = new BigUint64Array(SECTION);
    cgroups[7] = 4711n;
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags(), cgroups }));
    expect(pageReport(map, 7).memcg).toBe(4711n);
    expect(cellsOf(map, ["pfn", "memcg"]).split("\n")[4]).toBe("7,0x1267");
  });

  it("is the same in an image of the map", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    const image = await Vmemmap.load(map.save());
    expect(pageReport(image, 7)).toEqual(pageReport(map, 7));
    expect(cellsOf(image, ["pfn", "refcount", "mapping"])).toBe(cellsOf(map, ["pfn", "refcount", "mapping"]));
  });

  it("is nothing in a map that was read", async () => {
    const map = await Vmemmap.load(openMap(mapNames[0]!));
    expect(new Set(pageReport(map, 5120).fields.map(({ known }) => known))).toEqual(new Set(["read"]));
  });

  it("is all of pages in a map whose image says nothing of words", async () => {
    const map = await rebuild(procOf({ release: "7.3.4", flags: flags() }));
    map.provenance = { reconstruction: true, words: { flags: "guessed", mapping: 5 } };
    expect(pageReport(map, 5).fields.every(({ name, known }) => name === "_refcount" || known === "unknown")).toBe(
      true,
    );
  });
});

describe("pages that are not online", () => {
  it("are filtered where KPF_NOPAGE says so (up to 6.14)", async () => {
    const flags = section({ 1: [32] });
    flags.fill(1n << 20n, 1024, 2048);
    flags[100] = 1n << 20n;
    const map = await rebuild(procOf({ release: "6.1.0-50-amd64", flags }));
    expect(map.filtered).toEqual([{ start: 1024, count: 1024 }]);
    expect([map.usageKind(1500), map.usageKind(100)]).toEqual(["filtered", "other"]);
  });

  it("are filtered where nothing is shown of what is no RAM (6.16 on)", async () => {
    const iomem =
      "00001000-03ffffff : System RAM\n04000000-07ffffff : Persistent Memory\n  05000000-05ffffff : System RAM (kmem)\n";
    const map = await rebuild(procOf({ release: "7.3.4", flags: section({ 1: [32], 0x4800: [32] }), iomem }));
    expect(map.filtered).toEqual([
      { start: 0x4000, count: 0x800 },
      { start: 0x4840, count: 0x7c0 },
      { start: 0x6000, count: 0x2000 },
    ]);
    expect(map.census().rows.find(({ key }) => key === "filtered")?.pages).toBe(0x2fc0);
    expect(map.verify().findings).toEqual([]);
  });

  it("are none where iomem does not tell what is RAM", async () => {
    const proc = procOf({ release: "7.3.4", flags: section({ 1: [32] }) });
    const sys = join(root, "sys");
    mkdirSync(join(sys, "devices/system/memory/memory0"), { recursive: true });
    writeFileSync(join(sys, "devices/system/memory/block_size_bytes"), "8000000\n");
    writeFileSync(join(sys, "devices/system/memory/memory0/state"), "online\n");
    writeFileSync(join(proc, "iomem"), "00000000-00000000 : System RAM\n");
    const map = await reconstructLive({ proc, sys });
    expect([map.slots, map.filtered]).toEqual([SECTION, []]);
  });

  it("end a folio that was cut there", async () => {
    const flags = section({ 62: [HEAD_BIT], 63: [TAIL_BIT] });
    flags.fill(1n << 20n, 64, 128);
    flags[128] = 1n << BigInt(TAIL_BIT);
    const map = await rebuild(procOf({ release: "6.1.0-50-amd64", flags }));
    expect([map.compoundHead(63), map.compoundHead(128)]).toEqual([62, 128]);
  });
});

it("puts pages before a zone into that zone, as the kernel does", async () => {
  const map = await rebuild(procOf({ release: "7.3.4", flags: section({ 0: [32] }) }));
  expect([0, 1, 4096].map((pfn) => map.profile.zones[map.pageZone(pfn)])).toEqual(["DMA", "DMA", "DMA32"]);
});

describe("openLive", () => {
  it.each([
    ["a signal that is none", { signal: {} as AbortSignal }, "signal an object: expected an AbortSignal"],
    ["a progress that is no function", { onProgress: 5 as unknown as () => void }, "onProgress 5: expected a function"],
    [
      "a fallback that is no function",
      { onFallback: "x" as unknown as () => void },
      'onFallback "x": expected a function',
    ],
  ])("refuses %s", async (_what, options, message) => {
    await expect(openLive({ ...options, proc: root, sys: root })).rejects.toMatchObject({
      code: "bad-argument",
      message,
    });
  });

  it("stops when it is told to at the last section, and says nothing of a fallback", async () => {
    const proc = procOf({ release: "7.3.4", flags: section({}) });
    const stop = new AbortController();
    const opening = openLive({ proc, sys: root, signal: stop.signal, onProgress: () => stop.abort("enough") });
    await expect(opening).rejects.toBe("enough");
  });
});

describe("what can't be rebuilt", () => {
  const failure = async (proc: string) => {
    const error: unknown = await rebuild(proc).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VmemmapError);
    return [(error as VmemmapError).code, (error as VmemmapError).message] as const;
  };

  it("says that a machine has no kpageflags", async () => {
    const [code, message] = await failure(join(root, "nowhere"));
    expect(code).toBe("unreadable");
    expect(message).toMatch(/kpageflags: this kernel does not have it/);
  });

  it("says that iomem hides its addresses", async () => {
    const [code, message] = await failure(
      procOf({ release: "7.3.4", flags: section({}), iomem: "00000000-00000000 : System RAM\n" }),
    );
    expect(code).toBe("unreadable");
    expect(message).toMatch(/only root sees/);
  });

  it("says that a kernel is too old", async () => {
    const [code, message] = await failure(procOf({ release: "4.19.0-27-amd64", flags: section({}) }));
    expect(code).toBe("unsupported-dump");
    expect(message).toBe('kernel release "4.19.0-27-amd64": expected 5.15 or newer');
  });

  it("stops when it is told to", async () => {
    const proc = procOf({ release: "7.3.4", flags: section({}) });
    const signal = AbortSignal.abort();
    await expect(reconstructLive({ proc, sys: root, signal })).rejects.toBe(signal.reason);
  });
});

const isReadable = (() => {
  try {
    accessSync("/proc/kpageflags", constants.R_OK);
    return true;
  } catch {
    return false;
  }
})();
if (!isReadable) console.warn("not tested: /proc/kpageflags of this machine can't be read (root only)");
/** More is no test of a few seconds. */
const isLarge = totalmem() > 2 ** 36;

describe.skipIf(!isReadable || isLarge)("this machine", () => {
  it("gives a map whose folios break no rule", async () => {
    const map = await reconstructLive();
    expect(map.verify({ limit: 3 }).findings).toEqual([]);
    expect(map.foliosByOrder()[0]).toBeGreaterThan(0);
  });
});
