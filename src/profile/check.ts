/** Reads a profile from anything, and checks that its parts agree: what passes can be handed to the engine. */
import type {
  BitField,
  CompoundRules,
  FolioLayout,
  KindMark,
  MemoryType,
  PageFlag,
  PageTypes,
  PgmapLayout,
  Profile,
  ZoneDeviceRules,
} from "./profile.js";
import { aliasNames } from "./flags.js";
import {
  flag,
  integer,
  listOf,
  object,
  oneOf,
  orNull,
  type Read,
  recordOf,
  refuse,
  show,
  text,
  word,
} from "./shape.js";

const SLOT = 64;
const MAX_ORDER = 22;
/** A folio keeps its own fields in pages 1 to 3 (struct folio). */
const META_END = 4 * SLOT;

const bitField = object<BitField>({ shift: integer(0, 64), width: integer(0, 32) });
const offset = integer(SLOT, META_END - 1);
/** struct dev_pagemap has 152 to 160 bytes, more where locks are debugged. */
const PGMAP_END = 4096;
const pgmapOffset = integer(0, PGMAP_END - 1);

const kindMark: Read<KindMark> = (value, path) => {
  const by = (value as { by?: unknown } | null | undefined)?.by;
  if (by === "dtor") return object<{ by: "dtor"; id: number }>({ by: oneOf("dtor"), id: integer(0, 255) })(value, path);
  return object<{ by: "type" | "flag"; name: string }>({ by: oneOf("type", "flag"), name: text })(value, path);
};

const memoryTypes = listOf(oneOf<MemoryType>("private", "coherent", "fs-dax", "generic", "pci-p2pdma"));

const readShape = object<Profile>({
  name: text,
  preset: text,
  tailEncoding: oneOf("pointer", "fake-heads", "mask"),
  vmemmapBase: word,
  maxFolioOrder: integer(0, MAX_ORDER),
  flags: recordOf(
    object<PageFlag>({
      bit: integer(0, 63),
      policy: oneOf("any", "head", "no-tail", "no-compound", "only-head", "second"),
    }),
  ),
  nrPageFlags: integer(1, 64),
  node: bitField,
  zone: bitField,
  lastCpupid: bitField,
  lruGen: bitField,
  lruRefs: bitField,
  zones: listOf(text),
  folio: object<FolioLayout>({
    order: offset,
    dtor: orNull(offset),
    nrPages: orNull(offset),
    largeMapcount: orNull(offset),
    entireMapcount: offset,
    nrPagesMapped: orNull(offset),
    pincount: orNull(offset),
    pincountMinOrder: integer(1, 2),
    mmIds: orNull(offset),
    mmIdMapcounts: orNull(offset),
    deferredList: offset,
    metaPages: integer(0, 3),
  }),
  compound: object<CompoundRules>({
    prepZeroesTailPrivate: flag,
    prepDtor: orNull(integer(0, 255)),
    prepInitsDeferredList: flag,
    freeSecondMask: word,
    freeZeroesNrPages: flag,
    freeZeroesPrivate: flag,
    freeResetsPageType: flag,
    freeMappingMask: integer(0, 3),
    splitCopiedFlags: listOf(text),
    splitKeepsHasHwpoisoned: flag,
    splitZeroesPrivate: flag,
    splitMovesSwap: flag,
  }),
  pageTypes: object<PageTypes>({
    encoding: oneOf("low-bits", "top-byte"),
    types: recordOf(integer(0, 0x7fffffff)),
  }),
  hugetlb: kindMark,
  slab: kindMark,
  mapcount: oneOf("compound", "precise", "average"),
  zoneDevice: object<ZoneDeviceRules>({
    memoryTypes,
    idleAtOne: memoryTypes,
    freedAtOne: memoryTypes,
    keepsMapping: memoryTypes,
    callsFree: memoryTypes,
    baseRefs: memoryTypes,
    mappingsCount: memoryTypes,
    freeClearedFlags: listOf(text),
    compoundPages: flag,
    pageInitRewrites: flag,
    wipesDeferredList: flag,
    initsEarlyFolios: flag,
    daxMakesFolios: flag,
    daxShares: flag,
    daxResetsSinglePages: flag,
  }),
  pgmap: object<PgmapLayout>({
    altmap: pgmapOffset,
    ref: orNull(pgmapOffset),
    type: pgmapOffset,
    flags: pgmapOffset,
    vmemmapShift: orNull(pgmapOffset),
    ops: pgmapOffset,
    owner: pgmapOffset,
    nrRange: pgmapOffset,
    range: pgmapOffset,
  }),
});

