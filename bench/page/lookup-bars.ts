import { renderBars, type Panel } from "../bars.js";
import { STYLES } from "../colours.js";
import { hugePageCaveat, type Machine } from "../machine.js";
import type { ContenderName } from "../options.js";
import { formatRate } from "../plot.js";
import type { Result } from "../report.js";

/** Lookups a second as bars: a colour for each contender. */
export interface LookupBars<R extends Result> {
  readonly title: string;
  readonly subtitle: string;
  readonly compiler: string;
  readonly results: readonly R[];
  readonly panelOf: (result: R) => string;
  readonly groupOf: (result: R) => string;
  readonly xLabel: string;
}

/** Draws them; results of native's plain pass among them ("sum") are drawn as the limit of memory. */
export function plotLookups<R extends Result>(bars: LookupBars<R>, machine: Machine): string {
  const lookups = bars.results.filter(({ op }) => op !== "sum");
  const contenders = [...new Set(lookups.map(({ contender }) => contender))];
  const limit = plainPassRate(bars.results);
  const note = limit === null ? "" : `red line: slots that memory delivers in order, ${formatRate(limit)} a second`;
  return renderBars({
    title: bars.title,
    subtitles: [bars.subtitle, `${machine.name}; Node ${machine.node}${hugePageCaveat(machine)}`, bars.compiler],
    series: contenders.map((name) => ({ name, colour: STYLES[name].colour })),
    panels: [...new Set(lookups.map((result) => bars.panelOf(result)))].map((title) => {
      const own = lookups.filter((result) => bars.panelOf(result) === title);
      return { title, note, groups: groupsOf(bars, own, contenders) };
    }),
    xLabel: bars.xLabel,
    yLabel: "million lookups per second",
    formatY: (rate) => String(Number((rate / 1e6).toPrecision(3))),
    baseline: limit,
  });
}

function groupsOf<R extends Result>(
  { groupOf }: LookupBars<R>,
  results: readonly R[],
  contenders: readonly ContenderName[],
): Panel["groups"] {
  return [...new Set(results.map((result) => groupOf(result)))].map((label) => ({
    label,
    note: "",
    values: contenders.map(
      (name) =>
        results.find((result) => result.contender === name && groupOf(result) === label)?.lookupsPerSecond ?? null,
    ),
  }));
}

/** Of the maps' plain passes the fastest, for a limit is what can be had; null where there is none. */
export function plainPassRate(results: readonly Result[]): number | null {
  const rates = results.filter(({ op }) => op === "sum").map(({ lookupsPerSecond }) => lookupsPerSecond);
  return rates.length === 0 ? null : Math.max(...rates);
}
