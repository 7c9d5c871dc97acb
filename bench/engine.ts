/** What the engine needs before it is timed. */
import { VmemmapError } from "../src/errors.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import { constant } from "../src/engine/modules.js";
import type { Build } from "../src/types.js";
import type { Vmemmap } from "../src/vmemmap.js";

/** Lets lookups take the unchecked loop everywhere. @throws VmemmapError "bad-image" where the map does not allow it */
export function markWellFormed(map: Vmemmap): void {
  const illFormed = map.checkWellFormed();
  for (const { number } of map.sections) {
    if (!map.isWellFormed(number * PAGES_PER_SECTION)) {
      throw new VmemmapError("bad-image", `the map can't be measured: ${illFormed} of its words lead to no head`);
    }
  }
}

/** Puts a build to work, where it is not yet. */
export function useBuild(map: Vmemmap, build: Build): () => void {
  return () => {
    if (map.build !== build) map.build = build;
  };
}

/** Lets lookups go by the head index, or through the slots: the index stays as it is meanwhile, since nothing changes the map. */
export function useIndex(map: Vmemmap, wished: boolean): () => void {
  const { exports, plan } = map.core;
  const word = constant("Word.HEAD_INDEX");
  return () => {
    exports.state_set(word, wished ? plan.headIndex : 0, 0);
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
