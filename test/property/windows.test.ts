/** Random machines by random windows and ranges, held against the whole map. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { syntheticKernel } from "../../bench/open/synthetic-kernel.js";
import { loadMap } from "../../src/dump/load-map.js";
import { UNIT_PAGES } from "../../src/dump/parts.js";
import { Vmcore } from "../../src/dump/vmcore.js";
import { defineProfile, Vmemmap } from "../../src/index.js";
import { PAGES_PER_SECTION } from "../../src/sections.js";
import { addSums, expectSums, expectWindow, noSums } from "../dump/compare-windows.js";
import { runs } from "./runs.js";

/** Sections of four units. */
const SECTIONS = 32;

const machines = fc.record({
  preset: fc.constantFrom("6.1" as const, "6.18" as const, "7.3" as const),
  ram: fc.uniqueArray(fc.integer({ min: 1, max: SECTIONS - 5 }), { minLength: 1, maxLength: 4 }),
  /** Places in the sections' 512-page blocks, with orders. */
  folios: fc.array(fc.tuple(fc.nat(63), fc.nat(9), fc.boolean()), { maxLength: 24 }),
  device: fc.integer({ min: SECTIONS - 4, max: SECTIONS - 1 }),
  deviceBlocks: fc.integer({ min: 1, max: 63 }),
  lost: fc.array(fc.nat(511), { maxLength: 8 }),
  window: fc.integer({ min: 1, max: 3 }),
  range: fc.tuple(fc.nat(1000), fc.nat(1000)),
});

type Machine = typeof machines extends fc.Arbitrary<infer M> ? M : never;

function machineOf({ preset, ram, folios, device, deviceBlocks }: Machine): Vmemmap {
  const map = new Vmemmap({
    profile: defineProfile(preset, { vmemmapBase: 0xfffffb9640000000n }),
    memory: [0, ...[...ram].sort((a, b) => a - b)].map((number) => ({
      start: number * PAGES_PER_SECTION,
      end: (number + 1) * PAGES_PER_SECTION,
    })),
  });
  const taken = new Set<number>();
  folios.forEach(([block, order, optimized], i) => {
    const pfn = map.sections[i % map.sections.length]!.number * PAGES_PER_SECTION + 512 * block;
    if (taken.has(pfn)) return;
    taken.add(pfn);
    if (order > 0) map.prepCompoundPage(pfn, order);
    if (order === 9 && optimized) map.hugetlbVmemmapOptimizeFolio(pfn);
  });
  const start = device * PAGES_PER_SECTION;
  map.memremapPages({ type: "generic", ranges: [{ start, end: start + 512 * deviceBlocks }], vmemmapShift: 9 });
  return map;
}

describe("random windows of random machines", () => {
  it("are the whole, page by page and in their sums; ranges too", async () => {
    await fc.assert(
      fc.asyncProperty(machines, async (machine) => {
        const made = machineOf(machine);
        const { dump, filtered, slotFrames } = syntheticKernel(made);
        made.dispose();
        const places = [...slotFrames.values()];
        for (const at of machine.lost) filtered.add(places[(at * 7919) % places.length]!);
        const whole = await loadMap(dump);
        const vmcore = await Vmcore.ofDump(dump, {});
        const sums = noSums();
        for await (const window of vmcore.windows(machine.window * UNIT_PAGES)) {
          expectWindow(window, whole);
          addSums(sums, window);
        }
        expectSums(sums, whole);
        const [from, count] = machine.range;
        const section = whole.sections[from % whole.sections.length]!;
        const part = await vmcore.map({ start: section.number * PAGES_PER_SECTION + from, count: count * 100 + 1 });
        expectWindow(part, whole);
        part.dispose();
        whole.dispose();
      }),
      runs(10),
    );
  });
});
