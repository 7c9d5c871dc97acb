import * as batch from "./batch.js";
import { whole } from "./check.js";
import type { Core } from "./engine/core.js";
import { constant } from "./engine/modules.js";
import { VmemmapError } from "./errors.js";
import { countFolios, ordersOf, pfnsOfParts, selectSlots } from "./passes.js";
import type { Profile } from "./profile/index.js";
import { type PagePredicate, writePredicate } from "./select.js";
import type { AnswerList, PfnList, PfnSource } from "./types.js";
import { verify, type VerifyOptions, type VerifyReport } from "./verify.js";

/** What fits a 4 GiB memory. */
export const MAX_LIST_ENTRIES = 2 ** 30;

/** Questions about lists of pages, and about all of them, in a memory of class `B`. {@link Vmemmap} has them. */
export abstract class BatchMap<B extends ArrayBufferLike = ArrayBuffer> {
  #listsUsed = 0;

  /** @internal */
  abstract get core(): Core;
  abstract readonly profile: Profile;
  /** Numbers of the pgmaps that a predicate asks for, undefined where it asks for none. @internal */
  abstract pgmapNumbers(want: PagePredicate): readonly number[] | undefined;

  // ---- Batches -----------------------------------------------------------------------------------------------------
  // Each answers how many pages were invalid: absent, or with a word that leads nowhere. Their answers read 0xffffffff
  // (NaN in a Float64Array, all ones in 64 bits). `…Into` writes to the caller's array, the others over the list itself. The
  // two lists must not overlap in any other way ("bad-array").

  /**
   * Room for `length` PFNs or slots in the engine's own memory: batches between such lists copy nothing. There is no way to
   * give one back; all go with the map. Its buffer is the engine's whole memory: post a copy to a worker, not the list. That memory
   * does not grow from now on (`hotplugCapacity`).
   *
   * @throws VmemmapError "out-of-memory": `listCapacity` is used up
   */
  list(length: number): Uint32Array<B> {
    const { lists, listBytes } = this.core.plan;
    const bytes = whole(length, 0, MAX_LIST_ENTRIES, "length of a list") * 4;
    if (this.#listsUsed + bytes > listBytes) {
      throw new VmemmapError(
        "out-of-memory",
        `list of ${length}: ${(listBytes - this.#listsUsed) / 4} entries of listCapacity are left`,
      );
    }
    const at = lists + this.#listsUsed;
    this.#listsUsed += bytes;
    this.core.viewsGiven = true;
    return this.core.u32.subarray(at / 4, at / 4 + length) as Uint32Array<B>;
  }

  /** Heads of pages, as PFNs (compound_head). */
  headsInto(pages: PfnSource, out: PfnList): number {
    return batch.headsInto(this.core, pages, out);
  }

  /** {@link headsInto} the list of pages itself. */
  heads(pages: PfnList): number {
    return this.headsInto(pages, pages);
  }

