/** Reference counts of device pages: who idles at what, what ends a page's use, and whom it tells. */
import { describe, expect, it } from "vitest";
import {
  type Folio,
  type MemoryType,
  type Pgmap,
  type PgmapOps,
  type PresetName,
  type Vmemmap,
} from "../../src/index.js";
import { before6_15, device, DEVICE, from6_15, INODE, nothingHappens, refusedAs, settled } from "./device-machine.js";
import { builds, errorOf, everyPreset, machine, peek, poke } from "./machine.js";

const PFN = DEVICE + 77;

interface Rule {
  readonly type: MemoryType;
  readonly kernels: readonly PresetName[];
  /** How a page comes into use. */
  readonly takeBy: "zoneDevicePageInit" | "get" | "refInc";
  readonly idle: number;
  readonly used: number;
  /** Puts from `used` on until the free event. */
  readonly puts: number;
  /** The count after the free event. */
  readonly freed: number;
  /** Count of the page while the driver's callback runs; null: no callback. */
  readonly inCallback: number | null;
  /** The free event clears page->mapping. */
  readonly clearsMapping: boolean;
  /** pgmap references that a page in use holds beside those of its range; null: the facts say nothing. */
  readonly refs: number | null;
}

/** Sections 6.4, 6.6, 7.4, one row for each type and set of rules. */
const table: Rule[] = [
  {
    ...{ type: "private", kernels: ["5.15"], takeBy: "zoneDevicePageInit", idle: 1, used: 2, puts: 1, freed: 1 },
    ...{ inCallback: 1, clearsMapping: true, refs: null },
  },
  {
    ...{ type: "fs-dax", kernels: ["5.15"], takeBy: "get", idle: 1, used: 2, puts: 1, freed: 1 },
    ...{ inCallback: null, clearsMapping: false, refs: 0 },
  },
  {
    ...{ type: "private", kernels: before6_15, takeBy: "zoneDevicePageInit", idle: 0, used: 1, puts: 1, freed: 0 },
    ...{ inCallback: 0, clearsMapping: true, refs: 1 },
  },
  {
    ...{ type: "coherent", kernels: before6_15, takeBy: "zoneDevicePageInit", idle: 0, used: 1, puts: 1, freed: 0 },
    ...{ inCallback: 0, clearsMapping: true, refs: 1 },
  },
  {
    ...{ type: "fs-dax", kernels: before6_15, takeBy: "get", idle: 1, used: 2, puts: 1, freed: 1 },
    ...{ inCallback: null, clearsMapping: false, refs: 0 },
  },
  {
    ...{ type: "generic", kernels: before6_15, takeBy: "get", idle: 1, used: 2, puts: 2, freed: 1 },
    ...{ inCallback: 0, clearsMapping: true, refs: 0 },
  },
  {
    ...{ type: "pci-p2pdma", kernels: before6_15, takeBy: "zoneDevicePageInit", idle: 1, used: 1, puts: 1, freed: 1 },
    ...{ inCallback: 0, clearsMapping: true, refs: 1 },
  },
  {
    ...{ type: "private", kernels: from6_15, takeBy: "zoneDevicePageInit", idle: 0, used: 1, puts: 1, freed: 0 },
    ...{ inCallback: 0, clearsMapping: true, refs: 1 },
  },
  {
    ...{ type: "coherent", kernels: from6_15, takeBy: "zoneDevicePageInit", idle: 0, used: 1, puts: 1, freed: 0 },
    ...{ inCallback: 0, clearsMapping: true, refs: 1 },
  },
  {
    ...{ type: "fs-dax", kernels: from6_15, takeBy: "refInc", idle: 0, used: 1, puts: 1, freed: 0 },
    ...{ inCallback: null, clearsMapping: false, refs: 0 },
  },
  {
    ...{ type: "generic", kernels: from6_15, takeBy: "get", idle: 1, used: 2, puts: 2, freed: 1 },
    ...{ inCallback: null, clearsMapping: false, refs: 0 },
  },
  {
    ...{ type: "pci-p2pdma", kernels: from6_15, takeBy: "zoneDevicePageInit", idle: 0, used: 1, puts: 1, freed: 0 },
    ...{ inCallback: 0, clearsMapping: true, refs: 1 },
  },
];
const rows = table.flatMap((rule) =>
  rule.kernels.map((kernel): [MemoryType, PresetName, Rule] => [rule.type, kernel, rule]),
);
const rowsThatCall = rows.filter(([, , rule]) => rule.inCallback !== null);
const rowsThatCallNone = rows.filter(([, , rule]) => rule.inCallback === null);

function take(map: Vmemmap, rule: Pick<Rule, "takeBy">, pfn = PFN): Folio {
  if (rule.takeBy === "zoneDevicePageInit") return map.zoneDevicePageInit(pfn);
  const folio = map.folio(pfn);
  folio[rule.takeBy]();
  return folio;
}

/** A map of one type whose driver notes what it sees when a page is freed. */
function watched(kernel: PresetName, type: MemoryType, options: Parameters<typeof device>[4] = {}) {
  const calls: { pfn: number; refcount: number; mapping: bigint }[] = [];
  const ops: PgmapOps = {
    migrateToRam: () => undefined,
    pageFree: (pfn) => {
      calls.push({ pfn, refcount: map.pageRefCount(pfn), mapping: map.readWord(pfn, 24) });
    },
  };
  const { map, pgmap } = device(kernel, type, 512, { ops }, options);
  return { map, pgmap, calls };
}

