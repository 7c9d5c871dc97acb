// What a pass of the checker finds, and how it tells the host.

import { notes } from "../memory";

/** Rules that a page may break. */
export enum Fault {
  /** A tagged word that leads to no head, or not to that of the folio it stands in. */
  TAIL_HEAD,
  /** A head whose PFN is no multiple of its folio's size. */
  HEAD_UNALIGNED,
  /** PG_head with an order that is 0, too large, or reaches past the pages there are. */
  HEAD_ORDER,
  /** The head's order says another number of pages than the run of tails. */
  ORDER_RUN,
  /** The folio's number of pages is not that of its order. */
  NR_PAGES,
  /** A tail with a count. */
  TAIL_REFCOUNT,
  /** A tail without TAIL_MAPPING, where no field of the folio stands. */
  TAIL_MAPPING,
  /** A tagged page with PG_head. */
  TAIL_FLAG_HEAD,
  /** A tail in another zone than its head. */
  ZONE_DIFFERS,
  /** A tail on another node than its head. */
  NODE_DIFFERS,
  /** A ZONE_DEVICE page whose word names no known pgmap. */
  PGMAP_UNKNOWN,
  /** A page that its pgmap's ranges do not cover. */
  PGMAP_RANGE,
  /** A folio whose pages stand in ranges of several pgmaps. */
  PGMAP_DIFFERS,
  /** A page that a pgmap has in use, in another zone than ZONE_DEVICE. */
  PGMAP_ZONE,
  /** A count that the kernel's rules for this type of device memory can't lead to. */
  DEVICE_REFCOUNT,
  /** The head index leads a page to another head than its slot. */
  INDEX_HEAD,
  /** The head index tells another order than the page's head. */
  INDEX_ORDER,
  /** The head index tells another pgmap than the page's head. */
  INDEX_PGMAP,
}

export const NR_FAULTS: u32 = Fault.INDEX_PGMAP + 1;
/** Where it is not known what stands there by rights. */
export const NO_VALUE: u64 = 0xffff_ffff_ffff_ffff;

/** One finding, as the host reads it. */
@unmanaged
export class Finding {
  /** What stands there. */
  found: u64;
  /** What would by rights; all ones where that is not known. */
  expected: u64;
  /** A Fault. */
  fault: u32;
  /** The page. */
  slot: u32;
}

export const FINDING_SIZE: u32 = offsetof<Finding>();

/** What a pass writes to: state of the call, at notes(). */
@unmanaged
export class Report {
  counts: u32;
  /** Findings that are still to be left out of the list. */
  skip: u32;
  next: u32;
  end: u32;
  /** The first page that no folio so far has dealt with. */
  at: u32;
  /** Valid slots in a row, as in_run last found them. */
  run_start: u32;
  run_end: u32;
}

/** Count a broken rule, and list it where there is room. */
export function report(fault: u32, slot: u32, found: u64, expected: u64): void {
  const to = changetype<Report>(notes());
  const count = to.counts + (fault << 2);
  store<u32>(count, load<u32>(count) + 1);
  if (to.skip != 0) {
    to.skip--;
    return;
  }
  if (to.next == to.end) return;
  const finding = changetype<Finding>(to.next);
  finding.found = found;
  finding.expected = expected;
  finding.fault = fault;
  finding.slot = slot;
  to.next += FINDING_SIZE;
}
