import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checksum } from "../../bench/contest.js";
import type { PgmapRange } from "../../bench/device-maps.js";
import { FIELDS } from "../../bench/fields.js";
import { buildNative, type NativeVariant } from "../../bench/native-build.js";
import { NativeProcess } from "../../bench/native-process.js";
import { ENCODINGS } from "../../bench/options.js";
import { allDevicePfns, obviousPgmap, tinyDevicePages } from "./tiny-device.js";
import { allPfns, obviousCounts, obviousField, obviousHead, obviousHeads, tinyMap } from "./tiny-map.js";

const build = buildNative();

describe.runIf(build.state === "built")("the native twins", () => {
  let native: NativeProcess;
  const variants: readonly NativeVariant[] = build.state === "built" ? build.variants : [];

  beforeAll(() => {
    native = new NativeProcess(build.state === "built" ? build.program : "");
  });
  afterAll(() => native.end());

  test.each(ENCODINGS)(
    "give the heads of a part of the list, and their time and checksum, %s encoding",
    async (encoding) => {
      const map = tinyMap(encoding);
      const pfns = allPfns(map).reverse();
      await native.sendMap(map);
      await native.sendList(pfns);
      const expected = pfns.map((pfn) => obviousHead(map, pfn)).slice(100, 3100);
      for (const variant of variants) {
        expect(await native.run("heads", variant, { offset: 100, count: 3000 })).toEqual(expected);
        const timed = await native.time("heads", variant, { offset: 100, count: 3000 }, { offset: 0, count: 50 });
        expect(timed.checksum).toBe(checksum(expected));
        expect(timed.nanoseconds).toBeGreaterThan(0);
      }
    },
  );

  test.each(ENCODINGS)("give the fields of a part of the list, %s encoding", async (encoding) => {
    const map = tinyMap(encoding);
    const pfns = allPfns(map).reverse();
    await native.sendMap(map);
    await native.sendList(pfns);
    const block = { offset: 100, count: 3000 };
    for (const field of FIELDS) {
      const expected = obviousField(map, pfns.subarray(100, 3100), field);
      for (const variant of variants) expect(await native.run(field, variant, block)).toEqual(expected);
    }
  });

  test("add up one word of every slot, and time it", async () => {
    const map = tinyMap("pointer");
    await native.sendMap(map);
    const view = new DataView(map.slots.buffer);
    const expected = allPfns(map).reduce((sum, pfn) => (sum + view.getUint32(pfn * 64 + 8, true)) % 2 ** 32, 0);
    for (const variant of variants) {
      const { nanoseconds, checksum } = await native.pass("sum", variant);
      expect(checksum).toBe(expected);
      expect(nanoseconds).toBeGreaterThan(0);
    }
  });

  test.each(ENCODINGS)("count folios by order and list heads, %s encoding", async (encoding) => {
    const map = tinyMap(encoding);
    await native.sendMap(map);
    for (const variant of variants) {
      const counted = await native.pass("count-by-order", variant);
      expect(counted.checksum).toBe(checksum(obviousCounts(map)));
      expect((await native.pass("list-heads", variant)).checksum).toBe(checksum(obviousHeads(map)));
    }
  });

  test.each(ENCODINGS)("give the pgmaps of a part of the list by page and by folio, %s encoding", async (encoding) => {
    const pages = tinyDevicePages(encoding);
    const pfns = allDevicePfns(pages).reverse();
    await native.sendMap(pages);
    await native.sendDevice(pages);
    await native.sendList(pfns);
    const block = { offset: 100, count: 3000 };
    for (const form of ["page", "folio"] as const) {
      const words = BigUint64Array.from(pfns.subarray(100, 3100), (pfn) => obviousPgmap(pages, pfn, form));
      const expected = new Uint32Array(words.buffer);
      for (const variant of variants) {
        expect(await native.run(form, variant, block)).toEqual(expected);
        const timed = await native.time(form, variant, block, { offset: 0, count: 50 });
        expect(timed.checksum).toBe(checksum(expected));
      }
    }
  });

  test.each<[string, PgmapRange[]]>([
    ["one range that is a node", [pgmap(1, 64, 128)]],
    ["ranges that start and end within nodes", [pgmap(1, 512, 1536), pgmap(2, 1536, 7680), pgmap(3, 9728, 300_032)]],
    [
      "ranges of eight siblings side by side",
      Array.from({ length: 8 }, (_, i) => pgmap(i, 2 ** 18 * (1 + i), 2 ** 18 * (2 + i))),
    ],
    ["a range over several nodes of the highest level", [pgmap(1, 2 ** 24 - 512, 2 ** 25 + 2 ** 18 + 512)]],
    ["one page, and all up to PFN 2^32", [pgmap(1, 70, 71), pgmap(2, 2 ** 31, 2 ** 32)]],
  ])("find pgmaps by range: %s", async (_name, pgmaps) => {
    const pages = { ...tinyDevicePages("mask"), pgmaps };
    const near = pgmaps.flatMap(({ start, end }) =>
      [start, (start + end) >>> 1, end].flatMap((pfn) => [
        pfn - 65,
        pfn - 64,
        pfn - 1,
        pfn,
        pfn + 1,
        pfn + 63,
        pfn + 64,
      ]),
    );
    const pfns = Uint32Array.from([...near, 0, 2 ** 32 - 1].filter((pfn) => pfn >= 0 && pfn < 2 ** 32));
    await native.sendMap(pages);
    await native.sendDevice(pages);
    await native.sendList(pfns);
    const words = BigUint64Array.from(
      pfns,
      (pfn) => pgmaps.find(({ start, end }) => start <= pfn && pfn < end)?.address ?? 0n,
    );
    for (const variant of variants) {
      const answers = await native.run("range", variant, { offset: 0, count: pfns.length });
      expect(answers).toEqual(new Uint32Array(words.buffer));
    }
  });

  test("refuse what is outside the list, and say why they ended", async () => {
    const other = new NativeProcess(build.state === "built" ? build.program : "");
    const block = { offset: 0, count: 1 };
    await expect(other.time("heads", "native", block, block)).rejects.toThrow("outside the list");
    await other.end();
    const without = new NativeProcess(build.state === "built" ? build.program : "");
    await expect(without.pass("sum", "native")).rejects.toThrow("pass: no map yet");
    await without.end();
  });
});

function pgmap(number: number, start: number, end: number): PgmapRange {
  return { address: 0xffff888104a00000n + 0x400n * BigInt(number), start, end };
}

test("a missing compiler is reported, not thrown", () => {
  const { CC } = process.env;
  process.env["CC"] = "no-such-compiler";
  try {
    expect(buildNative()).toEqual({ state: "missing", reason: "no C compiler (no-such-compiler)" });
  } finally {
    if (CC === undefined) delete process.env["CC"];
    else process.env["CC"] = CC;
  }
});
