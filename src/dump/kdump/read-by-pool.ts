import { loadCodecs, RAW } from "../codecs/index.js";
import { unpackPages } from "../unpack/packed-pages.js";
import type { UnpackPool } from "../unpack/unpack-pool.js";
import { PageBatch } from "./page-batch.js";
import type { PageGatherer } from "./page-gatherer.js";

/** Batches for each thread: one that it unpacks, and one that waits so that it need not. */
const BATCHES = 2;

/** What a read is given beside its pages. */
export interface PoolRead {
  readonly out: Uint8Array;
  /** Batches that nobody uses: those of earlier reads, and after this one its own. */
  readonly idle: PageBatch[];
  readonly signal?: AbortSignal | undefined;
  /**
   * Called where threads can't load what unpacks a page: this thread does it then, and is to do so from here on. An import map of a page,
   * for one, is not its workers'.
   */
  readonly onUnable: (reason: string) => void;
}

/** Read pages on this thread, and unpack them on others. */
export async function readByPool(
  pool: UnpackPool,
  gatherer: PageGatherer,
  { out, idle, signal, onUnable }: PoolRead,
): Promise<void> {
  const most = BATCHES * pool.size;
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const unpack = async (batch: PageBatch) => {
    const done = await pool.run(batch.send());
    batch.takeBack(done);
    let { damage } = done;
    if (done.threw !== null) {
      onUnable(done.threw.message);
      await loadCodecs(batch.packings);
      damage = unpackPages(batch, out, batch.places);
    }
    if (damage !== null) throw batch.errorOf(damage);
    if (done.threw === null) batch.copyTo(out);
    idle.push(batch);
  };
  try {
    while (gatherer.more && failures.length === 0) {
      signal?.throwIfAborted();
      if (running.size === most) {
        await Promise.race(running);
        continue;
      }
      const batch = idle.pop() ?? new PageBatch();
      await gatherer.fill(batch);
      if (batch.packings === RAW) {
        unpackPages(batch, out, batch.places);
        idle.push(batch);
        continue;
      }
      const unpacking: Promise<void> = unpack(batch)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(unpacking));
      running.add(unpacking);
    }
  } finally {
    // `out` is the caller's again only when nobody is at work on it.
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
