import { ModelMap } from "../map.js";
import type { ModelPgmap } from "./pgmap.js";

/** 128 MiB of memory. */
export const PAGES_PER_SECTION = 32768;
/** 2 MiB of memory, the unit in which memory comes and goes. */
export const PAGES_PER_SUBSECTION = 512;

/** A call of a driver's function, or the wake-up of those who wait for an idle fs-dax folio. */
export interface DriverCall {
  readonly call: "pageFree" | "folioFree" | "folioSplit" | "migrateToRam" | "memoryFailure" | "wake";
  /** The folio's, or that of the part that was split off. */
  readonly pfn: number;
}

/** A map whose subsections come and go, and the device page maps that brought them. */
export class DeviceMap extends ModelMap {
  readonly pgmaps: ModelPgmap[] = [];
  /** Vmemmap pages (PFN / 64) that share a frame: those that show another's, and the one at home on it. */
  readonly shared = new Set<number>();
  /** All that drivers were told, in order. */
  readonly calls: DriverCall[] = [];
  readonly #early = new Set<number>();
  readonly #known = new Set<number>();
  readonly #absent = new Set<number>();

  /** Memory present at boot: all slots of the section are there for good (SECTION_IS_EARLY). */
  addEarlySection(section: number): void {
    this.#early.add(section);
    this.addRange(section * PAGES_PER_SECTION, (section + 1) * PAGES_PER_SECTION);
  }

  isEarly(pfn: number): boolean {
    return this.#early.has(Math.floor(pfn / PAGES_PER_SECTION));
  }

  /** sparse_add_section: the slots come as zeroes. Those of an early section are there, and stay as they are. */
  addSubsections(start: number, end: number): void {
    for (let pfn = start; pfn < end; pfn += PAGES_PER_SUBSECTION) {
      if (this.isEarly(pfn)) continue;
      if (!this.#known.has(pfn)) this.addRange(pfn, pfn + PAGES_PER_SUBSECTION);
      this.#known.add(pfn);
      this.#absent.delete(pfn);
      for (let i = 0; i < PAGES_PER_SUBSECTION; i++) this.bytes(pfn + i).fill(0);
    }
  }

  /** sparse_remove_section. */
  removeSubsections(start: number, end: number): void {
    for (let pfn = start; pfn < end; pfn += PAGES_PER_SUBSECTION) if (!this.isEarly(pfn)) this.#absent.add(pfn);
  }

  override has(pfn: number): boolean {
    return super.has(pfn) && !this.#absent.has(pfn - (pfn % PAGES_PER_SUBSECTION));
  }

  /** First PFNs of the hot-added subsections that are there. */
  subsections(): number[] {
    return [...this.#known].filter((pfn) => !this.#absent.has(pfn)).sort((a, b) => a - b);
  }
}
