/**
 * Readers that turn an untrusted value into a checked one. A reader returns a fresh, frozen value or throws
 * "bad-profile" with the path and the value it did not like.
 */
import { VmemmapError } from "../errors.js";

export type Read<T> = (value: unknown, path: string) => T;

/** Throws "bad-profile"; `path` names the place in the profile, "" the whole. */
export function refuse(path: string, rule: string): never {
  throw new VmemmapError("bad-profile", `${path === "" ? "profile" : `profile.${path}`} ${rule}`);
}

/** How a wrong value shows in a message: short, whatever it is. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export const text: Read<string> = (value, path) =>
  typeof value === "string" && value !== "" ? value : refuse(path, `is ${show(value)}, must be a non-empty string`);

export const flag: Read<boolean> = (value, path) =>
  typeof value === "boolean" ? value : refuse(path, `is ${show(value)}, must be true or false`);

export function integer(min: number, max: number): Read<number> {
  return (value, path) =>
    typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
      ? value
      : refuse(path, `is ${show(value)}, must be an integer from ${min} to ${max}`);
}

/** A 64-bit word: a bigint, or "0x…" as JSON carries it. */
export const word: Read<bigint> = (value, path) => {
  const bits = typeof value === "string" && /^0x[0-9a-f]{1,16}$/i.test(value) ? BigInt(value) : value;
  return typeof bits === "bigint" && bits >= 0n && bits < 1n << 64n
    ? bits
    : refuse(path, `is ${show(value)}, must be a 64-bit word (bigint, or "0x…" of up to 16 digits)`);
};

export function oneOf<const T extends string>(...names: T[]): Read<T> {
  return (value, path) =>
    names.find((name) => name === value) ?? refuse(path, `is ${show(value)}, must be one of ${names.join(", ")}`);
}

export function orNull<T>(read: Read<T>): Read<T | null> {
  return (value, path) => (value === null ? null : read(value, path));
}

export function listOf<T>(read: Read<T>): Read<readonly T[]> {
  return (value, path) =>
    Array.isArray(value)
      ? Object.freeze(value.map((item: unknown, index) => read(item, `${path}[${index}]`)))
      : refuse(path, `is ${show(value)}, must be an array`);
}

function plainObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(path, `is ${show(value)}, must be an object`);
  }
  return value as Record<string, unknown>;
}

/** Names as keys, the kernel's lower-case names. */
export function recordOf<T>(read: Read<T>): Read<Readonly<Record<string, T>>> {
  return (value, path) => {
    const entries = Object.entries(plainObject(value, path)).map(([name, item]) => {
      if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) refuse(path, `has ${show(name)}, names are lower case: a-z, 0-9, _`);
      return [name, read(item, `${path}.${name}`)] as const;
    });
    return Object.freeze(Object.fromEntries(entries));
  };
}

/** Exactly these fields: a missing and an unknown one are both refused. */
export function object<T extends object>(fields: { readonly [K in keyof T]-?: Read<T[K]> }): Read<T> {
  return (value, path) => {
    const given = plainObject(value, path);
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) refuse(path, `has an unknown field ${show(unknown)}`);
    const read = Object.entries<Read<unknown>>(fields).map(([key, readField]) => {
      if (!Object.hasOwn(given, key)) refuse(path, `lacks the field "${key}"`);
      return [key, readField(given[key], path === "" ? key : `${path}.${key}`)] as const;
    });
    return Object.freeze(Object.fromEntries(read)) as T;
  };
}
