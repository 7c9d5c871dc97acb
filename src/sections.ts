import { checkKeys, checkObject, display } from "./check.js";
import { VmemmapError } from "./errors.js";
import type { Profile } from "./profile/index.js";

/** 128 MiB of memory (SECTION_SIZE_BITS 27 on x86_64): 32768 PFNs. */
export const PAGES_PER_SECTION = 32768;
/** Bytes of memory that a page is. */
export const PAGE_BYTES = 4096;
/** sizeof(struct page). */
export const SLOT_BYTES = 64;
/** The struct pages of a section: 2 MiB. */
export const SECTION_BYTES = PAGES_PER_SECTION * SLOT_BYTES;
/** 2 MiB of memory: 512 PFNs, the unit of hotplug. */
export const PAGES_PER_SUBSECTION = 512;
/** First PFN that is none: 52 physical address bits. */
export const PFN_LIMIT = 2 ** 40;

const RANGE_KEYS = ["start", "end", "hotplug", "zone", "node"];
const ALL_SUBSECTIONS = (1n << 64n) - 1n;

/** One present section of physical memory. */
export interface Section {
  /** PFN >> 15. */
  readonly number: number;
  /** Present at boot: all its PFNs are valid (SECTION_IS_EARLY). */
  readonly early: boolean;
  /** In the page allocator's hands (SECTION_IS_ONLINE). */
  readonly online: boolean;
  /** A device range starts or ends inside (SECTION_TAINT_ZONE_DEVICE). */
  readonly taintZoneDevice: boolean;
  /** Bit n: PFNs 512n to 512n + 511 of the section are valid. */
  readonly subsections: bigint;
}

/** A range of physical memory, in PFNs. */
export interface MemoryRange {
  readonly start: number;
  /** First PFN after the range. */
  readonly end: number;
  /**
   * Hot-added memory: only the 2 MiB subsections of the range are valid. Memory present at boot (the default) makes all
   * of each section it touches valid, as in the kernel.
   * @default false
   */
  readonly hotplug?: boolean;
  /** Zone of its pages, by name or number. @default DMA below 16 MiB, DMA32 below 4 GiB, NORMAL above */
  readonly zone?: string | number;
  /** NUMA node of its pages. @default 0 */
  readonly node?: number;
}

/** Which PFNs of a section are valid (pfn_valid): all of an early one, else those its subsections name. */
export function validSubsections(section: Section): bigint {
  return section.early ? ALL_SUBSECTIONS : section.subsections;
}

/** The sections that ranges of memory make present. @throws VmemmapError "bad-range" */
export function sectionsOf(ranges: readonly MemoryRange[]): Section[] {
  const given: unknown = ranges;
  if (!Array.isArray(given)) throw new VmemmapError("bad-argument", "memory: expected an array of ranges");
  ranges.forEach(checkRange);
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  let before: MemoryRange | undefined;
  for (const range of sorted) {
    if (before !== undefined && range.start < before.end) {
      throw new VmemmapError("bad-range", `${show(range)} overlaps ${show(before)}`);
    }
    before = range;
  }
  const sections = new Map<number, Section>();
  for (const range of sorted) addRange(sections, range);
  return [...sections.values()].sort((a, b) => a.number - b.number);
}

function checkRange(range: MemoryRange): void {
  checkKeys(range, RANGE_KEYS, "memory range");
  const { start, end, hotplug = false } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end <= start || end > PFN_LIMIT) {
    throw new VmemmapError(
      "bad-range",
      `memory range from ${display(start)} to ${display(end)}: expected PFNs as numbers, 0 <= start < end <= 2^40`,
    );
  }
  if (hotplug && (start % PAGES_PER_SUBSECTION !== 0 || end % PAGES_PER_SUBSECTION !== 0)) {
    throw new VmemmapError("bad-range", `${show(range)}: hot-added memory comes in multiples of 512 PFNs (2 MiB)`);
  }
}

function addRange(sections: Map<number, Section>, { start, end, hotplug = false }: MemoryRange): void {
  const last = Math.floor((end - 1) / PAGES_PER_SECTION);
  for (let number = Math.floor(start / PAGES_PER_SECTION); number <= last; number++) {
    const old = sections.get(number);
    const first = number * PAGES_PER_SECTION;
    const bits = subsectionBits(Math.max(start - first, 0), Math.min(end - first, PAGES_PER_SECTION));
    sections.set(number, {
      number,
      early: !hotplug || (old?.early ?? false),
      online: true,
      taintZoneDevice: false,
      subsections: bits | (old?.subsections ?? 0n),
    });
  }
}

