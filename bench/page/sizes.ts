import { HeadsBench } from "../heads.js";
import { sizesBelow } from "../heads-suite.js";
import { plainPassOf } from "../limits.js";
import { runMapSuite, type MapSuite } from "../map-suite.js";
import { mapSources } from "../maps.js";
import { ENCODINGS, formatCount, type BenchOptions, type ContenderName } from "../options.js";
import { formatRate, plot } from "../plot.js";
import { legend, renderTable, type Result } from "../report.js";
import { plainPassRate } from "./lookup-bars.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";

/** With native-chain: what a lookup takes that waits for the one before. */
export const CONTENDERS: readonly ContenderName[] = [
  ...(["native", "native-simd", "native-chain", "native-index"] as const),
  ...(["wasm-simd", "wasm-scalar", "wasm-index", "wasm-call", "js-uint32"] as const),
];

/** Lookups of heads against map size: random in all encodings, in order in that of the newest kernels. */
export const sizes: Part = async (scale, machine, output) => {
  // Eleven sizes: shorter lists and fewer rounds, for about three minutes.
  const shorter = { lookups: scale.lookups / 2, rounds: Math.ceil(scale.rounds * 0.6), slots: scale.largest };
  const options = suiteOptions("heads", { ...scale, ...shorter }, { encodings: ENCODINGS, contenders: CONTENDERS });
  const sources = await mapSources(options);
  const report = await runMapSuite(sizesSuite(sources, options), options, machine, output);
  const pictures = new Map<string, string>();
  for (const { encoding, origin } of sources) {
    const own = report.results.filter((result) => result.encoding === encoding);
    const facts = { machine, compiler: compilerOf(report), origin, seed: options.seed };
    for (const pattern of options.patterns) {
      const heads = own.filter((result) => result.op === "heads" && result.pattern === pattern);
      if (heads.length === 0) continue;
      const rate = pattern === "sequential" ? plainPassRate(report.results) : null;
      const limits = rate === null ? [] : [{ at: rate, label: `slots that memory delivers: ${formatRate(rate)}` }];
      pictures.set(`${encoding}-${pattern}`, plot(heads, facts, limits));
    }
  }
  return { options, report, pictures };
};

function sizesSuite(sources: MapSuite<Result>["sources"], options: BenchOptions): MapSuite<Result> {
  const ladder = [...sizesBelow(options.slots), options.slots];
  return {
    sources,
    nameOf: ({ encoding }) => encoding,
    async measure(map, { encoding }, twins, warn) {
      const bench = new HeadsBench(map, twins, options, warn);
      await bench.sendMap();
      const results = await bench.runSizes("random", ladder, options.rounds);
      if (encoding === "mask") results.push(...(await bench.runSizes("sequential", ladder, options.rounds)));
      return [...results, ...(await plainPassOf(map, twins, options, warn))];
    },
    tables: ({ encoding, origin }, caveat, results) => sizesTable(`${encoding}, map of ${origin}${caveat}`, results),
    closing: () => legend(options),
  };
}

/** Nanoseconds a lookup, a column for each contender. */
function sizesTable(title: string, results: readonly Result[]): string {
  const heads = results.filter(({ op }) => op === "heads");
  const contenders = [...new Set(heads.map(({ contender }) => contender))];
  const rows = new Map<string, string[]>();
  for (const { pattern, slots, nsPerLookup } of heads) {
    const key = `${pattern} ${slots}`;
    const row = rows.get(key) ?? [pattern, formatCount(slots)];
    row.push(nsPerLookup.toFixed(2));
    rows.set(key, row);
  }
  return renderTable(`heads, ns a lookup, ${title}`, ["pattern", "slots", ...contenders], [...rows.values()], 2);
}
