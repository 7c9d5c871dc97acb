import type { TailEncoding } from "../src/profile/profile.js";
import { Vmemmap } from "../src/vmemmap.js";
import type { Machine } from "./machine.js";
import { PRESETS, realFolios } from "./maps.js";
import { collectGarbage } from "./memory.js";
import { ENCODINGS, type BenchOptions } from "./options.js";
import type { Output } from "./output.js";
import { heading, legendOf, renderTable, type SuiteReport } from "./report.js";
import { changeCosts, deviceCosts, foliosOfOrder, type UpkeepResult } from "./upkeep.js";

const ORDERS = [1, 2, 3, 4, 5, 6, 7, 9, 10];
const DEVICE_ORDERS = [0, 9, 18];
/** Free places for folios: more than caches hold. */
const SLOTS = 2 ** 20;

/** The suite "upkeep": what it costs to keep the head index current, change by change. */
export async function runUpkeep(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport> {
  output.print(heading(machine, options, "not asked for"));
  const results: UpkeepResult[] = [];
  const origins: Record<string, string> = {};
  for (const encoding of options.encodings ?? ENCODINGS) {
    output.progress(`${encoding}: folios made, split and freed`);
    const { origin, folios } = await realFolios(encoding);
    const map = new Vmemmap({ profile: PRESETS[encoding], memory: [{ start: 0, end: SLOTS }] });
    const measured = [
      ...changes(map, encoding, `mix of ${origin}`, () => folios, options.rounds),
      ...ORDERS.flatMap((order) =>
        changes(map, encoding, `order ${order}`, () => foliosOfOrder(order, SLOTS), options.rounds),
      ),
    ];
    map.dispose();
    collectGarbage();
    origins[encoding] = origin;
    results.push(...measured);
    output.print(`\n${upkeepTable(`upkeep of the head index, ${encoding} encoding, ns a folio`, measured)}`);
  }
  output.progress("device memory mapped and unmapped");
  const devices = DEVICE_ORDERS.flatMap((order) =>
    deviceCosts(order, Math.ceil(options.rounds / 3)).map((cost) => result("mask", `1 GiB, order ${order}`, cost)),
  );
  results.push(...devices);
  output.print(`\n${upkeepTable("the same of device memory, ns a page", devices)}`);
  output.print(legendOf([["ratio", "the time with the index over that without"]]));
  return { results, compiler: null, map: origins };
}

function changes(
  map: Vmemmap,
  encoding: TailEncoding,
  what: string,
  folios: () => ReturnType<typeof foliosOfOrder>,
  rounds: number,
): UpkeepResult[] {
  return changeCosts(map, folios(), rounds).map((cost) => result(encoding, what, cost));
}

function result(
  encoding: TailEncoding,
  folios: string,
  cost: { op: string; without: number; with: number },
): UpkeepResult {
  const { op, without } = cost;
  return { op, encoding, folios, nsWithout: without, nsWith: cost.with, ratio: cost.with / without };
}

function upkeepTable(title: string, results: readonly UpkeepResult[]): string {
  const rows = results.map(({ folios, op, nsWithout, nsWith, ratio }) => [
    folios,
    op,
    nsWithout.toFixed(1),
    nsWith.toFixed(1),
    ratio.toFixed(3),
  ]);
  return renderTable(title, ["folios", "change", "without", "with", "ratio"], rows, 2);
}
