/** Where cells stand: the curve's largest squares apart, each below the address at which it begins. */
import { hilbertCell } from "./hilbert.js";

/** Cells of a square that hold `pages` at `side` cells at most, and the pages in each: both powers of two. */
export function gridFor(pages: number, side: number): { cells: number; pagesPerCell: number } {
  let cells = 1;
  while (cells * 2 <= side && cells * cells < pages) cells *= 2;
  let pagesPerCell = 1;
  while (cells * cells * pagesPerCell < pages) pagesPerCell *= 2;
  return { cells, pagesPerCell };
}

/** Pixels from the picture's corner. */
export interface Spot {
  readonly left: number;
  readonly top: number;
}

/** Letters of a label, at most: "1048448 MiB". */
const LABEL_LETTERS = 11;
const LETTER = 6;
const LABEL_ROWS = 14;
const MAX_SPLITS = 3;

/** Pixels of a letter's dot: letters stay legible where the picture is shrunk to a screen. */
function scaleFor(pixels: number): number {
  return pixels < 400 ? 1 : Math.max(2, Math.round(pixels / 680));
}

export class Layout {
  /** Along a side of the whole curve. */
  readonly cells: number;
  readonly pagesPerCell: number;
  /** Pixels along a side of a cell. */
  readonly cellPixels: number;
  /** Pixels of a letter's dot. */
  readonly scale: number;
  /** Pixels along a side of one of the squares that stand apart. */
  readonly squarePixels: number;
  /** Pages in each of them. */
  readonly pagesPerSquare: number;
  /** Pixels above a square: for its label, and for the frame of a mark at its edge. */
  readonly strip: number;
  /** Corners of those that have pages, along the curve. */
  readonly squares: readonly Spot[];
  readonly width: number;
  readonly height: number;
  readonly #squareCells: number;

  /** `side`: pixels of the curve's own, at most; what stands between its squares comes on top. */
  constructor(pages: number, side: number) {
    const { cells, pagesPerCell } = gridFor(pages, side);
    this.cells = cells;
    this.pagesPerCell = pagesPerCell;
    this.cellPixels = Math.max(Math.floor(side / cells), 1);
    const pixels = cells * this.cellPixels;
    this.scale = scaleFor(pixels);
    this.strip = LABEL_ROWS * this.scale;
    let splits = 0;
    const wanted = LABEL_LETTERS * LETTER * this.scale;
    while (splits < MAX_SPLITS && pixels / 2 ** (splits + 1) >= wanted && 2 ** (splits + 1) <= cells) splits++;
    this.#squareCells = cells / 2 ** splits;
    this.squarePixels = pixels / 2 ** splits;
    this.pagesPerSquare = this.#squareCells ** 2 * pagesPerCell;
    const used = Math.max(Math.ceil(pages / this.pagesPerSquare), 1);
    this.squares = Array.from({ length: used }, (_, i) => this.spotOf(i * this.#squareCells ** 2, true));
    this.width = Math.max(...this.squares.map(({ left }) => left)) + this.squarePixels;
    this.height = Math.max(...this.squares.map(({ top }) => top)) + this.squarePixels;
  }

  /** The corner of a cell along the curve, or of the square that it is in. */
  spotOf(cell: number, ofSquare = false): Spot {
    const at = hilbertCell(this.cells, cell);
    const place = (cells: number, before: number, gap: number) => {
      const square = Math.floor(cells / this.#squareCells);
      const within = ofSquare ? 0 : (cells % this.#squareCells) * this.cellPixels;
      return before + square * (this.squarePixels + gap) + within;
    };
    return {
      left: place(at % this.cells, 0, 4 * this.scale),
      top: place(Math.floor(at / this.cells), this.strip, this.strip),
    };
  }
}
