/**
 * The present sections: what the kernel's mem_section tables tell (SPARSEMEM_EXTREME: an array of pointers to roots, pages of
 * entries), or where those are not to be had, what its page tables map.
 */
import { SLOTS_PER_VMEMMAP_PAGE } from "../aliases.js";
import { PAGES_PER_SUBSECTION, type Section, SECTION_BYTES } from "../sections.js";
import { type Fact, hex } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";
import { MAX_SECTIONS, sectionLimit } from "./limits.js";
import { FRAME_BYTES } from "./memory.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

//  section_mem_map: include/linux/mmzone.h. The rest of the word is the vmemmap base, as section 0 would have it.
//   63                     12 11  …  5    4       3       2        1         0
//   | vmemmap base           |      |  | TAINT | EARLY | ONLINE | MEM_MAP | PRESENT |
const HAS_MEM_MAP = 1n << 1n;
const IS_ONLINE = 1n << 2n;
const IS_EARLY = 1n << 3n;
const TAINT_ZONE_DEVICE = 1n << 4n;
/** Wider than any kernel's flags; the base is aligned far above. */
const FLAG_BITS = 0xfffn;

/** struct mem_section: section_mem_map, usage; with PAGE_EXTENSION page_ext and 8 bytes of padding. */
const ENTRY_SIZES = [16, 32];
const USAGE_AT = 8;
/** struct mem_section_usage.subsection_map: behind an rcu_head, which older kernels do not have. */
const SUBSECTION_MAP_AT = 16;
const USAGE_BYTES = SUBSECTION_MAP_AT + 8;

const POINTER = 8;
const ALL_SUBSECTIONS = (1n << 64n) - 1n;
export const VMEMMAP_PAGES_PER_SECTION = SECTION_BYTES / FRAME_BYTES;
const VMEMMAP_PAGES_PER_SUBSECTION = PAGES_PER_SUBSECTION / SLOTS_PER_VMEMMAP_PAGE;

/** An entry of mem_section that has a memmap. */
export interface SectionEntry {
  readonly number: number;
  readonly flags: bigint;
  /** Kernel address of PFN 0's struct page, as this entry has it. */
  readonly base: bigint;
  /** Kernel address of its mem_section_usage. */
  readonly usage: bigint;
}

/** What could be read of mem_section. */
export interface SectionTable {
  readonly entries: readonly SectionEntry[];
  /** First and last section (exclusive) of each stretch whose entries are not in the dump, or lead nowhere. */
  readonly lost: readonly (readonly [number, number])[];
  /** Why it can't be used at all; null if it can. */
  readonly problem: string | null;
}

/** Read mem_section. What is wrong with it is told, not thrown: the page tables are there as well. */
export async function readSectionTable(kernel: KernelMemory, info: Vmcoreinfo, bits: number): Promise<SectionTable> {
  const unusable = (problem: string): SectionTable => ({ entries: [], lost: [], problem });
  const array = info.symbol("mem_section");
  const size = info.size("mem_section");
  if (array === undefined || size === undefined) return unusable("VMCOREINFO does not tell where mem_section is");
  if (!ENTRY_SIZES.includes(size))
    return unusable(`SIZE(mem_section) is ${size}, expected ${ENTRY_SIZES.join(" or ")}`);
  const at = info.offset("mem_section.section_mem_map") ?? 0;
  if (at !== 0) return unusable(`OFFSET(mem_section.section_mem_map) is ${at}, expected 0`);

  const perRoot = FRAME_BYTES / size;
  const roots = await readRoots(kernel, array, Math.ceil(sectionLimit(bits) / perRoot));
  const lost = roots.lost.map(([from, to]): [number, number] => [from * perRoot, to * perRoot]);
  const entries: SectionEntry[] = [];
  const seen = new Set<bigint>();
  for (const { index, address } of roots.found) {
    if (seen.has(address)) return unusable(`two of mem_section's roots are at ${hex(address)}`);
    seen.add(address);
    const bytes = await kernel.tryRead(address, FRAME_BYTES);
    if (bytes === null) lost.push([index * perRoot, (index + 1) * perRoot]);
    else entries.push(...entriesOf(bytes, size, index * perRoot));
    if (entries.length > MAX_SECTIONS) return unusable(`it has more than ${MAX_SECTIONS} sections`);
  }
  if (entries.length === 0) return unusable(`it has no section: ${lost.length} parts of it could not be read`);
  return { entries, lost, problem: null };
}

interface Roots {
  readonly found: { readonly index: number; readonly address: bigint }[];
  readonly lost: [number, number][];
}

/** The array of roots, page by page: filtered dumps have only those that matter. */
async function readRoots(kernel: KernelMemory, array: bigint, count: number): Promise<Roots> {
  const roots: Roots = { found: [], lost: [] };
  const { bytes, has } = await kernel.readPresent(array, count * POINTER);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let first = 0; first < count;) {
    const room = FRAME_BYTES - ((view.byteOffset + first * POINTER) % FRAME_BYTES);
    const end = Math.min(first + Math.max(Math.floor(room / POINTER), 1), count);
    if (!has(first * POINTER, (end - first) * POINTER)) roots.lost.push([first, end]);
    else {
      for (let index = first; index < end; index++) {
        const at = index * POINTER;
        if ((view.getUint32(at, true) | view.getUint32(at + 4, true)) === 0) continue;
        roots.found.push({ index, address: view.getBigUint64(at, true) });
      }
    }
    first = end;
  }
  return roots;
}

