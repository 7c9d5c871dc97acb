/** What the wrapper promises beyond single answers: whose memory is whose, and what a map lets nobody break. */
import { describe, expect, it } from "vitest";
import { Vmemmap, VmemmapError } from "../../src/index.js";
import { encodeImage } from "../../src/image/image.js";

const SECTION = 32768;

function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as VmemmapError).code;
  }
  return "nothing was refused";
}

describe("lists", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }], listCapacity: 20_000 });
  map.prepCompoundPage(0, 9);

  it("are read through their memory, whatever their class overrides", () => {
    class Long extends Uint32Array {
      override subarray(): Uint32Array<ArrayBuffer> {
        return new Uint32Array(200_000);
      }
    }
    const pages = Long.from([0, 511, 512]);
    const heads = new Uint32Array(3);
    expect(map.headsInto(pages, heads)).toBe(0);
    expect([...heads]).toEqual([0, 0, 512]);
  });

  it("may be the same list, but must not overlap in any other way", () => {
    const engine = map.list(10_000);
    const own = new Uint32Array(10_000);
    for (const list of [engine, own]) {
      expect(refusalOf(() => map.headsInto(list.subarray(0, 9999), list.subarray(1)))).toBe("bad-array");
      expect(map.headsInto(list, list)).toBe(0);
    }
    expect(refusalOf(() => map.flagsInto(own.subarray(0, 8), new BigUint64Array(own.buffer, 0, 8)))).toBe("bad-array");
  });

  it("of the engine's memory come from list() alone", () => {
    const { buffer } = map.list(16);
    const state = new Uint32Array(buffer, 0x4000, 64);
    const before = [...state];
    expect(refusalOf(() => map.headsInto(new Uint32Array(64), state))).toBe("bad-array");
    expect([...state]).toEqual(before);
  });
});

describe("sections", () => {
  it("are the map's own, whatever becomes of the caller's", () => {
    const sections = [{ number: 0, early: true, online: true, taintZoneDevice: false, subsections: 0n }];
    const map = new Vmemmap({ sections });
    sections.push({ ...sections[0]!, number: 2 ** 20 });
    expect(map.slots).toBe(SECTION);
    expect(Object.isFrozen(map.sections)).toBe(true);
  });

  it("of boot have reserved pages in their holes (init_unavailable_range)", () => {
    const map = new Vmemmap({ memory: [{ start: 1000, end: 2000 }] });
    for (const hole of [0, 999, 2000, SECTION - 1]) {
      expect(map.testFlag(hole, "reserved")).toBe(true);
      expect([map.pageRefCount(hole), map.pageMapcount(hole)]).toEqual([1, 0]);
    }
    expect([map.testFlag(1500, "reserved"), map.pageRefCount(1500)]).toEqual([false, 0]);
  });
});

describe("the view of all slots", () => {
  it("takes the well-formed mark away, so that what is written through it is checked", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
    const words = new DataView(map.slotBytes().buffer, map.slotBytes().byteOffset);
    words.setBigUint64(5 * 64 + 8, 0x123n, true);
    expect(map.isWellFormed(5)).toBe(false);
    expect(refusalOf(() => map.compoundHead(5))).toBe("bad-head");
  });

  it("leads no lookup out of the map, even where it is written later", () => {
    const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
    const view = map.slotBytes();
    map.checkWellFormed();
    new DataView(view.buffer, view.byteOffset).setBigUint64(5 * 64 + 8, 0x7fffffff_00000001n, true);
    const flags = new BigUint64Array(8);
    expect(() => map.folioFlagsInto({ start: 0, count: 8 }, flags)).not.toThrow();
  });
});

describe("optimised hugetlb folios", () => {
  it("share the tails of their zone and order from 7.1 on", () => {
    const map = new Vmemmap({ profile: "7.3", memory: [{ start: 0, end: SECTION, zone: "NORMAL" }] });
    for (const [pfn, order] of [
      [0, 9],
      [512, 9],
      [1024, 10],
    ] as const) {
      map.prepCompoundPage(pfn, order);
      map.setPageType(pfn, "hugetlb");
      map.hugetlbVmemmapOptimizeFolio(pfn);
    }
    const { pfns, frames } = map.aliases;
    const framesOf = (from: number, to: number) =>
      new Set([...frames].filter((_, i) => pfns[i]! >= from && pfns[i]! < to));
    expect([...framesOf(0, 1024)]).toEqual([0]);
    expect([...framesOf(1024, 2048)]).toEqual([1]);
  });

  it.each([
    ["5.15", 65],
    ["5.15", 127],
    ["7.0", 3],
    ["7.3", 63],
  ] as const)("are not made of ill-formed slots, %s", (profile, broken) => {
    const map = new Vmemmap({ profile, memory: [{ start: 0, end: 8 * SECTION }] });
    map.prepCompoundPage(0, 18);
    map.writeWord(broken, 8, 1n);
    expect(refusalOf(() => map.hugetlbVmemmapOptimizeFolio(0))).toBe("bad-head");
    expect(map.isAlias(128)).toBe(false);
    expect(map.compoundHead(5 * SECTION)).toBe(0);
  });
});

