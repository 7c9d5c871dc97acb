import { folioOrder } from "../folio.js";
import { Refusal } from "../refusal.js";
import type { DeviceMap } from "./device-map.js";
import { memmapInitZoneDevice } from "./init.js";
import { baseReferences, type ModelPgmap, pagePgmap, type PgmapPlan, usableSpan } from "./pgmap.js";

/** memremap_pages. */
export function memremapPages(map: DeviceMap, plan: PgmapPlan): ModelPgmap {
  const pgmap: ModelPgmap = { ...plan, refs: baseReferences(map, plan), held: 0, dying: false };
  for (const { start, end } of pgmap.ranges) map.addSubsections(start, end);
  for (const range of pgmap.ranges) memmapInitZoneDevice(map, pgmap, range);
  map.pgmaps.push(pgmap);
  return pgmap;
}

/** memunmap_pages. @throws Refusal "pgmap-busy" while more holds the pgmap than memremap_pages let */
export function memunmapPages(map: DeviceMap, pgmap: ModelPgmap): void {
  if (pgmap.refs > baseReferences(map, pgmap)) {
    throw new Refusal("pgmap-busy", `the pgmap at ${pgmap.address} has ${pgmap.refs} references`);
  }
  map.pgmaps.splice(map.pgmaps.indexOf(pgmap), 1);
  for (const { start, end } of pgmap.ranges) {
    map.removeSubsections(start, end);
    for (let page = start / 64; page < end / 64; page++) map.shared.delete(page);
  }
}

/** Heads of a pgmap's folios as they stand now, but for slots of an early section that were never made its own. */
export function pgmapFolios(map: DeviceMap, pgmap: ModelPgmap): number[] {
  const heads: number[] = [];
  for (const range of pgmap.ranges) {
    const { start, end } = usableSpan(pgmap, range);
    for (let head = start; head < end; head += 2 ** folioOrder(map, head)) heads.push(head);
  }
  return heads.filter((head) => pagePgmap(map, head) === pgmap);
}
