/** Why a change of device pages is refused: all codes that fit, read from the model. */
import type { VmemmapErrorCode } from "../../src/index.js";
import * as model from "../model/index.js";
import { RAM } from "./device-world.js";
import { allPresent, type Codes, orderOf, split as splitAny, union } from "./preconditions.js";

function codes(...reasons: (VmemmapErrorCode | false)[]): Codes {
  return new Set(reasons.filter((reason) => reason !== false));
}

type Map = model.DeviceMap;

// ---- memremap_pages -------------------------------------------------------------------------------------------------

export function memremap(map: Map, plan: model.PgmapPlan): Codes {
  const { order, altmap, address, ranges } = plan;
  const tooLarge = altmap !== null && altmap.reserve + altmap.free >= size(ranges[0]!);
  const enormous = order > map.profile.maxFolioOrder;
  return union([
    codes(
      enormous && "order-too-large",
      lacksOps(map, plan) && "bad-argument",
      order > 0 && map.profile.preset === "5.15" && "bad-argument",
      altmap !== null && ranges.length > 1 && "bad-argument",
      tooLarge && "bad-argument",
      tooLarge && "bad-range",
      (model.pgmapByAddress(map, address) !== null || address % 2n !== 0n) && "bad-argument",
    ),
    ...ranges.map((range) =>
      codes(rangeIsTaken(map, range) && "bad-range", !enormous && !fits(plan, range) && "unaligned"),
    ),
    codes(ranges.some((a, i) => ranges.some((b, j) => j > i && meet(a, b))) && "bad-range"),
  ]);
}

/** What drivers of types must bring (the checks at the top of memremap_pages). */
function lacksOps(map: Map, { type, ops, owner }: model.PgmapPlan): boolean {
  if (model.typeNumber(map, type) === 0) return true;
  const frees = ops.has("pageFree") || ops.has("folioFree");
  if (type === "private") return !ops.has("migrateToRam") || !frees || owner === null;
  return type === "coherent" && (!frees || owner === null);
}

function rangeIsTaken(map: Map, range: model.PfnSpan): boolean {
  const odd = range.start % model.PAGES_PER_SUBSECTION !== 0 || range.end % model.PAGES_PER_SUBSECTION !== 0;
  return odd || meet(range, RAM) || map.pgmaps.some(({ ranges }) => ranges.some((other) => meet(range, other)));
}

function fits(plan: model.PgmapPlan, range: model.PfnSpan): boolean {
  const pages = 2 ** plan.order;
  return [range.start, range.end, model.usableSpan(plan, range).start].every((pfn) => pfn % pages === 0);
}

function size({ start, end }: model.PfnSpan): number {
  return end - start;
}

function meet(a: model.PfnSpan, b: model.PfnSpan): boolean {
  return a.start < b.end && b.start < a.end;
}

export function memunmap(map: Map, pgmap: model.ModelPgmap): Codes {
  const idle = model.idleRefcount(map, pgmap.type);
  const held = pgmap.refs > model.baseReferences(map, pgmap);
  const used = model.pgmapFolios(map, pgmap).some((head) => map.i32(head, model.REFCOUNT) !== idle);
  return codes((held || used) && "pgmap-busy");
}

// ---- Page life ------------------------------------------------------------------------------------------------------

/** Whether some slot of the page's folio shows elsewhere too. */
export function isAliased(map: Map, pfn: number): boolean {
  if (map.shared.size === 0) return false;
  const head = model.compoundHead(map, pfn) ?? pfn;
  const last = head + 2 ** Math.min(orderOf(map, head), map.profile.maxFolioOrder) - 1;
  for (let at = Math.floor(head / 64); at <= Math.floor(last / 64); at++) if (map.shared.has(at)) return true;
  return false;
}

/** The head of a page, and why there is none. */
export function headOf(map: Map, pfn: number): { head: number; refusals: Codes } {
  const head = model.compoundHead(map, pfn);
  if (head !== null) return { head, refusals: codes() };
  return { head: pfn, refusals: codes(map.has(pfn) ? "bad-head" : "pfn-absent") };
}

export function init(map: Map, pfn: number, order: number): Codes {
  if (!map.has(pfn)) return codes("pfn-absent");
  const pages = 2 ** order;
  const pgmap = model.pgmapByRange(map, pfn);
  // p2pdma pages come back to their driver, and so can be handed out, from 6.1 on.
  const pooled = pgmap?.type === "pci-p2pdma" && model.deviceRules(map).callsFree.has("pci-p2pdma");
  const handedOut = pooled || pgmap?.type === "private" || pgmap?.type === "coherent";
  const large = model.deviceRules(map).initRewrites && pgmap?.type !== "pci-p2pdma";
  const reasons = codes(
    !handedOut && "no-pgmap",
    order > (large ? map.profile.maxFolioOrder : 0) && "order-too-large",
    pfn % pages !== 0 && "unaligned",
    writesShared(map, pfn, pages) && "aliased-slots",
  );
  if (reasons.size > 0 || pgmap === null) return reasons;
  const usable = pgmap.ranges.map((range) => model.usableSpan(pgmap, range));
  const inside = usable.some(({ start, end }) => start <= pfn && pfn + pages <= end);
  if (!inside) return codes("no-pgmap", "pfn-absent");
  const idle = model.idleRefcount(map, pgmap.type);
  const all = Array.from({ length: pages }, (_, i) => pfn + i);
  // Up to 6.18 there is no large folio to be handed out, nor one to be taken apart.
  const compound = !large && all.some((page) => model.pageCompound(map, page));
  const busy = compound || all.some((page) => isBusy(map, page, idle));
  // Stale pages of an early section have another zone, and another word.
  const stale = all.some((page) => model.pagePgmap(map, page) !== pgmap);
  return codes(busy && "folio-busy", stale && "no-pgmap", pgmap.dying && "pgmap-dying");
}