/** A frozen copy of `value`, or "bad-profile" naming what is wrong. */
export function checkProfile(value: unknown): Profile {
  const profile = readShape(value, "");
  checkFlags(profile);
  checkFields(profile);
  checkFolio(profile.folio);
  checkCompound(profile);
  checkPageTypes(profile.pageTypes);
  checkKind(profile, "hugetlb");
  checkKind(profile, "slab");
  checkZoneDevice(profile);
  checkPgmap(profile.pgmap);
  checkBase(profile);
  return profile;
}

function checkFlags({ flags, nrPageFlags, folio }: Profile): void {
  const owners = new Map<number, string>();
  for (const [name, { bit, policy }] of Object.entries(flags)) {
    if (bit >= nrPageFlags) refuse(`flags.${name}.bit`, `is ${bit}, must be below nrPageFlags (${nrPageFlags})`);
    if (policy === "second") {
      // Page 1's low byte is the order from 6.6 on: a mark there would change it.
      if (folio.order === SLOT && bit < 8) refuse(`flags.${name}.bit`, `is ${bit}, inside the order byte of page 1`);
    } else if (!aliasNames.has(name)) {
      const owner = owners.get(bit);
      if (owner !== undefined) refuse(`flags.${name}.bit`, `is ${bit}, which is already ${owner}`);
      owners.set(bit, name);
    }
  }
  if (flags["head"] === undefined) refuse("flags", `lack "head"`);
}

/** The fields above the page flags: inside the word, apart from each other and from the flags. */
function checkFields(profile: Profile): void {
  const { node, zone, lastCpupid, lruGen, lruRefs, nrPageFlags, zones } = profile;
  const taken = new Spans(64);
  taken.add("the page flags", 0, nrPageFlags);
  for (const [name, { shift, width }] of Object.entries({ node, zone, lastCpupid, lruGen, lruRefs })) {
    if (width > 0) taken.add(name, shift, width);
  }
  if (zones.length === 0 || zones.length > 2 ** zone.width) {
    refuse("zones", `has ${zones.length} names, must have 1 to ${2 ** zone.width} for zone.width ${zone.width}`);
  }
  const repeated = zones.find((name, index) => zones.indexOf(name) !== index);
  if (repeated !== undefined) refuse("zones", `has ${show(repeated)} twice`);
}

/** Byte sizes of the folio's fields. */
const FIELD_SIZES = {
  order: 1,
  dtor: 1,
  nrPages: 4,
  largeMapcount: 4,
  entireMapcount: 4,
  nrPagesMapped: 4,
  pincount: 4,
  mmIds: 8,
  mmIdMapcounts: 8,
  deferredList: 16,
} as const;

/** Every field in a page its folio is sure to have, aligned, and clear of the words a tail page needs itself. */
function checkFolio(folio: FolioLayout): void {
  const taken = new Spans(META_END);
  for (const page of [1, 2, 3]) {
    // An order byte may share the flags word: it is kept in the flags' low byte.
    if (page !== 1 || folio.order !== SLOT) taken.add(`page ${page}'s flags`, page * SLOT, 8);
    taken.add(`page ${page}'s word of the head`, page * SLOT + 8, 8);
    taken.add(`page ${page}'s mapcount and refcount`, page * SLOT + 48, 8);
  }
  for (const [name, size] of Object.entries(FIELD_SIZES)) {
    const at = folio[name as keyof typeof FIELD_SIZES];
    if (at === null) continue;
    const alignment = Math.min(size, 8);
    if (at % alignment !== 0) refuse(`folio.${name}`, `is ${at}, must be a multiple of ${alignment}`);
    const pages = 2 ** minOrder(folio, name);
    if (at + size > pages * SLOT) refuse(`folio.${name}`, `is ${at}, must end by ${pages * SLOT}`);
    taken.add(`folio.${name}`, at, size);
  }
  if ((folio.mmIds === null) !== (folio.mmIdMapcounts === null)) {
    refuse(
      "folio.mmIds",
      `is ${show(folio.mmIds)} and folio.mmIdMapcounts ${show(folio.mmIdMapcounts)}: have both or neither`,
    );
  }
}

/** The smallest order of the folios that have the field. */
function minOrder(folio: FolioLayout, field: string): number {
  if (field === "deferredList") return 2;
  return field === "pincount" ? folio.pincountMinOrder : 1;
}

