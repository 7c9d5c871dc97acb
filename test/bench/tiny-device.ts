import { FIRST_DEVICE_PFN, type DevicePages } from "../../bench/device-maps.js";
import type { TailEncoding } from "../../src/profile/profile.js";
import { obviousHead } from "./tiny-map.js";

const BASE = 0xffffea0000000000n;
const HEAD_BIT = 6;
const SLOTS = 4096;
const ZONE_SHIFT = 51n;
const NORMAL = 2n << ZONE_SHIFT;
const DEVICE = 4n << ZONE_SHIFT;
const OTHER_FLAGS = (0x3n << 54n) | (0xffffn << 35n) | (1n << 13n);

/**
 * Device pages written word by word: two pgmaps, folios of several orders, and among them pages of another zone whose words
 * look like a pgmap's.
 */
export function tinyDevicePages(encoding: TailEncoding): DevicePages {
  const firstPfn = FIRST_DEVICE_PFN;
  const half = firstPfn + SLOTS / 2;
  const pgmaps = [
    { address: 0xffff888104a00000n, start: firstPfn, end: half },
    { address: 0xffff8881fffffc00n, start: half, end: firstPfn + SLOTS },
  ];
  const words = new BigUint64Array(SLOTS * 8);
  for (let slot = 0; slot < SLOTS; slot++) {
    words[8 * slot] = DEVICE | OTHER_FLAGS;
    words[8 * slot + 1] = pgmaps.find(({ end }) => firstPfn + slot < end)!.address;
  }
  for (let slot = 0; slot < 16; slot++) words[8 * slot] = NORMAL | OTHER_FLAGS;
  const form = (head: number, order: number): void => {
    const word = encoding === "mask" ? BigInt.asUintN(64, -64n << BigInt(order)) : BASE + 64n * BigInt(firstPfn + head);
    words[8 * head]! |= 1n << BigInt(HEAD_BIT);
    for (let slot = head + 1; slot < head + 2 ** order; slot++) words[8 * slot + 1] = word | 1n;
  };
  form(32, 2);
  form(128, 6);
  form(512, 9);
  form(1024, 10);
  form(3072, 10);
  return {
    slots: new Uint8Array(words.buffer),
    encoding,
    vmemmapBase: BASE,
    headBit: HEAD_BIT,
    orderOffset: 64,
    firstPfn,
    zoneMask: 7n << ZONE_SHIFT,
    zoneDevice: DEVICE,
    pgmaps,
  };
}

/** A page's pgmap by the kernel's rules: slow and obvious. */
export function obviousPgmap(pages: DevicePages, pfn: number, form: "page" | "folio" | "range"): bigint {
  const { slots, firstPfn, vmemmapBase, pgmaps } = pages;
  if (form === "range") return pgmaps.find(({ start, end }) => start <= pfn && pfn < end)?.address ?? 0n;
  const view = new DataView(slots.buffer, slots.byteOffset, slots.byteLength);
  const slot = pfn - firstPfn;
  if ((view.getBigUint64(slot * 64, true) >> ZONE_SHIFT) % 8n !== 4n) return 0n;
  const fromZero = { ...pages, vmemmapBase: vmemmapBase + 64n * BigInt(firstPfn) };
  const holder = form === "page" ? slot : obviousHead(fromZero, slot);
  return view.getBigUint64(holder * 64 + 8, true);
}

export function allDevicePfns({ firstPfn, slots }: DevicePages): Uint32Array {
  return Uint32Array.from({ length: slots.length / 64 }, (_, slot) => firstPfn + slot);
}
