/** Page flags and page types of a kernel, by what its VMCOREINFO, its BTF and a preset say. */
import { VmemmapError } from "../errors.js";
import type { BtfLayout } from "../profile/btf-layout.js";
import { aliasNames } from "../profile/flags.js";
import type { FlagPolicy, KindMark, PageFlag, PageTypes, Profile } from "../profile/index.js";
import { presetNames, presets } from "../profile/presets.js";
import type { Claim, Claims } from "./claims.js";
import { hex } from "./fact.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

/** What stands behind all other sources: a preset, and how facts name it. */
export interface Base {
  readonly preset: Profile;
  readonly from: string;
}

type Numbers = ReadonlyMap<string, Claim<number>>;

// ---- Flags ------------------------------------------------------------------------------------------------------------

export type FlagTable = Pick<Profile, "flags" | "nrPageFlags">;

/** @throws VmemmapError "bad-dump": VMCOREINFO gives a flag that no word has room for */
export function flagsOf(claims: Claims, info: Vmcoreinfo, btf: BtfLayout | null, base: Base): FlagTable {
  const told = flagNumbers(info);
  const adapted = adapt(base, told);
  const preset = numbersOf(adapted.table.flags, adapted.from);
  const fromBtf =
    btf?.flags == null
      ? null
      : new Map(Array.from(btf.flags, ([name, bit]) => [name, { value: bit, from: "BTF enum pageflags" }]));
  // VMCOREINFO's come first: where two flags claim a bit, the weaker one is not known.
  const names = new Set([...told.keys(), ...(fromBtf ?? preset).keys()]);
  const owners = new Set<number>();
  const flags: Record<string, PageFlag> = {};
  for (const name of names) {
    const sources = [told.get(name), fromBtf?.get(name), preset.get(name)];
    const bit = sources.find((claim) => claim !== undefined)!.value;
    const policy = policyOf(name, base.preset);
    const owns = policy !== "second" && !aliasNames.has(name);
    if (!/^[a-z][a-z0-9_]*$/.test(name) || (owns && owners.has(bit))) continue;
    if (owns) owners.add(bit);
    flags[name] = { bit: claims.settle(`flags.${name}`, sources), policy };
  }
  const nrPageFlags = claims.settle("nrPageFlags", [
    btf?.nrPageFlags == null ? null : { value: btf.nrPageFlags, from: "BTF enum pageflags, __NR_PAGEFLAGS" },
    { value: adapted.table.nrPageFlags, from: adapted.from },
  ]);
  return { flags, nrPageFlags };
}

function flagNumbers(info: Vmcoreinfo): Numbers {
  const numbers = new Map<string, Claim<number>>();
  for (const key of info.keys()) {
    const name = /^NUMBER\((PG_(\w+))\)$/.exec(key);
    if (name === null) continue;
    const value = info.number(name[1]!)!;
    const bit = name[2] === "head_mask" ? Math.log2(value) : value;
    if (!Number.isInteger(bit) || bit < 0 || bit > 63) {
      throw new VmemmapError("bad-dump", `VMCOREINFO ${key} is ${value}: expected a flag of a 64-bit word`);
    }
    numbers.set(name[2] === "head_mask" ? "head" : name[2]!.toLowerCase(), { value: bit, from: `VMCOREINFO ${key}` });
  }
  return numbers;
}

function numbersOf(flags: Profile["flags"], from: string): Numbers {
  return new Map(Object.entries(flags).map(([name, { bit }]) => [name, { value: bit, from }]));
}

/** How a flag of this name is used, in this preset or the newest that knows it. */
function policyOf(name: string, preset: Profile): FlagPolicy {
  const known = [preset, ...presetNames.map((each) => presets[each]).reverse()];
  return known.map(({ flags }) => flags[name]?.policy).find((policy) => policy !== undefined) ?? "any";
}

/**
 * The preset's flags, as this kernel's configuration moved them: those from PG_hwpoison up move with it, and close up where it is
 * not there (no MEMORY_FAILURE). Where VMCOREINFO's other numbers contradict the preset's, those of a preset that they fit.
 */
function adapt(base: Base, told: Numbers): { readonly table: FlagTable; readonly from: string } {
  if (told.size === 0) return { table: base.preset, from: base.from };
  const others = presetNames.filter((name) => presets[name] !== base.preset);
  // Newer ones first: kernels between two presets are closer to the next one where they differ from the one before.
  const newerFirst = [
    ...others.filter((name) => presetNames.indexOf(name) > presetNames.indexOf(presetNameOf(base.preset))),
    ...others.filter((name) => presetNames.indexOf(name) < presetNames.indexOf(presetNameOf(base.preset))).reverse(),
  ];
  const candidates = [base, ...newerFirst.map((name) => ({ preset: presets[name], from: `flags of preset ${name}` }))];
  const fitting = candidates.find(({ preset }) =>
    Array.from(told).every(([name, { value }]) => name === "hwpoison" || (preset.flags[name]?.bit ?? value) === value),
  );
  const { preset, from } = fitting ?? base;
  const hwpoison = told.get("hwpoison");
  const place = preset.flags["hwpoison"]?.bit ?? preset.nrPageFlags;
  const shift = hwpoison === undefined ? -1 : hwpoison.value - place;
  const flags = Object.fromEntries(
    Object.entries(preset.flags)
      .filter(([name]) => name !== "hwpoison" || hwpoison !== undefined)
      .map(([name, flag]) => [name, flag.bit < place ? flag : { ...flag, bit: flag.bit + shift }]),
  );
  const notes = [
    ...(fitting === undefined ? ["doubtful, VMCOREINFO's flags fit no preset"] : []),
    ...(hwpoison === undefined ? ["without MEMORY_FAILURE, since VMCOREINFO has no NUMBER(PG_hwpoison)"] : []),
  ];
  return {
    table: { flags, nrPageFlags: preset.nrPageFlags + shift },
    from: notes.length === 0 ? from : `${from} (${notes.join("; ")})`,
  };
}