it("restoring an optimised folio takes one bit of the head's private word, and leaves the others", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
  map.prepCompoundPage(0, 9);
  map.writeWord(0, 40, 0b101n);
  map.hugetlbVmemmapOptimizeFolio(0);
  expect(map.readWord(0, 40)).toBe(0b10101n);
  map.hugetlbVmemmapRestoreFolio(0);
  expect(map.readWord(0, 40)).toBe(0b101n);
});

it("a page of an aliased vmemmap page refuses changes even where its own word leads nowhere", () => {
  const map = new Vmemmap({ profile: "6.18", memory: [{ start: 0, end: SECTION }] });
  map.addAliases({ pfns: Float64Array.of(64), frames: Uint32Array.of(0), home: Uint8Array.of(0) });
  map.writeWord(70, 8, 1n);
  expect(refusalOf(() => map.setFlag(70, "hwpoison"))).toBe("aliased-slots");
});

it("a tail whose head stands behind a hole has it by PFN and by slot, the checked way", () => {
  const map = new Vmemmap({
    profile: "6.18",
    memory: [
      { start: 0, end: SECTION },
      { start: 2 * SECTION, end: 3 * SECTION },
    ],
  });
  const tail = 2 * SECTION + 4;
  map.writeWord(tail, 8, map.pageAddress(4) | 1n);
  map.checkWellFormed();
  expect(map.isWellFormed(tail)).toBe(false);
  expect(map.compoundHead(tail)).toBe(4);
  const ids = new Uint32Array(1);
  map.folioIdsInto(Uint32Array.of(tail), ids);
  expect(ids[0]).toBe(map.slotOf(4));
});

it("a folio of which one of two mms still counts a mapping is not freed", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
  map.prepCompoundPage(0, 3);
  map.writeWord(1, 32, 0x00000000_ffffffffn);
  expect(refusalOf(() => map.freePagesPrepare(0, 3))).toBe("folio-mapped");
});

it("a poisoned folio split to single pages marks none of them has_hwpoisoned, which would read as active", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
  map.prepCompoundPage(0, 3);
  map.setFlag(5, "hwpoison");
  map.setFlag(0, "has_hwpoisoned");
  map.splitFolioToOrder(0, 0);
  expect(map.select({ set: ["active"] }).length).toBe(0);
  expect([...map.select({ set: ["hwpoison"] })]).toEqual([5]);
});

describe("load", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
  const { profile, vmemmapBase, sections, aliases, provenance } = map;
  const image = { profile, vmemmapBase, sections, aliases, pgmaps: [], provenance, filtered: [] };

  it.each([
    ["an address of no vmemmap", { ...image, vmemmapBase: vmemmapBase + 64n }],
    ["no sections", { ...image, sections: [] }],
  ])("refuses an image of %s, and lets go of the source", async (_what, header) => {
    const pieces = encodeImage(header, () => new Uint8Array(SECTION * 64));
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const piece = await pieces.next();
        if (piece.done === true) controller.close();
        else controller.enqueue(piece.value);
      },
      cancel: () => void (cancelled = true),
    });
    await expect(Vmemmap.load(stream)).rejects.toMatchObject({ code: "bad-image" });
    expect(cancelled).toBe(true);
  });

  it.each([null, undefined, "map.vmemmap", 5])("refuses %s as a source", async (source) => {
    await expect(Vmemmap.load(source as unknown as Uint8Array)).rejects.toMatchObject({ code: "bad-argument" });
  });

  it("takes a Blob and an ArrayBuffer", async () => {
    const bytes = await new Response(map.save()).arrayBuffer();
    for (const source of [bytes, new Blob([bytes])]) expect((await Vmemmap.load(source)).slots).toBe(SECTION);
  });
});

it("refuses options it does not know, which would silently do nothing", () => {
  const memory = [{ start: 0, end: 512 }];
  const map = new Vmemmap({ memory });
  expect(refusalOf(() => new Vmemmap({ memory, profil: "6.1" } as never))).toBe("bad-argument");
  expect(refusalOf(() => new Vmemmap({ memory: [{ start: 0, end: 512, hotplugged: true } as never] }))).toBe(
    "bad-argument",
  );
  expect(refusalOf(() => map.select({ kind: ["head"] } as never))).toBe("bad-argument");
  expect(refusalOf(() => map.select({ set: ["has_hwpoisoned"] }))).toBe("bad-argument");
  expect(refusalOf(() => new Vmemmap(undefined as never))).toBe("bad-argument");
  expect(refusalOf(() => map.select(undefined as never))).toBe("bad-argument");
  expect(refusalOf(() => map.prepCompoundPages(null as never, 1))).toBe("bad-array");
  expect(refusalOf(() => map.compoundHead(5n as never))).toBe("bad-argument");
});
