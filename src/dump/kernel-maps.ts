/** Maps of a dump's kernel: of all its sections, or of some at a time. */
import type { Section } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";
import type { KernelView } from "./kernel-view.js";
import { mapOfSections, type SectionsOptions, slotsOfSections } from "./load-map.js";
import { partOf, windowsOf } from "./parts.js";
import { type PgmapWords, pgmapWords } from "./pgmaps.js";

/** Pages whose slots are in memory while pgmaps are looked for in sections that a part does not have: 256 MiB of them. */
const SEARCH_PAGES = 2 ** 22;

/**
 * Whether a section may have pages of ZONE_DEVICE: memremap_pages onlines none of its sections, and taints those where its ranges end
 * (section_taint_zone_device, 5.11 on).
 */
function mayHoldDevices({ online, taintZoneDevice }: Section): boolean {
  return !online || taintZoneDevice;
}

export class KernelMaps {
  readonly #view: KernelView;
  readonly #options: SectionsOptions;
  #words: Promise<PgmapWords> | undefined;

  constructor(view: KernelView, options: SectionsOptions) {
    this.#view = view;
    this.#options = options;
  }

  /**
   * The map of some sections. Its pgmaps are the kernel's all the same: a pgmap may begin before, and be named by no page of these, as
   * where its altmap's pages take a section whole.
   */
  async mapOf(sections: readonly Section[]): Promise<Vmemmap> {
    const all = this.#view.sections;
    const part = partOf(sections, all.length);
    if (part === null) return mapOfSections(this.#view, sections, this.#options, pgmapWords);
    const own = new Set(sections.map(({ number }) => number));
    const hasAllDevices = all.every((section) => !mayHoldDevices(section) || own.has(section.number));
    const map = await mapOfSections(this.#view, sections, this.#options, async (filled, read) => {
      if (hasAllDevices) return pgmapWords(filled, read);
      this.#words ??= this.#wordsOfDevices();
      const others = read.filter((section) => !mayHoldDevices(section));
      return pgmapWords(filled, others, await this.#words);
    });
    map.provenance = { ...map.provenance, part };
    return map;
  }

  async #wordsOfDevices(): Promise<PgmapWords> {
    let words: PgmapWords = new Map();
    for (const some of windowsOf(this.#view.sections.filter(mayHoldDevices), SEARCH_PAGES)) {
      const { map } = await slotsOfSections(this.#view, some, { ...this.#options, headIndex: false });
      words = pgmapWords(map, some, words);
      map.dispose();
    }
    return words;
  }
}
