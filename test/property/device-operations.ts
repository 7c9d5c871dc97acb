/** Random changes of device pages, each done by the engine and by the model, and what the two answered. */
import fc from "fast-check";
import { type Folio, type Pgmap, type Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";
import * as preconditions from "./device-preconditions.js";
import { PLACES, spans } from "./device-world.js";
import { type Outcome, outcome } from "./outcome.js";
import { type Codes, union } from "./preconditions.js";

// ---- What may happen ------------------------------------------------------------------------------------------------

const types = ["private", "coherent", "fs-dax", "generic", "pci-p2pdma"] as const;
const orders = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.constantFrom(2, 3, 4, 7, 8, 9, 9) },
  { weight: 1, arbitrary: fc.constantFrom(10, 23, 63) },
);
const altmaps = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { reserve: 0, free: 8 },
      { reserve: 2, free: 6 },
      { reserve: 2, free: 510 },
      { reserve: 8, free: 0 },
      { reserve: 600, free: 1000 },
    ),
  },
);
const opNames = ["pageFree", "folioFree", "migrateToRam", "memoryFailure", "folioSplit"] as const;
/** Complete as a rule. */
const opSets = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<(typeof opNames)[number][]>(["pageFree", "migrateToRam"]) },
  { weight: 4, arbitrary: fc.constantFrom<(typeof opNames)[number][]>(["folioFree", "migrateToRam", "folioSplit"]) },
  { weight: 1, arbitrary: fc.subarray([...opNames]) },
);

/** A call of memremapPages; `address` names one of a few, null lets the engine invent one. */
export interface Remap extends Omit<model.PgmapPlan, "address" | "ops"> {
  readonly op: "remap";
  readonly ops: readonly model.OpName[];
  readonly address: number | null;
}
const remap: fc.Arbitrary<Remap> = fc.record({
  op: fc.constant("remap" as const),
  type: fc.constantFrom(...types),
  ranges: fc.oneof({ weight: 3, arbitrary: fc.tuple(spans) }, { weight: 1, arbitrary: fc.tuple(spans, spans) }),
  order: orders,
  altmap: altmaps,
  ops: opSets,
  owner: fc.constantFrom(5n, 5n, 9n, null),
  node: fc.constantFrom(0, 0, 1),
  address: fc.option(fc.nat(7)),
  vmemmapOptimize: fc.constantFrom(true, true, true, false),
});

/** A page, near the start of a pgmap's folios; `of` prefers pgmaps of these types. */
const pick = (...of: model.MemoryType[]) =>
  fc.record({
    of: fc.constant(of),
    nth: fc.nat(3),
    unit: fc.constantFrom(0, 0, 0, 0, 1, 2),
    page: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(513) }),
    /** The page of the last such operation instead. */
    again: fc.boolean(),
    /** Taken from the first PFN of the range instead: an altmap's own page, if there is one. */
    host: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  });
type Pick = ReturnType<typeof pick> extends fc.Arbitrary<infer T> ? T : never;

const handedOut = pick("private", "coherent", "pci-p2pdma");

const small = fc.oneof(
  { weight: 8, arbitrary: fc.constant(1) },
  { weight: 2, arbitrary: fc.integer({ min: 2, max: 4 }) },
);
const entryOrder = fc.constantFrom(0, 0, 0, 2, 9, 9);
const initOrder = fc.constantFrom(0, 0, 0, 0, 1, 2, 4, 9);

