import { GRID, LIMIT, MUTED, picture, px, text, type Titles } from "./svg.js";

/** Grouped bars from zero, with a line to compare them by, in one panel or several, as SVG. */
export interface BarChart extends Titles {
  readonly series: readonly BarSeries[];
  readonly panels: readonly Panel[];
  readonly xLabel: string;
  readonly yLabel: string;
  readonly formatY: (value: number) => string;
  /** The value that all others are held against, if there is one. */
  readonly baseline: number | null;
}

/** What the bars of one colour are. */
export interface BarSeries {
  readonly name: string;
  readonly colour: string;
}

export interface Panel {
  readonly title: string;
  /** Small print below the panel's title. */
  readonly note: string;
  readonly groups: readonly Group[];
}

/** Bars side by side. */
export interface Group {
  readonly label: string;
  /** A second line below the label. */
  readonly note: string;
  /** One value for each series; null where there is none. */
  readonly values: readonly (number | null)[];
}

/** Where a panel's bars stand. */
interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type Scale = (value: number) => number;

const WIDTH = 1240;
const MARGIN = { left: 84, right: 28, top: 166, bottom: 40 };
const PANELS_PER_ROW = 2;
const PANEL = { gap: 52, height: 330, titleHeight: 58, labelHeight: 68 };
const LEGEND_TOP = 134;
/** The share of a group's width that its bars fill. */
const FILLED = 0.9;
const WIDEST_BAR = 48;
/** Bars closer than this have their values upright. */
const NARROW = 29;
/** Room above the highest bar, for its value. */
const HEADROOM = 1.1;
const TICKS = 8;

export function renderBars(chart: BarChart): string {
  const { series, panels } = chart;
  const columns = Math.min(PANELS_PER_ROW, panels.length);
  const rowHeight = PANEL.titleHeight + PANEL.height + PANEL.labelHeight;
  const width = (WIDTH - MARGIN.left - MARGIN.right - PANEL.gap * (columns - 1)) / columns;
  const height = MARGIN.top + rowHeight * Math.ceil(panels.length / columns) + MARGIN.bottom;
  const values = panels.flatMap(({ groups }) => groups.flatMap(({ values }) => values)).map((value) => value ?? 0);
  const ticks = linearTicks(HEADROOM * Math.max(chart.baseline ?? 0, ...values));
  const parts = panels.flatMap((panel, i) => {
    const left = MARGIN.left + (i % columns) * (width + PANEL.gap);
    const top = MARGIN.top + Math.floor(i / columns) * rowHeight + PANEL.titleHeight;
    return renderPanel(chart, panel, { left, right: left + width, top, bottom: top + PANEL.height }, ticks);
  });
  const middle = (MARGIN.top + height - MARGIN.bottom) / 2;
  const yLabel = text(0, 0, chart.yLabel, { size: 13, fill: MUTED, anchor: "middle" });
  return picture(chart, WIDTH, height, [
    ...legend(series),
    ...parts,
    `<g transform="translate(${MARGIN.left - 52} ${px(middle)}) rotate(-90)">${yLabel}</g>`,
  ]);
}

function legend(series: readonly BarSeries[]): string[] {
  let x = 24;
  return series.flatMap(({ name, colour }) => {
    const at = x;
    x += 24 + name.length * 8 + 22;
    return [
      `<rect x="${px(at)}" y="${LEGEND_TOP}" width="16" height="14" fill="${colour}"/>`,
      text(at + 23, LEGEND_TOP + 12, name, { size: 14 }),
    ];
  });
}

function renderPanel(chart: BarChart, panel: Panel, frame: Frame, ticks: readonly number[]): string[] {
  const { left, right, top, bottom } = frame;
  const y: Scale = (value) => bottom - (value / ticks.at(-1)!) * (bottom - top);
  const groupWidth = (right - left) / panel.groups.length;
  return [
    text(left, top - 34, panel.title, { size: 16, weight: 600 }),
    text(left, top - 15, panel.note, { size: 12.5, fill: MUTED }),
    ...ticks.flatMap((tick) => [
      `<line x1="${px(left)}" x2="${px(right)}" y1="${px(y(tick))}" y2="${px(y(tick))}" stroke="${GRID}"/>`,
      text(left - 9, y(tick) + 4.5, chart.formatY(tick), { size: 12.5, anchor: "end" }),
    ]),
    ...panel.groups.flatMap((group, i) => {
      const middle = left + (i + 0.5) * groupWidth;
      return [...barsOf(chart, group, middle, groupWidth, y), ...groupLabels(group, middle, bottom)];
    }),
    ...(chart.baseline === null ? [] : [baseline(frame, y(chart.baseline))]),
    ...panel.groups.flatMap((group, i) => valuesOf(chart, group, left + (i + 0.5) * groupWidth, groupWidth, y)),
    text((left + right) / 2, bottom + 56, chart.xLabel, { size: 13, fill: MUTED, anchor: "middle" }),
  ];
}

/** Where a group's bars stand: from the left, one each pitch. */
function placesOf({ values }: Group, middle: number, width: number): { first: number; pitch: number } {
  const pitch = Math.min((width * FILLED) / values.length, WIDEST_BAR);
  return { first: middle - (pitch * values.length) / 2, pitch };
}

function barsOf({ series }: BarChart, group: Group, middle: number, width: number, y: Scale): string[] {
  const { first, pitch } = placesOf(group, middle, width);
  return group.values.flatMap((value, i) => {
    if (value === null) return [];
    const top = y(value);
    const size = `width="${px(pitch - 2)}" height="${px(y(0) - top)}"`;
    return [`<rect x="${px(first + i * pitch + 1)}" y="${px(top)}" ${size} fill="${series[i]!.colour}"/>`];
  });
}

function valuesOf({ formatY }: BarChart, group: Group, middle: number, width: number, y: Scale): string[] {
  const { first, pitch } = placesOf(group, middle, width);
  return group.values.flatMap((value, i) => {
    if (value === null) return [];
    const [x, top] = [first + (i + 0.5) * pitch, y(value) - 5];
    if (pitch >= NARROW) return [text(x, top, formatY(value), { size: 11.5, anchor: "middle", halo: true })];
    const upright = text(0, 0, formatY(value), { size: 11.5, halo: true });
    return [`<g transform="translate(${px(x + 4)} ${px(top)}) rotate(-90)">${upright}</g>`];
  });
}

function groupLabels({ label, note }: Group, middle: number, bottom: number): string[] {
  return [
    text(middle, bottom + 19, label, { size: 13, anchor: "middle" }),
    text(middle, bottom + 35, note, { size: 11.5, fill: MUTED, anchor: "middle" }),
  ];
}

/** Over the bars, so that it shows where they end short of it and where they pass it. */
function baseline({ left, right }: Frame, y: number): string {
  return `<line x1="${px(left)}" x2="${px(right)}" y1="${px(y)}" y2="${px(y)}" stroke="${LIMIT}" stroke-width="1.5" stroke-dasharray="6 4"/>`;
}

/** Round steps from 0 to at least `max`, at most {@link TICKS} of them above 0. */
export function linearTicks(max: number): number[] {
  const power = 10 ** Math.floor(Math.log10(max / TICKS));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * TICKS >= max)!;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}
