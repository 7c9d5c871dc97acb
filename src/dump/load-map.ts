/** From a dump to a map: find the slots in the kernel's virtual memory, and read them into the map's own. */
import { SLOTS_PER_VMEMMAP_PAGE } from "../aliases.js";
import { VmemmapError } from "../errors.js";
import { defineProfile, type Profile } from "../profile/index.js";
import { PAGES_PER_SECTION, type Section, SECTION_BYTES, validSubsections } from "../sections.js";
import type { Build, PfnRange } from "../types.js";
import { Vmemmap } from "../vmemmap.js";
import { aliasesOf, sharedFrames } from "./aliases.js";
import { lossFacts, withLoss } from "./cut-short.js";
import { DeviceWords, deviceWordsOf } from "./device-words.js";
import { type Fact, factRecord, hex } from "./fact.js";
import { findVmcoreinfo } from "./find-vmcoreinfo.js";
import { KernelMemory, pageTablesOf } from "./kernel-memory.js";
import { profileOf } from "./kernel-profile.js";
import { checkKernel, physmemBits } from "./limits.js";
import { type Dump, FRAME_BYTES, FrameState, type PhysicalMemory } from "./memory.js";
import { pageOffsetFacts } from "./page-offset.js";
import { findPgmaps } from "./pgmaps.js";
import { findSections, readSectionTable, VMEMMAP_PAGES_PER_SECTION } from "./sections.js";
import { findVmemmapBase } from "./vmemmap-base.js";
import { Vmcoreinfo } from "./vmcoreinfo.js";

/** What is being done, in this order. */
export type LoadStage = "open" | "unpack" | "vmcoreinfo" | "page tables" | "slots" | "check";

export interface LoadProgress {
  readonly stage: LoadStage;
  /** In steps of the stage's own: sections of "slots", frames of "vmcoreinfo" where memory is searched for it. */
  readonly done: number;
  readonly total: number;
}

