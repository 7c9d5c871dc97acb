/** Everything about one page. */
import { checkMap } from "./check.js";
import { VmemmapError } from "./errors.js";
import type { UsageKind } from "./kinds.js";
import type { BitField, Profile } from "./profile/index.js";
import { PAGE_BYTES, SLOT_BYTES } from "./sections.js";
import type { PageKind } from "./select.js";
import { slotFields, type SlotField } from "./slot-fields.js";
import { refcountOrigin, type SlotOrigin, slotOriginOf } from "./slot-origins.js";
import type { Vmemmap } from "./vmemmap.js";

/** What a folio of several pages has of its own; null where its kernel has no such field, or a map that was rebuilt does not know it. */
export interface FolioReport {
  /** PFN of its head. */
  readonly pfn: number;
  readonly order: number;
  readonly nrPages: number;
  readonly refcount: number | null;
  readonly mapcount: number;
  readonly largeMapcount: number | null;
  readonly entireMapcount: number | null;
  readonly nrPagesMapped: number | null;
  readonly pincount: number | null;
  readonly maybeMappedShared: boolean | null;
  /** Names of the flags in the head's word. */
  readonly flagNames: readonly string[];
  /** Names of the folio's flags in its page 1. */
  readonly secondFlagNames: readonly string[];
}

export interface PgmapReport {
  /** The word that names it. */
  readonly address: bigint;
  /** enum memory_type, null where no pgmap is known at this address. */
  readonly type: string | null;
  /** PFNs, end exclusive. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
}

/** The frame of a slot that shows elsewhere too (HVO, device-dax). */
export interface AliasReport {
  /** The slot shows a frame that is another page's. */
  readonly isAlias: boolean;
  /** First PFN of the vmemmap page whose own frame it is; null where it is no page's own. */
  readonly home: number | null;
  /** How many pages of the vmemmap show it. */
  readonly pages: number;
}

/** A field, and how it is known. */
export interface ReportedField extends SlotField {
  readonly known: SlotOrigin;
}

/** Fields that are words of the slot are null where a map that was rebuilt does not know them. */
export interface PageReport {
  readonly pfn: number;
  readonly physical: bigint;
  /** Address of its struct page. */
  readonly page: bigint;
  /** Null where its word leads nowhere. */
  readonly kind: UsageKind | null;
  readonly compound: PageKind | null;
  readonly head: number | null;
  readonly order: number | null;
  readonly refcount: number | null;
  readonly mapcount: number | null;
  readonly mapcountRaw: number;
  readonly type: string | null;
  readonly zone: number;
  readonly zoneName: string | null;
  readonly node: number;
  readonly lastCpupid: number | null;
  readonly lruGen: number | null;
  readonly lruRefs: number | null;
  readonly flags: bigint;
  /** Of the page's own flags. Bits that page 1 has for its folio, the order's among them, are the folio's. */
  readonly flagNames: readonly string[];
  readonly mapping: bigint | null;
  readonly index: bigint | null;
  readonly private: bigint | null;
  readonly memcg: bigint | null;
  readonly pgmap: PgmapReport | null;
  readonly alias: AliasReport | null;
  /** The dump left its slot out: all that is read as zero here is not known. */
  readonly filtered: boolean;
  /** Null for a single page. */
  readonly folio: FolioReport | null;
  readonly fields: readonly ReportedField[];
  /** The 64 bytes. */
  readonly bytes: Uint8Array;
}

/** @throws VmemmapError "pfn-absent" */
export function pageReport(map: Vmemmap, pfn: number): PageReport {
  checkMap(map, "pageReport");
  const bytes = new Uint8Array(SLOT_BYTES);
  map.readSlots(pfn, bytes);
  const view = new DataView(bytes.buffer);
  const word = (offset: number): bigint => view.getBigUint64(offset, true);
  const head = unlessAstray(() => map.compoundHead(pfn));
  const compound = head === null ? null : head !== pfn ? "tail" : map.pageHead(pfn) ? "head" : "single";
  const { profile } = map;
  const ifKnown = <T>(field: string, value: T): T | null => (slotOriginOf(map, field) === "unknown" ? null : value);
  const flags = word(0);
  const zone = map.pageZone(pfn);
  const type = map.pageType(pfn);
  const alias = aliasReport(map, pfn);
  const kind = head === null ? null : map.usageKind(pfn);
  const pgmap = head === null ? null : pgmapReport(map, pfn);
  // An alias shows the bytes of another page.
  const index = head === null || (alias?.isAlias ?? false) ? 0 : pfn - head;
  return {
    pfn,
    physical: BigInt(pfn) * BigInt(PAGE_BYTES),
    page: map.pageAddress(pfn),
    kind,
    compound,
    head,
    order: head === null ? null : map.folioOrder(pfn),
    refcount: knownRefcount(map, map.pageRefCount(pfn)),
    mapcount: head === null ? null : map.pageMapcount(pfn),
    mapcountRaw: view.getInt32(48, true),
    type,
    zone,
    zoneName: profile.zones[zone] ?? null,
    node: map.pageNode(pfn),
    lastCpupid: ifKnown("last_cpupid", fieldOf(flags, profile.lastCpupid)),
    lruGen: ifKnown("lru_gen", fieldOf(flags, profile.lruGen)),
    lruRefs: ifKnown("lru_refs", fieldOf(flags, profile.lruRefs)),
    flags,
    flagNames: index === 1 ? flagsOfPage1(profile, map.flagNames(pfn)) : map.flagNames(pfn),
    mapping: ifKnown("mapping", word(24)),
    index: ifKnown("index", word(32)),
    private: ifKnown("private", word(40)),
    memcg: ifKnown("memcg_data", word(56)),
    pgmap,
    alias,
    filtered: kind === "filtered",
    folio: compound === "head" || compound === "tail" ? folioReport(map, pfn) : null,
    fields: slotFields(profile, bytes, {
      isTagged: (bytes[8]! & 1) === 1,
      isDevice: pgmap !== null,
      isBuddy: type === "buddy",
      isTyped: type !== null,
      index,
    }).map((field) => ({ ...field, known: kind === "filtered" ? "unknown" : originOf(map, field) })),
    bytes,
  };
}

function knownRefcount(map: Vmemmap, refcount: number): number | null {
  return refcountOrigin(map, refcount) === "unknown" ? null : refcount;
}

function originOf(map: Vmemmap, { name, value }: SlotField): SlotOrigin {
  return name === "_refcount" ? refcountOrigin(map, Number(value)) : slotOriginOf(map, name);
}

function unlessAstray<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof VmemmapError && error.code === "bad-head") return null;
    throw error;
  }
}

