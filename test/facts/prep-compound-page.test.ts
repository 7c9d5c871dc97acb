import { describe, expect, it } from "vitest";
import { builds, everyPreset, families, hex, machine, peek, SECTION, slotsFrom } from "./machine.js";

const HEAD = 0x1200;

describe.each(builds)("tail words (%s build)", (build) => {
  it.each([
    [1, 0xffffffffffffff81n],
    [2, 0xffffffffffffff01n],
    [3, 0xfffffffffffffe01n],
    [6, 0xfffffffffffff001n],
    [9, 0xffffffffffff8001n],
  ])("golden mask word of order %i (prep_compound_tail, 7.3)", (order, golden) => {
    const map = machine("7.3", 1, { build });
    map.prepCompoundPage(1 << order, order);
    for (let i = 1; i < 1 << order; i++) {
      expect(map.readWord((1 << order) + i, 8)).toBe(golden);
    }
    expect(map.readWord(1 << order, 8) & 1n).toBe(0n);
  });

  it("golden mask word of order 18, in every tail of eight sections (prep_compound_tail, 7.3)", () => {
    const map = machine("7.3", 8, { build, initialize: false });
    map.prepCompoundPage(0, 18);
    const words = new BigUint64Array(map.slotBytes().buffer, map.slotBytes().byteOffset, 2 ** 18 * 8);
    let others = 0;
    for (let i = 1; i < 2 ** 18; i++) others += words[i * 8 + 1] === 0xffffffffff000001n ? 0 : 1;
    expect(others).toBe(0);
  });

  it.each(["5.15", "6.1", "6.12", "6.14", "6.17", "6.18", "7.0"] as const)(
    "a tail's word is the head's address + 1, whatever the order (set_compound_head, %s)",
    (preset) => {
      for (const order of [1, 2, 9]) {
        const map = machine(preset, 1, { build });
        map.prepCompoundPage(HEAD, order);
        for (let i = 1; i < 1 << order; i++) expect(map.readWord(HEAD + i, 8)).toBe(0xffffea0000048001n);
      }
    },
  );

  it.each(["6.1", "6.18"] as const)("a tail's word follows a vmemmap_base that KASLR moved (%s)", (preset) => {
    const map = machine(preset, 1, { build, vmemmapBase: 0xfffff5c340000000n });
    map.prepCompoundPage(HEAD, 1);
    expect(map.readWord(HEAD + 1, 8)).toBe(0xfffff5c340048001n);
    expect(map.compoundHead(HEAD + 1)).toBe(HEAD);
  });

  it("a mask does not depend on vmemmap_base (7.3)", () => {
    const map = machine("7.3", 1, { build, vmemmapBase: 0xfffff5c340000000n });
    map.prepCompoundPage(512, 9);
    expect(map.readWord(513, 8)).toBe(0xffffffffffff8001n);
    expect(map.compoundHead(1023)).toBe(512);
  });
});

/** Where prep_compound_page writes and which bytes, for a folio of order 2 at PFN 0x1200, from the head's slot on. */
const POINTER = "01800400 00eaffff";
const MASK = "01ffffff ffffffff";
const TAIL_MAPPING = "00040000 0000adde";
const LIST_SELF = "90800400 00eaffff";
const ZERO8 = "00000000 00000000";
const writes: Record<(typeof families)[number], [offset: number, bytes: string][]> = {
  "5.15": [
    [2, "a5"], // PG_head, bit 16
    [72, POINTER],
    [80, "01"], // COMPOUND_PAGE_DTOR
    [81, "02"], // compound_order
    [84, "ffffffff"], // compound_mapcount
    [88, "04000000"], // compound_nr, over the low half of TAIL_MAPPING
    [92, "0000adde"],
    [136, POINTER],
    [144, "00000000"], // hpage_pinned_refcount
    [152, TAIL_MAPPING],
    [200, POINTER],
    [216, TAIL_MAPPING],
  ],
  "6.1": [
    [2, "a5"],
    [72, POINTER],
    [80, "01"],
    [81, "02"],
    [84, "ffffffff"], // compound_mapcount
    [88, "00000000"], // compound_pincount
    [92, "04000000"], // compound_nr
    [104, ZERO8], // private
    [136, POINTER],
    [152, TAIL_MAPPING],
    [168, ZERO8],
    [200, POINTER],
    [216, TAIL_MAPPING],
    [232, ZERO8],
  ],
  "6.12": [
    [0, "e4"], // PG_head, bit 6
    [64, "02"], // order
    [72, POINTER],
    [80, "ffffffff"], // _large_mapcount
    [84, "ffffffff"], // _entire_mapcount
    [88, "00000000"], // _nr_pages_mapped
    [92, "00000000"], // _pincount
    [96, "04000000"], // _folio_nr_pages
    [104, ZERO8],
    [136, POINTER],
    [144, LIST_SELF],
    [152, LIST_SELF],
    [168, ZERO8],
    [200, POINTER],
    [216, TAIL_MAPPING],
    [232, ZERO8],
  ],
  "6.17": [
    [0, "e4"],
    [64, "02"],
    [72, POINTER],
    [80, "ffffffff"], // _large_mapcount
    [84, "00000000"], // _nr_pages_mapped
    [88, "ffffffff"], // _entire_mapcount
    [92, "00000000"], // _pincount
    [96, "ffffffff ffffffff"], // _mm_id_mapcount
    [104, ZERO8], // _mm_ids
    [120, "04000000"], // _nr_pages
    [136, POINTER],
    [144, LIST_SELF],
    [152, LIST_SELF],
    [168, ZERO8],
    [200, POINTER],
    [216, TAIL_MAPPING],
    [232, ZERO8],
  ],
  "7.3": [
    [0, "e4"],
    [64, "02"],
    [72, MASK],
    [80, "ffffffff"],
    [84, "00000000"],
    [88, "ffffffff"],
    [92, "00000000"],
    [96, "ffffffff ffffffff"],
    [104, ZERO8],
    [120, "04000000"],
    [136, MASK],
    [144, LIST_SELF],
    [152, LIST_SELF],
    [200, MASK],
    [216, TAIL_MAPPING],
  ],
};

