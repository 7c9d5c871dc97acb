/** Maps from synthetic kernels: every byte of the slots, sections and aliases come back, wherever the kernel keeps them. */
import { describe, expect, it } from "vitest";
import { loadMap } from "../../src/dump/load-map.js";
import { defineProfile, type PresetName, type Section, Vmemmap } from "../../src/index.js";
import { dumpOf, type KernelShape, syntheticKernel } from "../../bench/open/synthetic-kernel.js";

const SECTION = 32768;
const BASES = { 4: 0xfffffb9640000000n, 5: 0xffb4fc8540000000n } as const;

/** Two nodes, a hole, hot-added subsections, folios, optimised hugetlb pages and a device-dax region with shared frames. */
function richMap(preset: PresetName = "7.3", levels: 4 | 5 = 4): Vmemmap {
  const map = new Vmemmap({
    profile: defineProfile(preset, { vmemmapBase: BASES[levels] }),
    memory: [
      { start: 0, end: 3 * SECTION },
      { start: 5 * SECTION, end: 6 * SECTION, node: 1 },
      { start: 9 * SECTION + 512, end: 9 * SECTION + 4 * 512, hotplug: true, node: 1 },
    ],
    maxPhysmemBits: levels === 5 ? 52 : 46,
  });
  for (const order of [1, 3, 6, 9]) map.prepCompoundPage(512 * order, order);
  for (const pfn of [SECTION, SECTION + 512, 2 * SECTION - 512]) {
    map.prepCompoundPage(pfn, 9);
    if (preset !== "5.15") map.hugetlbVmemmapOptimizeFolio(pfn);
  }
  if (preset !== "5.15") {
    map.memremapPages({
      type: "generic",
      ranges: [{ start: 16 * SECTION, end: 16 * SECTION + 2048 }],
      vmemmapShift: 9,
    });
  }
  return map;
}

async function expectSame(map: Vmemmap, shape: KernelShape = {}): Promise<Vmemmap> {
  const opened = await loadMap(syntheticKernel(map, shape).dump);
  expect(opened.vmemmapBase).toBe(shape.vmemmapBase ?? map.vmemmapBase);
  expect(opened.sections).toEqual(map.sections);
  for (const { number } of map.sections) expectSection(opened, map, number);
  expect(opened.aliases).toEqual(map.aliases);
  expect(opened.filtered).toEqual([]);
  return opened;
}

/** All of a section's slots, those of absent subsections too. */
function expectSection(opened: Vmemmap, map: Vmemmap, number: number): void {
  const bytesOf = ({ core }: Vmemmap) => {
    const start = core.address(core.sectionSlot(number));
    return core.u8.subarray(start, start + SECTION * 64);
  };
  expect(Buffer.compare(bytesOf(opened), bytesOf(map)), `section ${number}`).toBe(0);
}

const factOf = (map: Vmemmap, name: string) =>
  (map.provenance["facts"] as { name: string; value: unknown; from: string }[]).filter((fact) => fact.name === name);