function fieldOf(flags: bigint, { shift, width }: BitField): number | null {
  return width === 0 ? null : Number(BigInt.asUintN(width, flags >> BigInt(shift)));
}

/** Null too for an altmap's own pages, whose word is their own list head. */
function pgmapReport(map: Vmemmap, pfn: number): PgmapReport | null {
  const address = map.pagePgmapWord(pfn);
  if (address === null || address === 0n || address === map.pageAddress(pfn) + 8n) return null;
  return {
    address,
    type: map.memoryType(pfn),
    ranges: map.pagePgmap(pfn)?.ranges.map(({ start, end }) => [start, end] as const) ?? [],
  };
}

function aliasReport(map: Vmemmap, pfn: number): AliasReport | null {
  const sharing = map.sharingOf(pfn);
  return sharing && { isAlias: map.isAlias(pfn), ...sharing };
}

function folioReport(map: Vmemmap, pfn: number): FolioReport {
  const folio = map.folio(pfn);
  const { folio: layout } = map.profile;
  const isKnown = (field: string) => slotOriginOf(map, field) !== "unknown";
  const hasPincount = layout.pincount !== null && folio.order >= layout.pincountMinOrder;
  return {
    pfn: folio.pfn,
    order: folio.order,
    nrPages: folio.nrPages,
    refcount: knownRefcount(map, folio.refcount),
    mapcount: folio.mapcount,
    largeMapcount: layout.largeMapcount !== null && isKnown("_large_mapcount") ? folio.largeMapcount : null,
    entireMapcount: isKnown("_entire_mapcount") ? folio.entireMapcount : null,
    nrPagesMapped: layout.nrPagesMapped !== null && isKnown("_nr_pages_mapped") ? folio.nrPagesMapped : null,
    pincount: hasPincount && isKnown("_pincount") ? folio.pincount : null,
    maybeMappedShared: isKnown("_mm_ids") ? folio.maybeMappedShared : null,
    flagNames: map.flagNames(folio.pfn),
    secondFlagNames: secondFlags(map.profile).filter((name) => map.testFlag(folio.pfn, name)),
  };
}

const PAGE_1 = SLOT_BYTES;

/** What is left of the names of flags in page 1 of a folio: from 6.6 on its low byte is the order. */
function flagsOfPage1(profile: Profile, names: readonly string[]): string[] {
  const second = new Set(secondFlags(profile).map((name) => profile.flags[name]!.bit));
  const firstOwn = profile.folio.order === PAGE_1 ? 8 : 0;
  return names.filter((name) => {
    const { bit } = profile.flags[name]!;
    return bit >= firstOwn && !second.has(bit);
  });
}

function secondFlags({ flags }: Profile): string[] {
  return Object.keys(flags).filter((name) => flags[name]!.policy === "second");
}
