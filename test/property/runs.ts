/** How long property tests run: VMEMMAP_RUNS lengthens them, for soak runs. Their seed is set in test/setup.ts. */
import type { Parameters } from "fast-check";

const factor = Number(process.env["VMEMMAP_RUNS"] ?? 1);

/** Parameters of fc.assert; it prints seed and path of what fails. */
export function runs<T>(numRuns: number): Parameters<T> {
  return { numRuns: Math.ceil(numRuns * factor) };
}

/** Time a property test may take, in ms. */
export const timeout = 60_000 * Math.max(1, factor);
