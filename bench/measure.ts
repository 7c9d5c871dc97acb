import { Bench, type Task } from "tinybench";
import { Random } from "./random.js";

/** A part of the list of PFNs. */
export interface Block {
  readonly offset: number;
  readonly count: number;
}

/** What is measured: a contender over one list. */
export interface Subject {
  readonly name: string;
  /** Its blocks are this many times shorter: for contenders so slow that a short block tells as much. */
  readonly blockDivisor: number;
  /** Whether `run` gives a promise. */
  readonly async: boolean;
  /** Runs before each block, untimed. */
  readonly prepare?: (() => void) | undefined;
  /** Looks up one block; a promise gives the milliseconds by the contender's own clock. */
  run(block: Block): Promise<number> | undefined;
  /** Runs after each block, untimed; throws if the block's results are wrong. */
  readonly verify?: (block: Block) => void;
}

export interface MeasureOptions {
  /** Length of the list. */
  readonly lookups: number;
  readonly rounds: number;
  readonly seed: number;
  /** Told of what the harness finds wrong with the samples. */
  readonly warn: (message: string) => void;
}

const MAX_BLOCK = 256 * 1024;
const MIN_BLOCKS = 16;
const WARMUP_ROUNDS = 2;

/**
 * Measures all subjects in one tinybench run, in turns: in each round each of them does one block, in a random order.
 * They walk through the list from different places, so that none finds the slots warm from the one before. Returns the
 * median nanoseconds a lookup by name.
 */
export async function measure(subjects: readonly Subject[], options: MeasureOptions): Promise<Map<string, number>> {
  const bench = new Bench({
    concurrency: "bench", // all tasks run at once, and the turns let one of them go on at a time
    iterations: options.rounds,
    time: 0,
    warmupIterations: WARMUP_ROUNDS,
    warmupTime: 0,
    throws: true,
  });
  bench.addEventListener("warning", ({ task, reason }) => options.warn(`${task.name}: timer saturation (${reason})`));
  const blockLength = Math.min(MAX_BLOCK, Math.floor(options.lookups / MIN_BLOCKS));
  const turns = new Turns(subjects.length, new Random(options.seed));
  subjects.forEach((subject, index) => {
    const start = Math.floor((index * options.lookups) / subjects.length / blockLength) * blockLength;
    addTask(bench, subject, blocksFrom(start, blockLength, subject.blockDivisor, options.lookups), turns, index);
  });
  await bench.run();
  return new Map(
    subjects.map(({ name, blockDivisor }) => {
      const lookups = Math.floor(blockLength / blockDivisor);
      return [name, (medianMilliseconds(bench.getTask(name)) * 1e6) / lookups];
    }),
  );
}

function addTask(bench: Bench, subject: Subject, blocks: Iterator<Block, never>, turns: Turns, index: number): void {
  let block: Block;
  const run = (): Promise<{ overriddenDuration: number }> | undefined => {
    const own = subject.run(block);
    return own?.then((milliseconds) => ({ overriddenDuration: milliseconds }));
  };
  bench.add(subject.name, run, {
    async: subject.async,
    async beforeEach() {
      await turns.take(index);
      block = blocks.next().value;
      subject.prepare?.();
    },
    afterEach() {
      subject.verify?.(block);
      turns.pass();
    },
  });
}

/** One block after the other, from `start` round the list without end. */
function* blocksFrom(start: number, length: number, divisor: number, lookups: number): Generator<Block, never> {
  for (let offset = start; ; offset += length) {
    if (offset + length > lookups) offset = 0;
    yield { offset, count: Math.floor(length / divisor) };
  }
}

function medianMilliseconds(task: Task | undefined): number {
  const result = task?.result;
  if (result?.state !== "completed") throw new Error(`${task?.name}: not measured (${result?.state})`);
  return result.latency.p50;
}

/** Lets one of several tasks run at a time; in each round each has one turn, in a new random order. */
class Turns {
  readonly #waiting = new Map<number, () => void>();
  #order: number[];

  constructor(
    readonly tasks: number,
    readonly random: Random,
  ) {
    this.#order = this.#nextRound();
  }

  async take(task: number): Promise<void> {
    if (this.#order[0] === task) return;
    await new Promise<void>((resolve) => this.#waiting.set(task, resolve));
  }

  pass(): void {
    this.#order.shift();
    if (this.#order.length === 0) this.#order = this.#nextRound();
    const next = this.#order[0]!;
    this.#waiting.get(next)?.();
    this.#waiting.delete(next);
  }

  #nextRound(): number[] {
    return this.random.shuffle(Array.from({ length: this.tasks }, (_, task) => task));
  }
}
