/** The captured kernels that the shipped maps come from, and the forms in which their memory is kept. */
import { Vmemmap } from "../src/index.js";
import { compareFields, FIELDS } from "./fields.js";
import { loadTruth, openMap, type Truth } from "./truth.js";

/** Those that are in test/dumps, so that a clone has one of each reader's. */
export const SHIPPED_FORMS: readonly (readonly [map: string, form: string])[] = [
  ["linux-6.1.176", "vmcore-filtered.elf.zst"],
  ["linux-6.18.15-hvo-partial-section", "vmcore-filtered.elf.zst"],
  ["linux-6.18.15-hvo-partial-section", "vmcore-filtered.kdump-d31-zstd"],
  ["linux-7.3.4-hvo", "vmcore-filtered.kdump-d31-lzo"],
  ["linux-7.3.4-hvo", "vmcore-filtered.kdump-d31-zlib.flat"],
];

/** A shipped map with what others told of it. */
export interface Known {
  readonly map: Vmemmap;
  readonly truth: Truth;
}

let last: { readonly name: string; readonly known: Promise<Known> } | undefined;

/** Loaded once for the tests of a capture, which stand together. */
export function knownCapture(name: string): Promise<Known> {
  const load = async () => ({ map: await Vmemmap.load(openMap(name)), truth: await loadTruth(name) });
  if (last?.name !== name) last = { name, known: load() };
  return last.known;
}

/** Pages that differ, by field, as a row of docs/results/ground-truth.md has them. */
export function differencesRow(map: Vmemmap, truth: Truth): number[] {
  const counts = compareFields(map, truth);
  return FIELDS.map((field) => counts[field].differing);
}
