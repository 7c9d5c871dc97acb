import { prepCompoundPage } from "../compound.js";
import { setFlagBit } from "../flagword.js";
import { SLOTS_PER_VMEMMAP_PAGE } from "../head.js";
import { initSinglePage } from "../init.js";
import { COMPOUND_WORD, MAPPING, REFCOUNT, TAIL_MAPPING } from "../page.js";
import type { DeviceMap } from "./device-map.js";
import { type PfnSpan, type PgmapPlan, usableSpan } from "./pgmap.js";
import { deviceRules, idleRefcount } from "./rules.js";

/** struct page.zone_device_data. */
export const ZONE_DEVICE_DATA = 16;
/** Slots of a folio that deduplication leaves alone: VMEMMAP_RESERVE_NR vmemmap pages. */
const KEPT_SLOTS = 2 * SLOTS_PER_VMEMMAP_PAGE;

/** memmap_init_range and memmap_init_zone_device for one range of a pgmap. */
export function memmapInitZoneDevice(map: DeviceMap, pgmap: PgmapPlan, range: PfnSpan): void {
  initAltmapSlots(map, pgmap, range);
  const { start, end } = usableSpan(pgmap, range);
  const pages = 2 ** pgmap.order;
  for (let head = start; head + pages <= end; head += pages) {
    if (pgmap.order === 0) initZoneDevicePage(map, pgmap, head);
    else memmapInitCompound(map, pgmap, head);
    if (isDeduplicated(map, pgmap, head)) deduplicate(map, head, pages);
  }
}

/** The pages that the altmap takes: `reserve` slots are never written, `free` ones are plain pages without a pgmap. */
function initAltmapSlots(map: DeviceMap, { altmap, node }: PgmapPlan, { start }: PfnSpan): void {
  if (altmap === null) return;
  const first = start + altmap.reserve;
  for (let pfn = first; pfn < first + altmap.free; pfn++) initReservedPage(map, pfn, node);
}

function initReservedPage(map: DeviceMap, pfn: number, node: number): void {
  initSinglePage(map, pfn, map.profile.zones.indexOf("DEVICE"), node);
  setFlagBit(map, pfn, "reserved");
}

/** __init_zone_device_page. */
export function initZoneDevicePage(map: DeviceMap, { address, type, node }: PgmapPlan, pfn: number): void {
  initReservedPage(map, pfn, node);
  map.setU64(pfn, COMPOUND_WORD, address);
  map.setU64(pfn, ZONE_DEVICE_DATA, 0n);
  map.setI32(pfn, REFCOUNT, idleRefcount(map, type));
}

/** memmap_init_compound. Slots behind those it writes are no business of its own. */
function memmapInitCompound(map: DeviceMap, pgmap: PgmapPlan, head: number): void {
  const end = head + 2 ** pgmap.order;
  const written = head + compoundNrPages(map, pgmap, head);
  const rest = copyOfSlots(map, written, end);
  for (let pfn = head; pfn < written; pfn++) initZoneDevicePage(map, pgmap, pfn);
  prepCompoundPage(map, head, pgmap.order);
  for (let pfn = head + 1; pfn < written; pfn++) map.setI32(pfn, REFCOUNT, 0);
  rest.forEach((bytes, i) => map.bytes(written + i).set(bytes));
  if (deviceRules(map).wipesDeferredList) {
    map.setU64(head + 2, ZONE_DEVICE_DATA, 0n);
    map.setU64(head + 2, MAPPING, TAIL_MAPPING);
  }
}

function copyOfSlots(map: DeviceMap, start: number, end: number): Uint8Array[] {
  return Array.from({ length: end - start }, (_, i) => map.bytes(start + i).slice());
}

/** compound_nr_pages: how many slots of a folio are written. */
function compoundNrPages(map: DeviceMap, pgmap: PgmapPlan, head: number): number {
  if (map.isEarly(head) && deviceRules(map).initsEarlyFolios) return 2 ** pgmap.order;
  return canOptimize(pgmap) ? KEPT_SLOTS : 2 ** pgmap.order;
}

/** vmemmap_can_optimize. */
function canOptimize({ order, altmap, vmemmapOptimize }: PgmapPlan): boolean {
  return vmemmapOptimize && altmap === null && 2 ** order > KEPT_SLOTS;
}

/** Whether slots 128 and on share the frame of slots 64 to 127. The memmap of an early section is as boot made it. */
export function isDeduplicated(map: DeviceMap, pgmap: PgmapPlan, head: number): boolean {
  return canOptimize(pgmap) && !map.isEarly(head);
}

/** vmemmap_populate_compound_pages: what reads through the PTEs show. */
function deduplicate(map: DeviceMap, head: number, pages: number): void {
  const home = head + SLOTS_PER_VMEMMAP_PAGE;
  for (let i = KEPT_SLOTS; i < pages; i++) {
    map.bytes(head + i).set(map.bytes(home + (i % SLOTS_PER_VMEMMAP_PAGE)));
  }
  for (let i = SLOTS_PER_VMEMMAP_PAGE; i < pages; i += SLOTS_PER_VMEMMAP_PAGE) {
    map.shared.add((head + i) / SLOTS_PER_VMEMMAP_PAGE);
  }
}
