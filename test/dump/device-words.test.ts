import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceWordsOf } from "./words-of.js";
import { type Build, profile, Vmemmap } from "../../src/index.js";
import { runs, timeout } from "../property/runs.js";

const profile7_3 = profile("7.3");
const DEVICE = BigInt(profile7_3.zones.indexOf("DEVICE"));
/** In two sections with one missing between them. */
const MEMORY = [
  { start: 0, end: 32768 },
  { start: 65536, end: 98304 },
];
const WORDS = [
  0xffff888000100000n,
  0xffff888000200000n,
  0xffffea0000000001n,
  0x7fff000000001000n,
  0xffff888000300004n,
  0xffffea0000400040n,
  0xffffeb0000000000n,
  0n,
];

/** The slow and obvious way. */
function wordsOf(map: Vmemmap): { word: bigint; pages: number; first: number; last: number }[] {
  const found = new Map<bigint, { word: bigint; pages: number; first: number; last: number }>();
  const { shift, width } = profile7_3.zone;
  for (const { start, end } of MEMORY) {
    const bytes = new Uint8Array((end - start) * 64);
    map.readSlots(start, bytes);
    const view = new DataView(bytes.buffer);
    for (let pfn = start; pfn < end; pfn++) {
      const word = view.getBigUint64((pfn - start) * 64 + 8, true);
      const flags = view.getBigUint64((pfn - start) * 64, true);
      const zone = (flags >> BigInt(shift)) & ((1n << BigInt(width)) - 1n);
      const isInVmemmap = word >= map.vmemmapBase && word < map.vmemmapBase + (1n << 40n);
      if (zone !== DEVICE || word % 8n !== 0n || word < 1n << 63n || isInVmemmap) continue;
      const known = found.get(word);
      if (known === undefined) found.set(word, { word, pages: 1, first: pfn, last: pfn });
      else {
        known.pages++;
        known.last = pfn;
      }
    }
  }
  return [...found.values()];
}

const stretch = fc.record({
  start: fc.oneof(fc.nat(32767), fc.integer({ min: 65536, max: 98303 })),
  count: fc.oneof(fc.nat(8), fc.nat(4000)),
  word: fc.constantFrom(...WORDS, "own" as const),
  device: fc.boolean(),
});

describe.each(["simd", "scalar"] satisfies Build[])("words of device pages, in the %s build", (build) => {
  it(
    "are those that a look at each page finds",
    () => {
      const map = new Vmemmap({ profile: profile7_3, memory: MEMORY, build });
      const place = BigInt(profile7_3.zone.shift);
      fc.assert(
        fc.property(fc.array(stretch, { maxLength: 12 }), (stretches) => {
          for (const { start, count, word, device } of stretches) {
            const limit = start < 32768 ? 32768 : 98304;
            for (let pfn = start; pfn < Math.min(start + count, limit); pfn++) {
              map.writeWord(pfn, 0, device ? DEVICE << place : 0n);
              map.writeWord(pfn, 8, word === "own" ? map.vmemmapBase + BigInt(pfn * 64 + 8) : word);
            }
          }
          const found = deviceWordsOf(map, profile7_3);
          expect(found.map(({ pages }) => pages)).toEqual(found.map(({ pages }) => pages).sort((a, b) => b - a));
          const byWord = (a: { word: bigint }, b: { word: bigint }) => (a.word < b.word ? -1 : 1);
          expect([...found].sort(byWord)).toEqual(wordsOf(map).sort(byWord));
        }),
        runs(30),
      );
      map.dispose();
    },
    timeout,
  );
});
