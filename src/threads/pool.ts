/** Worker threads over one map's memory, and how work is cut for them. */
import type { Core } from "../engine/core.js";
import { constant } from "../engine/modules.js";
import { VmemmapError } from "../errors.js";
import { isResident, isWide } from "../lists.js";
import type { Profile } from "../profile/index.js";
import type { PfnSource } from "../types.js";
import { batchNames, type BatchName, type OutList } from "./batches.js";
import { JOB_BYTES } from "./job-block.js";
import { Thread, type ThreadPlace } from "./thread.js";
import type { Gives, TaskName, Wants } from "./tasks.js";
import { isShared, type ListPlace, part, placeOf, viewOf } from "./views.js";

/** Elements that a thread takes at a time: a tenth of a millisecond of lookups, so that threads end together. */
const STRETCH = 2 ** 14;
/** Elements of a list outside that are copied at a time. */
const COPIED = 2 ** 15;
const COPY_BYTES = COPIED * 8;

// A thread's place among the lists of the shared memory:
//
//     its core's area | job block | two pairs of copies: pages, answers
//
// While a thread works on one pair, the other is emptied and filled.
const ALIGN = 64;
const copiesAt = () => constant("THREAD_AREA_SIZE") + JOB_BYTES;
const placeBytes = () => Math.ceil((copiesAt() + 4 * COPY_BYTES) / ALIGN) * ALIGN;

/** Entries of listCapacity that a pool takes. */
export function poolEntries(threads: number): number {
  return (threads * placeBytes() + ALIGN) / 4;
}

/** A pair of copies in the shared memory. */
interface Copies {
  readonly pages: ListPlace;
  readonly out: ListPlace;
}

/** A place for a thread, and the thread that has it. */
interface Member {
  thread: Thread;
  readonly place: ThreadPlace;
  readonly copies: readonly [number, number];
}

export class Pool {
  #last: Promise<unknown> = Promise.resolve();
  #stopped: VmemmapError | null = null;

  private constructor(
    readonly core: Core,
    readonly profile: Profile,
    readonly members: readonly Member[],
  ) {}

  /**
   * @param at where `poolEntries` of the shared memory are the pool's
   * @throws VmemmapError "worker-failed"
   */
  static async start(core: Core, profile: Profile, threads: number, at: number): Promise<Pool> {
    const first = Math.ceil(at / ALIGN) * ALIGN;
    const members = await Promise.allSettled(
      Array.from({ length: threads }, async (_, number): Promise<Member> => {
        const area = first + number * placeBytes();
        const copies = area + copiesAt();
        const place = { area, job: copies - JOB_BYTES };
        const thread = await Thread.start(core, profile, place);
        return { thread, place, copies: [copies, copies + 2 * COPY_BYTES] };
      }),
    );
    const pool = new Pool(
      core,
      profile,
      members.flatMap((member) => (member.status === "fulfilled" ? [member.value] : [])),
    );
    const failed = members.find((member) => member.status === "rejected");
    if (failed === undefined) return pool;
    await pool.stop();
    throw failed.reason;
  }

  /** Work of all threads, once those before have done theirs. */
  queue<T>(work: () => Promise<T>): Promise<T> {
    const allAlive = () => this.members.every(({ thread }) => thread.isAlive);
    const turn = this.#last.then(() => (allAlive() ? work() : this.#replaceDead().then(work)));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Start a thread in the place of each that has died. @throws VmemmapError "worker-failed", "disposed" */
  async #replaceDead(): Promise<void> {
    const replace = async (member: Member) => {
      if (member.thread.isAlive) return;
      await member.thread.terminate();
      member.thread = await Thread.start(this.core, this.profile, member.place);
      if (this.#stopped !== null) await member.thread.stop(this.#stopped);
    };
    this.#check();
    const replaced = await Promise.allSettled(this.members.map(replace));
    const failed = replaced.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #check(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }

  /** When all that was asked for so far is done. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** End all threads; what is under way is rejected. */
  async stop(): Promise<void> {
    const error = new VmemmapError("disposed", "this map's threads were ended");
    this.#stopped = error;
    await Promise.all(this.members.map(({ thread }) => thread.stop(error)));
  }

  /** All of these, or the first error once none is at work any more: its lists are the caller's again then. */
  async #all<T>(work: readonly Promise<T>[]): Promise<T[]> {
    const results = await Promise.allSettled(work);
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return results.map((result) => (result as PromiseFulfilledResult<T>).value);
    throw failed.reason;
  }

  /** As many threads as there are stretches. */
  #membersFor(count: number, stretch: number): readonly Member[] {
    return this.members.slice(0, Math.max(1, Math.ceil(count / stretch)));
  }

  /** The same task for all threads, which share out what it is about. */
  shareTask<Name extends TaskName>(task: Name, wants: Wants<Name>, units: number): Promise<Gives<Name>[]> {
    const members = this.#membersFor(units, 1);
    const cursor = members[0]!.thread.block;
    cursor.resetCursor();
    return this.#all(members.map(({ thread }) => thread.task(task, wants, cursor)));
  }

