/** The picture of a map: one cell of a Hilbert curve for so many pages, in the colour of what most of them are, and a legend. */
import { Canvas, type Colour, textHeight, textWidth } from "./canvas.js";
import { hilbertCell } from "./hilbert.js";

/** What pages can be: a category is a number below 256, and this is the one that it stands for. */
export interface Category {
  readonly name: string;
  readonly colour: Colour;
}

export interface PictureOptions {
  readonly categories: readonly Category[];
  /** A page's category each, in the order of the curve; 255 for pages that are not shown. */
  readonly pages: Uint8Array;
  /** Lines over the picture. */
  readonly title: readonly string[];
  /** Pixels of the square's side, at most. @default 1024 */
  readonly side?: number;
}

/** What a picture shows, beside its pixels. */
export interface Picture {
  readonly canvas: Canvas;
  /** Pages in each cell. */
  readonly pagesPerCell: number;
  /** Cells along a side of the square. */
  readonly cells: number;
}

const BACKGROUND: Colour = [18, 18, 24];
const INK: Colour = [222, 222, 228];
const DIM: Colour = [140, 140, 150];
const NOT_SHOWN = 255;
const DEFAULT_SIDE = 1024;
const SCALE = 2;
const MARGIN = 16;
const LINE = 22;
const SWATCH = 14;

/** Cells of a square that hold `pages` at `side` cells at most, and the pages in each: both powers of two. */
export function gridFor(pages: number, side: number): { cells: number; pagesPerCell: number } {
  let cells = 1;
  while (cells * 2 <= side && cells * cells < pages) cells *= 2;
  let pagesPerCell = 1;
  while (cells * cells * pagesPerCell < pages) pagesPerCell *= 2;
  return { cells, pagesPerCell };
}

/** The category that most of the pages from `start` on have, the first of those that tie; 255 where none is shown. */
function commonest(pages: Uint8Array, start: number, end: number, counts: Uint32Array): number {
  let best = NOT_SHOWN;
  for (let i = start; i < end; i++) {
    const category = pages[i]!;
    if (category === NOT_SHOWN) continue;
    const count = ++counts[category]!;
    if (best === NOT_SHOWN || count > counts[best]!) best = category;
  }
  for (let i = start; i < end; i++) counts[pages[i]!] = 0;
  return best;
}

export function drawPicture({ categories, pages, title, side = DEFAULT_SIDE }: PictureOptions): Picture {
  const { cells, pagesPerCell } = gridFor(pages.length, side);
  const pixels = Math.max(Math.floor(side / cells), 1);
  const square = cells * pixels;
  const legend = legendOf(categories, pages);
  const legendWidth = SWATCH + 8 + Math.max(...legend.map(({ text }) => textWidth(text, SCALE)), 0);
  const head = [...title, `1 cell = ${pagesPerCell} ${pagesPerCell === 1 ? "page" : "pages"}`];
  const top = MARGIN + head.length * LINE;
  const width = Math.max(square + legendWidth + 3 * MARGIN, ...head.map((line) => textWidth(line, SCALE) + 2 * MARGIN));
  const height = top + Math.max(square, legend.length * LINE) + MARGIN;
  const canvas = new Canvas(width, height, BACKGROUND);

  head.forEach((line, i) => canvas.text(MARGIN, MARGIN + i * LINE, line, i === 0 ? INK : DIM, SCALE));
  const counts = new Uint32Array(256);
  for (let cell = 0; cell * pagesPerCell < pages.length; cell++) {
    const start = cell * pagesPerCell;
    const category = commonest(pages, start, Math.min(start + pagesPerCell, pages.length), counts);
    if (category === NOT_SHOWN) continue;
    const at = hilbertCell(cells, cell);
    const left = MARGIN + (at % cells) * pixels;
    canvas.fill(left, top + Math.floor(at / cells) * pixels, pixels, pixels, categories[category]!.colour);
  }
  legend.forEach(({ text, colour }, i) => {
    const left = square + 2 * MARGIN;
    canvas.fill(left, top + i * LINE, SWATCH, SWATCH, colour);
    canvas.text(left + SWATCH + 8, top + i * LINE + (SWATCH - textHeight(SCALE)) / 2, text, INK, SCALE);
  });
  return { canvas, pagesPerCell, cells };
}

/** The categories that occur, each with its share of the pages, in their own order. */
function legendOf(categories: readonly Category[], pages: Uint8Array): { text: string; colour: Colour }[] {
  const counts = new Uint32Array(256);
  for (const category of pages) counts[category]!++;
  const shown = pages.length - counts[NOT_SHOWN]!;
  const longest = Math.max(...categories.map(({ name }, i) => (counts[i]! > 0 ? name.length : 0)), 0);
  return categories.flatMap(({ name, colour }, i) => {
    const count = counts[i]!;
    if (count === 0) return [];
    const share = ((100 * count) / shown).toFixed(1).padStart(5);
    return [{ text: `${name.padEnd(longest)} ${share}% ${sizeOf(count).padStart(8)}`, colour }];
  });
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
