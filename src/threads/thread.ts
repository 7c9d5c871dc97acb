import type { Core } from "../engine/core.js";
import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { type BatchJob, Job, JobBlock } from "./job-block.js";
import { openWorker, type WorkerHandle } from "./open-worker.js";
import type { Gives, TaskName, Wants } from "./tasks.js";
import type { Reply, Start } from "./worker.js";

/** Where a thread's parts stand in the shared memory. */
export interface ThreadPlace {
  readonly area: number;
  readonly job: number;
}

/** One worker thread, from the side of who gives it jobs: one at a time. */
export class Thread {
  readonly block: JobBlock;
  #worker: WorkerHandle | undefined;
  #failure: VmemmapError | null = null;
  /** Replies that nobody has asked for yet, and who asked before there was one. */
  readonly #inbox: Reply[] = [];
  #hear: ((reply: Reply) => void) | null = null;
  #reject: ((error: VmemmapError) => void) | null = null;

  private constructor(
    readonly core: Core,
    place: ThreadPlace,
  ) {
    this.block = new JobBlock(core.u8.buffer, place.job);
  }

  /** @throws VmemmapError "worker-failed" */
  static async start(core: Core, profile: Profile, place: ThreadPlace): Promise<Thread> {
    const thread = new Thread(core, place);
    thread.block.reset();
    try {
      thread.#worker = await openWorker({
        message: (message) => thread.#receive(message as Reply),
        died: (reason) => thread.fail(new VmemmapError("worker-failed", `a worker thread died: ${reason}`)),
      });
    } catch (cause) {
      throw new VmemmapError("worker-failed", `a worker thread could not be started: ${String(cause)}`, { cause });
    }
    const start: Start = { share: core.share(place.area), profile, job: place.job };
    thread.#worker.post(start);
    await thread.#reply();
    thread.#worker.hold(false);
    return thread;
  }

  /** A batch, or as many of its stretches as the other threads leave; how many pages were invalid. */
  async batch(job: BatchJob, cursor: JobBlock): Promise<number> {
    this.block.batch = job;
    this.#start(Job.BATCH, cursor);
    const ended = this.block.ended();
    try {
      await (ended === null ? this.#reply() : this.#unlessFailed(ended));
      if (this.block.failed && ended !== null) await this.#reply();
      return this.block.result;
    } finally {
      this.#worker?.hold(false);
    }
  }

  async task<Name extends TaskName>(
    task: Name,
    wants: Wants<Name>,
    cursor: JobBlock,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Gives<Name>> {
    this.#check();
    this.#worker?.post({ task, wants }, transfer);
    this.#start(Job.TASK, cursor);
    try {
      return (await this.#reply()) as Gives<Name>;
    } finally {
      this.#worker?.hold(false);
    }
  }

  get isAlive(): boolean {
    return this.#failure === null;
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #start(kind: number, cursor: JobBlock): void {
    this.#check();
    this.#worker?.hold(true);
    this.block.start(kind, { cursor, lastSection: this.core.lastSection });
  }

  #unlessFailed<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      result.then(resolve, reject);
    });
  }

  /** What the next reply gives. @throws what it says was thrown */
  async #reply(): Promise<unknown> {
    this.#check();
    const next = this.#inbox.shift();
    const reply = next ?? (await this.#unlessFailed(new Promise<Reply>((resolve) => (this.#hear = resolve))));
    if ("gives" in reply) return reply.gives;
    const { code, message } = reply.threw;
    throw new VmemmapError(code ?? "worker-error", message);
  }

  #receive(reply: Reply): void {
    if (this.#hear === null) this.#inbox.push(reply);
    else this.#hear(reply);
    this.#hear = null;
  }

  /** Reject what is under way and all that comes. */
  fail(error: VmemmapError): void {
    this.#failure ??= error;
    this.#reject?.(this.#failure);
  }

  /** End the worker; what is under way is rejected with this error. */
  async stop(error: VmemmapError): Promise<void> {
    this.fail(error);
    await this.terminate();
  }

  /** End the worker as it may die by itself. */
  async terminate(): Promise<void> {
    await this.#worker?.terminate();
  }
}
