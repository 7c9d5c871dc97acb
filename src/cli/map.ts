import type { Machine } from "../dump/vmcore.js";
import { PAGE_KINDS } from "../kinds.js";
import { strangeName } from "../nearest.js";
import { FREE_COLOUR, freeOrderColour, KIND_COLOURS, orderColour } from "../picture/colours.js";
import { type Category, drawPicture, NO_MEMORY, sizeOf } from "../picture/picture.js";
import { encodePng } from "../picture/png.js";
import { valueOf } from "../rows/cells.js";
import { pageRows } from "../rows/rows.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import type { PfnRange } from "../types.js";
import type { Vmemmap } from "../vmemmap.js";
import { badUse } from "./arguments.js";
import { defineCommand } from "./command.js";
import { countWithin } from "./count.js";
import { factValue } from "./facts.js";
import { pfnRangeOf, RANGE_OPTION } from "./range.js";
import { checkOutput, OUTPUT_OPTION, writeTo } from "./sink.js";
import { filesOf, type Source, withSource } from "./source.js";
import { placeOf, WHERE_HELP } from "./where-page.js";

const KEYS = ["kind", "order"] as const;
type Key = (typeof KEYS)[number];

/** Pixels. */
const SIDE = { min: 16, max: 8192, fallback: 1024 };
const MAX_MARKS = 26;

/** Numbers of categories by order: of folios; of free blocks; and what stands behind those. */
const ORDERS = 32;
/** The largest block of the buddy allocator (include/linux/mmzone.h). */
const MAX_PAGE_ORDER = 10;
const FREE = ORDERS + MAX_PAGE_ORDER + 1;
const FILTERED = FREE + 1;

function keyOf(text: string): Key {
  const key = KEYS.find((known) => known === text);
  if (key === undefined) throw badUse(`--by: no key ${strangeName(text, KEYS)}`);
  return key;
}

/** The pages of the sections that a range touches: holes between sections are left out. */
function shownRanges(sections: readonly Section[], range: PfnRange | undefined): PfnRange[] {
  const start = range?.start ?? 0;
  const end = range === undefined ? Infinity : range.start + range.count;
  return sections.flatMap(({ number }) => {
    const from = Math.max(number * PAGES_PER_SECTION, start);
    const to = Math.min((number + 1) * PAGES_PER_SECTION, end);
    return from < to ? [{ start: from, count: to - from }] : [];
  });
}

