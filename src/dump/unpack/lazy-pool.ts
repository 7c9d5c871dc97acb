import { VmemmapError } from "../../errors.js";
import { hostThreads } from "../../host.js";
import { BATCH_PAGES } from "./packed-pages.js";
import { UnpackPool } from "./unpack-pool.js";

/** Pages that are unpacked before threads are worth their start: 32 MiB, twice what a map of 1 GiB of memory has. */
const PAGES_BEFORE = 2 ** 13;
/** Threads without a wish: one thread reads for all of them. */
const MOST_THREADS = 8;

/** A dump's pool: started when much was asked for, once, and not missed where this host has no threads. */
export class LazyPool {
  #asked = 0;
  #pool: Promise<UnpackPool | null> | null = null;
  #over = false;

  /**
   * @param threads how many; 1: none but this
   * @param onUnpackedBy told who unpacks, when that changes: "2 threads", "this thread (why)"; before, it is this thread
   */
  constructor(
    private readonly threads: number | undefined,
    private readonly onUnpackedBy?: (who: string) => void,
  ) {}

  /** Threads for a list of pages, or null: this thread is to unpack them. */
  async for(pages: number): Promise<UnpackPool | null> {
    this.#asked += pages;
    if (pages <= BATCH_PAGES || this.#asked <= PAGES_BEFORE || this.threads === 1 || this.#over) return null;
    return (this.#pool ??= this.#start());
  }

  /** Give out no pool any more: this thread is to unpack. Who has one may go on with it. */
  giveUp(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.onUnpackedBy?.(`this thread (${reason})`);
  }

  /** End the threads, and what they are at. They are not waited for: nothing of the dump's is theirs. */
  async close(): Promise<void> {
    this.#over = true;
    // One that could not be started has told the read that wanted it.
    void (await this.#pool?.catch(() => null))?.stop();
  }

  async #start(): Promise<UnpackPool | null> {
    const threads = this.threads ?? Math.min(await hostThreads(), MOST_THREADS);
    if (threads <= 1) return null;
    let pool: UnpackPool;
    try {
      pool = await UnpackPool.start(threads);
    } catch (error) {
      if (!(error instanceof VmemmapError)) throw error;
      this.onUnpackedBy?.(`this thread (${error.message})`);
      return null;
    }
    try {
      this.onUnpackedBy?.(`${pool.size} threads`);
      return pool;
    } catch (error) {
      await pool.stop();
      throw error;
    }
  }
}
