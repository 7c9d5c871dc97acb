import { clearFlagBits, LAST_CPUPID_RESET, prepFlagsMask, setFlagBit, setLastCpupid } from "./flagword.js";
import { pageCompound } from "./head.js";
import { selfLink } from "./init.js";
import type { ModelMap } from "./map.js";
import { COMPOUND_WORD, MAPCOUNT, MAPPING, PRIVATE, TAIL_MAPPING } from "./page.js";
import { NO_TYPE, pageHasType } from "./page-type.js";

/** prep_compound_page. Order 0 is no compound: nothing is written. */
export function prepCompoundPage(map: ModelMap, pfn: number, order: number): void {
  if (order === 0) return;
  setFlagBit(map, pfn, "head");
  for (let i = 1; i < 2 ** order; i++) prepCompoundTail(map, pfn, i, order);
  prepCompoundHead(map, pfn, order);
}

/** The word at +8 of every tail of a folio that starts at `head`: set_compound_head. */
export function tailWord(map: ModelMap, head: number, order: number): bigint {
  return map.profile.tailEncoding === "mask" ? maskWord(order) : map.addressOf(head) | 1n;
}

/** compound_info: ones from the bit that 2^order slots need upwards, and the tag. */
function maskWord(order: number): bigint {
  const bytesOfFolioSlots = 64n << BigInt(order);
  return BigInt.asUintN(64, -bytesOfFolioSlots) | 1n;
}

function prepCompoundTail(map: ModelMap, head: number, index: number, order: number): void {
  const tail = head + index;
  map.setU64(tail, MAPPING, TAIL_MAPPING);
  map.setU64(tail, COMPOUND_WORD, tailWord(map, head, order));
  if (map.profile.compound.prepZeroesTailPrivate) map.setU64(tail, PRIVATE, 0n);
}

/** After the tails: several of these fields stand in words that prep_compound_tail writes. */
function prepCompoundHead(map: ModelMap, head: number, order: number): void {
  const { folio, compound } = map.profile;
  if (folio.dtor !== null && compound.prepDtor !== null) map.setU8(head, folio.dtor, compound.prepDtor);
  folioSetOrder(map, head, order);
  if (folio.largeMapcount !== null) map.setI32(head, folio.largeMapcount, -1);
  if (folio.nrPagesMapped !== null) map.setI32(head, folio.nrPagesMapped, 0);
  if (folio.mmIds !== null) map.setU64(head, folio.mmIds, 0n);
  if (folio.mmIdMapcounts !== null) {
    map.setI32(head, folio.mmIdMapcounts, -1);
    map.setI32(head, folio.mmIdMapcounts + 4, -1);
  }
  if (folio.pincount !== null && order >= folio.pincountMinOrder) map.setI32(head, folio.pincount, 0);
  map.setI32(head, folio.entireMapcount, -1);
  if (compound.prepInitsDeferredList && order > 1) selfLink(map, head, folio.deferredList);
}

/** folio_set_order, set_compound_order in 6.1: the order byte and the number of pages. */
export function folioSetOrder(map: ModelMap, head: number, order: number): void {
  const { folio } = map.profile;
  map.setU8(head, folio.order, order);
  if (folio.nrPages !== null) map.setU32(head, folio.nrPages, 2 ** order);
}

/**
 * What __free_pages_prepare and free_tail_page_prepare do to the slots of a block (7.3, and by rule before). Counts
 * are the caller's business: none is written.
 */
export function freePagesPrepare(map: ModelMap, pfn: number, order: number): void {
  const compound = order > 0 && pageCompound(map, pfn);
  if (compound) forgetFolioFields(map, pfn);
  for (let tail = pfn + 1; tail < pfn + 2 ** order; tail++) {
    if (compound) freeTailPagePrepare(map, tail);
    clearFlagBits(map, tail, prepFlagsMask(map));
  }
  freeHeadPrepare(map, pfn);
}

/** PAGE_FLAGS_SECOND and the number of pages: left behind, they would be flags and memcg_data of page 1. */
function forgetFolioFields(map: ModelMap, head: number): void {
  const { folio, compound } = map.profile;
  clearFlagBits(map, head + 1, compound.freeSecondMask);
  if (folio.nrPages !== null && compound.freeZeroesNrPages) map.setU32(head, folio.nrPages, 0);
}

function freeTailPagePrepare(map: ModelMap, tail: number): void {
  map.setU64(tail, MAPPING, 0n);
  map.setU64(tail, COMPOUND_WORD, 0n);
}

function freeHeadPrepare(map: ModelMap, pfn: number): void {
  const { compound } = map.profile;
  const mappingFlags = map.u64(pfn, MAPPING) & BigInt(compound.freeMappingMask);
  if (mappingFlags !== 0n) map.setU64(pfn, MAPPING, 0n);
  if (compound.freeResetsPageType && pageHasType(map, pfn)) map.setU32(pfn, MAPCOUNT, NO_TYPE);
  setLastCpupid(map, pfn, LAST_CPUPID_RESET);
  clearFlagBits(map, pfn, prepFlagsMask(map));
  if (compound.freeZeroesPrivate) map.setU64(pfn, PRIVATE, 0n);
}
