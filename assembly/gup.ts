// References by any page of a folio, and FOLL_PIN: references of whoever reads or writes a page's memory by DMA (mm/gup.c,
// include/linux/mm.h).

import { check_counted, counted_folio, folio_pincount } from "./folio";
import { compound_head, compound_order, has_page } from "./compound";
import { folio_pgmap } from "./memremap";
import { INVALID, notes } from "./memory";
import { count_add, count_at, count_change, ref_change, ref_count } from "./page_ref";
import { MemoryType, pgmap_type } from "./pgmap";
import { NO_FIELD, Word, word } from "./profile";
import { slot_to_page } from "./sparse";
import { Status, refused } from "./status";
import { folio_put_refs } from "./swap";
import { STRUCT_PAGE_SHIFT } from "./x86_64";

// ---- By any page ----------------------------------------------------------------------------------------------------

/**
 * try_get_page: 1 where a reference on the folio of this page was taken, 0 where its count is 0 or less, amid changes of other
 * threads too. Above 1 it is not taken, and an Event, counted from 2 for RELEASED, is to be dealt with for last_passed.
 */
export function try_get_page(slot: u32): i32 {
  if (ASC_FEATURE_THREADS) return try_get_folio(slot);
  const folio = counted_folio(slot);
  return folio < 0 ? folio : <i32>ref_inc_if_positive(slot_to_page(folio));
}

// @ts-ignore: top level decorators are AssemblyScript
@inline
function ref_inc_if_positive(p: u32): bool {
  let count: i32;
  do {
    count = ref_count(p);
    if (count <= 0) return false;
  } while (!ref_change(p, count, count + 1));
  return true;
}

/** How often a page may change folios under a thread's hands before it gives up. */
const MAX_TRIES: u32 = 64;

/**
 * try_get_folio (mm/gup.c): count, then check that the head is still the page's head. Where it is not, the reference is dropped
 * again, and may turn out to be that folio's last.
 */
function try_get_folio(slot: u32): i32 {
  let answer: i32 = 0;
  for (let tries: u32 = 0; tries < MAX_TRIES; tries++) {
    const folio = counted_folio(slot);
    // A head that has just become a tail, or a word between two folios; or the map is so, and the next look will tell.
    answer = min(folio, 0);
    if (folio < 0) continue;
    if (!ref_inc_if_positive(slot_to_page(folio))) return 0;
    if (compound_head(slot) == <u32>folio) return 1;
    const event = folio_put_refs(folio, 1);
    if (event < 0) return event;
    if (event > 0) {
      store<u32>(notes(), folio);
      return 1 + event;
    }
  }
  return answer;
}

/**
 * try_get_page of each of a list, up to the first whose answer is not 1: how many references were taken. The answer of the one that it stopped
 * at goes to `dst`.
 */
export function try_get_pages(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const answer = try_get_page(load<u32>(src + (at << 2)));
    if (answer == 1) continue;
    store<i32>(dst, answer);
    return at;
  }
  return nr;
}

/** The folio that try_get_page had the last reference of, on its way to another, when it last answered more than 1. */
export function last_passed(): u32 {
  return ASC_FEATURE_THREADS ? load<u32>(notes()) : INVALID;
}

// ---- Pins -----------------------------------------------------------------------------------------------------------

/** What a small folio's pin adds to its refcount (GUP_PIN_COUNTING_BIAS). */
const PIN_COUNTING_BIAS: i32 = 1 << 10;

/** How a folio is pinned, added up. */
export enum Foll {
  /** FOLL_LONGTERM: for long; not fs-dax, whose file may be truncated, nor coherent device memory. */
  LONGTERM = 1,
  /** FOLL_PCI_P2PDMA: the caller can deal with p2pdma pages. */
  PCI_P2PDMA = 2,
}

/** folio_has_pincount: large folios, in 5.15 from order 2 on. */
function has_pincount(folio: u32): bool {
  const order = compound_order(folio);
  const at = word(Word.PINCOUNT);
  if (order == 0 || at == NO_FIELD || order < word(Word.PINCOUNT_MIN_ORDER)) return false;
  return has_page(folio, at >> STRUCT_PAGE_SHIFT);
}

/** Whether `nr` more, each worth `weight`, fit a count of 32 bits. */
function fits(count: i32, nr: i32, weight: i32): bool {
  return <i64>count + <i64>nr * weight <= <i64>i32.MAX_VALUE;
}

/** References that a pin of this folio is worth. */
function pin_weight(folio: u32): i32 {
  return has_pincount(folio) ? 1 : PIN_COUNTING_BIAS;
}

function may_add_pins(count: i32, nr: i32, weight: i32): bool {
  return count > 0 && fits(count, nr, weight);
}

function check_pin(folio: u32, nr: i32, flags: u32): Status {
  if (nr < 1) return Status.ARGUMENT;
  const status = check_counted(folio);
  if (status != Status.OK) return status;
  if (!may_add_pins(ref_count(slot_to_page(folio)), nr, pin_weight(folio))) return Status.REFCOUNT;
  const type = pgmap_type(folio_pgmap(folio));
  if (type == MemoryType.PCI_P2PDMA && (flags & Foll.PCI_P2PDMA) == 0) return Status.NOT_PINNABLE;
  const moves = type == MemoryType.FS_DAX || type == MemoryType.COHERENT;
  if (moves && (flags & Foll.LONGTERM) != 0) return Status.NOT_PINNABLE;
  if (has_pincount(folio) && !fits(folio_pincount(folio), nr, 1)) return Status.REFCOUNT;
  return Status.OK;
}

/** try_grab_folio with FOLL_PIN: a large folio counts its pins beside its references, a small one as 1024 references each. */
export function folio_pin(folio: u32, nr: i32, flags: u32): i32 {
  const status = check_pin(folio, nr, flags);
  if (status != Status.OK) return refused(status);
  const p = slot_to_page(folio);
  const weight = pin_weight(folio);
  let count: i32;
  do {
    count = ref_count(p);
    if (!may_add_pins(count, nr, weight)) return refused(Status.REFCOUNT);
  } while (!ref_change(p, count, count + nr * weight));
  if (weight == 1) count_add(p + word(Word.PINCOUNT), nr);
  return 0;
}

/** gup_put_folio with FOLL_PIN: the Event of the references that go with the pins. */
export function folio_unpin(folio: u32, nr: i32): i32 {
  if (nr < 1) return refused(Status.ARGUMENT);
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  if (!has_pincount(folio)) {
    if (nr > i32.MAX_VALUE / PIN_COUNTING_BIAS) return refused(Status.REFCOUNT);
    return folio_put_refs(folio, nr * PIN_COUNTING_BIAS);
  }
  const at = slot_to_page(folio) + word(Word.PINCOUNT);
  let pins: i32;
  do {
    pins = count_at(at);
    if (pins < nr) return refused(Status.REFCOUNT);
  } while (!count_change(at, pins, pins - nr));
  const event = folio_put_refs(folio, nr);
  if (event < 0) count_add(at, nr);
  return event;
}

/** folio_maybe_dma_pinned: exact for large folios, a good guess for small ones. */
export function folio_maybe_dma_pinned(folio: u32): bool {
  if (check_counted(folio) == Status.ABSENT) return false;
  if (has_pincount(folio)) return folio_pincount(folio) > 0;
  return <u32>ref_count(slot_to_page(folio)) >= <u32>PIN_COUNTING_BIAS;
}
