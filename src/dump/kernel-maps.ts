/** Maps of a dump's kernel: of all its sections, or of some at a time. */
import type { Section } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";
import { DeviceWords } from "./device-words.js";
import type { KernelView } from "./kernel-view.js";
import { mapOfSections, type SectionsOptions, slotsOfSections } from "./load-map.js";
import { partOf, windowsOf } from "./parts.js";

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
  #words: Promise<DeviceWords> | undefined;

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
    if (part === null) return mapOfSections(this.#view, sections, this.#options);
    const own = new Set(sections.map(({ number }) => number));
    const hasAllDevices = all.every((section) => !mayHoldDevices(section) || own.has(section.number));
    const elsewhere = { covers: mayHoldDevices, words: () => (this.#words ??= this.#wordsOfDevices()) };
    const map = await mapOfSections(this.#view, sections, this.#options, hasAllDevices ? undefined : elsewhere);
    map.provenance = { ...map.provenance, part };
    return map;
  }

  async #wordsOfDevices(): Promise<DeviceWords> {
    const words = new DeviceWords(this.#view.profile);
    for (const some of windowsOf(this.#view.sections.filter(mayHoldDevices), SEARCH_PAGES)) {
      const options = { ...this.#options, headIndex: false };
      const { map } = await slotsOfSections(this.#view, some, options, (filled, { number }) =>
        words.addSection(filled, number),
      );
      map.dispose();
    }
    return words;
  }
}
