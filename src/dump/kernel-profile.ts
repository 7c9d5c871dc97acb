/**
 * What the slots of a dump mean: its kernel's profile, from what the kernel says of itself. VMCOREINFO comes first, then BTF, where
 * the dump holds it, then a preset. No rule goes by the release but the choice of the preset.
 */
import { VmemmapError } from "../errors.js";
import type { BtfClaim, BtfLayout, XarrayLayout } from "../profile/btf-layout.js";
import { bitsFor, flagsWord, type FlagsWordFields } from "../profile/flags-word.js";
import { type FolioLayout, type PgmapLayout, profile as checkedProfile, type Profile } from "../profile/index.js";
import { presetNames, presets } from "../profile/presets.js";
import { presetForRelease, releaseNumber } from "../profile/release.js";
import { SLOT_BYTES } from "../sections.js";
import { type Claim, Claims } from "./claims.js";
import { type Fact } from "./fact.js";
import { findSymbols, type FoundSymbols } from "./kallsyms.js";
import { type Base, type FlagTable, flagsOf, kindMarkOf, pageTypesOf } from "./kernel-flags.js";
import { readBtfLayout } from "./kernel-btf.js";
import type { KernelMemory } from "./kernel-memory.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

/** Where a kernel keeps its device page maps: the xarray pgmap_array (mm/memremap.c). */
export interface PgmapArray {
  readonly address: bigint;
  readonly layout: XarrayLayout;
}

export interface KernelProfile {
  readonly profile: Profile;
  /** Every part of the profile and where it comes from; where sources differ, which. */
  readonly facts: readonly Fact[];
  /** Or why it is not to be had. */
  readonly pgmapArray: PgmapArray | string;
}

/** Distribution kernels have 5 MiB of it. */
const MAX_BTF_BYTES = 2 ** 26;
/** LAST__PID_SHIFT */
const LAST_PID_BITS = 8;
const ORDER_BYTE = 0xffn;

/** What is compiled in with HUGETLB_PAGE_OPTIMIZE_VMEMMAP alone (mm/hugetlb_vmemmap.c), by its names from 6.1 on. */
const HVO_SYMBOLS = [
  "hugetlb_vmemmap_optimize",
  "hugetlb_vmemmap_optimize_folio",
  "hugetlb_vmemmap_optimize_folios",
  "hugetlb_vmemmap_restore_folio",
];

/** xa_head behind the lock and the flags; struct xa_node without lock debugging, in every version read. */
const XARRAY: XarrayLayout = { head: 8, shift: 0, slots: 40, chunk: 64 };

/**
 * The profile of a dump's kernel.
 *
 * @throws VmemmapError "unsupported-dump": a kernel older than every preset, a struct page that has not 64 bytes, page types said in an
 * unknown way, or parts that make no profile together; "bad-dump": VMCOREINFO contradicts itself
 */
export async function profileOf(info: Vmcoreinfo, kernel: KernelMemory): Promise<KernelProfile> {
  const claims = new Claims();
  const base = baseOf(info);
  claims.note("preset", base.preset.name, base.from);
  const symbols = await findSymbols(info, kernel, ["__start_BTF", "__stop_BTF", "pgmap_array", ...HVO_SYMBOLS]);
  claims.note("kallsyms", symbols.lacking === null, symbols.lacking ?? "VMCOREINFO SYMBOL(kallsyms_names)");
  const btf = await readLayout(kernel, symbols, claims);
  checkPageSize(btf);
  const array = symbols.addresses.get("pgmap_array");
  return {
    profile: settleProfile(claims, info, btf, base, symbols, kernel.levels),
    facts: claims.facts,
    pgmapArray:
      array === undefined
        ? (symbols.lacking ?? "kallsyms names no pgmap_array")
        : { address: array, layout: btf?.xarray ?? XARRAY },
  };
}

// ---- Sources ----------------------------------------------------------------------------------------------------------

/** The newest preset that holds for a release no older than it. */
function baseOf(info: Vmcoreinfo): Base {
  const release = info.osrelease;
  const number = release === undefined ? null : releaseNumber(release);
  if (number === null) {
    const newest = presetNames.at(-1)!;
    const why =
      release === undefined ? "VMCOREINFO has no OSRELEASE" : `OSRELEASE ${JSON.stringify(release)} is no release`;
    return { preset: presets[newest], from: `preset ${newest} (newest, ${why})` };
  }
  const choice = presetForRelease(release!);
  if (choice === null) {
    throw new VmemmapError(
      "unsupported-dump",
      `VMCOREINFO OSRELEASE is ${release!}: the oldest kernel that is known is ${presetNames[0]!}`,
    );
  }
  return { preset: presets[choice.name], from: `preset ${choice.name} (${choice.rule})` };
}