function entriesOf(bytes: Uint8Array<ArrayBuffer>, size: number, first: number): SectionEntry[] {
  const view = new DataView(bytes.buffer);
  const entries: SectionEntry[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const word = view.getBigUint64(at, true);
    if ((word & HAS_MEM_MAP) === 0n) continue;
    const usage = view.getBigUint64(at + USAGE_AT, true);
    entries.push({ number: first + at / size, flags: word & FLAG_BITS, base: word & ~FLAG_BITS, usage });
  }
  return entries;
}

/** Sections, and what there is to say about them. */
export interface FoundSections {
  readonly sections: readonly Section[];
  readonly facts: readonly Fact[];
}

/**
 * The sections of a map: those of the table, and where the table is lost, those the page tables map.
 *
 * @param units numbers of the sections whose slots the page tables map, rising
 */
export async function findSections(
  kernel: KernelMemory,
  base: bigint,
  { table, units }: { readonly table: SectionTable; readonly units: Float64Array },
  signal?: AbortSignal,
): Promise<FoundSections> {
  const facts: Fact[] = [];
  const mapped = new Set(units);
  const told = new Set(table.entries.map(({ number }) => number));
  const isLost = (number: number) =>
    table.problem !== null || table.lost.some(([from, to]) => number >= from && number < to);

  const sections = await usedSections(kernel, base, { table, facts }, signal);
  const unmapped = sections.filter(({ number }) => !mapped.has(number)).length;
  if (unmapped > 0) facts.push({ name: "sections.notMapped", value: unmapped, from: "page tables" });

  const others = [...mapped].filter((number) => !told.has(number));
  const missing = others.filter(isLost);
  for (const number of missing) {
    signal?.throwIfAborted();
    const subsections = await mappedSubsections(kernel, base, number);
    if (subsections !== 0n) sections.push(sectionByTables(number, subsections));
  }
  if (others.length > missing.length) {
    facts.push({ name: "sections.mappedButAbsent", value: others.length - missing.length, from: "page tables" });
  }
  sections.sort((a, b) => a.number - b.number);

  if (table.problem !== null) facts.push({ name: "sections.problem", value: table.problem, from: "mem_section" });
  else facts.push({ name: "sections", value: told.size, from: "mem_section" });
  if (missing.length > 0 || table.problem !== null) {
    facts.push({ name: "sections", value: sections.length - told.size, from: "page tables" });
  }
  return { sections, facts };
}

/** Sections of the table, with the subsections that their usage tells. */
async function usedSections(
  kernel: KernelMemory,
  base: bigint,
  { table, facts }: { readonly table: SectionTable; readonly facts: Fact[] },
  signal?: AbortSignal,
): Promise<Section[]> {
  const usages: (BigUint64Array | null)[] = [];
  for (const { usage } of table.entries) {
    signal?.throwIfAborted();
    const bytes = await kernel.tryRead(usage, USAGE_BYTES);
    usages.push(bytes === null ? null : new BigUint64Array(bytes.buffer));
  }
  const word = subsectionWord(usages);
  const origin = `subsections of mem_section_usage at ${word * POINTER}, by its words`;
  if (usages.some((usage) => usage !== null))
    facts.push({ name: "subsectionMap", value: word * POINTER, from: origin });

  const unread = usages.filter((usage) => usage === null).length;
  if (unread > 0) facts.push({ name: "sections.usageNotInDump", value: unread, from: "mem_section_usage" });
  const sections: Section[] = [];
  for (const [i, { number, flags }] of table.entries.entries()) {
    const early = (flags & IS_EARLY) !== 0n;
    const guess = async () => (early ? ALL_SUBSECTIONS : await mappedSubsections(kernel, base, number));
    sections.push({
      number,
      early,
      online: (flags & IS_ONLINE) !== 0n,
      taintZoneDevice: (flags & TAINT_ZONE_DEVICE) !== 0n,
      subsections: usages[i]?.[word] ?? (await guess()),
    });
  }
  return sections;
}

/**
 * Which word of a usage is the map: the rcu_head before it, where there is one, is zero while the section is there, and the map
 * never is ("mm/sparsemem: fix race in accessing memory_section->usage", 6.8, which stable kernels took back to 5.10).
 */
function subsectionWord(usages: readonly (BigUint64Array | null)[]): number {
  const read = usages.filter((usage) => usage !== null);
  const behindHead = read.filter((usage) => usage[0] === 0n).length;
  return behindHead * 2 >= read.length ? SUBSECTION_MAP_AT / POINTER : 0;
}

/** The subsections whose slots the page tables map, all of them. */
async function mappedSubsections(kernel: KernelMemory, base: bigint, number: number): Promise<bigint> {
  const frames = await kernel.framesOf(base + BigInt(number * SECTION_BYTES), VMEMMAP_PAGES_PER_SECTION);
  let subsections = 0n;
  for (let i = 0; i < VMEMMAP_PAGES_PER_SECTION; i += VMEMMAP_PAGES_PER_SUBSECTION) {
    const pages = frames.subarray(i, i + VMEMMAP_PAGES_PER_SUBSECTION);
    if (pages.every((frame) => frame >= 0)) subsections |= 1n << BigInt(i / VMEMMAP_PAGES_PER_SUBSECTION);
  }
  return subsections;
}

/** Page tables do not tell boot memory from device memory: what is mapped whole is taken for the former. */
function sectionByTables(number: number, subsections: bigint): Section {
  const early = subsections === ALL_SUBSECTIONS;
  return { number, early, online: true, taintZoneDevice: false, subsections };
}
