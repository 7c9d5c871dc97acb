/**
 * How long property tests run. The suite makes half of the runs: its seed is set in test/setup.ts, so that it makes the same each time.
 * VMEMMAP_RUNS is how many times all of them are made, for soak runs.
 */
import type { Parameters } from "fast-check";

const factor = Number(process.env["VMEMMAP_RUNS"] ?? 0.5);

/** Parameters of fc.assert; it prints seed and path of what fails. */
export function runs<T>(numRuns: number): Parameters<T> {
  return { numRuns: Math.ceil(numRuns * factor) };
}

/** Time a property test may take, in ms. */
export const timeout = 60_000 * Math.max(1, factor);
