import { folioOrder } from "../folio.js";
import { COMPOUND_WORD, MAPPING } from "../page.js";
import { splitFolioToOrder } from "../split.js";
import type { DeviceMap } from "./device-map.js";
import { pagePgmap } from "./pgmap.js";

/**
 * A split, and what keeps the parts of a ZONE_DEVICE folio with their pgmap: zone_device_private_split_cb, or the
 * driver's folio_split, which is told of each part, and then that there are no more.
 */
export function splitDeviceFolio(map: DeviceMap, head: number, newOrder: number): void {
  const pgmap = pagePgmap(map, head);
  const pages = 2 ** folioOrder(map, head);
  splitFolioToOrder(map, head, newOrder);
  if (pgmap === null) return;
  const told = pgmap.type === "private" && pgmap.ops.has("folioSplit");
  for (let part = head + 2 ** newOrder; part < head + pages; part += 2 ** newOrder) {
    map.setU64(part, COMPOUND_WORD, map.u64(head, COMPOUND_WORD));
    map.setU64(part, MAPPING, map.u64(head, MAPPING));
    if (told) map.calls.push({ call: "folioSplit", pfn: part });
  }
  if (told) map.calls.push({ call: "folioSplit", pfn: head });
}
