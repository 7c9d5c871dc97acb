/** What must hold of a head index at any time: it answers as the slots do. */
import { expect } from "vitest";
import type { Vmemmap } from "../../src/index.js";

const PIECE = 1024;

/** By the checker, which looks at every block. */
export function expectSoundIndex(map: Vmemmap): void {
  const { counts } = map.verify({ limit: 0 });
  expect({
    head: counts["index-head"],
    order: counts["index-order"],
    pgmap: counts["index-pgmap"],
  }).toEqual({});
}

/** By lists, for pages around these PFNs, beside the core's functions for one slot, which read the slots alone. */
export function expectSameBySlots(map: Vmemmap, places: readonly number[]): void {
  const { compound_head, compound_order, page_pgmap, slot_valid } = map.core.exports;
  const wide = map.endPfn >= 2 ** 32;
  for (const start of new Set(places.map((place) => place - (place % PIECE)))) {
    const range = { start, count: PIECE };
    const slots = Array.from({ length: PIECE }, (_, i) => map.core.slotOf(start + i));
    const heads = slots.map((slot) => compound_head(slot) >>> 0);
    const none = wide ? NaN : 0xffffffff;

    const listed = wide ? new Float64Array(PIECE) : new Uint32Array(PIECE);
    map.headsInto(range, listed);
    expect(Array.from(listed)).toEqual(heads.map((head) => (head === 0xffffffff ? none : map.core.pfnOf(head))));

    const answers = new Float64Array(PIECE);
    const orders = heads.map((head) => (head === 0xffffffff ? NaN : compound_order(head)));
    map.ordersInto(range, answers);
    expect(Array.from(answers)).toEqual(orders);
    const narrow = new Int32Array(PIECE);
    map.ordersInto(range, narrow);
    expect(Array.from(narrow)).toEqual(orders.map((order) => (Number.isNaN(order) ? -1 : order)));

    map.pgmapsInto(range, narrow);
    expect(Array.from(narrow)).toEqual(slots.map((slot) => (slot_valid(slot) === 0 ? -1 : page_pgmap(slot) | 0)));
    const words = new BigUint64Array(PIECE);
    map.pgmapWordsInto(range, words);
    const wanted = new BigUint64Array(PIECE);
    const at = slotsList(map, slots);
    map.core.exports.pgmap_words_of_slots(at.slots, at.answers, PIECE);
    wanted.set(map.core.u64.subarray(at.answers / 8, at.answers / 8 + PIECE));
    expect(words).toEqual(wanted);
  }
}

/** Slots put where the core may read them, and where its answers may go. */
function slotsList(map: Vmemmap, slots: readonly number[]): { slots: number; answers: number } {
  const { lists, listBytes } = map.core.plan;
  expect(listBytes).toBeGreaterThanOrEqual(PIECE * 12 + 8);
  const answers = Math.ceil((lists + PIECE * 4) / 8) * 8;
  map.core.u32.set(slots, lists / 4);
  return { slots: lists, answers };
}
