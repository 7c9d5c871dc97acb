import { defineProfile, profile as profileOf, type Profile } from "../src/profile/index.js";
import type { TailEncoding } from "../src/profile/profile.js";
import { PAGES_PER_SECTION, SLOT_BYTES } from "../src/sections.js";
import { Vmemmap } from "../src/vmemmap.js";
import { plainMapOf } from "./engine.js";
import type { PlainMap } from "./javascript.js";

/** A struct dev_pagemap of one range, end exclusive. */
export interface PgmapRange {
  /** Its kernel address: what a page's word holds. */
  readonly address: bigint;
  readonly start: number;
  readonly end: number;
}

/** Slots of ZONE_DEVICE pages without a hole, and what tells their pgmaps. */
export interface DevicePages extends PlainMap {
  /** The page of the first slot, aligned to every folio. */
  readonly firstPfn: number;
  /** The zone's bits in the flags word. */
  readonly zoneMask: bigint;
  /** How they read in ZONE_DEVICE. */
  readonly zoneDevice: bigint;
  /** By rising start. */
  readonly pgmaps: readonly PgmapRange[];
}

/** How a map of device pages is made. */
export interface DeviceMapOptions {
  readonly profile: Profile;
  /** All pages are in folios of this order. */
  readonly order: number;
  readonly pgmaps: readonly PgmapRange[];
  /** Room for lists in the engine's memory, in entries. */
  readonly listCapacity: number;
}

/** Orders up to 18, 1 GiB, are aligned here. */
export const FIRST_DEVICE_PFN = 2 ** 18;
/** System RAM: one section below, as small as it gets. */
const BOOT_MEMORY = { start: 0, end: PAGES_PER_SECTION };
const PGMAPS = 8;
/** Addresses as of slab objects of 1 KiB, the size of a struct dev_pagemap in its driver's own structure. */
const PGMAP_BASE = 0xffff888104a00000n;
const PGMAP_STRIDE = 0x400n;

/** The kernel whose pages each name their pgmap. */
export const PAGE_PROFILE = profileOf("6.14");

/** For each encoding a kernel whose folios name the pgmap. */
export const FOLIO_PROFILES: Readonly<Record<TailEncoding, Profile>> = {
  pointer: defineProfile("6.18", { name: "6.18 without HVO", tailEncoding: "pointer" }),
  "fake-heads": profileOf("6.18"),
  mask: profileOf("7.3"),
};

/** Eight pgmaps side by side over `pages` device pages, fewer where folios of `largestOrder` leave no room for eight. */
export function divideAmongPgmaps(pages: number, largestOrder: number): PgmapRange[] {
  const unit = Math.max(2 ** largestOrder, PAGES_PER_SECTION);
  const units = pages / unit;
  const count = Math.min(PGMAPS, units);
  const boundary = (i: number): number => FIRST_DEVICE_PFN + Math.floor((i * units) / count) * unit;
  return Array.from({ length: count }, (_, i) => ({
    address: PGMAP_BASE + PGMAP_STRIDE * BigInt(i),
    start: boundary(i),
    end: boundary(i + 1),
  }));
}

/** Makes the map as the kernel's drivers do: fs-dax pages, or device-dax folios of a larger order. */
export function buildDeviceMap({ profile, order, pgmaps, listCapacity }: DeviceMapOptions): Vmemmap {
  const hotplugCapacity = pgmaps.reduce((pages, { start, end }) => pages + end - start, 0); // else the head index has no room for them
  const map = new Vmemmap({ profile, memory: [BOOT_MEMORY], listCapacity, hotplugCapacity });
  for (const { address, start, end } of pgmaps) {
    const type = order === 0 ? "fs-dax" : "generic";
    map.memremapPages({ type, address, ranges: [{ start, end }], vmemmapShift: order });
  }
  return map;
}

/** The device pages of such a map, as its bytes. No more pages can be added to the map from here on. */
export function devicePages(map: Vmemmap, pgmaps: readonly PgmapRange[]): DevicePages {
  const { profile } = map;
  const { shift, width } = profile.zone;
  const plain = plainMapOf(map);
  return {
    ...plain,
    slots: plain.slots.subarray(map.slotOf(FIRST_DEVICE_PFN) * SLOT_BYTES),
    firstPfn: FIRST_DEVICE_PFN,
    zoneMask: ((1n << BigInt(width)) - 1n) << BigInt(shift),
    zoneDevice: BigInt(profile.zones.indexOf("DEVICE")) << BigInt(shift),
    pgmaps,
  };
}