describe("a synthetic kernel's map comes back whole", () => {
  it.each<PresetName>(["5.15", "6.1", "6.12", "6.18", "7.3"])("of %s", async (preset) => {
    const map = richMap(preset);
    if (preset !== "5.15") expect(map.aliases.pfns.length).toBeGreaterThan(20);
    await expectSame(map);
  });

  it.each<[string, KernelShape]>([
    ["negative phys_base", { imageAt: 2n << 20n, imageOffset: 0x22800000n }],
    ["large positive phys_base", { imageAt: 0xc0000000n, imageOffset: 0n }],
    ["slots by 4 KiB pages throughout", { smallPages: true }],
    ["entries of 16 bytes", { entrySize: 16 }],
    ["usages without an rcu_head", { usageOffset: 0 }],
    ["an encryption bit in every entry", { smeMask: 1n << 47n }],
    ["a direct map of 2 MiB pages", { directPages: "2M" }],
    ["a direct map of 4 KiB pages", { directPages: "4K" }],
    ["another base", { vmemmapBase: 0xffffeaae40000000n }],
    ["the lowest base", { vmemmapBase: 0xffffea0000000000n, directMap: 0xffff888000000000n }],
  ])("with %s", async (_what, shape) => {
    await expectSame(richMap(), shape);
  });

  it.each<PresetName>(["6.12", "7.3"])("with 5-level page tables, %s", async (preset) => {
    const map = await expectSame(richMap(preset, 5), { levels: 5 });
    expect(factOf(map, "pagingLevels")).toMatchObject([{ value: 5, from: "VMCOREINFO NUMBER(pgtable_l5_enabled)" }]);
  });

  it("with memory at 46 bits of physical address", async () => {
    const far = 2 ** 34 - 2 * SECTION;
    const memory = [
      { start: 0, end: SECTION },
      { start: far, end: far + SECTION },
    ];
    await expectSame(new Vmemmap({ memory, vmemmapBase: BASES[4], profile: "6.18" }));
  });

  it("well-formed, and sound but for pgmaps, which this kernel has not", async () => {
    const opened = await expectSame(richMap());
    expect(new Set(opened.verify().findings.map(({ code }) => code))).toEqual(new Set(["pgmap-unknown"]));
    expect(opened.checkWellFormed()).toBe(0);
  });
});

describe("the direct map's base", () => {
  it.each([0xffff888000000000n, 0xffff8ba040000000n])("is where mem_section's roots say, %s", async (directMap) => {
    const opened = await expectSame(richMap(), { directMap });
    expect(factOf(opened, "pageOffsetBase")).toEqual([
      {
        name: "pageOffsetBase",
        value: `0x${directMap.toString(16)}`,
        from: "SYMBOL(mem_section) less its physical address",
      },
    ]);
  });
});

describe("the vmemmap's base", () => {
  const other = 0xffffeaae40000000n;
  it.each<[string, KernelShape, string]>([
    ["SYMBOL(vmemmap)", {}, "SYMBOL(vmemmap)"],
    ["mem_section, without the symbol", { lines: { "SYMBOL(vmemmap)": undefined } }, "mem_section"],
    ["mem_section, where the symbol is wrong", { lines: { "SYMBOL(vmemmap)": other.toString(16) } }, "mem_section"],
    [
      "mem_section, where the symbol is off by 1 GiB",
      { lines: { "SYMBOL(vmemmap)": (BASES[4] + (1n << 30n)).toString(16) } },
      "mem_section",
    ],
    [
      "mem_section, where the symbol is 1 GiB too low",
      { lines: { "SYMBOL(vmemmap)": (BASES[4] - (1n << 30n)).toString(16) } },
      "mem_section",
    ],
    [
      "the default",
      { vmemmapBase: 0xffffea0000000000n, lines: { "SYMBOL(vmemmap)": undefined, "SYMBOL(mem_section)": undefined } },
      "default of 4-level page tables",
    ],
  ])("is that of %s", async (_what, shape, from) => {
    const opened = await loadMap(syntheticKernel(richMap(), shape).dump);
    expect(opened.vmemmapBase).toBe(shape.vmemmapBase ?? BASES[4]);
    expect(factOf(opened, "vmemmapBase")).toMatchObject([{ from }]);
    const wrong = shape.lines?.["SYMBOL(vmemmap)"] !== undefined;
    expect(factOf(opened, "vmemmapBase.dismissed")).toHaveLength(wrong ? 1 : 0);
  });

  it("is refused where nothing bears it out", async () => {
    const lines = { "SYMBOL(vmemmap)": other.toString(16), "SYMBOL(mem_section)": undefined };
    await expect(loadMap(syntheticKernel(richMap(), { lines }).dump)).rejects.toMatchObject({
      code: "bad-dump",
      message: expect.stringMatching(/no vmemmap found: SYMBOL\(vmemmap\) says 0xffffeaae40000000, but/) as unknown,
    });
  });
});

