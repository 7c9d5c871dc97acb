/** The slots of a fresh map, as boot leaves them (mm/mm_init.c), and the numbers of zones. */
import { display, whole } from "./check.js";
import type { Core } from "./engine/core.js";
import { errorOf } from "./engine/status.js";
import { VmemmapError } from "./errors.js";
import type { Profile } from "./profile/index.js";
import { flagOf } from "./profile/names.js";
import { earlyHoles, type MemoryRange, PAGES_PER_SECTION, PFN_LIMIT } from "./sections.js";

/** Zones of x86_64 by their first PFN after (arch/x86/mm/init.c, zone_sizes_init). */
const ZONES_UP_TO = [
  ["DMA", 4096],
  ["DMA32", 2 ** 20],
  ["NORMAL", PFN_LIMIT],
] as const;

/** Free pages in the ranges (__free_pages_core), reserved ones in the holes of their sections (init_unavailable_range). */
export function initializeSlots(core: Core, profile: Profile, memory: readonly MemoryRange[]): void {
  const reserved = 1 << flagOf(profile, "reserved").bit;
  for (const hole of earlyHoles(core.sections, memory)) initializeRange(core, profile, hole, 1, reserved);
  for (const range of memory) initializeRange(core, profile, range, 0, 0);
}

function initializeRange(core: Core, profile: Profile, range: MemoryRange, refcount: number, flags: number): void {
  const { start, end } = range;
  const node = checkField(profile, "node", range.node ?? 0);
  const zones = range.zone === undefined ? ZONES_UP_TO : ([[range.zone, PFN_LIMIT]] as const);
  for (let pfn = start; pfn < end;) {
    const [zone, limit] = zones.find(([, after]) => pfn < after) ?? ["NORMAL", PFN_LIMIT];
    const stop = Math.min(end, limit, (Math.floor(pfn / PAGES_PER_SECTION) + 1) * PAGES_PER_SECTION);
    const number = zoneNumber(profile, zone);
    const status = core.exports.memmap_init_range(core.slotOf(pfn), stop - pfn, number, node, refcount, flags);
    if (status < 0) throw errorOf(-status, `memory range [${start}, ${end}), zone ${number}, node ${node}`);
    pfn = stop;
  }
}

/** Number of a zone, by name or as given. @throws VmemmapError "bad-argument" */
export function zoneNumber(profile: Profile, zone: string | number): number {
  if (typeof zone === "number") return checkField(profile, "zone", zone);
  const number = profile.zones.indexOf(zone);
  if (number < 0) {
    throw new VmemmapError("bad-argument", `zone ${display(zone)}: the profile has ${profile.zones.join(", ")}`);
  }
  return number;
}

/** A value that fits a field of the flags word. @throws VmemmapError "bad-argument" */
export function checkField(profile: Profile, name: "zone" | "node" | "lastCpupid", value: number): number {
  return whole(value, 0, 2 ** profile[name].width - 1, name);
}
