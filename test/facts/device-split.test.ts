/** Folios of device memory made, undone and split: the pgmap word, the order byte, the states of fs-dax folios. */
import { describe, expect, it } from "vitest";
import { type PgmapOps, type PresetName, type Profile, type Vmemmap } from "../../src/index.js";
import {
  device,
  DEVICE,
  DEVICE_TAGGED,
  everyEncoding,
  from6_15,
  INODE,
  nothingHappens,
  pgmapsOf,
  refusedAs,
  TAIL_MAPPING,
  types,
} from "./device-machine.js";
import { builds, errorOf, machine, peek, poke } from "./machine.js";

const OTHER_INODE = 0xffff888087654321n & ~7n;
const FLAGS = 0x0027ffffc0002000n;
const ENTRY = { mapping: INODE, index: 0x1000n } as const;

/** An fs-dax folio of `order` at {@link DEVICE}: a file's, page 0x1000 of it. */
function fsdax(profile: Profile | PresetName, order = 9, pages = 512, build: (typeof builds)[number] = "simd") {
  const { map, pgmap } = device(profile, "fs-dax", pages, {}, { build });
  map.daxAssociateEntry(DEVICE, { order, ...ENTRY });
  return { map, pgmap };
}

/** Index of each page whose folio, order or pgmap is not that of a part of `order`. */
function strangers(map: Vmemmap, pages: number, order: number, pgmap: unknown): number[] {
  const size = 1 << order;
  return Array.from({ length: pages }, (_, i) => i).filter((i) => {
    const pfn = DEVICE + i;
    return map.compoundHead(pfn) !== pfn - (i % size) || map.folioOrder(pfn) !== order || map.pagePgmap(pfn) !== pgmap;
  });
}

describe.each(builds)("a split of a folio of order 9 keeps the pgmap (%s build)", (build) => {
  it.each(everyEncoding(from6_15))("fs-dax, to every lower order (%s, %s)", (_kernel, _encoding, profile) => {
    for (const order of [0, 1, 2, 4, 6, 8]) {
      const { map, pgmap } = fsdax(profile, 9, 512, build);
      map.splitFolioToOrder(DEVICE, order);
      expect([order, strangers(map, 512, order, pgmap)]).toEqual([order, []]);
      expect([...pgmapsOf(map, DEVICE, 512)].map((number) => map.pgmaps[number])).toEqual([pgmap]);
      const heads = Array.from({ length: 512 >> order }, (_, i) => DEVICE + (i << order));
      expect(heads.filter((head) => map.readWord(head, 8) !== pgmap.address)).toEqual([]);
    }
  });

  it.each(everyEncoding(["6.1", "6.12", "6.14", "6.17", "6.18", "7.0", "7.3"]))(
    "generic with frames of its own, to orders 4 and 0 (%s, %s)",
    (_kernel, _encoding, profile) => {
      for (const order of [4, 0]) {
        const options = { vmemmapShift: 9, vmemmapOptimize: false };
        const { map, pgmap } = device(profile, "generic", 512, options, { build });
        expect(map.folio(DEVICE).freeze(1)).toBe(true);
        map.splitFolioToOrder(DEVICE, order);
        expect([order, strangers(map, 512, order, pgmap)]).toEqual([order, []]);
        for (let i = 0; i < 512; i += 1 << order) expect(map.readWord(DEVICE + i, 8)).toBe(pgmap.address);
      }
    },
  );

  it.each(everyEncoding(["7.0", "7.3"]))("private, to orders 4 and 0 (%s, %s)", (_kernel, _encoding, profile) => {
    for (const order of [4, 0]) {
      const { map, pgmap } = device(profile, "private", 512, {}, { build });
      map.zoneDevicePageInit(DEVICE, 9).freeze(1);
      map.splitFolioToOrder(DEVICE, order);
      expect([order, strangers(map, 512, order, pgmap)]).toEqual([order, []]);
      for (let i = 0; i < 512; i += 1 << order) expect(map.readWord(DEVICE + i, 8)).toBe(pgmap.address);
    }
  });
});

