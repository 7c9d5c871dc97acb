import { formatCount } from "../options.js";
import { runPgmap } from "../pgmap-suite.js";
import { plotLookups } from "./lookup-bars.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";

/** Those of which a map of one fills, one has heads that miss the caches, and one is what device-dax makes. */
const ORDERS = [0, 2, 9];

/** page_pgmap() through the slots and by the index. */
export const pgmap: Part = async (scale, machine, output) => {
  const options = suiteOptions("pgmap", scale, {
    contenders: ["native", "native-simd", "wasm-simd", "wasm-index"],
    orders: ORDERS,
  });
  const report = await runPgmap(options, machine, output);
  const picture = plotLookups(
    {
      title: "Lookups of page_pgmap() per second",
      subtitle: `ZONE_DEVICE pages of Linux 7.3, mask encoding, ${formatCount(options.slots)} slots, seed ${options.seed}, one thread`,
      compiler: compilerOf(report),
      results: report.results.filter(({ form }) => form === "folio"),
      panelOf: ({ pattern }) => `${pattern} pages`,
      groupOf: ({ order }) => `order ${order}`,
      xLabel: "order of the folios",
    },
    machine,
  );
  return { options, report, pictures: new Map([["", picture]]) };
};
