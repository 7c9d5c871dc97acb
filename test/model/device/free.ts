import { clearFlagBit } from "../flagword.js";
import { folioNrPages } from "../folio.js";
import { MAPPING, MEMCG_DATA, REFCOUNT } from "../page.js";
import { Refusal } from "../refusal.js";
import type { DeviceMap, DriverCall } from "./device-map.js";
import { hold, type ModelPgmap } from "./pgmap.js";
import { deviceRules, idleRefcount } from "./rules.js";

/**
 * What the last put of a folio starts: free_zone_device_folio (6.15), free_zone_device_page (6.1), free_devmap_managed_page
 * (5.15). fs-dax pages that stop at 1 are not freed there: who waits for the folio is woken, and that is all.
 *
 * @throws Refusal "pgmap-ops" where the driver's function that would be called is missing
 */
export function freeZoneDeviceFolio(map: DeviceMap, head: number, pgmap: ModelPgmap): void {
  const { callsFree, clearsWaiters, keepsMapping, freedAtOne } = deviceRules(map);
  requireFreeable(map, pgmap);
  const wakesOnly = pgmap.type === "fs-dax" && freedAtOne.has("fs-dax");
  if (!wakesOnly) {
    map.setU64(head, MEMCG_DATA, 0n);
    clearAnonExclusive(map, head);
    if (clearsWaiters) clearFlagBit(map, head, "waiters");
    if (!keepsMapping.has(pgmap.type)) map.setU64(head, MAPPING, 0n);
  }
  if (callsFree.has(pgmap.type)) map.calls.push(freeCall(head, pgmap));
  if (pgmap.type === "fs-dax") map.calls.push({ call: "wake", pfn: head });
  map.setI32(head, REFCOUNT, idleRefcount(map, pgmap.type));
  hold(pgmap, -pageReferences(map, head, pgmap));
}

/** Pages that idle at 1 and are freed at 0 look the same in use and out of it: their pool's references tell. */
export function requireFreeable(map: DeviceMap, { type, ops, held }: ModelPgmap): void {
  const { idleAtOne, stopsAtOne } = deviceRules(map);
  const tells = type === "pci-p2pdma" && idleAtOne.has(type) && !stopsAtOne.has(type);
  if (tells && held <= 0) throw new Refusal("refcount", `last put of a ${type} page, none of which is in use`);
  if (deviceRules(map).callsFree.has(type) && !ops.has("pageFree") && !ops.has("folioFree")) {
    throw new Refusal("pgmap-ops", `no page_free of a ${type} pgmap`);
  }
}

function freeCall(head: number, { ops }: ModelPgmap): DriverCall {
  return { call: ops.has("folioFree") ? "folioFree" : "pageFree", pfn: head };
}

/** Only the head's up to 6.18; anonymous device folios are single pages there. */
function clearAnonExclusive(map: DeviceMap, head: number): void {
  if ((map.u64(head, MAPPING) & 1n) === 0n) return;
  const pages = deviceRules(map).initRewrites ? folioNrPages(map, head) : 1;
  for (let i = 0; i < pages; i++) clearFlagBit(map, head + i, "anon_exclusive");
}

/** References to its pgmap that a folio holds while it is handed out, beside those of the units. */
export function pageReferences(map: DeviceMap, head: number, { type }: ModelPgmap): number {
  if (deviceRules(map).unitReferences.has(type) && type !== "pci-p2pdma") return 0;
  switch (type) {
    case "private":
    case "coherent":
      return deviceRules(map).initRewrites ? folioNrPages(map, head) : 1;
    case "pci-p2pdma":
      return 1; // Of its pool.
    case "fs-dax":
    case "generic":
      return 0;
  }
}
