// Lists of PFNs to lists of slots and back. A PFN is a u32 where the map ends below PFN 2^32, else a double; what is
// no PFN of the map becomes slot INVALID, and slot INVALID becomes PFN INVALID or NaN. `dst` may be `src` where the
// elements are of one size.

import { INVALID } from "../memory";
import { pfn_to_slot, slot_to_pfn, slot_valid } from "../sparse";

/** 2^53: doubles below hold every whole number. */
const MAX_SAFE_PFN: f64 = 9007199254740992.0;

/** Slots of a list of PFNs below 2^32; answers how many were invalid. */
export function slots_of_pfns(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = pfn_to_slot(load<u32>(src + (at << 2)));
    store<u32>(dst + (at << 2), slot);
    invalid += <u32>(slot == INVALID);
  }
  return invalid;
}

/** PFNs of a list of slots, their low 32 bits; answers how many were invalid. */
export function pfns_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    const valid = slot_valid(slot);
    store<u32>(dst + (at << 2), valid ? <u32>slot_to_pfn(slot) : INVALID);
    invalid += <u32>!valid;
  }
  return invalid;
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function slot_of_f64(number: f64): u32 {
  if (!(number >= 0 && number < MAX_SAFE_PFN)) return INVALID;
  const pfn = <u64>number;
  return <f64>pfn == number ? pfn_to_slot(pfn) : INVALID;
}

/** Slots of a list of PFNs as doubles, where what is no whole number is no PFN; answers how many were invalid. */
export function slots_of_f64(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const number = load<f64>(src + (at << 3));
    const slot = slot_of_f64(number);
    store<u32>(dst + (at << 2), slot);
    invalid += <u32>(slot == INVALID);
  }
  return invalid;
}

/** PFNs of a list of slots, as doubles, NaN where there is none; answers how many were invalid. */
export function f64_of_slots(src: u32, dst: u32, nr: u32): u32 {
  let invalid: u32 = 0;
  for (let at: u32 = 0; at < nr; at++) {
    const slot = load<u32>(src + (at << 2));
    const valid = slot_valid(slot);
    store<f64>(dst + (at << 3), valid ? <f64>slot_to_pfn(slot) : NaN);
    invalid += <u32>!valid;
  }
  return invalid;
}

/** Write the PFNs first, first + 1, … as u32. */
export function pfn_run(first: u32, dst: u32, nr: u32): void {
  for (let at: u32 = 0; at < nr; at++) store<u32>(dst + (at << 2), first + at);
}

/** Write the PFNs first, first + 1, … as doubles; the first is given by its halves. */
export function f64_run(low: u32, high: u32, dst: u32, nr: u32): void {
  const first = ((<u64>high) << 32) | low;
  for (let at: u32 = 0; at < nr; at++) store<f64>(dst + (at << 3), <f64>(first + at));
}