  /** A task for the first thread alone. */
  async oneTask<Name extends TaskName>(task: Name, wants: Wants<Name>): Promise<Gives<Name>> {
    const [gives] = await this.shareTask(task, wants, 1);
    return gives!;
  }

  /**
   * A batch whose arguments are checked, over `count` pages; how many were invalid.
   *
   * @throws VmemmapError "bad-array": a list's memory was taken away
   */
  async batch(name: BatchName, pages: PfnSource, out: OutList, count = out.length): Promise<number> {
    const isWhole = (list: PfnSource | OutList) => !ArrayBuffer.isView(list) || list.length === count;
    if (!isWhole(pages) || !isWhole(out)) throw takenAway(name);
    const invalid = await this.#batchParts(name, pages, out);
    return invalid.reduce((sum, part) => sum + part, 0);
  }

  #batchParts(name: BatchName, pages: PfnSource, out: OutList): Promise<number[]> {
    const { core } = this;
    const isHere = (list: PfnSource | OutList) => !ArrayBuffer.isView(list) || isResident(core, list);
    if (isHere(pages) && isHere(out)) return this.#batchHere(name, placeOf(pages), placeOf(out), out.length);
    if (isShared(pages) && isShared(out)) {
      return this.shareTask("batch", { name, pages, out, stretch: STRETCH }, Math.ceil(out.length / STRETCH));
    }
    return this.#batchByCopies(name, pages, out);
  }

  /** Lists in the shared memory: nothing is copied, and nothing sent. */
  #batchHere(name: BatchName, source: ListPlace, out: ListPlace, count: number): Promise<number[]> {
    const members = this.#membersFor(count, STRETCH);
    const cursor = members[0]!.thread.block;
    cursor.resetCursor();
    const job = { batch: batchNames.indexOf(name), source, out, count, stretch: STRETCH };
    return this.#all(members.map(({ thread }) => thread.batch(job, cursor)));
  }

  /** Other lists: this thread copies a stretch in and out while the others work on the one before. */
  #batchByCopies(name: BatchName, pages: PfnSource, out: OutList): Promise<number[]> {
    let next = 0;
    const take = () => {
      const at = next;
      next = Math.min(next + COPIED, out.length);
      return { at, count: next - at };
    };
    const members = this.#membersFor(out.length, COPIED);
    const parts = members.map((member) => this.#copyLoop(member, batchNames.indexOf(name), pages, out, take));
    return this.#all(parts).catch((cause: unknown) => {
      if (cause instanceof VmemmapError) throw cause;
      throw takenAway(name, { cause });
    });
  }

  async #copyLoop(
    { thread, copies }: Member,
    batch: number,
    pages: PfnSource,
    out: OutList,
    take: () => { at: number; count: number },
  ): Promise<number> {
    const start = (place: Copies, count: number) => {
      thread.block.resetCursor();
      return thread.batch({ batch, source: place.pages, out: place.out, count, stretch: COPIED }, thread.block);
    };
    let invalid = 0;
    let turn = 0;
    let stretch = take();
    let place = this.#copyIn(copies[turn]!, part(pages, stretch.at, stretch.count), out);
    while (stretch.count > 0) {
      const working = start(place, stretch.count);
      const following = take();
      turn ^= 1;
      const done = stretch;
      const copied = place;
      stretch = following;
      try {
        place = this.#copyIn(copies[turn]!, part(pages, stretch.at, stretch.count), out);
      } finally {
        // Whatever happens here, the thread is at work until it is done.
        invalid += await working;
      }
      this.#copyOut(copied, out, done);
    }
    return invalid;
  }

  /** Pages to a pair of copies at an address. Answers of 32 bits go over them. */
  #copyIn(address: number, pages: PfnSource, out: OutList): Copies {
    const { core } = this;
    const answers = { kind: placeOf(out).kind, at: address + COPY_BYTES };
    if (!ArrayBuffer.isView(pages)) return { pages: placeOf(pages), out: answers };
    const { kind } = placeOf(pages);
    (viewOf(core.u8.buffer, { kind, at: address }, 0, pages.length) as Float64Array).set(pages);
    const over = !isWide(core) && out.BYTES_PER_ELEMENT === 4;
    return { pages: { kind, at: address }, out: over ? { ...answers, at: address } : answers };
  }

  #copyOut({ out: place }: Copies, out: OutList, { at, count }: { at: number; count: number }): void {
    const answers = viewOf(this.core.u8.buffer, place, 0, count);
    (part(out, at, count) as Float64Array).set(answers as Float64Array);
  }
}

function takenAway(name: BatchName, options?: ErrorOptions): VmemmapError {
  return new VmemmapError("bad-array", `${name}: a list was taken away before it was answered`, options);
}
