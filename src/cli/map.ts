import { PAGE_KINDS } from "../kinds.js";
import { strangeName } from "../nearest.js";
import { KIND_COLOURS, orderColour } from "../picture/colours.js";
import { type Category, drawPicture, sizeOf } from "../picture/picture.js";
import { encodePng } from "../picture/png.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import type { PfnRange } from "../types.js";
import { badUse } from "./arguments.js";
import { defineCommand } from "./command.js";
import { countWithin } from "./count.js";
import { factValue } from "./facts.js";
import { pfnRangeOf, RANGE_OPTION } from "./range.js";
import { OUTPUT_OPTION, writeTo } from "./sink.js";
import { type Source, withSource } from "./source.js";

const KEYS = ["kind", "order"] as const;
type Key = (typeof KEYS)[number];

/** Pixels. */
const SIDE = { min: 16, max: 8192, fallback: 1024 };
const NOT_SHOWN = 255;

function keyOf(text: string): Key {
  const key = KEYS.find((known) => known === text);
  if (key === undefined) throw badUse(`--by: no key ${strangeName(text, KEYS)}`);
  return key;
}

/** The pages of the sections that a range touches: holes between sections are left out, those inside not shown. */
function rangesOf(sections: readonly Section[], range: PfnRange | undefined): PfnRange[] {
  const start = range?.start ?? 0;
  const end = range === undefined ? Infinity : range.start + range.count;
  return sections.flatMap(({ number }) => {
    const from = Math.max(number * PAGES_PER_SECTION, start);
    const to = Math.min((number + 1) * PAGES_PER_SECTION, end);
    return from < to ? [{ start: from, count: to - from }] : [];
  });
}

async function categoriesOf(source: Source, by: Key, range: PfnRange | undefined): Promise<Uint8Array> {
  const pages = new Uint8Array(rangesOf(source.machine.sections, range).reduce((sum, { count }) => sum + count, 0));
  const orders = new Uint32Array(PAGES_PER_SECTION);
  let at = 0;
  for await (const map of source.windows(range)) {
    for (const pfns of rangesOf(map.sections, range)) {
      const out = pages.subarray(at, at + pfns.count);
      if (by === "kind") {
        map.usageKindsInto(pfns, out);
      } else {
        map.ordersInto(pfns, orders.subarray(0, pfns.count));
        orders.subarray(0, pfns.count).forEach((order, i) => (out[i] = Math.min(order, NOT_SHOWN)));
      }
      at += pfns.count;
    }
  }
  return pages;
}

function categories(by: Key): readonly Category[] {
  if (by === "kind") return PAGE_KINDS.map((name) => ({ name, colour: KIND_COLOURS[name] }));
  return Array.from({ length: NOT_SHOWN }, (_, order) => ({ name: `order ${order}`, colour: orderColour(order) }));
}

export default defineCommand({
  name: "map",
  summary: "a picture of the map, by kind or order, along a Hilbert curve",
  operands: ["SOURCE"],
  options: {
    output: { ...OUTPUT_OPTION, help: "the PNG file to write" },
    by: { type: "string", value: "KEY", help: `${KEYS.join(" or ")} (default: kind)` },
    size: {
      type: "string",
      value: "PIXELS",
      help: `the square's side at most, ${SIDE.min} to ${SIDE.max} (default: ${SIDE.fallback})`,
    },
    range: RANGE_OPTION,
  },
  details: `Pages by rising PFN follow a Hilbert curve through a square, so that neighbours stay together and an aligned folio is one
block. A cell has the colour of what most of its pages are. Sections without memory are left out.`,
  examples: [
    { line: "vmemmap map vmcore -o map.png", says: "what memory is used for, to look at" },
    { line: "vmemmap map vmcore -o orders.png --by order --size 2048", says: "how large folios are" },
  ],
  async run({ operands, options, host }) {
    const by = keyOf(options.by ?? "kind");
    const side = countWithin("--size", options.size, SIDE);
    if (options.output === undefined && host.stdout.isTerminal)
      throw badUse("name a file for the picture with -o FILE");
    const { pages, release } = await withSource({ options, host }, operands[0]!, async (source) => ({
      pages: await categoriesOf(source, by, pfnRangeOf(options.range, source.machine)),
      release: factValue(source.machine, "release"),
    }));
    const name = operands[0]!.split("/").at(-1)!;
    const title = [`${name}${release === undefined ? "" : `  ${release}`}  ${sizeOf(pages.length)} by ${by}`];
    const picture = drawPicture({ categories: categories(by), pages, title, side });
    const png = await encodePng(picture.canvas);
    await writeTo(options.output, [operands[0]!, ...options.part], host, (sink) => sink.write(png));
    const { width, height } = picture.canvas;
    const said = { output: options.output ?? null, width, height, pagesPerCell: picture.pagesPerCell };
    if (options.json && options.output !== undefined) await host.stdout.json(said);
    else await host.stderr.write(`${width} by ${height} pixels, pages in a cell: ${picture.pagesPerCell}\n`);
    return 0;
  },
});
