import { prepCompoundPage } from "../compound.js";
import { clearFlagBits, setFlagBit } from "../flagword.js";
import { COMPOUND_WORD, INDEX, MAPPING, MEMCG_DATA, REFCOUNT } from "../page.js";
import { Refusal } from "../refusal.js";
import type { DeviceMap } from "./device-map.js";
import { pageReferences } from "./free.js";
import { hold, type ModelPgmap, pgmapByRange } from "./pgmap.js";
import { deviceRules, freedAt } from "./rules.js";

/** The flags that share their byte with a folio's order, PG_head among them. */
const LOW_FLAGS = 0xffn;

/**
 * zone_device_page_init, and what p2pdma does in its place: the driver hands a page out. Leaves one reference on it (5.15:
 * one more than idle) and PG_locked set, but for p2pdma pages, which nobody locks.
 */
export function zoneDevicePageInit(map: DeviceMap, pfn: number, order = 0): void {
  const pgmap = pgmapByRange(map, pfn);
  if (pgmap === null) throw new Refusal("no-pgmap", `PFN ${pfn} belongs to no pgmap`);
  if (pgmap.type === "pci-p2pdma") {
    map.setI32(pfn, REFCOUNT, 1);
    hold(pgmap, 1);
    return;
  }
  if (deviceRules(map).initRewrites) {
    for (let i = 0; i < 2 ** order; i++) rewrite(map, pfn + i, pgmap);
  }
  map.setI32(pfn, REFCOUNT, freedAt(map, pgmap.type) + 1);
  setFlagBit(map, pfn, "locked");
  prepCompoundPage(map, pfn, order);
  hold(pgmap, pageReferences(map, pfn, pgmap));
}

/** 7.0: takes away what an earlier folio left in the page, be it its head, its page 1 or any other. */
function rewrite(map: DeviceMap, pfn: number, { address }: ModelPgmap): void {
  clearFlagBits(map, pfn, LOW_FLAGS);
  map.setU32(pfn, MEMCG_DATA, 0);
  map.setU64(pfn, MAPPING, 0n);
  map.setU64(pfn, COMPOUND_WORD, address);
  map.setU64(pfn, INDEX, 0n);
}
