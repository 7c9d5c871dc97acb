import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { PAGES_PER_SECTION, type Section, SLOT_BYTES, validSubsections } from "../sections.js";
import type { Build } from "../types.js";
import type { CoreExports } from "./generated/core.js";
import { halves } from "./halves.js";
import { constant, loadCore, moduleOf } from "./modules.js";
import { growMemory, makeMemory, type MemoryNeeds, type MemoryPlan, planMemory } from "./plan.js";
import { placeSections } from "./place.js";
import { writeState } from "./state.js";

/** What the core answers where there is no slot, PFN or head. */
export const INVALID = 0xffffffff;

/** What another thread needs to work over a core's memory. */
export interface CoreShare {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly plan: MemoryPlan;
  /** Address of the thread's area. */
  readonly area: number;
}

/** One core over one linear memory, with views of that memory. */
export class Core {
  readonly plan: MemoryPlan;
  /** Where this thread's staging, notes and predicate stand. */
  readonly area: number;
  u8!: Uint8Array;
  u32!: Uint32Array;
  i32!: Int32Array;
  u64!: BigUint64Array;
  f64!: Float64Array;
  exports: CoreExports;
  /** Number of the section that lists of PFNs reach to: the last present one, -1 where there is none. */
  lastSection = -1;
  /** Views of the memory are in the user's hands: it must not grow, which would detach them. */
  viewsGiven = false;

  readonly #memory: WebAssembly.Memory;
  readonly #loaded = new Map<Build, CoreExports>();
  #build: Build;
  #sections: readonly Section[] = [];
  #reach = -1;
  /** Section number by slot section: whose slots 32768 * n and on are. */
  readonly #places: (number | undefined)[] = [];

  private constructor(build: Build, { module, memory, plan, area }: CoreShare) {
    this.plan = plan;
    this.area = area;
    this.#memory = memory;
    this.#build = build;
    this.exports = loadCore(module, memory);
    this.#loaded.set(build, this.exports);
    this.#view();
  }

  /** A core over a memory of its own. */
  static make(
    build: Build,
    profile: Profile,
    vmemmapBase: bigint,
    sections: readonly Section[],
    needs: Pick<MemoryNeeds, "listCapacity" | "physmemBits" | "headIndex"> & { readonly spareSections: number },
  ): Core {
    const module = moduleOf(build);
    const lastSection = sections.at(-1)?.number ?? 0;
    const plan = planMemory({ ...needs, sections: sections.length + needs.spareSections, lastSection });
    const memory = makeMemory(plan, build === "shared");
    const core = new Core(build, { module, memory, plan, area: constant("STAGING") });
    writeState(core.exports, { ...plan, vmemmapBase }, profile);
    core.exports.head_index_start();
    core.setSections(sections);
    return core;
  }

  /** A further thread's core over a shared memory: all there is to know of the map stands in it. */
  static attach(share: CoreShare): Core {
    const core = new Core("shared", share);
    core.exports.thread_area(share.area);
    return core;
  }

  /** What a further thread needs, which works in the area at this address. */
  share(area: number): CoreShare {
    return { module: moduleOf(this.#build), memory: this.#memory, plan: this.plan, area };
  }

  #view(): void {
    const { buffer } = this.#memory;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  get build(): Build {
    return this.#build;
  }

  set build(build: Build) {
    if ((build === "shared") !== (this.#build === "shared")) {
      throw new VmemmapError(
        "bad-argument",
        `build ${JSON.stringify(build)}: a map's memory is shared for good, or never`,
      );
    }
    const loaded = this.#loaded.get(build) ?? loadCore(moduleOf(build), this.#memory);
    this.#loaded.set(build, loaded);
    this.exports = loaded;
    this.#build = build;
  }

  // ---- Sections -----------------------------------------------------------------------------------------------------

  /** Present sections by rising number. */
  get sections(): readonly Section[] {
    return this.#sections;
  }

  /** The slot after the last: those of sections taken away are among the slots before it. */
  get slotLimit(): number {
    return this.#places.length * PAGES_PER_SECTION;
  }

  /** First slot of a present section, by its number. */
  sectionSlot(number: number): number {
    return this.#places.indexOf(number) * PAGES_PER_SECTION;
  }

  /**
   * These are the present sections from now on. Those that are new and next to each other have their slots next to each
   * other; those of old ones stay where they are.
   *
   * @throws VmemmapError "out-of-memory", before anything is changed
   */
  setSections(sections: readonly Section[]): void {
    const old = new Map(this.#sections.map((section) => [section.number, section]));
    const present = new Set(sections.map(({ number }) => number));
    const added = sections.filter(({ number }) => !old.has(number));
    const removed = this.#sections.filter(({ number }) => !present.has(number));
    const places = placeSections(
      added.map(({ number }) => number),
      this.#places,
    );
    this.#grow(places.reduce((end, place) => Math.max(end, place + 1), 0));

    const { exports } = this;
    for (const { number } of removed) {
      const place = this.#places.indexOf(number);
      exports.sparse_remove_section(place);
      this.#places[place] = undefined;
    }
    for (const section of sections) {
      const before = old.get(section.number);
      if (before === undefined || validSubsections(before) === validSubsections(section)) continue;
      exports.sparse_set_subsections(this.#places.indexOf(section.number), ...halves(validSubsections(section)));
    }
    added
      .map((section, i) => ({ section, place: places[i]! }))
      .sort((a, b) => a.place - b.place)
      .forEach(({ section, place }) => {
        exports.sparse_add_section_at(section.number, place, ...halves(validSubsections(section)));
        this.#places[place] = section.number;
      });
    this.#sections = Object.freeze(sections.map((section) => Object.freeze({ ...section })));
    this.reachTo(this.#reach);
  }

  /** Have lists of PFNs reach to a section of another memory at least: the last one's of a map that has several. */
  reachTo(section: number): void {
    this.#reach = section;
    this.lastSection = Math.max(section, this.#sections.at(-1)?.number ?? -1);
  }

  #grow(slotSections: number): void {
    const bytes = this.plan.slots + slotSections * PAGES_PER_SECTION * SLOT_BYTES;
    if ((this.viewsGiven || this.#build === "shared") && bytes > this.u8.length) {
      throw new VmemmapError(
        "out-of-memory",
        "the engine's memory would have to grow, which threads, or list() and slotBytes() views in use, forbid: make the map with hotplugCapacity",
      );
    }
    if (growMemory(this.#memory, this.plan, slotSections)) this.#view();
  }

  // ---- Slots --------------------------------------------------------------------------------------------------------

  /** Byte address of a slot. */
  address(slot: number): number {
    return this.plan.slots + slot * SLOT_BYTES;
  }

  /** Slot of a PFN, or INVALID. */
  slotOf(pfn: number): number {
    return this.exports.pfn_to_slot(pfn >>> 0, Math.floor(pfn / 2 ** 32)) >>> 0;
  }

  /** PFN of a slot that exists. */
  pfnOf(slot: number): number {
    return (this.exports.slot_to_pfn_high(slot) >>> 0) * 2 ** 32 + (this.exports.slot_to_pfn_low(slot) >>> 0);
  }
}

/** Staging for lists on their way through: three places for `ELEMENTS` elements of up to 8 bytes. */
export const STAGED_ELEMENTS = 4096;

export function stagingPlaces({ area }: Core): {
  readonly pfns: number;
  readonly slots: number;
  readonly answers: number;
} {
  return { pfns: area, slots: area + STAGED_ELEMENTS * 8, answers: area + STAGED_ELEMENTS * 12 };
}
