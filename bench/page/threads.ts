import { formatCount } from "../options.js";
import { lookupsIn, runThreads } from "../threads-suite.js";
import { plotLookups } from "./lookup-bars.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";

/** Lookups of heads by two worker threads and by one. */
export const threads: Part = async (scale, machine, output) => {
  const options = suiteOptions("threads", scale, {
    contenders: ["native", "native-simd", "one-worker", "two-workers", "one-worker-index", "two-workers-index"],
  });
  const report = await runThreads(options, machine, output);
  const picture = plotLookups(
    {
      title: "Folio lookups per second by worker threads",
      subtitle: `compound_head, mask encoding, a real kernel's map, ${formatCount(options.slots)} slots, seed ${options.seed}`,
      compiler: compilerOf(report),
      results: lookupsIn(report),
      panelOf: () => "blocks of up to 256 Ki pages",
      groupOf: ({ pattern }) => pattern,
      xLabel: "pattern",
    },
    machine,
  );
  return { options, report, pictures: new Map([["", picture]]) };
};
