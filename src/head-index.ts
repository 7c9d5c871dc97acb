/** The head index of a map: what it costs and what it knows. */
import type { Core } from "./engine/core.js";
import { constant } from "./engine/modules.js";
import { VmemmapError } from "./errors.js";
import { PAGES_PER_SECTION } from "./sections.js";

const PAGES_PER_BLOCK = 64;

/**
 * A derived index beside the slots, 0.14 bytes a page, that answers heads, orders and pgmaps without reading a slot. Lists of
 * pages use it where it is ready; what it can't express, and pages whose slots were written raw since the last
 * {@link Vmemmap.checkWellFormed}, are looked up in the slots. Answers are the same either way. Every change keeps it current.
 */
export class HeadIndex {
  readonly #core: () => Core;

  /** @internal */
  constructor(core: () => Core) {
    this.#core = core;
  }

  /**
   * "ready": at work. "dropped": by {@link drop}, or since more memory was added than it has room for. "none": the map was made
   * with `headIndex: false`, or its slots leave no room in 4 GiB.
   */
  get state(): "ready" | "dropped" | "none" {
    const core = this.#core();
    if (core.plan.headIndexSections === 0) return "none";
    return core.exports.head_index_ready() !== 0 ? "ready" : "dropped";
  }

  /** Bytes that it takes for the map's slots; 0 unless it is ready. */
  get bytes(): number {
    const core = this.#core();
    const bytesPerPage = constant("HEAD_INDEX_BYTES_PER_SECTION") / PAGES_PER_SECTION;
    return this.state === "ready" ? core.slotLimit * bytesPerPage : 0;
  }

  /** Pages whose lookups go to the slots: what the index can't express, and what was written raw. */
  get pagesBySlots(): number {
    const core = this.#core();
    return this.state === "ready" ? core.exports.head_index_asks() * PAGES_PER_BLOCK : core.slotLimit;
  }

  /** Look everything up in the slots from now on. */
  drop(): void {
    this.#core().exports.head_index_drop();
  }

  /**
   * Make it anew from the slots, and let lookups use it again. A pass over all slots; {@link Vmemmap.checkWellFormed} does the same.
   *
   * @throws VmemmapError "out-of-memory": the map has no room for one
   */
  build(): void {
    const core = this.#core();
    core.exports.head_index_start();
    if (this.state !== "ready") {
      throw new VmemmapError("out-of-memory", `head index: the map of ${core.slotLimit} slots has no room for one`);
    }
    core.exports.scan_all();
  }
}
