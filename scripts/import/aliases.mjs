/** Which vmemmap pages share a frame, found by walking the kernel's page tables over the whole vmemmap. */
const PAGE_SIZE = 4096;
const SLOTS_PER_PAGE = 64;
const VMEMMAP_PAGES_PER_SECTION = 512;

/** Physical frame address of every vmemmap page, by rising PFN; each frame's bytes must be those of the array. */
function framesOf(sections, memory, core, { vmemmapBase, array }) {
  return sections.flatMap(({ number }) =>
    Array.from({ length: VMEMMAP_PAGES_PER_SECTION }, (_, i) => {
      const page = number * VMEMMAP_PAGES_PER_SECTION + i;
      const frame = memory.translate(vmemmapBase + BigInt(page * PAGE_SIZE));
      if (frame === null) throw new Error(`vmemmap page of PFN ${page * SLOTS_PER_PAGE} is not mapped`);
      const bytes = array.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
      if (!bytes.equals(core.read(frame, PAGE_SIZE)))
        throw new Error(`slots of PFN ${page * SLOTS_PER_PAGE} differ from its frame`);
      return { pfn: page * SLOTS_PER_PAGE, frame };
    }),
  );
}

/**
 * Who is at home on a frame. A folio's own vmemmap page comes first, those that only read it follow; but the tail frame
 * HVO shares since 7.1 belongs to the zone (zone->vmemmap_tails), not to any folio.
 */
function isFrameShared(profile, slots) {
  const { shift, width } = profile.zone;
  const zone = (slots.readBigUInt64LE(0) >> BigInt(shift)) & ((1n << BigInt(width)) - 1n);
  return profile.tailEncoding === "mask" && profile.zones[Number(zone)] !== "DEVICE";
}

export function readAliases(sections, memory, core, { vmemmapBase, array, profile }) {
  const pages = framesOf(sections, memory, core, { vmemmapBase, array });
  const uses = new Map();
  for (const { frame } of pages) uses.set(frame, (uses.get(frame) ?? 0) + 1);

  const shared = pages.filter(({ frame }) => uses.get(frame) > 1);
  const ids = new Map();
  const home = shared.map(({ frame }) => {
    if (ids.has(frame)) return 0;
    ids.set(frame, ids.size);
    return isFrameShared(profile, core.read(frame, PAGE_SIZE)) ? 0 : 1;
  });
  return {
    pfns: Float64Array.from(shared, ({ pfn }) => pfn),
    frames: Uint32Array.from(shared, ({ frame }) => ids.get(frame)),
    home: Uint8Array.from(home),
  };
}
