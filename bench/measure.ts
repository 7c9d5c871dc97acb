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
  /** Looks up the warm-up before each block, untimed; a contender with its own clock does so in `run`. */
  readonly warmUp?: (warmUp: Block) => void;
  /** Looks up one block; a promise gives the milliseconds by the contender's own clock. */
  run(block: Block, warmUp: Block): Promise<number> | undefined;
  /** Runs after each block, untimed; throws if the block's results are wrong. */
  readonly verify?: (block: Block) => void;
}

/** What takes turns with others. */
export interface Turn {
  readonly name: string;
  /** Whether `run` gives a promise. */
  readonly async: boolean;
  /** Runs before each run, untimed. */
  before?(): void;
  /** What is timed; a promise gives the milliseconds by the contender's own clock. */
  run(): Promise<number> | undefined;
  /** Runs after each run, untimed; throws if what came out is wrong. */
  after?(): void;
}

export interface TurnOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Told of what the harness finds wrong with the samples. */
  readonly warn: (message: string) => void;
}

export interface MeasureOptions extends TurnOptions {
  /** Length of the list. */
  readonly lookups: number;
}

const MAX_BLOCK = 256 * 1024;
const MIN_BLOCKS = 16;
/** Blocks start at multiples of this, so that lists are cut at their vectors and cache lines. */
const BLOCK_ALIGNMENT = 64;
const WARMUP_ROUNDS = 2;

/**
 * Measures all subjects in turns: in each round each of them does one block, in a random order. Right before it each
 * looks up the first part of the list, untimed, and so finds the caches as they are amid steady lookups, whoever had the
 * turn before: some share one array of slots, others have their own and slept meanwhile. They walk through the rest of
 * the list from different places, so that none finds another's block warm in a large map. Returns the median nanoseconds
 * a lookup by name.
 */
export async function measure(subjects: readonly Subject[], options: MeasureOptions): Promise<Map<string, number>> {
  const blockLength = lengthOfBlocks(options.lookups, subjects.length);
  const blocks = Math.floor(options.lookups / blockLength) - 1;
  const turns = subjects.map((subject, index) => {
    const count = Math.floor(blockLength / subject.blockDivisor);
    const first = Math.floor((index * blocks) / subjects.length);
    const walk = Array.from({ length: blocks }, (_, i) => ({
      offset: (1 + ((first + i) % blocks)) * blockLength,
      count,
    }));
    return turnOf(subject, walk);
  });
  const milliseconds = await measureInTurns(turns, options);
  return new Map(
    subjects.map(({ name, blockDivisor }) => {
      const lookups = Math.floor(blockLength / blockDivisor);
      return [name, (milliseconds.get(name)! * 1e6) / lookups];
    }),
  );
}

/**
 * Runs everybody once a round, one at a time, in a random order: one tinybench run. Returns the median milliseconds by
 * name.
 */
export async function measureInTurns(runs: readonly Turn[], options: TurnOptions): Promise<Map<string, number>> {
  const bench = new Bench({
    concurrency: "bench", // all tasks run at once, and the turns let one of them go on at a time
    iterations: options.rounds,
    time: 0,
    warmupIterations: WARMUP_ROUNDS,
    warmupTime: 0,
    throws: true,
  });
  bench.addEventListener("warning", ({ task, reason }) => options.warn(`${task.name}: timer saturation (${reason})`));
  const turns = new Turns(runs.length, new Random(options.seed));
  runs.forEach((run, index) => addTask(bench, run, turns, index));
  await bench.run();
  return new Map(runs.map(({ name }) => [name, medianMilliseconds(bench.getTask(name))]));
}

/** Two blocks and more for each subject beside the warm-up: none comes to where another is, or was the round before. */
function lengthOfBlocks(lookups: number, subjects: number): number {
  const length = Math.min(MAX_BLOCK, Math.floor(lookups / Math.max(MIN_BLOCKS, 2 * subjects + 1)));
  return length - (length % BLOCK_ALIGNMENT);
}

/** The subject does the blocks of its walk one after the other, over and over. */
function turnOf(subject: Subject, walk: readonly Block[]): Turn {
  let round = -1;
  let block = walk[0]!;
  const warmUp = { offset: 0, count: block.count };
  return {
    name: subject.name,
    async: subject.async,
    before() {
      block = walk[++round % walk.length]!;
      subject.warmUp?.(warmUp);
    },
    run: () => subject.run(block, warmUp),
    after: () => subject.verify?.(block),
  };
}

function addTask(bench: Bench, turn: Turn, turns: Turns, index: number): void {
  const run = (): Promise<{ overriddenDuration: number }> | undefined =>
    turn.run()?.then((milliseconds) => ({ overriddenDuration: milliseconds }));
  bench.add(turn.name, run, {
    async: turn.async,
    async beforeEach() {
      await turns.take(index);
      turn.before?.();
    },
    afterEach() {
      turn.after?.();
      turns.pass();
    },
  });
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
