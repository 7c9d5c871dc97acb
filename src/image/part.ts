import { PAGES_PER_SECTION, type Section } from "../sections.js";
import type { ImageHeader } from "./image.js";

/** What a header says of some of its sections: those of a stretch. */
export function headerOfPart(header: ImageHeader, sections: readonly Section[]): ImageHeader {
  const start = sections[0]!.number * PAGES_PER_SECTION;
  const end = (sections.at(-1)!.number + 1) * PAGES_PER_SECTION;
  const { pfns, frames, home } = header.aliases;
  const kept = Uint32Array.from(pfns.keys()).filter((i) => pfns[i]! >= start && pfns[i]! < end);
  const filtered = header.filtered.flatMap((range) => {
    const from = Math.max(range.start, start);
    const count = Math.min(range.start + range.count, end) - from;
    return count > 0 ? [{ start: from, count }] : [];
  });
  return {
    ...header,
    sections,
    aliases: {
      pfns: Float64Array.from(kept, (i) => pfns[i]!),
      frames: Uint32Array.from(kept, (i) => frames[i]!),
      home: Uint8Array.from(kept, (i) => home[i]!),
    },
    filtered,
  };
}
