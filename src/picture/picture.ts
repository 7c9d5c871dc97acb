/** The picture of a map: one cell of a Hilbert curve for so many pages, in the colour of what most of them are, and a legend. */
import type { PfnRange } from "../types.js";
import { Canvas, type Colour, textHeight, textWidth } from "./canvas.js";
import { Layout } from "./layout.js";
import { drawMarks, markLetter } from "./marks.js";

/** What pages can be: a category is a number below 256, and this is the one that it stands for. */
export interface Category {
  readonly name: string;
  readonly colour: Colour;
}

export interface PictureOptions {
  readonly categories: readonly Category[];
  /** PFNs along the curve; what lies between them is left out. */
  readonly ranges: readonly PfnRange[];
  /** A page's category each, in the order of the ranges; 255 where there is no memory. */
  readonly pages: Uint8Array;
  /** Lines over the picture. */
  readonly title: readonly string[];
  /** PFNs, in one of the ranges each. */
  readonly marks?: readonly number[];
  /** Pixels of the curve's side, at most. @default 1024 */
  readonly side?: number;
}

/** What a picture shows, beside its pixels. */
export interface Picture {
  readonly canvas: Canvas;
  /** Pages in each cell. */
  readonly pagesPerCell: number;
  /** Cells along a side of the curve's square. */
  readonly cells: number;
}

const BACKGROUND: Colour = [255, 255, 255];
const INK: Colour = [24, 24, 32];
const DIM: Colour = [96, 96, 108];
const LINE_COLOUR: Colour = [150, 150, 160];
const HATCH: Colour = [176, 176, 186];
export const NO_MEMORY = 255;
const DEFAULT_SIDE = 1024;
/** In dots of letters, as all of these. */
const MARGIN = 8;
const LINE = 11;
const SWATCH = 7;

/** The category that most of the pages from `start` on have, the first of those that tie; 255 where none has any. */
function commonest(pages: Uint8Array, start: number, end: number, counts: Uint32Array): number {
  let best = NO_MEMORY;
  for (let i = start; i < end; i++) {
    const category = pages[i]!;
    if (category === NO_MEMORY) continue;
    const count = ++counts[category]!;
    if (best === NO_MEMORY || count > counts[best]!) best = category;
  }
  for (let i = start; i < end; i++) counts[pages[i]!] = 0;
  return best;
}

export function drawPicture(options: PictureOptions): Picture {
  const { categories, ranges, pages, title, marks = [], side = DEFAULT_SIDE } = options;
  const layout = new Layout(pages.length, side);
  const { scale, cellPixels, cells, pagesPerCell } = layout;
  const margin = MARGIN * scale;
  const line = LINE * scale;
  const swatch = SWATCH * scale;
  const legend = [
    ...legendOf(categories, pages),
    ...(marks.length === 0 ? [] : [{ text: "" }]),
    ...marks.map((pfn, i) => ({
      text: markText(pfn, categories[pages[indexOf(ranges, pfn)]!]),
      letter: markLetter(i),
    })),
  ];
  const legendWidth = 2 * swatch + Math.max(...legend.map(({ text }) => textWidth(text, scale)), 0);
  const head = [...title, scaleText(layout)];
  const top = margin + head.length * line;
  const bodyHeight = Math.max(layout.height, layout.strip + legend.length * line);
  const width = Math.max(
    layout.width + legendWidth + 3 * margin,
    ...head.map((text) => textWidth(text, scale) + 2 * margin),
  );
  const canvas = new Canvas(width, top + bodyHeight + margin, BACKGROUND);
  head.forEach((text, i) => canvas.text(margin, margin + i * line, text, i === 0 ? INK : DIM, scale));

  layout.squares.forEach((square, i) => {
    const left = margin + square.left;
    const { squarePixels: size } = layout;
    canvas.fill(left - 1, top + square.top - 1, size + 2, size + 2, LINE_COLOUR);
    canvas.hatch(left, top + square.top, size, size, BACKGROUND, HATCH);
    const text = labelOf(
      ranges,
      i * layout.pagesPerSquare,
      layout.pagesPerSquare,
      Math.floor(size / textWidth("0", scale)),
    );
    canvas.text(left, top + square.top - 11 * scale, text, INK, scale);
  });
  const counts = new Uint32Array(256);
  for (let cell = 0; cell * pagesPerCell < pages.length; cell++) {
    const start = cell * pagesPerCell;
    const category = commonest(pages, start, Math.min(start + pagesPerCell, pages.length), counts);
    if (category === NO_MEMORY) continue;
    const spot = layout.spotOf(cell);
    canvas.fill(margin + spot.left, top + spot.top, cellPixels, cellPixels, categories[category]!.colour);
  }
  const spots = marks.map((pfn) => {
    const spot = layout.spotOf(Math.floor(indexOf(ranges, pfn) / pagesPerCell));
    return { left: margin + spot.left, top: top + spot.top };
  });
  const within = { left: margin, top, right: margin + layout.width, bottom: top + layout.height };
  drawMarks(canvas, spots, { scale, cellPixels, within });

  legend.forEach(({ text, colour, letter }: Entry, i) => {
    const left = layout.width + 2 * margin;
    const at = top + layout.strip + i * line;
    if (colour !== undefined || letter !== undefined) {
      canvas.fill(left - 1, at - 1, swatch + 2, swatch + 2, LINE_COLOUR);
      if (letter !== undefined) {
        canvas.fill(left - 1, at - 1, swatch + 2, textHeight(scale) + 2, [0, 0, 0]);
        canvas.text(left + scale, at, letter, BACKGROUND, scale);
      } else if (colour === "hatch") canvas.hatch(left, at, swatch, swatch, BACKGROUND, HATCH);
      else canvas.fill(left, at, swatch, swatch, colour!);
    }
    canvas.text(left + 2 * swatch, at, text, INK, scale);
  });
  return { canvas, pagesPerCell, cells };
}

