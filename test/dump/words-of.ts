import { type DeviceWord, DeviceWords } from "../../src/dump/device-words.js";
import type { Profile } from "../../src/index.js";
import type { Vmemmap } from "../../src/vmemmap.js";

/** The words of all sections of a map. */
export function deviceWordsOf(map: Vmemmap, profile: Profile): readonly DeviceWord[] {
  const words = new DeviceWords(profile);
  for (const { number } of map.sections) words.addSection(map, number);
  return words.found;
}
