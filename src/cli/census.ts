import { CENSUS_KEYS, type Census, type CensusKey } from "../census.js";
import { strangeName } from "../nearest.js";
import { sizeOf } from "../picture/picture.js";
import { badUse } from "./arguments.js";
import { factValue } from "./facts.js";
import { defineCommand } from "./command.js";
import { joinCensuses } from "../shards/merge.js";
import { pfnRangeOf, RANGE_OPTION, within } from "./range.js";
import { withSource } from "./source.js";
import { tableText } from "./table.js";

function keyOf(text: string): CensusKey {
  const key = CENSUS_KEYS.find((known) => known === text);
  if (key === undefined) throw badUse(`--by: no key ${strangeName(text, CENSUS_KEYS)}`);
  return key;
}

/** Of a map that was rebuilt: pages that its files say nothing of. */
function silentNote(pages: number): string {
  return `other: ${pages} pages of the map show no bit in kpageflags. The kernel uses them for itself (stacks, vmalloc, large kmallocs, drivers), or they are
free on a list of a CPU: no file tells which.
`;
}

function censusText({ by, rows, pages, folios }: Census): string {
  const line = (key: string, count: { readonly pages: number; readonly folios: number }) => [
    key,
    String(count.pages),
    sizeOf(count.pages),
    `${((100 * count.pages) / Math.max(pages, 1)).toFixed(1)}%`,
    String(count.folios),
  ];
  return tableText(
    [
      { title: by },
      { title: "pages", align: "right" },
      { title: "size", align: "right" },
      { title: "share", align: "right" },
      { title: "folios", align: "right" },
    ],
    [...rows.map((row) => line(row.key, row)), line("all", { pages, folios })],
  );
}

export default defineCommand({
  name: "census",
  summary: "what the pages are used for: counts by kind, order, zone, node, pgmap or flags",
  operands: ["SOURCE"],
  options: {
    by: { type: "string", value: "KEY", help: `${CENSUS_KEYS.join(", ")} (default: kind)` },
    range: RANGE_OPTION,
  },
  details: `Counts pages, and folios: heads of compound pages and single pages. A tail has its head's kind and order; zone, node
and flags are those of each page's own word. By flags, a page counts for each flag that it has; what page 1 of a folio keeps for it
(its order and second flags), and what HVO shows in a head's place (up to 7.0), does not count.`,
  examples: [
    { line: "vmemmap census vmcore", says: "what the machine's memory was used for" },
    { line: "vmemmap census vmcore --by order --json", says: "folios by order, for another program" },
    { line: "vmemmap census vmcore --range 0x20000:0x40000", says: "of 512 MiB from 512 MiB on" },
  ],
  async run({ operands, options, host }) {
    const by = keyOf(options.by ?? "kind");
    const { counted, silent } = await withSource({ options, host }, operands[0]!, async (source) => {
      const range = pfnRangeOf(options.range, source.machine);
      const parts: Census[] = [];
      for await (const map of source.windows(range)) parts.push(map.census({ by, ...within(range, map) }));
      return { counted: joinCensuses(by, parts), silent: factValue(source.machine, "silentPages") };
    });
    if (options.json) await host.stdout.json(counted);
    else {
      await host.stdout.write(censusText(counted));
      if (by === "kind" && typeof silent === "number" && silent > 0) await host.stderr.write(silentNote(silent));
    }
    return 0;
  },
});