describe("words after a split of fs-dax", () => {
  it("the first part's tails keep the larger mask, the others have their own (7.3)", () => {
    const { map } = fsdax("7.3");
    map.splitFolioToOrder(DEVICE, 4);
    expect([1, 15].map((i) => map.readWord(DEVICE + i, 8))).toEqual([0xffffffffffff8001n, 0xffffffffffff8001n]);
    expect([17, 511].map((i) => map.readWord(DEVICE + i, 8))).toEqual([0xfffffffffffffc01n, 0xfffffffffffffc01n]);
  });

  it("later parts' tails have their head's address (6.18)", () => {
    const { map } = fsdax("6.18");
    map.splitFolioToOrder(DEVICE, 4);
    expect([1, 15, 17].map((i) => map.readWord(DEVICE + i, 8))).toEqual([
      0xffffea0004000001n,
      0xffffea0004000001n,
      0xffffea0004000401n,
    ]);
  });

  it.each(from6_15)("each new head has the file, and the index of its first page (%s)", (kernel) => {
    const { map } = fsdax(kernel);
    map.splitFolioToOrder(DEVICE, 4);
    for (const i of [0, 16, 32, 496]) {
      expect([map.readWord(DEVICE + i, 24), map.readWord(DEVICE + i, 32)]).toEqual([INODE, 0x1000n + BigInt(i)]);
    }
  });

  it.each(from6_15)("tails are still ZONE_DEVICE and have a count of 0 (%s)", (kernel) => {
    const { map } = fsdax(kernel);
    map.splitFolioToOrder(DEVICE, 4);
    expect([1, 17, 511].map((i) => [map.isZoneDevicePage(DEVICE + i), map.pageRefCount(DEVICE + i)])).toEqual([
      [true, 0],
      [true, 0],
      [true, 0],
    ]);
  });

  it.each(everyEncoding(from6_15))(
    "each part can leave its file on its own (%s, %s)",
    (_kernel, _encoding, profile) => {
      const { map, pgmap } = fsdax(profile);
      map.splitFolioToOrder(DEVICE, 4);
      for (let i = 0; i < 512; i += 16) map.daxDisassociateEntry(DEVICE + i);
      expect(strangers(map, 512, 0, pgmap)).toEqual([]);
      expect(Array.from({ length: 512 }, (_, i) => map.readWord(DEVICE + i, 24)).every((word) => word === 0n)).toBe(
        true,
      );
      map.daxAssociateEntry(DEVICE, { order: 9, ...ENTRY });
      expect(strangers(map, 512, 9, pgmap)).toEqual([]);
    },
  );

  it("a folio with references is refused (not-frozen, 7.3)", () => {
    const { map } = fsdax("7.3");
    map.folio(DEVICE).refInc();
    nothingHappens(map, "not-frozen", [DEVICE], () => map.splitFolioToOrder(DEVICE, 0));
  });

  it("a deduplicated folio is refused: its slots are no pages' own (aliased-slots, 7.3)", () => {
    const { map } = device("7.3", "generic", 512, { vmemmapShift: 9 });
    map.folio(DEVICE).freeze(1);
    nothingHappens(map, "aliased-slots", [DEVICE], () => map.splitFolioToOrder(DEVICE, 0));
  });
});

