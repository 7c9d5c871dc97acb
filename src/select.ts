import { checkKeys, display, MAX_I32, MIN_I32, whole } from "./check.js";
import type { Core } from "./engine/core.js";
import type { PgmapRecord } from "./image/image.js";
import { constant } from "./engine/modules.js";
import { VmemmapError } from "./errors.js";
import type { MemoryType, Profile } from "./profile/index.js";
import { flagOf, typeOf } from "./profile/names.js";

/** What a page is in its compound. */
export type PageKind = "single" | "head" | "tail";

/** What a whole-map selection looks for; all parts given must hold. */
export interface PagePredicate {
  /** @default all three */
  readonly kinds?: readonly PageKind[];
  /** Flags set in the page's own word, by name. */
  readonly set?: readonly string[];
  /** Flags clear in the page's own word, by name. */
  readonly clear?: readonly string[];
  /** Number of the page's zone. */
  readonly zone?: number;
  readonly node?: number;
  /**
   * Page type in the page's own word, by name. Of a typed folio only the head has it; but a fake head (HVO, 6.1 to 7.0) shows
   * its head's word and flags, so add `kinds: ["head"]` to count folios there.
   */
  readonly type?: string;
  /** Order of the page's folio, ends included. */
  readonly minOrder?: number;
  readonly maxOrder?: number;
  /** The page's own count, ends included. */
  readonly minRefcount?: number;
  readonly maxRefcount?: number;
  /** ZONE_DEVICE pages of this pgmap, one of {@link Vmemmap.pgmaps}, by their folio (page_pgmap). */
  readonly pgmap?: PgmapRecord;
  /** ZONE_DEVICE pages whose pgmap is of this type. */
  readonly memoryType?: MemoryType;
  /** ZONE_DEVICE pages whose pgmap has this owner. */
  readonly owner?: bigint;
}

const kindNumbers = { single: "PageKind.SINGLE", head: "PageKind.HEAD", tail: "PageKind.TAIL" } as const;
const ALL_KINDS = Object.keys(kindNumbers) as PageKind[];
const PREDICATE_KEYS = [
  "kinds",
  "set",
  "clear",
  "zone",
  "node",
  "type",
  "minOrder",
  "maxOrder",
  "minRefcount",
  "maxRefcount",
  "pgmap",
  "memoryType",
  "owner",
];
const ANY_ORDER = 255;
const NO_TYPE = { mask: 0, value: 0 };

/** The bits of flags in a page's own word. Flags of policy "second" stand in page 1 for the folio, and mean another there. */
function ownBits(profile: Profile, names: readonly string[] = []): bigint {
  checkNames(names, "flags");
  return names.reduce((mask, name) => {
    const { bit, policy } = flagOf(profile, name);
    if (policy === "second") throw new VmemmapError("bad-argument", `flag "${name}" is a folio's, in its page 1`);
    return mask | (1n << BigInt(bit));
  }, 0n);
}

function checkNames(names: unknown, what: string): void {
  if (!Array.isArray(names)) {
    throw new VmemmapError("bad-argument", `${what} ${display(names)}: expected an array of names`);
  }
}

/** Where the set of pgmaps stands, in bytes from the predicate. */
const PGMAP_SET = 64;

/** Where this thread's core looks for the predicate. @internal */
export function predicateAt(core: Core): number {
  return core.area + constant("PREDICATE") - constant("STAGING");
}

/**
 * Write a predicate where the core looks for it (Predicate, assembly/bulk/scan.ts).
 *
 * @param numbersOf the pgmaps that it asks for, by number; undefined where it asks for none
 * @internal
 */
export function writePredicate(
  core: Core,
  profile: Profile,
  want: PagePredicate,
  numbersOf: (want: PagePredicate) => readonly number[] | undefined,
): void {
  checkKeys(want, PREDICATE_KEYS, "select");
  if (want.memoryType !== undefined && !profile.zoneDevice.memoryTypes.includes(want.memoryType)) {
    const known = profile.zoneDevice.memoryTypes.join(", ");
    throw new VmemmapError(
      "bad-argument",
      `memoryType ${display(want.memoryType)}: profile ${profile.name} has ${known}`,
    );
  }
  if (want.owner !== undefined && typeof want.owner !== "bigint") {
    throw new VmemmapError("bad-argument", `owner ${display(want.owner)}: expected a bigint`);
  }
  const pgmaps = numbersOf(want);
  const wantedSet = ownBits(profile, want.set);
  const clear = ownBits(profile, want.clear);
  if ((wantedSet & clear) !== 0n) throw new VmemmapError("bad-argument", `a flag is wanted both set and clear`);
  let mask = wantedSet | clear;
  let value = wantedSet;
  for (const [name, field] of [
    ["zone", profile.zone],
    ["node", profile.node],
  ] as const) {
    if (want[name] === undefined) continue;
    const wanted = whole(want[name], 0, 2 ** field.width - 1, name);
    mask |= ((1n << BigInt(field.width)) - 1n) << BigInt(field.shift);
    value |= BigInt(wanted) << BigInt(field.shift);
  }
  const type = want.type === undefined ? NO_TYPE : typeOf(profile, want.type);
  checkNames(want.kinds ?? ALL_KINDS, "kinds");
  const kinds = (want.kinds ?? ALL_KINDS).reduce((all, kind) => {
    if (!Object.hasOwn(kindNumbers, kind)) {
      throw new VmemmapError("bad-argument", `kind ${JSON.stringify(kind)}: expected ${ALL_KINDS.join(", ")}`);
    }
    return all | constant(kindNumbers[kind]);
  }, 0);

  const at = predicateAt(core);
  core.u64.set([mask, value], at / 8);
  core.u32.set([type.mask, type.value, kinds], at / 4 + 4);
  core.u32.set(
    [whole(want.minOrder ?? 0, 0, ANY_ORDER, "minOrder"), whole(want.maxOrder ?? ANY_ORDER, 0, ANY_ORDER, "maxOrder")],
    at / 4 + 7,
  );
  core.i32.set(
    [
      whole(want.minRefcount ?? MIN_I32, MIN_I32, MAX_I32, "minRefcount"),
      whole(want.maxRefcount ?? MAX_I32, MIN_I32, MAX_I32, "maxRefcount"),
    ],
    at / 4 + 9,
  );
  core.u32[at / 4 + 11] = Number(pgmaps !== undefined);
  const pgmapSet = new Uint8Array(constant("MAX_PGMAPS") / 8);
  for (const number of pgmaps ?? []) pgmapSet[number >> 3]! |= 1 << (number & 7);
  core.u8.set(pgmapSet, at + PGMAP_SET);
}
