import { FRAME_BYTES } from "../memory.js";
import { codecOf, RAW } from "../codecs/index.js";

/** Most pages of a batch: 1 MiB of memory. */
export const BATCH_PAGES = 256;

/** Numbers of a page in {@link PackedPages.pages}: how it is packed, where in `bytes` it begins, and its length there. */
export const PAGE_FIELDS = 3;
export const PACKED_BY = 0;
export const PACKED_AT = 1;
export const PACKED_BYTES = 2;

/** Pages as they stand in a file. */
export interface PackedPages {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pages: Int32Array<ArrayBuffer>;
  readonly count: number;
}

/** A page that can't be unpacked, and what was found in its place. */
export interface Damage {
  readonly page: number;
  readonly found: string;
}

/**
 * Unpack pages, whose codecs are loaded.
 *
 * @param places page `i` goes to `out` at `4096 * places[i]`; without it, at `4096 * i`
 * @returns the first page that can't be unpacked, or null
 */
export function unpackPages(packed: PackedPages, out: Uint8Array, places?: Float64Array): Damage | null {
  const { bytes, pages, count } = packed;
  for (let page = 0; page < count; page++) {
    const at = page * PAGE_FIELDS;
    const begin = pages[at + PACKED_AT]!;
    const from = bytes.subarray(begin, begin + pages[at + PACKED_BYTES]!);
    const place = (places === undefined ? page : places[page]!) * FRAME_BYTES;
    const to = out.subarray(place, place + FRAME_BYTES);
    const by = pages[at + PACKED_BY]!;
    if (by === RAW) {
      to.set(from);
    } else {
      const found = codecOf(by)(from, to);
      if (found !== null) return { page, found };
    }
  }
  return null;
}
