import type { PlainMap } from "./javascript.js";

/**
 * The plain JavaScript a user would write for passes over all slots: no engine, one typed array. The rules are those told in
 * native/pass.c.
 */

/** Goes over all slots: the answers, as 32-bit words. */
export type Pass = () => Uint32Array;

const WORDS_PER_SLOT = 16;
const SLOTS_PER_PAGE = 64;
/** An order is a byte. */
const ORDERS = 256;

/** What the passes use of the slots, as they are told in fields-javascript.ts. */
export interface Slots {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly firstAddress: number;
  readonly headFlag: number;
  readonly orderOffset: number;
  readonly hasFakeHeads: boolean;
}

/** The slots of a map. */
export function slotsOf({ slots, encoding, vmemmapBase, headBit, orderOffset }: PlainMap): Slots {
  return {
    words: new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4),
    bytes: slots,
    firstAddress: Number(BigInt.asUintN(32, vmemmapBase)),
    headFlag: 1 << headBit,
    orderOffset,
    hasFakeHeads: encoding === "fake-heads",
  };
}

/** How many folios there are of each order; single pages are of order 0. */
export function countPass(map: PlainMap): Pass {
  const slots = slotsOf(map);
  return () => countByOrder(slots);
}

function countByOrder(slots: Slots): Uint32Array {
  const { words, bytes, headFlag, orderOffset } = slots;
  const counts = new Uint32Array(ORDERS);
  let singles = 0;
  for (let at = 0; at < words.length; at += WORDS_PER_SLOT) {
    if (words[at + 2]! & 1) continue;
    if (!(words[at]! & headFlag)) singles++;
    else if (!isFakeHead(slots, at)) counts[bytes[at * 4 + orderOffset]!]!++;
  }
  counts[0]! += singles;
  return counts;
}

/** PFNs of all heads of compound pages. */
export function headsPass(map: PlainMap): Pass {
  const slots = slotsOf(map);
  return () => listHeads(slots);
}

function listHeads(slots: Slots): Uint32Array {
  const { words, headFlag } = slots;
  const heads: number[] = [];
  for (let at = 0; at < words.length; at += WORDS_PER_SLOT) {
    if (words[at]! & headFlag && !(words[at + 2]! & 1) && !isFakeHead(slots, at)) heads.push(at / WORDS_PER_SLOT);
  }
  return Uint32Array.from(heads);
}

/** Whether a page with PG_head, told by the index of its first word, shows another's head: the next page names that. */
export function isFakeHead({ words, firstAddress, hasFakeHeads }: Slots, at: number): boolean {
  if (!hasFakeHeads || at % (SLOTS_PER_PAGE * WORDS_PER_SLOT) !== 0) return false;
  const next = words[at + WORDS_PER_SLOT + 2]!;
  return (next & 1) !== 0 && (next - 1 - firstAddress) >>> 2 !== at;
}
