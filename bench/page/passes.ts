import { renderBars, type Panel } from "../bars.js";
import { STYLES } from "../colours.js";
import { hugePageCaveat } from "../machine.js";
import { formatCount, type ContenderName } from "../options.js";
import { PASSES } from "../passes.js";
import type { PassResult } from "../passes-report.js";
import { runPasses } from "../passes-suite.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";

/** Passes over whole maps, and the bandwidth they find. */
export const passes: Part = async (scale, machine, output) => {
  const options = suiteOptions(
    "passes",
    { ...scale, lookups: 0 },
    {
      patterns: [],
      contenders: ["native", "native-simd", "wasm-simd", "wasm-scalar", "js-uint32"],
    },
  );
  const report = await runPasses(options, machine, output);
  const { results } = report;
  const picture = renderBars({
    title: "Bandwidth of passes over the whole map",
    subtitles: [
      `GiB of slots a second, ${formatCount(options.slots)} slots, mask encoding, seed ${options.seed}, one thread`,
      `${machine.name}; Node ${machine.node}${hugePageCaveat(machine)}`,
      compilerOf(report),
    ],
    series: options.contenders.map((name) => ({ name, colour: STYLES[name].colour })),
    panels: [...new Set(results.map(({ map }) => map))].map((kind) => ({
      title: `${kind} map`,
      note: "sum: the plain pass that others are held against",
      groups: groupsOf(
        results.filter(({ map }) => map === kind),
        options.contenders,
      ),
    })),
    xLabel: "pass",
    yLabel: "GiB per second",
    formatY: (value) => String(Number(value.toPrecision(3))),
    baseline: null,
  });
  return { options, report, pictures: new Map([["", picture]]) };
};

function groupsOf(results: readonly PassResult[], contenders: readonly ContenderName[]): Panel["groups"] {
  return PASSES.map((pass) => ({
    label: pass,
    note: "",
    values: contenders.map(
      (name) => results.find(({ op, contender }) => op === pass && contender === name)?.gibPerSecond ?? null,
    ),
  }));
}
