/** Maps rebuilt from /proc/kpage*: of the real kernels in maps/, of hand-written pages, and of the machine the tests run on. */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reconstructLive } from "../../src/dump/live/rebuild.js";
import { PAGE_KINDS, Vmemmap, VmemmapError } from "../../src/index.js";
import { loadTruth, mapNames, openMap, type Truth } from "../truth.js";

const SECTION = 32768;
const ZONE_DEVICE = 4;
const KPF_BUDDY = 1n << 10n;

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
