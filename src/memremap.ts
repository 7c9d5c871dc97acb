/**
 * What memremap_pages checks and lays out before a slot is written (mm/memremap.c, mm/memory_hotplug.c): requirements by
 * type, ranges that are free, the altmap's share, the sections that become present.
 */
import { checkKeys, display, whole } from "./check.js";
import { VmemmapError } from "./errors.js";
import type { AltmapRecord, PgmapRange, PgmapRecord } from "./image/image.js";
import type { MemremapOptions, PgmapOps } from "./pgmap.js";
import type { MemoryType, Profile } from "./profile/index.js";
import { memoryTypeName } from "./profile/names.js";
import {
  PAGE_BYTES,
  PAGES_PER_SECTION,
  PAGES_PER_SUBSECTION,
  PFN_LIMIT,
  type Section,
  SECTION_BYTES,
  subsectionBits,
  validSubsections,
} from "./sections.js";

const OPTIONS = [
  "type",
  "ranges",
  "vmemmapShift",
  "owner",
  "altmap",
  "ops",
  "node",
  "address",
  "vmemmapOptimize",
] as const;
const OPS = ["pageFree", "folioFree", "migrateToRam", "memoryFailure", "folioSplit"] as const;
/** PGMAP_ALTMAP_VALID. */
const FLAG_ALTMAP_VALID = 1;

/** A range of PFNs, as messages show it. */
export function showRange({ start, end }: PgmapRange): string {
  return `[${start}, ${end})`;
}

function bad(message: string): VmemmapError {
  return new VmemmapError("bad-argument", `memremapPages: ${message}`);
}

/** Check what stands alone in the options, and what each type needs. */
export function checkOptions(options: MemremapOptions, profile: Profile): void {
  checkKeys(options, OPTIONS, "memremapPages");
  const { type, ranges, vmemmapShift = 0, owner, altmap, ops, address } = options;
  const { memoryTypes, compoundPages } = profile.zoneDevice;
  if (!profile.zones.includes("DEVICE")) throw bad(`profile ${profile.name} has no ZONE_DEVICE`);
  if (!memoryTypes.includes(type)) {
    throw bad(`type ${display(type)}: profile ${profile.name} has ${memoryTypes.join(", ")}`);
  }
  if (!Array.isArray(ranges)) throw bad(`ranges ${display(ranges)}: expected an array of { start, end }`);
  if (ranges.length === 0) throw new VmemmapError("bad-range", "memremapPages: expected at least one range, got none");
  whole(vmemmapShift, 0, 63, "vmemmapShift");
  if (vmemmapShift > 0 && !compoundPages)
    throw bad(`vmemmapShift ${vmemmapShift}: ${profile.name} makes single pages only`);
  if (vmemmapShift > profile.maxFolioOrder) {
    throw new VmemmapError(
      "order-too-large",
      `memremapPages: vmemmapShift ${vmemmapShift}: the largest order is ${profile.maxFolioOrder}`,
    );
  }
  if (owner !== undefined && owner !== null) checkWord(owner, "owner");
  if (address !== undefined) {
    checkWord(address, "address");
    if (address === 0n || address % 8n !== 0n)
      throw bad(`address 0x${address.toString(16)}: expected a multiple of 8 above 0`);
  }
  checkOps(ops);
  if (altmap !== undefined && altmap !== null) {
    checkKeys(altmap, ["reserve", "free"], "altmap");
    whole(altmap.reserve, 0, PFN_LIMIT, "altmap.reserve");
    whole(altmap.free, 0, PFN_LIMIT, "altmap.free");
    if (ranges.length > 1) throw bad(`altmap with ${ranges.length} ranges: expected one range`);
  }
  checkRequirements(type, ops ?? {}, owner ?? null);
}

function checkWord(value: unknown, name: string): void {
  if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
    throw bad(`${name} ${display(value)}: expected a bigint of 64 bits`);
  }
}