/** The kernel's BTF, between two symbols; null where it is not to be had, and a fact says why. */
async function readLayout(kernel: KernelMemory, symbols: FoundSymbols, claims: Claims): Promise<BtfLayout | null> {
  const none = (why: string): null => {
    claims.note("btf", false, why);
    return null;
  };
  if (symbols.lacking !== null) return none(symbols.lacking);
  const start = symbols.addresses.get("__start_BTF");
  const stop = symbols.addresses.get("__stop_BTF");
  if (start === undefined || stop === undefined) return none("kallsyms names no __start_BTF");
  const length = stop - start;
  if (length <= 0n || length > MAX_BTF_BYTES) return none(`kallsyms gives BTF ${length.toString()} bytes`);
  try {
    const layout = await readBtfLayout(kernel, start, Number(length));
    if (layout === null) return none("the pages of BTF are not in the dump");
    claims.note("btf", true, "kallsyms __start_BTF");
    return layout;
  } catch (error) {
    if (error instanceof VmemmapError) return none(error.message);
    throw error;
  }
}

function checkPageSize(btf: BtfLayout | null): void {
  const bytes = btf?.pageBytes ?? SLOT_BYTES;
  if (bytes === SLOT_BYTES) return;
  throw new VmemmapError("unsupported-dump", `BTF: struct page has ${bytes} bytes, expected ${SLOT_BYTES}`);
}

// ---- The profile ------------------------------------------------------------------------------------------------------

function settleProfile(
  claims: Claims,
  info: Vmcoreinfo,
  btf: BtfLayout | null,
  base: Base,
  symbols: FoundSymbols,
  levels: 4 | 5,
): Profile {
  const { preset, from } = base;
  const flags = flagsOf(claims, info, btf, base);
  const zones = claims.settle("zones", [
    btf?.zones == null ? null : { value: btf.zones, from: "BTF enum zone_type" },
    { value: preset.zones, from },
  ]);
  const folio = folioOf(claims, info, btf, base);
  const pageTypes = pageTypesOf(claims, info, btf, base);
  const table = { ...flags, folio, pageTypes };
  const rest = ["maxFolioOrder", "compound", "zoneDevice"] as const;
  for (const name of rest) claims.note(name, name === "maxFolioOrder" ? preset[name] : "rules", from);
  const made: Profile = {
    ...preset,
    name: info.osrelease ?? preset.name,
    tailEncoding: encodingOf(claims, info, symbols, base),
    // Without KASLR: the map's own base is found elsewhere.
    vmemmapBase: levels === 5 ? 0xffd4000000000000n : 0xffffea0000000000n,
    ...table,
    ...flagsWordOf(claims, info, btf, { ...flags, zones }, base),
    zones,
    compound: compoundOf(flags, folio, preset),
    hugetlb: kindMarkOf(claims, "hugetlb", info, table, base),
    slab: kindMarkOf(claims, "slab", info, table, base),
    mapcount: claims.settle("mapcount", [
      // _nr_pages_mapped came with the rule (6.2 on).
      btf !== null && preset.mapcount === "compound" && folio.nrPagesMapped !== null
        ? { value: "precise", from: "BTF struct folio._nr_pages_mapped" }
        : null,
      { value: preset.mapcount, from },
    ]),
    zoneDevice: {
      ...preset.zoneDevice,
      memoryTypes: claims.settle("memoryTypes", [
        btf?.memoryTypes == null ? null : { value: btf.memoryTypes, from: "BTF enum memory_type" },
        { value: preset.zoneDevice.memoryTypes, from },
      ]),
      freeClearedFlags: preset.zoneDevice.freeClearedFlags.filter((name) => Object.hasOwn(flags.flags, name)),
    },
    pgmap: settleFields<PgmapLayout>("pgmap", claims, {}, btf?.pgmap ?? {}, preset.pgmap, from),
  };
  try {
    return checkedProfile(made);
  } catch (error) {
    if (!(error instanceof VmemmapError)) throw error;
    throw new VmemmapError("unsupported-dump", `the kernel's own facts make no profile: ${error.message}`, {
      cause: error,
    });
  }
}

/** The encoding of tails: its word's name tells (OFFSET(page.compound_info): a mask, compound_head: an address). */
function encodingOf(
  claims: Claims,
  info: Vmcoreinfo,
  symbols: FoundSymbols,
  { preset, from }: Base,
): Profile["tailEncoding"] {
  const noHvo = symbols.lacking === null && !HVO_SYMBOLS.some((name) => symbols.addresses.has(name));
  const without = (key: string) => `VMCOREINFO ${key}, and kallsyms has no hugetlb_vmemmap_optimize`;
  const word = ["compound_info", "compound_head"].find((name) => info.has(`OFFSET(page.${name})`));
  const key = `OFFSET(page.${word ?? "compound_head"})`;
  let told: Claim<Profile["tailEncoding"]> | null = null;
  // Without HVO compiled in, addresses in both (compound_info_has_mask), and no fake heads.
  if (word !== undefined && noHvo) told = { value: "pointer", from: without(key) };
  else if (word === "compound_info") told = { value: "mask", from: `VMCOREINFO ${key}` };
  else if (word === "compound_head") {
    // HVO of 5.15 makes no fake heads. Later on, with HVO off, there are none to be found, which does no harm.
    told = { value: preset.tailEncoding === "pointer" ? "pointer" : "fake-heads", from: `VMCOREINFO ${key}` };
  }
  return claims.settle("tailEncoding", [told, { value: preset.tailEncoding, from }]);
}