/** Bits of the subsections that PFNs `start` to `end` of a section touch. */
export function subsectionBits(start: number, end: number): bigint {
  const from = BigInt(Math.floor(start / PAGES_PER_SUBSECTION));
  const to = BigInt(Math.ceil(end / PAGES_PER_SUBSECTION));
  return (1n << to) - (1n << from);
}

/** Check that sections rise in number and have 64 subsection bits. Throws what `refuse` makes of the reason. */
export function checkSections(sections: readonly Section[], refuse: (message: string) => Error): void {
  const last = PFN_LIMIT / PAGES_PER_SECTION - 1;
  let before = -1;
  for (const section of sections) {
    checkObject(section, "section");
    const { number, subsections } = section;
    if (!Number.isInteger(number) || number <= before || number > last) {
      throw refuse(`expected section numbers that rise from 0 to ${last}, found ${number} after ${before}`);
    }
    if (typeof subsections !== "bigint" || BigInt.asUintN(64, subsections) !== subsections) {
      throw refuse(`expected 64 subsection bits (bigint) of section ${number}, found ${String(subsections)}`);
    }
    before = number;
  }
}

function show({ start, end }: MemoryRange): string {
  return `memory range [${start}, ${end})`;
}

/**
 * Check where a map's slots stand in the kernel's address space. Masks round addresses down, so page 0 must stand where the
 * largest folio could (sparse_init, 7.3).
 */
export function checkBase(
  base: bigint,
  { tailEncoding, maxFolioOrder }: Profile,
  sections: readonly Section[],
  refuse: (message: string) => Error,
): void {
  const alignment = BigInt(SLOT_BYTES) << (tailEncoding === "mask" ? BigInt(maxFolioOrder) : 0n);
  const end = BigInt((sections.at(-1)?.number ?? 0) + 1) * BigInt(SECTION_BYTES);
  if (typeof base !== "bigint") throw refuse(`vmemmapBase ${display(base)}: expected a bigint`);
  if (base < 0n || base % alignment !== 0n || base + end > 1n << 64n) {
    const rule = `a multiple of 0x${alignment.toString(16)} from which all slots end below 2^64`;
    throw refuse(`vmemmapBase 0x${base.toString(16)}: expected ${rule}`);
  }
}

/** Where the vmemmap of 5-level page tables begins without KASLR (arch/x86, Documentation/arch/x86/x86_64/mm.rst). */
const LA57_BASE = 0xffd4000000000000n;

/** Check that the slots of memory of so many physical address bits could stand from `base` on. @throws VmemmapError "bad-argument" */
export function checkWindow(base: bigint, physmemBits: number): void {
  if (![46, 52].includes(physmemBits)) {
    throw new VmemmapError("bad-argument", `maxPhysmemBits ${display(physmemBits)}: expected 46 or 52`);
  }
  // 64 bytes for each page of 4 KiB.
  if (typeof base === "bigint" && base + (1n << BigInt(physmemBits - 6)) > 1n << 64n) {
    const hint = physmemBits === 52 ? `; 5-level page tables have it at 0x${LA57_BASE.toString(16)}` : "";
    throw new VmemmapError(
      "bad-argument",
      `maxPhysmemBits ${physmemBits}: its slots do not fit behind vmemmapBase 0x${base.toString(16)}${hint}`,
    );
  }
}

/** PFNs that early sections make valid beyond the ranges of memory: holes, whose slots boot writes all the same. */
export function earlyHoles(sections: readonly Section[], ranges: readonly MemoryRange[]): MemoryRange[] {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  const holes: MemoryRange[] = [];
  for (const { number, early } of sections) {
    if (!early) continue;
    let pfn = number * PAGES_PER_SECTION;
    const end = pfn + PAGES_PER_SECTION;
    for (const range of sorted) {
      if (range.end <= pfn || range.start >= end) continue;
      if (range.start > pfn) holes.push({ start: pfn, end: range.start });
      pfn = Math.min(range.end, end);
    }
    if (pfn < end) holes.push({ start: pfn, end });
  }
  return holes;
}