function presetNameOf(preset: Profile): (typeof presetNames)[number] {
  return presetNames.find((name) => presets[name] === preset)!;
}

// ---- Page types -------------------------------------------------------------------------------------------------------

/**
 * @throws VmemmapError "unsupported-dump": page types are said in a way that profiles do not know (6.11); "bad-dump": in two ways
 */
export function pageTypesOf(claims: Claims, info: Vmcoreinfo, btf: BtfLayout | null, base: Base): PageTypes {
  const told = new Map<string, Claim<number>>();
  let encoding: Claim<PageTypes["encoding"]> | null = null;
  for (const key of info.keys()) {
    const name = /^NUMBER\((PAGE_(\w+)_MAPCOUNT_VALUE)\)$/.exec(key);
    if (name === null) continue;
    const from = `VMCOREINFO ${key}`;
    const said = decode(info.integer(name[1]!)!, from);
    if (encoding !== null && encoding.value !== said.encoding) {
      throw new VmemmapError(
        "bad-dump",
        `${from} says page types by ${said.encoding}, ${encoding.from} by ${encoding.value}`,
      );
    }
    encoding ??= { value: said.encoding, from };
    told.set(name[2]!.toLowerCase(), { value: said.value, from });
  }
  const chosen = claims.settle("pageTypes.encoding", [
    encoding,
    btf?.pageTypes == null ? null : { value: "top-byte", from: "BTF enum pagetype" },
    { value: base.preset.pageTypes.encoding, from: base.from },
  ]);
  const fromBtf = typesOfBtf(chosen, btf);
  const preset = presetTypes(chosen, base);
  const types: Record<string, number> = {};
  for (const name of new Set([...told.keys(), ...(fromBtf ?? preset).keys()])) {
    types[name] = claims.settle(`pageTypes.${name}`, [told.get(name), fromBtf?.get(name), preset.get(name)]);
  }
  return { encoding: chosen, types };
}

/** A freshly typed word, as VMCOREINFO has it: ~bit up to 6.10, the type in the top byte from 6.12 on. */
function decode(word: bigint, from: string): { encoding: PageTypes["encoding"]; value: number } {
  const bits = Number(BigInt.asUintN(32, word));
  const top = bits >>> 24;
  if (bits << 8 === 0 && top >= 0x80 && top <= 0xfe) return { encoding: "top-byte", value: top };
  const clear = ~bits >>> 0;
  if (clear >= 0x80 && clear <= 0x8000000 && (clear & (clear - 1)) === 0) return { encoding: "low-bits", value: clear };
  throw new VmemmapError(
    "unsupported-dump",
    `${from} is ${hex(bits)}: expected all bits but one of 0x80 to 0x8000000, or a top byte of 0x80 to 0xfe`,
  );
}

function typesOfBtf(encoding: PageTypes["encoding"], btf: BtfLayout | null): Numbers | null {
  if (encoding !== "top-byte" || btf?.pageTypes == null) return null;
  const types = Array.from(btf.pageTypes).filter(([, value]) => value >= 0x80 && value <= 0xfe);
  return new Map(types.map(([name, value]) => [name, { value, from: "BTF enum pagetype" }]));
}

/** The preset's types; where they are of another encoding, those of the preset nearest to it that has this one. */
function presetTypes(encoding: PageTypes["encoding"], { preset, from }: Base): Numbers {
  const name = encoding === "top-byte" ? "6.12" : "6.1";
  const same = preset.pageTypes.encoding === encoding;
  const { types } = same ? preset.pageTypes : presets[name].pageTypes;
  const source = same ? from : `preset ${name}, by its encoding`;
  return new Map(Object.entries(types).map(([type, value]) => [type, { value, from: source }]));
}

/** How hugetlb folios and slabs are told: as VMCOREINFO has it, by a page type, a flag, or the compound destructor. */
export function kindMarkOf(
  claims: Claims,
  kind: "hugetlb" | "slab",
  info: Vmcoreinfo,
  table: Pick<Profile, "flags" | "pageTypes" | "folio">,
  base: Base,
): KindMark {
  const type = `PAGE_${kind.toUpperCase()}_MAPCOUNT_VALUE`;
  const dtor = kind === "hugetlb" ? info.number("HUGETLB_PAGE_DTOR") : undefined;
  const byType: KindMark = { by: "type", name: kind };
  const byFlag: KindMark = { by: "flag", name: kind };
  const known = (mark: KindMark) =>
    mark.by === "dtor"
      ? table.folio.dtor !== null
      : Object.hasOwn(mark.by === "type" ? table.pageTypes.types : table.flags, mark.name);
  const candidates: (Claim<KindMark> | null)[] = [
    info.has(`NUMBER(${type})`) ? { value: byType, from: `VMCOREINFO NUMBER(${type})` } : null,
    dtor === undefined ? null : { value: { by: "dtor", id: dtor }, from: "VMCOREINFO NUMBER(HUGETLB_PAGE_DTOR)" },
    info.has(`NUMBER(PG_${kind})`) ? { value: byFlag, from: `VMCOREINFO NUMBER(PG_${kind})` } : null,
    { value: base.preset[kind], from: base.from },
    { value: byType, from: "its page type" },
    { value: byFlag, from: "its flag" },
  ];
  return claims.settle(kind, [candidates.find((claim) => claim !== null && known(claim.value))]);
}
