/** Small maps with what makes maps hard: neighbouring sections, a hole, a section with few valid subsections. */
import fc from "fast-check";
import { type Build, type MemoryRange, type Profile, Vmemmap } from "../../src/index.js";
import { ModelMap } from "../model/index.js";

export const SECTION = 32768;
const SUBSECTION = 512;

export interface Layout {
  /** Number of the first section; an even one, so that order 16 fits. */
  readonly base: number;
  /** Absent sections between the two whole ones and the partial one. */
  readonly gap: number;
  /** Valid subsections of the partial section. */
  readonly subsections: readonly number[];
}

/** The last base is that of PFN 2^32: PFN lists are doubles there. */
export const layouts: fc.Arbitrary<Layout> = fc.record({
  base: fc.constantFrom(0, 2, 2 ** 17),
  // The last two put it 2^18 and 2^22 PFNs after the first section: the largest folios do not reach that far.
  gap: fc.constantFrom(0, 1, 6, 126),
  subsections: fc.uniqueArray(fc.nat(63), { minLength: 1, maxLength: 5 }),
});

/** Valid PFNs, in ranges none of which crosses a section with absent parts. */
export function validRanges({ base, gap, subsections }: Layout): { start: number; end: number }[] {
  const first = base * SECTION;
  const partial = first + (2 + gap) * SECTION;
  const hotplug = [...subsections].sort((a, b) => a - b).map((n) => partial + n * SUBSECTION);
  return [{ start: first, end: first + 2 * SECTION }, ...hotplug.map((start) => ({ start, end: start + SUBSECTION }))];
}

export function memoryOf(layout: Layout): MemoryRange[] {
  return validRanges(layout).map((range, i) => ({ ...range, hotplug: i > 0, zone: "NORMAL" }));
}

/** PFNs around which things happen: where sections and subsections begin and end. */
export function windowsOf(layout: Layout): number[] {
  const first = layout.base * SECTION;
  return [
    first,
    first + SECTION - 128,
    first + 2 * SECTION - 128,
    ...validRanges(layout)
      .slice(1)
      .flatMap(({ start, end }) => [Math.max(0, start - 64), end - 128]),
  ];
}

/** An engine's map and the model's with the same bytes. */
export function makePair(profile: Profile, layout: Layout, build: Build): { map: Vmemmap; model: ModelMap } {
  const map = new Vmemmap({ profile, memory: memoryOf(layout), build, listCapacity: 2 ** 16 });
  const model = new ModelMap(map.profile, map.vmemmapBase);
  const all = map.slotBytes();
  for (const { start, end } of validRanges(layout)) {
    model.addRange(start, end);
    const slot = map.slotOf(start);
    rangeBytes(model, start).set(all.subarray(slot * 64, (slot + end - start) * 64));
  }
  return { map, model };
}

function rangeBytes(model: ModelMap, start: number): Uint8Array {
  return new Uint8Array(model.bytes(start).buffer as ArrayBuffer);
}

/** The first slot in which the two differ, or null. */
export function firstDifference(map: Vmemmap, model: ModelMap, layout: Layout): string | null {
  const all = map.slotBytes();
  for (const { start, end } of validRanges(layout)) {
    const slot = map.slotOf(start);
    const engine = Buffer.from(all.buffer, all.byteOffset + slot * 64, (end - start) * 64);
    const wanted = rangeBytes(model, start);
    if (engine.equals(wanted)) continue;
    const at = engine.findIndex((byte, i) => byte !== wanted[i]);
    const pfn = start + Math.floor(at / 64);
    const offset = (at % 64) & ~7;
    return (
      `PFN ${pfn} (first of the map ${start}), word at +${offset}: ` +
      `engine 0x${map.readWord(pfn, offset).toString(16)}, model 0x${model.u64(pfn, offset).toString(16)}`
    );
  }
  return null;
}
