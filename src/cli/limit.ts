import { badUse } from "./arguments.js";

/** The number of a `--limit`. @throws VmemmapError "bad-argument" */
export function limitOf(text: string | undefined, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const limit = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(limit <= max)) throw badUse(`--limit ${JSON.stringify(text)}: expected a number from 0 to ${max}`);
  return limit;
}
