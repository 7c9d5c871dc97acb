import { describe, expect, test } from "vitest";
import {
  buildDeviceMap,
  devicePages,
  divideAmongPgmaps,
  FIRST_DEVICE_PFN,
  FOLIO_PROFILES,
  PAGE_PROFILE,
} from "../../bench/device-maps.js";
import { LIST_ENTRIES_PER_LOOKUP } from "../../bench/lists.js";
import { buildNative } from "../../bench/native-build.js";
import { ENCODINGS, parseBenchOptions, SUITE_CONTENDERS } from "../../bench/options.js";
import { DeviceSide, expectedAnswers, measureSides, type Form } from "../../bench/pgmap.js";
import { startTwins } from "../../bench/twins.js";
import type { Profile } from "../../src/profile/index.js";
import { allDevicePfns, obviousPgmap } from "./tiny-device.js";

const LOOKUPS = 16 * 1024;
const OPTIONS = { lookups: LOOKUPS, contenders: SUITE_CONTENDERS.pgmap };
const ALL_FORMS = ["page", "folio", "range"] as const satisfies readonly Form[];
const build = buildNative();

/** A map of 256Ki slots, 128Ki where order 18 does not need more. */
function openSide(profile: Profile, order: number, forms: readonly Form[]): DeviceSide {
  const pgmaps = divideAmongPgmaps(order > 15 ? 2 ** 18 : 2 ** 17, order);
  const map = buildDeviceMap({ profile, order, pgmaps, listCapacity: LIST_ENTRIES_PER_LOOKUP * LOOKUPS });
  return new DeviceSide(map, pgmaps, startTwins(build), forms, OPTIONS);
}

/** PFNs all over the map: first and last pages of folios, pages of vmemmap and pgmaps among them. */
function scattered(pages: number): Uint32Array {
  const near = [0, 1, 2, 3, 4, 63, 64, 65, 127, 128, 511, 512, 513, pages / 2 - 1, pages / 2, pages - 2, pages - 1];
  return Uint32Array.from({ length: LOOKUPS }, (_, i) => FIRST_DEVICE_PFN + (near[i] ?? (i * 40_503) % pages));
}

describe("all contenders agree", () => {
  const cases = [0, 2, 9, 18].flatMap((order) => ENCODINGS.map((encoding) => [order, encoding] as const));

  test.each(cases)("folios of order %i, %s encoding", async (order, encoding) => {
    const side = openSide(FOLIO_PROFILES[encoding], order, order === 0 ? ALL_FORMS : ["folio", "range"]);
    const pfns = scattered(side.pages.slots.length / 64);
    await side.sendMap();
    const words = BigUint64Array.from(pfns, (pfn) => obviousPgmap(side.pages, pfn, "folio"));
    await side.walk(pfns, new Uint32Array(words.buffer)); // throws where one does not
    expect(expectedAnswers(pfns, side.pages.pgmaps)).toEqual(new Uint32Array(words.buffer));
    for (const contest of side.contests.values()) {
      const native = build.state === "built" ? build.variants : [];
      const index = contest.op === "folio" ? ["wasm-index"] : [];
      expect(contest.contenders).toEqual([...native, "wasm-simd", "wasm-scalar", ...index, "wasm-call", "js-uint32"]);
    }
    await side.end();
  });

  test("pages of order 0 whose own word is the pgmap", async () => {
    const side = openSide(PAGE_PROFILE, 0, ALL_FORMS);
    await side.sendMap();
    const pfns = scattered(side.pages.slots.length / 64);
    await side.walk(pfns, expectedAnswers(pfns, side.pages.pgmaps));
    await side.end();
  });
});

test("a wrong word in a slot is found, and told", async () => {
  const side = openSide(FOLIO_PROFILES.mask, 9, ["folio"]);
  const pfns = scattered(side.pages.slots.length / 64);
  side.pages.slots[512 * 64 + 10] = 0xee; // the pgmap of the second folio
  await side.sendMap();
  const expected = expectedAnswers(pfns, side.pages.pgmaps);
  await expect(side.walk(pfns, expected)).rejects.toThrow(
    /folio of PFN 262656 is 0xffff888104ee0000, not 0xffff888104a00000/,
  );
  await side.end();
});

test("the forms of two maps are measured in turns", async () => {
  const options = { ...parseBenchOptions(["pgmap", "--slots", "128Ki", "--lookups", "16Ki", "--rounds", "2"])! };
  const sides = [openSide(PAGE_PROFILE, 0, ["page"]), openSide(FOLIO_PROFILES.pointer, 2, ["folio", "range"])];
  for (const side of sides) await side.sendMap();
  const times = await measureSides(sides, "random", options, () => undefined);
  expect([...times.keys()]).toEqual(["page", "folio", "range"]);
  for (const nanoseconds of times.values()) {
    for (const time of nanoseconds.values()) expect(time).toBeGreaterThan(0);
  }
  for (const side of sides) await side.end();
});

test.each([0, 2, 9])("each slot of the map says what its order wants, order %i", (order) => {
  const pgmaps = divideAmongPgmaps(2 ** 17, order);
  const map = buildDeviceMap({ profile: FOLIO_PROFILES.mask, order, pgmaps, listCapacity: 0 });
  const pages = devicePages(map, pgmaps);
  expect(pages.slots.length).toBe(2 ** 17 * 64);
  expect(map.pfnOf((pages.slots.byteOffset - map.slotBytes().byteOffset) / 64)).toBe(FIRST_DEVICE_PFN);
  const pfns = allDevicePfns(pages);
  expect(pfns.findIndex((pfn) => obviousPgmap(pages, pfn, "folio") !== obviousPgmap(pages, pfn, "range"))).toBe(-1);
  const orders = new Uint32Array(pfns.length);
  map.ordersInto(pfns, orders);
  expect(orders.every((own) => own === order)).toBe(true);
  map.dispose();
});

describe("divideAmongPgmaps", () => {
  const sizes = (pages: number, order: number): number[] =>
    divideAmongPgmaps(pages, order).map(({ start, end }) => end - start);

  test("makes eight of equal size", () => {
    expect(sizes(2 ** 24, 18)).toEqual(Array<number>(8).fill(2 ** 21));
    expect(sizes(2 ** 18, 0)).toEqual(Array<number>(8).fill(2 ** 15));
  });

  test("makes fewer where folios or sections leave no room", () => {
    expect(sizes(2 ** 18, 18)).toEqual([2 ** 18]);
    expect(sizes(2 ** 16, 9)).toEqual([2 ** 15, 2 ** 15]);
  });

  test("keeps whole folios where it can't be equal, side by side, with addresses of their own", () => {
    const pgmaps = divideAmongPgmaps(11 * 2 ** 18, 18);
    expect(pgmaps.every(({ start, end }) => start % 2 ** 18 === 0 && end > start)).toBe(true);
    expect(pgmaps.map(({ start }) => start)).toEqual([FIRST_DEVICE_PFN, ...pgmaps.slice(0, -1).map(({ end }) => end)]);
    expect(pgmaps.at(-1)!.end).toBe(FIRST_DEVICE_PFN + 11 * 2 ** 18);
    expect(new Set(pgmaps.map(({ address }) => address)).size).toBe(8);
  });
});