describe("a split of a private folio and its driver (folio_split)", () => {
  const splitting = (kernel: PresetName, folioSplit?: PgmapOps["folioSplit"]) => {
    const ops: PgmapOps = { pageFree: () => undefined, migrateToRam: () => undefined };
    const { map, pgmap } = device(kernel, "private", 512, {
      ops: folioSplit === undefined ? ops : { ...ops, folioSplit },
    });
    map.zoneDevicePageInit(DEVICE, 9);
    map.clearFlag(DEVICE, "locked");
    map.folio(DEVICE).freeze(1);
    return { map, pgmap };
  };

  it.each(["7.0", "7.3"] as const)("is told each new folio once, then the end (%s)", (kernel) => {
    const told: [number, number | null][] = [];
    const { map, pgmap } = splitting(kernel, (original, part) => {
      told.push([original.pfn, part === null ? null : part.pfn]);
    });
    map.splitFolioToOrder(DEVICE, 4);
    const parts = Array.from({ length: 31 }, (_, i) => DEVICE + 16 * (i + 1));
    expect(told.map(([original]) => original)).toEqual(Array(32).fill(DEVICE));
    expect(told.slice(0, 31).map(([, part]) => part)).toEqual(parts);
    expect(told[31]).toEqual([DEVICE, null]);
    expect(strangers(map, 512, 4, pgmap)).toEqual([]);
  });

  it.each(["7.0", "7.3"] as const)("is told 511 single pages (%s)", (kernel) => {
    const parts: (number | null)[] = [];
    const { map } = splitting(kernel, (_original, part) => parts.push(part?.pfn ?? null));
    map.splitFolioToOrder(DEVICE, 0);
    expect([parts.length, parts[0], parts[510], parts[511]]).toEqual([512, DEVICE + 1, DEVICE + 511, null]);
  });

  it.each(["7.0", "7.3"] as const)("without the callback mapping goes to each part (%s)", (kernel) => {
    const { map } = splitting(kernel);
    map.writeWord(DEVICE, 24, INODE | 1n);
    map.splitFolioToOrder(DEVICE, 4);
    expect([0, 16, 496].map((i) => map.readWord(DEVICE + i, 24))).toEqual([INODE | 1n, INODE | 1n, INODE | 1n]);
  });

  it.each(["7.0", "7.3"] as const)("an error it throws is thrown on, with the split complete (%s)", (kernel) => {
    let calls = 0;
    const { map, pgmap } = splitting(kernel, () => {
      calls++;
      throw new Error("the driver is broken");
    });
    expect(() => map.splitFolioToOrder(DEVICE, 4)).toThrow("the driver is broken");
    expect(calls).toBeGreaterThan(0);
    expect(strangers(map, 512, 4, pgmap)).toEqual([]);
  });

  it("is not called for a split that is refused (7.3)", () => {
    let calls = 0;
    const { map } = splitting("7.3", () => {
      calls++;
    });
    expect(() => map.splitFolioToOrder(DEVICE, 9)).toThrow();
    map.folio(DEVICE).unfreeze(1);
    expect(() => map.splitFolioToOrder(DEVICE, 4)).toThrow();
    expect(calls).toBe(0);
  });

  it.each(["7.0", "7.3"] as const)("the parts give back the references of the whole (%s)", (kernel) => {
    const { map, pgmap } = splitting(kernel);
    map.splitFolioToOrder(DEVICE, 4);
    expect(pgmap.refs).toBe(513);
    for (let i = 0; i < 512; i += 16) map.folio(DEVICE + i).unfreeze(1);
    map.folio(DEVICE).put();
    expect(pgmap.refs).toBe(497);
    for (let i = 16; i < 512; i += 16) expect(map.folio(DEVICE + i).put()).toBe(true);
    expect(pgmap.refs).toBe(1);
  });
});

