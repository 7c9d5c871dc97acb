/** The dump of a machine with more memory than one map holds, as a sparse file: few of its slots are written, all are there. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { FRAME_BYTES } from "../../src/dump/memory.js";
import { PAGES_PER_SECTION } from "../../src/sections.js";
import { Vmemmap } from "../../src/vmemmap.js";
import { syntheticKernel, type SyntheticKernel } from "./synthetic-kernel.js";
import { elfHeaders } from "./write-dump.js";

/** Entries of a page of mem_section: every one that is a multiple of it is written, so that all pages of the table are. */
const SECTIONS_PER_ROOT = 128;
const SECTION_ENTRY = 32;
const FRAMES_PER_SECTION = 512;
/** Where the slots of sections are that are not written: at 1 TiB, and behind all else in the file. */
const SPARSE_FRAME = 2 ** 28;
/** Present, writable, a leaf. */
const LEAF = 0xe3n;
const ADDRESS_BITS = 0x000f_ffff_ffff_f000n;

/**
 * Write a machine's ELF core. One section of 16 GiB is as after boot with folios of some orders and optimised hugetlb pages; the slots
 * of all others are zeroes that take no room on disk.
 *
 * @param gib a multiple of 16
 */
export function writeLargeDump(path: string, gib: number): void {
  const sections = gib * 8;
  const map = new Vmemmap({
    memory: Array.from({ length: sections / SECTIONS_PER_ROOT }, (_, i) => {
      const start = i * SECTIONS_PER_ROOT * PAGES_PER_SECTION;
      return { start, end: start + PAGES_PER_SECTION };
    }),
  });
  for (const { number } of map.sections) {
    const start = number * PAGES_PER_SECTION;
    for (const order of [1, 3, 6, 9]) map.prepCompoundPage(start + 512 * order, order);
    for (const pfn of [start + 8192, start + 8704]) {
      map.prepCompoundPage(pfn, 9);
      map.hugetlbVmemmapOptimizeFolio(pfn);
    }
  }
  const kernel = syntheticKernel(map);
  const sparse = addSections(kernel, map, sections);
  map.dispose();
  const pages = [...kernel.frames].sort(([a], [b]) => a - b);
  const runs: { first: number; count: number }[] = [];
  for (const [frame] of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === frame) last.count++;
    else runs.push({ first: frame, count: 1 });
  }
  runs.push({ first: SPARSE_FRAME, count: sparse * FRAMES_PER_SECTION });
  const fd = openSync(path, "wx");
  try {
    const head = elfHeaders(kernel.vmcoreinfo, runs);
    writeSync(fd, head);
    for (const [, page] of pages) writeSync(fd, page);
    ftruncateSync(fd, head.length + (pages.length + sparse * FRAMES_PER_SECTION) * FRAME_BYTES);
  } finally {
    closeSync(fd);
  }
}

/** Add the sections between those that there are, with slots at {@link SPARSE_FRAME}; how many. */
function addSections({ frames, root, sectionFrames }: SyntheticKernel, map: Vmemmap, sections: number): number {
  const viewOf = (frame: number) => new DataView(frames.get(frame)!.buffer);
  const tableOf = (frame: number, index: number) =>
    Number((viewOf(frame).getBigUint64(index * 8, true) & ADDRESS_BITS) / BigInt(FRAME_BYTES));
  let added = 0;
  for (let number = 0; number < sections; number++) {
    if (number % SECTIONS_PER_ROOT === 0) continue;
    const entries = viewOf(sectionFrames.roots[Math.floor(number / SECTIONS_PER_ROOT)]!);
    const at = (number % SECTIONS_PER_ROOT) * SECTION_ENTRY;
    // The flags and the usage of the section that is there.
    for (const word of [0, 8]) entries.setBigUint64(at + word, entries.getBigUint64(word, true), true);
    const address = map.vmemmapBase + BigInt(number) * BigInt(PAGES_PER_SECTION * 64);
    const index = (level: number) => Number((address >> BigInt(12 + 9 * level)) & 511n);
    const pmd = tableOf(tableOf(root, index(3)), index(2));
    const block = BigInt(SPARSE_FRAME + added * FRAMES_PER_SECTION) * BigInt(FRAME_BYTES);
    viewOf(pmd).setBigUint64(index(1) * 8, block | LEAF, true);
    added++;
  }
  return added;
}
