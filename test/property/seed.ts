/** One place for the seed and the number of runs of all property tests: VMEMMAP_SEED repeats a run, VMEMMAP_RUNS lengthens it. */
import type { Parameters } from "fast-check";

const seed = Number(process.env["VMEMMAP_SEED"] ?? 20260601);
const factor = Number(process.env["VMEMMAP_RUNS"] ?? 1);

/** Parameters of fc.assert; it prints seed and path of what fails. */
export function runs<T>(numRuns: number): Parameters<T> {
  return { seed, numRuns: Math.ceil(numRuns * factor) };
}

/** Time a property test may take, in ms. */
export const timeout = 60_000 * Math.max(1, factor);
