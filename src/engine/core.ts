import type { Profile } from "../profile/index.js";
import { type Section, SLOT_BYTES, validSubsections } from "../sections.js";
import type { Build } from "../types.js";
import type { CoreExports } from "./generated/core.js";
import { constant, loadCore } from "./modules.js";
import { type MemoryPlan, makeMemory, planMemory } from "./plan.js";
import { writeState } from "./state.js";

/** What the core answers where there is no slot, PFN or head. */
export const INVALID = 0xffffffff;

/** One core over one linear memory, with views of that memory. */
export class Core {
  /** Present sections by rising number: the order of their slots. */
  readonly sections: readonly Section[];
  readonly plan: MemoryPlan;
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly i32: Int32Array<ArrayBuffer>;
  readonly u64: BigUint64Array<ArrayBuffer>;
  readonly f64: Float64Array<ArrayBuffer>;
  exports: CoreExports;

  readonly #memory: WebAssembly.Memory;
  readonly #loaded = new Map<Build, CoreExports>();
  #build: Build;

  constructor(build: Build, profile: Profile, vmemmapBase: bigint, sections: readonly Section[], listCapacity: number) {
    this.sections = Object.freeze(sections.map((section) => Object.freeze({ ...section })));
    this.plan = planMemory(sections.length, sections.at(-1)?.number ?? 0, listCapacity);
    this.#memory = makeMemory(this.plan);
    this.#build = build;
    this.exports = loadCore(build, this.#memory);
    this.#loaded.set(build, this.exports);
    const buffer = this.#memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f64 = new Float64Array(buffer);
    writeState(this.exports, { ...this.plan, vmemmapBase }, profile);
    for (const section of sections) {
      const valid = validSubsections(section);
      this.exports.sparse_add_section(section.number, Number(valid & 0xffffffffn), Number(valid >> 32n));
    }
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
