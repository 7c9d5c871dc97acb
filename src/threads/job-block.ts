/**
 * A thread's job block: in shared memory, what the thread is to do next and what came of it. Whose turn it is says one word, on
 * which both wait; so a batch over lists in shared memory takes no message.
 */
import type { ListPlace } from "./views.js";

/** Words of 32 bits, then doubles. */
const TURN = 0;
const KIND = 1;
const FAILED = 2;
const RESULT = 3;
const REPLY = 4;
const LAST_SECTION = 5;
const CURSOR_AT = 6;
const CURSOR = 7;
const BATCH = 8;
const COUNT = 9;
const STRETCH = 10;
const SOURCE_KIND = 11;
const OUT_KIND = 12;
const SOURCE = 8;
const OUT = 9;
export const JOB_BYTES = 128;

const HOST = 0;
const THREAD = 1;

/** What a thread is asked for: a batch as the block tells, or a task as a message does. */
export const Job = { BATCH: 0, TASK: 1 } as const;

/** A batch over lists in the shared memory, of which threads take stretches in turn. */
export interface BatchJob {
  /** Its number. */
  readonly batch: number;
  readonly source: ListPlace;
  readonly out: ListPlace;
  readonly count: number;
  readonly stretch: number;
}

export class JobBlock {
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;

  constructor(
    readonly buffer: ArrayBufferLike,
    readonly address: number,
  ) {
    this.#i32 = new Int32Array(buffer, address, JOB_BYTES / 4);
    this.#f64 = new Float64Array(buffer, address, JOB_BYTES / 8);
  }

  // ---- The host's side ------------------------------------------------------------------------------------------------

  /**
   * Give the thread its turn.
   *
   * @param cursor the block whose cursor says which stretch is next
   */
  start(kind: number, { cursor, lastSection }: { cursor: JobBlock; lastSection: number }): void {
    this.#i32[KIND] = kind;
    this.#i32[FAILED] = 0;
    // Where this host can't wait for a word to change, a batch ends with a message.
    this.#i32[REPLY] = Number(waitAsync() === undefined);
    this.#i32[LAST_SECTION] = lastSection;
    this.#i32[CURSOR_AT] = cursor.address;
    Atomics.store(this.#i32, TURN, THREAD);
    Atomics.notify(this.#i32, TURN);
  }

  set batch({ batch, source, out, count, stretch }: BatchJob) {
    this.#i32[BATCH] = batch;
    this.#i32[COUNT] = count;
    this.#i32[STRETCH] = stretch;
    this.#i32[SOURCE_KIND] = source.kind;
    this.#i32[OUT_KIND] = out.kind;
    this.#f64[SOURCE] = source.at;
    this.#f64[OUT] = out.at;
  }

  /** No turn is under way: of the thread that stood here before this one, and died in its turn. */
  reset(): void {
    Atomics.store(this.#i32, TURN, HOST);
  }

  resetCursor(): void {
    Atomics.store(this.#i32, CURSOR, 0);
  }

  /** When the thread has given the turn back; null where this host can't wait for it. */
  ended(): Promise<unknown> | null {
    const waiting = waitAsync()?.(this.#i32, TURN, THREAD);
    if (waiting === undefined) return null;
    return waiting.async ? waiting.value : Promise.resolve();
  }

  get failed(): boolean {
    return this.#i32[FAILED] === 1;
  }

  get result(): number {
    return (this.#i32[RESULT] ?? 0) >>> 0;
  }

  // ---- The thread's side ----------------------------------------------------------------------------------------------

  /** Wait for the turn; what is to be done. */
  wait(): number {
    while (Atomics.load(this.#i32, TURN) === HOST) Atomics.wait(this.#i32, TURN, HOST);
    return this.#i32[KIND]!;
  }

  get batch(): BatchJob {
    return {
      batch: this.#i32[BATCH]!,
      source: { kind: this.#i32[SOURCE_KIND]!, at: this.#f64[SOURCE]! },
      out: { kind: this.#i32[OUT_KIND]!, at: this.#f64[OUT]! },
      count: this.#i32[COUNT]!,
      stretch: this.#i32[STRETCH]!,
    };
  }

  get lastSection(): number {
    return this.#i32[LAST_SECTION]!;
  }

  get repliesByMessage(): boolean {
    return this.#i32[REPLY] === 1;
  }

  /** Take the next `length` of what all threads of this job share. */
  take(length: number): number {
    const cursor = new Int32Array(this.buffer, this.#i32[CURSOR_AT], JOB_BYTES / 4);
    return Atomics.add(cursor, CURSOR, length);
  }

  /** Give the turn back. */
  end(result: number, failed: boolean): void {
    this.#i32[RESULT] = result;
    this.#i32[FAILED] = Number(failed);
    Atomics.store(this.#i32, TURN, HOST);
    Atomics.notify(this.#i32, TURN);
  }
}

type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
) => { readonly async: false } | { readonly async: true; readonly value: Promise<unknown> };

/** Atomics.waitAsync, of ES2024. */
function waitAsync(): WaitAsync | undefined {
  return (Atomics as { readonly waitAsync?: WaitAsync }).waitAsync;
}