describe("the order byte's aliasing trap: page 1 of a folio that is undone has no flags of its order", () => {
  const trap = ["locked", "uptodate", "writeback", "dirty"];
  const trapped = (map: Vmemmap) => map.flagNames(DEVICE + 1).filter((name) => trap.includes(name));

  it.each(everyEncoding(from6_15))(
    "after dax_disassociate_entry of order 9 page 1 is not locked and uptodate (%s, %s)",
    (_kernel, _encoding, profile) => {
      const { map } = fsdax(profile);
      expect(map.readWord(DEVICE + 1, 0)).toBe(0x0027ffffc0002009n);
      map.daxDisassociateEntry(DEVICE);
      expect(map.readWord(DEVICE + 1, 0)).toBe(0x0027ffffc0002000n);
      expect(trapped(map)).toEqual([]);
      expect([map.testFlag(DEVICE + 1, "locked"), map.testFlag(DEVICE + 1, "uptodate")]).toEqual([false, false]);
    },
  );

  it.each(from6_15)("after a split of order 9 to 0 page 1 is not locked and uptodate (%s)", (kernel) => {
    const { map } = fsdax(kernel);
    map.splitFolioToOrder(DEVICE, 0);
    // A new head's own flags are cleared first, PG_reserved as well (PAGE_FLAGS_CHECK_AT_PREP).
    expect([map.readWord(DEVICE + 1, 0), trapped(map)]).toEqual([0x0027ffffc0000000n, []]);
  });

  it.each(["6.14", "6.17", "7.3"] as const)(
    "after a split of order 18 to 0 page 1 is not under writeback and dirty (%s)",
    (kernel) => {
      const { map, pgmap } = device(kernel, "generic", 2 ** 18, { vmemmapShift: 18, vmemmapOptimize: false });
      expect(map.readWord(DEVICE + 1, 0)).toBe(0x0027ffffc0002012n);
      map.folio(DEVICE).freeze(1);
      map.splitFolioToOrder(DEVICE, 0);
      // A new head's own flags are cleared first, PG_reserved as well (PAGE_FLAGS_CHECK_AT_PREP).
      expect([map.readWord(DEVICE + 1, 0), trapped(map)]).toEqual([0x0027ffffc0000000n, []]);
      expect(map.pagePgmap(DEVICE + 2 ** 18 - 1)).toBe(pgmap);
      map.dispose();
    },
  );

  it.each(["7.0", "7.3"] as const)("after a new life as single pages page 1 is locked, not uptodate (%s)", (kernel) => {
    const { map } = device(kernel, "private");
    map.zoneDevicePageInit(DEVICE, 9).put();
    map.zoneDevicePageInit(DEVICE + 1);
    expect([map.readWord(DEVICE + 1, 0), trapped(map)]).toEqual([0x0027ffffc0002001n, ["locked"]]);
  });

  /** How the series' sixth draft took a folio apart: head flag, compound words, mapping and share, but no order byte. */
  function undoAsV6(map: Vmemmap, pages: number, pgmap: bigint): void {
    map.writeWord(DEVICE, 0, map.readWord(DEVICE, 0) & ~0x40n);
    for (let i = 0; i < pages; i++) {
      map.writeWord(DEVICE + i, 8, pgmap);
      map.writeWord(DEVICE + i, 24, 0n);
      map.writeWord(DEVICE + i, 32, 0n);
    }
  }

  it.each(from6_15)("the v6 draft leaves page 1 locked and uptodate after order 9 (%s)", (kernel) => {
    const { map, pgmap } = fsdax(kernel);
    undoAsV6(map, 512, pgmap.address);
    expect([map.folioOrder(DEVICE), map.compoundHead(DEVICE + 1), map.pagePgmap(DEVICE + 511)]).toEqual([
      0,
      DEVICE + 1,
      pgmap,
    ]);
    expect(trapped(map).sort()).toEqual(["locked", "uptodate"]);
    expect(map.flagNames(DEVICE + 2)).toEqual(["reserved"]);
  });

  it.each(from6_15)("the v6 draft leaves page 1 under writeback and dirty after order 18 (%s)", (kernel) => {
    const { map, pgmap } = device(kernel, "generic", 2 ** 18, { vmemmapShift: 18, vmemmapOptimize: false });
    undoAsV6(map, 64, pgmap.address);
    expect(trapped(map).sort()).toEqual(["dirty", "writeback"]);
    map.dispose();
  });
});

