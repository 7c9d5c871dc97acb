import { GRID, INK, LIMIT, MUTED, picture, px, text, type Titles } from "./svg.js";

/** A line chart with two logarithmic axes, as SVG: direct labels at the line ends. */
export interface Chart extends Titles {
  readonly xLabel: string;
  readonly xTicks: readonly Tick[];
  readonly yLabel: string;
  readonly formatY: (value: number) => string;
  readonly series: readonly Series[];
  /** Places on the x axis to mark by a vertical line. */
  readonly marks: readonly Tick[];
  /** Heights on the y axis to mark by a horizontal line. */
  readonly levels: readonly Tick[];
}

export interface Tick {
  readonly at: number;
  readonly label: string;
  /** A second line below the label. */
  readonly note?: string;
}

export interface Series {
  readonly name: string;
  readonly colour: string;
  /** Stroke pattern of SVG, such as "6 4"; a full line without it. */
  readonly dashes?: string;
  /** Drawn stronger than the others. */
  readonly strong?: boolean;
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

const WIDTH = 1040;
const HEIGHT = 640;
const PLOT = { left: 84, right: WIDTH - 196, top: 134, bottom: HEIGHT - 86 };
const LABEL_HEIGHT = 19;

type Scale = (value: number) => number;

export function renderChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  const heights = [...points.map(({ y }) => y), ...chart.levels.map(({ at }) => at)];
  const yTicks = ticks125(Math.min(...heights), Math.max(...heights));
  const x = logScale(chart.xTicks[0]!.at, chart.xTicks.at(-1)!.at, PLOT.left, PLOT.right);
  const y = logScale(yTicks[0]!, yTicks.at(-1)!, PLOT.bottom, PLOT.top);
  return picture(chart, WIDTH, HEIGHT, [
    ...horizontalGrid(yTicks, y, chart),
    ...verticalGrid(chart, x),
    ...chart.marks.flatMap((mark) => verticalMark(mark, x(mark.at))),
    ...chart.levels.flatMap((level) => horizontalMark(level, y(level.at))),
    ...chart.series.flatMap((series) => line(series, x, y)),
    ...endLabels(chart, x, y),
  ]);
}

function horizontalGrid(yTicks: readonly number[], y: Scale, { formatY, yLabel }: Chart): string[] {
  const middle = (PLOT.top + PLOT.bottom) / 2;
  return [
    ...yTicks.flatMap((tick) => [
      `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(y(tick))}" y2="${px(y(tick))}" stroke="${GRID}"/>`,
      text(PLOT.left - 10, y(tick) + 4.5, formatY(tick), { size: 13, anchor: "end" }),
    ]),
    `<g transform="translate(${PLOT.left - 60} ${middle}) rotate(-90)">${text(0, 4, yLabel, { size: 13.5, fill: MUTED, anchor: "middle" })}</g>`,
  ];
}

function verticalGrid({ xTicks, xLabel }: Chart, x: Scale): string[] {
  return [
    ...xTicks.flatMap(({ at, label, note }) => [
      `<line x1="${px(x(at))}" x2="${px(x(at))}" y1="${PLOT.top}" y2="${PLOT.bottom}" stroke="${GRID}"/>`,
      text(x(at), PLOT.bottom + 21, label, { size: 13, anchor: "middle" }),
      text(x(at), PLOT.bottom + 38, note ?? "", { size: 11.5, fill: MUTED, anchor: "middle" }),
    ]),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 66, xLabel, { size: 13.5, fill: MUTED, anchor: "middle" }),
  ];
}

function verticalMark({ label }: Tick, at: number): string[] {
  return [
    `<line x1="${px(at)}" x2="${px(at)}" y1="${PLOT.top - 4}" y2="${PLOT.bottom}" stroke="${MUTED}" stroke-dasharray="2 4"/>`,
    text(at, PLOT.top - 10, label, { size: 12, fill: MUTED, anchor: "middle" }),
  ];
}

function horizontalMark({ label }: Tick, at: number): string[] {
  return [
    `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(at)}" y2="${px(at)}" stroke="${LIMIT}" stroke-width="1.5" stroke-dasharray="6 4"/>`,
    text(PLOT.right - 8, at - 6, label, { size: 12, fill: LIMIT, anchor: "end", halo: true }),
  ];
}

function line({ points, colour, dashes, strong }: Series, x: Scale, y: Scale): string[] {
  const path = points.map((point, i) => `${i === 0 ? "M" : "L"}${px(x(point.x))} ${px(y(point.y))}`).join("");
  const dash = dashes === undefined ? "" : ` stroke-dasharray="${dashes}"`;
  return [
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${strong ? 3.5 : 2}" stroke-linejoin="round"${dash}/>`,
    ...points.map(
      (point) => `<circle cx="${px(x(point.x))}" cy="${px(y(point.y))}" r="${strong ? 4 : 2.8}" fill="${colour}"/>`,
    ),
  ];
}

/** Each line's name and last value at its end; labels that would overlap move apart and keep a thin line to their end. */
function endLabels({ series, formatY }: Chart, x: Scale, y: Scale): string[] {
  const ends = series.map((one) => ({ ...one, end: one.points.at(-1)! })).sort((a, b) => b.end.y - a.end.y);
  const heights = spread(
    ends.map(({ end }) => y(end.y)),
    LABEL_HEIGHT,
    PLOT.top,
    PLOT.bottom,
  );
  return ends.flatMap(({ name, colour, strong, end }, i) => [
    `<path d="M${px(x(end.x) + 6)} ${px(y(end.y))}L${PLOT.right + 24} ${px(heights[i]!)}" fill="none" stroke="${colour}" stroke-width="1"/>`,
    text(PLOT.right + 29, heights[i]! + 4.5, name, { size: 14, weight: strong ? 700 : 500, fill: colour }),
    text(WIDTH - 22, heights[i]! + 4.5, formatY(end.y), { size: 13, fill: INK, anchor: "end" }),
  ]);
}

/** Moves ascending places apart by at least `gap`, as little as can be, within `min` to `max`. */
export function spread(places: readonly number[], gap: number, min: number, max: number): number[] {
  const groups: { centre: number; size: number }[] = [];
  for (const place of places) {
    let group = { centre: place, size: 1 };
    for (let before = groups.at(-1); before && overlap(before, group, gap); before = groups.at(-1)) {
      groups.pop();
      const size = before.size + group.size;
      group = { centre: (before.centre * before.size + group.centre * group.size) / size, size };
    }
    const half = ((group.size - 1) * gap) / 2;
    groups.push({ ...group, centre: Math.max(min + half, Math.min(max - half, group.centre)) });
  }
  return groups.flatMap(({ centre, size }) =>
    Array.from({ length: size }, (_, i) => centre + (i - (size - 1) / 2) * gap),
  );
}

function overlap(
  before: { centre: number; size: number },
  after: { centre: number; size: number },
  gap: number,
): boolean {
  return after.centre - before.centre < ((before.size + after.size) / 2) * gap;
}

/** 1, 2, 5, 10, 20 … so that the first is at most `min` and the last at least `max`. */
function ticks125(min: number, max: number): number[] {
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(min)); 10 ** power <= max * 10; power++) {
    steps.push(...[1, 2, 5].map((step) => step * 10 ** power));
  }
  const first = steps.findLastIndex((step) => step <= min);
  const last = steps.findIndex((step) => step >= max);
  return steps.slice(first, Math.max(last, first + 1) + 1);
}

function logScale(min: number, max: number, from: number, to: number): Scale {
  const span = Math.log(max / min) || 1;
  return (value) => from + (Math.log(value / min) / span) * (to - from);
}
