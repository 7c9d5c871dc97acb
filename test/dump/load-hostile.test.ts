/** Dumps that lie: whatever they hold, a map or a VmemmapError comes out, soon. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadMap } from "../../src/dump/load-map.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { Vmemmap } from "../../src/index.js";
import { refusal } from "./refusal.js";
import { dumpOf, type KernelShape, syntheticKernel } from "../../bench/open/synthetic-kernel.js";

const SECTION = 32768;
const BASE = 0xfffffb9640000000n;
const RUNS = Number(process.env["VMEMMAP_RUNS"] ?? 1);

function smallMap(): Vmemmap {
  const memory = [
    { start: 0, end: SECTION },
    { start: 3 * SECTION, end: 3 * SECTION + 1024, hotplug: true },
  ];
  const map = new Vmemmap({ memory, vmemmapBase: BASE });
  map.prepCompoundPage(512, 9);
  map.hugetlbVmemmapOptimizeFolio(512);
  return map;
}

const opening = (shape: KernelShape) => () => loadMap(syntheticKernel(smallMap(), shape).dump);
const withLine = (key: string, value: string | undefined) => opening({ lines: { [key]: value } });

describe("VMCOREINFO", () => {
  it.each([
    ["OSRELEASE=6.1\njunk\n", /line 2: expected KEY=value, found "junk"/],
    ["OSRELEASE=6.1\n=5\n", /line 2: expected KEY=value/],
    ["", /expected lines of KEY=value/],
    ["\0\0", /expected lines of KEY=value/],
    [`A=${"x".repeat(2 ** 20)}`, /at most 1048576 bytes/],
  ])("%#: is refused", (text, message) => {
    expect(() => new Vmcoreinfo(text)).toThrow(message);
  });

  it("gives what its lines say, and refuses what they can't mean", () => {
    const lines = [
      "OSRELEASE=7.3.4+deb13-amd64",
      "BUILD-ID=b399",
      "",
      "SYMBOL(a)=ffffffffa5cfecc0",
      "SYMBOL(b)=xyz",
      "NUMBER(c)=-304087040",
      "NUMBER(d)=0xffffce5c40000000",
      "NUMBER(e)=1e5",
      "OFFSET(page.flags)=8",
      "SIZE(page)=-1",
      "LENGTH(x)=4096",
      "LENGTH(x)=5",
      "KERNELOFFSET=22800000",
      "CRASHTIME=1=2",
    ];
    const info = new Vmcoreinfo(`${lines.join("\n")}\0\0\0`);
    expect([info.osrelease, info.buildId, info.get("CRASHTIME")]).toEqual(["7.3.4+deb13-amd64", "b399", "1=2"]);
    expect([info.symbol("a"), info.symbol("none")]).toEqual([0xffffffffa5cfecc0n, undefined]);
    expect([info.number("c"), info.integer("c"), info.integer("d")]).toEqual([
      -304087040,
      -304087040n,
      0xffffce5c40000000n,
    ]);
    expect([info.offset("page.flags"), info.length("x"), info.kernelOffset]).toEqual([8, 4096, 0x22800000n]);
    expect(() => info.symbol("b")).toThrow('line 5, SYMBOL(b): expected a kernel address in hex, found "xyz"');
    expect(() => info.number("d")).toThrow(/line 7, NUMBER\(d\): expected a number below 2\^53/);
    expect(() => info.number("e")).toThrow(/line 8/);
    expect(() => info.size("page")).toThrow(/line 10/);
  });
});

it("a dump without the root page table is refused by that name", async () => {
  const { frames, vmcoreinfo, root } = syntheticKernel(smallMap());
  frames.delete(root);
  const address = `0x${(root * 4096).toString(16)}`;
  expect(await refusal(() => loadMap(dumpOf(frames, vmcoreinfo)))).toMatch(
    `bad-dump: VMCOREINFO puts the kernel's root page table at physical address ${address}, and that frame is not in the dump`,
  );
});

describe("a dump of another kind", () => {
  it.each([
    ["SIZE(page)", "80", /^unsupported-dump: .*SIZE\(page\) is 80, expected 64/],
    ["PAGESIZE", "16384", /^unsupported-dump: .*PAGESIZE is 16384, expected 4096/],
    ["OFFSET(page.flags)", "8", /^unsupported-dump: .*OFFSET\(page\.flags\) is 8, expected 0/],
    ["OFFSET(page._refcount)", "28", /^unsupported-dump: .*OFFSET\(page\._refcount\) is 28, expected 52/],
    ["OFFSET(page.compound_info)", "16", /^unsupported-dump: .*OFFSET\(page\.compound_info\) is 16, expected 8/],
    ["NUMBER(SECTION_SIZE_BITS)", "30", /^unsupported-dump: .*SECTION_SIZE_BITS\) is 30, expected 27/],
    ["NUMBER(MAX_PHYSMEM_BITS)", "64", /^unsupported-dump: .*MAX_PHYSMEM_BITS\) is 64/],
    ["NUMBER(MAX_PHYSMEM_BITS)", "0", /^unsupported-dump: /],
    ["NUMBER(MAX_PHYSMEM_BITS)", "-46", /^unsupported-dump: /],
    ["NUMBER(MAX_PHYSMEM_BITS)", "junk", /^bad-dump: .*line \d+/],
    ["NUMBER(phys_base)", undefined, /^unsupported-dump: .*NUMBER\(phys_base\)/],
    ["NUMBER(phys_base)", "1", /^bad-dump: .*expected a page below 2\^52/],
    ["NUMBER(phys_base)", "4096", /^bad-dump: .*root page table at .* is not in the dump/],
    ["NUMBER(phys_base)", "-9223372036854775808", /^bad-dump: /],
    ["NUMBER(pgtable_l5_enabled)", "1", /^bad-dump: no vmemmap found/],
    ["OSRELEASE", "2.6.32", /^unsupported-dump: /],
  ])("%s=%s is refused", async (key, value, message) => {
    expect(await refusal(withLine(key, value))).toMatch(message);
  });

  it("without init_top_pgt has swapper_pg_dir", async () => {
    expect((await withLine("SYMBOL(init_top_pgt)", undefined)()).slots).toBe(2 * SECTION);
    const lines = { "SYMBOL(init_top_pgt)": undefined, "SYMBOL(swapper_pg_dir)": undefined };
    expect(await refusal(opening({ lines }))).toMatch(/^unsupported-dump: .*SYMBOL\(init_top_pgt\)/);
  });

  it.each([
    "PAGESIZE",
    "SIZE(page)",
    "NUMBER(SECTION_SIZE_BITS)",
    "NUMBER(MAX_PHYSMEM_BITS)",
    "NUMBER(sme_mask)",
    "LENGTH(mem_section)",
    "SIZE(mem_section)",
  ])("without %s opens all the same", async (key) => {
    expect((await withLine(key, undefined)()).slots).toBe(2 * SECTION);
  });
});

describe("page tables", () => {
  const small = () => syntheticKernel(smallMap());
  const words = (bytes: Uint8Array<ArrayBuffer>) => new BigUint64Array(bytes.buffer);

  it.each([4, 5] as const)("of %s levels that all lead back to the top one end", async (levels) => {
    const kernel = syntheticKernel(smallMap(), { levels });
    words(kernel.frames.get(kernel.root)!).fill((BigInt(kernel.root) << 12n) | 3n);
    expect(await refusal(() => loadMap(kernel.dump))).toMatch(/^(bad-dump|out-of-memory): /);
  });

  it("that are one leaf of 1 GiB after the other end", async () => {
    const kernel = small();
    for (const table of kernel.tables.slice(1)) words(kernel.frames.get(table)!).fill(0x83n);
    expect(await refusal(() => loadMap(kernel.dump))).toMatch(/^(bad-dump|out-of-memory): /);
  });

  it("outside memory are refused", async () => {
    const kernel = small();
    words(kernel.frames.get(kernel.root)!).fill((0xfffffffffn << 12n) | 3n);
    expect(await refusal(() => loadMap(kernel.dump))).toMatch(/^bad-dump: no vmemmap found/);
  });

  it("that are not in the dump are refused", async () => {
    const kernel = small();
    kernel.filtered.add(kernel.root);
    expect(await refusal(() => loadMap(kernel.dump))).toMatch(
      /^bad-dump: .*root page table at .* was left out of the dump/,
    );
  });
});

describe("mem_section", () => {
  it.each<[string, RegExp, (kernel: ReturnType<typeof syntheticKernel>) => void]>([
    [
      "roots that are all the same",
      /^two of mem_section's roots are at 0x/,
      ({ frames, sectionFrames: { array } }) => {
        const roots = new BigUint64Array(frames.get(array)!.buffer);
        roots.fill(roots[0x600 / 8]!, 0x600 / 8);
      },
    ],
    [
      "entries of all ones",
      /do not fit the page tables$/,
      ({ frames, sectionFrames: { roots } }) => frames.get(roots[0]!)!.fill(0xff),
    ],
    [
      "entries with another base",
      /do not fit the page tables$/,
      ({ frames, sectionFrames: { roots } }) => {
        new BigUint64Array(frames.get(roots[0]!)!.buffer).fill(0xffffc00000000003n);
      },
    ],
    ["no entries", /^it has no section/, ({ frames, sectionFrames: { roots } }) => frames.get(roots[0]!)!.fill(0)],
    [
      "roots that lead nowhere",
      /^two of mem_section's roots are at 0x/,
      ({ frames, sectionFrames: { array } }) => {
        new BigUint64Array(frames.get(array)!.buffer).fill(0x123456789n, 0x600 / 8);
      },
    ],
  ])("with %s is told, and the page tables' sections are taken", async (_what, problem, spoil) => {
    const kernel = syntheticKernel(smallMap());
    spoil(kernel);
    const map = await loadMap(kernel.dump);
    expect(map.sections.map(({ number }) => number)).toEqual([0, 3]);
    const facts = map.provenance["facts"] as { name: string; value: string }[];
    expect(facts.find(({ name }) => name === "sections.problem")!.value).toMatch(problem);
  });

  it("with more sections than one memory holds is refused with the sizes, before any slot is read", async () => {
    const kernel = syntheticKernel(smallMap());
    const root = new BigUint64Array(kernel.frames.get(kernel.sectionFrames.roots[0]!)!.buffer);
    const array = new BigUint64Array(kernel.frames.get(kernel.sectionFrames.array)!.buffer);
    for (let i = 0; i < 128; i++) root.set([root[0]!, root[1]!], i * 4);
    // 24 roots alike: 3072 sections, all of whose slots are mapped by one table.
    const at = 2 ** 20;
    for (let i = 1; i < 24; i++) {
      kernel.frames.set(at + i, Uint8Array.from(new Uint8Array(root.buffer)));
      array[0x600 / 8 + i] = array[0x600 / 8]! & ~0x3fffffffn & ~0xfffn;
      array[0x600 / 8 + i] = 0xffff8ba040000000n + BigInt(at + i) * 4096n;
    }
    const view = (frame: number) => new BigUint64Array(kernel.frames.get(frame)!.buffer);
    const frameOf = (entry: bigint) => Number((entry & 0xffffffffff000n) >> 12n);
    const upper = view(frameOf(view(kernel.root)[Number((BASE >> 39n) & 511n)]!));
    for (let i = 1; i < 8; i++) upper[Number((BASE >> 30n) & 511n) + i] = upper[Number((BASE >> 30n) & 511n)]!;
    const pmd = view(frameOf(upper[Number((BASE >> 30n) & 511n)]!));
    pmd.fill(pmd[0]!);
    // The direct map of what was added.
    const direct = view(frameOf(view(kernel.root)[Number((0xffff8ba040000000n >> 39n) & 511n)]!));
    const first = Number((0xffff8ba040000000n >> 30n) & 511n);
    direct[first + 4] = (4n << 30n) | 0x83n;
    const message = await refusal(() => loadMap(dumpOf(kernel.frames, kernel.vmcoreinfo)));
    expect(message).toMatch(
      /^out-of-memory: the dump's map of 384.00 GiB of memory \(3072 sections\) has 6.00 GiB of slots/,
    );
  });
});

it("any change to page tables, mem_section and VMCOREINFO gives a map or a VmemmapError, soon", async () => {
  const map = smallMap();
  const word = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    // Entries of tables that lead somewhere within the machine, with any low bits.
    fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 20n }), fc.bigInt({ min: 0n, max: 0xfffn }))
      .map(([frame, low]) => (frame << 12n) | low),
    fc.constantFrom(0n, 1n, 0xffff8ba040000000n, BASE | 3n, BASE | 0xfn, 2n ** 64n - 1n),
  );
  const change = fc.record({ which: fc.nat(), at: fc.nat(511), count: fc.constantFrom(1, 1, 2, 64, 512), word });
  const line = fc.record({
    which: fc.nat(),
    value: fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => value.toString(16)),
      fc.constant(undefined),
    ),
  });
  const shape = fc.record({
    levels: fc.constantFrom(4 as const, 5 as const),
    smallPages: fc.boolean(),
    entrySize: fc.constantFrom(16 as const, 32 as const),
  });
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(
      shape,
      fc.array(change, { maxLength: 6 }),
      fc.array(line, { maxLength: 1 }),
      async (given, changes, lines) => {
        const kernel = syntheticKernel(map, given);
        const { array, roots, usages } = kernel.sectionFrames;
        const targets = [...kernel.tables, ...kernel.tables, array, array + 1, ...roots, ...roots, usages];
        for (const { which, at, count, word } of changes) {
          new BigUint64Array(kernel.frames.get(targets[which % targets.length]!)!.buffer).fill(word, at, at + count);
        }
        const info = kernel.vmcoreinfo.split("\n");
        for (const { which, value } of lines) {
          const i = which % (info.length - 1);
          info[i] = value === undefined ? "" : `${info[i]!.split("=")[0]!}=${value}`;
        }
        const start = performance.now();
        try {
          (await loadMap(dumpOf(kernel.frames, info.join("\n")))).dispose();
          opened++;
        } catch (error) {
          if (!(error instanceof Error && error.name === "VmemmapError")) throw error;
        }
        expect(performance.now() - start).toBeLessThan(20_000);
      },
    ),
    { numRuns: 60 * RUNS },
  );
  expect(opened).toBeGreaterThan(4 * RUNS);
}, 600_000);
