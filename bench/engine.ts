/** What the engine needs before it is timed. */
import { VmemmapError } from "../src/errors.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import { constant } from "../src/engine/modules.js";
import type { Build } from "../src/types.js";
import type { Vmemmap } from "../src/vmemmap.js";
import type { PlainMap } from "./javascript.js";

/**
 * Lets lookups take the unchecked loop everywhere, and makes the head index. @throws VmemmapError "bad-image" where the map does not
 * allow it, "out-of-memory" where more memory was added than the index has room for
 */
export function markWellFormed(map: Vmemmap): void {
  const illFormed = map.checkWellFormed();
  if (map.headIndex.state === "dropped")
    throw new VmemmapError("out-of-memory", "the map has no room for its head index");
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

/**
 * Puts a build to work, and the head index, or the way through the slots: the index stays as it is meanwhile, since nothing
 * changes the map.
 */
export function useEngine(map: Vmemmap, build: Build, way: "by-index" | "by-slots"): () => void {
  const { exports, plan } = map.core;
  const word = constant("Word.HEAD_INDEX");
  return () => {
    if (map.build !== build) map.build = build;
    exports.state_set(word, way === "by-index" ? plan.headIndex : 0, 0);
  };
}

/** The head index of a map: 8 bytes for each 64 slots, and behind them one for each 64. */
export function indexBytes(map: Vmemmap): Uint8Array {
  const { plan, u8 } = map.core;
  const blocks = map.slots / 64;
  const bytes = new Uint8Array(blocks * 9);
  const words = plan.headIndex + constant("HEAD_INDEX_BYTES");
  const orders = words + plan.headIndexSections * (PAGES_PER_SECTION / 8);
  bytes.set(u8.subarray(words, words + blocks * 8));
  bytes.set(u8.subarray(orders, orders + blocks), blocks * 8);
  return bytes;
}
