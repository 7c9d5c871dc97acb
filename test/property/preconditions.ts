/**
 * Why the kernel's debug checks would stop a change: all codes that fit, read from the model. The engine may name any one
 * of them, and must do the change where there is none.
 */
import type { VmemmapErrorCode } from "../../src/index.js";
import * as model from "../model/index.js";

export type Codes = ReadonlySet<VmemmapErrorCode>;

export interface State {
  readonly model: model.ModelMap;
  /** Vmemmap pages (PFN / 64) that share a frame: those that show another's, and the one at home on it. */
  readonly shared: ReadonlySet<number>;
}

function codes(...reasons: (VmemmapErrorCode | false)[]): Codes {
  return new Set(reasons.filter((reason) => reason !== false));
}

export function union(all: readonly Codes[]): Codes {
  return new Set(all.flatMap((some) => [...some]));
}

function anyShared({ shared }: State, pfn: number, pages: number): boolean {
  if (shared.size === 0) return false;
  for (let at = Math.floor(pfn / 64); at <= Math.floor((pfn + pages - 1) / 64); at++) if (shared.has(at)) return true;
  return false;
}

/** Whether a change of this slot would show elsewhere: it or some page of its folio shares a frame. */
export function isAliased(state: State, pfn: number): boolean {
  if (state.shared.size === 0) return false;
  const head = model.compoundHead(state.model, pfn);
  return anyShared(state, pfn, 1) || (head !== null && anyShared(state, head, folioSize(state, head)));
}

/** Pages of a folio by its order, which raw writes may have made absurd. */
function folioSize({ model: map }: State, head: number): number {
  return 2 ** Math.min(orderOf(map, head), map.profile.maxFolioOrder);
}

/** compound_order; 0 where page 1, which holds it, does not exist. */
export function orderOf(map: model.ModelMap, pfn: number): number {
  return map.has(pfn + 1) ? model.compoundOrder(map, pfn) : 0;
}

/** A compound of this order may stand here, in slots of its own or not. */
function span(map: model.ModelMap, pfn: number, order: number): Codes {
  if (order > map.profile.maxFolioOrder) return codes("order-too-large", !map.has(pfn) && "pfn-absent");
  return codes(pfn % 2 ** order !== 0 && "unaligned", !allPresent(map, pfn, 2 ** order) && "pfn-absent");
}

export function allPresent(map: model.ModelMap, pfn: number, pages: number): boolean {
  // Sections and subsections are multiples of 512 PFNs.
  for (let at = pfn; at < pfn + pages; at += 512) if (!map.has(at)) return false;
  return map.has(pfn + pages - 1);
}

function place(state: State, pfn: number, order: number): Codes {
  const reasons = span(state.model, pfn, order);
  return reasons.size > 0 || !anyShared(state, pfn, 2 ** order) ? reasons : codes("aliased-slots");
}

export function prep(state: State, pfn: number, order: number): Codes {
  const reasons = place(state, pfn, order);
  if (reasons.size > 0 && !reasons.has("aliased-slots")) return reasons;
  return union([reasons, codes(some(pfn, order, (page) => model.pageCompound(state.model, page)) && "overlap")]);
}

/** What __free_pages_prepare holds against a page: wrong order, references, mappings, poison. */
export function free(state: State, pfn: number, order: number): Codes {
  const { model: map } = state;
  const reasons = place(state, pfn, order);
  if (reasons.size > 0) return union([reasons, map.has(pfn) ? wrongHead(map, pfn, order) : codes()]);
  return union([
    wrongHead(map, pfn, order),
    model.pageHead(map, pfn) ? codes() : prep(state, pfn, order),
    codes(
      order === 0 && model.hasFlagBit(map, pfn, "hwpoison") && "hwpoison",
      model.pageRefCount(map, pfn) !== 0 && "not-frozen",
      isMapped(map, pfn, order) && "folio-mapped",
    ),
  ]);
}

function wrongHead(map: model.ModelMap, pfn: number, order: number): Codes {
  return codes(
    model.pageTail(map, pfn) && "not-compound",
    model.pageHead(map, pfn) && orderOf(map, pfn) !== order && "order-too-large",
  );
}

