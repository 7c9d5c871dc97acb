import { runHeads } from "../heads-suite.js";
import { defaultMix, formatCount, type OrderMix } from "../options.js";
import type { Result } from "../report.js";
import { plotLookups } from "./lookup-bars.js";
import { compilerOf, suiteOptions, type Part } from "./part.js";
import { CONTENDERS } from "./sizes.js";

/** A figure with the mix of the map, as --mix takes it; "real" is a real kernel's. */
interface MixResult extends Result {
  readonly mix: string;
}

/** As many as a picture of five mixes has room for. */
const SHOWN = CONTENDERS.filter((name) => name !== "native-chain" && name !== "js-uint32");

const MIXES: readonly (OrderMix | undefined)[] = [
  undefined,
  new Map([[0, 100]]),
  defaultMix(),
  new Map([[9, 100]]),
  new Map([[2, 100]]),
];

/** Lookups of heads by which folios there are. */
export const mixes: Part = async (scale, machine, output) => {
  const options = suiteOptions("heads", scale, { contenders: SHOWN });
  const results: MixResult[] = [];
  const maps: Record<string, string> = {};
  let compiler: string | null = null;
  for (const mix of MIXES) {
    const name = mix === undefined ? "real" : [...mix].map((share) => share.join(":")).join(",");
    const report = await runHeads({ ...options, mix }, machine, output);
    results.push(...report.results.map((result) => ({ ...result, mix: name })));
    maps[name] = report.map["mask"]!;
    compiler = report.compiler;
  }
  const report = { results, compiler, map: maps };
  const picture = plotLookups(
    {
      title: "Folio lookups per second by order mix",
      subtitle: `compound_head, mask encoding, ${formatCount(options.slots)} slots, order:percent of memory, seed ${options.seed}, one thread`,
      compiler: compilerOf(report),
      results,
      panelOf: ({ pattern }) => `${pattern} pages`,
      groupOf: ({ mix }) => mix,
      xLabel: "order:percent of memory",
    },
    machine,
  );
  return { options, report, pictures: new Map([["", picture]]) };
};
