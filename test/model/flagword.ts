import type { BitField, PageFlag } from "../../src/profile/profile.js";
import type { ModelMap } from "./map.js";
import { FLAGS } from "./page.js";

/**
 * The flags word of one slot, as bits: what stands in this very slot, whatever page of a compound it is. Policies are
 * the business of flags.ts.
 *
 *     63                                                                  0
 *     | node | zone | last_cpupid | lru_gen | lru_refs |  ...  page flags |
 */

/** The kernel's -1: every bit of the field set. */
export const LAST_CPUPID_RESET = -1;

/** The bit of a flag as a mask; 0 where this kernel has no such flag. */
export function flagMask(map: ModelMap, name: string): bigint {
  const flag: PageFlag | undefined = map.profile.flags[name];
  return flag === undefined ? 0n : 1n << BigInt(flag.bit);
}

export function hasFlagBit(map: ModelMap, pfn: number, name: string): boolean {
  return (map.u64(pfn, FLAGS) & flagMask(map, name)) !== 0n;
}

export function setFlagBit(map: ModelMap, pfn: number, name: string): void {
  setFlagBits(map, pfn, flagMask(map, name));
}

export function clearFlagBit(map: ModelMap, pfn: number, name: string): void {
  clearFlagBits(map, pfn, flagMask(map, name));
}

export function setFlagBits(map: ModelMap, pfn: number, mask: bigint): void {
  map.setU64(pfn, FLAGS, map.u64(pfn, FLAGS) | mask);
}

export function clearFlagBits(map: ModelMap, pfn: number, mask: bigint): void {
  map.setU64(pfn, FLAGS, map.u64(pfn, FLAGS) & ~mask);
}

export function fieldMask(field: BitField): bigint {
  return ((1n << BigInt(field.width)) - 1n) << BigInt(field.shift);
}

/** PAGE_FLAGS_CHECK_AT_PREP: what no page may carry when it is handed out, and so what freeing and splitting clear. */
export function prepFlagsMask(map: ModelMap): bigint {
  const { nrPageFlags, lruGen, lruRefs } = map.profile;
  const pageFlags = (1n << BigInt(nrPageFlags)) - 1n;
  return (pageFlags & ~flagMask(map, "hwpoison")) | fieldMask(lruGen) | fieldMask(lruRefs);
}

/** page_zonenum; valid on tails too. */
export function pageZone(map: ModelMap, pfn: number): number {
  return readField(map, pfn, map.profile.zone);
}

/** page_to_nid; valid on tails too. */
export function pageNode(map: ModelMap, pfn: number): number {
  return readField(map, pfn, map.profile.node);
}

export function lastCpupid(map: ModelMap, pfn: number): number {
  return readField(map, pfn, map.profile.lastCpupid);
}

export function setLastCpupid(map: ModelMap, pfn: number, cpupid: number): void {
  writeField(map, pfn, map.profile.lastCpupid, cpupid);
}

/** set_page_links; the section number stands in no x86_64 flags word. */
export function setPageLinks(map: ModelMap, pfn: number, zone: number, nid: number): void {
  writeField(map, pfn, map.profile.zone, zone);
  writeField(map, pfn, map.profile.node, nid);
}

function readField(map: ModelMap, pfn: number, field: BitField): number {
  return Number((map.u64(pfn, FLAGS) & fieldMask(field)) >> BigInt(field.shift));
}

/** Bits of the value that the field has no room for are lost, as in the kernel. */
function writeField(map: ModelMap, pfn: number, field: BitField, value: number): void {
  clearFlagBits(map, pfn, fieldMask(field));
  setFlagBits(map, pfn, (BigInt(value) << BigInt(field.shift)) & fieldMask(field));
}
