import { hasFlagBit, pageNode, pageZone } from "../flagword.js";
import { folioTestLarge } from "../folio.js";
import { entireMapcount, folioMapcount } from "../mapcount.js";
import { compoundHead, isFakeHead, isTagged } from "../head.js";
import { COMPOUND_WORD, MAPPING, REFCOUNT, TAIL_MAPPING } from "../page.js";
import type { DeviceMap } from "./device-map.js";
import { isZoneDevicePage, pgmapByAddress, pgmapByRange, usableSpan } from "./pgmap.js";
import { deviceRules, idleRefcount, type MemoryType } from "./rules.js";

/** What is wrong with a page or with the folio that it heads. */
export type FindingCode =
  | "tail-head"
  | "head-unaligned"
  | "head-order"
  | "order-run"
  | "nr-pages"
  | "tail-refcount"
  | "tail-mapping"
  | "tail-flag-head"
  | "zone-differs"
  | "node-differs"
  | "pgmap-unknown"
  | "pgmap-range"
  | "pgmap-differs"
  | "pgmap-zone"
  | "device-refcount";

export interface Finding {
  readonly code: FindingCode;
  readonly pfn: number;
}

/** Holds every page of these, in rising order and with no gap that is not one, against what the kernel keeps true. */
export function verify(map: DeviceMap, pages: readonly number[]): Finding[] {
  const findings: Finding[] = [];
  let folio: Extent = { head: -1, end: -1 };
  for (const pfn of pages) {
    const add = (code: FindingCode) => findings.push({ code, pfn });
    if (isTagged(map, pfn) || isCopyOf(map, pfn, folio)) {
      checkTail(map, pfn, folio, add);
      continue;
    }
    if (hasFlagBit(map, pfn, "head")) {
      if (compoundHead(map, pfn) !== pfn) add("tail-head");
      const end = checkHead(map, pfn, add);
      // What claims to be a head in the middle of a folio does not end it, unless it makes one of its own.
      if (pfn >= folio.end || end > pfn + 1) folio = { head: pfn, end };
    }
    checkDevice(map, pfn, add);
  }
  return findings;
}

interface Extent {
  readonly head: number;
  readonly end: number;
}

/** A fake head in its place: HVO shows the head once more. */
function isCopyOf(map: DeviceMap, pfn: number, { head, end }: Extent): boolean {
  return pfn < end && isFakeHead(map, pfn) && compoundHead(map, pfn) === head;
}

type Add = (code: FindingCode) => void;

/** Slots that show another's bytes are not taken at their word. */
function isAlias(map: DeviceMap, pfn: number): boolean {
  const page = Math.floor(pfn / 64);
  return map.shared.has(page) && map.shared.has(page - 1);
}

/** @returns where the head's folio ends: by its order, and not before the last of the tails in a row that lead to it */
function checkHead(map: DeviceMap, head: number, add: Add): number {
  const { folio, maxFolioOrder } = map.profile;
  const order = map.has(head + 1) ? map.u8(head, folio.order) : 0;
  const end = head + 2 ** order;
  if (order === 0 || order > maxFolioOrder || !allPresent(map, head, end)) {
    add("head-order");
    return endOfRun(map, head);
  }
  if (head % 2 ** order !== 0) add("head-unaligned");
  let run = 1;
  while (run < 2 ** order ? isTagged(map, head + run) : leadsTo(map, head + run, head)) run++;
  if (run !== 2 ** order) add("order-run");
  if (folio.nrPages !== null && map.u32(head, folio.nrPages) !== 2 ** order) add("nr-pages");
  return Math.max(end, endOfRun(map, head));
}

function endOfRun(map: DeviceMap, head: number): number {
  let end = head + 1;
  while (leadsTo(map, end, head)) end++;
  return end;
}

function leadsTo(map: DeviceMap, pfn: number, head: number): boolean {
  return map.has(pfn) && isTagged(map, pfn) && compoundHead(map, pfn) === head;
}

function allPresent(map: DeviceMap, start: number, end: number): boolean {
  for (let pfn = start; pfn < end; pfn++) if (!map.has(pfn)) return false;
  return true;
}

/** A tail that is lost is judged by that alone. */
function checkTail(map: DeviceMap, tail: number, folio: Extent, add: Add): void {
  const head = compoundHead(map, tail);
  if (head === null || head !== folio.head || tail >= folio.end) {
    add("tail-head");
    return;
  }
  if (isAlias(map, tail)) return;
  if (hasFlagBit(map, tail, "head")) add("tail-flag-head");
  if (map.i32(tail, REFCOUNT) !== 0) add("tail-refcount");
  if (tail - head > metaPages(map) && map.u64(tail, MAPPING) !== TAIL_MAPPING) add("tail-mapping");
  if (pageZone(map, tail) !== pageZone(map, head)) add("zone-differs");
  if (pageNode(map, tail) !== pageNode(map, head)) add("node-differs");
}

/** Pages behind the head whose mapping word is a field of the folio. */
function metaPages(map: DeviceMap): number {
  return map.profile.folio.mmIds === null ? 2 : 3;
}

function checkDevice(map: DeviceMap, pfn: number, add: Add): void {
  const owner = pgmapByRange(map, pfn);
  const usable = owner?.ranges.map((range) => usableSpan(owner, range)) ?? [];
  const isUsable = usable.some(({ start, end }) => start <= pfn && pfn < end);
  if (!isZoneDevicePage(map, pfn)) {
    if (isUsable) add("pgmap-zone");
    return;
  }
  const word = map.u64(pfn, COMPOUND_WORD);
  if (owner !== null && !isUsable && word === map.addressOf(pfn) + BigInt(COMPOUND_WORD)) return;
  const pgmap = pgmapByAddress(map, word);
  if (pgmap === null) add("pgmap-unknown");
  else if (owner !== pgmap || !isUsable) add("pgmap-range");
  // What a page counts like is not known where its pgmap is in doubt.
  else if (map.i32(pfn, REFCOUNT) < leastRefcount(map, pfn, pgmap.type)) add("device-refcount");
}

/** What an idle folio has, and a reference for each mapping where mappings hold one. */
function leastRefcount(map: DeviceMap, head: number, type: MemoryType): number {
  const mappings = deviceRules(map).mappingsCount.has(type) ? Math.max(0, mappingsOf(map, head)) : 0;
  return idleRefcount(map, type) + mappings;
}

/** Where no count of all mappings is kept, only those of the whole are sure to be of this folio. */
function mappingsOf(map: DeviceMap, head: number): number {
  const added = folioTestLarge(map, head) && map.profile.folio.largeMapcount === null;
  return added ? entireMapcount(map, head) : folioMapcount(map, head);
}