/** What the map is made with, and who hears of it. */
export interface LoadMapOptions {
  readonly build?: Build;
  readonly headIndex?: boolean;
  readonly listCapacity?: number;
  readonly hotplugCapacity?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/**
 * Make the map of the kernel in a dump.
 *
 * @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable"; "out-of-memory": its slots do not fit
 */
export async function loadMap(dump: Dump, options: LoadMapOptions = {}): Promise<Vmemmap> {
  try {
    return await mapOf(dump, options);
  } catch (error) {
    throw withLoss(error, dump.details);
  }
}

async function mapOf(dump: Dump, options: LoadMapOptions): Promise<Vmemmap> {
  const { signal, onProgress, ...mapOptions } = options;
  const tell = (stage: LoadStage, done: number, total: number) => {
    signal?.throwIfAborted();
    onProgress?.({ stage, done, total });
  };

  tell("vmcoreinfo", 0, 1);
  const { info, facts: infoFacts } = await vmcoreinfoOf(dump, (done) => tell("vmcoreinfo", done, dump.memory.endFrame));
  checkKernel(info);
  const kernel = new KernelMemory(dump.memory, pageTablesOf(info));
  checkRoot(kernel);
  const bits = physmemBits(info, kernel.levels);

  tell("page tables", 0, 1);
  const told = await readSectionTable(kernel, info, bits);
  const found = await findVmemmapBase(kernel, info, { table: told, bits }, signal);
  const { sections, facts: sectionFacts } = await findSections(kernel, found.base, found, signal);
  const kernelProfile = await profileOf(info, kernel);
  const profile = defineProfile(kernelProfile.profile, { vmemmapBase: found.base });
  const map = makeMap({
    ...mapOptions,
    profile,
    vmemmapBase: found.base,
    sections,
    maxPhysmemBits: bits > 46 ? 52 : 46,
  });
  try {
    const frames = await framesOfSections(kernel, found.base, sections, signal);
    const shared = sharedFrames(frames);
    const words = new DeviceWords(map, profile);
    const hasList = typeof kernelProfile.pgmapArray !== "string";
    tell("slots", 0, sections.length);
    const absent = await fillSlots(map, dump.memory, { sections, frames, shared }, (number, done) => {
      // In order, so that the sections before have been looked at; and while others are read.
      map.core.exports.scan_section(map.core.sectionSlot(number) / PAGES_PER_SECTION);
      if (!hasList) words.addSection(number);
      tell("slots", done, sections.length);
    });
    tell("check", 0, 1);
    map.addAliases(aliasesOf(sections, { frames, shared }, (pfn) => isZoneFrame(profile, map, pfn)));
    map.filtered = absent.ranges;
    const { pgmaps, facts: pgmapFacts } = await findPgmaps(kernel, { ...kernelProfile, profile }, () =>
      hasList ? deviceWordsOf(map, profile) : words.words,
    );
    map.pgmaps = pgmaps;
    signal?.throwIfAborted();
    const facts: Fact[] = [
      ...lossFacts(dump.details),
      ...infoFacts,
      ...kernelFacts(info, kernel, bits),
      ...found.facts,
      ...(await pageOffsetFacts(kernel, info)),
      ...sectionFacts,
      ...absent.facts,
      ...kernelProfile.facts,
      ...pgmapFacts,
    ];
    map.provenance = {
      kernel: info.osrelease,
      format: dump.format,
      details: dump.details,
      facts: facts.map(factRecord),
    };
    return map;
  } catch (error) {
    map.dispose();
    throw error;
  }
}

async function vmcoreinfoOf(
  { vmcoreinfo, memory }: Dump,
  progress: (frames: number) => void,
): Promise<{ info: Vmcoreinfo; facts: readonly Fact[] }> {
  if (vmcoreinfo !== null) return { info: new Vmcoreinfo(vmcoreinfo), facts: [] };
  const { info, pfn, hits } = await findVmcoreinfo(memory, progress);
  return { info, facts: [{ name: "vmcoreinfo", value: `PFN ${pfn}`, from: `search of memory, ${hits} found` }] };
}

/** Without its root there is no way into the kernel's memory. */
function checkRoot({ memory, tables: { root } }: KernelMemory): void {
  const state = memory.stateOf(root);
  if (state === FrameState.HERE) return;
  const why = state === FrameState.FILTERED ? "was left out of the dump" : "is not in the dump";
  throw new VmemmapError(
    "bad-dump",
    `VMCOREINFO puts the kernel's root page table at physical address ${hex(root * FRAME_BYTES)}, and that frame ${why}`,
  );
}

type MapOptions = Omit<LoadMapOptions, "signal" | "onProgress"> & {
  readonly profile: Profile;
  readonly vmemmapBase: bigint;
  readonly sections: readonly Section[];
  readonly maxPhysmemBits: 46 | 52;
};

/** An empty map; what the constructor has against the dump's facts is the dump's fault. */
function makeMap(options: MapOptions): Vmemmap {
  const { sections } = options;
  if (sections.length === 0) throw new VmemmapError("bad-dump", "the kernel has no section of memory");
  try {
    return new Vmemmap({ ...options, initialize: false });
  } catch (cause) {
    if (!(cause instanceof VmemmapError)) throw cause;
    if (cause.code === "out-of-memory") {
      const memory = `${(sections.length / 8).toFixed(2)} GiB of memory (${sections.length} sections)`;
      const slots = `${((sections.length * SECTION_BYTES) / 2 ** 30).toFixed(2)} GiB of slots`;
      throw new VmemmapError("out-of-memory", `the dump's map of ${memory} has ${slots}: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

/** The frame of every vmemmap page: 512 for each section. */
async function framesOfSections(
  kernel: KernelMemory,
  base: bigint,
  sections: readonly Section[],
  signal?: AbortSignal,
): Promise<Float64Array> {
  const frames = new Float64Array(sections.length * VMEMMAP_PAGES_PER_SECTION);
  for (let i = 0; i < sections.length;) {
    const first = sections[i]!.number;
    let count = 1;
    while (sections[i + count]?.number === first + count) count++;
    const start = base + BigInt(first) * BigInt(SECTION_BYTES);
    const some = await kernel.framesOf(start, count * VMEMMAP_PAGES_PER_SECTION, signal);
    frames.set(some, i * VMEMMAP_PAGES_PER_SECTION);
    i += count;
  }
  return frames;
}

/** Sections that are read at once: 16 MiB of slots, enough for threads that unpack. */
const SECTIONS_UNDER_WAY = 8;

/** A section whose frames are on their way, and which of its pages show a frame that another page has. */
interface SectionReading {
  readonly reading: Promise<void>;
  readonly copies: readonly { readonly from: number; readonly to: number }[];
}

interface Absent {
  readonly ranges: readonly PfnRange[];
  readonly facts: readonly Fact[];
}

/**
 * Read every frame into its slots, some sections at once. What is not there stays zero, and is told.
 *
 * @param onSection called with each section's number when its slots are there, in order
 */
async function fillSlots(
  map: Vmemmap,
  memory: PhysicalMemory,
  pages: { readonly sections: readonly Section[]; readonly frames: Float64Array; readonly shared: ReadonlySet<number> },
  onSection: (number: number, done: number) => void,
): Promise<Absent> {
  const { sections, frames, shared } = pages;
  const { core } = map;
  const ranges: { start: number; count: number }[] = [];
  const counts = new Map<string, number>();
  const absent = (pfn: number, why: string) => {
    counts.set(why, (counts.get(why) ?? 0) + SLOTS_PER_VMEMMAP_PAGE);
    const last = ranges.at(-1);
    if (last !== undefined && last.start + last.count === pfn) last.count += SLOTS_PER_VMEMMAP_PAGE;
    else ranges.push({ start: pfn, count: SLOTS_PER_VMEMMAP_PAGE });
  };
  /** Where the bytes of a shared frame are in the map's memory. */
  const places = new Map<number, number>();
  const underWay: SectionReading[] = [];
  let done = 0;
  /** A copy's frame is of its own section or of one before: those are done when this one is. */
  const finish = async ({ reading, copies }: SectionReading) => {
    await reading;
    for (const { from, to } of copies) core.u8.copyWithin(to, from, from + FRAME_BYTES);
    const { number } = sections[done]!;
    onSection(number, ++done);
  };

  // What the index says of slots that are empty yet.
  core.exports.slots_written(0, core.slotLimit);
  try {
    for (const [i, section] of sections.entries()) {
      const start = core.address(core.sectionSlot(section.number));
      const valid = validSubsections(section);
      const copies: { from: number; to: number }[] = [];
      const wanted = new Wanted();
      for (let page = 0; page < VMEMMAP_PAGES_PER_SECTION; page++) {
        const frame = frames[i * VMEMMAP_PAGES_PER_SECTION + page]!;
        const at = start + page * FRAME_BYTES;
        const why = reasonOf(memory, frame);
        if (why !== null) {
          const isValid = ((valid >> BigInt(page >> 3)) & 1n) !== 0n;
          if (isValid) absent(section.number * PAGES_PER_SECTION + page * SLOTS_PER_VMEMMAP_PAGE, why);
          continue;
        }
        if (shared.has(frame)) {
          const place = places.get(frame);
          if (place !== undefined) {
            copies.push({ from: place, to: at });
            continue;
          }
          places.set(frame, at);
        }
        wanted.add(frame, at);
      }
      const reading = wanted.read(memory, core.u8);
      // Whoever waits for it hears of its failure; until then others are waited for.
      reading.catch(() => undefined);
      underWay.push({ reading, copies });
      if (underWay.length === SECTIONS_UNDER_WAY) await finish(underWay.shift()!);
    }
    while (underWay.length > 0) await finish(underWay.shift()!);
  } finally {
    // Whatever failed: nothing reads on into memory that is given up.
    await Promise.allSettled(underWay.map(({ reading }) => reading));
  }
  const facts = Array.from(counts, ([from, value]): Fact => ({ name: "filtered", value, from }));
  return { ranges, facts };
}

/** Why a page of slots is not there; null if it is. */
function reasonOf(memory: PhysicalMemory, frame: number): string | null {
  if (frame < 0) return frame === -1 ? "not mapped by the page tables" : "page tables that are not in the dump";
  const state = memory.stateOf(frame);
  if (state === FrameState.HERE) return null;
  return state === FrameState.FILTERED ? "frames left out of the dump" : "frames that the dump does not have";
}

/** Frames of a section that are to be read, and where in the map's memory they go, by rising place. */
class Wanted {
  readonly #frames = new Float64Array(VMEMMAP_PAGES_PER_SECTION);
  readonly #places = new Float64Array(VMEMMAP_PAGES_PER_SECTION);
  #count = 0;
  /** Whether the places follow each other, and the frames rise. */
  #inRow = true;

  add(frame: number, place: number): void {
    const i = this.#count++;
    this.#frames[i] = frame;
    this.#places[i] = place;
    if (i > 0) this.#inRow &&= frame > this.#frames[i - 1]! && place === this.#places[i - 1]! + FRAME_BYTES;
  }

  /** At once where they lie in a row, or else by rising frame, and put in place. */
  async read(memory: PhysicalMemory, out: Uint8Array): Promise<void> {
    const count = this.#count;
    if (count === 0) return;
    const frames = this.#frames.subarray(0, count);
    const places = this.#places;
    const length = count * FRAME_BYTES;
    if (this.#inRow) {
      const reading = memory.readFrames(frames, out.subarray(places[0], places[0]! + length));
      if (reading !== undefined) await reading;
      return;
    }
    const order = Uint16Array.from(frames, (_, i) => i).sort((a, b) => frames[a]! - frames[b]!);
    const scratch = new Uint8Array(length);
    const reading = memory.readFrames(
      Float64Array.from(order, (i) => frames[i]!),
      scratch,
    );
    if (reading !== undefined) await reading;
    order.forEach((i, from) => out.set(scratch.subarray(from * FRAME_BYTES, (from + 1) * FRAME_BYTES), places[i]));
  }
}

/**
 * Whether a shared frame belongs to the zone and to no folio: the tail frames of HVO since 7.1 (zone->vmemmap_tails). Those of
 * device-dax are a folio's own.
 */
function isZoneFrame(profile: Profile, map: Vmemmap, pfn: number): boolean {
  if (profile.tailEncoding !== "mask") return false;
  const { shift, width } = profile.zone;
  const word = map.core.u64[map.core.address(map.slotOf(pfn)) / 8]!;
  return profile.zones[Number((word >> BigInt(shift)) & ((1n << BigInt(width)) - 1n))] !== "DEVICE";
}

function kernelFacts(info: Vmcoreinfo, kernel: KernelMemory, bits: number): Fact[] {
  const { root, levels, smeMask } = kernel.tables;
  const from = "VMCOREINFO";
  const optional: [string, Fact["value"] | undefined, string][] = [
    ["release", info.osrelease, "OSRELEASE"],
    ["buildId", info.buildId, "BUILD-ID"],
    ["physBase", info.integer("phys_base"), "NUMBER(phys_base)"],
    ["kernelOffset", info.kernelOffset, "KERNELOFFSET"],
    ["pagingLevels", levels, info.has("NUMBER(pgtable_l5_enabled)") ? "NUMBER(pgtable_l5_enabled)" : "default"],
    ["pageTablesFrame", root, info.has("SYMBOL(init_top_pgt)") ? "SYMBOL(init_top_pgt)" : "SYMBOL(swapper_pg_dir)"],
    ["smeMask", smeMask, info.has("NUMBER(sme_mask)") ? "NUMBER(sme_mask)" : "default"],
    ["maxPhysmemBits", bits, info.has("NUMBER(MAX_PHYSMEM_BITS)") ? "NUMBER(MAX_PHYSMEM_BITS)" : "paging levels"],
  ];
  return optional.flatMap(([name, value, key]) =>
    value === undefined ? [] : [{ name, value, from: `${from} ${key}` }],
  );
}
