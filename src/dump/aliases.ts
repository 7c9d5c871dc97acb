/** Which vmemmap pages share a frame, as the page tables have it. */
import { SLOTS_PER_VMEMMAP_PAGE, type VmemmapAliases } from "../aliases.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import { VMEMMAP_PAGES_PER_SECTION } from "./sections.js";

/** Frames that are in a list more than once. Negative numbers are no frames. */
export function sharedFrames(frames: Float64Array): Set<number> {
  const shared = new Set<number>();
  // By stretches of neighbours, which are few where the vmemmap is mapped by large pages.
  const stretches = stretchesOf(frames).sort((a, b) => a.first - b.first);
  let end = 0;
  for (const { first, count } of stretches) {
    for (let frame = first; frame < Math.min(end, first + count); frame++) shared.add(frame);
    end = Math.max(end, first + count);
  }
  return shared;
}

function stretchesOf(frames: Float64Array): { readonly first: number; readonly count: number }[] {
  const stretches: { first: number; count: number }[] = [];
  for (let i = 0; i < frames.length;) {
    const first = frames[i]!;
    let count = 1;
    while (first >= 0 && frames[i + count] === first + count) count++;
    if (first >= 0) stretches.push({ first, count });
    i += count;
  }
  return stretches;
}

/**
 * The pages that share a frame. Who is at home: a folio's own vmemmap page comes first, those that only read it follow; but a frame
 * that belongs to the zone (`isZoneFrame`) is no page's own.
 *
 * @param frames of the vmemmap pages, 512 for each section
 */
export function aliasesOf(
  sections: readonly Section[],
  { frames, shared }: { readonly frames: Float64Array; readonly shared: ReadonlySet<number> },
  isZoneFrame: (pfn: number) => boolean,
): VmemmapAliases {
  const pfns: number[] = [];
  const numbers: number[] = [];
  const home: number[] = [];
  const known = new Map<number, number>();
  if (shared.size === 0) return { pfns: new Float64Array(0), frames: new Uint32Array(0), home: new Uint8Array(0) };
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i]!;
    if (!shared.has(frame)) continue;
    const section = sections[Math.floor(i / VMEMMAP_PAGES_PER_SECTION)]!;
    const pfn = section.number * PAGES_PER_SECTION + (i % VMEMMAP_PAGES_PER_SECTION) * SLOTS_PER_VMEMMAP_PAGE;
    const number = known.get(frame);
    pfns.push(pfn);
    numbers.push(number ?? known.size);
    home.push(number === undefined && !isZoneFrame(pfn) ? 1 : 0);
    if (number === undefined) known.set(frame, known.size);
  }
  return { pfns: Float64Array.from(pfns), frames: Uint32Array.from(numbers), home: Uint8Array.from(home) };
}
