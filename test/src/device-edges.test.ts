/** Device memory at its edges: the last slot, the last pgmap, a callback amid a list, a Folio that outlives its memory. */
import { describe, expect, it } from "vitest";
import { presetNames, Vmemmap, VmemmapError, type Pgmap } from "../../src/index.js";

const SECTION = 32768;
const START = 2 * SECTION;
const END = START + SECTION;

function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof VmemmapError ? error.code : String(error);
  }
  return "done";
}

const small = (profile: (typeof presetNames)[number]) => new Vmemmap({ profile, memory: [{ start: 0, end: SECTION }] });

/** Give a page PG_head and nothing else of a folio. */
function markHead(map: Vmemmap, pfn: number): void {
  map.writeWord(pfn, 0, map.readWord(pfn, 0) | (1n << BigInt(map.profile.flags["head"]!.bit)));
}

describe.each(presetNames)("%s: a head on the last slot of the memory", (name) => {
  it("is a finding, not a trap", () => {
    const map = small(name);
    markHead(map, SECTION - 1);
    expect(map.verify().findings.map(({ pfn }) => pfn)).toContain(SECTION - 1);
  });

  it("can be counted and pinned", () => {
    const map = small(name);
    markHead(map, SECTION - 1);
    const folio = map.folio(SECTION - 1);
    folio.setRefcount(1);
    folio.pin();
    folio.unpin();
    expect(folio.refcount).toBe(1);
  });
});

it("5.15: a folio whose second page would count pins beyond the memory changes no other slot", () => {
  const map = new Vmemmap({
    profile: "5.15",
    memory: [
      { start: 0, end: SECTION },
      { start: 4 * SECTION, end: 5 * SECTION },
    ],
  });
  const head = SECTION - 2;
  markHead(map, head);
  const slots = map.slotBytes();
  slots[map.slotOf(head) * 64 + map.profile.folio.order] = 2;
  const before = slots.slice(map.slotOf(4 * SECTION) * 64);
  map.folio(head).setRefcount(1);
  refusalOf(() => map.folio(head).pin());
  expect(Buffer.compare(slots.subarray(map.slotOf(4 * SECTION) * 64), before)).toBe(0);
});

it("a page that only has PG_head leaves a file without a trap, and its neighbour as it was", () => {
  const map = small("7.3");
  map.memremapPages({ type: "fs-dax", ranges: [{ start: START, end: END }] });
  markHead(map, END - 1);
  expect(refusalOf(() => map.daxDisassociateEntry(END - 1))).toBe("done");
  markHead(map, START);
  map.writeWord(START + 1, 56, 7n);
  map.writeWord(START + 1, 0, map.readWord(START + 1, 0) & ~0xffn);
  map.daxDisassociateEntry(START);
  expect(map.readWord(START + 1, 56)).toBe(7n);
});

it("knows 1024 pgmaps by address and by range, and refuses one more", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }], hotplugCapacity: 1025 * 512 + SECTION });
  const pgmaps: Pgmap[] = [];
  const make = () => {
    const start = START + pgmaps.length * 512;
    return map.memremapPages({ type: "fs-dax", ranges: [{ start, end: start + 512 }] });
  };
  while (pgmaps.length < 1024) pgmaps.push(make());
  for (const [i, pgmap] of pgmaps.entries()) {
    const pfn = START + i * 512 + 7;
    expect(map.pagePgmap(pfn)).toBe(pgmap);
    expect(map.getDevPagemap(pfn)).toBe(pgmap);
  }
  expect(refusalOf(make)).not.toBe("done");
  expect(map.pgmaps).toHaveLength(1024);
  expect(map.verify().counts).toEqual({});
});

it("a callback amid a list sees the pages behind it still counted", () => {
  const map = small("7.3");
  const seen: number[][] = [];
  const pgmap = map.memremapPages({
    type: "private",
    owner: 8n,
    ranges: [{ start: START, end: END }],
    ops: {
      migrateToRam() {},
      pageFree: (pfn) => void seen.push([pfn - START, map.pageRefCount(START), map.pageRefCount(START + 1)]),
    },
  });
  map.zoneDevicePagesInit([START, START + 1]);
  expect(map.putFolios(Uint32Array.of(START, START + 1))).toBe(2);
  expect([seen, pgmap.refs]).toEqual([
    [
      [0, 0, 1],
      [1, 0, 0],
    ],
    1,
  ]);
});

it("a Folio refuses once its memory is gone, even if its slot is another page's", async () => {
  const map = small("7.3");
  const device = { type: "generic", ranges: [{ start: START, end: END }] } as const;
  const pgmap = map.memremapPages(device);
  const folio = map.folio(START);
  folio.get();
  const idle = folio.whenIdle();
  folio.put();
  await idle;
  map.memunmapPages(pgmap);
  map.memremapPages({ type: "generic", ranges: [{ start: 8 * SECTION, end: 9 * SECTION }] });
  expect(refusalOf(() => folio.get())).toBe("pfn-absent");
  expect(map.pageRefCount(8 * SECTION)).toBe(1);
});

it("a frozen folio is in use for memunmapPages", () => {
  const map = small("7.3");
  const pgmap = map.memremapPages({ type: "generic", ranges: [{ start: START, end: END }] });
  map.folio(START + 3).freeze(1);
  expect(refusalOf(() => map.memunmapPages(pgmap))).toBe("pgmap-busy");
  map.folio(START + 3).unfreeze(1);
  expect(refusalOf(() => map.memunmapPages(pgmap))).toBe("done");
});

it("the checker gets through a map whose heads all claim large folios", () => {
  const map = new Vmemmap({ profile: "6.17", memory: [{ start: 0, end: 16 * SECTION }] });
  const slots = new Uint32Array(map.slotBytes().buffer, map.slotBytes().byteOffset, map.slots * 16);
  for (let slot = 0; slot < map.slots; slot += 2) {
    slots[slot * 16] = 0x40;
    slots[(slot + 1) * 16] = 17;
  }
  const { counts } = map.verify({ limit: 0 });
  expect(counts["order-run"] ?? 0).toBeGreaterThan(0);
});

it("an image whose sections go while it is saved is an error, not a mixture", async () => {
  const map = small("7.3");
  const pgmap = map.memremapPages({ type: "fs-dax", ranges: [{ start: START, end: END }] });
  const image = map.save();
  map.memunmapPages(pgmap);
  await expect(new Response(image).arrayBuffer()).rejects.toThrow(VmemmapError);
  await expect(new Response(map.save()).arrayBuffer()).resolves.toBeInstanceOf(ArrayBuffer);
});

it("6.14: a list that gives a p2pdma page back twice is refused whole", () => {
  const map = small("6.14");
  const pgmap = map.memremapPages({
    type: "pci-p2pdma",
    ranges: [{ start: START, end: END }],
    ops: { pageFree() {} },
  });
  const idle = pgmap.refs;
  map.zoneDevicePageInit(START);
  expect(refusalOf(() => map.putFolios(Uint32Array.of(START, START)))).toBe("refcount");
  expect([pgmap.refs, map.pageRefCount(START)]).toEqual([idle + 1, 1]);
  expect(map.putFolios(Uint32Array.of(START))).toBe(1);
  expect(pgmap.refs).toBe(idle);
});
