/** Random operations, each done by the engine and by the model, and what the two answered. */
import fc from "fast-check";
import type { Vmemmap } from "../../src/index.js";
import * as model from "../model/index.js";
import { type Outcome, outcome } from "./outcome.js";
import * as preconditions from "./preconditions.js";

/** Names a page: near a window's start, or in a folio that an earlier operation made. */
type Where =
  | { readonly at: "window"; readonly window: number; readonly offset: number; readonly align: number }
  | { readonly at: "folio"; readonly nth: number; readonly page: number };

const small = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(1023) });
const where: fc.Arbitrary<Where> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      at: fc.constant("window" as const),
      window: fc.nat(20),
      offset: fc.nat(255),
      align: fc.nat(9),
    }),
  },
  { weight: 5, arbitrary: fc.record({ at: fc.constant("folio" as const), nth: fc.nat(20), page: small }) },
);

/** Small orders mostly; those around the limits cost nothing, since they are refused. */
const order = fc.oneof(
  { weight: 12, arbitrary: fc.nat(9) },
  { weight: 1, arbitrary: fc.constantFrom(10, 15, 16, 17, 18, 19, 22, 23, 31, 32, 63, 255) },
);
const wheres = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(where) },
  { weight: 1, arbitrary: fc.array(where, { minLength: 0, maxLength: 4 }) },
);

const count = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, -127, -128, 1024, 2 ** 31 - 1, -(2 ** 31)) },
);
/** Words as kernels and liars write them; `near` is the address of a slot that many pages away, tagged. */
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, (1n << 64n) - 1n, model.TAIL_MAPPING, 0xffffffffn, 0x10n, 0xffffffffff000001n),
  fc.record({ near: fc.integer({ min: -70, max: 70 }) }),
);

const operation = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant("prep" as const), wheres, order, aligned: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("free" as const), wheres, order: fc.option(order) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("split" as const), wheres, order: fc.option(order) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("count" as const),
      where,
      by: fc.constantFrom("get", "tryGet", "put", "refAddUnless", "freeze", "unfreeze", "setRefcount", "tryGetPage"),
      count,
      unless: count,
    }),
  },
  // A folio that was counted is seldom split or freed again unless something takes it back to zero.
  { weight: 3, arbitrary: fc.record({ op: fc.constant("zero" as const), where }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("flag" as const),
      where,
      flag: fc.nat(60),
      by: fc.constantFrom("setFlag", "clearFlag", "testFlag"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("type" as const),
      where,
      type: fc.nat(9),
      by: fc.constantFrom("setPageType", "clearPageType", "pageType"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("links" as const),
      where,
      pages: fc.integer({ min: 1, max: 300 }),
      zone: fc.oneof(fc.nat(7), fc.nat(2 ** 31)),
      node: fc.oneof(fc.nat(1023), fc.nat(2 ** 31)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("cpupid" as const),
      where,
      cpupid: fc.oneof(fc.nat(2 ** 21), fc.constant(2 ** 31)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("hvo" as const),
      where,
      by: fc.constantFrom("optimize", "optimize", "restore"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("write" as const), where, offset: fc.nat(7), word }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("check" as const) }) },
);

export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Folios that are there before anything else happens; some of a size that HVO takes. */
const firstFolios = fc.array(
  fc.record({
    op: fc.constant("prep" as const),
    wheres: fc.tuple(
      fc.record({
        at: fc.constant("window" as const),
        window: fc.oneof({ weight: 4, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.nat(20) }),
        offset: fc.nat(4095),
        align: fc.constant(0),
      }),
    ),
    order: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 6, max: 10 })),
    aligned: fc.constant(true),
  }),
  { minLength: 1, maxLength: 8, size: "max" },
);

export const operations: fc.Arbitrary<Operation[]> = fc
  .tuple(firstFolios, fc.array(operation, { minLength: 4, maxLength: 50, size: "max" }))
  .map(([folios, others]) => [...folios, ...others]);