describe.each(builds)("a page's life by type and rule set (%s build)", (build) => {
  it.each(rows)("%s, %s: the count when idle and when in use", (type, kernel, rule) => {
    const { map } = watched(kernel, type, { build });
    expect(map.pageRefCount(PFN)).toBe(rule.idle);
    expect([take(map, rule).refcount, map.pageRefCount(PFN), map.pageRefCount(PFN + 1)]).toEqual([
      rule.used,
      rule.used,
      rule.idle,
    ]);
  });

  it.each(rows)("%s, %s: a reference more and less ends nothing", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    const folio = take(map, rule);
    folio.get();
    expect([folio.refcount, folio.put(), folio.refcount, calls.length]).toEqual([rule.used + 1, false, rule.used, 0]);
    expect([folio.tryGet(3), folio.refcount, folio.put(3), calls.length]).toEqual([true, rule.used + 3, false, 0]);
  });

  it.each(rows)("%s, %s: a pin of a single page is 1024 references", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    const folio = take(map, rule);
    folio.pin(1, { p2pdma: true });
    expect([folio.refcount, folio.maybeDmaPinned]).toEqual([rule.used + 1024, true]);
    folio.pin(2, { p2pdma: true });
    expect(folio.refcount).toBe(rule.used + 3072);
    expect([folio.unpin(2), folio.unpin(), folio.refcount, folio.maybeDmaPinned]).toEqual([
      false,
      false,
      rule.used,
      false,
    ]);
    expect(calls).toEqual([]);
  });

  it.each(rows)("%s, %s: the free event comes with the last reference, and leaves this count", (type, kernel, rule) => {
    const { map } = watched(kernel, type, { build });
    const folio = take(map, rule);
    for (let left = rule.puts; left > 1; left--) expect(folio.put()).toBe(false);
    expect([folio.put(), folio.refcount]).toEqual([true, rule.freed]);
  });

  it.each(rows)("%s, %s: it comes with the last pin as well", (type, kernel, rule) => {
    const { map } = watched(kernel, type, { build });
    const folio = take(map, rule);
    folio.pin(1, { p2pdma: true });
    for (let left = rule.puts; left > 0; left--) expect(folio.put()).toBe(false);
    expect([folio.unpin(), folio.refcount, folio.maybeDmaPinned]).toEqual([true, rule.freed, false]);
  });

  it.each(rows)("%s, %s: several references dropped at once to the end are one free event", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    const folio = take(map, rule);
    folio.tryGet(5);
    expect([folio.put(rule.puts + 5), folio.refcount, calls.length]).toEqual([
      true,
      rule.freed,
      rule.inCallback === null ? 0 : 1,
    ]);
  });

  it.each(rowsThatCall)("%s, %s: the driver is called once, for this page", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    take(map, rule).put(rule.puts);
    expect(calls.map(({ pfn, refcount }) => ({ pfn, refcount }))).toEqual([{ pfn: PFN, refcount: rule.inCallback }]);
  });

  it.each(rowsThatCallNone)("%s, %s: no driver is called", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    expect([take(map, rule).put(rule.puts), calls]).toEqual([true, []]);
  });

  it.each(rows.filter(([, , rule]) => rule.clearsMapping))("%s, %s: mapping is cleared", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    const folio = take(map, rule);
    map.writeWord(PFN, 24, INODE);
    folio.put(rule.puts);
    expect([map.readWord(PFN, 24), calls.map(({ mapping }) => mapping)]).toEqual([0n, [0n]]);
  });

  it.each(rows.filter(([, , rule]) => !rule.clearsMapping))("%s, %s: mapping is kept", (type, kernel, rule) => {
    const { map } = watched(kernel, type, { build });
    const folio = take(map, rule);
    map.writeWord(PFN, 24, INODE);
    folio.put(rule.puts);
    expect(map.readWord(PFN, 24)).toBe(0xffff888012345678n);
  });

  it.each(rows.filter(([, , rule]) => rule.refs !== null))(
    "%s, %s: pgmap references of a page in use",
    (type, kernel, rule) => {
      const { map, pgmap } = watched(kernel, type, { build });
      const before = pgmap.refs;
      const folio = take(map, rule);
      expect(pgmap.refs - before).toBe(rule.refs);
      folio.put(rule.puts);
      expect(pgmap.refs).toBe(before);
    },
  );

  it.each(rows)("%s, %s: its pgmap stays in the page", (type, kernel, rule) => {
    const { map, pgmap } = watched(kernel, type, { build });
    take(map, rule).put(rule.puts);
    expect([map.pagePgmap(PFN), map.readWord(PFN, 8)]).toEqual([pgmap, pgmap.address]);
  });

  it.each(rows)("%s, %s: it can be taken and freed again", (type, kernel, rule) => {
    const { map, calls } = watched(kernel, type, { build });
    for (let round = 1; round <= 3; round++) {
      expect(take(map, rule).put(rule.puts)).toBe(true);
      expect([map.pageRefCount(PFN), calls.length]).toEqual([rule.freed, rule.inCallback === null ? 0 : round]);
    }
  });
});

describe("references that each range's pages have on the pgmap (percpu_ref_get_many)", () => {
  it.each([
    ["fs-dax", 0, 1537],
    ["generic", 0, 1537],
    ["pci-p2pdma", 0, 1537],
    ["generic", 9, 4],
    ["private", 0, 1],
    ["coherent", 0, 1],
  ] as const)("%s, folios of order %i: 1 and one for each folio of 1536 pages are %i", (type, vmemmapShift, refs) => {
    for (const kernel of ["6.1", "6.14", "6.17", "7.3"] as const)
      expect([kernel, device(kernel, type, 1536, { vmemmapShift }).pgmap.refs]).toEqual([kernel, refs]);
  });
});

