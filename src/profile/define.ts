/** Finding and making profiles: by preset name, by changes to another one, or from JSON. */
import { VmemmapError } from "../errors.js";
import { checkProfile } from "./check.js";
import { oneOf } from "./shape.js";
import { presetNames, presets, type PresetName } from "./presets.js";
import type { KindMark, Profile } from "./profile.js";

/**
 * Any part of `T`. Arrays and kind marks are replaced whole; a field set to undefined is removed, which is how a flag
 * or a page type the kernel does not have leaves the table.
 */
export type DeepPartial<T> = {
  readonly [K in keyof T]?:
    (T[K] extends KindMark | readonly unknown[] ? T[K] : T[K] extends object ? DeepPartial<T[K]> : T[K]) | undefined;
};

/**
 * The profile of that preset name, or `nameOrProfile` itself after a check.
 *
 * @returns a frozen profile
 * @throws VmemmapError "bad-profile": no preset has this name, or the profile is not consistent
 */
export function profile(nameOrProfile: string | Profile): Profile {
  return typeof nameOrProfile === "string" ? preset(nameOrProfile) : checkProfile(nameOrProfile);
}

function preset(name: string): Profile {
  const known = presetNames.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new VmemmapError(
      "bad-profile",
      `no profile is named ${JSON.stringify(name)}; known: ${presetNames.join(", ")}`,
    );
  }
  return checkProfile(presets[known]);
}

/**
 * A profile that differs from `base` by `changes`: a kernel without MEMORY_FAILURE, offsets read from BTF, another
 * vmemmap base.
 *
 *     defineProfile("7.3", { name: "my kernel", lastCpupid: { shift: 35, width: 16 } })
 *
 * @returns a frozen profile
 * @throws VmemmapError "bad-profile": the result is not consistent; the message names the value
 */
export function defineProfile(base: PresetName | Profile, changes: DeepPartial<Profile>): Profile {
  return checkProfile(merge(profile(base), changes));
}

/** `given`, with the fields it lacks at the first two levels taken from `preset`; its tables of names stay its own. */
function fillIn(preset: Profile, given: object): object {
  const filled: Record<string, unknown> = { ...preset, ...given };
  for (const group of ["folio", "compound", "zoneDevice", "pgmap"] as const) {
    const part = filled[group];
    if (isPlain(part)) filled[group] = { ...preset[group], ...part };
  }
  return filled;
}

/** Kind marks are unions: a part of one kind and a part of another make none. */
const REPLACED_WHOLE = new Set(["hugetlb", "slab"]);

function merge(base: object, changes: object): object {
  const merged = new Map<string, unknown>(Object.entries(base));
  for (const [key, change] of Object.entries(changes) as [string, unknown][]) {
    const old = merged.get(key);
    if (change === undefined) merged.delete(key);
    else if (isPlain(old) && isPlain(change) && !REPLACED_WHOLE.has(key)) merged.set(key, merge(old, change));
    else merged.set(key, change);
  }
  return Object.fromEntries(merged);
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON of a profile; 64-bit words become "0x…" strings. The image format stores it. */
export function profileToJson(source: Profile): string {
  return JSON.stringify(source, (_key, value: unknown) =>
    typeof value === "bigint" ? `0x${value.toString(16)}` : value,
  );
}

/**
 * A profile from untrusted JSON. Fields it lacks are those of its preset: it may come from an older version of this package.
 *
 * @returns a frozen profile
 * @throws VmemmapError "bad-profile": not JSON, a field missing, unknown or of the wrong kind, or parts that disagree
 */
export function profileFromJson(json: string): Profile {
  const given = parse(json);
  if (!isPlain(given)) return checkProfile(given);
  const name = oneOf(...presetNames)((given as { preset?: unknown }).preset, "preset");
  return checkProfile(fillIn(presets[name], given));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new VmemmapError("bad-profile", `profile is no JSON: ${(cause as Error).message}`, { cause });
  }
}
