import { VmemmapError } from "../src/errors.js";
import type { PgmapRange, PgmapRecord } from "../src/image/image.js";
import {
  PAGES_PER_SECTION,
  PAGES_PER_SUBSECTION,
  type Section,
  SECTION_BYTES,
  SLOT_BYTES,
  validSubsections,
} from "../src/sections.js";
import type { Vmemmap } from "../src/vmemmap.js";

/** A part of a tile: `count` slots from PFN `source` of the image go to PFN `target` of the tile. */
interface Piece {
  readonly source: number;
  readonly target: number;
  readonly count: number;
}

/**
 * Fills `map`, whose PFNs run from 0 on without a hole, with copies of `image`: its present slots in PFN order, over and
 * over, the last copy cut at the end of the map. Folios stay whole and aligned, and words that hold addresses lead to the
 * copy's own heads. A folio that the end of the map cuts still has its head, which is all a lookup needs.
 */
export function tile(image: Vmemmap, map: Vmemmap): void {
  const pieces = piecesOf(image.sections, largestOrder(image));
  const tilePages = pieces.reduce((pages, { count }) => pages + count, 0);
  const bytes = new Uint8Array(SECTION_BYTES);
  for (let start = 0; start < map.slots; start += tilePages) {
    for (const { source, target, count } of pieces) {
      const pages = Math.min(count, map.slots - start - target);
      if (pages <= 0) break;
      const slots = bytes.subarray(0, pages * SLOT_BYTES);
      image.readSlots(source, slots);
      if (image.profile.tailEncoding !== "mask") moveHeads(slots, start + target - source);
      map.writeSlots(start + target, slots);
    }
  }
  map.checkWellFormed();
}

/** Kernel addresses of a pgmap's copies are this far apart; other pgmaps stand there only by chance, which is refused. */
const PGMAP_STRIDE = 0x400n;

/**
 * Gives each copy in a tiled map its own pgmaps, as if each had its own devices: their ranges, their addresses, and the
 * words of device pages that hold one or lead to the page itself. The checker then finds in a copy what it finds in the
 * image.
 *
 * @throws VmemmapError "bad-argument": more pgmaps than a map can have
 */
export function tilePgmaps(image: Vmemmap, map: Vmemmap): void {
  const pieces = piecesOf(image.sections, largestOrder(image));
  const tilePages = pieces.reduce((pages, { count }) => pages + count, 0);
  const pgmaps: PgmapRecord[] = [];
  for (let start = 0, copy = 0n; start < map.slots; start += tilePages, copy++) {
    for (const pgmap of image.pgmaps) {
      const address = pgmap.address + copy * PGMAP_STRIDE;
      const parts = pgmap.ranges.flatMap((range) => partsOf(range, pieces, start, map.slots));
      for (const part of parts) nameAnew(map, part, pgmap.address, address);
      if (parts.length > 0) pgmaps.push({ ...pgmap, address, ranges: joined(parts) });
    }
  }
  map.pgmaps = pgmaps;
}

/** The pieces of a range in the copy that begins at `start`; those past the end of the map are cut. */
function partsOf(range: PgmapRange, pieces: readonly Piece[], start: number, slots: number): Piece[] {
  return pieces.flatMap(({ source, target, count }) => {
    const from = Math.max(range.start, source);
    const at = start + target + from - source;
    const pages = Math.min(Math.min(range.end, source + count) - from, slots - at);
    return pages > 0 ? [{ source: from, target: at, count: pages }] : [];
  });
}

/** Lets device pages name the copy's pgmap, and empty lists in an altmap's own pages lead to the copy's page. */
function nameAnew(map: Vmemmap, { source, target, count }: Piece, was: bigint, is: bigint): void {
  const bytes = new Uint8Array(count * SLOT_BYTES);
  map.readSlots(target, bytes);
  const words = new BigUint64Array(bytes.buffer);
  const distance = BigInt((target - source) * SLOT_BYTES);
  let emptyList = map.vmemmapBase + BigInt(source * SLOT_BYTES + 8);
  for (let at = 1; at < words.length; at += SLOT_BYTES / 8, emptyList += BigInt(SLOT_BYTES)) {
    const word = words[at]!;
    if (word === was) words[at] = is;
    else if (word === emptyList) words[at] = word + distance;
  }
  map.writeSlots(target, bytes);
}

function joined(parts: readonly Piece[]): PgmapRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const { target, count } of parts) {
    const last = ranges.at(-1);
    if (last?.end === target) last.end += count;
    else ranges.push({ start: target, end: target + count });
  }
  return ranges;
}

/** Moves every pointer to a head by a number of pages. The word is 64 bits at +8 of a slot, bit 0 set in a tail. */
export function moveHeads(slots: Uint8Array, pages: number): void {
  const words = new Uint32Array(slots.buffer, slots.byteOffset, slots.byteLength / 4);
  const distance = BigInt(pages * SLOT_BYTES);
  const low = Number(BigInt.asUintN(32, distance));
  const high = Number(BigInt.asUintN(32, distance >> 32n));
  for (let at = 2; at < words.length; at += SLOT_BYTES / 4) {
    if ((words[at]! & 1) === 0) continue;
    const sum = words[at]! + low;
    words[at] = sum; // keeps the low 32 bits
    words[at + 1] = words[at + 1]! + high + (sum > 0xffffffff ? 1 : 0);
  }
}

/** Where each present stretch of PFNs goes. Throws where a folio of the largest order would lose its alignment. */
function piecesOf(sections: readonly Section[], order: number): Piece[] {
  const pieces: Piece[] = [];
  let target = 0;
  for (const source of sections.flatMap(validPfns)) {
    if ((target - source.start) % 2 ** order !== 0) throw untileable(source.start, order);
    pieces.push({ source: source.start, target, count: source.count });
    target += source.count;
  }
  if (target % 2 ** order !== 0) throw untileable(0, order);
  return pieces;
}

/** The stretches of valid PFNs of a section: one, where all its subsections are valid. */
function validPfns(section: Section): { start: number; count: number }[] {
  const bits = validSubsections(section);
  const runs: { start: number; count: number }[] = [];
  for (let bit = 0; bit < PAGES_PER_SECTION / PAGES_PER_SUBSECTION; bit++) {
    if (((bits >> BigInt(bit)) & 1n) === 0n) continue;
    const start = section.number * PAGES_PER_SECTION + bit * PAGES_PER_SUBSECTION;
    const last = runs.at(-1);
    if (last !== undefined && last.start + last.count === start) last.count += PAGES_PER_SUBSECTION;
    else runs.push({ start, count: PAGES_PER_SUBSECTION });
  }
  return runs;
}

function untileable(pfn: number, order: number): VmemmapError {
  return new VmemmapError(
    "bad-argument",
    `the map can't be tiled: from PFN ${pfn} on, folios of order ${order} would lose their alignment`,
  );
}

function largestOrder(image: Vmemmap): number {
  return image.foliosByOrder().reduce((largest, count, order) => (count > 0 ? order : largest), 0);
}
