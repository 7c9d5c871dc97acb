/** Machines with device memory, and slots of it read as raw words alone. */
import { expect } from "vitest";
import {
  defineProfile,
  type MemoryType,
  type MemremapOptions,
  Pgmap,
  type PresetName,
  type Profile,
  type TailEncoding,
  type Vmemmap,
  type VmemmapErrorCode,
  type VmemmapOptions,
} from "../../src/index.js";
import { errorOf, machine, SECTION, slotsFrom } from "./machine.js";

/** PFN of 4 GiB: a multiple of every folio size up to 1 GiB, in section 32. */
export const DEVICE = 0x100000;
/** kernel address of its struct page + 1: what a tail says where tails point. */
export const DEVICE_TAGGED = 0xffffea0004000001n;
export const OWNER = 0xffff888000abc000n;
export const INODE = 0xffff888012345678n;
export const TAIL_MAPPING = 0xdead000000000400n;

export const encodings: readonly TailEncoding[] = ["pointer", "fake-heads", "mask"];
/** One per set of rules that pages of a device have. */
export const before6_15 = ["6.1", "6.12", "6.14"] as const;
export const from6_15 = ["6.17", "6.18", "7.0", "7.3"] as const;
export const withFolios = [...before6_15, ...from6_15] as const;
export const types: readonly MemoryType[] = ["private", "coherent", "fs-dax", "generic", "pci-p2pdma"];
/** 5.15 has no coherent memory. */
export const typesOf = (kernel: PresetName): readonly MemoryType[] =>
  kernel === "5.15" ? types.filter((type) => type !== "coherent") : types;

/** Every kernel with every tail encoding. */
export const everyEncoding = (kernels: readonly PresetName[]): [PresetName, TailEncoding, Profile][] =>
  kernels.flatMap((kernel) =>
    encodings.map((tailEncoding): [PresetName, TailEncoding, Profile] => [
      kernel,
      tailEncoding,
      defineProfile(kernel, { tailEncoding }),
    ]),
  );

const nothing = () => undefined;

/** What memremap_pages asks of a driver of this type, with `pages` pages from {@link DEVICE} on. */
export function request(type: MemoryType, pages = 512, more: Partial<MemremapOptions> = {}): MemremapOptions {
  const ops = { pageFree: nothing, migrateToRam: nothing, ...more.ops };
  const driver =
    type === "private"
      ? { owner: OWNER, ops }
      : type === "coherent"
        ? { owner: OWNER, ops: { pageFree: ops.pageFree } }
        : {};
  return { type, ranges: [{ start: DEVICE, end: DEVICE + pages }], ...driver, ...more };
}

/** One section of boot RAM from PFN 0 on, and `pages` pages of device memory from {@link DEVICE} on. */
export function device(
  profile: Profile | PresetName,
  type: MemoryType,
  pages = 512,
  more: Partial<MemremapOptions> = {},
  options: Partial<VmemmapOptions> = {},
): { map: Vmemmap; pgmap: Pgmap } {
  const map = machine(profile, 1, options);
  return { map, pgmap: map.memremapPages(request(type, pages, more)) };
}

/** The eight words of a slot, in hex. */
export function slot(map: Vmemmap, pfn: number): string[] {
  return [0, 8, 16, 24, 32, 40, 48, 56].map((offset) => word(map.readWord(pfn, offset)));
}

export function word(value: bigint): string {
  return `0x${value.toString(16).padStart(16, "0")}`;
}

/** Eight words as {@link slot} gives them. */
export function words(...values: readonly bigint[]): string[] {
  return values.map(word);
}

/** The words of `count` slots in one array, eight for each. */
export function wordsFrom(map: Vmemmap, pfn: number, count: number): BigUint64Array {
  const bytes = new Uint8Array(count * 64);
  map.readSlots(pfn, bytes);
  return new BigUint64Array(bytes.buffer);
}

/** Which of the `count` pages from `pfn` on have a slot that is not these eight words. */
export function unlike(map: Vmemmap, pfn: number, count: number, expected: readonly bigint[]): number[] {
  const all = wordsFrom(map, pfn, count);
  const others: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let w = 0; w < 8; w++) {
      if (all[i * 8 + w] === expected[w]) continue;
      others.push(pfn + i);
      break;
    }
  }
  return others;
}

/** Numbers of the first `count` pages' pgmaps, as a set: places in `map.pgmaps`. */
export function pgmapsOf(map: Vmemmap, start: number, count: number): Set<number> {
  const numbers = new Uint32Array(count);
  expect(map.pgmapsInto({ start, count }, numbers)).toBe(0);
  return new Set(numbers);
}

/** Bytes of all slots, by copying: a view of them would keep the map from growing. */
function allSlots(map: Vmemmap): Buffer[] {
  return map.sections.flatMap(({ number }) =>
    Array.from({ length: 64 }, (_, i) => number * SECTION + 512 * i)
      .filter((pfn) => map.pfnValid(pfn))
      .map((pfn) => Buffer.from(slotsFrom(map, pfn, 512))),
  );
}

/** The action is refused with this code and a message that names these values, and nothing else is different. */
export function nothingHappens(
  map: Vmemmap,
  code: VmemmapErrorCode,
  mentions: readonly (string | number)[],
  action: () => unknown,
): void {
  const state = () => ({
    sections: map.sections,
    pgmaps: map.pgmaps.map((pgmap) => [pgmap, ...(pgmap instanceof Pgmap ? [pgmap.refs, pgmap.dying] : [])]),
    usage: map.vmemmapUsage(),
    slots: map.slots,
    ends: [map.startPfn, map.endPfn],
  });
  const [before, slots] = [state(), allSlots(map)];
  const error = errorOf(action);
  expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: `));
  for (const value of mentions) expect(error.message).toContain(String(value));
  expect(state()).toEqual(before);
  const changed = allSlots(map).filter((bytes, i) => !bytes.equals(slots[i]!));
  expect(changed.length, "subsections whose slots changed").toBe(0);
}

/** The codes by which a call may be refused, where the facts name none. */
export function refusedAs(codes: readonly VmemmapErrorCode[], action: () => unknown): void {
  expect(codes).toContain(errorOf(action).code);
}

/** Whether the promise is settled once everything that waits has run. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}
