import { folioOrder } from "../folio.js";
import { folioGet } from "../refs.js";
import type { DeviceMap } from "./device-map.js";
import { putFolio } from "./refs.js";

/** folio_get of each head, or of none. */
export function getFolios(map: DeviceMap, heads: readonly number[]): void {
  allOrNone(map, heads, () => heads.forEach((head) => folioGet(map, head)));
}

/** folio_put of each head in turn, or of none. @returns how many were freed */
export function putFolios(map: DeviceMap, heads: readonly number[]): number {
  return allOrNone(map, heads, () => heads.filter((head) => putFolio(map, head)).length);
}

/** Takes back what was done before the refusal: slots, references and calls. */
function allOrNone<T>(map: DeviceMap, heads: readonly number[], change: () => T): T {
  const pages = heads.flatMap((head) => Array.from({ length: 2 ** folioOrder(map, head) }, (_, i) => head + i));
  const slots = pages.map((pfn) => ({ pfn, bytes: map.bytes(pfn).slice() }));
  const refs = map.pgmaps.map(({ refs, held }) => ({ refs, held }));
  const calls = map.calls.length;
  try {
    return change();
  } catch (error) {
    for (const { pfn, bytes } of slots) map.bytes(pfn).set(bytes);
    map.pgmaps.forEach((pgmap, i) => Object.assign(pgmap, refs[i]));
    map.calls.length = calls;
    throw error;
  }
}
