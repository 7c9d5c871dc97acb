/** PFNs: `Uint32Array` where the map ends below PFN 2^32, `Float64Array` otherwise. */
export type PfnList = Uint32Array | Float64Array;

/** PFNs in a row. */
export interface PfnRange {
  readonly start: number;
  readonly count: number;
}

/** Pages a batch is about. */
export type PfnSource = PfnList | PfnRange;

/** Room for 32-bit answers; a Float64Array gets NaN where the others get 0xffffffff (-1 as signed). */
export type AnswerList = Uint32Array | Int32Array | Float64Array;

/** Builds of the core: the same source with and without 128-bit SIMD, and with SIMD over shared memory (`vmemmap/threads`). */
export type Build = "simd" | "scalar" | "shared";
