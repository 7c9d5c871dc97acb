// Taking and dropping references (mm/swap.c, include/linux/mm.h): what the last one leads to depends on whose folio it is.

import { check_counted, check_get, counted_folio, folio_get } from "./folio";
import { Event, check_device_free, folio_pgmap, free_zone_device_folio, freed_count, idle_count } from "./memremap";
import { ref_add, ref_change, ref_count, ref_set } from "./page_ref";
import { Pgmap, pgmap_hold, pgmap_is_dying, pgmap_type } from "./pgmap";
import { slot_to_page } from "./sparse";
import { Status, refused } from "./status";

/** Why `nr` references may not be dropped of a folio with this count and this pgmap. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function check_left(count: i32, nr: i32, number: u32): Status {
  if (count >= 0 && count < nr) return Status.REFCOUNT;
  if (number == <u32>Pgmap.NOT_DEVICE) return Status.OK;
  const freed = freed_count(pgmap_type(number));
  if (count >= 0 && count - nr < freed) return Status.REFCOUNT;
  return count - nr == freed ? check_device_free(number) : Status.OK;
}

/** Why `nr` references of a head or single page may not be dropped. */
function check_put(folio: u32, nr: i32): Status {
  if (nr < 1) return Status.ARGUMENT;
  const status = check_counted(folio);
  return status == Status.OK ? check_left(ref_count(slot_to_page(folio)), nr, folio_pgmap(folio)) : status;
}

/** folio_put_refs, __folio_put: take `nr` off; an Event. Refused where there are not as many. */
export function folio_put_refs(folio: u32, nr: i32): i32 {
  if (nr < 1) return refused(Status.ARGUMENT);
  const counted = check_counted(folio);
  if (counted != Status.OK) return refused(counted);
  const p = slot_to_page(folio);
  // Once the count has dropped the folio may be another's.
  const number = folio_pgmap(folio);
  let count: i32;
  do {
    count = ref_count(p);
    const status = check_left(count, nr, number);
    if (status != Status.OK) return refused(status);
  } while (!ref_change(p, count, count - nr));
  const left = count - nr;
  if (number == <u32>Pgmap.NOT_DEVICE) return left == 0 ? Event.RELEASED : Event.NONE;
  return left == freed_count(pgmap_type(number)) ? free_zone_device_folio(folio, number) : Event.NONE;
}

/** folio_ref_inc: a plain increment, from 0 too, as a DAX fault does. Refused at overflow, and on idle pages of a dying pgmap. */
export function folio_ref_inc(folio: u32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  const p = slot_to_page(folio);
  const number = folio_pgmap(folio);
  const type = pgmap_type(number);
  let count: i32;
  do {
    count = ref_count(p);
    if (count == i32.MAX_VALUE) return refused(Status.REFCOUNT);
    if (type != 0 && pgmap_is_dying(number) && count == idle_count(type)) return refused(Status.PGMAP_DYING);
  } while (!ref_change(p, count, count + 1));
  return 0;
}

// ---- Lists of pages, one reference of each page's folio -----------------------------------------------------------
// All or none: a list is tried first, and what the counts changed by is kept beside it. Each call answers how many of the
// list it did; where that is not all, the next one can't be done.

/** Take a reference each; what the counts changed by goes to `dst`. */
export function get_folios(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0 || folio_get(folio) != 0) return at;
    store<i32>(dst + (at << 2), 1);
  }
  return nr;
}

/**
 * See whether a reference each could be dropped: the counts change as they would, and what they changed by goes to `dst`. Other
 * threads would take those counts for real ones: for maps that no other thread counts in meanwhile.
 */
export function try_put_folios(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0 || check_put(folio, 1) != Status.OK) return at;
    const p = slot_to_page(folio);
    const left = ref_add(p, -1);
    store<i32>(dst + (at << 2), -1);
    const number = folio_pgmap(folio);
    const type = pgmap_type(number);
    if (type == 0 || left != freed_count(type)) continue;
    const idle = idle_count(type);
    ref_set(p, idle);
    store<i32>(dst + (at << 2), idle - left - 1);
    // Such a page counts 1 before and after, so what its pgmap holds has to tell whether a second put may follow.
    if (idle - left == 1) pgmap_hold(number, -1);
  }
  return nr;
}

/** Undo get_folios or try_put_folios, by what the counts changed by. */
export function restore_counts(src: u32, changes: u32, nr: u32): void {
  for (let at = nr; at-- > 0;) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0) continue;
    const change = load<i32>(changes + (at << 2));
    if (change == 0) pgmap_hold(folio_pgmap(folio), 1);
    ref_add(slot_to_page(folio), -change);
  }
}

/** The Status for which a reference of the page's folio could not be taken, or OK. */
export function check_get_page(slot: u32): Status {
  const folio = counted_folio(slot);
  return folio < 0 ? <Status>-folio : check_get(folio);
}

/** The Status for which a reference of the page's folio could not be dropped, or OK. */
export function check_put_page(slot: u32): Status {
  const folio = counted_folio(slot);
  return folio < 0 ? <Status>-folio : check_put(folio, 1);
}

/** How many pages of a list there are before the first whose folio has no reference to drop. */
export function check_put_pages(src: u32, nr: u32): u32 {
  let at: u32 = 0;
  while (at < nr && check_put_page(load<u32>(src + (at << 2))) == Status.OK) at++;
  return at;
}

/** Drop a reference each; Events to `dst`. Stops behind the first that is not NONE: it is to be dealt with before the next drop. */
export function put_folios(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0 || check_put(folio, 1) != Status.OK) return at;
    const event = folio_put_refs(folio, 1);
    // Where another thread has dropped the last.
    if (event < 0) return at;
    store<i32>(dst + (at << 2), event);
    if (event != Event.NONE) return at + 1;
  }
  return nr;
}
