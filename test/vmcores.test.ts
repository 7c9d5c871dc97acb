/**
 * The memory of real kernels in every form it is kept in: each opened dump is the shipped map of the same machine, so that all that is
 * told of that holds for it, and is held against what drgn and the kernel told all the same.
 */
import { describe, expect, it } from "vitest";
import { openVmcore, Vmemmap } from "../src/index.js";
import { openNodeFile } from "../src/dump/node-file.js";
import { loadMap } from "../src/dump/load-map.js";
import { openDumpFile } from "../src/dump/open-file.js";
import { differencesRow, knownCapture } from "./captures.js";
import { FORMS, haveRealDumps, realDumps, readReal, realPath, realWords, unpackReal } from "./dump/real-dumps.js";
import { documentedRow } from "./ground-truth-page.js";
import { expectSameMap } from "./same-map.js";
import { mapNames } from "./truth.js";

const SECTION_BYTES = 2 ** 21;
const RECORD_WORDS = 8;

/** How many pgmaps are objects in the direct map, as the dump tells where it begins, of memory that the machine has. */
function pgmapsInDirectMap(map: Vmemmap): number {
  const facts = map.provenance["facts"] as readonly { name: string; value: string }[];
  const begins = BigInt(facts.find(({ name }) => name === "pageOffsetBase")!.value);
  return map.pgmaps.filter(({ address }) => address > begins && map.pfnValid(Number((address - begins) >> 12n))).length;
}

it("the page's maps and forms are all there are", () => {
  expect(Object.keys(FORMS)).toEqual(mapNames);
  if (!haveRealDumps) return;
  const files = realDumps(/[\\/]vmcore[.-]/).map((path) => path.replaceAll("\\", "/"));
  const forms = Object.entries(FORMS).flatMap(([name, list]) => list.map((form) => `${name}/${form}`));
  expect(files).toEqual(forms.sort());
});

describe.skipIf(!haveRealDumps).each(mapNames)("%s", (name) => {
  it("the shipped map has the slots of the array that drgn's walk gave", async () => {
    const { map } = await knownCapture(name);
    const array = await unpackReal(`${name}/vmemmap.bin.zst`);
    const present = await unpackReal(`${name}/vmemmap.present.zst`);
    expect(map.sections.length * 512).toBe(present.filter((byte) => byte === 1).length);
    const slots = map.slotBytes();
    map.sections.forEach(({ number }, i) => {
      const told = array.subarray(number * SECTION_BYTES, (number + 1) * SECTION_BYTES);
      const own = slots.subarray(i * SECTION_BYTES, (i + 1) * SECTION_BYTES);
      expect(Buffer.compare(own, told), `section ${number}`).toBe(0);
    });
  });

  it("as many pages of the vmemmap share a frame as drgn's walk found", async () => {
    const { map } = await knownCapture(name);
    const facts = JSON.parse(new TextDecoder().decode(readReal(`${name}/facts.json`))) as {
      readonly vmemmap_4k_pages: { readonly aliased: number };
    };
    const { pfns, frames } = map.aliases;
    expect(pfns.length - new Set(frames).size).toBe(facts.vmemmap_4k_pages.aliased);
  });

  it("the shipped truth is what drgn, kpageflags and kpagecount said", async () => {
    const { truth } = await knownCapture(name);
    const records = await realWords(`${name}/pages.drgn.bin.zst`);
    const flags = await realWords(`${name}/guest/kpageflags.zst`);
    const first = await realWords(`${name}/guest/kpageflags.first.zst`);
    const counts = await realWords(`${name}/guest/kpagecount.zst`);
    expect(records.length).toBe(RECORD_WORDS * truth.pfns.length);
    const halves = new Int32Array(records.buffer);
    const bytes = new Uint8Array(records.buffer);
    const wrong = truth.pfns.filter((pfn, i) => {
      const at = RECORD_WORDS * i;
      return !(
        records[at] === BigInt(pfn) &&
        records[at + 2] === truth.flags[i] &&
        records[at + 3] === BigInt(truth.heads[i]!) &&
        records[at + 4] === truth.mapping[i] &&
        records[at + 5] === truth.pgmap[i] &&
        halves[2 * at + 12] === truth.refcount[i] &&
        halves[2 * at + 13] === truth.mapcountRaw[i] &&
        [truth.kind, truth.order, truth.zone, truth.node].every((column, k) => bytes[8 * at + 56 + k] === column[i]) &&
        flags[pfn] === truth.kpageflags[i] &&
        Number(flags[pfn] === first[pfn]) === truth.kpageflagsStable[i] &&
        counts[pfn] === truth.kpagecount[i]
      );
    });
    expect(wrong.length).toBe(0);
  });

  it.each(FORMS[name]!)("%s", async (form) => {
    const { map: known, truth } = await knownCapture(name);
    const map = await openVmcore(realPath(`${name}/${form}`));
    const { pagesBySlots } = map.headIndex;
    expect(pagesBySlots).toBeLessThan(map.slots / 2);
    expectSameMap(map, known);
    expect(map.checkWellFormed()).toBe(0);
    expect(map.headIndex.pagesBySlots, "what a whole scan finds, reading found").toBe(pagesBySlots);
    expect(pgmapsInDirectMap(map)).toBe(map.pgmaps.length);
    const row = differencesRow(map, truth);
    expect(row).toEqual(row.map(() => 0));
    expect(documentedRow("in every form", name, form)).toEqual(row);
    map.dispose();
  });

  it.each(FORMS[name]!.filter((form) => form.startsWith("vmcore.")))(
    "%s without its note: VMCOREINFO is found in memory",
    async (form) => {
      const { map: known } = await knownCapture(name);
      const dump = await openDumpFile(openNodeFile(realPath(`${name}/${form}`)));
      const map: Vmemmap = await loadMap({ ...dump, vmcoreinfo: null });
      expectSameMap(map, known);
      await dump.close();
    },
  );
});
