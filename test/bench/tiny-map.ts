import type { PlainMap } from "../../bench/javascript.js";
import type { TailEncoding } from "../../src/profile/profile.js";

const BASE = 0xffffea0000000000n;
const HEAD_BIT = 6;
const SLOTS = 4096;

/** A small map written word by word: folios of several orders, and with fake heads one of them as HVO shows it. */
export function tinyMap(encoding: TailEncoding): PlainMap {
  const slots = new Uint8Array(SLOTS * 64);
  const view = new DataView(slots.buffer);
  const form = (head: number, order: number): void => {
    const word = encoding === "mask" ? BigInt.asUintN(64, -64n << BigInt(order)) : BASE + 64n * BigInt(head);
    view.setBigUint64(head * 64, 1n << BigInt(HEAD_BIT), true);
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
  return { slots, encoding, vmemmapBase: BASE, headBit: HEAD_BIT };
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

export function allPfns({ slots }: PlainMap): Uint32Array {
  return Uint32Array.from({ length: slots.length / 64 }, (_, pfn) => pfn);
}
