import { runFields } from "../fields-suite.js";
import { formatCount } from "../options.js";
import { plotLookups } from "./lookup-bars.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";

/** Orders and flags of pages and their folios. */
export const fields: Part = async (scale, machine, output) => {
  const options = suiteOptions("fields", scale, {
    contenders: ["native", "native-simd", "wasm-simd", "wasm-scalar", "wasm-index", "wasm-call", "js-uint32"],
  });
  const report = await runFields(options, machine, output);
  const picture = plotLookups(
    {
      title: "Lookups of orders and flags per second",
      subtitle: `folio_order, folio->flags, page->flags; mask encoding, a real kernel's map, ${formatCount(options.slots)} slots, seed ${options.seed}, one thread`,
      compiler: compilerOf(report),
      results: report.results,
      panelOf: ({ pattern }) => `${pattern} pages`,
      groupOf: ({ op }) => op,
      xLabel: "what a page is asked for",
    },
    machine,
  );
  return { options, report, pictures: new Map([["", picture]]) };
};
