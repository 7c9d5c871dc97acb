/** Small machines with room for device memory: beside boot RAM, in sections of its own, and far away. */
import fc from "fast-check";
import { type Profile, Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";

const SECTION = model.PAGES_PER_SECTION;
const SUBSECTION = model.PAGES_PER_SUBSECTION;
/** Half a section of RAM; the other half is a hole with slots. */
const RAM_SECTION = 2;
export const RAM = { start: RAM_SECTION * SECTION, end: RAM_SECTION * SECTION + SECTION / 2 };

/** Where ranges begin: all over again, and now and then in each other's way. */
export const PLACES: readonly number[] = [
  RAM.end, // in the early section's hole
  RAM.end + 2 * SUBSECTION,
  (RAM_SECTION + 1) * SECTION - SUBSECTION, // out of the early section into one of its own
  (RAM_SECTION + 1) * SECTION + 2 * SUBSECTION,
  (RAM_SECTION + 1) * SECTION + 4 * SUBSECTION,
  (RAM_SECTION + 2) * SECTION - SUBSECTION, // across two sections of its own
  (RAM_SECTION + 8) * SECTION,
];
/** PFN 2^32: lists are doubles from there on. */
const FAR_PLACES: readonly number[] = [2 ** 32, 2 ** 32 + 2 * SUBSECTION, 2 ** 32 + SECTION - SUBSECTION];
/** Ranges that no pgmap can have. */
const BAD_PLACES: readonly number[] = [RAM.start, RAM.end - SUBSECTION, RAM.end + 256];

export const spans: fc.Arbitrary<model.PfnSpan> = fc
  .tuple(
    fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...PLACES) },
      { weight: 3, arbitrary: fc.constantFrom(...FAR_PLACES) },
      { weight: 1, arbitrary: fc.constantFrom(...BAD_PLACES) },
    ),
    fc.constantFrom(1, 1, 2, 2, 3),
  )
  .map(([start, subsections]) => ({ start, end: start + subsections * SUBSECTION }));

/** An engine's map and the model's, with the same bytes. */
export function makeMachine(profile: Profile, build: "simd" | "scalar"): { map: Vmemmap; model: model.DeviceMap } {
  const map = new Vmemmap({ profile, memory: [RAM], build, hotplugCapacity: 16 * SECTION });
  const reference = new model.DeviceMap(map.profile, map.vmemmapBase);
  reference.addEarlySection(RAM_SECTION);
  bytesFrom(reference, RAM.start).set(engineBytes(map, RAM.start, SECTION));
  return { map, model: reference };
}

function bytesFrom(map: model.ModelMap, start: number): Uint8Array {
  return new Uint8Array(map.bytes(start).buffer as ArrayBuffer);
}

function engineBytes(map: Vmemmap, start: number, pages: number): Buffer {
  const all = map.slotBytes();
  return Buffer.from(all.buffer, all.byteOffset + map.slotOf(start) * 64, pages * 64);
}

/** The first slot in which the two differ, or null. */
export function firstDifference(map: Vmemmap, reference: model.DeviceMap): string | null {
  const starts = reference.subsections();
  const blocks = [[RAM.start, SECTION] as const, ...starts.map((start) => [start, SUBSECTION] as const)];
  for (const [start, pages] of blocks) {
    if (!map.pfnValid(start) || !map.pfnValid(start + pages - 1)) return `PFN ${start}: no slot in the engine`;
    const [engine, wanted] = [engineBytes(map, start, pages), bytesFrom(reference, start)];
    if (engine.equals(wanted)) continue;
    const at = engine.findIndex((byte, i) => byte !== wanted[i]);
    const pfn = start + Math.floor(at / 64);
    const offset = (at % 64) & ~7;
    return (
      `PFN ${pfn} (of the block from ${start} on), word at +${offset}: ` +
      `engine 0x${map.readWord(pfn, offset).toString(16)}, model 0x${reference.u64(pfn, offset).toString(16)}`
    );
  }
  return null;
}

/** Sections: which there are, and which subsections of them. */
export function sectionsOf(map: Vmemmap): number[] {
  return map.sections.flatMap(({ number, early, subsections }) =>
    early
      ? []
      : Array.from({ length: 64 }, (_, i) => i)
          .filter((i) => (subsections >> BigInt(i)) & 1n)
          .map((i) => number * SECTION + i * SUBSECTION),
  );
}