describe("generic pages", () => {
  it.each(from6_15)("go back to 1 by themselves, without ops (free_zone_device_folio, %s)", (kernel) => {
    const { map } = device(kernel, "generic");
    const folio = map.folio(PFN);
    expect([folio.put(), folio.refcount, folio.put(), folio.refcount]).toEqual([true, 1, true, 1]);
  });

  it.each(before6_15)("are freed by their driver, and refused where it has no callback (%s)", (kernel) => {
    const { map } = device(kernel, "generic");
    nothingHappens(map, "pgmap-ops", [PFN], () => map.folio(PFN).put());
    map.folio(PFN).get();
    expect([map.folio(PFN).put(), map.folio(PFN).refcount]).toEqual([false, 1]);
  });

  it.each(["6.12", "6.18", "7.3"] as const)("of order 9 are counted in the head, pins in _pincount (%s)", (kernel) => {
    const { map } = device(kernel, "generic", 512, { vmemmapShift: 9 });
    const folio = map.folio(DEVICE + 300);
    folio.get();
    folio.pin(3);
    expect([folio.refcount, folio.pincount, folio.maybeDmaPinned]).toEqual([5, 3, true]);
    // _refcount of the head, _pincount at +92.
    expect([peek(map, DEVICE, 52, 4), peek(map, DEVICE, 92, 4)]).toEqual([5n, 3n]);
    expect([folio.unpin(3), folio.pincount, folio.maybeDmaPinned, folio.put(), folio.refcount]).toEqual([
      false,
      0,
      false,
      false,
      1,
    ]);
  });

  it("of order 9, 1024 references are no pin: _pincount is exact (folio_maybe_dma_pinned, 7.3)", () => {
    const { map } = device("7.3", "generic", 512, { vmemmapShift: 9 });
    const folio = map.folio(DEVICE);
    folio.tryGet(2000);
    expect(folio.maybeDmaPinned).toBe(false);
  });

  it("of order 9 in 6.1 have their pins at +88 (compound_pincount)", () => {
    const { map } = device("6.1", "generic", 512, { vmemmapShift: 9 });
    map.folio(DEVICE).pin(2);
    expect([peek(map, DEVICE, 88, 4), peek(map, DEVICE, 52, 4)]).toEqual([2n, 3n]);
  });
});

describe("pci-p2pdma pages (6.15 on)", () => {
  it.each(from6_15)("without a callback the last reference can't be dropped (%s)", (kernel) => {
    const { map } = device(kernel, "pci-p2pdma", 512, { ops: null });
    const folio = map.zoneDevicePageInit(PFN);
    nothingHappens(map, "pgmap-ops", [PFN], () => folio.put());
    expect(folio.refcount).toBe(1);
  });
});

