import { prepCompoundPage } from "../compound.js";
import { clearFlagBit } from "../flagword.js";
import { folioMapcount } from "../mapcount.js";
import { folioOrder } from "../folio.js";
import { COMPOUND_WORD, INDEX, MAPPING, REFCOUNT } from "../page.js";
import type { DeviceMap } from "./device-map.js";
import { deviceRules } from "./rules.js";

/** How often an fs-dax page or folio is in a file; shares its word with the index. */
export const SHARE = INDEX;
/** PAGE_MAPPING_DAX_SHARED (6.12, 6.14), PAGE_MAPPING_DAX_COW (6.1). */
const SHARED_MAPPING = 1n;

/** An entry of a file's page cache that names device pages. */
export interface DaxEntry {
  readonly order: number;
  /** Address of the inode's struct address_space. */
  readonly mapping: bigint;
  /** Page offset in the file. */
  readonly index: bigint;
  readonly shared: boolean;
}

/** dax_associate_entry. */
export function daxAssociateEntry(map: DeviceMap, pfn: number, entry: DaxEntry): void {
  if (deviceRules(map).daxFolios) associateFolio(map, pfn, entry);
  else for (let i = 0; i < 2 ** entry.order; i++) associatePage(map, pfn + i, i, entry);
}

/** 6.15 on. */
function associateFolio(map: DeviceMap, pfn: number, { order, mapping, index, shared }: DaxEntry): void {
  const inFile = map.u64(pfn, MAPPING) !== 0n;
  if (shared && (inFile || daxFolioIsShared(map, pfn))) {
    if (inFile) makeShared(map, pfn);
    map.setU64(pfn, SHARE, map.u64(pfn, SHARE) + 1n);
    return;
  }
  prepCompoundPage(map, pfn, order);
  map.setU64(pfn, MAPPING, mapping);
  map.setU64(pfn, INDEX, index);
}

/** dax_folio_make_shared. */
function makeShared(map: DeviceMap, head: number): void {
  map.setU64(head, MAPPING, 0n);
  map.setU64(head, SHARE, 1n);
}

/** Up to 6.14; dax_page_share_get for what files share. */
function associatePage(map: DeviceMap, page: number, i: number, { mapping, index, shared }: DaxEntry): void {
  if (!shared) {
    map.setU64(page, MAPPING, mapping);
    map.setU64(page, INDEX, index + BigInt(i));
    return;
  }
  const before = map.u64(page, MAPPING);
  if (before !== SHARED_MAPPING) {
    if (before !== 0n) map.setU64(page, SHARE, 1n);
    map.setU64(page, MAPPING, SHARED_MAPPING);
  }
  map.setU64(page, SHARE, map.u64(page, SHARE) + 1n);
}

/** dax_disassociate_entry; up to 6.14 the entry's order says how many pages it names. */
export function daxDisassociateEntry(map: DeviceMap, pfn: number, order = 0): void {
  if (deviceRules(map).daxFolios) daxFolioPut(map, pfn);
  else for (let i = 0; i < 2 ** order; i++) disassociatePage(map, pfn + i);
}

/** dax_folio_put. */
function daxFolioPut(map: DeviceMap, head: number): void {
  if (daxFolioIsShared(map, head)) {
    const share = map.u64(head, SHARE) - 1n;
    map.setU64(head, SHARE, share);
    if (share !== 0n) return;
  }
  map.setU64(head, MAPPING, 0n);
  const order = folioOrder(map, head);
  if (order > 0) resetFolio(map, head, order);
  else if (deviceRules(map).daxResetsSinglePages) map.setU64(head, SHARE, 0n);
}

/** The folio's pages become single pages again, each with the pgmap that only the head has kept. */
function resetFolio(map: DeviceMap, head: number, order: number): void {
  const { folio } = map.profile;
  const pgmap = map.u64(head, COMPOUND_WORD);
  map.setU8(head, folio.order, 0);
  if (folio.nrPages !== null) map.setU32(head, folio.nrPages, 0);
  for (let page = head; page < head + 2 ** order; page++) {
    clearFlagBit(map, page, "head");
    map.setU64(page, COMPOUND_WORD, pgmap);
    map.setU64(page, MAPPING, 0n);
    map.setU64(page, SHARE, 0n);
  }
}

function disassociatePage(map: DeviceMap, page: number): void {
  if (map.u64(page, MAPPING) === SHARED_MAPPING) {
    const share = map.u64(page, SHARE) - 1n;
    map.setU64(page, SHARE, share);
    if (share > 0n) return;
  }
  map.setU64(page, MAPPING, 0n);
  map.setU64(page, INDEX, 0n);
}

/** dax_folio_is_shared (6.15 on): in more than one file, or in the last of those that shared it. */
export function daxFolioIsShared(map: DeviceMap, head: number): boolean {
  return map.u64(head, MAPPING) === 0n && map.u64(head, SHARE) !== 0n;
}

/** Whether the page is in a file still when it has left one: nobody asks for its references then. */
export function daxStaysShared(map: DeviceMap, head: number): boolean {
  const folios = deviceRules(map).daxFolios;
  const shared = folios ? daxFolioIsShared(map, head) : map.u64(head, MAPPING) === SHARED_MAPPING;
  return shared && map.u64(head, SHARE) > 1n;
}

/** dax_busy_page: references other than those of page tables. */
export function daxIsBusy(map: DeviceMap, head: number): boolean {
  const count = map.i32(head, REFCOUNT);
  return deviceRules(map).daxFolios ? count !== folioMapcount(map, head) : count > 1;
}

/** dax_page_is_idle. */
export function daxIsIdle(map: DeviceMap, head: number): boolean {
  return map.i32(head, REFCOUNT) === (deviceRules(map).daxFolios ? 0 : 1);
}