describe.each(builds)("states of an fs-dax folio (%s build)", (build) => {
  it.each(everyEncoding(from6_15))("unassociated to exclusive, order 9 (%s, %s)", (_kernel, encoding, profile) => {
    const { map, pgmap } = fsdax(profile, 9, 1024, build);
    const folio = map.folio(DEVICE + 300);
    expect([folio.pfn, folio.order, folio.nrPages, folio.refcount, folio.daxIsShared]).toEqual([
      DEVICE,
      9,
      512,
      0,
      false,
    ]);
    expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32)]).toEqual([0xffff888012345678n, 0x1000n]);
    expect(map.readWord(DEVICE, 0)).toBe(0x0027ffffc0002040n);
    const tag = encoding === "mask" ? 0xffffffffffff8001n : DEVICE_TAGGED;
    for (const i of [4, 64, 128, 511]) {
      expect([map.readWord(DEVICE + i, 8), map.readWord(DEVICE + i, 24)]).toEqual([tag, TAIL_MAPPING]);
      expect([map.readWord(DEVICE + i, 48), map.isAlias(DEVICE + i)]).toEqual([0xffffffffn, false]);
    }
    expect([...pgmapsOf(map, DEVICE, 1024)].map((number) => map.pgmaps[number])).toEqual([pgmap]);
    expect(map.folioOrder(DEVICE + 512)).toBe(0);
  });

  it.each(from6_15)("page 2 of the folio holds its deferred list (prep_compound_page, %s)", (kernel) => {
    const { map } = fsdax(kernel, 9, 512, build);
    expect([map.readWord(DEVICE + 2, 16), map.readWord(DEVICE + 2, 24)]).toEqual([
      0xffffea0004000090n,
      0xffffea0004000090n,
    ]);
  });

  it.each(everyEncoding(from6_15))("and back: 512 single pages as at first (%s, %s)", (_kernel, _encoding, profile) => {
    const { map, pgmap } = fsdax(profile, 9, 512, build);
    map.daxDisassociateEntry(DEVICE);
    const wrong = Array.from({ length: 512 }, (_, i) => DEVICE + i).filter((pfn) => {
      const read = [0, 8, 24, 32, 48].map((offset) => map.readWord(pfn, offset));
      return read.join() !== [FLAGS, pgmap.address, 0n, 0n, 0xffffffffn].join() || peek(map, pfn, 56, 4) !== 0n;
    });
    expect([wrong, strangers(map, 512, 0, pgmap)]).toEqual([[], []]);
  });

  it.each(from6_15)("by its head alone: an entry names no tail (%s)", (kernel) => {
    const { map, pgmap } = fsdax(kernel, 9, 512, build);
    refusedAs(["not-compound", "folio-busy", "bad-argument"], () => map.daxDisassociateEntry(DEVICE + 100));
    expect(strangers(map, 512, 9, pgmap)).toEqual([]);
  });

  it.each(everyEncoding(from6_15))(
    "a folio can come and go again and again (%s, %s)",
    (_kernel, _encoding, profile) => {
      const { map, pgmap } = fsdax(profile, 9, 512, build);
      for (const order of [0, 9, 9, 0]) {
        map.daxDisassociateEntry(DEVICE);
        map.daxAssociateEntry(DEVICE, { order, mapping: OTHER_INODE, index: 5 });
        expect([map.folioOrder(DEVICE + 1), map.readWord(DEVICE, 24), map.readWord(DEVICE, 32)]).toEqual([
          order,
          OTHER_INODE,
          5n,
        ]);
        expect(strangers(map, 512, order, pgmap)).toEqual([]);
      }
    },
  );

  it.each(from6_15)("order 0: this page alone (%s)", (kernel) => {
    const { map } = device(kernel, "fs-dax", 512, {}, { build });
    map.daxAssociateEntry(DEVICE + 5, { mapping: INODE, index: 7n });
    expect([4, 5, 6].map((i) => [map.readWord(DEVICE + i, 24), map.readWord(DEVICE + i, 32)])).toEqual([
      [0n, 0n],
      [INODE, 7n],
      [0n, 0n],
    ]);
    expect([map.folioOrder(DEVICE + 5), map.pageRefCount(DEVICE + 5)]).toEqual([0, 0]);
  });

  it.each(from6_15)("the first sharing of an exclusive folio is two associations (%s)", (kernel) => {
    for (const order of [0, 9]) {
      const { map } = fsdax(kernel, order, 512, build);
      map.daxAssociateEntry(DEVICE, { order, mapping: OTHER_INODE, index: 3, shared: true });
      expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32), map.folio(DEVICE).daxIsShared]).toEqual([
        0n,
        2n,
        true,
      ]);
      expect(map.folioOrder(DEVICE)).toBe(order);
    }
  });

  it.each(from6_15)("each further one adds one (%s)", (kernel) => {
    const { map } = fsdax(kernel, 9, 512, build);
    for (const share of [2n, 3n, 4n]) {
      map.daxAssociateEntry(DEVICE, { order: 9, mapping: OTHER_INODE, index: 3, shared: true });
      expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32)]).toEqual([0n, share]);
    }
  });

  it.each(from6_15)("a shared one of no file yet is exclusive (%s)", (kernel) => {
    const { map } = device(kernel, "fs-dax", 512, {}, { build });
    map.daxAssociateEntry(DEVICE, { order: 9, ...ENTRY, shared: true });
    expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32), map.folio(DEVICE).daxIsShared]).toEqual([
      INODE,
      0x1000n,
      false,
    ]);
  });

  it.each(from6_15)("shared ones go one by one, the last makes single pages (dax_folio_put, %s)", (kernel) => {
    const { map, pgmap } = fsdax(kernel, 9, 512, build);
    map.daxAssociateEntry(DEVICE, { order: 9, mapping: OTHER_INODE, index: 3, shared: true });
    map.daxAssociateEntry(DEVICE, { order: 9, mapping: OTHER_INODE, index: 4, shared: true });
    for (const share of [2n, 1n]) {
      map.daxDisassociateEntry(DEVICE);
      expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32), map.folioOrder(DEVICE)]).toEqual([0n, share, 9]);
      expect(map.folio(DEVICE).daxIsShared).toBe(true);
    }
    map.daxDisassociateEntry(DEVICE);
    expect([map.readWord(DEVICE, 32), map.folioOrder(DEVICE), map.folio(DEVICE).daxIsShared]).toEqual([0n, 0, false]);
    expect(strangers(map, 512, 0, pgmap)).toEqual([]);
  });

  it.each(from6_15)("one association less of a shared folio in use is fine (%s)", (kernel) => {
    const { map } = fsdax(kernel, 9, 512, build);
    map.daxAssociateEntry(DEVICE, { order: 9, mapping: OTHER_INODE, index: 3, shared: true });
    map.folio(DEVICE).refInc();
    map.daxDisassociateEntry(DEVICE);
    expect([map.readWord(DEVICE, 32), map.pageRefCount(DEVICE)]).toEqual([1n, 1]);
    nothingHappens(map, "folio-busy", [DEVICE], () => map.daxDisassociateEntry(DEVICE));
  });

  it("a single page's stale index makes it look shared (6.17)", () => {
    const { map } = fsdax("6.17", 0, 512, build);
    map.daxDisassociateEntry(DEVICE);
    expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32), map.folio(DEVICE).daxIsShared]).toEqual([
      0n,
      0x1000n,
      true,
    ]);
  });

  it("a single page's index is zeroed (dax_folio_reset_order, 7.3)", () => {
    const { map, pgmap } = fsdax("7.3", 0, 512, build);
    map.daxDisassociateEntry(DEVICE);
    expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32), map.folio(DEVICE).daxIsShared]).toEqual([
      0n,
      0n,
      false,
    ]);
    expect(map.readWord(DEVICE, 8)).toBe(pgmap.address);
  });
});

