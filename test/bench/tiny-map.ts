import type { Field } from "../../bench/fields.js";
import type { PlainMap } from "../../bench/javascript.js";
import type { TailEncoding } from "../../src/profile/profile.js";

const BASE = 0xffffea0000000000n;
const HEAD_BIT = 6;
/** The low byte of page 1's flags. */
const ORDER_OFFSET = 64;
const SLOTS = 4096;

/** A small map written word by word: folios of several orders, and with fake heads one of them as HVO shows it. */
export function tinyMap(encoding: TailEncoding): PlainMap {
  const slots = new Uint8Array(SLOTS * 64);
  const view = new DataView(slots.buffer);
  for (let pfn = 0; pfn < SLOTS; pfn++) view.setBigUint64(pfn * 64, BigInt(pfn) << 40n, true);
  const setFlags = (pfn: number, bits: bigint): void =>
    view.setBigUint64(pfn * 64, view.getBigUint64(pfn * 64, true) | bits, true);
  const form = (head: number, order: number): void => {
    const word = encoding === "mask" ? BigInt.asUintN(64, -64n << BigInt(order)) : BASE + 64n * BigInt(head);
    setFlags(head, 1n << BigInt(HEAD_BIT));
    setFlags(head + 1, BigInt(order));
    for (let pfn = head + 1; pfn < head + 2 ** order; pfn++) view.setBigUint64(pfn * 64 + 8, word | 1n, true);
  };
  form(2, 1);
  form(64, 2);
  form(128, 6);
  form(512, 9);
  form(1024, 10);
  if (encoding === "fake-heads") {
    for (let copy = 1; copy < 8; copy++) slots.copyWithin((512 + 64 * copy) * 64, 512 * 64, 576 * 64);
  }
  return { slots, encoding, vmemmapBase: BASE, headBit: HEAD_BIT, orderOffset: ORDER_OFFSET };
}

/** compound_head by the kernel's rules, in whole addresses: slow and obvious. */
export function obviousHead({ slots, encoding, vmemmapBase, headBit }: PlainMap, pfn: number): number {
  const view = new DataView(slots.buffer, slots.byteOffset, slots.byteLength);
  const word = view.getBigUint64(pfn * 64 + 8, true);
  const own = vmemmapBase + 64n * BigInt(pfn);
  const pfnOf = (address: bigint): number => Number((address - vmemmapBase) / 64n);
  if (word & 1n) return pfnOf(encoding === "mask" ? own & word : word - 1n);
  if (encoding === "fake-heads" && own % 4096n === 0n && (view.getBigUint64(pfn * 64, true) >> BigInt(headBit)) & 1n) {
    const next = view.getBigUint64((pfn + 1) * 64 + 8, true);
    if (next & 1n) return pfnOf(next - 1n);
  }
  return pfn;
}

/** The flags word of a page. */
export function obviousFlags({ slots }: PlainMap, pfn: number): bigint {
  return new DataView(slots.buffer, slots.byteOffset, slots.byteLength).getBigUint64(pfn * 64, true);
}

/** compound_order of a head or single page. */
export function obviousOrder(map: PlainMap, head: number): number {
  const isLarge = (obviousFlags(map, head) >> BigInt(map.headBit)) & 1n;
  return isLarge ? map.slots[head * 64 + map.orderOffset]! : 0;
}

/** What a page is asked for, as 32-bit words. */
export function obviousField(map: PlainMap, pfns: Uint32Array, field: Field): Uint32Array {
  if (field === "order") return pfns.map((pfn) => obviousOrder(map, obviousHead(map, pfn)));
  const flags = BigUint64Array.from(pfns, (pfn) =>
    obviousFlags(map, field === "page-flags" ? pfn : obviousHead(map, pfn)),
  );
  return new Uint32Array(flags.buffer);
}

/** Heads of compound pages. */
export function obviousHeads(map: PlainMap): Uint32Array {
  return allPfns(map).filter((pfn) => obviousHead(map, pfn) === pfn && obviousOrder(map, pfn) > 0);
}

/** Folios of each order. */
export function obviousCounts(map: PlainMap): Uint32Array {
  const counts = new Uint32Array(256);
  for (const pfn of allPfns(map)) {
    if (obviousHead(map, pfn) === pfn) counts[obviousOrder(map, pfn)]!++;
  }
  return counts;
}

export function allPfns({ slots }: PlainMap): Uint32Array {
  return Uint32Array.from({ length: slots.length / 64 }, (_, pfn) => pfn);
}
