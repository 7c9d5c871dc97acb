/** Passes over a stretch of slots, and what their answers make together. */
import * as batch from "./batch.js";
import { type Core, STAGED_ELEMENTS, stagingPlaces } from "./engine/core.js";
import { isWide } from "./lists.js";
import type { Profile } from "./profile/index.js";
import type { PfnList } from "./types.js";

/** How many folios of each order have their heads among these slots: 256 counts. */
export function countFolios(core: Core, first: number, end: number): Uint32Array {
  const { answers } = stagingPlaces(core);
  core.exports.count_folios_between(first, end, answers);
  return core.u32.slice(answers / 4, answers / 4 + 256);
}

/** Counts by order, up to the profile's largest order, or to the last that there is. */
export function ordersOf(profile: Profile, counts: Uint32Array): number[] {
  const last = counts.findLastIndex((count) => count > 0);
  return Array.from(counts.subarray(0, Math.max(profile.maxFolioOrder, last) + 1));
}

/** Those of these slots that match the predicate, in parts. */
export function selectSlots(core: Core, first: number, end: number): Uint32Array[] {
  const { slots } = stagingPlaces(core);
  const parts: Uint32Array[] = [];
  for (let next = first; ;) {
    const found = core.exports.select_between(next, end, slots, STAGED_ELEMENTS);
    const part = core.u32.slice(slots / 4, slots / 4 + found);
    parts.push(part);
    if (found < STAGED_ELEMENTS) return parts;
    next = (part[found - 1] ?? 0) + 1;
  }
}

/** PFNs of slots that come in parts. */
export function pfnsOfParts(core: Core, parts: readonly Uint32Array[]): PfnList {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  const out = isWide(core) ? new Float64Array(all.length) : all;
  batch.pfnsInto(core, all, out);
  return out;
}