describe("up to 6.14 an entry's pages stay single", () => {
  it.each(["6.12", "6.14"] as const)("each has the file and its own index (%s)", (kernel) => {
    const { map, pgmap } = device(kernel, "fs-dax");
    map.daxAssociateEntry(DEVICE, { order: 9, ...ENTRY });
    expect(strangers(map, 512, 0, pgmap)).toEqual([]);
    expect([0, 1, 511].map((i) => [map.readWord(DEVICE + i, 24), map.readWord(DEVICE + i, 32)])).toEqual([
      [INODE, 0x1000n],
      [INODE, 0x1001n],
      [INODE, 0x11ffn],
    ]);
  });

  it.each(["6.12", "6.14"] as const)(
    "a shared one has mapping 1 and its share (PAGE_MAPPING_DAX_SHARED, %s)",
    (kernel) => {
      const { map } = device(kernel, "fs-dax");
      map.daxAssociateEntry(DEVICE, ENTRY);
      map.daxAssociateEntry(DEVICE, { ...ENTRY, mapping: OTHER_INODE, shared: true });
      expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32)]).toEqual([1n, 2n]);
      map.daxDisassociateEntry(DEVICE);
      expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32)]).toEqual([1n, 1n]);
    },
  );
});

describe("a fault's life (dax_fault_iter)", () => {
  it.each(from6_15)("associate, reference, map, put, unmap: the folio is idle and can go (%s)", (kernel) => {
    const { map, pgmap } = fsdax(kernel);
    const folio = map.folio(DEVICE);
    folio.refInc();
    folio.get(); // by the page table
    poke(map, DEVICE, 88, 4, 0); // _entire_mapcount
    poke(map, DEVICE, 80, 4, 0); // _large_mapcount
    expect([folio.put(), folio.refcount, folio.mapcount, folio.daxIsBusy]).toEqual([false, 1, 1, false]);
    nothingHappens(map, "folio-busy", [DEVICE], () => map.daxDisassociateEntry(DEVICE));
    poke(map, DEVICE, 88, 4, 0xffffffff);
    poke(map, DEVICE, 80, 4, 0xffffffff);
    expect([folio.put(), folio.refcount, folio.daxIsIdle]).toEqual([true, 0, true]);
    expect(map.readWord(DEVICE, 24)).toBe(INODE);
    map.daxDisassociateEntry(DEVICE);
    expect([map.folioOrder(DEVICE), map.pagePgmap(DEVICE + 511)]).toEqual([0, pgmap]);
  });

  it("the last reference of a large folio leaves it whole (7.3)", () => {
    const { map, pgmap } = fsdax("7.3");
    map.folio(DEVICE).refInc();
    map.folio(DEVICE + 5).put();
    expect([map.folioOrder(DEVICE + 511), map.pagePgmap(DEVICE + 511)]).toEqual([9, pgmap]);
  });
});