/** __split_folio_to_order takes the head of a frozen, unmapped folio of higher order. */
export function split(state: State, pfn: number, newOrder: number): Codes {
  const { model: map } = state;
  if (!map.has(pfn)) return codes("pfn-absent");
  const order = orderOf(map, pfn);
  const isHead = model.pageHead(map, pfn) && !model.pageTail(map, pfn);
  const head = codes(!isHead && "not-compound", newOrder >= order && "split-upwards");
  const reasons = place(state, pfn, order);
  if (reasons.size > 0) return union([head, reasons]);
  return union([
    head,
    codes(model.pageRefCount(map, pfn) !== 0 && "not-frozen", isMapped(map, pfn, order) && "folio-mapped"),
  ]);
}

/** A type is no mapping. */
function isMapped(map: model.ModelMap, pfn: number, order: number): boolean {
  const { entireMapcount } = map.profile.folio;
  if (order > 0 && model.folioTestLarge(map, pfn) && map.i32(pfn, entireMapcount) >= 0) return true;
  return some(pfn, order, (page) => map.i32(page, model.MAPCOUNT) >= 0);
}

function some(pfn: number, order: number, test: (pfn: number) => boolean): boolean {
  for (let page = pfn; page < pfn + 2 ** order; page++) if (test(page)) return true;
  return false;
}

/** Two folios of one batch meet. */
export function overlap(extents: readonly { pfn: number; pages: number }[]): Codes {
  const sorted = [...extents].sort((a, b) => a.pfn - b.pfn);
  const meets = sorted.some(({ pfn }, i) => i > 0 && pfn < sorted[i - 1]!.pfn + sorted[i - 1]!.pages);
  return codes(meets && "overlap");
}

/** A count of this head may be changed: its own frame is nobody else's. */
export function counted(state: State, head: number, ...more: (VmemmapErrorCode | false)[]): Codes {
  return codes(
    model.pageTail(state.model, head) && "not-compound",
    anyShared(state, head, 1) && "aliased-slots",
    ...more,
  );
}

/** A word of this slot may be changed. */
export function slotChange(state: State, pfn: number, ...more: (VmemmapErrorCode | false)[]): Codes {
  if (!state.model.has(pfn)) return codes("pfn-absent", ...more);
  return codes(isAliased(state, pfn) && "aliased-slots", ...more);
}

export function links(state: State, pfn: number, pages: number, zone: number, node: number): Codes {
  const { zone: zoneField, node: nodeField } = state.model.profile;
  const tooWide = zone >= 2 ** zoneField.width || node >= 2 ** nodeField.width;
  if (!allPresent(state.model, pfn, pages)) return codes("pfn-absent", tooWide && "bad-argument");
  const aliased = Array.from({ length: pages }, (_, i) => isAliased(state, pfn + i)).includes(true);
  return codes(tooWide && "bad-argument", aliased && "aliased-slots");
}

/** Slots of a folio that HVO leaves alone: one vmemmap page, in 5.15 two. */
export function reservedSlots({ profile }: model.ModelMap): number {
  return profile.tailEncoding === "pointer" ? 128 : 64;
}

function hugetlb(state: State, pfn: number): Codes {
  const { model: map } = state;
  if (!map.has(pfn)) return codes("pfn-absent");
  const order = orderOf(map, pfn);
  const tooSmall = 2 ** order <= reservedSlots(map);
  return union([
    codes((!model.pageHead(map, pfn) || model.pageTail(map, pfn)) && "not-compound", tooSmall && "not-optimized"),
    span(map, pfn, order),
  ]);
}

export function optimize(state: State, pfn: number): Codes {
  const reasons = hugetlb(state, pfn);
  if (reasons.size > 0) return reasons;
  return codes(anyShared(state, pfn, folioSize(state, pfn)) && "aliased-slots");
}

export function restore(state: State, pfn: number): Codes {
  const reasons = hugetlb(state, pfn);
  if (reasons.size > 0) return reasons;
  return codes(!model.isVmemmapOptimized(state.model, pfn) && "not-optimized");
}
