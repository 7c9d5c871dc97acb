/** Marks on single pages: a frame around the cell, and a letter beside it that the legend explains. */
import { type Canvas, type Colour, textHeight, textWidth } from "./canvas.js";
import type { Spot } from "./layout.js";

/** Pixels; the end is exclusive. */
interface Box extends Spot {
  readonly right: number;
  readonly bottom: number;
}

const DARK: Colour = [0, 0, 0];
const LIGHT: Colour = [255, 255, 255];

export interface MarkOptions {
  readonly scale: number;
  readonly cellPixels: number;
  /** Where letters may stand. */
  readonly within: Box;
}

/** Draw marks at cells, lettered from A on; letters give way to each other and to the picture's edge. */
export function drawMarks(canvas: Canvas, cells: readonly Spot[], { scale, cellPixels, within }: MarkOptions): void {
  const frames = cells.map((cell) => frameOf(cell, cellPixels, scale));
  for (const frame of frames) drawFrame(canvas, frame, scale);
  const taken: Box[] = [...frames];
  frames.forEach((frame, i) => {
    const letter = markLetter(i);
    const width = textWidth(letter, scale) + 3 * scale;
    const height = textHeight(scale) + 4 * scale;
    const places = placesBeside(frame, width, height, scale).filter((box) => contains(within, box));
    const box = places.find((place) => !taken.some((other) => other !== frame && meet(place, other))) ?? places[0];
    if (box === undefined) return;
    taken.push(box);
    canvas.fill(box.left, box.top, width, height, LIGHT);
    const border = Math.ceil(scale / 2);
    canvas.fill(box.left + border, box.top + border, width - 2 * border, height - 2 * border, DARK);
    canvas.text(box.left + 2 * scale, box.top + 2 * scale, letter, LIGHT, scale);
  });
}

/** A, B, … */
export function markLetter(i: number): string {
  return String.fromCharCode(65 + i);
}

/** Room around the cell, for a dark and a light line. */
function frameOf({ left, top }: Spot, cellPixels: number, scale: number): Box {
  const room = 4 * scale;
  return {
    left: left - room,
    top: top - room,
    right: left + cellPixels + room,
    bottom: top + cellPixels + room,
  };
}

function drawFrame(canvas: Canvas, { left, top, right, bottom }: Box, scale: number): void {
  for (const [inset, colour] of [
    [0, LIGHT],
    [scale, DARK],
    [2 * scale, LIGHT],
  ] as const) {
    const width = right - left - 2 * inset;
    const height = bottom - top - 2 * inset;
    canvas.fill(left + inset, top + inset, width, scale, colour);
    canvas.fill(left + inset, bottom - inset - scale, width, scale, colour);
    canvas.fill(left + inset, top + inset, scale, height, colour);
    canvas.fill(right - inset - scale, top + inset, scale, height, colour);
  }
}

function placesBeside(frame: Box, width: number, height: number, gap: number): Box[] {
  const rows = [frame.top, frame.bottom + gap, frame.top - height - gap];
  const columns = [frame.right + gap, frame.left - width - gap];
  return rows.flatMap((top) => columns.map((left) => ({ left, top, right: left + width, bottom: top + height })));
}

function contains(outer: Box, inner: Box): boolean {
  return (
    outer.left <= inner.left && outer.top <= inner.top && inner.right <= outer.right && inner.bottom <= outer.bottom
  );
}

function meet(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
