import type { ModelMap } from "../map.js";

/** enum memory_type, as drivers choose it. */
export type MemoryType = "private" | "coherent" | "fs-dax" | "generic" | "pci-p2pdma";

/** How the kernels differ in what a ZONE_DEVICE page is. */
export interface DeviceRules {
  /** enum memory_type from 1 on, in the kernel's order; 0 is reserved. */
  readonly types: readonly MemoryType[];
  /** Types whose pages are made with one reference and idle at it. */
  readonly idleAtOne: ReadonlySet<MemoryType>;
  /** Types whose count no put takes below 1. */
  readonly stopsAtOne: ReadonlySet<MemoryType>;
  /** Types whose free event is the drop to 1 (put_devmap_managed_page); that of others, if any, is the drop to 0. */
  readonly freedAtOne: ReadonlySet<MemoryType>;
  /** Types whose pages go to the driver's page_free or folio_free. */
  readonly callsFree: ReadonlySet<MemoryType>;
  /** Types whose pages keep their mapping when they are freed. */
  readonly keepsMapping: ReadonlySet<MemoryType>;
  /** The driver's pages lose PG_waiters when they are freed (__ClearPageWaiters). */
  readonly clearsWaiters: boolean;
  /** Types whose pgmap gets a reference for each folio-sized unit in memremap_pages. */
  readonly unitReferences: ReadonlySet<MemoryType>;
  /** Types whose mappings hold a reference each (vm_normal_page; section 7.4's tables). */
  readonly mappingsCount: ReadonlySet<MemoryType>;
  /** zone_device_page_init takes an order, and writes the pages anew (7.0). */
  readonly initRewrites: boolean;
  /** memmap_init_compound writes page 2 after the head's fields, and with it the deferred list (6.1 to 6.17). */
  readonly wipesDeferredList: boolean;
  /** Folios in early sections, which have all their slots, get all of them written (a fix of stable kernels). */
  readonly initsEarlyFolios: boolean;
  /** fs/dax.c makes folios of its entries (6.15), or writes page by page. */
  readonly daxFolios: boolean;
  /** Files can share pages (reflink). */
  readonly daxShares: boolean;
  /** A single page that leaves its file loses its share count as well (dax_folio_reset_order, 7.x). */
  readonly daxResetsSinglePages: boolean;
}

const ALL: readonly MemoryType[] = ["private", "coherent", "fs-dax", "generic", "pci-p2pdma"];
const set = (...types: MemoryType[]): ReadonlySet<MemoryType> => new Set(types);

/** No put takes a page to 0; put_devmap_managed_page knows of private and fs-dax pages only. */
const V5_15: DeviceRules = {
  types: ["private", "fs-dax", "generic", "pci-p2pdma"],
  idleAtOne: set(...ALL),
  stopsAtOne: set(...ALL),
  freedAtOne: set("private", "fs-dax"),
  callsFree: set("private"),
  keepsMapping: set("fs-dax"),
  clearsWaiters: true,
  unitReferences: set(...ALL),
  mappingsCount: set("private"),
  initRewrites: false,
  wipesDeferredList: false,
  initsEarlyFolios: true,
  daxFolios: false,
  daxShares: false,
  daxResetsSinglePages: false,
};
/** 6.1 to 6.14: free_zone_device_page, which puts all but driver-allocated pages back to 1. */
const V6_1: DeviceRules = {
  ...V5_15,
  types: ALL,
  idleAtOne: set("fs-dax", "generic", "pci-p2pdma"),
  stopsAtOne: set("fs-dax"),
  freedAtOne: set("fs-dax"),
  callsFree: set("private", "coherent", "generic", "pci-p2pdma"),
  clearsWaiters: false,
  unitReferences: set("fs-dax", "generic", "pci-p2pdma"),
  mappingsCount: set("private", "coherent"),
  wipesDeferredList: true,
  daxShares: true,
};
const V6_14: DeviceRules = { ...V6_1, initsEarlyFolios: false };
/** 6.15 on: free_zone_device_folio; device folios are counted as any other. */
const V6_17: DeviceRules = {
  ...V6_14,
  idleAtOne: set("generic"),
  stopsAtOne: set(),
  freedAtOne: set(),
  callsFree: set("private", "coherent", "pci-p2pdma"),
  keepsMapping: set("fs-dax", "generic"),
  mappingsCount: set(...ALL),
  daxFolios: true,
};
const V6_18: DeviceRules = { ...V6_17, wipesDeferredList: false };
const V7_0: DeviceRules = { ...V6_18, initRewrites: true };
const V7_3: DeviceRules = { ...V7_0, initsEarlyFolios: true, daxResetsSinglePages: true };

const RULES: Readonly<Record<string, DeviceRules>> = {
  "5.15": V5_15,
  "6.1": V6_1,
  "6.12": V6_1,
  "6.14": V6_14,
  "6.17": V6_17,
  "6.18": V6_18,
  "7.0": V7_0,
  "7.3": V7_3,
};

/** By the preset that a profile was made from. */
export function deviceRules(map: ModelMap): DeviceRules {
  const rules = RULES[map.profile.preset];
  if (rules === undefined) throw new Error(`no device rules for ${map.profile.preset}`);
  return rules;
}

/** The count of a page that nobody uses: right after memremap_pages, and after it was freed. */
export function idleRefcount(map: ModelMap, type: MemoryType): number {
  return deviceRules(map).idleAtOne.has(type) ? 1 : 0;
}

/** The count at which a put ends in the type's free step. */
export function freedAt(map: ModelMap, type: MemoryType): number {
  return deviceRules(map).freedAtOne.has(type) ? 1 : 0;
}

/** The kernel's number of a memory type; 0 where it has none. */
export function typeNumber(map: ModelMap, type: MemoryType): number {
  return deviceRules(map).types.indexOf(type) + 1;
}