/** A driver may be an object of any class, with state of its own; but a function by another name would never be called. */
function checkOps(ops: PgmapOps | null | undefined): void {
  if (ops === undefined || ops === null) return;
  if (typeof ops !== "object") throw bad(`ops ${display(ops)}: expected an object with functions`);
  const known: readonly string[] = OPS;
  const stranger = Object.entries(ops).find(([name, op]) => typeof op === "function" && !known.includes(name));
  if (stranger !== undefined) throw bad(`ops.${stranger[0]}: no such function; there is ${known.join(", ")}`);
  for (const name of OPS) {
    const op = (ops as Readonly<Record<string, unknown>>)[name];
    if (op !== undefined && typeof op !== "function") throw bad(`ops.${name} ${display(op)}: expected a function`);
  }
}

/** The switch over the type in memremap_pages. */
function checkRequirements(type: MemoryType, ops: PgmapOps, owner: bigint | null): void {
  if (type !== "private" && type !== "coherent") return;
  const missing =
    type === "private" && ops.migrateToRam === undefined
      ? "ops.migrateToRam"
      : ops.pageFree === undefined && ops.folioFree === undefined
        ? "ops.folioFree (or pageFree)"
        : owner === null || owner === 0n
          ? "an owner"
          : null;
  if (missing !== null) throw bad(`type "${type}" needs ${missing}`);
}

/**
 * Check the ranges against each other, System RAM and the pgmaps that are there.
 *
 * @throws VmemmapError "bad-range" with the range in the way, "unaligned"
 */
export function checkRanges(
  options: MemremapOptions,
  sections: readonly Section[],
  pgmaps: readonly PgmapRecord[],
  sectionLimit: number,
): void {
  const { ranges, vmemmapShift = 0, altmap } = options;
  const refuse = (message: string) => new VmemmapError("bad-range", `memremapPages: ${message}`);
  const ram = systemRam(sections, pgmaps);
  const limit = sectionLimit * PAGES_PER_SECTION;
  ranges.forEach((range, i) => {
    checkKeys(range, ["start", "end"], "range");
    const { start, end } = range;
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start || end > PFN_LIMIT) {
      throw refuse(`range from ${display(start)} to ${display(end)}: expected PFNs, 0 <= start < end <= 2^40`);
    }
    if (start % PAGES_PER_SUBSECTION !== 0 || end % PAGES_PER_SUBSECTION !== 0) {
      throw refuse(`range ${showRange(range)}: expected multiples of 512 pages (2 MiB)`);
    }
    if (end > limit) {
      throw refuse(`range ${showRange(range)}: this map ends at PFN ${limit} (make it with maxPhysmemBits)`);
    }
    const meets = (other: PgmapRange) => start < other.end && other.start < end;
    const twin = ranges.find((other, j) => j < i && meets(other));
    if (twin !== undefined) throw refuse(`range ${showRange(range)} meets ${showRange(twin)} of the same call`);
    for (const pgmap of pgmaps) {
      const other = pgmap.ranges.find(meets);
      if (other === undefined) continue;
      throw refuse(
        `range ${showRange(range)} meets ${showRange(other)} of the pgmap at 0x${pgmap.address.toString(16)}`,
      );
    }
    const there = withRanges([], [range]).find(({ number, subsections }) => {
      const present = sections.find((section) => section.number === number);
      return present !== undefined && !present.online && (present.subsections & subsections) !== 0n;
    });
    if (there !== undefined) {
      throw refuse(`range ${showRange(range)} meets pages of section ${there.number} that are present without a pgmap`);
    }
    const inTheWay = ram.find(meets);
    if (inTheWay !== undefined) throw refuse(`range ${showRange(range)} meets System RAM ${showRange(inTheWay)}`);
    const offset = altmap ? altmap.reserve + altmap.free : 0;
    if (offset >= end - start) {
      throw bad(`an altmap of ${offset} pages leaves no page of range ${showRange(range)} for use`);
    }
    const unit = 2 ** vmemmapShift;
    if ((start + offset) % unit !== 0 || end % unit !== 0) {
      throw new VmemmapError(
        "unaligned",
        `memremapPages: range ${showRange(range)}: expected multiples of ${unit} pages, the size of its folios`,
      );
    }
  });
}

