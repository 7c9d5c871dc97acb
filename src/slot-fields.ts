/** The fields of one struct page, by the names that the kernel has for what stands there. */
import type { Profile } from "./profile/index.js";
import { SLOT_BYTES } from "./sections.js";

/** What decides which fields a struct page shows. */
export interface SlotRole {
  /** Its word at +8 is tagged. */
  readonly isTagged: boolean;
  readonly isDevice: boolean;
  readonly isBuddy: boolean;
  /** It has a page type. */
  readonly isTyped: boolean;
  /** Which page of a folio of several it is; 0 also for a single page, and where its bytes are another page's. */
  readonly index: number;
}

/** A field: a number of up to 32 bits, signed where the kernel's is, or a word of 64. */
export interface SlotField {
  readonly name: string;
  /** Bytes from the start of the struct page. */
  readonly offset: number;
  readonly bytes: 1 | 4 | 8;
  readonly value: number | bigint;
}

interface Place {
  readonly name: string;
  readonly offset: number;
  readonly bytes: 1 | 4 | 8;
  readonly unsigned?: true;
}

/** The skeleton that all struct pages have (include/linux/mm_types.h). */
function ownPlaces({ tailEncoding }: Profile, { isTagged, isDevice, isBuddy, isTyped }: SlotRole): Place[] {
  const tag = tailEncoding === "mask" ? "compound_info" : "compound_head";
  const [next, prev] = isDevice
    ? ["pgmap", "zone_device_data"]
    : isBuddy
      ? ["buddy_list.next", "buddy_list.prev"]
      : ["lru.next", "lru.prev"];
  return [
    { name: "flags", offset: 0, bytes: 8 },
    { name: isTagged ? tag : next, offset: 8, bytes: 8 },
    { name: prev, offset: 16, bytes: 8 },
    { name: "mapping", offset: 24, bytes: 8 },
    { name: "index", offset: 32, bytes: 8 },
    { name: "private", offset: 40, bytes: 8 },
    isTyped ? { name: "page_type", offset: 48, bytes: 4, unsigned: true } : { name: "_mapcount", offset: 48, bytes: 4 },
    { name: "_refcount", offset: 52, bytes: 4 },
    { name: "memcg_data", offset: 56, bytes: 8 },
  ];
}

/** Fields of the folio that stand in its pages 1 and 2 (struct folio), at their offsets from the head. */
function folioPlaces({ folio }: Profile): Place[] {
  const places: (Omit<Place, "offset"> & { readonly offset: number | null })[] = [
    { name: "_order", offset: folio.order, bytes: 1, unsigned: true },
    { name: "_dtor", offset: folio.dtor, bytes: 1, unsigned: true },
    { name: "_nr_pages", offset: folio.nrPages, bytes: 4, unsigned: true },
    { name: "_large_mapcount", offset: folio.largeMapcount, bytes: 4 },
    { name: "_entire_mapcount", offset: folio.entireMapcount, bytes: 4 },
    { name: "_nr_pages_mapped", offset: folio.nrPagesMapped, bytes: 4 },
    { name: "_pincount", offset: folio.pincount, bytes: 4 },
    { name: "_mm_ids", offset: folio.mmIds, bytes: 8 },
    { name: "_mm_id_mapcount[0]", offset: folio.mmIdMapcounts, bytes: 4 },
    { name: "_mm_id_mapcount[1]", offset: folio.mmIdMapcounts === null ? null : folio.mmIdMapcounts + 4, bytes: 4 },
    { name: "_deferred_list.next", offset: folio.deferredList, bytes: 8 },
    { name: "_deferred_list.prev", offset: folio.deferredList + 8, bytes: 8 },
  ];
  return places.flatMap((place) => (place.offset === null ? [] : [{ ...place, offset: place.offset }]));
}

/**
 * The fields of a struct page by rising offset. Where a folio keeps a field of its own in a page behind its head, that stands in
 * place of the page's.
 *
 * @param bytes the 64 bytes of the slot
 */
export function slotFields(profile: Profile, bytes: Uint8Array, role: SlotRole): SlotField[] {
  const from = role.index * SLOT_BYTES;
  const folio =
    role.index === 0
      ? []
      : folioPlaces(profile)
          .filter(({ offset }) => offset >= from && offset < from + SLOT_BYTES)
          .map((place) => ({ ...place, offset: place.offset - from }));
  // The order shares page 1's flags word, which stays a flags word.
  const isCovered = ({ name, offset, bytes: size }: Place): boolean =>
    name !== "flags" && folio.some((place) => place.offset < offset + size && offset < place.offset + place.bytes);
  const own = ownPlaces(profile, role).filter((place) => !isCovered(place));
  const view = new DataView(bytes.buffer, bytes.byteOffset, SLOT_BYTES);
  return [...own, ...folio]
    .sort((a, b) => a.offset - b.offset)
    .map(({ name, offset, bytes: size, unsigned = false }) => ({
      name,
      offset,
      bytes: size,
      value:
        size === 8
          ? view.getBigUint64(offset, true)
          : size === 1
            ? view.getUint8(offset)
            : unsigned
              ? view.getUint32(offset, true)
              : view.getInt32(offset, true),
    }));
}