describe("associations that are refused", () => {
  it.each(from6_15)("of a page in a file already, alone or in a larger entry (folio-busy, %s)", (kernel) => {
    const { map } = fsdax(kernel, 0);
    nothingHappens(map, "folio-busy", [DEVICE], () =>
      map.daxAssociateEntry(DEVICE, { mapping: OTHER_INODE, index: 1 }),
    );
    map.daxAssociateEntry(DEVICE + 77, { mapping: INODE, index: 1 });
    map.daxDisassociateEntry(DEVICE);
    nothingHappens(map, "folio-busy", [], () =>
      map.daxAssociateEntry(DEVICE, { order: 9, mapping: OTHER_INODE, index: 1 }),
    );
  });

  it.each(from6_15)("of a folio that is one already (folio-busy, %s)", (kernel) => {
    const { map } = fsdax(kernel);
    const entry = { order: 9, mapping: OTHER_INODE, index: 1 };
    nothingHappens(map, "folio-busy", [DEVICE], () => map.daxAssociateEntry(DEVICE, entry));
  });

  it.each(from6_15)("of pages with references, any of them (folio-busy, %s)", (kernel) => {
    for (const i of [0, 1, 511]) {
      const { map } = device(kernel, "fs-dax");
      map.folio(DEVICE + i).refInc();
      nothingHappens(map, "folio-busy", [], () => map.daxAssociateEntry(DEVICE, { order: 9, ...ENTRY }));
    }
  });

  it.each(from6_15)("of an order that is not the shared folio's (%s)", (kernel) => {
    const { map } = fsdax(kernel);
    refusedAs(["bad-argument", "folio-busy", "order-too-large"], () =>
      map.daxAssociateEntry(DEVICE, { order: 0, mapping: OTHER_INODE, index: 1, shared: true }),
    );
    expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32)]).toEqual([INODE, 0x1000n]);
  });

  it("of pages off their alignment (unaligned, 7.3)", () => {
    const { map } = device("7.3", "fs-dax", 1024);
    nothingHappens(map, "unaligned", [DEVICE + 256], () =>
      map.daxAssociateEntry(DEVICE + 256, { order: 9, mapping: INODE, index: 0 }),
    );
  });

  it.each(types.filter((type) => type !== "fs-dax"))("of %s pages, and RAM (no-pgmap, 7.3)", (type) => {
    const { map } = device("7.3", type);
    for (const pfn of [DEVICE, 512]) {
      nothingHappens(map, "no-pgmap", [pfn], () => map.daxAssociateEntry(pfn, { mapping: INODE, index: 0 }));
      nothingHappens(map, "no-pgmap", [pfn], () => map.daxDisassociateEntry(pfn));
    }
  });

  it("of absent pages (pfn-absent, 7.3)", () => {
    const { map } = device("7.3", "fs-dax");
    const absent = DEVICE + 512;
    nothingHappens(map, "pfn-absent", [absent], () => map.daxAssociateEntry(absent, { mapping: INODE, index: 0 }));
  });

  it("of orders that no entry has, or words that are none (7.3)", () => {
    const { map } = device("7.3", "fs-dax");
    for (const order of [-1, 1.5, NaN, 23]) {
      refusedAs(["bad-argument", "order-too-large"], () => map.daxAssociateEntry(DEVICE, { order, ...ENTRY }));
    }
    for (const entry of [
      { mapping: -1n, index: 0 },
      { mapping: 1n << 64n, index: 0 },
      { mapping: INODE, index: -1 },
      { mapping: INODE, index: 1.5 },
      { mapping: INODE, index: 1n << 64n },
    ]) {
      expect(errorOf(() => map.daxAssociateEntry(DEVICE, entry)).code).toBe("bad-argument");
    }
    expect([map.readWord(DEVICE, 24), map.readWord(DEVICE, 32), map.folioOrder(DEVICE)]).toEqual([0n, 0n, 0]);
  });

  it("and the end of an association while its folio is in use (folio-busy, 7.3)", () => {
    for (const order of [0, 9]) {
      const { map } = fsdax("7.3", order);
      map.folio(DEVICE).refInc();
      nothingHappens(map, "folio-busy", [DEVICE], () => map.daxDisassociateEntry(DEVICE));
    }
  });
});

describe("private and RAM folios take the same steps", () => {
  it("a RAM folio's new heads have 0 at +8: no pgmap is made up (7.3)", () => {
    const map = machine("7.3");
    map.prepCompoundPage(1024, 4);
    map.splitFolioToOrder(1024, 0);
    expect([1, 8, 15].map((i) => [map.readWord(1024 + i, 8), map.pagePgmap(1024 + i)])).toEqual([
      [0n, null],
      [0n, null],
      [0n, null],
    ]);
  });
});
