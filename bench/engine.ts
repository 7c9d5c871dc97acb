/** What the engine needs before it is timed. */
import { VmemmapError } from "../src/errors.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import type { Build } from "../src/types.js";
import type { Vmemmap } from "../src/vmemmap.js";
import type { PlainMap } from "./javascript.js";

/** Lets lookups take the unchecked loop everywhere. @throws VmemmapError "bad-image" where the map does not allow it */
export function markWellFormed(map: Vmemmap): void {
  const illFormed = map.checkWellFormed();
  for (const { number } of map.sections) {
    if (!map.isWellFormed(number * PAGES_PER_SECTION)) {
      throw new VmemmapError("bad-image", `the map can't be measured: ${illFormed} of its words lead to no head`);
    }
  }
}

/** A map as those see it who work without the engine. */
export function plainMapOf(map: Vmemmap): PlainMap {
  const { profile, vmemmapBase } = map;
  return {
    slots: map.slotBytes(),
    encoding: profile.tailEncoding,
    vmemmapBase,
    headBit: profile.flags["head"]!.bit,
    orderOffset: profile.folio.order,
  };
}

/** Puts a build to work, where it is not yet. */
export function useBuild(map: Vmemmap, build: Build): () => void {
  return () => {
    if (map.build !== build) map.build = build;
  };
}
