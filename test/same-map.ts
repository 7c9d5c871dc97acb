/** Two maps that must be one and the same. */
import { expect } from "vitest";
import type { Vmemmap } from "../src/index.js";

/** What a map is made of, slots apart. */
const partsOf = ({ sections, aliases, pgmaps, vmemmapBase, profile, filtered }: Vmemmap) => ({
  sections,
  aliases,
  pgmaps,
  vmemmapBase,
  profile,
  filtered,
});

/** Slots byte for byte, sections, shared frames of the vmemmap, pgmaps, profile, and what a filter left out. */
export function expectSameMap(map: Vmemmap, known: Vmemmap): void {
  expect(partsOf(map)).toEqual(partsOf(known));
  expect(Buffer.compare(map.slotBytes(), known.slotBytes())).toBe(0);
}
