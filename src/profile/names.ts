/** Flags and page types by name: what a profile says of them. */
import { display } from "../check.js";
import { VmemmapError } from "../errors.js";
import type { MemoryType, PageFlag, Profile } from "./profile.js";

/** A flag of the profile. @throws VmemmapError "bad-argument" */
export function flagOf(profile: Profile, name: string): PageFlag {
  const flag = Object.hasOwn(profile.flags, name) ? profile.flags[name] : undefined;
  if (flag === undefined) throw stranger("flag", name, profile, Object.keys(profile.flags));
  return flag;
}

/** A page type in the word at +48: it has the type where (word & mask) == value; `word` is all of it, freshly set. */
export interface TypeWords {
  readonly mask: number;
  readonly value: number;
  readonly word: number;
}

/** How the word at +48 says a page type of the profile. @throws VmemmapError "bad-argument" */
export function typeOf(profile: Profile, name: string): TypeWords {
  const { encoding, types } = profile.pageTypes;
  const number = Object.hasOwn(types, name) ? types[name] : undefined;
  if (number === undefined) throw stranger("page type", name, profile, Object.keys(types));
  if (encoding === "top-byte") {
    const word = (number << 24) >>> 0;
    return { mask: 0xff000000, value: word, word };
  }
  return { mask: (0xf0000000 | number) >>> 0, value: 0xf0000000, word: (0xffffffff & ~number) >>> 0 };
}

/** "MEMORY_DEVICE_FS_DAX": a type of device memory, as the kernel names it. */
export function memoryTypeName(type: MemoryType): string {
  return `MEMORY_DEVICE_${type.toUpperCase().replaceAll("-", "_")}`;
}

function stranger(what: string, name: string, profile: Profile, known: readonly string[]): VmemmapError {
  return new VmemmapError("bad-argument", `${what} ${display(name)}: profile ${profile.name} has ${known.join(", ")}`);
}
