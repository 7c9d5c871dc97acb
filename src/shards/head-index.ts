import type { HeadIndex } from "../head-index.js";

/** The head indexes of all shards, as one: see {@link HeadIndex}. */
export class ShardedHeadIndex {
  readonly #indexes: () => readonly HeadIndex[];

  /** @internal */
  constructor(indexes: () => readonly HeadIndex[]) {
    this.#indexes = indexes;
  }

  /** "ready" where all are; else what the first is that is not. */
  get state(): HeadIndex["state"] {
    return this.#indexes().find(({ state }) => state !== "ready")?.state ?? "ready";
  }

  /** Bytes of all. */
  get bytes(): number {
    return this.#indexes().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Pages whose lookups go to the slots, of all. */
  get pagesBySlots(): number {
    return this.#indexes().reduce((sum, { pagesBySlots }) => sum + pagesBySlots, 0);
  }

  /** Look everything up in the slots from now on. */
  drop(): void {
    for (const index of this.#indexes()) index.drop();
  }

  /** Make all of them anew from the slots. @throws VmemmapError "out-of-memory": a shard has no room for one */
  build(): void {
    for (const index of this.#indexes()) index.build();
  }
}