describe("sections", () => {
  it("are those of the page tables where mem_section is lost", async () => {
    const map = richMap();
    const kernel = syntheticKernel(map);
    for (const frame of [kernel.sectionFrames.array, kernel.sectionFrames.array + 1]) kernel.filtered.add(frame);
    const opened = await loadMap(kernel.dump);
    expect(opened.sections.map(({ number }) => number)).toEqual(map.sections.map(({ number }) => number));
    const part = (sections: readonly Section[]) => sections.find(({ number }) => number === 9);
    expect(part(opened.sections)!.subsections).toBe(part(map.sections)!.subsections);
    for (const { number } of map.sections) expectSection(opened, map, number);
    expect(factOf(opened, "sections.problem")).toHaveLength(1);
  });

  it("have the subsections that are mapped where their usage is lost", async () => {
    const map = richMap();
    const kernel = syntheticKernel(map);
    for (let i = 0; i < 2; i++) kernel.filtered.add(kernel.sectionFrames.usages + i);
    const opened = await loadMap(kernel.dump);
    const valid = ({ sections }: Vmemmap) =>
      sections.map(({ number, early, subsections }) => [number, early, early || subsections]);
    expect(valid(opened)).toEqual(valid(map));
    expect(factOf(opened, "sections.usageNotInDump")).toMatchObject([{ value: map.sections.length }]);
  });
});

describe("slots whose frame the dump lacks", () => {
  it("are there, read as zeroes and are told as filtered, which images keep", async () => {
    const map = richMap();
    const kernel = syntheticKernel(map);
    const lost = [0, 64, 640, 5 * SECTION + 32704, 9 * SECTION + 512];
    for (const pfn of lost) kernel.filtered.add(kernel.slotFrames.get(pfn)!);
    kernel.frames.delete(kernel.slotFrames.get(2 * SECTION + 64)!);
    const opened = await loadMap(kernel.dump);
    expect(opened.filtered).toEqual([
      { start: 0, count: 128 },
      { start: 640, count: 64 },
      { start: 2 * SECTION + 64, count: 64 },
      { start: 5 * SECTION + 32704, count: 64 },
      { start: 9 * SECTION + 512, count: 64 },
    ]);
    const answers = [0, 127, 128, 639, 640, 703, 704, 9 * SECTION + 575].map((pfn) => opened.isFiltered(pfn));
    expect(answers).toEqual([true, true, false, false, true, true, false, true]);
    expect(() => opened.isFiltered(-1)).toThrow(/PFN -1/);
    const bytes = new Uint8Array(64 * 64).fill(1);
    opened.readSlots(640, bytes);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(factOf(opened, "filtered")).toMatchObject([
      { value: 320, from: "frames left out of the dump" },
      { value: 64, from: "frames that the dump does not have" },
    ]);

    const again = await Vmemmap.load(opened.save());
    expect(again.filtered).toEqual(opened.filtered);
  });

  it("are told where the page tables do not map them, or a table is lost", async () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: 2 * SECTION }], vmemmapBase: BASES[4] });
    const kernel = syntheticKernel(map, { smallPages: true });
    const view = (frame: number) => new DataView(kernel.frames.get(frame)!.buffer);
    // The tables of the two sections' slots: those that lead to their first slot.
    const leaf = (pfn: number) =>
      kernel.tables.find((table) => {
        const entry = view(table).getBigUint64(0, true);
        return Number((entry & 0xffffffffff000n) / 4096n) === kernel.slotFrames.get(pfn);
      })!;
    view(leaf(0)).setBigUint64(8, 0n, true);
    kernel.filtered.add(leaf(SECTION));
    const opened = await loadMap(kernel.dump);
    expect(opened.filtered).toEqual([
      { start: 64, count: 64 },
      { start: SECTION, count: SECTION },
    ]);
    expect(factOf(opened, "filtered").map(({ from }) => from)).toEqual([
      "not mapped by the page tables",
      "page tables that are not in the dump",
    ]);
  });
});