/** System RAM as far as sections tell: the subsections of online sections that are no device's. */
function systemRam(sections: readonly Section[], pgmaps: readonly PgmapRecord[]): PgmapRange[] {
  const runs: { start: number; end: number }[] = [];
  for (const section of sections) {
    if (!section.online) continue;
    const first = section.number * PAGES_PER_SECTION;
    let bits = section.subsections;
    for (const { start, end } of pgmaps.flatMap(({ ranges }) => ranges)) {
      const from = Math.max(start - first, 0);
      const to = Math.min(end - first, PAGES_PER_SECTION);
      if (from < to) bits &= ~subsectionBits(from, to);
    }
    for (let i = 0; i < 64; i++) {
      if (((bits >> BigInt(i)) & 1n) === 0n) continue;
      const start = first + i * PAGES_PER_SUBSECTION;
      const last = runs.at(-1);
      if (last?.end === start) last.end += PAGES_PER_SUBSECTION;
      else runs.push({ start, end: start + PAGES_PER_SUBSECTION });
    }
  }
  return runs;
}

/**
 * The altmap once the vmemmap stands (altmap_alloc_block_buf): each whole new section takes 512 pages of it, aligned. Smaller
 * parts, and sections that were there at boot, take none.
 *
 * @throws VmemmapError "bad-argument": the altmap is too small
 */
export function planAltmap(options: MemremapOptions, early: (section: number) => boolean): AltmapRecord | null {
  const { altmap } = options;
  if (!altmap) return null;
  const { start, end } = options.ranges[0]!;
  const { reserve, free } = altmap;
  let align = 0;
  let alloc = 0;
  const perSection = SECTION_BYTES / PAGE_BYTES;
  for (let pfn = Math.ceil(start / PAGES_PER_SECTION) * PAGES_PER_SECTION; pfn + PAGES_PER_SECTION <= end;) {
    if (!early(pfn / PAGES_PER_SECTION)) {
      const next = start + reserve + align + alloc;
      align += Math.ceil(next / perSection) * perSection - next;
      alloc += perSection;
    }
    pfn += PAGES_PER_SECTION;
  }
  if (align + alloc > free) {
    const need = `${alloc} pages of struct pages${align > 0 ? ` behind ${align} skipped for alignment` : ""}`;
    throw bad(`altmap.free ${free}: ${showRange({ start, end })} needs ${align + alloc}, ${need}`);
  }
  return { basePfn: start, endPfn: end - 1, reserve, free, align, alloc };
}

/** The sections once these ranges are a device's (section_activate, and the taint of move_pfn_range_to_zone). */
export function withRanges(sections: readonly Section[], ranges: readonly PgmapRange[]): Section[] {
  const next = new Map(sections.map((section) => [section.number, section]));
  for (const range of ranges) {
    for (const { number, bits, whole: isWhole } of partsOf(range)) {
      const old = next.get(number);
      next.set(number, {
        number,
        early: old?.early ?? false,
        online: old?.online ?? false,
        taintZoneDevice: (old?.taintZoneDevice ?? false) || !isWhole,
        subsections: (old?.subsections ?? 0n) | bits,
      });
    }
  }
  return [...next.values()].sort((a, b) => a.number - b.number);
}

/** The sections once these ranges are gone (section_deactivate): those with nothing left go too, but not boot's. */
export function withoutRanges(sections: readonly Section[], ranges: readonly PgmapRange[]): Section[] {
  const next = new Map(sections.map((section) => [section.number, section]));
  for (const range of ranges) {
    for (const { number, bits } of partsOf(range)) {
      const old = next.get(number);
      if (old === undefined) continue;
      const subsections = old.subsections & ~bits;
      if (subsections === 0n && !old.early) next.delete(number);
      else next.set(number, { ...old, subsections });
    }
  }
  return [...next.values()];
}

/** Which subsections of which sections a range covers. */
function partsOf({ start, end }: PgmapRange): { number: number; bits: bigint; whole: boolean }[] {
  const parts = [];
  for (let number = Math.floor(start / PAGES_PER_SECTION); number * PAGES_PER_SECTION < end; number++) {
    const first = number * PAGES_PER_SECTION;
    const from = Math.max(start - first, 0);
    const to = Math.min(end - first, PAGES_PER_SECTION);
    parts.push({ number, bits: subsectionBits(from, to), whole: to - from === PAGES_PER_SECTION });
  }
  return parts;
}