  /** Orders of pages' folios (folio_order). */
  ordersInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "order", "ordersInto");
  }

  /** {@link ordersInto} the list of pages itself. */
  orders(pages: PfnList): number {
    return this.ordersInto(pages, pages);
  }

  /** A number for each page's folio, the same for all its pages and for no other folio: its head's slot. */
  folioIdsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "folioId", "folioIdsInto");
  }

  /** {@link folioIdsInto} the list of pages itself. */
  folioIds(pages: PfnList): number {
    return this.folioIdsInto(pages, pages);
  }

  /** Pages' own flags words. There is no in-place form: they have 64 bits. */
  flagsInto(pages: PfnSource, out: BigUint64Array): number {
    return batch.wordsInto(this.core, pages, out, "flags", "flagsInto");
  }

  /** The flags words of pages' heads. */
  folioFlagsInto(pages: PfnSource, out: BigUint64Array): number {
    return batch.wordsInto(this.core, pages, out, "folioFlags", "folioFlagsInto");
  }

  /** Pages' own refcounts (page_ref_count): signed, so an answer of -1 may also be a count. */
  refcountsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "refcount", "refcountsInto");
  }

  /** {@link refcountsInto} the list of pages itself. */
  refcounts(pages: PfnList): number {
    return this.refcountsInto(pages, pages);
  }

  /** The refcounts of pages' folios (page_count). */
  folioRefcountsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "folioRefcount", "folioRefcountsInto");
  }

  /** {@link folioRefcountsInto} the list of pages itself. */
  folioRefcounts(pages: PfnList): number {
    return this.folioRefcountsInto(pages, pages);
  }

  /** Mappings of pages, as {@link pageMapcount}. */
  mapcountsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "mapcount", "mapcountsInto");
  }

  /** {@link mapcountsInto} the list of pages itself. */
  mapcounts(pages: PfnList): number {
    return this.mapcountsInto(pages, pages);
  }

  /** Mappings of pages' folios (folio_mapcount). */
  folioMapcountsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "folioMapcount", "folioMapcountsInto");
  }

  /** {@link folioMapcountsInto} the list of pages itself. */
  folioMapcounts(pages: PfnList): number {
    return this.folioMapcountsInto(pages, pages);
  }

  /** Slots of pages. */
  slotsOf(pages: PfnSource, out: Uint32Array): number {
    return batch.slotsInto(this.core, pages, out);
  }

  /** PFNs of slots. */
  pfnsOf(slots: Uint32Array, out: PfnList): number {
    return batch.pfnsInto(this.core, slots, out);
  }

  // ---- Batches about pgmaps --------------------------------------------------------------------------------------------

  /**
   * Numbers of pages' pgmaps, places in {@link Vmemmap.pgmaps} (page_pgmap). A page that is not ZONE_DEVICE answers `NOT_DEVICE`, one
   * whose word names no known pgmap `UNKNOWN_PGMAP` (-2 and -3 in a signed list).
   */
  pgmapsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "pgmap", "pgmapsInto");
  }

  /** The same by range, as the kernel's xarray of pgmaps answers (get_dev_pagemap); `UNKNOWN_PGMAP` outside of all. */
  devPagemapsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "devPagemap", "devPagemapsInto");
  }

  /** The words that name pages' pgmaps, raw; 0 for pages that are not ZONE_DEVICE. */
  pgmapWordsInto(pages: PfnSource, out: BigUint64Array): number {
    return batch.wordsInto(this.core, pages, out, "pgmap", "pgmapWordsInto");
  }

  /** Numbers of pgmaps by each page's own word, as up to 6.14 (page->pgmap); `UNKNOWN_PGMAP` on tails. */
  ownPgmapsInto(pages: PfnSource, out: AnswerList): number {
    return batch.answersInto(this.core, pages, out, "ownPgmap", "ownPgmapsInto");
  }

  /** Pages' own words at +8, raw, as up to 6.14; 0 for tails and for pages that are not ZONE_DEVICE. */
  ownPgmapWordsInto(pages: PfnSource, out: BigUint64Array): number {
    return batch.wordsInto(this.core, pages, out, "ownPgmap", "ownPgmapWordsInto");
  }

  /** enum memory_type of pages' pgmaps, as this kernel numbers it; 0 for pages of none. */
  memoryTypesInto(pages: PfnSource, out: AnswerList): number {
    const invalid = batch.answersInto(this.core, pages, out, "memoryType", "memoryTypesInto");
    // The core numbers as from 6.1 on; 5.15 has no coherent memory.
    if (!this.profile.zoneDevice.memoryTypes.includes("coherent")) {
      for (let i = 0; i < out.length; i++) {
        const type = out[i]!;
        if (type > constant("MemoryType.COHERENT") && type < 8) out[i] = type - 1;
      }
    }
    return invalid;
  }

  /** {@link Vmemmap.zoneDevicePagesHaveSamePgmap} of two lists of pages, pair by pair: 1 or 0. */
  zoneDevicePagesHaveSamePgmapInto(a: PfnSource, b: PfnSource, out: AnswerList): number {
    return batch.pairsInto(this.core, a, b, out, "zoneDevicePagesHaveSamePgmapInto");
  }

  // ---- Whole-map passes -----------------------------------------------------------------------------------------------

  /** How many folios there are of each order; single pages are order 0. */
  foliosByOrder(): number[] {
    return ordersOf(this.profile, countFolios(this.core, 0, this.core.slotLimit));
  }

  /**
   * Hold every page against the rules of compound pages and of ZONE_DEVICE: heads and their runs of tails, zones and nodes
   * within a folio, pgmaps and their ranges, counts of device pages.
   */
  verify(options: VerifyOptions = {}): VerifyReport {
    return verify(this.core, options);
  }

  /** PFNs of all heads of compound pages, rising with their slots. */
  listHeads(): PfnList {
    return this.select({ kinds: ["head"] });
  }

  /** PFNs of all pages that match a predicate, rising with their slots. */
  select(want: PagePredicate): PfnList {
    writePredicate(this.core, this.profile, want, (asked) => this.pgmapNumbers(asked));
    return pfnsOfParts(this.core, selectSlots(this.core, 0, this.core.slotLimit));
  }
}
