import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { PAGES_PER_SECTION, type Section, SLOT_BYTES, validSubsections } from "../sections.js";
import type { Build } from "../types.js";
import type { CoreExports } from "./generated/core.js";
import { halves } from "./halves.js";
import { constant, loadCore } from "./modules.js";
import { growMemory, makeMemory, type MemoryNeeds, type MemoryPlan, planMemory } from "./plan.js";
import { placeSections } from "./place.js";
import { writeState } from "./state.js";

/** What the core answers where there is no slot, PFN or head. */
export const INVALID = 0xffffffff;

/** One core over one linear memory, with views of that memory. */
export class Core {
  readonly plan: MemoryPlan;
  u8!: Uint8Array<ArrayBuffer>;
  u32!: Uint32Array<ArrayBuffer>;
  i32!: Int32Array<ArrayBuffer>;
  u64!: BigUint64Array<ArrayBuffer>;
  f64!: Float64Array<ArrayBuffer>;
  exports: CoreExports;
  /** Views of the memory are in the user's hands: it must not grow, which would detach them. */
  viewsGiven = false;

  readonly #memory: WebAssembly.Memory;
  readonly #loaded = new Map<Build, CoreExports>();
  #build: Build;
  #sections: readonly Section[] = [];
  /** Section number by slot section: whose slots 32768 * n and on are. */
  readonly #places: (number | undefined)[] = [];

  constructor(
    build: Build,
    profile: Profile,
    vmemmapBase: bigint,
    sections: readonly Section[],
    needs: Pick<MemoryNeeds, "listCapacity" | "physmemBits"> & { readonly spareSections: number },
  ) {
    const lastSection = sections.at(-1)?.number ?? 0;
    this.plan = planMemory({ ...needs, sections: sections.length + needs.spareSections, lastSection });
    this.#memory = makeMemory(this.plan, false);
    this.#build = build;
    this.exports = loadCore(build, this.#memory);
    this.#loaded.set(build, this.exports);
    this.#view();
    writeState(this.exports, { ...this.plan, vmemmapBase }, profile);
    this.setSections(sections);
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
    const loaded = this.#loaded.get(build) ?? loadCore(build, this.#memory);
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
  }

  #grow(slotSections: number): void {
    const bytes = this.plan.slots + slotSections * PAGES_PER_SECTION * SLOT_BYTES;
    if (this.viewsGiven && bytes > this.u8.length) {
      throw new VmemmapError(
        "out-of-memory",
        "the engine's memory would have to grow, which list() and slotBytes() views in use forbid: make the map with hotplugCapacity",
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

export function stagingPlaces(): { readonly pfns: number; readonly slots: number; readonly answers: number } {
  const start = constant("STAGING");
  return { pfns: start, slots: start + STAGED_ELEMENTS * 8, answers: start + STAGED_ELEMENTS * 12 };
}