describe("a dump without the note", () => {
  /** The note in memory, in pages of its own. */
  function withNote(kernel: ReturnType<typeof syntheticKernel>, frame: number, text: string): void {
    const bytes = new Uint8Array(2 * 4096);
    new Uint32Array(bytes.buffer).set([11, text.length, 0]);
    bytes.set(Buffer.from(`VMCOREINFO\0\0${text}`), 12);
    kernel.frames.set(frame, bytes.slice(0, 4096));
    kernel.frames.set(frame + 1, bytes.slice(4096));
  }

  it("has it in its memory", async () => {
    const map = richMap();
    const kernel = syntheticKernel(map);
    withNote(kernel, 2 ** 20 + 77, kernel.vmcoreinfo);
    const opened = await loadMap(dumpOf(kernel.frames, null));
    for (const { number } of map.sections) expectSection(opened, map, number);
    expect(factOf(opened, "vmcoreinfo")).toMatchObject([{ value: `PFN ${2 ** 20 + 77}` }]);
  });

  it("is not led astray by broken notes and those of kernels whose page tables are gone", async () => {
    const map = richMap();
    const kernel = syntheticKernel(map);
    const stale = syntheticKernel(map, { imageAt: 0xe0000000n }).vmcoreinfo;
    withNote(kernel, 2 ** 20, stale);
    withNote(kernel, 2 ** 20 + 2, "OSRELEASE=6.1\njunk\n");
    withNote(kernel, 2 ** 20 + 4, kernel.vmcoreinfo);
    const opened = await loadMap(dumpOf(kernel.frames, null));
    expect(factOf(opened, "vmcoreinfo")).toMatchObject([
      { value: `PFN ${2 ** 20 + 4}`, from: "search of memory, 3 found" },
    ]);
  });

  it("is that of the kernel with most memory where a crash kernel runs beside it", async () => {
    const map = richMap();
    const kernel = syntheticKernel(map);
    const crash = new Vmemmap({ memory: [{ start: 0, end: SECTION }], vmemmapBase: BASES[4] });
    const used = new Set(kernel.frames.keys());
    const other = syntheticKernel(crash, { imageAt: 0x80000000n, firstBlock: 1500 });
    expect([...other.frames.keys()].filter((frame) => used.has(frame))).toEqual([]);
    for (const [frame, bytes] of other.frames) kernel.frames.set(frame, bytes);
    withNote(kernel, 2 ** 20, other.vmcoreinfo);
    withNote(kernel, 2 ** 20 + 2, kernel.vmcoreinfo);
    const opened = await loadMap(dumpOf(kernel.frames, null));
    expect(opened.sections).toEqual(map.sections);
    expect(factOf(opened, "vmcoreinfo")).toMatchObject([{ from: "search of memory, 2 found" }]);
  });

  it("is refused where memory has none either", async () => {
    const kernel = syntheticKernel(richMap());
    await expect(loadMap(dumpOf(kernel.frames, null))).rejects.toMatchObject({ code: "unsupported-dump" });
  });
});

it("tells how far it is, and stops when told to", async () => {
  const kernel = syntheticKernel(richMap());
  const stages: string[] = [];
  const opened = await loadMap(kernel.dump, {
    onProgress: ({ stage, done, total }) => stages.push(`${stage} ${done}/${total}`),
  });
  expect(opened.provenance["kernel"]).toBe("7.3.0-synthetic");
  expect(stages.at(0)).toBe("vmcoreinfo 0/1");
  expect(stages).toContain("slots 6/6");
  const reason = new Error("enough");
  const controller = new AbortController();
  const stopping = loadMap(kernel.dump, {
    signal: controller.signal,
    onProgress: ({ stage }) => stage === "slots" && controller.abort(reason),
  });
  await expect(stopping).rejects.toBe(reason);
});

it("stops when told to at its last stage, too", async () => {
  const controller = new AbortController();
  const stopping = loadMap(syntheticKernel(richMap()).dump, {
    signal: controller.signal,
    onProgress: ({ stage }) => stage === "check" && controller.abort("enough"),
  });
  await expect(stopping).rejects.toBe("enough");
});
