/** Words as liars write them into the first two places of a slot: flags with any zone, and anything where a pgmap or tag is. */
import fc from "fast-check";
import type { Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

const flags = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("word" as const), word: u64 }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("zone" as const),
      zone: fc.constantFrom(4, 4, 4, 0, 2, 5, 7),
      head: fc.boolean(),
    }),
  },
);
const pgmapWord = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("word" as const), word: u64 }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("word" as const), word: fc.constantFrom(0n, 1n, 2n, (1n << 64n) - 1n) }),
  },
  // A pgmap's address, now and then with a bit too much.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pgmap" as const),
      nth: fc.nat(5),
      wrong: fc.constantFrom(0n, 0n, 0n, 1n, 2n, 8n, 1n << 32n, 1n << 63n),
    }),
  },
  // A tail's, or a list's: addresses of slots nearby.
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("slot" as const),
      back: fc.oneof(fc.integer({ min: -2, max: 8 }), fc.constantFrom(64, 128, 511, 512, 2 ** 18)),
      low: fc.constantFrom(1n, 1n, 0n, 8n, 3n),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("mask" as const), order: fc.nat(10) }) },
);
export const garbage = fc.array(
  fc.record({
    at: fc.nat(10_000),
    flags: fc.option(flags),
    word: fc.option(pgmapWord),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);
type Garbage = typeof garbage extends fc.Arbitrary<infer T> ? T : never;

/** Writes it into these pages, in both. */
export function litter(map: Vmemmap, reference: model.DeviceMap, pages: readonly number[], list: Garbage): void {
  const present = pages.filter((pfn) => reference.has(pfn));
  const write = (pfn: number, offset: number, word: bigint) => {
    map.writeWord(pfn, offset, word);
    reference.setU64(pfn, offset, word);
  };
  for (const { at, flags, word } of list) {
    const pfn = present[at % present.length]!;
    if (flags !== null) write(pfn, model.FLAGS, flagsOf(reference, pfn, flags));
    if (word !== null) write(pfn, model.COMPOUND_WORD, wordOf(reference, pfn, word));
  }
}

function flagsOf(map: model.DeviceMap, pfn: number, it: NonNullable<Garbage[number]["flags"]>): bigint {
  if (it.kind === "word") return it.word;
  const { zone } = map.profile;
  const others = map.u64(pfn, model.FLAGS) & ~model.fieldMask(zone) & ~model.flagMask(map, "head");
  return others | (BigInt(it.zone) << BigInt(zone.shift)) | (it.head ? model.flagMask(map, "head") : 0n);
}

function wordOf(map: model.DeviceMap, pfn: number, it: NonNullable<Garbage[number]["word"]>): bigint {
  switch (it.kind) {
    case "word":
      return it.word;
    case "pgmap": {
      const address = map.pgmaps.length === 0 ? 0n : map.pgmaps[it.nth % map.pgmaps.length]!.address;
      return address ^ it.wrong;
    }
    case "slot":
      return BigInt.asUintN(64, map.addressOf(pfn) - BigInt(it.back) * 64n + it.low);
    case "mask":
      return BigInt.asUintN(64, -1n << BigInt(it.order + 6)) | 1n;
  }
}
