/** References on lists by several threads: the counts, refusals and free steps of one thread. They run the built package. */
import { describe, expect, it } from "vitest";
import { Vmemmap, VmemmapError } from "../../dist/src/index.js";
import { ThreadedVmemmap } from "../../dist/src/threads/index.js";

const SECTION = 32768;
const memory = [{ start: 0, end: 4 * SECTION }];

/** Folios of all orders up to 9, each with a reference. */
function build(map: Vmemmap<ArrayBufferLike>): void {
  for (let pfn = 0, i = 0; pfn < 2 * SECTION; pfn += 512, i++) {
    const order = i % 10;
    for (let at = pfn; at < pfn + 512; at += 1 << order) {
      if (order > 0) map.prepCompoundPage(at, order);
      map.folio(at).unfreeze(1);
    }
  }
}

async function withMaps(use: (map: ThreadedVmemmap, one: Vmemmap) => Promise<void>): Promise<void> {
  const options = { memory, hotplugCapacity: 4 * SECTION };
  const map = await ThreadedVmemmap.create({ ...options, threads: 2, listCapacity: 200_000 });
  try {
    const one = new Vmemmap(options);
    for (const each of [map.sync, one]) build(each);
    await use(map, one);
  } finally {
    await map.close();
  }
}

const pagesOf = (length: number, prime = 7919) =>
  Uint32Array.from({ length }, (_, i) => Math.imul(i, prime) & (2 * SECTION - 1));

const same = (map: ThreadedVmemmap, one: Vmemmap) =>
  Buffer.compare(Buffer.from(map.sync.slotBytes()), Buffer.from(one.slotBytes()));

/** The error's code and message; "done" where there is none. */
async function told(call: () => unknown): Promise<string> {
  try {
    await call();
    return "done";
  } catch (error) {
    return error instanceof VmemmapError ? `${error.code} ${error.message}` : String(error);
  }
}

describe("references on lists, by two threads", () => {
  it("are taken and dropped as by one, of lists of any kind and length", () =>
    withMaps(async (map, one) => {
      const shared = new Uint32Array(new SharedArrayBuffer(400_000));
      shared.set(pagesOf(100_000));
      const resident = map.sync.list(100_000);
      resident.set(pagesOf(100_000));
      for (const pages of [pagesOf(0), pagesOf(10), pagesOf(70_001), { start: 5, count: 60_000 }, shared, resident]) {
        await map.getFolios(pages);
        one.getFolios(pages === resident ? shared : pages);
        expect(same(map, one)).toBe(0);
        expect(await map.putFolios(pages)).toBe(one.putFolios(pages === resident ? shared : pages));
        expect(same(map, one)).toBe(0);
      }
    }));

  it("free the folios whose last they are", () =>
    withMaps(async (map, one) => {
      const heads = Uint32Array.from(one.listHeads());
      const singles = Uint32Array.from({ length: 512 }, (_, i) => i);
      for (const list of [heads, singles, heads.subarray(0, 0)]) {
        await map.getFolios(list);
        expect(await map.putFolios(list)).toBe(0);
      }
      expect(heads.length).toBeGreaterThan(4096);
      expect([await map.putFolios(heads), one.putFolios(heads)]).toEqual([heads.length, heads.length]);
      expect(same(map, one)).toBe(0);
    }));

  it("are all refused, by the first page of the list that is, as by one", () =>
    withMaps(async (map, one) => {
      for (const wrong of [3 * SECTION, 900_000]) {
        for (const [length, ats] of [
          [50_000, [40_000, 49_999]],
          [50_000, [3, 30_000]],
          [100, [50]],
        ] as const) {
          const pages = pagesOf(length);
          for (const each of [map.sync, one]) each.getFolios(pages);
          for (const at of ats) pages[at] = wrong;
          for (const name of ["getFolios", "putFolios"] as const) {
            const refusal = await told(() => map[name](pages));
            expect(refusal).toMatch(wrong === 900_000 ? /^pfn-absent/ : /^refcount/);
            expect(refusal).toBe(await told(() => one[name](pages)));
            expect(same(map, one)).toBe(0);
          }
        }
      }
      expect(await told(() => map.getFolios(null as never))).toMatch(/^bad-array/);
      expect(await told(() => map.putFolios({ start: -1, count: 1 }))).toMatch(/^bad-argument/);
    }));

  it("are dropped but for those that a list has too many of, which is told", () =>
    withMaps(async (map) => {
      const pages = Uint32Array.from({ length: 10_000 }, (_, i) => i);
      // Single pages of the first 512 have one reference each.
      pages.fill(7, 9_998);
      pages.fill(2 * SECTION - 512, 512, 9_998);
      for (let i = 0; i < 10_000; i++) map.sync.folio(2 * SECTION - 512).get();
      const before = map.sync.pageRefCount(2 * SECTION - 512);
      expect(await told(() => map.putFolios(pages))).toMatch(
        /^refcount putFolios: page \d+ of the list \(PFN 7\), where 9998 others were dropped: the refcount does not allow it$/,
      );
      expect([map.sync.pageRefCount(7), map.sync.pageRefCount(2 * SECTION - 512)]).toEqual([0, before - 9_486]);
    }));

  it("run the free steps of device memory in the list's order, and wake who waits", () =>
    withMaps(async (map, one) => {
      const start = 8 * SECTION;
      const freed: number[][] = [[], []];
      const [several, single] = [map.sync, one].map((each, i) => {
        each.memremapPages({
          type: "private",
          ranges: [{ start, end: start + SECTION }],
          owner: 1n,
          ops: { folioFree: ({ pfn }) => void freed[i]!.push(pfn), migrateToRam: () => {} },
        });
        for (let pfn = start; pfn < start + 8192; pfn++) each.zoneDevicePageInit(pfn, 0);
        return each;
      });
      const pages = Uint32Array.from({ length: 8192 }, (_, i) => start + ((i * 4099) & 8191));
      expect([await map.putFolios(pages), single!.putFolios(pages)]).toEqual([8192, 8192]);
      expect(freed[0]).toEqual(freed[1]);
      expect(freed[0]).toEqual([...pages]);
      expect(several!.pageRefCount(start)).toBe(single!.pageRefCount(start));
      expect(same(map, one)).toBe(0);
    }));

  it("hold while this thread counts, splits and frees", () =>
    withMaps(async (map, one) => {
      const { sync } = map;
      const pages = pagesOf(200_000).map((pfn) => pfn & 511);
      for (const each of [sync, one]) each.prepCompoundPage(3 * SECTION, 9);
      const asked = [map.getFolios(pages), map.getFolios(pages), map.putFolios(pages)];
      for (let round = 0; round < 50; round++) {
        for (let i = 0; i < 200; i++) {
          const folio = sync.folio(i);
          folio.get();
          folio.put();
        }
        sync.splitFolioToOrder(3 * SECTION, 0);
        sync.prepCompoundPage(3 * SECTION, 9);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(asked);
      expect(await map.putFolios(pages)).toBe(0);
      expect([sync.pageRefCount(0), sync.pageRefCount(511)]).toEqual([1, 1]);
      expect(await map.verify()).toEqual(sync.verify());
    }));

  it("are those of the list as it was when asked for", () =>
    withMaps(async (map, one) => {
      const pages = pagesOf(70_000);
      const range = { start: 0, count: 5000 };
      const asked = [map.getFolios(pages), map.getFolios(range)];
      one.getFolios(pages);
      one.getFolios(range);
      pages.fill(3 * SECTION);
      range.start = 3 * SECTION;
      await Promise.all(asked);
      expect(same(map, one)).toBe(0);
    }));
});
