/** How the words of a map's slots are known: those of a map that was rebuilt from what a kernel tells are not the kernel's own. */
import type { Vmemmap } from "./vmemmap.js";

/**
 * - `read`: as the kernel had it.
 * - `derived`: it follows from what was read elsewhere.
 * - `unknown`: nothing tells; what stands there is a stand-in.
 */
export const SLOT_ORIGINS = ["read", "derived", "unknown"] as const;

export type SlotOrigin = (typeof SLOT_ORIGINS)[number];

/**
 * How a field is known in the slots of a map, by its name as page reports have it. A reconstruction names in its provenance's `words`
 * those that it knows; all others are unknown.
 */
export function slotOriginOf({ provenance: { reconstruction, words } }: Vmemmap, field: string): SlotOrigin {
  if (reconstruction !== true) return "read";
  if (typeof words !== "object" || words === null || !Object.hasOwn(words, field)) return "unknown";
  const said = (words as Readonly<Record<string, unknown>>)[field];
  return SLOT_ORIGINS.find((origin) => origin === said) ?? "unknown";
}

/** The same of a reference count. That there is none, files about pages do tell: of tails, and of free pages. */
export function refcountOrigin(map: Vmemmap, refcount: number): SlotOrigin {
  const origin = slotOriginOf(map, "_refcount");
  return origin === "unknown" && refcount === 0 ? "derived" : origin;
}