/** A line of the legend, and what stands before it. */
interface Entry {
  readonly text: string;
  readonly colour?: Colour | "hatch";
  readonly letter?: string;
}

/** The categories that occur, each with its share of the memory, in their own order; then what is no memory. */
function legendOf(categories: readonly Category[], pages: Uint8Array): Entry[] {
  const counts = new Uint32Array(256);
  for (const category of pages) counts[category]!++;
  const none = counts[NO_MEMORY]!;
  const shown = pages.length - none;
  const longest = Math.max("no memory".length, ...categories.map(({ name }, i) => (counts[i]! > 0 ? name.length : 0)));
  const entries = categories.flatMap(({ name, colour }, i): Entry[] => {
    const count = counts[i]!;
    if (count === 0) return [];
    const share = ((100 * count) / shown).toFixed(1).padStart(5);
    return [{ text: `${name.padEnd(longest)} ${share}% ${sizeOf(count).padStart(8)}`, colour }];
  });
  const size = none === 0 ? "" : ` ${" ".repeat(6)} ${sizeOf(none).padStart(8)}`;
  return [...entries, { text: `${"no memory".padEnd(longest)}${size}`.trimEnd(), colour: "hatch" }];
}

/** How much a pixel stands for. */
function scaleText({ pagesPerCell, cellPixels }: Layout): string {
  if (cellPixels > 1) return `1 page (4 KiB) = ${cellPixels} by ${cellPixels} pixels; over a square: where it begins`;
  const pages = pagesPerCell === 1 ? "1 page" : `${pagesPerCell} pages`;
  return `1 pixel = ${pages} (${sizeOf(pagesPerCell)}); over a square: where it begins`;
}

function markText(pfn: number, category: Category | undefined): string {
  return `PFN ${pfn} ${addressOf(pfn)} ${category?.name ?? "no memory"}`;
}

function addressOf(pfn: number): string {
  return `0x${(BigInt(pfn) << 12n).toString(16)}`;
}

/** Place of a PFN along the curve. */
function indexOf(ranges: readonly PfnRange[], pfn: number): number {
  let before = 0;
  for (const { start, count } of ranges) {
    if (start <= pfn && pfn < start + count) return before + pfn - start;
    before += count;
  }
  return -1;
}

/** Where the pages along the curve from `first` on begin in physical memory; and go on behind what is left out, as far as there is room. */
function labelOf(ranges: readonly PfnRange[], first: number, length: number, letters: number): string {
  let text = "";
  let before = 0;
  let end = -1;
  for (const { start, count } of ranges) {
    const from = Math.max(before, first);
    const to = Math.min(before + count, first + length);
    if (from < to && (text === "" || start !== end)) {
      const more = text === "" ? startText(start + from - before) : `${text}, then ${startText(start + from - before)}`;
      if (more.length > letters && text !== "") return text;
      text = more;
    }
    before += count;
    end = start + count;
  }
  return text;
}

/** A physical address in the largest unit that it is a whole number of. */
function startText(pfn: number): string {
  if (pfn === 0) return "0";
  let size = pfn * 4;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; size % 1024 === 0 && unit < units.length - 1; unit++) size /= 1024;
  return `${size} ${units[unit]!}`;
}

/** So many pages of 4 KiB in the largest unit that leaves a whole number before the point. */
export function sizeOf(pages: number): string {
  let size = pages * 4;
  for (const unit of ["KiB", "MiB", "GiB"]) {
    if (size < 1024) return `${digits(size)} ${unit}`;
    size /= 1024;
  }
  return `${digits(size)} TiB`;
}

function digits(size: number): string {
  return size < 100 && !Number.isInteger(size) ? size.toFixed(1) : Math.round(size).toString();
}
