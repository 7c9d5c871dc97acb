// Taking and dropping references (mm/swap.c, include/linux/mm.h): what the last one leads to depends on whose folio it is.

import { check_counted, check_get, counted_folio } from "./folio";
import { Event, check_device_free, folio_pgmap, free_zone_device_folio, freed_count, idle_count } from "./memremap";
import { ref_add, ref_count, ref_set } from "./page_ref";
import { Pgmap, pgmap_hold, pgmap_is_dying, pgmap_type } from "./pgmap";
import { slot_to_page } from "./sparse";
import { Status, refused } from "./status";

/** Why `nr` references of a head or single page may not be dropped. */
function check_put(folio: u32, nr: i32): Status {
  if (nr < 1) return Status.ARGUMENT;
  const status = check_counted(folio);
  if (status != Status.OK) return status;
  const count = ref_count(slot_to_page(folio));
  if (count >= 0 && count < nr) return Status.REFCOUNT;
  const number = folio_pgmap(folio);
  if (number == <u32>Pgmap.NOT_DEVICE) return Status.OK;
  const freed = freed_count(pgmap_type(number));
  if (count >= 0 && count - nr < freed) return Status.REFCOUNT;
  return count - nr == freed ? check_device_free(number) : Status.OK;
}

/** folio_put_refs, __folio_put: take `nr` off; an Event. Refused where there are not as many. */
export function folio_put_refs(folio: u32, nr: i32): i32 {
  const status = check_put(folio, nr);
  if (status != Status.OK) return refused(status);
  const left = ref_add(slot_to_page(folio), -nr);
  const number = folio_pgmap(folio);
  if (number == <u32>Pgmap.NOT_DEVICE) return left == 0 ? Event.RELEASED : Event.NONE;
  return left == freed_count(pgmap_type(number)) ? free_zone_device_folio(folio, number) : Event.NONE;
}

/** folio_ref_inc: a plain increment, from 0 too, as a DAX fault does. Refused at overflow, and on idle pages of a dying pgmap. */
export function folio_ref_inc(folio: u32): i32 {
  const status = check_counted(folio);
  if (status != Status.OK) return refused(status);
  const p = slot_to_page(folio);
  if (ref_count(p) == i32.MAX_VALUE) return refused(Status.REFCOUNT);
  const number = folio_pgmap(folio);
  const type = pgmap_type(number);
  if (type != 0 && pgmap_is_dying(number) && ref_count(p) == idle_count(type)) return refused(Status.PGMAP_DYING);
  ref_add(p, 1);
  return 0;
}

// ---- Lists of pages, one reference of each page's folio -----------------------------------------------------------
// All or none: a list is tried first, and the counts before are kept beside it. Each call answers how many of the list it
// did; where that is not all, the next one can't be done.

/** Take a reference each; the counts before go to `dst`. */
export function get_folios(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0 || check_get(folio) != Status.OK) return at;
    const p = slot_to_page(folio);
    store<i32>(dst + (at << 2), ref_count(p));
    ref_add(p, 1);
  }
  return nr;
}

/** See whether a reference each could be dropped: the counts change as they would, those before go to `dst`. */
export function try_put_folios(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0 || check_put(folio, 1) != Status.OK) return at;
    const p = slot_to_page(folio);
    store<i32>(dst + (at << 2), ref_count(p));
    const left = ref_add(p, -1);
    const number = folio_pgmap(folio);
    const type = pgmap_type(number);
    if (type == 0 || left != freed_count(type)) continue;
    ref_set(p, idle_count(type));
    // Such a page counts 1 before and after, so what its pgmap holds has to tell whether a second put may follow.
    if (ref_count(p) == load<i32>(dst + (at << 2))) pgmap_hold(number, -1);
  }
  return nr;
}

/** Undo get_folios or try_put_folios: the counts as they were before. */
export function restore_counts(src: u32, counts: u32, nr: u32): void {
  for (let at = nr; at-- > 0;) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0) continue;
    const p = slot_to_page(folio);
    const count = load<i32>(counts + (at << 2));
    if (ref_count(p) == count) pgmap_hold(folio_pgmap(folio), 1);
    ref_set(p, count);
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

/** Drop a reference each; Events to `dst`. Stops behind the first that is not NONE: it is to be dealt with before the next drop. */
export function put_folios(src: u32, dst: u32, nr: u32): u32 {
  for (let at: u32 = 0; at < nr; at++) {
    const folio = counted_folio(load<u32>(src + (at << 2)));
    if (folio < 0 || check_put(folio, 1) != Status.OK) return at;
    const event = folio_put_refs(folio, 1);
    store<i32>(dst + (at << 2), event);
    if (event != Event.NONE) return at + 1;
  }
  return nr;
}
