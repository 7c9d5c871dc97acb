import { badUse } from "./arguments.js";

/** A whole number of an option, decimal or 0x…. @throws VmemmapError "bad-argument" */
export function countOf(option: string, text: string): number {
  const value = /^(?:\d+|0[xX][0-9a-fA-F]+)$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value))
    throw badUse(`${option}: ${JSON.stringify(text)} is no whole number, decimal or 0x…`);
  return value;
}

/** The same of an option that may be left out and has bounds, ends included. */
export function countWithin(option: string, text: string | undefined, bounds: Bounds): number {
  if (text === undefined) return bounds.fallback;
  const count = countOf(option, text);
  if (count < bounds.min || count > bounds.max)
    throw badUse(`${option}: ${text} is not among ${bounds.min} to ${bounds.max}`);
  return count;
}

export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}