/** The category of each page of what is shown; holes inside sections have none. */
async function categoriesOf(source: Source, by: Key, range: PfnRange | undefined): Promise<Uint8Array> {
  const shown = shownRanges(source.machine.sections, range);
  const pages = new Uint8Array(shown.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for await (const map of source.windows(range)) {
    for (const pfns of shownRanges(map.sections, range)) {
      const out = pages.subarray(at, at + pfns.count);
      map.usageKindsInto(pfns, out);
      if (by === "order") toOrders(map, pfns, out);
      at += pfns.count;
    }
  }
  return pages;
}

/** From kinds to orders: of folios, and of the blocks of free memory, where the map knows them. */
function toOrders(map: Vmemmap, range: PfnRange, pages: Uint8Array): void {
  const orders = new Uint32Array(range.count);
  map.ordersInto(range, orders);
  pages.forEach((kind, i) => {
    if (kind === NO_MEMORY) return;
    const name = PAGE_KINDS[kind]!;
    pages[i] = name === "free" ? FREE : name === "filtered" ? FILTERED : Math.min(orders[i]!, ORDERS - 1);
  });
  const end = range.start + range.count;
  // A block may begin before the range.
  const start = range.start - (range.start % 2 ** MAX_PAGE_ORDER);
  const blocks = pageRows(map, {
    columns: ["pfn", "private"],
    where: `type = buddy and private <= ${MAX_PAGE_ORDER}`,
    range: { start, end },
  });
  for (const { cells, length } of blocks.blocks) {
    for (let row = 0; row < length; row++) {
      const from = Number(valueOf(cells[0]!, row)) - range.start;
      const order = Number(valueOf(cells[1]!, row));
      pages.fill(ORDERS + order, Math.max(from, 0), Math.max(from + 2 ** order, 0));
    }
  }
}

function categories(by: Key): readonly Category[] {
  if (by === "kind") return PAGE_KINDS.map((name) => ({ name, colour: KIND_COLOURS[name] }));
  const named = (word: string, length: number, colour: (order: number) => Category["colour"]) =>
    Array.from({ length }, (_, order) => ({ name: `${word} ${order}`, colour: colour(order) }));
  return [
    ...named("order", ORDERS, orderColour),
    ...named("free, order", MAX_PAGE_ORDER + 1, freeOrderColour),
    { name: "free", colour: FREE_COLOUR },
    { name: "filtered", colour: KIND_COLOURS.filtered },
  ];
}

/** PFNs that marks name. @throws VmemmapError "bad-argument": no page, or none that the picture shows */
function marksOf(machine: Machine, texts: readonly string[], ranges: readonly PfnRange[]): number[] {
  if (texts.length > MAX_MARKS) throw badUse(`--mark: ${texts.length} marks: there are letters for ${MAX_MARKS}`);
  return texts.map((text) => {
    const { pfn } = placeOf(machine, text);
    if (ranges.some(({ start, count }) => start <= pfn && pfn < start + count)) return pfn;
    throw badUse(`--mark: PFN ${pfn} is not in the range that the picture shows`);
  });
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
    mark: { type: "string", multiple: true, value: "WHERE", help: "a page to mark with a letter; may be given again" },
  },
  details: `Pages by rising PFN follow a Hilbert curve through a square, so that neighbours stay together and an aligned folio is one
block. A cell has the colour of what most of its pages are. The curve's largest squares stand apart, each below the physical address at
which it begins. Sections without memory are left out; holes inside sections are hatched, as is what lies behind the last page.
By order, pages in use go from yellow to purple, free blocks from light to dark blue; a map that was rebuilt does not know the orders
of free blocks.

${WHERE_HELP}`,
  examples: [
    { line: "vmemmap map vmcore -o map.png", says: "what memory is used for, to look at" },
    { line: "vmemmap map vmcore -o orders.png --by order --size 2048", says: "how large folios and free blocks are" },
    { line: "vmemmap map vmcore -o map.png --mark 5120 --mark phys:0x4000000", says: "where two pages are" },
  ],
  async run({ operands, options, host }) {
    const by = keyOf(options.by ?? "kind");
    const side = countWithin("--size", options.size, SIDE);
    if (options.output === undefined && host.stdout.isTerminal)
      throw badUse("name a file for the picture with -o FILE");
    const files = filesOf({ options }, operands[0]!);
    await checkOutput(options.output, files);
    const { ranges, marks, pages, release } = await withSource({ options, host }, operands[0]!, async (source) => {
      const range = pfnRangeOf(options.range, source.machine);
      const ranges = shownRanges(source.machine.sections, range);
      return {
        ranges,
        marks: marksOf(source.machine, options.mark, ranges),
        pages: await categoriesOf(source, by, range),
        release: factValue(source.machine, "release"),
      };
    });
    const name = operands[0]!.split("/").at(-1)!;
    const memory = sizeOf(pages.reduce((sum, category) => sum + Number(category !== NO_MEMORY), 0));
    const title = [`${name}${release === undefined ? "" : `  ${release}`}  ${memory} by ${by}`];
    const picture = drawPicture({ categories: categories(by), ranges, pages, title, marks, side });
    const png = await encodePng(picture.canvas);
    await writeTo(options.output, files, host, (sink) => sink.write(png));
    const { width, height } = picture.canvas;
    const said = { output: options.output ?? null, width, height, pagesPerCell: picture.pagesPerCell };
    if (options.json && options.output !== undefined) await host.stdout.json(said);
    else await host.stderr.write(`${width} by ${height} pixels, pages in a cell: ${picture.pagesPerCell}\n`);
    return 0;
  },
});
