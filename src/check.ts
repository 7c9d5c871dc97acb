import { VmemmapError } from "./errors.js";

/** A whole number from `min` to `max`, or "bad-argument" with its name and the value. */
export function whole(value: number, min: number, max: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new VmemmapError("bad-argument", `${name} ${display(value)}: expected a whole number from ${min} to ${max}`);
  }
  return value;
}

export const MIN_I32 = -(2 ** 31);
export const MAX_I32 = 2 ** 31 - 1;

/** A wrong value as a message shows it: short, and a string or bigint as such. */
export function display(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** Check that options are an object. */
export function checkObject(options: unknown, what: string): asserts options is object {
  if (typeof options !== "object" || options === null) {
    throw new VmemmapError("bad-argument", `${what} ${display(options)}: expected an object`);
  }
}

/** Check that what is asked about is a map in this thread: a {@link Vmemmap}. */
export function checkMap(map: unknown, what: string): void {
  if (typeof map !== "object" || map === null || !("core" in map) || !("profile" in map)) {
    throw new VmemmapError("bad-argument", `${what}: map ${display(map)}: expected a Vmemmap`);
  }
}

/** Check that an option, where it is given, is true or false. */
export function checkBoolean(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "boolean") {
    throw new VmemmapError("bad-argument", `${name} ${display(value)}: expected true or false`);
  }
}

/** Check that an option that is called, where it is given, is a function. */
export function checkFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "function") {
    throw new VmemmapError("bad-argument", `${name} ${display(value)}: expected a function`);
  }
}

/** Check that a signal, where one is given, is an AbortSignal. */
export function checkSignal(value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw new VmemmapError("bad-argument", `signal ${display(value)}: expected an AbortSignal`);
  }
}

/** Check that an options object has no keys but these: a misspelt one would silently do nothing. */
export function checkKeys(options: unknown, known: readonly string[], what: string): void {
  checkObject(options, what);
  const stranger = Object.keys(options).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    throw new VmemmapError("bad-argument", `${what}: no option ${display(stranger)}; there is ${known.join(", ")}`);
  }
}
