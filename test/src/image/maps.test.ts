import { statSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage, type ImageHeader } from "../../../src/image/image.js";
import { loadTruth, mapNames, openMap, type Truth } from "../../truth.js";

const SLOT = 64;
const SLOTS_PER_SECTION = 32768;

interface WholeMap {
  readonly header: ImageHeader;
  /** By section number. */
  readonly slots: ReadonlyMap<number, DataView>;
}

async function readMap(name: string): Promise<WholeMap> {
  const { header, slots } = await decodeImage(openMap(name));
  const bySection = new Map<number, DataView>();
  for await (const { section, bytes } of slots) bySection.set(section.number, new DataView(bytes.buffer));
  return { header, slots: bySection };
}

function slotBytes({ slots }: WholeMap, pfn: number, count: number): Buffer {
  const section = slots.get(Math.floor(pfn / SLOTS_PER_SECTION))!;
  return Buffer.from(section.buffer, (pfn % SLOTS_PER_SECTION) * SLOT, count * SLOT);
}

it("ships eight maps and their truth in less than 5 MiB", () => {
  expect(mapNames.length).toBe(8);
  const files = mapNames.flatMap((name) => [`${name}.vmemmap`, `${name}.truth`]);
  const sizes = files.map((file) => statSync(new URL(`../../../maps/${file}`, import.meta.url)).size);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(5 << 20);
});

describe.each(mapNames)("%s", (name) => {
  let map: WholeMap;
  let truth: Truth;
  beforeAll(async () => {
    map = await readMap(name);
    truth = await loadTruth(name);
  });

  it("holds in every slot the words drgn read", () => {
    let mismatches = 0;
    truth.pfns.forEach((pfn, i) => {
      const slots = map.slots.get(Math.floor(pfn / SLOTS_PER_SECTION))!;
      const at = (pfn % SLOTS_PER_SECTION) * SLOT;
      const same =
        slots.getBigUint64(at, true) === truth.flags[i] &&
        slots.getBigUint64(at + 24, true) === truth.mapping[i] &&
        slots.getInt32(at + 48, true) === truth.mapcountRaw[i] &&
        slots.getInt32(at + 52, true) === truth.refcount[i];
      if (!same) mismatches++;
    });
    expect(mismatches).toBe(0);
    expect(truth.pfns.length).toBe(map.header.sections.length * SLOTS_PER_SECTION);
  });

  it("reads the same through every alias of a frame", () => {
    const { pfns, frames } = map.header.aliases;
    const first = new Map<number, Buffer>();
    pfns.forEach((pfn, i) => {
      const slots = slotBytes(map, pfn, 64);
      const frame = frames[i]!;
      if (!first.has(frame)) first.set(frame, slots);
      expect(first.get(frame)!.equals(slots), `PFN ${pfn}`).toBe(true);
    });
    expect(pfns.length).toBeGreaterThan(2 * first.size - 1);
  });

  it("names the pgmaps its ZONE_DEVICE pages point at", () => {
    const pointedAt = new Set(truth.pgmap);
    for (const { address } of map.header.pgmaps) expect(pointedAt).toContain(address);
  });
});
