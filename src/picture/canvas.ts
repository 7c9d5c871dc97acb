import { glyph, GLYPH_HEIGHT, GLYPH_WIDTH } from "./glyphs.js";

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number];

/** Dots from one letter to the next. */
const ADVANCE = GLYPH_WIDTH + 1;

/** A picture of `width` by `height` pixels, three bytes each. */
export class Canvas {
  readonly data: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
    background: Colour,
  ) {
    this.data = new Uint8Array(width * height * 3);
    this.fill(0, 0, width, height, background);
  }

  /** A rectangle, cut at the edges. */
  fill(left: number, top: number, width: number, height: number, [red, green, blue]: Colour): void {
    for (let y = Math.max(top, 0); y < Math.min(top + height, this.height); y++) {
      for (let x = Math.max(left, 0); x < Math.min(left + width, this.width); x++) {
        const at = (y * this.width + x) * 3;
        this.data[at] = red;
        this.data[at + 1] = green;
        this.data[at + 2] = blue;
      }
    }
  }

  /** A rectangle with lines across, 2 pixels in 8. */
  hatch(left: number, top: number, width: number, height: number, background: Colour, line: Colour): void {
    this.fill(left, top, width, height, background);
    for (let y = top; y < top + height; y++)
      for (let x = left + ((8 - ((left + y) % 8)) % 8) - 8; x < left + width; x += 8) {
        const from = Math.max(x, left);
        this.fill(from, y, Math.min(x + 2, left + width) - from, 1, line);
      }
  }

  /** A line of text, its dots `scale` pixels wide. */
  text(left: number, top: number, text: string, colour: Colour, scale: number): void {
    Array.from(text).forEach((letter, i) => {
      glyph(letter).forEach((row, y) => {
        for (let x = 0; x < GLYPH_WIDTH; x++) {
          if (((row >> (GLYPH_WIDTH - 1 - x)) & 1) === 0) continue;
          this.fill(left + (i * ADVANCE + x) * scale, top + y * scale, scale, scale, colour);
        }
      });
    });
  }
}

/** Pixels that a line of text takes. */
export function textWidth(text: string, scale: number): number {
  return Array.from(text).length * ADVANCE * scale;
}

export function textHeight(scale: number): number {
  return GLYPH_HEIGHT * scale;
}
