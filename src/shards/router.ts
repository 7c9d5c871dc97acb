/** Sends the PFNs of lists to the shards they are of, and brings the answers back: in a memory of its own, by the core. */
import type { CoreExports } from "../engine/generated/core.js";
import { loadCore, moduleOf } from "../engine/modules.js";
import { PFN_LIMIT } from "../sections.js";
import type { OutList } from "../threads/batches.js";
import { placeOf, viewOf } from "../threads/views.js";
import type { Build, PfnList } from "../types.js";
import { unitPages } from "./cut.js";

/** PFNs that are routed at a time: enough for each shard to be worth a call or a message, and their buckets stay in cache. */
export const ROUTED = 2 ** 17;
const WASM_PAGE = 65536;
/** What the compiler keeps at the start of a memory ends before. */
const TABLE = WASM_PAGE;
const LINE = 64;
/** Buckets are not a power of two apart, so that all cursors do not stand in one set of the cache. */
const BUCKET_BYTES = ROUTED * 8 + 5 * LINE;
/** Two cursors a bucket: one goes down from its middle, the other up. */
const CURSOR_BYTES = 8;

const align = (bytes: number): number => Math.ceil(bytes / LINE) * LINE;

export interface RouterOptions {
  readonly build: Build;
  /** First PFN and first after the last of what each shard holds, in multiples of the largest folio. */
  readonly shards: readonly { readonly start: number; readonly end: number }[];
  /** Whether PFNs are doubles. */
  readonly wide: boolean;
}

/**
 * The router's memory:
 *
 *     table of shards | cursors | for each lane: a stretch of the list, its trail, buckets of PFNs, buckets of answers
 *
 * Bucket 0 is for PFNs of no shard. While shards answer about one lane's stretch, the other lane takes the next.
 */
export class Router {
  readonly lanes: readonly [Lane, Lane];

  constructor({ build, shards, wide }: RouterOptions) {
    const buckets = shards.length + 1;
    const units = (wide ? PFN_LIMIT : 2 ** 32) / unitPages();
    const cursors = align(TABLE + units * 2);
    const first = align(cursors + buckets * CURSOR_BYTES);
    const laneBytes = align(ROUTED * 8 + ROUTED * 2) + 2 * buckets * BUCKET_BYTES;
    const pages = Math.ceil((first + 2 * laneBytes) / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: build === "shared" });
    const exports = loadCore(moduleOf(build), memory);
    const table = new Uint16Array(memory.buffer, TABLE, units);
    shards.forEach(({ start, end }, i) => table.fill((i + 1) * CURSOR_BYTES, start / unitPages(), end / unitPages()));
    const lane = (number: number) =>
      new Lane(exports, memory.buffer, { cursors, buckets, wide, at: first + number * laneBytes });
    this.lanes = [lane(0), lane(1)];
  }
}

interface LanePlan {
  readonly cursors: number;
  readonly buckets: number;
  readonly wide: boolean;
  readonly at: number;
}

/** What stands in a bucket: elements before its middle, and all. */
interface Extent {
  readonly below: number;
  readonly count: number;
}

const middleOf = (buckets: number, bucket: number): number => buckets + bucket * BUCKET_BYTES + (ROUTED / 2) * 8;

/** Room for one stretch of a list on its way. */
export class Lane {
  readonly #cursors: Uint32Array;
  readonly #trail: number;
  readonly #buckets: number;
  readonly #answers: number;
  #kind = 0;
  #length = 0;
  #extents: readonly Extent[] = [];

  constructor(
    readonly exports: CoreExports,
    readonly buffer: ArrayBufferLike,
    readonly plan: LanePlan,
  ) {
    this.#cursors = new Uint32Array(buffer, plan.cursors, 2 * plan.buckets);
    this.#trail = plan.at + ROUTED * 8;
    this.#buckets = align(this.#trail + ROUTED * 2);
    this.#answers = this.#buckets + plan.buckets * BUCKET_BYTES;
  }

  /** Take up to ROUTED pages of a list. */
  fill(pages: PfnList): void {
    const { kind } = placeOf(pages);
    (viewOf(this.buffer, { kind, at: this.plan.at }, 0, pages.length) as Float64Array).set(pages);
    this.#kind = kind;
    this.#length = pages.length;
  }

  /** Whether all pages taken are of one shard, or of none. */
  isOfOneShard(): boolean {
    const { wide, at } = this.plan;
    const leading = wide ? this.exports.leading_f64_of_shard : this.exports.leading_pfns_of_shard;
    return leading(at, this.#length, TABLE) === this.#length;
  }

  /** Share the pages taken out to the buckets. */
  route(): void {
    const { wide, at, cursors } = this.plan;
    this.#start(this.#buckets);
    const route = wide ? this.exports.route_f64 : this.exports.route_pfns;
    route(at, this.#length, TABLE, cursors, this.#trail);
    const size = wide ? 8 : 4;
    this.#extents = Array.from({ length: this.plan.buckets }, (_, bucket) => {
      const [down, up] = this.#cursors.subarray(2 * bucket);
      return { below: (middleOf(this.#buckets, bucket) - down!) / size, count: (up! - down!) / size };
    });
  }

  #start(buckets: number): void {
    for (let bucket = 0; bucket < this.plan.buckets; bucket++) {
      this.#cursors.fill(middleOf(buckets, bucket), 2 * bucket, 2 * bucket + 2);
    }
  }

  /** How many pages are of no shard. */
  get absent(): number {
    return this.#extents[0]!.count;
  }

  /** Pages of a shard, by its number, and room for the answers; null where there are none. */
  bucketOf(shard: number, out: OutList): { readonly pages: PfnList; readonly out: OutList } | null {
    const bucket = shard + 1;
    if (this.#extents[bucket]!.count === 0) return null;
    const pages = this.#viewOf(this.#buckets, bucket, this.#kind, this.plan.wide ? 8 : 4) as PfnList;
    return { pages, out: this.#answersOf(bucket, out) };
  }

  #answersOf(bucket: number, out: OutList): OutList {
    return this.#viewOf(this.#answers, bucket, placeOf(out).kind, out.BYTES_PER_ELEMENT);
  }

  #viewOf(buckets: number, bucket: number, kind: number, size: number): OutList {
    const { below, count } = this.#extents[bucket]!;
    return viewOf(this.buffer, { kind, at: middleOf(buckets, bucket) - below * size }, 0, count);
  }

  /** All answers, in the order of the list, once the shards' are there. */
  gather(out: OutList): void {
    const { at, cursors } = this.plan;
    fillAbsent(this.#answersOf(0, out));
    this.#start(this.#answers);
    const gather = out.BYTES_PER_ELEMENT === 8 ? this.exports.gather_u64 : this.exports.gather_u32;
    gather(at, this.#length, cursors, this.#trail);
    const answers = viewOf(this.buffer, { kind: placeOf(out).kind, at }, 0, this.#length);
    (out as Float64Array).set(answers as Float64Array);
  }
}

/** The answers about pages that there are not. */
export function fillAbsent(out: OutList): void {
  if (out instanceof BigUint64Array) out.fill(2n ** 64n - 1n);
  else out.fill(out instanceof Float64Array ? NaN : -1);
}