const operation = fc.oneof(
  { weight: 3, arbitrary: remap },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("unmap" as const), nth: fc.nat(5), again: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("init" as const),
      picks: fc.oneof(
        { weight: 4, arbitrary: fc.tuple(handedOut) },
        { weight: 1, arbitrary: fc.array(handedOut, { minLength: 2, maxLength: 3 }) },
      ),
      order: initOrder,
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      op: fc.constant("count" as const),
      pick: pick(),
      by: fc.constantFrom(
        "get",
        "tryGet",
        "put",
        "put",
        "put",
        "refInc",
        "refInc",
        "pin",
        "pin",
        "unpin",
        "unpin",
        "freeze",
        "unfreeze",
      ),
      n: small,
      longterm: fc.constantFrom(false, false, false, true),
      p2pdma: fc.constantFrom(true, true, false),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("list" as const),
      picks: fc.array(pick(), { minLength: 0, maxLength: 6 }),
      by: fc.constantFrom("getFolios", "putFolios", "putFolios"),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("associate" as const),
      pick: pick("fs-dax"),
      order: entryOrder,
      mapping: fc.constantFrom(0xffff8880aaaa0000n, 0xffff8880bbbb0000n),
      index: fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.constant(2n ** 51n)),
      shared: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant("disassociate" as const), pick: pick("fs-dax"), order: entryOrder }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("split" as const),
      pick: pick("generic", "private"),
      order: fc.constantFrom(0, 0, 1, 2, 4),
      freeze: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("use" as const),
      pick: pick(),
      /** A memcg charges the folio; it holds a process's memory, or a file's. */
      memcg: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      mapping: fc.constantFrom(0n, 0xffff888000000001n, 0xffff888000000000n),
      exclusive: fc.boolean(),
    }),
  },
);
export type DeviceOperation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Device memory that drivers of all types bring, each at a place of its own. */
const firstRemaps: fc.Arbitrary<Remap[]> = fc
  .tuple(
    fc.shuffledSubarray([...types], { minLength: 2, maxLength: 4 }),
    fc.array(fc.tuple(orders, altmaps, fc.boolean()), { minLength: 4, maxLength: 4 }),
    fc.nat(PLACES.length - 1),
  )
  .map(([some, wishes, first]) =>
    some.map((type, i) => {
      const [order, altmap, byFolio] = wishes[i]!;
      const start = PLACES[(first + i) % PLACES.length]!;
      return {
        op: "remap" as const,
        type,
        ranges: [{ start, end: start + 2 * model.PAGES_PER_SUBSECTION }],
        order: altmap === null ? Math.min(order, 9) : 0,
        altmap,
        ops: byFolio ? (["folioFree", "migrateToRam", "folioSplit"] as const) : (["pageFree", "migrateToRam"] as const),
        owner: 5n,
        node: 0,
        address: null,
        vmemmapOptimize: true,
      };
    }),
  );

/** Device memory, before anything happens to its pages. */
export const remaps: fc.Arbitrary<DeviceOperation[]> = fc
  .tuple(firstRemaps, fc.array(remap, { minLength: 0, maxLength: 2, size: "max" }))
  .map(([first, others]) => [...first, ...others]);

export const deviceOperations: fc.Arbitrary<DeviceOperation[]> = fc
  .tuple(remaps, fc.array(operation, { minLength: 4, maxLength: 40, size: "max" }))
  .map(([maps, others]) => [...maps, ...others]);

// ---- Both at once ---------------------------------------------------------------------------------------------------

export interface DeviceStep {
  readonly engine: Outcome<unknown>;
  /** Allowed refusals, if any: then the model did nothing. */
  readonly refusals: Codes;
  readonly model: Outcome<unknown> | null;
}

export class DeviceTwins {
  /** Engine's pgmaps, in the order of the model's. */
  readonly pgmaps: Pgmap[] = [];
  /** What drivers were told by the engine. */
  readonly calls: model.DriverCall[] = [];

  #last: number | null = null;

  constructor(
    readonly map: Vmemmap,
    readonly model: model.DeviceMap,
  ) {}

  step(operation: DeviceOperation): DeviceStep {
    switch (operation.op) {
      case "remap":
        return this.#remap(operation);
      case "unmap":
        return this.#unmap(operation);
      case "init":
        return this.#init(operation);
      case "count":
        return this.#count(operation);
      case "list":
        return this.#list(operation);
      case "associate":
        return this.#associate(operation);
      case "disassociate":
        return this.#disassociate(operation);
      case "split":
        return this.#split(operation);
      case "use":
        return this.#use(operation);
    }
  }

