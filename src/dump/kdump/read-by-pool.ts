import { RAW } from "../codecs/index.js";
import { unpackPages } from "../unpack/packed-pages.js";
import type { UnpackPool } from "../unpack/unpack-pool.js";
import { PageBatch } from "./page-batch.js";
import type { PageGatherer } from "./page-gatherer.js";

/** Batches for each thread: one that it unpacks, and one that waits so that it need not. */
const BATCHES = 2;

/**
 * Read pages on this thread, and unpack them on others.
 *
 * @param idle batches that nobody uses: those of earlier reads, and after this one its own
 */
export async function readByPool(
  pool: UnpackPool,
  gatherer: PageGatherer,
  { out, idle }: { readonly out: Uint8Array; readonly idle: PageBatch[] },
  signal?: AbortSignal,
): Promise<void> {
  const most = BATCHES * pool.size;
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const unpack = async (batch: PageBatch) => {
    const done = await pool.run(batch.send());
    batch.takeBack(done);
    if (done.damage !== null) throw batch.errorOf(done.damage);
    batch.copyTo(out);
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
