/** The live dev_pagemap objects that the capture's tool decoded, for the map's to be held against. */
export function checkPgmaps(pgmaps, { pgmaps: told }) {
  const live = told.filter(({ nr_range }) => nr_range > 0);
  if (live.length !== pgmaps.length) throw new Error(`expected ${live.length} pgmaps, found ${pgmaps.length}`);
  for (const { pgmap, type, flags, vmemmap_shift } of live) {
    const found = pgmaps.find(({ address }) => address === BigInt(pgmap));
    if (found?.typeName !== type || found.flags !== flags || found.vmemmapShift !== vmemmap_shift) {
      throw new Error(`pgmap ${pgmap}: expected ${type}, flags ${flags}, shift ${vmemmap_shift}`);
    }
  }
}

/** A pgmap that was freed while slots still name it has no ranges: it is none any more. */
export function stalePgmaps({ pgmaps }) {
  return pgmaps.filter(({ nr_range }) => nr_range === 0).map(({ pgmap }) => pgmap);
}