  #both<T>(refusals: Codes, engine: () => T, ofModel: () => T): DeviceStep {
    const result = outcome(engine);
    return { engine: result, refusals, model: refusals.size > 0 ? null : outcome(ofModel) };
  }

  #pfn({ of, nth, unit, page, host, again }: Pick): number {
    if (again && this.#last !== null) return this.#last;
    const wanted = this.model.pgmaps.filter(({ type }) => of.length === 0 || of.includes(type));
    const all = wanted.length > 0 ? wanted : this.model.pgmaps;
    const pgmap = all[nth % all.length];
    if (pgmap === undefined) return 3 * model.PAGES_PER_SECTION + unit;
    const range = pgmap.ranges[nth % pgmap.ranges.length]!;
    const start = host ? range.start : model.usableSpan(pgmap, range).start;
    this.#last = start + unit * 2 ** pgmap.order + page;
    return this.#last;
  }

  #ops(names: ReadonlySet<model.OpName>) {
    const note = (call: model.DriverCall["call"], pfn: number) => this.calls.push({ call, pfn });
    return {
      ...(names.has("pageFree") && { pageFree: (pfn: number) => void note("pageFree", pfn) }),
      ...(names.has("folioFree") && { folioFree: (folio: Folio) => void note("folioFree", folio.pfn) }),
      ...(names.has("migrateToRam") && { migrateToRam: (pfn: number) => void note("migrateToRam", pfn) }),
      ...(names.has("memoryFailure") && { memoryFailure: (pfn: number) => void note("memoryFailure", pfn) }),
      ...(names.has("folioSplit") && {
        folioSplit: (original: Folio, part: Folio | null) => void note("folioSplit", (part ?? original).pfn),
      }),
    };
  }

  #remap(wanted: Remap): DeviceStep {
    const address = wanted.address === null ? null : 0xffff888100000000n + BigInt(wanted.address) * 0x400n;
    const plan = { ...wanted, ops: new Set(wanted.ops), address: address ?? 2n };
    return this.#remapAs(plan, address);
  }

  #remapAs(plan: model.PgmapPlan, address: bigint | null): DeviceStep {
    const { type, ranges, order, altmap, owner, node, vmemmapOptimize } = plan;
    let made: Pgmap | undefined;
    const step = this.#both(
      preconditions.memremap(this.model, plan),
      () => {
        made = this.map.memremapPages({
          type,
          ranges,
          vmemmapShift: order,
          owner,
          node,
          vmemmapOptimize,
          ops: this.#ops(plan.ops),
          ...(altmap !== null && { altmap }),
          ...(address !== null && { address }),
        });
      },
      () => void model.memremapPages(this.model, { ...plan, address: made?.address ?? plan.address }),
    );
    if (made !== undefined) this.pgmaps.push(made);
    return step;
  }

  #unmap({ nth, again }: Extract<DeviceOperation, { op: "unmap" }>): DeviceStep {
    const place = nth % Math.max(1, this.pgmaps.length);
    const [ours, its] = [this.model.pgmaps[place], this.pgmaps[place]];
    if (ours === undefined || its === undefined)
      return this.#both(
        new Set(),
        () => undefined,
        () => undefined,
      );
    const step = this.#both(
      preconditions.memunmap(this.model, ours),
      () => this.map.memunmapPages(its),
      () => {
        model.memunmapPages(this.model, ours);
        this.pgmaps.splice(place, 1);
      },
    );
    return again && step.model !== null ? this.#remapAs(ours, ours.address) : step;
  }

  #init({ picks, order }: Extract<DeviceOperation, { op: "init" }>): DeviceStep {
    const picked = picks.map((pick) => this.#pfn(pick));
    const pfns = picked.map((pfn) => pfn - (pfn % 2 ** order));
    const refusals = union([
      ...pfns.map((pfn) => preconditions.init(this.model, pfn, order)),
      new Set(pfns.some((pfn, i) => pfns.indexOf(pfn) !== i) ? (["overlap", "folio-busy"] as const) : []),
    ]);
    const [first] = pfns;
    return this.#both<unknown>(
      refusals,
      () => {
        if (pfns.length > 1 || first === undefined) {
          this.map.zoneDevicePagesInit(pfns, order);
          return;
        }
        const folio = this.map.zoneDevicePageInit(first, order);
        return { pfn: folio.pfn, order: folio.order };
      },
      () => {
        for (const pfn of pfns) model.zoneDevicePageInit(this.model, pfn, order);
        return pfns.length > 1 ? undefined : { pfn: first, order };
      },
    );
  }

  #count({ pick, by, n, longterm, p2pdma }: Extract<DeviceOperation, { op: "count" }>): DeviceStep {
    const pfn = this.#pfn(pick);
    const { head, refusals } = preconditions.headOf(this.model, pfn);
    const both = <T>(engine: (folio: Folio) => T, ofModel: () => T) =>
      this.#both(refusals, () => engine(this.map.folio(pfn)), ofModel);
    switch (by) {
      case "get":
        return both(
          (folio) => folio.get(),
          () => model.folioGet(this.model, head),
        );
      case "tryGet":
        return both(
          (folio) => folio.tryGet(n),
          () => model.folioTryGet(this.model, head, n),
        );
      case "put":
        return both(
          (folio) => folio.put(n),
          () => model.putFolio(this.model, head, n),
        );
      case "refInc":
        return both(
          (folio) => folio.refInc(),
          () => model.folioRefInc(this.model, head),
        );
      case "pin":
        return both(
          (folio) => folio.pin(n, { longterm, p2pdma }),
          () => model.pinFolio(this.model, head, n, { longterm, p2pdma }),
        );
      case "unpin":
        return both(
          (folio) => folio.unpin(n),
          () => model.unpinFolio(this.model, head, n),
        );
      case "freeze":
        return both(
          (folio) => folio.freeze(n),
          () => model.freeze(this.model, head, n),
        );
      case "unfreeze":
        return both(
          (folio) => folio.unfreeze(n),
          () => model.unfreeze(this.model, head, n),
        );
    }
  }

  #list({ picks, by }: Extract<DeviceOperation, { op: "list" }>): DeviceStep {
    const pfns = picks.map((pick) => this.#pfn(pick));
    const list = this.map.endPfn > 2 ** 32 ? Float64Array.from(pfns) : Uint32Array.from(pfns);
    const found = pfns.map((pfn) => preconditions.headOf(this.model, pfn));
    const heads = found.map(({ head }) => head);
    const lost = union(found.map((one) => one.refusals));
    // Where one page leads nowhere, others may be refused too.
    const refusals: Codes = lost.size > 0 ? new Set([...lost, "refcount", "pgmap-ops", "no-pgmap"] as const) : lost;
    if (by === "getFolios") {
      return this.#both(
        refusals,
        () => this.map.getFolios(list),
        () => model.getFolios(this.model, heads),
      );
    }
    return this.#both(
      refusals,
      () => this.map.putFolios(list),
      () => model.putFolios(this.model, heads),
    );
  }

  #associate({ pick, order, mapping, index, shared }: Extract<DeviceOperation, { op: "associate" }>): DeviceStep {
    const at = this.#pfn(pick);
    const pfn = at - (at % 2 ** order);
    const entry = { order, mapping, index, shared };
    return this.#both(
      preconditions.associate(this.model, pfn, entry),
      () => this.map.daxAssociateEntry(pfn, entry),
      () => model.daxAssociateEntry(this.model, pfn, entry),
    );
  }

  #disassociate({ pick, order }: Extract<DeviceOperation, { op: "disassociate" }>): DeviceStep {
    const at = this.#pfn(pick);
    const pfn = model.deviceRules(this.model).daxFolios ? at : at - (at % 2 ** order);
    return this.#both(
      preconditions.disassociate(this.model, pfn, order),
      () => this.map.daxDisassociateEntry(pfn, model.deviceRules(this.model).daxFolios ? undefined : order),
      () => model.daxDisassociateEntry(this.model, pfn, order),
    );
  }

  /** Frozen first, if it can be; unfrozen part by part. */
  #split({ pick, order, freeze }: Extract<DeviceOperation, { op: "split" }>): DeviceStep {
    const pfn = this.#pfn(pick);
    const count = this.model.has(pfn) ? model.pageRefCount(this.model, pfn) : 0;
    const refusals = preconditions.split(this.model, pfn, order);
    const freezes = freeze && count > 0 && refusals.size === 1 && refusals.has("not-frozen");
    const pages = this.model.has(pfn + 1) ? 2 ** model.folioOrder(this.model, pfn) : 1;
    const parts = Array.from({ length: Math.max(1, pages / 2 ** order) }, (_, i) => pfn + i * 2 ** order);
    return this.#both(
      freezes ? new Set() : refusals,
      () => {
        if (freezes) this.map.folio(pfn).freeze(count);
        this.map.splitFolioToOrder(pfn, order);
        if (freezes) for (const part of parts) this.map.folio(part).unfreeze(1);
      },
      () => {
        if (freezes) model.freeze(this.model, pfn, count);
        model.splitDeviceFolio(this.model, pfn, order);
        if (freezes) for (const part of parts) model.unfreeze(this.model, part, 1);
      },
    );
  }

  #use({ pick, memcg, mapping, exclusive }: Extract<DeviceOperation, { op: "use" }>): DeviceStep {
    const { head, refusals } = preconditions.headOf(this.model, this.#pfn(pick));
    const type = refusals.size > 0 ? null : model.pageMemoryType(this.model, head);
    const words: [number, bigint][] = [];
    if (type !== null) words.push([56, memcg]);
    // The mapping of fs-dax pages is daxAssociateEntry's business.
    if (type !== null && type !== "fs-dax") words.push([24, mapping]);
    const marks = type !== null && exclusive && this.#hasAnonExclusive() && !preconditions.isAliased(this.model, head);
    const last = head + (marks ? 2 ** model.folioOrder(this.model, head) - 1 : 0);
    return this.#both(
      new Set(),
      () => {
        for (const [offset, word] of words) this.map.writeWord(head, offset, word);
        if (marks) for (const page of [head, last]) this.map.setFlag(page, "anon_exclusive");
      },
      () => {
        for (const [offset, word] of words) this.model.setU64(head, offset, word);
        if (marks) for (const page of [head, last]) model.setFlagBit(this.model, page, "anon_exclusive");
      },
    );
  }

  #hasAnonExclusive(): boolean {
    return this.model.profile.flags["anon_exclusive"] !== undefined;
  }
}
