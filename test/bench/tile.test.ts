import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseBenchOptions } from "../../bench/options.js";
import { plainMapOf } from "../../bench/engine.js";
import { mapSources } from "../../bench/maps.js";
import { moveHeads, tile, tilePgmaps } from "../../bench/tile.js";
import { Vmemmap } from "../../src/vmemmap.js";
import { obviousHead } from "./tiny-map.js";

const MAPS = new URL("../../maps/", import.meta.url);
const IMAGE_PAGES = 256 * 1024;

test("pointers to heads move by whole pages, across 32 bits; other words stay", () => {
  const slots = new BigUint64Array(8 * 3);
  slots.set([0xffffea00fffffe01n, 7n], 1);
  slots[8 + 1] = 0xffffea00fffffe00n; // no tail
  slots[16 + 1] = 0xffffea0000000041n;
  const bytes = new Uint8Array(slots.buffer);
  moveHeads(bytes, 10);
  expect([slots[1], slots[2], slots[9], slots[17]]).toEqual([
    0xffffea00fffffe01n + 640n,
    7n,
    0xffffea00fffffe00n,
    0xffffea0000000041n + 640n,
  ]);
  moveHeads(bytes, -10);
  expect(slots[1]).toBe(0xffffea00fffffe01n);
  moveHeads(bytes, 2 ** 26);
  expect(slots[1]).toBe(0xffffea01fffffe01n);
});

test.each(["pointer", "fake-heads", "mask"] as const)(
  "the copies of a real map have their own heads, %s encoding",
  async (encoding) => {
    const pages = IMAGE_PAGES + 3 * 32768; // one whole copy and a cut one
    const options = { ...parseBenchOptions(["--encoding", encoding, "--lookups", "16Ki"])!, slots: pages };
    const [source] = await mapSources(options);
    const map = await source!.build();
    const plain = plainMapOf(map);
    const heads = Uint32Array.from({ length: pages }, (_, pfn) => pfn);
    expect(map.heads(heads)).toBe(0);
    expect(heads.findIndex((head, pfn) => pfn % 7 === 0 && head !== obviousHead(plain, pfn))).toBe(-1);
    const copied = heads.subarray(IMAGE_PAGES);
    expect(copied.findIndex((head, i) => head !== heads[i]! + IMAGE_PAGES)).toBe(-1);
    map.dispose();
  },
);

test("a map with a hole closes it", async () => {
  const image = await Vmemmap.load(await readFile(new URL("linux-7.3.4-hvo-4gib.vmemmap", MAPS)));
  expect(image.slots).toBeLessThan(image.endPfn);
  const map = new Vmemmap({ profile: image.profile, memory: [{ start: 0, end: image.slots }], initialize: false });
  tile(image, map);
  expect(map.foliosByOrder()).toEqual(image.foliosByOrder());
  expect(map.checkWellFormed()).toBe(0);
  image.dispose();
  map.dispose();
});

function emptyMap(image: Vmemmap, slots: number): Vmemmap {
  const { profile, vmemmapBase } = image;
  return new Vmemmap({ profile, vmemmapBase, memory: [{ start: 0, end: slots }], initialize: false });
}

test.each([
  ["linux-6.1.176", {}],
  ["linux-6.18.15-hvo-la57", {}],
  ["linux-7.3.4-hvo", {}],
  ["linux-6.18.15-hvo-partial-section", { "order-run": 2 * 32, "pgmap-unknown": 2 * 12_288 }],
])("with pgmaps of their own, the checker finds in two copies twice what it finds in %s", async (name, counts) => {
  const image = await Vmemmap.load(await readFile(new URL(`${name}.vmemmap`, MAPS)));
  const map = emptyMap(image, 2 * image.slots);
  tile(image, map);
  tilePgmaps(image, map);
  expect(map.verify().counts).toEqual(counts);
  const once = image.zoneDeviceTotals();
  const twice = map.zoneDeviceTotals();
  expect([twice.pages, twice.folios]).toEqual([2 * once.pages, 2 * once.folios]);
  image.dispose();
  map.dispose();
});

test("pgmaps past the end of the map are cut, and ranges close their holes", async () => {
  const image = await Vmemmap.load(await readFile(new URL("linux-7.3.4-hvo-4gib.vmemmap", MAPS)));
  const hole = image.endPfn - image.slots;
  const [dax, pmem] = image.pgmaps;
  const map = emptyMap(image, 2 * image.slots - 32768);
  tile(image, map);
  tilePgmaps(image, map);
  const [start, end] = [pmem!.ranges[0]!.start - hole, pmem!.ranges[0]!.end - hole];
  expect(map.pgmaps.map(({ ranges }) => ranges)).toEqual([
    dax!.ranges,
    [{ start, end }],
    dax!.ranges.map((range) => ({ start: range.start + image.slots, end: range.end + image.slots })),
    [{ start: start + image.slots, end: Math.min(end + image.slots, map.slots) }],
  ]);
  image.dispose();
  map.dispose();
});
