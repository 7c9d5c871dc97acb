import { BatchMap } from "../batch-map.js";
import type { Core } from "../engine/core.js";
import type { Profile } from "../profile/index.js";

/** The map as a worker thread sees it: batches and passes alone. */
export class ThreadMap extends BatchMap<ArrayBufferLike> {
  constructor(
    override readonly core: Core,
    override readonly profile: Profile,
  ) {
    super();
  }

  /** Predicates come as the main thread has written them. */
  override pgmapNumbers(): undefined {
    return undefined;
  }
}
