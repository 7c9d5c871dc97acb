import { VmemmapError, type VmemmapErrorCode } from "../../errors.js";
import { openWorker, type WorkerHandle } from "../../threads/open-worker.js";
import { buffersOf, type Done, type Job } from "./job.js";

const script = {
  url: new URL("./worker.js", import.meta.url),
  web: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
};

/** Who waits for a worker's reply. */
interface Waiting {
  readonly resolve: (done: Done | null) => void;
  readonly reject: (error: VmemmapError) => void;
}

/** A worker thread and the jobs it has, which it does in their order. */
class UnpackThread {
  #worker: WorkerHandle | undefined;
  readonly #waiting: Waiting[] = [];
  #failure: VmemmapError | null = null;

  /** @throws VmemmapError "worker-failed" */
  static async start(): Promise<UnpackThread> {
    const thread = new UnpackThread();
    const lives = thread.#reply();
    try {
      thread.#worker = await openWorker(
        {
          message: (message) => thread.#hear(message as Done | null),
          died: (reason) => thread.#fail("worker-failed", `a thread that unpacks pages died: ${reason}`),
        },
        script,
      );
    } catch (cause) {
      thread.#fail("worker-failed", `no thread could be started to unpack pages: ${String(cause)}`);
    }
    await lives;
    return thread;
  }

  /** How many jobs it has. */
  get load(): number {
    return this.#waiting.length;
  }

  async run(job: Job): Promise<Done> {
    if (this.#failure !== null) throw this.#failure;
    this.#worker!.hold(true);
    this.#worker!.post(job, buffersOf(job));
    return (await this.#reply())!;
  }

  async stop(): Promise<void> {
    this.#fail("disposed", "the dump was closed");
    await this.#worker?.terminate();
  }

  #reply(): Promise<Done | null> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #hear(done: Done | null): void {
    this.#waiting.shift()?.resolve(done);
    if (this.#waiting.length === 0) this.#worker?.hold(false);
  }

  #fail(code: VmemmapErrorCode, message: string): void {
    this.#failure ??= new VmemmapError(code, message);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** Threads that unpack pages. */
export class UnpackPool {
  private constructor(private readonly threads: readonly UnpackThread[]) {}

  /** @throws VmemmapError "worker-failed": this host starts no such thread */
  static async start(threads: number): Promise<UnpackPool> {
    const started = await Promise.allSettled(Array.from({ length: threads }, () => UnpackThread.start()));
    const pool = new UnpackPool(started.flatMap((thread) => (thread.status === "fulfilled" ? [thread.value] : [])));
    const failed = started.find((thread) => thread.status === "rejected");
    if (failed === undefined) return pool;
    await pool.stop();
    throw failed.reason;
  }

  get size(): number {
    return this.threads.length;
  }

  /**
   * Unpack a batch on the thread that has the fewest: page `i` to `unpacked` at `4096 * i`. The job's buffers are of no use until
   * it is done, which has them again, and says if the thread could not load what unpacks them.
   *
   * @throws VmemmapError "worker-failed"
   */
  async run(job: Job): Promise<Done> {
    const thread = this.threads.reduce((a, b) => (b.load < a.load ? b : a));
    const done = await thread.run(job);
    const { threw } = done;
    if (threw !== null && threw.code !== "unsupported-dump")
      throw new VmemmapError(threw.code ?? "worker-failed", threw.message);
    return done;
  }

  async stop(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.stop()));
  }
}
