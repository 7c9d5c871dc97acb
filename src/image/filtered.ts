import { SLOTS_PER_VMEMMAP_PAGE } from "../aliases.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import type { PfnRange } from "../types.js";
import type { ChunkLimits } from "./chunk.js";

//   0                8               16
//   | first PFN, u64 | pages, u64    |
export const FILTERED_RECORD = 16;
const COUNT_AT = 8;

/** Ranges of whole vmemmap pages: at most every other page of slots begins one. */
export function filteredLimits(sections: readonly Section[]): ChunkLimits {
  const perSection = PAGES_PER_SECTION / SLOTS_PER_VMEMMAP_PAGE / 2;
  return { max: sections.length * perSection * FILTERED_RECORD };
}

export function encodeFiltered(ranges: readonly PfnRange[]): Uint8Array {
  const bytes = new Uint8Array(ranges.length * FILTERED_RECORD);
  const view = new DataView(bytes.buffer);
  ranges.forEach(({ start, count }, i) => {
    view.setBigUint64(i * FILTERED_RECORD, BigInt(start), true);
    view.setBigUint64(i * FILTERED_RECORD + COUNT_AT, BigInt(count), true);
  });
  return bytes;
}

/** The ranges of a chunk's bytes. `refuse` gets what was expected where that does not hold. */
export function decodeFiltered(
  bytes: Uint8Array<ArrayBuffer>,
  sections: readonly Section[],
  refuse: (message: string) => Error,
): PfnRange[] {
  if (bytes.length % FILTERED_RECORD !== 0) {
    throw refuse(`expected records of ${FILTERED_RECORD} bytes, found ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer);
  const ranges: PfnRange[] = [];
  for (let at = 0; at < bytes.length; at += FILTERED_RECORD) {
    const start = Number(view.getBigUint64(at, true));
    ranges.push({ start, count: Number(view.getBigUint64(at + COUNT_AT, true)) });
  }
  checkFiltered(ranges, sections, refuse);
  return ranges;
}

/** What holds for the ranges of every image: they rise, do not touch, are made of whole pages of slots, and end by the last section. */
export function checkFiltered(
  ranges: readonly PfnRange[],
  sections: readonly Section[],
  refuse: (message: string) => Error,
): void {
  const limit = ((sections.at(-1)?.number ?? -1) + 1) * PAGES_PER_SECTION;
  const whole = (pages: number) => Number.isSafeInteger(pages) && pages % SLOTS_PER_VMEMMAP_PAGE === 0;
  let end = -1;
  for (const { start, count } of ranges) {
    if (!whole(start) || !whole(count) || start <= end || count <= 0 || start + count > limit) {
      throw refuse(
        `expected rising ranges of multiples of ${SLOTS_PER_VMEMMAP_PAGE} PFNs below ${limit}, found ${count} from ${start} after ${end}`,
      );
    }
    end = start + count;
  }
}
