import { diffMaps, joinDiffs, type MapDiff } from "../diff.js";
import { hex } from "../dump/fact.js";
import type { Machine } from "../dump/vmcore.js";
import { SLOT_BYTES } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";
import { defineCommand } from "./command.js";
import { countWithin } from "./count.js";
import { factValue } from "./facts.js";
import type { Host } from "./host.js";
import { type Source, withSource } from "./source.js";
import { tableText } from "./table.js";

const LIMIT = { min: 0, max: 1_000_000, fallback: 20 };

/** Changes of kind that are shown, the most frequent first. */
const KIND_LINES = 20;

function diffText({ pages, onlyA, onlyB, differing, fields, notCompared, kinds, first }: MapDiff): string {
  const count = { title: "pages", align: "right" } as const;
  const summary = [
    ["in both", String(pages)],
    ["in A alone", String(onlyA)],
    ["in B alone", String(onlyB)],
    ["differing", String(differing)],
    ...Object.entries(fields).map(([field, n]) => [`  in ${field}`, String(n)]),
    ...notCompared.map((field) => [`  in ${field}`, "not compared"]),
  ];
  const parts = [tableText([{ title: "" }, count], summary)];
  if (kinds.length > 0) {
    parts.push(
      tableText(
        [{ title: "kind in A" }, { title: "kind in B" }, count],
        kinds.slice(0, KIND_LINES).map(({ from, to, pages: n }) => [from, to, String(n)]),
      ),
    );
    if (kinds.length > KIND_LINES) parts.push(`${kinds.length - KIND_LINES} more changes of kind: --json has all\n`);
  }
  if (first.length > 0) {
    parts.push(
      tableText(
        [{ title: "pfn", align: "right" }, { title: "kind in A" }, { title: "kind in B" }, { title: "differs in" }],
        first.map(({ pfn, kinds: [a, b], fields: names }) => [String(pfn), a, b, names.join(", ")]),
      ),
    );
  }
  return parts.join("\n");
}

/** Facts that are the same in two dumps of one boot. */
const OF_A_BOOT = ["release", "kernelOffset", "vmemmapBase"] as const;

/** Say on stderr that two maps are of several boots, if what both tell differs: an address of one means nothing in the other. */
async function warnOfTwoBoots(a: Machine, b: Machine, host: Host): Promise<void> {
  const differing = OF_A_BOOT.flatMap((name) => {
    const [inA, inB] = [a, b].map((map) => (name === "vmemmapBase" ? hex(map.vmemmapBase) : factValue(map, name)));
    return inA === undefined || inB === undefined || inA === inB ? [] : [`${name} ${inA} in A, ${inB} in B`];
  });
  if (differing.length > 0)
    await host.stderr.write(
      `A and B are not of one boot: ${differing.join("; ")}. Their kernel addresses say nothing of each other.\n`,
    );
}

/** Windows of the same PFNs, side by side, if one of the maps does not fit one memory. */
async function diffSources(a: Source, b: Source, limit: number): Promise<MapDiff> {
  const cut = !a.fits() || !b.fits();
  const parts: MapDiff[] = [];
  let left = limit;
  for await (const [ofA, ofB] of pairs(a, b, cut)) {
    const part = ofA === undefined || ofB === undefined ? alone(ofA, ofB) : diffMaps(ofA, ofB, { limit: left });
    left -= part.first.length;
    parts.push(part);
  }
  return joinDiffs(parts);
}

type Pair = readonly [Vmemmap | undefined, Vmemmap | undefined];

async function* pairs(a: Source, b: Source, cut: boolean): AsyncGenerator<Pair, void> {
  const [mapsA, mapsB] = [a.windows(undefined, cut), b.windows(undefined, cut)];
  const take = async (maps: AsyncIterator<Vmemmap, void>) => (await maps.next()).value ?? undefined;
  const place = (map: Vmemmap | undefined) =>
    map === undefined ? Infinity : cut ? Math.floor(map.startPfn / a.pagesPerWindow) : 0;
  try {
    let [ofA, ofB] = [await take(mapsA), await take(mapsB)];
    while (ofA !== undefined || ofB !== undefined) {
      const [placeA, placeB] = [place(ofA), place(ofB)];
      yield [placeA <= placeB ? ofA : undefined, placeB <= placeA ? ofB : undefined];
      if (placeA <= placeB) ofA = await take(mapsA);
      if (placeB <= placeA) ofB = await take(mapsB);
    }
  } finally {
    await Promise.all([mapsA.return(), mapsB.return()]);
  }
}

/** A window that one of both alone has. */
function alone(a: Vmemmap | undefined, b: Vmemmap | undefined): MapDiff {
  const pagesOf = (map: Vmemmap | undefined) => (map?.vmemmapUsage().nominalBytes ?? 0) / SLOT_BYTES;
  const onlyA = pagesOf(a);
  const onlyB = pagesOf(b);
  return { pages: 0, onlyA, onlyB, differing: 0, fields: {}, notCompared: [], kinds: [], first: [] };
}

export default defineCommand({
  name: "diff",
  summary: "two maps of one machine: which pages changed, in what, and from which kind to which",
  operands: ["A", "B"],
  options: {
    limit: { type: "string", value: "N", help: `the most pages to list (default: ${LIMIT.fallback})` },
  },
  details: `Compares heads, orders, kinds and the words of the struct pages. Words that hold kernel addresses are compared where both maps
have the same vmemmap base: with KASLR, two boots have none in common. --part is of A. Exits with 1 if any page differs.`,
  examples: [
    { line: "vmemmap diff before.vmemmap after.vmemmap", says: "what a workload did to memory" },
    {
      line: "vmemmap diff vmcore small.vmemmap",
      says: "whether an image is the dump's map: no difference, exit code 0",
    },
  ],
  async run({ operands, options, host }) {
    const limit = countWithin("--limit", options.limit, LIMIT);
    const found = await withSource({ options, host }, operands[0]!, (a) =>
      withSource({ options: { part: [] }, host }, operands[1]!, async (b) => {
        await warnOfTwoBoots(a.machine, b.machine, host);
        return diffSources(a, b, limit);
      }),
    );
    if (options.json) await host.stdout.json(found);
    else await host.stdout.write(diffText(found));
    return found.differing + found.onlyA + found.onlyB === 0 ? 0 : 1;
  },
});
