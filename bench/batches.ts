import type { TailEncoding } from "../src/profile/profile.js";
import type { Vmemmap } from "../src/vmemmap.js";
import { checksum } from "./contest.js";
import { markWellFormed, plainMapOf, useEngine } from "./engine.js";
import { uint32Loop, type PlainMap } from "./javascript.js";
import { measure, type Block, type Subject } from "./measure.js";
import type { BenchOptions } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";

/** How a caller asks for heads: a call for each page, or batches in plain arrays or the engine's lists, through the slots or by the index. */
export const WAYS = ["call", "arrays", "lists", "arrays-index", "lists-index"] as const;
export type Way = (typeof WAYS)[number];

const LENGTHS = [1, 4, 16, 64, 256, 1024, 4096];

/** One figure, with the keys of the JSON output. */
export interface BatchResult {
  readonly op: "batches";
  readonly encoding: TailEncoding;
  readonly pattern: Pattern;
  readonly slots: number;
  readonly way: Way;
  /** Pages in a batch. */
  readonly length: number;
  readonly nsPerLookup: number;
}

/** One way with batches of one length. */
interface Batch {
  readonly way: Way;
  readonly length: number;
  readonly run: (block: Block) => void;
  readonly prepare: () => void;
}

/**
 * The benchmark of short lists: the caller has pages one by one, puts them into a batch, asks, and takes the answers out one by one. That
 * is part of the time.
 */
export class Batches {
  readonly #pfns: Uint32Array;
  readonly #heads: Uint32Array;
  readonly #expected: Uint32Array;
  readonly #plain: PlainMap;
  readonly #batches: readonly Batch[];

  /** `map` has PFNs from 0 on without a hole, and room for two lists of each length. */
  constructor(
    readonly map: Vmemmap,
    readonly options: Pick<BenchOptions, "lookups" | "rounds" | "seed" | "slots">,
    readonly warn: (message: string) => void,
  ) {
    const { lookups } = options;
    this.#pfns = new Uint32Array(lookups);
    this.#heads = new Uint32Array(lookups);
    this.#expected = new Uint32Array(lookups);
    this.#plain = plainMapOf(map);
    markWellFormed(map);
    this.#batches = this.#allBatches();
  }

  /** @throws Error for a wrong answer */
  async run(pattern: Pattern): Promise<BatchResult[]> {
    const { slots, seed } = this.options;
    fillPattern(this.#pfns, pattern, slots, seed);
    uint32Loop(this.#plain)(this.#pfns, this.#expected);
    const measured = await measure(
      this.#batches.map((batch) => this.#subject(batch)),
      { ...this.options, warn: this.warn },
    );
    const { encoding } = this.#plain;
    return this.#batches.map((batch) => {
      const nsPerLookup = Number(measured.get(nameOf(batch))!.toFixed(4));
      const { way, length } = batch;
      return { op: "batches", encoding, pattern, slots, way, length, nsPerLookup };
    });
  }

  #subject(batch: Batch): Subject {
    const { run, prepare } = batch;
    return {
      name: nameOf(batch),
      async: false,
      blockDivisor: 1,
      warmUp(block) {
        prepare();
        run(block);
      },
      run(block) {
        run(block);
        return undefined;
      },
      verify: ({ offset, count }) => {
        const [found, expected] = [this.#heads, this.#expected].map((list) => list.subarray(offset, offset + count));
        if (checksum(found!) !== checksum(expected!)) throw new Error(`${nameOf(batch)}: wrong heads at ${offset}`);
      },
    };
  }

  #allBatches(): Batch[] {
    const { map } = this;
    const bySlots = useEngine(map, "simd", "by-slots");
    const byIndex = useEngine(map, "simd", "by-index");
    const call: Batch = { way: "call", length: 1, run: (block) => this.#call(block), prepare: bySlots };
    const batches = LENGTHS.flatMap((length): Batch[] => {
      const arrays = this.#through(new Uint32Array(length), new Uint32Array(length));
      const lists = this.#through(map.list(length), map.list(length));
      return [
        { way: "arrays", length, run: arrays, prepare: bySlots },
        { way: "lists", length, run: lists, prepare: bySlots },
        { way: "arrays-index", length, run: arrays, prepare: byIndex },
        { way: "lists-index", length, run: lists, prepare: byIndex },
      ];
    });
    return [call, ...batches];
  }

  #call({ offset, count }: Block): void {
    for (let i = offset; i < offset + count; i++) this.#heads[i] = this.map.compoundHead(this.#pfns[i]!);
  }

  #through(pages: Uint32Array, answers: Uint32Array): (block: Block) => void {
    const pfns = this.#pfns;
    const heads = this.#heads;
    return ({ offset, count }) => {
      for (let at = offset; at < offset + count; at += pages.length) {
        const nr = Math.min(pages.length, offset + count - at);
        for (let i = 0; i < nr; i++) pages[i] = pfns[at + i]!;
        if (nr === pages.length) this.map.headsInto(pages, answers);
        else this.map.headsInto(pages.subarray(0, nr), answers.subarray(0, nr));
        for (let i = 0; i < nr; i++) heads[at + i] = answers[i]!;
      }
    };
  }
}

function nameOf({ way, length }: Pick<Batch, "way" | "length">): string {
  return `${way} ${length}`;
}
