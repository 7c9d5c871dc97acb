// HVO: the vmemmap of a hugetlb folio keeps few pages of its own and shows shared ones in place of the rest
// (mm/hugetlb_vmemmap.c). Here the shown bytes are written out slot by slot, and the slots marked as aliases.
//
//     fake heads (6.1 to 7.0)   page 0 is kept, pages 1.. show page 0
//     mask (7.1 on)             page 0 is kept, pages 1.. show the zone's page of 64 equal tails
//     pointer (5.15)            pages 0 and 1 are kept, pages 2.. show page 1

import { PageHead, PageTail, check_span, compound_head, compound_info_of, compound_order } from "./compound";
import { forget_pgmaps, index_compound, index_forget } from "./head_index";
import { index_blocks } from "./index_scan";
import { NOT_MAPPED, page } from "./page";
import { links_mask } from "./page_links";
import { Encoding, Word, word } from "./profile";
import { any_shared, Sharing, set_slot_sharing, slot_to_page, slot_valid } from "./sparse";
import { Status, refused } from "./status";
import { SLOTS_PER_VMEMMAP_PAGE, STRUCT_PAGE_SHIFT, STRUCT_PAGE_SIZE, TAIL_MAPPING } from "./x86_64";

/** HPG_vmemmap_optimized: bit of the head's private word. */
const VMEMMAP_OPTIMIZED: u64 = 1 << 4;

const VMEMMAP_PAGE_SIZE: u32 = SLOTS_PER_VMEMMAP_PAGE << STRUCT_PAGE_SHIFT;

/** Slots a folio keeps for itself. */
// @ts-ignore: top level decorators are AssemblyScript
@inline
function reserved_slots(): u32 {
  return word(Word.ENCODING) == Encoding.POINTER ? 2 * SLOTS_PER_VMEMMAP_PAGE : SLOTS_PER_VMEMMAP_PAGE;
}

/** Whether the slots that a folio keeps are fit to be shown elsewhere: each leads to this head. */
function check_kept(head: u32): Status {
  for (let i: u32 = 1, kept = reserved_slots(); i < kept; i++) {
    if (compound_head(head + i) != head) return Status.BAD_HEAD;
  }
  return Status.OK;
}

function check_optimizable(head: u32): Status {
  if (!slot_valid(head)) return Status.ABSENT;
  if (PageTail(head)) return Status.TAIL;
  if (!PageHead(head)) return Status.NOT_COMPOUND;
  const status = check_span(head, compound_order(head));
  if (status != Status.OK) return status;
  return (<u32>1) << compound_order(head) > reserved_slots() ? check_kept(head) : Status.NOT_OPTIMIZED;
}

/** The bytes of the zone's shared tail page of 7.1 on (vmemmap_tails), written at the slot `p`. */
function write_shared_tail(p: u32, head: u32, info: u64): void {
  memory.fill(p, 0, STRUCT_PAGE_SIZE);
  const tail = changetype<page>(p);
  tail.flags = changetype<page>(slot_to_page(head)).flags & links_mask();
  tail.compound_info = info;
  tail.mapping = TAIL_MAPPING;
  tail._mapcount = NOT_MAPPED;
}

/** hugetlb_vmemmap_optimize_folio: from now on the folio's later slots are aliases. */
export function hugetlb_vmemmap_optimize_folio(head: u32): i32 {
  const status = check_optimizable(head);
  if (status != Status.OK) return refused(status);
  const order = compound_order(head);
  if (any_shared(head, 1 << order)) return refused(Status.ALIASED);
  const first = slot_to_page(head);
  changetype<page>(first).private_ |= VMEMMAP_OPTIMIZED;
  const reserved = reserved_slots();
  // From 7.1 on the shared frame is the zone's, and the head's own page is its alone.
  if (word(Word.ENCODING) != Encoding.MASK) set_slot_sharing(head + reserved - 1, Sharing.HOME);
  const nr: u32 = 1 << order;
  const info = compound_info_of(head, order);
  for (let i = reserved; i < nr; i += SLOTS_PER_VMEMMAP_PAGE) {
    const to = slot_to_page(head + i);
    if (word(Word.ENCODING) == Encoding.MASK) {
      for (let p = to; p != to + VMEMMAP_PAGE_SIZE; p += STRUCT_PAGE_SIZE) write_shared_tail(p, head, info);
    } else {
      memory.copy(to, slot_to_page(head + reserved - SLOTS_PER_VMEMMAP_PAGE), VMEMMAP_PAGE_SIZE);
    }
    set_slot_sharing(head + i, Sharing.ALIAS);
  }
  index_compound(head, order);
  forget_pgmaps(head, nr);
  return 0;
}

/** hugetlb_vmemmap_restore_folio: each slot is its own again, a plain tail as the last kept one is. */
export function hugetlb_vmemmap_restore_folio(head: u32): i32 {
  const status = check_optimizable(head);
  if (status != Status.OK) return refused(status);
  const nr: u32 = 1 << compound_order(head);
  const reserved = reserved_slots();
  if ((changetype<page>(slot_to_page(head)).private_ & VMEMMAP_OPTIMIZED) == 0) return refused(Status.NOT_OPTIMIZED);
  changetype<page>(slot_to_page(head)).private_ &= ~VMEMMAP_OPTIMIZED;
  const tail = slot_to_page(head + reserved - 1);
  for (let i = reserved; i < nr; i++) {
    memory.copy(slot_to_page(head + i), tail, STRUCT_PAGE_SIZE);
    if ((i & (SLOTS_PER_VMEMMAP_PAGE - 1)) == 0) set_slot_sharing(head + i, Sharing.NONE);
  }
  set_slot_sharing(head + reserved - 1, Sharing.NONE);
  // Words may be masks of another order than the head's: what is written is what is read.
  index_forget(head, nr);
  index_blocks(head, nr);
  return 0;
}