/** Whether some of these very slots show elsewhere too. */
function writesShared(map: Map, pfn: number, pages: number): boolean {
  if (map.shared.size === 0) return false;
  for (let page = Math.floor(pfn / 64); page * 64 < pfn + pages; page++) if (map.shared.has(page)) return true;
  return false;
}

/** Referenced or mapped, itself or as part of a folio. A tail whose folio was taken apart belongs to none any more. */
function isBusy(map: Map, page: number, idle: number): boolean {
  if (map.i32(page, model.REFCOUNT) !== idle || map.i32(page, model.MAPCOUNT) >= 0) return true;
  const head = model.compoundHead(map, page);
  if (head === null) return true;
  return page > head && page < head + model.folioNrPages(map, head) && map.i32(head, model.REFCOUNT) !== 0;
}

// ---- fs-dax ---------------------------------------------------------------------------------------------------------

/** A page of an fs-dax pgmap that drivers may use. */
function isFsdax(map: Map, pfn: number): boolean {
  return model.pageMemoryType(map, pfn) === "fs-dax";
}

export function associate(map: Map, pfn: number, entry: model.DaxEntry): Codes {
  if (!map.has(pfn)) return codes("pfn-absent");
  const { daxFolios, daxShares } = model.deviceRules(map);
  const pages = 2 ** entry.order;
  const there = entry.order <= map.profile.maxFolioOrder && allPresent(map, pfn, pages);
  const all = Array.from({ length: there ? pages : 1 }, (_, i) => pfn + i);
  const reasons = codes(
    !there && "no-pgmap",
    !all.every((page) => isFsdax(map, page)) && "no-pgmap",
    model.compoundHead(map, pfn) === null && "bad-head",
    model.pageTail(map, pfn) && "not-compound",
    all.some((page) => isAliased(map, page)) && "aliased-slots",
    entry.order > map.profile.maxFolioOrder && "order-too-large",
    pfn % pages !== 0 && "unaligned",
    entry.shared && !daxShares && "bad-argument",
  );
  return union([reasons, daxFolios ? associateFolio(map, pfn, entry, all) : associatePages(map, entry, all)]);
}

function associateFolio(map: Map, pfn: number, { order, shared }: model.DaxEntry, all: readonly number[]): Codes {
  if (model.pageTail(map, pfn)) return codes("folio-busy", "not-compound");
  const inFile = map.u64(pfn, model.MAPPING) !== 0n;
  const large = model.folioOrder(map, pfn);
  if (shared && (inFile || model.daxFolioIsShared(map, pfn))) return codes(large !== order && "order-too-large");
  const busy =
    all.some((page) => model.pageCompound(map, page)) ||
    (order > 0 && all.some((page) => map.i32(page, model.REFCOUNT) !== 0));
  const linked = all.some((page) => map.u64(page, model.MAPPING) !== 0n);
  return codes((busy || linked) && "folio-busy");
}

function associatePages(map: Map, { shared }: model.DaxEntry, all: readonly number[]): Codes {
  const linked = all.some((page) => map.u64(page, model.MAPPING) !== 0n);
  const compound = all.some((page) => model.pageCompound(map, page));
  return codes(((linked && !shared) || compound) && "folio-busy", compound && "no-pgmap");
}

export function disassociate(map: Map, pfn: number, order: number): Codes {
  const folios = model.deviceRules(map).daxFolios;
  const pages = folios ? 1 : 2 ** order;
  if (!map.has(pfn)) return codes("pfn-absent");
  const there = allPresent(map, pfn, pages);
  const all = Array.from({ length: there ? pages : 1 }, (_, i) => pfn + i);
  const compound = all.some((page) => model.pageCompound(map, page));
  return codes(
    !there && "no-pgmap",
    !all.every((page) => isFsdax(map, page)) && "no-pgmap",
    model.compoundHead(map, pfn) === null && "bad-head",
    model.pageTail(map, pfn) && "not-compound",
    all.some((page) => isAliased(map, page)) && "aliased-slots",
    !folios && compound && "no-pgmap",
    !folios && compound && "folio-busy",
    all.some((page) => !model.daxIsIdle(map, page) && !model.daxStaysShared(map, page)) && "folio-busy",
  );
}

// ---- Split ----------------------------------------------------------------------------------------------------------

export function split(map: Map, pfn: number, newOrder: number): Codes {
  const counted = map.has(pfn) && model.pageHead(map, pfn) && model.maybeDmaPinned(map, pfn);
  return union([splitAny({ model: map, shared: map.shared }, pfn, newOrder), codes(counted && "folio-mapped")]);
}