describe("the driver's callback", () => {
  it.each(["6.12", "6.18", "7.0", "7.3"] as const)("has either name: folioFree gets the folio (%s)", (kernel) => {
    const freed: [number, number][] = [];
    const ops: PgmapOps = {
      migrateToRam: () => undefined,
      folioFree: (folio) => {
        freed.push([folio.pfn, folio.refcount]);
      },
    };
    const { map } = device(kernel, "private", 512, { ops });
    map.zoneDevicePageInit(PFN).put();
    expect(freed).toEqual([[PFN, 0]]);
  });

  it.each(rowsThatCall)("%s, %s: an error it throws is thrown on, with the step complete", (type, kernel, rule) => {
    const fault = new Error("the driver is broken");
    let calls = 0;
    const pageFree = () => {
      calls++;
      throw fault;
    };
    const { map, pgmap } = device(kernel, type, 512, { ops: { migrateToRam: () => undefined, pageFree } });
    const before = pgmap.refs;
    const folio = take(map, rule);
    map.writeWord(PFN, 24, INODE);
    let thrown: unknown;
    try {
      folio.put(rule.puts);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(fault);
    expect([calls, folio.refcount, map.readWord(PFN, 24), pgmap.refs]).toEqual([1, rule.freed, 0n, before]);
  });

  it.each([...before6_15, ...from6_15])("runs before the page's pgmap reference is dropped (%s)", (kernel) => {
    const refs: number[] = [];
    const pageFree = () => {
      refs.push(pgmap.refs);
    };
    const { map, pgmap } = device(kernel, "private", 512, { ops: { migrateToRam: () => undefined, pageFree } });
    map.zoneDevicePageInit(PFN).put();
    expect([refs, pgmap.refs]).toEqual([[2], 1]);
  });

  it("may take the page again at once (7.3)", () => {
    const pageFree = (pfn: number) => {
      if (again) map.zoneDevicePageInit(pfn);
      again = false;
    };
    let again = true;
    const { map, pgmap } = device("7.3", "private", 512, { ops: { migrateToRam: () => undefined, pageFree } });
    expect(map.zoneDevicePageInit(PFN).put()).toBe(true);
    expect([map.pageRefCount(PFN), pgmap.refs]).toEqual([1, 2]);
    map.folio(PFN).put();
    expect([map.pageRefCount(PFN), pgmap.refs]).toEqual([0, 1]);
  });
});

describe("the free step of a private page", () => {
  it.each(["6.12", "6.17", "7.3"] as const)("uncharges its memcg (%s)", (kernel) => {
    const { map } = watched(kernel, "private");
    const folio = map.zoneDevicePageInit(PFN);
    map.writeWord(PFN, 56, 0xffff888000def000n);
    folio.put();
    expect(map.readWord(PFN, 56)).toBe(0n);
  });

  it.each(from6_15)("of anonymous memory clears anon_exclusive (%s)", (kernel) => {
    const { map } = watched(kernel, "private");
    const folio = map.zoneDevicePageInit(PFN);
    map.writeWord(PFN, 24, INODE | 1n);
    map.setFlag(PFN, "anon_exclusive");
    folio.put();
    expect(map.testFlag(PFN, "anon_exclusive")).toBe(false);
  });

  it.each(["7.0", "7.3"] as const)(
    "of a large anonymous folio clears anon_exclusive on all its pages (%s)",
    (kernel) => {
      const { map } = watched(kernel, "private");
      const folio = map.zoneDevicePageInit(DEVICE, 9);
      map.writeWord(DEVICE, 24, INODE | 1n);
      for (const i of [0, 1, 5, 511]) map.setFlag(DEVICE + i, "anon_exclusive");
      folio.put();
      // Bit 11 of each page's own word.
      expect([0, 1, 5, 511].map((i) => (map.readWord(DEVICE + i, 0) >> 11n) & 1n)).toEqual([0n, 0n, 0n, 0n]);
    },
  );
});

describe("zone_device_page_init", () => {
  it.each([...before6_15, ...from6_15])("a private page has a count of 1 and is locked (%s)", (kernel) => {
    const { map } = watched(kernel, "private");
    const folio = map.zoneDevicePageInit(PFN);
    expect([folio.pfn, folio.order, folio.refcount, map.testFlag(PFN, "locked")]).toEqual([PFN, 0, 1, true]);
  });

  it.each(["6.1", "6.14", "6.17", "6.18"] as const)("writes count and PG_locked alone (%s)", (kernel) => {
    const { map, pgmap } = watched(kernel, "private");
    map.writeWord(PFN, 24, 0x1111n);
    map.writeWord(PFN, 32, 0x2222n);
    map.writeWord(PFN, 56, 0x3333n);
    const flags = map.readWord(PFN, 0);
    map.zoneDevicePageInit(PFN);
    expect([0, 8, 24, 32, 48, 56].map((offset) => map.readWord(PFN, offset))).toEqual([
      flags | 1n,
      pgmap.address,
      0x1111n,
      0x2222n,
      0x00000001ffffffffn,
      0x3333n,
    ]);
  });

  it.each(["7.0", "7.3"] as const)("makes folios: order 9 takes 512 references and gives them back (%s)", (kernel) => {
    const { map, pgmap } = watched(kernel, "private");
    const folio = map.zoneDevicePageInit(DEVICE, 9);
    expect([folio.order, folio.nrPages, folio.refcount, pgmap.refs]).toEqual([9, 512, 1, 513]);
    expect([map.compoundHead(DEVICE + 511), map.testFlag(DEVICE + 511, "locked")]).toEqual([DEVICE, true]);
    expect([1, 2, 511].map((i) => map.pageRefCount(DEVICE + i))).toEqual([0, 0, 0]);
    expect([folio.put(), folio.refcount, pgmap.refs]).toEqual([true, 0, 1]);
  });

  it.each(["7.0", "7.3"] as const)("of coherent memory as well: order 4 takes 16 (%s)", (kernel) => {
    const { map, pgmap, calls } = watched(kernel, "coherent");
    const folio = map.zoneDevicePageInit(DEVICE + 16, 4);
    expect([folio.refcount, pgmap.refs]).toEqual([1, 17]);
    folio.put();
    expect([calls.map(({ pfn }) => pfn), pgmap.refs]).toEqual([[DEVICE + 16], 1]);
  });

  it.each(["7.0", "7.3"] as const)("writes these words of each page and no other (%s)", (kernel) => {
    const { map, pgmap } = watched(kernel, "private");
    for (const pfn of [PFN, PFN + 1]) {
      // Low flag byte but locked, mapping, share and the low half of +56 are written, flags above and the rest are not.
      map.writeWord(pfn, 0, map.readWord(pfn, 0) | 0x41fen);
      for (const offset of [16, 24, 32, 40, 56]) map.writeWord(pfn, offset, 0x1111111122222222n);
    }
    const before = [0, 8, 16, 24, 32, 40, 48, 56].map((offset) => map.readWord(PFN + 1, offset));
    map.zoneDevicePageInit(PFN);
    expect([0, 8, 16, 24, 32, 40, 48, 56].map((offset) => map.readWord(PFN, offset))).toEqual([
      0x0027ffffc0006101n,
      pgmap.address,
      0x1111111122222222n,
      0n,
      0n,
      0x1111111122222222n,
      0x00000001ffffffffn,
      0x1111111100000000n,
    ]);
    expect([0, 8, 16, 24, 32, 40, 48, 56].map((offset) => map.readWord(PFN + 1, offset))).toEqual(before);
  });

  /** A private folio of order 9 that was used and freed: its slots still are a compound's, with a count of 0. */
  const freedFolio = (kernel: PresetName) => {
    const { map, pgmap } = watched(kernel, "private");
    const folio = map.zoneDevicePageInit(DEVICE, 9);
    map.writeWord(DEVICE, 24, INODE);
    map.writeWord(DEVICE, 32, 0x77n);
    folio.put();
    return { map, pgmap, pfns: Uint32Array.from({ length: 512 }, (_, i) => DEVICE + i) };
  };
  /** Which of the pages are not locked single pages of this pgmap with a count of 1, and nothing of the earlier folio. */
  const notFresh = (map: Vmemmap, pgmap: Pgmap, pfns: Uint32Array) =>
    [...pfns].filter((pfn) => {
      const read = [0, 8, 24, 32, 48].map((offset) => map.readWord(pfn, offset));
      const want = [0x0027ffffc0002001n, pgmap.address, 0n, 0n, 0x00000001ffffffffn];
      return read.join() !== want.join() || peek(map, pfn, 56, 4) !== 0n;
    });

  it.each(["7.0", "7.3"] as const)("wipes what an earlier folio left, the head first (%s)", (kernel) => {
    const { map, pgmap, pfns } = freedFolio(kernel);
    for (const pfn of pfns) map.zoneDevicePageInit(pfn);
    expect([notFresh(map, pgmap, pfns), pgmap.refs]).toEqual([[], 513]);
  });

  it.each(["7.0", "7.3"] as const)("wipes what an earlier folio left, the head last (%s)", (kernel) => {
    const { map, pgmap, pfns } = freedFolio(kernel);
    for (const pfn of pfns.toReversed()) map.zoneDevicePageInit(pfn);
    expect([notFresh(map, pgmap, pfns), pgmap.refs]).toEqual([[], 513]);
  });

  it.each(["7.0", "7.3"] as const)("wipes what an earlier folio left, by one list (%s)", (kernel) => {
    const { map, pgmap, pfns } = freedFolio(kernel);
    map.zoneDevicePagesInit(pfns, 0);
    expect([notFresh(map, pgmap, pfns), pgmap.refs]).toEqual([[], 513]);
  });

  it.each(["7.0", "7.3"] as const)("makes smaller folios of what was a larger one (%s)", (kernel) => {
    const { map, pgmap } = freedFolio(kernel);
    map.zoneDevicePageInit(DEVICE, 8);
    map.zoneDevicePageInit(DEVICE + 256, 8);
    expect([map.folioOrder(DEVICE + 255), map.folioOrder(DEVICE + 511), pgmap.refs]).toEqual([8, 8, 513]);
    expect([map.compoundHead(DEVICE + 255), map.compoundHead(DEVICE + 511)]).toEqual([DEVICE, DEVICE + 256]);
  });

  it.each(["7.0", "7.3"] as const)("makes a larger folio of what were smaller ones (%s)", (kernel) => {
    const { map, pgmap } = watched(kernel, "private");
    for (const i of [0, 256]) map.zoneDevicePageInit(DEVICE + i, 8).put();
    const folio = map.zoneDevicePageInit(DEVICE, 9);
    expect([folio.order, folio.refcount, map.compoundHead(DEVICE + 300), pgmap.refs]).toEqual([9, 1, DEVICE, 513]);
    // What was a head and its page 1 are tails like others: PG_reserved, no order, no number of pages.
    expect([map.readWord(DEVICE + 256, 0), map.readWord(DEVICE + 257, 0)]).toEqual([
      0x0027ffffc0002000n,
      0x0027ffffc0002000n,
    ]);
    expect(peek(map, DEVICE + 257, 56, 4)).toBe(0n);
  });

  it.each(["6.1", "6.14", "6.17", "6.18"] as const)("makes single pages only (%s)", (kernel) => {
    const { map } = watched(kernel, "private");
    refusedAs(["bad-argument", "order-too-large"], () => map.zoneDevicePageInit(DEVICE, 9));
    expect([map.pageRefCount(DEVICE), map.folioOrder(DEVICE)]).toEqual([0, 0]);
  });

  it.each(["fs-dax", "generic"] as const)("is not for %s pages, whose pgmap is of another kind (7.3)", (type) => {
    const { map } = device("7.3", type);
    nothingHappens(map, "no-pgmap", [PFN], () => map.zoneDevicePageInit(PFN));
  });

  it("is not for RAM (7.3)", () => {
    const { map } = watched("7.3", "private");
    nothingHappens(map, "no-pgmap", [77], () => map.zoneDevicePageInit(77));
  });

  it("refuses a page in use, alone or within a folio to make (folio-busy, 7.3)", () => {
    const { map } = watched("7.3", "private");
    map.zoneDevicePageInit(PFN);
    nothingHappens(map, "folio-busy", [PFN], () => map.zoneDevicePageInit(PFN));
    nothingHappens(map, "folio-busy", [DEVICE], () => map.zoneDevicePageInit(DEVICE, 9));
  });

  it("refuses a folio off its alignment or past the pgmap (7.3)", () => {
    const { map } = watched("7.3", "private");
    nothingHappens(map, "unaligned", [DEVICE + 8], () => map.zoneDevicePageInit(DEVICE + 8, 4));
    expect(() => map.zoneDevicePageInit(DEVICE, 10)).toThrow();
    expect(map.pageRefCount(DEVICE)).toBe(0);
  });

  it.each(everyPreset)("of a list makes all pages, or none where one is refused (%s)", (kernel) => {
    const { map, pgmap } = watched(kernel, "private");
    const [idle, used, ref] = kernel === "5.15" ? [1, 2, null] : [0, 1, 1];
    map.zoneDevicePageInit(PFN);
    const before = pgmap.refs;
    nothingHappens(map, "folio-busy", [PFN], () => map.zoneDevicePagesInit([PFN + 1, PFN + 2, PFN]));
    nothingHappens(map, "no-pgmap", [5], () => map.zoneDevicePagesInit([PFN + 1, 5]));
    expect(() => map.zoneDevicePagesInit([PFN + 1, PFN + 1])).toThrow();
    expect([map.pageRefCount(PFN + 1), pgmap.refs]).toEqual([idle, before]);
    map.zoneDevicePagesInit([PFN + 1, PFN + 2]);
    expect([PFN + 1, PFN + 2].map((pfn) => map.pageRefCount(pfn))).toEqual([used, used]);
    if (ref !== null) expect(pgmap.refs - before).toBe(2);
  });
});

describe("counts that can't be", () => {
  it.each(["5.15", ...before6_15] as const)("fs-dax stops at 1: a put below is refused (%s)", (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    nothingHappens(map, "refcount", [PFN], () => map.folio(PFN).put());
    map.folio(PFN).get();
    nothingHappens(map, "refcount", [PFN], () => map.folio(PFN).put(2));
  });

  it.each(from6_15)("a put of an idle page at 0 is refused (%s)", (kernel) => {
    for (const type of ["private", "coherent", "fs-dax", "pci-p2pdma"] as const) {
      const { map } = watched(kernel, type);
      nothingHappens(map, "refcount", [], () => map.folio(PFN).put());
      nothingHappens(map, "refcount", [], () => map.folio(PFN).get());
      expect(map.folio(PFN).tryGet()).toBe(false);
      nothingHappens(map, "refcount", [], () => map.folio(PFN).pin(1, { p2pdma: true }));
    }
  });

  it("more references dropped than there are is refused (7.3)", () => {
    const { map } = watched("7.3", "private");
    const folio = map.zoneDevicePageInit(PFN);
    nothingHappens(map, "refcount", [], () => folio.put(2));
    nothingHappens(map, "refcount", [], () => folio.unpin());
  });

  it("more pins dropped than there are is refused, though references are left (order 9, 7.3)", () => {
    const { map } = device("7.3", "generic", 512, { vmemmapShift: 9 });
    const folio = map.folio(DEVICE);
    folio.tryGet(10);
    folio.pin(2);
    nothingHappens(map, "refcount", [], () => folio.unpin(3));
    expect([folio.refcount, folio.pincount]).toEqual([13, 2]);
  });

  it("folio_ref_inc goes from 0 as well (dax_fault_iter, 7.3)", () => {
    const { map } = watched("7.3", "fs-dax");
    const folio = map.folio(PFN);
    folio.refInc();
    folio.refInc();
    expect(folio.refcount).toBe(2);
  });
});

describe("pins that are refused", () => {
  it.each(from6_15)("FOLL_LONGTERM on fs-dax (folio_is_longterm_pinnable, %s)", (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    const folio = map.folio(PFN);
    folio.refInc();
    nothingHappens(map, "not-pinnable", [PFN], () => folio.pin(1, { longterm: true }));
    folio.pin(1, { longterm: false });
    expect(folio.refcount).toBe(1025);
  });

  it.each([...before6_15, ...from6_15])("FOLL_LONGTERM on coherent memory (%s)", (kernel) => {
    const { map } = watched(kernel, "coherent");
    const folio = map.zoneDevicePageInit(PFN);
    nothingHappens(map, "not-pinnable", [PFN], () => folio.pin(1, { longterm: true }));
    folio.pin();
    expect(folio.refcount).toBe(1025);
  });

  it.each([...before6_15, ...from6_15])("FOLL_LONGTERM on generic memory is fine (%s)", (kernel) => {
    const { map } = watched(kernel, "generic");
    map.folio(PFN).pin(1, { longterm: true });
    expect(map.folio(PFN).refcount).toBe(1025);
  });

  it.each(["6.12", ...from6_15] as const)("p2pdma without FOLL_PCI_P2PDMA (%s)", (kernel) => {
    const { map } = watched(kernel, "pci-p2pdma");
    const folio = map.zoneDevicePageInit(PFN);
    nothingHappens(map, "not-pinnable", [PFN], () => folio.pin());
    nothingHappens(map, "not-pinnable", [PFN], () => folio.pin(1, { longterm: true }));
    folio.pin(1, { p2pdma: true });
    expect([folio.refcount, folio.maybeDmaPinned]).toEqual([1025, true]);
  });

  it("1023 references of a single page are no pin, 1024 read as one (7.3)", () => {
    const { map } = watched("7.3", "fs-dax");
    const folio = map.folio(PFN);
    folio.refInc();
    folio.tryGet(1022);
    expect([folio.refcount, folio.maybeDmaPinned]).toEqual([1023, false]);
    folio.get();
    expect([folio.refcount, folio.maybeDmaPinned]).toEqual([1024, true]);
  });
});

describe("numbers of references that are none", () => {
  it.each([0, -1, 1.5, NaN, 2 ** 31])("%d pins (bad-argument, 7.3)", (count) => {
    const { map } = watched("7.3", "generic");
    const folio = map.folio(PFN);
    nothingHappens(map, "bad-argument", [count], () => folio.pin(count));
    nothingHappens(map, "bad-argument", [count], () => folio.unpin(count));
  });

  it("pins that would leave 31 bits are refused (refcount, 7.3)", () => {
    const { map } = watched("7.3", "generic");
    nothingHappens(map, "refcount", [], () => map.folio(PFN).pin(2 ** 21));
  });
});

describe("who waits for a page (dax_break_layout)", () => {
  it.each(["5.15", ...before6_15] as const)("is woken when the count is back at 1 (%s)", async (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    const folio = map.folio(PFN);
    folio.tryGet(2);
    const idle = folio.whenIdle();
    expect(await settled(idle)).toBe(false);
    folio.put();
    expect([folio.refcount, await settled(idle)]).toEqual([2, false]);
    folio.put();
    expect([folio.refcount, await settled(idle)]).toEqual([1, true]);
  });

  it.each(from6_15)("is woken when the count drops to 0 (%s)", async (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    const folio = map.folio(PFN);
    folio.refInc();
    folio.get();
    const idle = folio.whenIdle();
    folio.put();
    expect([folio.refcount, await settled(idle)]).toEqual([1, false]);
    folio.put();
    expect([folio.refcount, await settled(idle)]).toEqual([0, true]);
  });

  it.each(["5.15", "6.14", "6.17", "7.3"] as const)("does not wait for an idle page (%s)", async (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    expect(await settled(map.folio(PFN).whenIdle())).toBe(true);
  });

  it("is woken by the last pin, of this page alone (7.3)", async () => {
    const { map } = watched("7.3", "fs-dax");
    const [folio, other] = [map.folio(PFN), map.folio(PFN + 1)];
    for (const one of [folio, other]) {
      one.refInc();
      one.pin();
      one.put();
    }
    const [idle, otherIdle] = [folio.whenIdle(), other.whenIdle()];
    expect(other.unpin()).toBe(true);
    expect([await settled(otherIdle), await settled(idle)]).toEqual([true, false]);
    folio.unpin();
    expect(await settled(idle)).toBe(true);
  });

  it("many wait for one page, and all are woken (7.3)", async () => {
    const { map } = watched("7.3", "fs-dax");
    const folio = map.folio(PFN);
    folio.refInc();
    const waits = [folio.whenIdle(), map.folio(PFN).whenIdle(), folio.whenIdle()];
    folio.put();
    expect(await Promise.all(waits.map(settled))).toEqual([true, true, true]);
  });

  it("a page taken anew has waiters of its own (7.3)", async () => {
    const { map } = watched("7.3", "fs-dax");
    const folio = map.folio(PFN);
    folio.refInc();
    folio.put();
    folio.refInc();
    const idle = folio.whenIdle();
    expect(await settled(idle)).toBe(false);
    folio.put();
    expect(await settled(idle)).toBe(true);
  });
});

describe("busy and idle (dax_busy_page, dax_page_is_idle)", () => {
  it.each(["5.15", ...before6_15] as const)("up to 6.14 a page is busy above 1 (%s)", (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    const folio = map.folio(PFN);
    expect([folio.daxIsBusy, folio.daxIsIdle]).toEqual([false, true]);
    folio.get();
    expect([folio.daxIsBusy, folio.daxIsIdle]).toEqual([true, false]);
  });

  it.each(from6_15)("from 6.15 on it is busy with references that are no mappings (%s)", (kernel) => {
    const { map } = watched(kernel, "fs-dax");
    const folio = map.folio(PFN);
    expect([folio.daxIsBusy, folio.daxIsIdle]).toEqual([false, true]);
    folio.refInc();
    expect([folio.daxIsBusy, folio.daxIsIdle]).toEqual([true, false]);
    poke(map, PFN, 48, 4, 0); // _mapcount: mapped once
    expect([folio.mapcount, folio.daxIsBusy, folio.daxIsIdle]).toEqual([1, false, false]);
    folio.pin();
    expect([folio.daxIsBusy, folio.daxIsIdle]).toEqual([true, false]);
  });
});

describe("lists of pages", () => {
  const many = (kernel: PresetName, type: MemoryType) => {
    const { map, pgmap, calls } = watched(kernel, type);
    return { map, pgmap, calls, at: (i: number) => map.pageRefCount(DEVICE + i) };
  };

  it("getFolios takes one reference for each page named (7.3)", () => {
    const { map, at } = many("7.3", "generic");
    map.getFolios(Uint32Array.of(DEVICE, DEVICE + 5, DEVICE + 5));
    expect([at(0), at(5), at(6)]).toEqual([2, 3, 1]);
  });

  it("putFolios answers how many folios were freed (7.3)", () => {
    const { map, calls, at } = many("7.3", "private");
    map.zoneDevicePagesInit([DEVICE, DEVICE + 1, DEVICE + 2]);
    map.getFolios(Uint32Array.of(DEVICE + 1));
    expect(map.putFolios(Uint32Array.of(DEVICE, DEVICE + 1, DEVICE + 2))).toBe(2);
    expect(calls.map(({ pfn }) => pfn).sort()).toEqual([DEVICE, DEVICE + 2]);
    expect([at(0), at(1), at(2)]).toEqual([0, 1, 0]);
  });

  it.each([
    ["6.12", 1],
    ["7.3", 0],
  ] as const)("putFolios wakes who waits for fs-dax pages (%s)", async (kernel, idleCount) => {
    const { map, at } = many(kernel, "fs-dax");
    for (const i of [0, 1]) map.folio(DEVICE + i).refInc();
    const waits = [map.folio(DEVICE).whenIdle(), map.folio(DEVICE + 1).whenIdle()];
    expect(map.putFolios(Uint32Array.of(DEVICE, DEVICE + 1))).toBe(2);
    expect([at(0), at(1)]).toEqual([idleCount, idleCount]);
    expect(await Promise.all(waits.map(settled))).toEqual([true, true]);
  });

  it("a folio named by several of its pages gives as many references (order 9, 7.3)", () => {
    const { map } = device("7.3", "generic", 1024, { vmemmapShift: 9 });
    map.getFolios(Uint32Array.of(DEVICE, DEVICE + 200, DEVICE + 511, DEVICE + 512));
    expect([map.pageCount(DEVICE), map.pageCount(DEVICE + 600)]).toEqual([4, 2]);
    expect(map.putFolios(Uint32Array.of(DEVICE + 1, DEVICE + 2, DEVICE + 3, DEVICE + 513))).toBe(0);
    expect([map.pageCount(DEVICE), map.pageCount(DEVICE + 600)]).toEqual([1, 1]);
  });

  it("getFolios with one page that can't be taken takes none (7.3)", () => {
    const { map } = many("7.3", "private");
    map.zoneDevicePageInit(DEVICE);
    nothingHappens(map, "refcount", [DEVICE + 1], () => map.getFolios(Uint32Array.of(DEVICE, DEVICE + 1)));
    nothingHappens(map, "pfn-absent", [], () => map.getFolios(Uint32Array.of(DEVICE, DEVICE + 512)));
  });

  it("putFolios with one page that can't be dropped drops none (7.3)", () => {
    const { map, calls, at } = many("7.3", "private");
    map.zoneDevicePagesInit([DEVICE, DEVICE + 2]);
    nothingHappens(map, "refcount", [DEVICE + 1], () => map.putFolios(Uint32Array.of(DEVICE, DEVICE + 1, DEVICE + 2)));
    nothingHappens(map, "refcount", [DEVICE], () => map.putFolios(Uint32Array.of(DEVICE + 2, DEVICE, DEVICE)));
    nothingHappens(map, "pfn-absent", [], () => map.putFolios(Uint32Array.of(DEVICE, DEVICE + 512)));
    expect([at(0), at(2), calls]).toEqual([1, 1, []]);
  });

  it.each(before6_15)("putFolios of fs-dax pages below 1 drops none (%s)", (kernel) => {
    const { map, at } = many(kernel, "fs-dax");
    map.getFolios(Uint32Array.of(DEVICE));
    nothingHappens(map, "refcount", [], () => map.putFolios(Uint32Array.of(DEVICE, DEVICE)));
    nothingHappens(map, "refcount", [], () => map.putFolios(Uint32Array.of(DEVICE, DEVICE + 1)));
    expect([at(0), at(1), map.putFolios(Uint32Array.of(DEVICE))]).toEqual([2, 1, 1]);
  });

  it("putFolios with a page whose free step lacks its callback drops none (pgmap-ops, 6.12)", () => {
    const { map } = device("6.12", "generic");
    map.getFolios(Uint32Array.of(DEVICE));
    nothingHappens(map, "pgmap-ops", [DEVICE + 1], () => map.putFolios(Uint32Array.of(DEVICE, DEVICE + 1)));
    expect(map.pageRefCount(DEVICE)).toBe(2);
  });

  it("putFolios completes all of a list though a callback throws (7.3)", () => {
    const freed: number[] = [];
    const pageFree = (pfn: number) => {
      freed.push(pfn);
      if (pfn === DEVICE) throw new Error("the driver is broken");
    };
    const { map, pgmap } = device("7.3", "private", 512, { ops: { migrateToRam: () => undefined, pageFree } });
    map.zoneDevicePagesInit([DEVICE, DEVICE + 1, DEVICE + 2]);
    expect(() => map.putFolios(Uint32Array.of(DEVICE, DEVICE + 1, DEVICE + 2))).toThrow("the driver is broken");
    expect([freed.sort(), pgmap.refs]).toEqual([[DEVICE, DEVICE + 1, DEVICE + 2], 1]);
    expect([0, 1, 2].map((i) => map.pageRefCount(DEVICE + i))).toEqual([0, 0, 0]);
  });

  it.each(from6_15)("putFolios drops one by one: a generic page goes back to 1 each time (%s)", (kernel) => {
    const { map, at } = many(kernel, "generic");
    expect([map.putFolios(Uint32Array.of(DEVICE, DEVICE)), at(0)]).toEqual([2, 1]);
  });

  it("an empty list changes nothing (7.3)", () => {
    const { map } = many("7.3", "private");
    map.getFolios(new Uint32Array(0));
    expect(map.putFolios(new Uint32Array(0))).toBe(0);
  });
});

describe("a CPU fault on a private page (migrate_to_ram)", () => {
  const faulting = (
    kernel: PresetName,
    migrateToRam: (pfn: number, map: Vmemmap) => void,
  ): { map: Vmemmap; pgmap: Pgmap } => {
    const ops: PgmapOps = { pageFree: () => undefined, migrateToRam: (pfn) => migrateToRam(pfn, map) };
    const { map, pgmap } = device(kernel, "private", 512, { ops });
    return { map, pgmap };
  };

  it.each(["6.1", "6.14", "6.17", "7.3"] as const)("holds a reference while the driver works (%s)", (kernel) => {
    const seen: [number, number][] = [];
    const { map } = faulting(kernel, (pfn, inside) => seen.push([pfn, inside.pageRefCount(pfn)]));
    const folio = map.zoneDevicePageInit(PFN);
    map.clearFlag(PFN, "locked");
    map.migrateToRam(PFN);
    expect([seen, folio.refcount]).toEqual([[[PFN, 2]], 1]);
  });

  it("the page is freed with it where the driver dropped the others (7.3)", () => {
    const { map, pgmap } = faulting("7.3", (pfn, inside) => inside.folio(pfn).put());
    map.zoneDevicePageInit(PFN);
    map.clearFlag(PFN, "locked");
    map.migrateToRam(PFN);
    expect([map.pageRefCount(PFN), pgmap.refs]).toEqual([0, 1]);
  });

  it("gives the reference back though the driver throws (7.3)", () => {
    const { map } = faulting("7.3", () => {
      throw new Error("no memory to go to");
    });
    map.zoneDevicePageInit(PFN);
    map.clearFlag(PFN, "locked");
    expect(() => map.migrateToRam(PFN)).toThrow("no memory to go to");
    expect(map.pageRefCount(PFN)).toBe(1);
  });

  it("is none on pages of other types, RAM or free pages (7.3)", () => {
    const { map } = faulting("7.3", () => undefined);
    nothingHappens(map, "no-pgmap", [5], () => map.migrateToRam(5));
    nothingHappens(map, "refcount", [PFN], () => map.migrateToRam(PFN));
    const coherent = watched("7.3", "coherent").map;
    coherent.zoneDevicePageInit(PFN);
    nothingHappens(coherent, "no-pgmap", [PFN], () => coherent.migrateToRam(PFN));
  });
});

describe("memory failure (memory_failure_dev_pagemap)", () => {
  it.each(["fs-dax", "generic"] as const)("poisons the page where the driver does not handle it (%s, 7.3)", (type) => {
    for (const ops of [null, {}, { memoryFailure: () => false }]) {
      const { map } = device("7.3", type, 512, { ops });
      map.memoryFailure(PFN);
      expect([map.testFlag(PFN, "hwpoison"), map.testFlag(PFN + 1, "hwpoison")]).toEqual([true, false]);
    }
  });

  it("is the driver's business where it has the callback (7.3)", () => {
    const seen: [number, number][] = [];
    const ops: PgmapOps = {
      memoryFailure: (pfn, nrPages) => {
        seen.push([pfn, nrPages]);
      },
    };
    const { map } = device("7.3", "fs-dax", 512, { ops });
    map.memoryFailure(PFN);
    expect([seen, map.testFlag(PFN, "hwpoison")]).toEqual([[[PFN, 1]], false]);
  });

  it.each(["private", "coherent"] as const)(
    "is refused on %s pages where the driver does not handle it (7.3)",
    (type) => {
      const { map } = watched("7.3", type);
      map.zoneDevicePageInit(PFN);
      refusedAs(["no-pgmap", "pgmap-ops"], () => map.memoryFailure(PFN));
      expect(map.testFlag(PFN, "hwpoison")).toBe(false);
    },
  );

  it("is refused on RAM (7.3)", () => {
    const { map } = watched("7.3", "fs-dax");
    expect(errorOf(() => map.memoryFailure(5)).code).toBe("no-pgmap");
  });
});

describe("pages that are no device's", () => {
  it("are counted as before (7.3)", () => {
    const map = machine("7.3");
    const folio = map.folio(77);
    folio.setRefcount(2);
    folio.pin();
    expect([folio.refcount, folio.maybeDmaPinned, folio.put(), folio.unpin(), folio.refcount]).toEqual([
      1026,
      true,
      false,
      false,
      1,
    ]);
    expect([folio.put(), folio.refcount]).toEqual([true, 0]);
  });

  it("of a large folio, pins are references and _pincount (7.3)", () => {
    const map = machine("7.3");
    map.prepCompoundPage(512, 9);
    const folio = map.folio(600);
    folio.setRefcount(1);
    folio.pin(4);
    expect([folio.refcount, folio.pincount, peek(map, 512, 92, 4)]).toEqual([5, 4, 4n]);
    expect([folio.unpin(4), folio.refcount, folio.pincount]).toEqual([false, 1, 0]);
  });
});
