/** Small maps to hold facts against, and reads and writes of single fields that go through raw words alone. */
import { expect } from "vitest";
import {
  type Build,
  type Folio,
  type PresetName,
  type Profile,
  Vmemmap,
  VmemmapError,
  type VmemmapErrorCode,
  type VmemmapOptions,
} from "../../src/index.js";

export const SECTION = 32768;
export const builds: readonly Build[] = ["simd", "scalar"];
/** Presets by what stands where (section "struct folio" of the layout): one of each family. */
export const families = ["5.15", "6.1", "6.12", "6.17", "7.3"] as const;
export const everyPreset = ["5.15", "6.1", "6.12", "6.14", "6.17", "6.18", "7.0", "7.3"] as const;

/** `sections` sections from PFN 0 on, all in zone NORMAL. */
export function machine(profile: Profile | PresetName, sections = 1, options: Partial<VmemmapOptions> = {}): Vmemmap {
  return new Vmemmap({ profile, memory: [{ start: 0, end: sections * SECTION, zone: "NORMAL" }], ...options });
}

/** A folio of 2^order pages at `pfn`, all its counts as prep_compound_page leaves them. */
export function compound(map: Vmemmap, pfn: number, order: number): Folio {
  map.prepCompoundPage(pfn, order);
  return map.folio(pfn);
}

function wordAt(offset: number): { page: number; word: number; shift: bigint } {
  const inSlot = offset % 64;
  return { page: Math.floor(offset / 64), word: inSlot - (inSlot % 8), shift: BigInt((inSlot % 8) * 8) };
}

/** Read `bytes` bytes, `offset` bytes after the start of page `pfn`'s slot. */
export function peek(map: Vmemmap, pfn: number, offset: number, bytes: 1 | 4 | 8): bigint {
  const { page, word, shift } = wordAt(offset);
  return BigInt.asUintN(bytes * 8, map.readWord(pfn + page, word) >> shift);
}

/** Write a field raw; restores no well-formed mark. */
export function poke(map: Vmemmap, pfn: number, offset: number, bytes: 1 | 4 | 8, value: number | bigint): void {
  const { page, word, shift } = wordAt(offset);
  const mask = ((1n << BigInt(bytes * 8)) - 1n) << shift;
  const old = map.readWord(pfn + page, word);
  map.writeWord(pfn + page, word, (old & ~mask) | ((BigInt(value) << shift) & mask));
}

export function slotsFrom(map: Vmemmap, pfn: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count * 64);
  map.readSlots(pfn, bytes);
  return bytes;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function errorOf(action: () => unknown): VmemmapError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(VmemmapError);
    return error as VmemmapError;
  }
  throw new Error("nothing was refused");
}

/** A copy of all slots, valid until the next one: fresh memory for each would cost more than the test. */
let copy = new Uint8Array(0);
function copyOf(slots: Uint8Array): Uint8Array {
  if (copy.length < slots.length) copy = new Uint8Array(slots.length);
  copy.set(slots);
  return copy.subarray(0, slots.length);
}

/** The action is refused with this code and a message that names these values, and no slot changes. */
export function refused(
  map: Vmemmap,
  code: VmemmapErrorCode,
  mentions: readonly (string | number)[],
  action: () => unknown,
): void {
  const before = copyOf(map.slotBytes());
  const error = errorOf(action);
  expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: `));
  for (const value of mentions) expect(error.message).toContain(String(value));
  expect(Buffer.compare(before, map.slotBytes()), "slots changed").toBe(0);
}
