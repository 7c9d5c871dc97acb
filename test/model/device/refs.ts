import { REFCOUNT } from "../page.js";
import { folioPut } from "../refs.js";
import { Refusal } from "../refusal.js";
import type { DeviceMap } from "./device-map.js";
import { freeZoneDeviceFolio, requireFreeable } from "./free.js";
import { isZoneDevicePage, pagePgmap } from "./pgmap.js";
import { deviceRules, freedAt } from "./rules.js";

/**
 * folio_put_refs of any head, ZONE_DEVICE or not. Where the free event is the drop to 1, no put goes below.
 *
 * @returns whether the folio was freed (fs-dax: became idle)
 * @throws Refusal "refcount", "pgmap-ops", "no-pgmap": then nothing has changed
 */
export function putFolio(map: DeviceMap, head: number, n = 1): boolean {
  const pgmap = pagePgmap(map, head);
  if (pgmap === null) return putWithoutPgmap(map, head, n);
  const end = freedAt(map, pgmap.type);
  const lowest = deviceRules(map).stopsAtOne.has(pgmap.type) ? 1 : 0;
  const count = map.i32(head, REFCOUNT);
  if (count >= 0 && count - n < lowest) throw new Refusal("refcount", `put of ${n} on PFN ${head} with count ${count}`);
  if (count - n === end) requireFreeable(map, pgmap);
  map.setI32(head, REFCOUNT, count - n);
  if (count - n !== end) return false;
  freeZoneDeviceFolio(map, head, pgmap);
  return true;
}

/** A page that holds an altmap's slots, or a stale one, can't be freed: free_zone_device_folio warns of it. */
function putWithoutPgmap(map: DeviceMap, head: number, n: number): boolean {
  if (isZoneDevicePage(map, head) && map.i32(head, REFCOUNT) === n) {
    throw new Refusal("no-pgmap", `last put of PFN ${head}, which names no pgmap`);
  }
  return folioPut(map, head, n);
}

/** folio_ref_inc: plain, from 0 too. */
export function folioRefInc(map: DeviceMap, head: number): void {
  map.setI32(head, REFCOUNT, map.i32(head, REFCOUNT) + 1);
}
