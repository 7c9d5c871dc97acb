/** Damage that verify() is to find: any word of a slot, as a stray write leaves it. */
import fc from "fast-check";
import type { Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";

const u32 = fc.oneof(fc.constantFrom(0, 1, 2, 0xffffffff, 0x80000000), fc.nat(0xffffffff));

const change = fc.oneof(
  { weight: 2, arbitrary: fc.record({ what: fc.constant("head" as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("zone" as const), value: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("node" as const), value: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("refcount" as const), value: u32 }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("mapcount" as const), value: fc.constantFrom(-1, 0, 1, 5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("large" as const), value: fc.constantFrom(-1, 0, 1, 5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant("mapping" as const), value: fc.bigInt({ min: 0n, max: 99n }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("order" as const),
      value: fc.constantFrom(0, 1, 2, 3, 4, 9, 18, 63, 255),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("nr" as const), value: fc.constantFrom(0, 1, 4, 512, 513) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("tag" as const),
      back: fc.oneof(fc.integer({ min: -4, max: 16 }), fc.constantFrom(64, 512, 2 ** 19)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("mask" as const), order: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("untag" as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("pgmap" as const), nth: fc.nat(5) }) },
);
export const damage = fc.record({ at: fc.nat(10_000), change });
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** Does it to a page of these, in both. */
export function harm(map: Vmemmap, reference: model.DeviceMap, pages: readonly number[], { at, change }: Damage): void {
  const present = pages.filter((pfn) => reference.has(pfn) && reference.has(pfn + 1));
  const pfn = present[at % present.length]!;
  apply(reference, pfn, change);
  for (const page of [pfn, pfn + 1]) {
    for (let offset = 0; offset < 64; offset += 8) {
      const word = reference.u64(page, offset);
      if (map.readWord(page, offset) !== word) map.writeWord(page, offset, word);
    }
  }
}

function apply(map: model.DeviceMap, pfn: number, change: Damage["change"]): void {
  const { folio, zone, node } = map.profile;
  const field = ({ shift, width }: { shift: number; width: number }, value: number) => {
    const mask = model.fieldMask({ shift, width });
    map.setU64(pfn, 0, (map.u64(pfn, 0) & ~mask) | ((BigInt(value) << BigInt(shift)) & mask));
  };
  switch (change.what) {
    case "head": {
      map.setU64(pfn, 0, map.u64(pfn, 0) ^ model.flagMask(map, "head"));
      return;
    }
    case "zone": {
      field(zone, change.value);
      return;
    }
    case "node": {
      field(node, change.value);
      return;
    }
    case "refcount": {
      map.setU32(pfn, model.REFCOUNT, change.value);
      return;
    }
    case "mapping": {
      map.setU64(pfn, model.MAPPING, change.value);
      return;
    }
    case "mapcount": {
      map.setI32(pfn, model.MAPCOUNT, change.value);
      return;
    }
    case "large": {
      if (folio.largeMapcount !== null) map.setI32(pfn, folio.largeMapcount, change.value);
      return;
    }
    case "order": {
      map.setU8(pfn, folio.order, change.value);
      return;
    }
    case "nr": {
      if (folio.nrPages !== null) map.setU32(pfn, folio.nrPages, change.value);
      return;
    }
    case "tag": {
      map.setU64(pfn, 8, BigInt.asUintN(64, map.addressOf(pfn) - BigInt(change.back) * 64n) | 1n);
      return;
    }
    case "mask": {
      map.setU64(pfn, 8, BigInt.asUintN(64, -64n << BigInt(change.order)) | 1n);
      return;
    }
    case "untag": {
      map.setU64(pfn, 8, map.u64(pfn, 8) & ~1n);
      return;
    }
    case "pgmap": {
      map.setU64(pfn, 8, map.pgmaps[change.nth % map.pgmaps.length]?.address ?? 0n);
      return;
    }
  }
}
