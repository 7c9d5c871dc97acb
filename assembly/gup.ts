// FOLL_PIN: references of whoever reads or writes a page's memory by DMA (mm/gup.c, include/linux/mm.h).

import { check_counted, folio_pincount } from "./folio";
import { compound_order, has_page } from "./compound";
import { folio_pgmap } from "./memremap";
import { ref_add, ref_count } from "./page_ref";
import { MemoryType, pgmap_type } from "./pgmap";
import { NO_FIELD, Word, word } from "./profile";
import { slot_to_page } from "./sparse";
import { Status, refused } from "./status";
import { folio_put_refs } from "./swap";
import { STRUCT_PAGE_SHIFT } from "./x86_64";

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

function check_pin(folio: u32, nr: i32, flags: u32): Status {
  if (nr < 1) return Status.ARGUMENT;
  const status = check_counted(folio);
  if (status != Status.OK) return status;
  const count = ref_count(slot_to_page(folio));
  if (count <= 0 || !fits(count, nr, has_pincount(folio) ? 1 : PIN_COUNTING_BIAS)) return Status.REFCOUNT;
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
  if (has_pincount(folio)) {
    ref_add(p, nr);
    store<i32>(p + word(Word.PINCOUNT), folio_pincount(folio) + nr);
  } else {
    ref_add(p, nr * PIN_COUNTING_BIAS);
  }
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
  const pins = folio_pincount(folio);
  if (pins < nr) return refused(Status.REFCOUNT);
  const at = slot_to_page(folio) + word(Word.PINCOUNT);
  store<i32>(at, pins - nr);
  const event = folio_put_refs(folio, nr);
  if (event < 0) store<i32>(at, pins);
  return event;
}

/** folio_maybe_dma_pinned: exact for large folios, a good guess for small ones. */
export function folio_maybe_dma_pinned(folio: u32): bool {
  if (check_counted(folio) == Status.ABSENT) return false;
  if (has_pincount(folio)) return folio_pincount(folio) > 0;
  return <u32>ref_count(slot_to_page(folio)) >= <u32>PIN_COUNTING_BIAS;
}
