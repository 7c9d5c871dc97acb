import type { Block, Subject } from "./measure.js";
import { isNative, type NativeVariant } from "./native-build.js";
import { ANSWER_WORDS, type NativeOp } from "./native-process.js";
import type { ContenderName } from "./options.js";
import type { Twins } from "./twins.js";

/** A contender that works on the map in this process, over the contest's list. */
export interface LocalContender {
  /** Looks up a block. */
  readonly run: (block: Block) => void | Promise<void>;
  /** Its answers for a block, as 32-bit words. */
  readonly answers: (block: Block) => Uint32Array;
  /** Forgets all answers: those of another contender are not to pass for its own. */
  readonly clear: () => void;
  /** Runs before a warm-up, untimed. */
  readonly prepare?: () => void;
  /** See {@link Subject.blockDivisor}. @default 1 */
  readonly blockDivisor?: number;
  /** Whether `run` gives a promise. @default false */
  readonly async?: boolean;
}

/** Median nanoseconds a lookup by contender. */
export type Nanoseconds = ReadonlyMap<ContenderName, number>;

/**
 * One op over one map and one list of PFNs, and the contenders at it. All must give the expected answers, to the whole list
 * once and in each timed block.
 */
export class Contest {
  /** The right answers to the list, as 32-bit words. */
  expected: Uint32Array = new Uint32Array();
  readonly contenders: readonly ContenderName[];

  constructor(
    readonly op: NativeOp,
    readonly local: ReadonlyMap<ContenderName, LocalContender>,
    readonly twins: Twins | null,
    wished: readonly ContenderName[],
  ) {
    const native = twins?.variants ?? [];
    this.contenders = wished.filter((name) => {
      const call = this.#nativeCall(name);
      return local.has(name) || (call !== null && native.includes(call.variant));
    });
  }

  /** Lets each contender do the whole list once. @throws Error for a wrong answer */
  async check(pfns: Uint32Array): Promise<void> {
    for (const name of this.contenders) {
      const answers = await this.#answersBy(name, { offset: 0, count: pfns.length });
      const wrong = this.expected.findIndex((word, i) => word !== answers[i]);
      if (wrong < 0) continue;
      const at = Math.floor(wrong / ANSWER_WORDS[this.op]);
      const [is, should] = [answers, this.expected].map((words) => this.#show(words, at));
      throw new Error(`${name}: ${this.op} of PFN ${pfns[at]} is ${is}, not ${should}`);
    }
  }

  /** What measure() takes. */
  subjects(): Subject[] {
    return this.contenders.map((name) => this.#nativeSubject(name) ?? this.#localSubject(name));
  }

  /** This contest's part of what measure() found. */
  times(measured: ReadonlyMap<string, number>): Nanoseconds {
    return new Map(this.contenders.map((name) => [name, measured.get(this.#subjectName(name))!]));
  }

  #subjectName(name: ContenderName): string {
    return `${this.op} ${name}`;
  }

  async #answersBy(name: ContenderName, block: Block): Promise<Uint32Array> {
    const call = this.#nativeCall(name);
    if (call !== null) return this.twins!.process.run(call.op, call.variant, block);
    const { run, answers, clear, prepare } = this.local.get(name)!;
    clear();
    prepare?.();
    await run(block);
    return answers(block);
  }

  #localSubject(name: ContenderName): Subject {
    const { run, answers, prepare, blockDivisor = 1, async = false } = this.local.get(name)!;
    if (async) return this.#asyncSubject(name);
    return {
      name: this.#subjectName(name),
      async: false,
      blockDivisor,
      warmUp: (block) => {
        prepare?.();
        void run(block);
      },
      run: (block) => {
        void run(block);
        return undefined;
      },
      verify: (block) => this.#verify(name, block, checksum(answers(block))),
    };
  }

  /** A contender whose work other threads do: it takes what it takes until this one hears of it. */
  #asyncSubject(name: ContenderName): Subject {
    const { run, answers } = this.local.get(name)!;
    return {
      name: this.#subjectName(name),
      async: true,
      blockDivisor: 1,
      run: async (block, warmUp) => {
        await run(warmUp);
        const start = performance.now();
        await run(block);
        return performance.now() - start;
      },
      verify: (block) => this.#verify(name, block, checksum(answers(block))),
    };
  }

  /** What the native process is asked for a contender; null for those of this process. */
  #nativeCall(name: ContenderName): { readonly op: NativeOp; readonly variant: NativeVariant } | null {
    if (name === "native-index") return { op: "index", variant: "native-simd" };
    return isNative(name) ? { op: this.op, variant: name } : null;
  }

  #nativeSubject(name: ContenderName): Subject | null {
    const call = this.#nativeCall(name);
    if (call === null) return null;
    return {
      name: this.#subjectName(name),
      async: true,
      blockDivisor: 1,
      run: async (block, warmUp) => {
        const timed = await this.twins!.process.time(call.op, call.variant, block, warmUp);
        this.#verify(name, block, timed.checksum);
        return timed.nanoseconds / 1e6;
      },
    };
  }

  /** The sink: every timed block's answers are summed up and compared, so no loop can be left out. */
  #verify(name: string, { offset, count }: Block, sum: number): void {
    const words = ANSWER_WORDS[this.op];
    const expected = checksum(this.expected.subarray(offset * words, (offset + count) * words));
    if (sum !== expected) throw new Error(`${name}: wrong answers to ${this.op} in the timed block at ${offset}`);
  }

  #show(words: Uint32Array, at: number): string {
    if (ANSWER_WORDS[this.op] === 1) return String(words[at]);
    return `0x${(BigInt(words[2 * at + 1]!) * 2n ** 32n + BigInt(words[2 * at]!)).toString(16)}`;
  }
}

/** The same sum as checksum() in native/main.c. */
export function checksum(words: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + words[i]!) | 0;
  return sum >>> 0;
}