function checkCompound({ compound, folio, flags, nrPageFlags }: Profile): void {
  const stranger = compound.splitCopiedFlags.find((name) => !Object.hasOwn(flags, name));
  if (stranger !== undefined) refuse("compound.splitCopiedFlags", `names ${show(stranger)}, which flags lack`);
  if (compound.prepDtor !== null && folio.dtor === null) {
    refuse("compound.prepDtor", `is ${compound.prepDtor}, but folio.dtor is null`);
  }
  if (compound.freeZeroesNrPages && folio.nrPages === null) {
    refuse("compound.freeZeroesNrPages", "is true, but folio.nrPages is null");
  }
  if (compound.freeSecondMask >> BigInt(nrPageFlags) !== 0n) {
    refuse(
      "compound.freeSecondMask",
      `is ${show(compound.freeSecondMask)}, has bits from nrPageFlags (${nrPageFlags}) on`,
    );
  }
}

function checkPageTypes({ encoding, types }: PageTypes): void {
  const owners = new Map<number, string>();
  for (const [name, value] of Object.entries(types)) {
    const path = `pageTypes.types.${name}`;
    if (encoding === "top-byte" && (value < 0x80 || value > 0xfe)) {
      refuse(path, `is 0x${value.toString(16)}, must be a top byte from 0x80 to 0xfe`);
    }
    if (encoding === "low-bits" && (value < 0x80 || value > 0x8000000 || (value & (value - 1)) !== 0)) {
      refuse(path, `is 0x${value.toString(16)}, must be one bit from 0x80 to 0x8000000`);
    }
    const owner = owners.get(value);
    if (owner !== undefined) refuse(path, `is 0x${value.toString(16)}, which is already ${owner}`);
    owners.set(value, name);
  }
}

function checkKind(profile: Profile, kind: "hugetlb" | "slab"): void {
  const mark = profile[kind];
  if (mark.by === "dtor") {
    if (profile.folio.dtor === null) refuse(kind, `is told by dtor ${mark.id}, but folio.dtor is null`);
    return;
  }
  const known = mark.by === "type" ? profile.pageTypes.types : profile.flags;
  if (!Object.hasOwn(known, mark.name))
    refuse(kind, `is told by ${mark.by} ${show(mark.name)}, which the profile lacks`);
}

function checkZoneDevice({ zoneDevice, flags }: Profile): void {
  const stranger = zoneDevice.freeClearedFlags.find((name) => !Object.hasOwn(flags, name));
  if (stranger !== undefined) refuse("zoneDevice.freeClearedFlags", `names ${show(stranger)}, which flags lack`);
  const { memoryTypes: types } = zoneDevice;
  const repeated = types.find((type, index) => types.indexOf(type) !== index);
  if (repeated !== undefined) refuse("zoneDevice.memoryTypes", `has ${show(repeated)} twice`);
  const idle = zoneDevice.freedAtOne.find((type) => !zoneDevice.idleAtOne.includes(type));
  if (idle !== undefined) refuse("zoneDevice.freedAtOne", `has ${show(idle)}, which zoneDevice.idleAtOne lacks`);
}

const PGMAP_SIZES: Readonly<Record<keyof PgmapLayout, number>> = {
  altmap: 48,
  ref: 16,
  type: 4,
  flags: 4,
  vmemmapShift: 8,
  ops: 8,
  owner: 8,
  nrRange: 4,
  range: 16,
};

function checkPgmap(pgmap: PgmapLayout): void {
  const taken = new Spans(PGMAP_END);
  for (const [name, size] of Object.entries(PGMAP_SIZES)) {
    const at = pgmap[name as keyof PgmapLayout];
    if (at === null) continue;
    const alignment = Math.min(size, 8);
    if (at % alignment !== 0) refuse(`pgmap.${name}`, `is ${at}, must be a multiple of ${alignment}`);
    taken.add(`pgmap.${name}`, at, size);
  }
}

/** Masks work on addresses, so the map must start where the largest folio could (sparse_init, 7.3). */
function checkBase({ vmemmapBase, tailEncoding, maxFolioOrder }: Profile): void {
  const alignment = BigInt(SLOT) << (tailEncoding === "mask" ? BigInt(maxFolioOrder) : 0n);
  if (vmemmapBase % alignment !== 0n) {
    refuse(
      "vmemmapBase",
      `is ${show(vmemmapBase)}, must be a multiple of ${show(alignment)} for ${tailEncoding} encoding`,
    );
  }
}

/** Named spans of one word or one area; `add` refuses a span that leaves it or meets another. */
class Spans {
  private readonly taken: { name: string; from: number; to: number }[] = [];

  constructor(private readonly size: number) {}

  add(name: string, from: number, length: number): void {
    const to = from + length;
    const other = this.taken.find((span) => from < span.to && span.from < to);
    if (to > this.size) refuse(name, `covers ${from} to ${to - 1}, must end below ${this.size}`);
    if (other !== undefined) {
      refuse(name, `covers ${from} to ${to - 1}, overlaps ${other.name} (${other.from} to ${other.to - 1})`);
    }
    this.taken.push({ name, from, to });
  }
}
