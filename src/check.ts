import { VmemmapError } from "./errors.js";

/** A whole number from `min` to `max`, or "bad-argument" with its name and the value. */
export function whole(value: number, min: number, max: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new VmemmapError("bad-argument", `${name} ${String(value)}: expected a whole number from ${min} to ${max}`);
  }
  return value;
}

export const MIN_I32 = -(2 ** 31);
export const MAX_I32 = 2 ** 31 - 1;
export const MAX_U32 = 2 ** 32 - 1;