describe.each(builds)("bytes that prep_compound_page writes (%s build)", (build) => {
  it.each(families)("order 2: these bytes and no other, neighbours included (prep_compound_page, %s)", (preset) => {
    const map = machine(preset, 1, { build });
    // 0xa4: neither PG_head nor a tagged word in either numbering, and no byte that prep writes.
    const before = new Uint8Array(12 * 64).fill(0xa4);
    map.writeSlots(HEAD - 4, before);
    map.prepCompoundPage(HEAD, 2);
    const expected = before.slice();
    for (const [offset, bytes] of writes[preset]) {
      expected.set(Buffer.from(bytes.replace(" ", ""), "hex"), 4 * 64 + offset);
    }
    const after = slotsFrom(map, HEAD - 4, 12);
    for (let page = 0; page < 12; page++) {
      const at = page * 64;
      expect(`page ${page - 4}: ${hex(after.subarray(at, at + 64))}`).toBe(
        `page ${page - 4}: ${hex(expected.subarray(at, at + 64))}`,
      );
    }
  });

  it.each(["6.12", "6.17", "7.3"] as const)("order 1 has no page 2 and no deferred list (%s)", (preset) => {
    const map = machine(preset, 1, { build });
    const before = hex(slotsFrom(map, HEAD + 2, 2));
    map.prepCompoundPage(HEAD, 1);
    expect(hex(slotsFrom(map, HEAD + 2, 2))).toBe(before);
    expect(map.folio(HEAD).nrPages).toBe(2);
  });

  it("order 1 has no pincount, which stands in page 2 (hpage_pincount_available, 5.15)", () => {
    const map = machine("5.15", 1, { build });
    const before = hex(slotsFrom(map, HEAD + 2, 1));
    map.prepCompoundPage(HEAD, 1);
    expect(hex(slotsFrom(map, HEAD + 2, 1))).toBe(before);
    expect(map.folio(HEAD).pincount).toBe(0);
  });
});

describe("what prep_compound_page makes readable", () => {
  it.each(everyPreset)(
    "order, nr_pages, head, index of each page (folio_order, folio_nr_pages, folio_page_idx, %s)",
    (preset) => {
      const map = machine(preset);
      map.prepCompoundPage(2048, 9);
      for (const i of [0, 1, 2, 3, 63, 64, 65, 448, 511]) {
        const pfn = 2048 + i;
        expect([map.compoundHead(pfn), map.folio(pfn).pfn, map.folioPageIdx(pfn)]).toEqual([2048, 2048, i]);
        expect([map.folioOrder(pfn), map.folioNrPages(pfn)]).toEqual([9, 512]);
        expect([map.pageTail(pfn), map.pageHead(pfn), map.pageCompound(pfn)]).toEqual([i > 0, i === 0, true]);
        expect(map.compoundOrder(pfn)).toBe(i === 0 ? 9 : 0);
        expect(map.folioPage(pfn, 511)).toBe(2559);
        expect(map.folioPage(pfn, 512)).toBeNaN();
      }
      expect([map.compoundHead(2560), map.folioOrder(2560), map.pageCompound(2047)]).toEqual([2560, 0, false]);
    },
  );

  it.each(everyPreset)("no refcount, no _mapcount, no zone bit is touched (prep_compound_page, %s)", (preset) => {
    const map = machine(preset);
    const words = () => Array.from({ length: 8 }, (_, i) => [peek(map, 64 + i, 48, 8), peek(map, 64 + i, 0, 8) >> 30n]);
    for (let i = 0; i < 8; i++) map.folio(64 + i).setRefcount(i + 1);
    const before = words();
    map.prepCompoundPage(64, 3);
    expect(words()).toEqual(before);
  });

  it("counts of a fresh folio are none (6.17 and 7.3 fields)", () => {
    for (const preset of ["6.17", "6.18", "7.0", "7.3"] as const) {
      const map = machine(preset);
      map.prepCompoundPage(SECTION - 512, 9);
      const folio = map.folio(SECTION - 1);
      expect([folio.mapcount, folio.entireMapcount, folio.largeMapcount, folio.nrPagesMapped]).toEqual([0, 0, 0, 0]);
      expect([folio.pincount, folio.mmIds, folio.mmIdMapcounts]).toEqual([0, [0, 0], [-1, -1]]);
    }
  });
});
