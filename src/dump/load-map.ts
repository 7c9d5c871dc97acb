/** From a dump to a map: find the slots in the kernel's virtual memory, and read them into the map's own. */
import { SLOTS_PER_VMEMMAP_PAGE } from "../aliases.js";
import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { PAGES_PER_SECTION, type Section, SECTION_BYTES, validSubsections } from "../sections.js";
import type { Build, PfnRange } from "../types.js";
import { Vmemmap } from "../vmemmap.js";
import { aliasesOf, sharedFrames } from "./aliases.js";
import { withLoss } from "./cut-short.js";
import { DeviceWords } from "./device-words.js";
import { type Fact, factRecord } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";
import { type KernelView, readKernel } from "./kernel-view.js";
import { type LoadProgress, tellerOf, type TellStage } from "./load-progress.js";
import { type Dump, FRAME_BYTES, FrameState, type PhysicalMemory } from "./memory.js";
import { findPgmaps } from "./pgmaps.js";
import { VMEMMAP_PAGES_PER_SECTION } from "./sections.js";

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

async function mapOf(dump: Dump, { signal, onProgress, ...mapOptions }: LoadMapOptions): Promise<Vmemmap> {
  const tell = tellerOf(signal, onProgress);
  const view = await readKernel(dump, tell, signal);
  return mapOfSections(view, view.sections, { ...mapOptions, tell, ...(signal && { signal }) });
}

/** How sections' slots are read: what the map is made with, and who hears of it. */
export interface SectionsOptions extends Omit<LoadMapOptions, "onProgress"> {
  readonly tell: TellStage;
}

/** What is known of device pages of which a map need not have the slots. */
export interface WordsElsewhere {
  /** Sections that it tells of. */
  readonly covers: (section: Section) => boolean;
  readonly words: () => Promise<DeviceWords>;
}

/**
 * The map of some of a kernel's sections, or of all.
 *
 * @param elsewhere where pgmaps are to be looked for too, if the kernel lists none
 */
export async function mapOfSections(
  view: KernelView,
  sections: readonly Section[],
  options: SectionsOptions,
  elsewhere?: WordsElsewhere,
): Promise<Vmemmap> {
  const { tell } = options;
  const words = new DeviceWords(view.profile);
  const isListed = typeof view.pgmapArray !== "string";
  const { map, frames, shared, absent } = await slotsOfSections(view, sections, options, (filled, section) => {
    if (!isListed) addWords(section, filled);
  });
  function addWords(section: Section, filled = map): void {
    if (elsewhere?.covers(section) !== true) words.addSection(filled, section.number);
  }
  try {
    tell("check", 0, 1);
    map.addAliases(aliasesOf(sections, { frames, shared }, (pfn) => isZoneFrame(view.profile, map, pfn)));
    map.filtered = absent.ranges;
    const { pgmaps, facts } = await findPgmaps(view.kernel, view, async () => {
      if (isListed) for (const section of sections) addWords(section);
      if (elsewhere !== undefined) words.add(await elsewhere.words());
      return words.found;
    });
    map.pgmaps = pgmaps;
    options.signal?.throwIfAborted();
    map.provenance = provenanceOf(view, absent.facts, facts);
    return map;
  } catch (error) {
    map.dispose();
    throw error;
  }
}

/** Physical address bits of a kernel's maps. */
export function mapBits({ bits }: KernelView): 46 | 52 {
  return bits > 46 ? 52 : 46;
}

/** A map with slots, and the frames of its vmemmap pages; what else there is to know of them is not said yet. */
interface FilledMap {
  readonly map: Vmemmap;
  readonly frames: Float64Array;
  readonly shared: ReadonlySet<number>;
  readonly absent: Absent;
}

/** @param onSection called with each section when its slots are there and have been scanned, in order, while others are read */
export async function slotsOfSections(
  view: KernelView,
  sections: readonly Section[],
  { signal, tell, ...mapOptions }: SectionsOptions,
  onSection: (map: Vmemmap, section: Section) => void,
): Promise<FilledMap> {
  const { kernel, base, profile } = view;
  const map = makeMap({ ...mapOptions, profile, vmemmapBase: base, sections, maxPhysmemBits: mapBits(view) });
  try {
    const frames = await framesOfSections(kernel, base, sections, signal);
    const shared = sharedFrames(frames);
    tell("slots", 0, sections.length);
    const absent = await fillSlots(map, kernel.memory, { sections, frames, shared }, (section, done) => {
      map.core.exports.scan_section(map.core.sectionSlot(section.number) / PAGES_PER_SECTION);
      onSection(map, section);
      tell("slots", done, sections.length);
    });
    return { map, frames, shared, absent };
  } catch (error) {
    map.dispose();
    throw error;
  }
}

/** Where a map comes from, with what its slots added. */
export function provenanceOf(
  { info, dump, facts }: KernelView,
  absent: readonly Fact[] = [],
  pgmaps: readonly Fact[] = [],
): Readonly<Record<string, unknown>> {
  const all = [...facts.machine, ...absent, ...facts.layout, ...pgmaps];
  return { kernel: info.osrelease, format: dump.format, details: dump.details, facts: all.map(factRecord) };
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
  try {
    return new Vmemmap({ ...options, initialize: false });
  } catch (cause) {
    if (!(cause instanceof VmemmapError)) throw cause;
    if (cause.code === "out-of-memory") {
      const memory = `${(sections.length / 8).toFixed(2)} GiB of memory (${sections.length} sections)`;
      const slots = `${((sections.length * SECTION_BYTES) / 2 ** 30).toFixed(2)} GiB of slots`;
      throw new VmemmapError(
        "out-of-memory",
        `the dump's map of ${memory} has ${slots}: ${cause.message}; a part of it can be opened (range), or all by windows (vmcoreWindows)`,
        { cause },
      );
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
 * @param onSection called with each section when its slots are there, in order
 */
async function fillSlots(
  map: Vmemmap,
  memory: PhysicalMemory,
  pages: { readonly sections: readonly Section[]; readonly frames: Float64Array; readonly shared: ReadonlySet<number> },
  onSection: (section: Section, done: number) => void,
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
    onSection(sections[done]!, ++done);
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
