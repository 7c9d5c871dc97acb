import * as batch from "./batch.js";
import { whole } from "./check.js";
import { type Core, STAGED_ELEMENTS, stagingPlaces } from "./engine/core.js";
import { VmemmapError } from "./errors.js";
import { isWide } from "./lists.js";
import type { Profile } from "./profile/index.js";
import { type PagePredicate, writePredicate } from "./select.js";
import type { AnswerList, PfnList, PfnSource } from "./types.js";
import { verify, type VerifyOptions, type VerifyReport } from "./verify.js";

/** What fits a 4 GiB memory. */
export const MAX_LIST_ENTRIES = 2 ** 30;

/** Questions about lists of pages, and about all of them. {@link Vmemmap} has them. */
export abstract class BatchMap {
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
  list(length: number): Uint32Array<ArrayBuffer> {
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
    return this.core.u32.subarray(at / 4, at / 4 + length);
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

  // ---- Whole-map passes -----------------------------------------------------------------------------------------------

  /** How many folios there are of each order; single pages are order 0. */
  foliosByOrder(): number[] {
    const { answers } = stagingPlaces();
    this.core.exports.count_folios_by_order(answers);
    const counts = Array.from(this.core.u32.subarray(answers / 4, answers / 4 + 256));
    return counts.slice(
      0,
      Math.max(
        this.profile.maxFolioOrder,
        counts.findLastIndex((count) => count > 0),
      ) + 1,
    );
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
    const { slots } = stagingPlaces();
    const parts: Uint32Array[] = [];
    for (let first = 0; ;) {
      const found = this.core.exports.select_slots(first, slots, STAGED_ELEMENTS);
      const part = this.core.u32.slice(slots / 4, slots / 4 + found);
      parts.push(part);
      if (found < STAGED_ELEMENTS) break;
      first = (part[found - 1] ?? 0) + 1;
    }
    const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    const out = isWide(this.core) ? new Float64Array(all.length) : all;
    this.pfnsOf(all, out);
    return out;
  }
}
