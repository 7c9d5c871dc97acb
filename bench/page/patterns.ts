import { HeadsBench } from "../heads.js";
import { plainPassOf } from "../limits.js";
import { runMapSuite, type MapSuite } from "../map-suite.js";
import { mapSources } from "../maps.js";
import { ENCODINGS, formatCount } from "../options.js";
import { PATTERNS } from "../patterns.js";
import { legend, table, type Result } from "../report.js";
import { plotLookups } from "./lookup-bars.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";
import { CONTENDERS } from "./sizes.js";

/** Lookups of heads by the order in which pages come, in all encodings. */
export const patterns: Part = async (scale, machine, output) => {
  const options = suiteOptions("heads", scale, { encodings: ENCODINGS, patterns: PATTERNS, contenders: CONTENDERS });
  const suite: MapSuite<Result> = {
    sources: await mapSources(options),
    nameOf: ({ encoding }) => encoding,
    async measure(map, _source, twins, warn) {
      const bench = new HeadsBench(map, twins, options, warn);
      await bench.sendMap();
      const results: Result[] = [];
      for (const pattern of options.patterns) results.push(...(await bench.run(pattern, map.slots, options.rounds)));
      return [...results, ...(await plainPassOf(map, twins, options, warn))];
    },
    tables: ({ encoding, origin }, caveat, results) =>
      table(
        `heads, ${encoding} encoding, map of ${origin}${caveat}`,
        results.filter(({ op }) => op === "heads"),
      ),
    closing: () => legend(options),
  };
  const report = await runMapSuite(suite, options, machine, output);
  const picture = plotLookups(
    {
      title: "Folio lookups per second by pattern and encoding",
      subtitle: `compound_head on maps of real kernels, ${formatCount(options.slots)} slots, seed ${options.seed}, one thread`,
      compiler: compilerOf(report),
      results: report.results,
      panelOf: ({ pattern }) => `${pattern} pages`,
      groupOf: ({ encoding }) => encoding,
      xLabel: "encoding",
    },
    machine,
  );
  return { options, report, pictures: new Map([["", picture]]) };
};
