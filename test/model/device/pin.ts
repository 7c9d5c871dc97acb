import { folioOrder, folioTestLarge } from "../folio.js";
import { REFCOUNT } from "../page.js";
import { Refusal } from "../refusal.js";
import type { DeviceMap } from "./device-map.js";
import { pagePgmap } from "./pgmap.js";
import { putFolio } from "./refs.js";

/** What a pin of a page without a count of pins adds to its references. */
export const GUP_PIN_COUNTING_BIAS = 1024;

/** What the pinning call allows or asks for. */
export interface PinFlags {
  readonly longterm: boolean;
  readonly p2pdma: boolean;
}

/**
 * try_grab_folio with FOLL_PIN.
 *
 * @throws Refusal "bad-argument" for a long pin that takes p2pdma pages (is_valid_gup_args), "refcount" on a count of 0 or below,
 *   "not-pinnable" by type
 */
export function pinFolio(map: DeviceMap, head: number, n: number, { longterm, p2pdma }: PinFlags): void {
  if (longterm && p2pdma) throw new Refusal("bad-argument", "a long pin of p2pdma pages");
  const count = map.i32(head, REFCOUNT);
  if (count <= 0) throw new Refusal("refcount", `pin of PFN ${head} with count ${count}`);
  const type = pagePgmap(map, head)?.type;
  const forLong = type !== "fs-dax" && type !== "coherent";
  if ((longterm && !forLong) || (type === "pci-p2pdma" && !p2pdma)) {
    throw new Refusal("not-pinnable", `PFN ${head} is ${type}`);
  }
  map.setI32(head, REFCOUNT, count + pinReferences(map, head, n));
  addPins(map, head, n);
}

/** gup_put_folio with FOLL_PIN. @returns as putFolio */
export function unpinFolio(map: DeviceMap, head: number, n: number): boolean {
  const counted = countsPins(map, head);
  const pins = counted === null ? 0 : map.i32(head, counted);
  if (counted !== null && pins < n) throw new Refusal("refcount", `unpin of ${n} on PFN ${head} with ${pins} pins`);
  addPins(map, head, -n);
  try {
    return putFolio(map, head, pinReferences(map, head, n));
  } catch (error) {
    addPins(map, head, n);
    throw error;
  }
}

/** folio_maybe_dma_pinned: exact where pins are counted. */
export function maybeDmaPinned(map: DeviceMap, head: number): boolean {
  const counted = countsPins(map, head);
  return counted === null ? map.u32(head, REFCOUNT) >= GUP_PIN_COUNTING_BIAS : map.i32(head, counted) > 0;
}

/** folio_has_pincount: the offset of the count, or null. */
function countsPins(map: DeviceMap, head: number): number | null {
  const { pincount, pincountMinOrder } = map.profile.folio;
  return folioTestLarge(map, head) && folioOrder(map, head) >= pincountMinOrder ? pincount : null;
}

function pinReferences(map: DeviceMap, head: number, n: number): number {
  return countsPins(map, head) === null ? n * GUP_PIN_COUNTING_BIAS : n;
}

function addPins(map: DeviceMap, head: number, n: number): void {
  const counted = countsPins(map, head);
  if (counted !== null) map.setI32(head, counted, map.i32(head, counted) + n);
}
