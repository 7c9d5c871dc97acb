/** Places where a change far from a page decides what its head, its order or its pgmap is: by index and by slots the same. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Vmemmap } from "../../src/index.js";

const SECTION = 32768;
const T = 2 ** 28;
const PRIVATE = { owner: 7n, ops: { migrateToRam: () => undefined, folioFree: () => undefined } };

function ram(sections: number, profile: "6.1" | "6.18" | "7.3" = "7.3"): Vmemmap {
  return new Vmemmap({ profile, memory: [{ start: 0, end: sections * SECTION }], hotplugCapacity: 8 * SECTION });
}

/** Heads, orders and pgmaps of a page in lists of four, which go by the index, and of its slot. */
function expectSame(map: Vmemmap, pfns: readonly number[]): void {
  const { compound_head, compound_order, page_pgmap } = map.core.exports;
  for (const pfn of pfns) {
    const slot = map.core.slotOf(pfn);
    const head = compound_head(slot) >>> 0;
    const list = (): Uint32Array => new Uint32Array(4).fill(pfn);
    const [heads, orders, pgmaps] = [list(), list(), list()];
    map.heads(heads);
    map.orders(orders);
    map.pgmapsInto(list(), pgmaps);
    expect({ pfn, head: heads[0], order: orders[0], pgmap: pgmaps[0] }).toEqual({
      pfn,
      head: head === 0xffffffff ? head : map.core.pfnOf(head),
      order: head === 0xffffffff ? head : compound_order(head),
      pgmap: page_pgmap(slot) >>> 0,
    });
  }
  const { counts } = map.verify({ limit: 0 });
  expect([counts["index-head"], counts["index-order"], counts["index-pgmap"]]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
}

function setOrder(map: Vmemmap, head: number, order: number): void {
  map.writeWord(head + 1, 0, (map.readWord(head + 1, 0) & ~0xffn) | BigInt(order));
}

it("a device-private page handed out between a folio's head and its tails", () => {
  const map = ram(1);
  map.memremapPages({ type: "private", ranges: [{ start: T, end: T + SECTION }], ...PRIVATE });
  map.zoneDevicePageInit(T, 10);
  map.folio(T).put();
  map.zoneDevicePageInit(T + 511, 0);
  map.checkWellFormed();
  map.folio(T + 511).put();
  map.zoneDevicePageInit(T, 9);
  expectSame(map, [T, T + 5, T + 511, T + 600, T + 1023]);
});

it("an order written raw, of a folio whose section ends in a page that is none of its", () => {
  const map = ram(4);
  map.prepCompoundPage(2 * SECTION, 16);
  map.writeWord(3 * SECTION - 1, 8, 0n);
  map.checkWellFormed();
  setOrder(map, 2 * SECTION, 15);
  expectSame(map, [2 * SECTION + 5, 3 * SECTION + 100]);
});

it("a folio told too large that reaches, in slots, over the head of another one", () => {
  // Slot sections 0, and 1 to 8: PFNs of sections 0, and 8 to 15.
  const map = new Vmemmap({
    memory: [
      { start: 0, end: SECTION },
      { start: 8 * SECTION, end: 16 * SECTION },
    ],
  });
  map.prepCompoundPage(0, 15);
  map.prepCompoundPage(8 * SECTION, 18);
  setOrder(map, 0, 17);
  map.checkWellFormed();
  map.clearFlag(0, "head");
  setOrder(map, 8 * SECTION, 17);
  expectSame(map, [5, 8 * SECTION + 5, 13 * SECTION + 100]);
});

it("a head whose memory goes while its tails stay", () => {
  const map = ram(1);
  const [a, b] = [0, 1].map((i) =>
    map.memremapPages({ type: "fs-dax", ranges: [{ start: T + i * SECTION, end: T + (i + 1) * SECTION }] }),
  );
  map.prepCompoundPage(T, 16);
  map.writeWord(T + SECTION - 1, 8, a!.address);
  map.checkWellFormed();
  map.memunmapPages(a!);
  expectSame(map, [T + SECTION, T + SECTION + 100, T + 2 * SECTION - 1]);
  expect(map.pgmaps).toEqual([b]);
});

it("a folio made over two pgmaps, split and freed", () => {
  const map = ram(1);
  for (const i of [0, 1]) {
    map.memremapPages({ type: "fs-dax", ranges: [{ start: T + i * 512, end: T + (i + 1) * 512 }] });
  }
  map.prepCompoundPage(T, 10);
  expectSame(map, [T, T + 100, T + 600]);
  map.splitFolioToOrder(T, 9);
  expectSame(map, [T, T + 100, T + 600]);
});

it("a device folio freed whose head is in another zone", () => {
  const map = ram(1);
  map.memremapPages({
    type: "generic",
    vmemmapShift: 10,
    vmemmapOptimize: false,
    ranges: [{ start: T, end: T + 1024 }],
  });
  map.setPageLinks(T, 512, "NORMAL", 0);
  expectSame(map, [T, T + 600]);
  map.folio(T).freeze(1);
  map.freePagesPrepare(T, 10);
  expectSame(map, [T, T + 100, T + 600]);
});

it.each(["6.1", "6.18", "7.3"] as const)("HVO writes zones of tails, %s", (profile) => {
  const map = ram(1, profile);
  map.memremapPages({
    type: "generic",
    vmemmapShift: 10,
    vmemmapOptimize: false,
    ranges: [{ start: T, end: T + 1024 }],
  });
  map.setPageLinks(T + 512, 512, "NORMAL", 0);
  map.hugetlbVmemmapOptimizeFolio(T);
  expectSame(map, [T, T + 100, T + 600, T + 1023]);
  map.hugetlbVmemmapRestoreFolio(T);
  expectSame(map, [T, T + 100, T + 600, T + 1023]);
});

it("a split of a folio whose order says more than its tails do", async () => {
  const map = ram(1);
  for (const pfn of [0, 128]) map.prepCompoundPage(pfn, 7);
  setOrder(map, 0, 9);
  map.checkWellFormed();
  map.splitFolioToOrder(0, 8);
  expectSame(map, [0, 100, 127, 128, 200, 255, 256, 511]);

  const partial = new URL("../../maps/linux-6.18.15-hvo-partial-section.vmemmap", import.meta.url);
  const real = await Vmemmap.load(readFileSync(partial));
  const pfn = real.verify().findings.find(({ code }) => code === "order-run")!.pfn;
  real.folio(pfn).setRefcount(0);
  real.splitFolioToOrder(pfn, 8);
  expectSame(real, [pfn, pfn + 100, pfn + 130, pfn + 300, pfn + 511]);
});

it("a mask that leads to its head in 64 bits, and not in its low half", () => {
  const map = ram(1);
  map.memremapPages({
    type: "generic",
    vmemmapShift: 4,
    vmemmapOptimize: false,
    ranges: [{ start: T, end: T + SECTION }],
  });
  map.writeWord(T + 3, 8, map.readWord(T + 3, 8) & ~(1n << 31n));
  expect([map.checkWellFormed(), map.isWellFormed(T)]).toEqual([1, false]);
  expectSame(map, [T, T + 3, T + 4]);
});

it("HVO taken back where a folio's tails have masks of another order", () => {
  const map = ram(1);
  for (const pfn of [0, 128]) map.prepCompoundPage(pfn, 7);
  setOrder(map, 0, 9);
  map.checkWellFormed();
  map.hugetlbVmemmapOptimizeFolio(0);
  expectSame(map, [0, 100, 200, 400]);
  map.hugetlbVmemmapRestoreFolio(0);
  expectSame(map, [0, 100, 128, 200, 400]);
});

it("a folio whose slots show a shared page that was written raw", () => {
  const map = ram(1);
  for (const pfn of [512, 1024]) {
    map.prepCompoundPage(pfn, 9);
    map.setPageType(pfn, "hugetlb");
  }
  map.hugetlbVmemmapOptimizeFolio(512);
  map.writeWord(512 + 70, 8, 0n);
  map.checkWellFormed();
  map.hugetlbVmemmapOptimizeFolio(1024);
  expectSame(map, [1024, 1090, 1094, 1100]);
});