/** What both did: the engine's outcome, and what it may be by the model. */
export interface Step {
  readonly engine: Outcome<unknown>;
  /** Allowed refusals, if any: then the model did nothing. */
  readonly refusals: preconditions.Codes;
  readonly model: Outcome<unknown> | null;
}

/** The engine and the model over the same bytes. */
export class Twins implements preconditions.State {
  readonly shared = new Set<number>();
  /** Of those, the vmemmap pages that show another one's frame. */
  readonly aliases = new Set<number>();
  /** PFNs of which something was made. */
  readonly heads: number[] = [];

  constructor(
    readonly map: Vmemmap,
    readonly model: model.ModelMap,
    readonly windows: readonly number[],
  ) {}

  step(operation: Operation): Step {
    switch (operation.op) {
      case "prep":
        return this.#prep(operation);
      case "free":
        return this.#free(operation);
      case "split":
        return this.#split(operation);
      case "count":
        return this.#count(operation);
      case "zero":
        return this.#zero(operation);
      case "flag":
        return this.#flag(operation);
      case "type":
        return this.#type(operation);
      case "links":
        return this.#links(operation);
      case "cpupid":
        return this.#cpupid(operation);
      case "hvo":
        return operation.by === "optimize" ? this.#optimize(operation) : this.#restore(operation);
      case "write":
        return this.#write(operation);
      case "check":
        // How many words are ill-formed is garbage.test.ts's business.
        return this.#both(
          new Set(),
          () => void this.map.checkWellFormed(),
          () => undefined,
        );
    }
  }

  #pfn(where: Where): number {
    const head = where.at === "folio" ? this.heads[where.nth % this.heads.length] : undefined;
    if (where.at === "folio" && head !== undefined) {
      return head + (where.page === 0 ? 0 : where.page % 2 ** Math.min(10, this.#order(head) + 1));
    }
    const { window, offset, align } =
      where.at === "window" ? where : { window: where.nth, offset: where.page, align: 0 };
    const pfn = this.windows[window % this.windows.length]! + offset;
    return pfn - (pfn % 2 ** align);
  }

  #order(pfn: number): number {
    return this.model.has(pfn) ? preconditions.orderOf(this.model, pfn) : 0;
  }

  #both<T>(refusals: preconditions.Codes, engine: () => T, ofModel: () => T): Step {
    const result = outcome(engine);
    return { engine: result, refusals, model: refusals.size > 0 ? null : outcome(ofModel) };
  }

  #prep({ wheres, order, aligned }: Extract<Operation, { op: "prep" }>): Step {
    const pfns = wheres.map((where) => this.#pfn(where)).map((pfn) => pfn - (aligned ? pfn % 2 ** order : 0));
    const refusals = preconditions.union([
      ...pfns.map((pfn) => preconditions.prep(this, pfn, order)),
      preconditions.overlap(pfns.map((pfn) => ({ pfn, pages: 2 ** order }))),
    ]);
    return this.#both(
      refusals,
      () => this.map.prepCompoundPages(pfns, order),
      () => {
        for (const pfn of pfns) model.prepCompoundPage(this.model, pfn, order);
        this.heads.push(...pfns);
      },
    );
  }

  #free({ wheres, order }: Extract<Operation, { op: "free" }>): Step {
    const list = wheres.map((where) => {
      const pfn = this.#pfn(where);
      return { pfn, order: order ?? this.#order(pfn) };
    });
    const refusals = preconditions.union([
      ...list.map((item) => preconditions.free(this, item.pfn, item.order)),
      preconditions.overlap(list.map((item) => ({ pfn: item.pfn, pages: 2 ** item.order }))),
    ]);
    return this.#both(
      refusals,
      () =>
        this.map.freePagesPrepareAll(
          list.map((item) => item.pfn),
          list.map((item) => item.order),
        ),
      () => list.forEach((item) => model.freePagesPrepare(this.model, item.pfn, item.order)),
    );
  }

  #split({ wheres, order: wanted }: Extract<Operation, { op: "split" }>): Step {
    const pfns = wheres.map((where) => this.#pfn(where));
    const order = wanted ?? Math.floor(this.#order(pfns[0] ?? 0) / 2);
    const refusals = preconditions.union([
      ...pfns.map((pfn) => preconditions.split(this, pfn, order)),
      preconditions.overlap(pfns.map((pfn) => ({ pfn, pages: 2 ** this.#order(pfn) }))),
    ]);
    return this.#both(
      refusals,
      () => this.map.splitFoliosToOrder(pfns, order),
      () => {
        for (const pfn of pfns) {
          const pages = 2 ** this.#order(pfn);
          model.splitFolioToOrder(this.model, pfn, order);
          for (let i = 2 ** order; i < pages; i += Math.max(2 ** order, pages / 8)) this.heads.push(pfn + i);
        }
      },
    );
  }

  /** A head and why its count may not be changed; a page that has none. */
  #counted(pfn: number): { head: number; refusals: preconditions.Codes } {
    const head = model.compoundHead(this.model, pfn);
    if (head !== null) return { head, refusals: preconditions.counted(this, head) };
    return { head: pfn, refusals: new Set([this.model.has(pfn) ? "bad-head" : "pfn-absent"] as const) };
  }

  #count({ where, by, count, unless }: Extract<Operation, { op: "count" }>): Step {
    const pfn = this.#pfn(where);
    const { head, refusals: ofFolio } = this.#counted(pfn);
    const needsPositive = by === "tryGet" || by === "put";
    const refusals =
      needsPositive && count < 1 ? preconditions.union([ofFolio, new Set(["bad-argument"] as const)]) : ofFolio;
    switch (by) {
      case "get":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).get(),
          () => model.folioGet(this.model, head),
        );
      case "tryGet":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).tryGet(count),
          () => model.folioTryGet(this.model, head, count),
        );
      case "put":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).put(count),
          () => model.folioPut(this.model, head, count),
        );
      case "refAddUnless":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).refAddUnless(count, unless),
          () => model.refAddUnless(this.model, head, count, unless),
        );
      case "freeze":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).freeze(count),
          () => model.freeze(this.model, head, count),
        );
      case "unfreeze":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).unfreeze(count),
          () => model.unfreeze(this.model, head, count),
        );
      case "setRefcount":
        return this.#both(
          refusals,
          () => this.map.folio(pfn).setRefcount(count),
          () => this.model.setI32(head, model.REFCOUNT, count),
        );
      case "tryGetPage":
        return this.#both(
          refusals,
          () => this.map.tryGetPage(pfn),
          () => model.tryGetPage(this.model, pfn),
        );
    }
  }

  #zero({ where }: Extract<Operation, { op: "zero" }>): Step {
    const pfn = this.#pfn(where);
    const { head, refusals } = this.#counted(pfn);
    return this.#both(
      refusals,
      () => this.map.folio(pfn).setRefcount(0),
      () => this.model.setI32(head, model.REFCOUNT, 0),
    );
  }

  #flag({ where, flag, by }: Extract<Operation, { op: "flag" }>): Step {
    const pfn = this.#pfn(where);
    const names = Object.keys(this.model.profile.flags);
    const name = names[flag % names.length]!;
    if (!this.model.has(pfn)) {
      return this.#both(
        new Set(["pfn-absent"] as const),
        () => this.map[by](pfn, name),
        () => undefined,
      );
    }
    if (by === "testFlag") {
      return this.#both<boolean>(
        new Set(),
        () => this.map.testFlag(pfn, name),
        () => model.testPageFlag(this.model, pfn, name),
      );
    }
    const change = by === "setFlag" ? model.setPageFlag : model.clearPageFlag;
    // The policy is checked first: what it forbids has no slot that could be an alias.
    const forbidden = outcome(() => model.checkFlagChange(this.model, pfn, name));
    const aliased = "answer" in forbidden && preconditions.isAliased(this, forbidden.answer);
    return this.#both(
      new Set(aliased ? (["aliased-slots"] as const) : []),
      () => this.map[by](pfn, name),
      () => change(this.model, pfn, name),
    );
  }

  #type({ where, type, by }: Extract<Operation, { op: "type" }>): Step {
    const pfn = this.#pfn(where);
    const names = Object.keys(this.model.profile.pageTypes.types);
    const name = names[type % names.length]!;
    if (by === "pageType") {
      const refusals: preconditions.Codes = new Set(this.model.has(pfn) ? [] : (["pfn-absent"] as const));
      return this.#both(
        refusals,
        () => this.map.pageType(pfn),
        () => model.pageType(this.model, pfn),
      );
    }
    const change = by === "setPageType" ? model.setPageType : model.clearPageType;
    return this.#both(
      preconditions.slotChange(this, pfn),
      () => this.map[by](pfn, name),
      () => change(this.model, pfn, name),
    );
  }

  #links({ where, pages, zone, node }: Extract<Operation, { op: "links" }>): Step {
    const pfn = this.#pfn(where);
    return this.#both(
      preconditions.links(this, pfn, pages, zone, node),
      () => this.map.setPageLinks(pfn, pages, zone, node),
      () => {
        for (let page = pfn; page < pfn + pages; page++) model.setPageLinks(this.model, page, zone, node);
      },
    );
  }

  #cpupid({ where, cpupid }: Extract<Operation, { op: "cpupid" }>): Step {
    const pfn = this.#pfn(where);
    const tooWide = cpupid >= 2 ** this.model.profile.lastCpupid.width;
    return this.#both(
      preconditions.slotChange(this, pfn, tooWide && "bad-argument"),
      () => this.map.setLastCpupid(pfn, cpupid),
      () => model.setLastCpupid(this.model, pfn, cpupid),
    );
  }

  #optimize({ where }: Extract<Operation, { op: "hvo" }>): Step {
    const pfn = this.#pfn(where);
    return this.#both(
      preconditions.optimize(this, pfn),
      () => this.map.hugetlbVmemmapOptimizeFolio(pfn),
      () => {
        model.hugetlbVmemmapOptimize(this.model, pfn, this.#order(pfn));
        for (const page of this.#givenBack(pfn)) this.#share(page, true);
        // From 7.1 on the frame is the zone's, and the folio's first vmemmap page is its own.
        if (this.model.profile.tailEncoding !== "mask") this.#share(this.#home(pfn), false);
      },
    );
  }

  #restore({ where }: Extract<Operation, { op: "hvo" }>): Step {
    const pfn = this.#pfn(where);
    return this.#both(
      preconditions.restore(this, pfn),
      () => this.map.hugetlbVmemmapRestoreFolio(pfn),
      () => {
        model.hugetlbVmemmapRestore(this.model, pfn, this.#order(pfn));
        for (const page of [this.#home(pfn), ...this.#givenBack(pfn)]) {
          this.shared.delete(page);
          this.aliases.delete(page);
        }
      },
    );
  }

  #share(page: number, alias: boolean): void {
    this.shared.add(page);
    if (alias) this.aliases.add(page);
  }

  /** The last vmemmap page that an optimised folio keeps: up to 7.0 the others show it. */
  #home(head: number): number {
    return (head + preconditions.reservedSlots(this.model)) / 64 - 1;
  }

  /** Vmemmap pages that an optimised folio does not keep. */
  #givenBack(head: number): number[] {
    const pages: number[] = [];
    const end = head + 2 ** this.#order(head);
    for (let pfn = head + preconditions.reservedSlots(this.model); pfn < end; pfn += 64) pages.push(pfn / 64);
    return pages;
  }

  #write({ where, offset, word }: Extract<Operation, { op: "write" }>): Step {
    const pfn = this.#pfn(where);
    const value = typeof word === "bigint" ? word : this.model.addressOf(Math.max(0, pfn + word.near)) | 1n;
    const refusals: preconditions.Codes = new Set(this.model.has(pfn) ? [] : (["pfn-absent"] as const));
    return this.#both(
      refusals,
      () => this.map.writeWord(pfn, offset * 8, value),
      () => this.model.setU64(pfn, offset * 8, value),
    );
  }
}
