import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { PAGE_KINDS } from "../../../src/kinds.js";
import { Canvas, type Colour } from "../../../src/picture/canvas.js";
import { KIND_COLOURS, orderColour } from "../../../src/picture/colours.js";
import { glyph } from "../../../src/picture/glyphs.js";
import { hilbertCell } from "../../../src/picture/hilbert.js";
import { drawPicture, gridFor, sizeOf } from "../../../src/picture/picture.js";
import { encodePng } from "../../../src/picture/png.js";

const RED: Colour = [255, 0, 0];
const BLUE: Colour = [0, 0, 255];
const CATEGORIES = [
  { name: "red", colour: RED },
  { name: "blue", colour: BLUE },
];

describe("the Hilbert curve", () => {
  it.each([1, 2, 4, 32])("visits every cell of a square of %i once, each beside the last", (side) => {
    const cells = Array.from({ length: side * side }, (_, i) => hilbertCell(side, i));
    expect(new Set(cells).size).toBe(side * side);
    expect(cells.every((cell) => cell >= 0 && cell < side * side)).toBe(true);
    for (let i = 1; i < cells.length; i++) {
      const steps =
        Math.abs((cells[i]! % side) - (cells[i - 1]! % side)) +
        Math.abs(Math.floor(cells[i]! / side) - Math.floor(cells[i - 1]! / side));
      expect(steps).toBe(1);
    }
  });

  it("keeps an aligned run of 4^k pages in a square of its own", () => {
    const side = 64;
    const cells = Array.from({ length: 256 }, (_, i) => hilbertCell(side, 5 * 256 + i));
    const xs = cells.map((cell) => cell % side);
    const ys = cells.map((cell) => Math.floor(cell / side));
    expect(Math.max(...xs) - Math.min(...xs)).toBe(15);
    expect(Math.max(...ys) - Math.min(...ys)).toBe(15);
  });
});

describe("the grid", () => {
  it.each([
    [262144, 1024, 512, 1],
    [229376, 1024, 512, 1],
    [1048576, 1024, 1024, 1],
    [2 ** 24, 1024, 1024, 16],
    [2 ** 24 + 1, 1024, 1024, 32],
    [1, 1024, 1, 1],
  ])("of %i pages in %i pixels is %i cells wide, %i pages each", (pages, side, cells, pagesPerCell) => {
    expect(gridFor(pages, side)).toEqual({ cells, pagesPerCell });
  });
});

function pixel(canvas: Canvas, x: number, y: number): number[] {
  return Array.from(canvas.data.subarray((y * canvas.width + x) * 3, (y * canvas.width + x) * 3 + 3));
}

/** How many pixels of the picture have a colour. */
function pixelsOf(canvas: Canvas, [red, green, blue]: Colour): number {
  let count = 0;
  for (let at = 0; at < canvas.data.length; at += 3) {
    if (canvas.data[at] === red && canvas.data[at + 1] === green && canvas.data[at + 2] === blue) count++;
  }
  return count;
}

describe("a picture", () => {
  it("gives a cell the colour of most of its pages", () => {
    const pages = new Uint8Array(64 * 64).fill(1, 0, 2048);
    // Half of the first cell's sixteen pages and one more.
    pages.fill(0, 0, 9);
    const { canvas, pagesPerCell } = drawPicture({ categories: CATEGORIES, pages, title: [], side: 16 });
    expect(pagesPerCell).toBe(16);
    const legend = 14 * 14;
    expect(pixelsOf(canvas, BLUE)).toBe(127 + legend);
    expect(pixelsOf(canvas, RED)).toBe(129 + legend);
  });

  it("leaves pages that are not shown in the background's colour", () => {
    const pages = new Uint8Array(16).fill(255, 4);
    const { canvas, cells } = drawPicture({ categories: CATEGORIES, pages, title: [], side: 4 });
    expect(cells).toBe(4);
    expect(pixelsOf(canvas, RED)).toBe(4 + 14 * 14);
  });

  it("names in its legend what occurs, and nothing else", () => {
    const without = drawPicture({ categories: CATEGORIES, pages: new Uint8Array(16), title: [], side: 4 });
    expect(pixelsOf(without.canvas, BLUE)).toBe(0);
  });

  it("is a PNG of the same pixels", async () => {
    const { canvas } = drawPicture({ categories: CATEGORIES, pages: new Uint8Array(64).fill(1, 32), title: ["a map"] });
    const png = decode(await encodePng(canvas));
    expect([png.width, png.height, png.channels, png.depth]).toEqual([canvas.width, canvas.height, 3, 8]);
    expect(Buffer.from(png.data.buffer).equals(canvas.data)).toBe(true);
  });

  it("cuts what leaves the canvas", () => {
    const canvas = new Canvas(4, 4, BLUE);
    canvas.fill(-2, 3, 4, 9, RED);
    expect([pixel(canvas, 1, 3), pixel(canvas, 2, 3)]).toEqual([[...RED], [...BLUE]]);
    expect(pixelsOf(canvas, RED)).toBe(2);
  });
});

describe("colours and letters", () => {
  it("differ for every kind", () => {
    expect(new Set(PAGE_KINDS.map((kind) => KIND_COLOURS[kind].join())).size).toBe(PAGE_KINDS.length);
  });

  it("differ for every order up to 1 GiB", () => {
    expect(new Set(Array.from({ length: 19 }, (_, order) => orderColour(order).join())).size).toBe(19);
    expect(orderColour(22)).toEqual(orderColour(18));
  });

  it("are there for every letter of a kind's name", () => {
    const unknown = glyph("?").join();
    const letters = new Set(PAGE_KINDS.join("") + "order 0123456789.% KiBMGT");
    expect([...letters].filter((letter) => glyph(letter).join() === unknown)).toEqual([]);
  });
});

describe("sizes", () => {
  it.each([
    [1, "4 KiB"],
    [512, "2 MiB"],
    [129, "516 KiB"],
    [400, "1.6 MiB"],
    [262144, "1 GiB"],
    [2 ** 28 * 3, "3 TiB"],
  ])("of %i pages read %s", (pages, text) => {
    expect(sizeOf(pages)).toBe(text);
  });
});
