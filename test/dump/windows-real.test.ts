/** Windows and ranges of real dumps, held against the whole map: of 1 GiB, and of one section each, which cut no folio that these have. */
import { describe, expect, it } from "vitest";
import { KernelMaps } from "../../src/dump/kernel-maps.js";
import { readKernel } from "../../src/dump/kernel-view.js";
import { openNodeFile } from "../../src/dump/node-file.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { openVmcore, Vmemmap, vmcoreWindows } from "../../src/index.js";
import { PAGES_PER_SECTION } from "../../src/sections.js";
import { addSums, expectSums, expectWindow, noSums, rowsText } from "./compare-windows.js";
import { haveRealDumps, realDumps, realPath } from "./real-dumps.js";

const small = [
  "test/dumps/linux-6.1.176.elf.zst",
  "test/dumps/linux-6.18.15-hvo-partial-section.elf.zst",
  "test/dumps/linux-6.18.15-hvo-partial-section.kdump-d31-zstd",
  "test/dumps/linux-7.3.4-hvo.kdump-d31-lzo",
  "test/dumps/linux-7.3.4-hvo.kdump-d31-zlib.flat",
];
const real = realDumps(/(vmcore-filtered\.elf\.zst|vmcore\.qemu-kdump-zlib|vmcore\.kdump-d31-zstd)$/);

async function holdWindows(path: string): Promise<void> {
  const whole = await openVmcore(path);
  const sums = noSums();
  const maps: Vmemmap[] = [];
  for await (const window of vmcoreWindows(path, { pagesPerWindow: 2 ** 18 })) {
    expectWindow(window, whole);
    addSums(sums, window);
    const range = { start: window.startPfn, end: window.startPfn + 2000 };
    for (const of of ["pages", "folios"] as const) expect(rowsText(window, range, of)).toBe(rowsText(whole, range, of));
    maps.push(window);
  }
  expectSums(sums, whole);
  for (const map of maps) expect(() => map.slots).toThrow("disposed");
}

/** Smaller than a folio may be, so only for dumps whose folios do not cross sections. */
async function holdSections(path: string): Promise<void> {
  const whole = await openVmcore(path);
  const dump = await openDumpFile(openNodeFile(path));
  const tell = () => undefined;
  const view = await readKernel(dump, tell);
  const maps = new KernelMaps(view, { tell });
  const sums = noSums();
  for (const section of view.sections) {
    const window = await maps.mapOf([section]);
    expect(window.provenance["part"]).toEqual({
      start: section.number * PAGES_PER_SECTION,
      count: PAGES_PER_SECTION,
      sections: 1,
      ofSections: view.sections.length,
    });
    expectWindow(window, whole);
    addSums(sums, window);
    window.dispose();
  }
  expectSums(sums, whole);
  await dump.close();
}

describe("dumps that ship with the tests", () => {
  it.each(small)("%s: windows of 1 GiB are the whole", holdWindows);
  it.each(small)("%s: maps of a section each are the whole", holdSections);
});

describe.skipIf(!haveRealDumps)("real dumps", () => {
  it.each(real)("%s: windows of 1 GiB are the whole", (path) => holdWindows(realPath(path)));
  it.each(real.filter((path) => !path.includes("4gib")))("%s: maps of a section each are the whole", (path) =>
    holdSections(realPath(path)),
  );
});