function folioOf(claims: Claims, info: Vmcoreinfo, btf: BtfLayout | null, { preset, from }: Base): FolioLayout {
  const told = (key: string, page: number): Claim<number> | null => {
    const offset = info.offset(key);
    return offset === undefined ? null : { value: page * SLOT_BYTES + offset, from: `VMCOREINFO OFFSET(${key})` };
  };
  return settleFields<FolioLayout>(
    "folio",
    claims,
    {
      order: told("folio._folio_order", 0) ?? told("page.compound_order", 1),
      dtor: told("folio._folio_dtor", 0) ?? told("page.compound_dtor", 1),
    },
    btf?.folio ?? {},
    preset.folio,
    from,
  );
}

function settleFields<T extends object>(
  group: string,
  claims: Claims,
  told: { readonly [K in keyof T]?: Claim<T[K]> | null },
  btf: { readonly [K in keyof T]?: BtfClaim<T[K]> },
  preset: T,
  from: string,
): T {
  const fields = (Object.keys(preset) as (keyof T & string)[]).map((name) => [
    name,
    claims.settle(`${group}.${name}`, [told[name], btf[name], { value: preset[name], from }]),
  ]);
  return Object.fromEntries(fields) as T;
}

/** The preset's rules, as far as this kernel has the flags and fields that they write. */
function compoundOf({ flags }: FlagTable, folio: FolioLayout, { compound }: Profile): Profile["compound"] {
  const order = folio.order === SLOT_BYTES ? ORDER_BYTE : 0n;
  const second = Object.values(flags).filter(({ policy }) => policy === "second");
  return {
    ...compound,
    prepDtor: folio.dtor === null ? null : compound.prepDtor,
    freeSecondMask: second.reduce((mask, { bit }) => mask | (1n << BigInt(bit)), order),
    freeZeroesNrPages: compound.freeZeroesNrPages && folio.nrPages !== null,
    splitCopiedFlags: compound.splitCopiedFlags.filter((name) => Object.hasOwn(flags, name)),
  };
}

/**
 * The fields above the page flags, whose widths no source tells: they follow from what the configuration numbers
 * (page-flags-layout.h).
 */
function flagsWordOf(
  claims: Claims,
  info: Vmcoreinfo,
  btf: BtfLayout | null,
  { nrPageFlags, zones }: Pick<Profile, "nrPageFlags" | "zones">,
  { preset, from }: Base,
): FlagsWordFields {
  const nodes = info.length("node_data");
  const nodesShift = strongest([
    nodes === undefined ? null : { value: bitsFor(nodes), from: "VMCOREINFO LENGTH(node_data)" },
    btf?.nodemaskBits == null ? null : { value: bitsFor(btf.nodemaskBits), from: "BTF nodemask_t" },
    { value: preset.node.width, from },
  ]);
  const cpus = btf?.cpumaskBits == null ? null : LAST_PID_BITS + bitsFor(btf.cpumaskBits);
  const cpupidShift = strongest([
    btf?.numaBalancing === false ? { value: 0, from: "BTF struct task_struct (no NUMA_BALANCING)" } : null,
    cpus === null ? null : { value: cpus, from: "BTF struct cpumask" },
    { value: preset.lastCpupid.width, from },
  ]);
  const lruGen = strongest([
    btf?.lruGen == null ? null : { value: btf.lruGen, from: "BTF struct lruvec" },
    { value: preset.lruGen.width > 0, from },
  ]);
  const fields = flagsWord({
    nrPageFlags,
    zones: zones.length,
    nodesShift: nodesShift.value,
    cpupidShift: cpupidShift.value,
    lruGen: lruGen.value,
  });
  const zoneCount = `${zones.length} zones`;
  const origins: Readonly<Record<keyof FlagsWordFields, string>> = {
    node: nodesShift.from,
    zone: `${zoneCount}, below node`,
    lastCpupid: `${cpupidShift.from}, below zone`,
    lruGen: `${lruGen.from}, below lastCpupid`,
    lruRefs: `what is left above ${nrPageFlags} page flags`,
  };
  for (const name of Object.keys(origins) as (keyof FlagsWordFields)[]) {
    claims.settle(name, [
      { value: fields[name], from: `derived from ${origins[name]}` },
      { value: preset[name], from },
    ]);
  }
  return fields;
}

function strongest<T>(claims: readonly (Claim<T> | null)[]): Claim<T> {
  return claims.find((claim) => claim !== null)!;
}