/**
 * Refuse a folio larger than a section where one of its sections is there already: its slots could not stand in a row.
 *
 * @throws VmemmapError "bad-range"
 */
export function checkContiguous(options: MemremapOptions, sections: readonly Section[]): void {
  const { ranges, vmemmapShift = 0 } = options;
  if (2 ** vmemmapShift <= PAGES_PER_SECTION) return;
  for (const { start, end } of ranges) {
    const there = sections.find(
      ({ number }) => number * PAGES_PER_SECTION < end && (number + 1) * PAGES_PER_SECTION > start,
    );
    if (there === undefined) continue;
    throw new VmemmapError(
      "bad-range",
      `memremapPages: section ${there.number} is there already, where a folio of order ${vmemmapShift} needs its slots in a row`,
    );
  }
}

/** The record of a pgmap that the options ask for. */
export function recordOf(
  options: MemremapOptions,
  profile: Profile,
  address: bigint,
  altmap: AltmapRecord | null,
): PgmapRecord {
  const { type, ranges, vmemmapShift = 0, owner = null, ops } = options;
  return {
    address,
    type: profile.zoneDevice.memoryTypes.indexOf(type) + 1,
    typeName: memoryTypeName(type),
    flags: altmap === null ? 0 : FLAG_ALTMAP_VALID,
    vmemmapShift,
    ranges: Object.freeze(ranges.map(({ start, end }) => Object.freeze({ start, end }))),
    altmap,
    owner,
    // NULL, or no kernel's: the functions are the host's.
    ops: ops ? null : 0n,
  };
}

/** A stretch of PFNs whose slots stand in a row and are all early or all not. */
export interface Stretch extends PgmapRange {
  readonly early: boolean;
}

/** The stretches of a range, those parts of it left out that are not present. */
export function stretchesOf(
  range: PgmapRange,
  sections: readonly Section[],
  sectionSlot: (number: number) => number,
): Stretch[] {
  const stretches: (PgmapRange & { end: number; early: boolean; nextSlot: number })[] = [];
  for (const section of sections) {
    const first = section.number * PAGES_PER_SECTION;
    if (first >= range.end || first + PAGES_PER_SECTION <= range.start) continue;
    const slot = sectionSlot(section.number);
    for (const [from, to] of validRuns(section)) {
      const start = Math.max(range.start, first + from);
      const end = Math.min(range.end, first + to);
      if (start >= end) continue;
      const last = stretches.at(-1);
      const inRow = last?.end === start && last.nextSlot === slot + (start - first) && last.early === section.early;
      if (inRow) Object.assign(last, { end, nextSlot: slot + (end - first) });
      else stretches.push({ start, end, early: section.early, nextSlot: slot + (end - first) });
    }
  }
  return stretches;
}

/** Runs of valid pages of a section, from its first page. */
function validRuns(section: Section): [from: number, to: number][] {
  const valid = validSubsections(section);
  if (valid === (1n << 64n) - 1n) return [[0, PAGES_PER_SECTION]];
  const runs: [number, number][] = [];
  for (let i = 0; i < 64; i++) {
    if (((valid >> BigInt(i)) & 1n) === 0n) continue;
    const from = i * PAGES_PER_SUBSECTION;
    const last = runs.at(-1);
    if (last?.[1] === from) last[1] += PAGES_PER_SUBSECTION;
    else runs.push([from, from + PAGES_PER_SUBSECTION]);
  }
  return runs;
}

/** Sections in whose slots a lookup may lead into these ranges, themselves included: as far as the largest folio reaches. */
export function sectionsInReach(
  sections: readonly Section[],
  ranges: readonly PgmapRange[],
  maxOrder: number,
): number[] {
  const reach = Math.ceil(2 ** maxOrder / PAGES_PER_SECTION);
  return sections
    .filter((section) => {
      const first = section.number * PAGES_PER_SECTION;
      return ranges.some(
        ({ start, end }) => first + PAGES_PER_SECTION > start && first < end + reach * PAGES_PER_SECTION,
      );
    })
    .filter((section) => validSubsections(section) !== 0n)
    .map(({ number }) => number);
}
