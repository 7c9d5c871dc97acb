import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { PAGE_KINDS } from "../../../src/kinds.js";
import { Canvas, type Colour } from "../../../src/picture/canvas.js";
import { FREE_COLOUR, freeOrderColour, KIND_COLOURS, orderColour } from "../../../src/picture/colours.js";
import { glyph } from "../../../src/picture/glyphs.js";
import { hilbertCell } from "../../../src/picture/hilbert.js";
import { gridFor, Layout } from "../../../src/picture/layout.js";
import { drawPicture, type PictureOptions, sizeOf } from "../../../src/picture/picture.js";
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

/** A picture of pages from PFN 0 on, if not said otherwise. */
const draw = (pages: Uint8Array, options: Partial<PictureOptions> = {}) =>
  drawPicture({ categories: CATEGORIES, ranges: [{ start: 0, count: pages.length }], pages, title: [], ...options });

/** Of small pictures, whose letters have dots of one pixel. */
const SWATCH = 7 * 7;

describe("a picture", () => {
  it("gives a cell the colour of most of its pages", () => {
    const pages = new Uint8Array(64 * 64).fill(1, 0, 2048);
    // Half of the first cell's sixteen pages and one more.
    pages.fill(0, 0, 9);
    const { canvas, pagesPerCell } = draw(pages, { side: 16 });
    expect(pagesPerCell).toBe(16);
    expect(pixelsOf(canvas, BLUE)).toBe(127 + SWATCH);
    expect(pixelsOf(canvas, RED)).toBe(129 + SWATCH);
  });

  it("hatches what is no memory, and names it in the legend with its size", () => {
    const pages = new Uint8Array(16).fill(255, 4);
    const { canvas, cells } = draw(pages, { side: 64 });
    expect(cells).toBe(4);
    expect(pixelsOf(canvas, RED)).toBe(4 * 16 * 16 + SWATCH);
    const hatched = pixelsOf(canvas, [176, 176, 186]);
    expect(hatched).toBeGreaterThan((12 * 16 * 16) / 5);
    expect(hatched).toBeLessThan((12 * 16 * 16) / 3);
    expect(canvas.width).toBe(draw(pages.fill(0), { side: 64 }).canvas.width);
  });

  it("names in its legend what occurs, and nothing else", () => {
    expect(pixelsOf(draw(new Uint8Array(16), { side: 4 }).canvas, BLUE)).toBe(0);
  });

  it("has frames and letters at its marks, which hide no marked page", () => {
    const pages = new Uint8Array(64 * 64);
    pages[100] = pages[4095] = 1;
    const without = draw(pages, { side: 64 }).canvas;
    const { canvas } = draw(pages, { side: 64, marks: [100, 4095] });
    expect(pixelsOf(canvas, [0, 0, 0])).toBeGreaterThan(100);
    expect(pixelsOf(without, [0, 0, 0])).toBe(0);
    expect(pixelsOf(canvas, BLUE)).toBe(pixelsOf(without, BLUE));
  });

  it("puts marks where their PFNs are along the curve", () => {
    const pages = new Uint8Array(64 * 64);
    const ranges = [
      { start: 32768, count: 2048 },
      { start: 98304, count: 2048 },
    ];
    const by = (pfn: number) =>
      draw(pages, { side: 64, ranges, marks: [pfn], categories: [{ name: "", colour: RED }] });
    const straight = draw(pages, { side: 64, marks: [2048 + 77], categories: [{ name: "", colour: RED }] });
    const places = (picture: { canvas: Canvas }) => {
      const { data, width } = picture.canvas;
      const dark: string[] = [];
      for (let at = 0; at < data.length; at += 3) {
        const [x, y] = [(at / 3) % width, Math.floor(at / 3 / width)];
        if (x < 72 && data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 0) dark.push(`${x},${y}`);
      }
      return dark;
    };
    expect(places(by(98304 + 77))).toEqual(places(straight));
  });

  it("is as small as one page, or as large as asked for", () => {
    expect(draw(new Uint8Array(1), { side: 16, marks: [0] }).cells).toBe(1);
    expect(draw(new Uint8Array(1024), { side: 2048 }).canvas.width).toBeGreaterThan(2048);
  });

  it("is a PNG of the same pixels", async () => {
    const { canvas } = draw(new Uint8Array(64).fill(1, 32), { title: ["a map"] });
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

describe("the layout", () => {
  it("sets 16 squares apart at 1024 pixels, so that no two cells meet", () => {
    const layout = new Layout(512 * 512, 1024);
    expect([layout.squares.length, layout.squarePixels, layout.pagesPerSquare]).toEqual([16, 256, 128 * 128]);
    const spots = Array.from({ length: 512 * 512 }, (_, cell) => layout.spotOf(cell));
    expect(new Set(spots.map(({ left, top }) => top * 65536 + left)).size).toBe(512 * 512);
    expect(Math.max(...spots.slice(0, 128 * 128).map(({ left }) => left))).toBe(254);
    expect(layout.width).toBeGreaterThan(1024);
  });

  it("ends with the squares that have pages", () => {
    const half = new Layout(2 ** 17, 512);
    const whole = new Layout(2 ** 18, 512);
    expect([half.squares.length, half.width]).toEqual([2, half.squarePixels]);
    expect(half.height).toBe(whole.height);
  });

  it.each([16, 64, 200])("keeps one square where %i pixels have no room for labels", (side) => {
    expect(new Layout(2 ** 18, side).squares).toHaveLength(1);
  });
});

/** CIE Lab of an sRGB colour, as seen through a matrix of linear light (Machado, Oliveira and Fernandes 2009). */
function labOf(colour: Colour, matrix: readonly number[] | null): number[] {
  const linear = colour.map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const times = (m: readonly number[], v: readonly number[]) =>
    [0, 1, 2].map((row) => m[3 * row]! * v[0]! + m[3 * row + 1]! * v[1]! + m[3 * row + 2]! * v[2]!);
  const seen = (matrix === null ? linear : times(matrix, linear)).map((c) => Math.min(Math.max(c, 0), 1));
  const xyz = times([0.4124, 0.3576, 0.1805, 0.2126, 0.7152, 0.0722, 0.0193, 0.1192, 0.9505], seen);
  const [x, y, z] = [xyz[0]! / 0.9505, xyz[1]!, xyz[2]! / 1.089].map((t) =>
    t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116,
  ) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

describe("colours and letters", () => {
  it("differ for every kind", () => {
    expect(new Set(PAGE_KINDS.map((kind) => KIND_COLOURS[kind].join())).size).toBe(PAGE_KINDS.length);
  });

  it("differ for every order up to 1 GiB", () => {
    expect(new Set(Array.from({ length: 19 }, (_, order) => orderColour(order).join())).size).toBe(19);
    expect(orderColour(22)).toEqual(orderColour(18));
  });

  it("tell free blocks from folios in use, by their blue", () => {
    for (let order = 0; order <= 10; order++) {
      const [red, , blue] = freeOrderColour(order);
      expect(blue).toBeGreaterThan(red);
      expect(orderColour(order)[0]).toBeGreaterThan(orderColour(order)[2]);
    }
  });

  it("get darker with the order, so that the scale reads without hue", () => {
    const lightness = ([red, green, blue]: Colour) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    for (let order = 1; order <= 18; order++)
      expect(lightness(orderColour(order))).toBeLessThan(lightness(orderColour(order - 1)));
    for (let order = 1; order <= 10; order++)
      expect(lightness(freeOrderColour(order))).toBeLessThan(lightness(freeOrderColour(order - 1)));
  });

  it.each([
    ["all colours", null],
    ["no red cones", [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998]],
    ["no green cones", [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881]],
  ] as const)("of common kinds are told apart by readers with %s", (_what, matrix) => {
    const common = ["free", "pgtable", "hugetlb", "slab", "anon", "shmem", "file", "reserved", "other"] as const;
    const colours = [...common, "device-fsdax", "device-generic", "offline"].map(
      (kind) => [kind, labOf(KIND_COLOURS[kind as (typeof common)[number]], matrix)] as const,
    );
    for (const [i, [name, a]] of colours.entries()) {
      for (const [other, b] of colours.slice(i + 1)) {
        const distance = Math.hypot(...a.map((value, k) => value - b[k]!));
        expect(distance, `${name} and ${other}`).toBeGreaterThan(9);
      }
    }
  });

  it("leave free memory of unknown order in the colour of free memory", () => {
    expect(FREE_COLOUR).toEqual(KIND_COLOURS.free);
  });

  it("are there for every letter of a kind's name", () => {
    const unknown = glyph("?").join();
    const letters = new Set(PAGE_KINDS.join("") + "free, order 0123456789.% KiBMGT(;:)");
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
