/** What the commands `pages` and `folios` share: rows as text or Arrow. */
import { setImmediate } from "node:timers/promises";
import { columnsOf, type RowsOf } from "../rows/columns.js";
import { DEFAULT_COLUMNS, folioRows, pageRows, type RowBlock, type RowOptions, type Rows } from "../rows/rows.js";
import { csvOf, ndjsonOf } from "../rows/text.js";
import { badUse } from "./arguments.js";
import type { Call, ExitCode, Options } from "./command.js";
import { countOf } from "./count.js";
import { strangeName } from "../nearest.js";
import { Progress } from "./progress.js";
import { RANGE_OPTION, rangeOf, warnIfEmpty } from "./range.js";
import { OUTPUT_OPTION, writeTo } from "./sink.js";
import { LIVE, openSource } from "./source.js";

const FORMATS = ["csv", "ndjson", "arrow"] as const;
type Format = (typeof FORMATS)[number];

export const ROW_OPTIONS = {
  columns: { type: "string", value: "a,b,…", help: `of those above, or all (default: ${DEFAULT_COLUMNS.join(",")})` },
  where: { type: "string", value: "EXPR", help: "rows that match a condition, as above" },
  range: RANGE_OPTION,
  limit: { type: "string", value: "N", help: "no more than N rows" },
  format: {
    type: "string",
    value: "FORMAT",
    help: "csv (the default), ndjson (with --json), or arrow: an Arrow IPC stream",
  },
  output: OUTPUT_OPTION,
} as const satisfies Options;

/** The part of help about columns and conditions. */
export function rowDetails(of: RowsOf): string {
  const columns = columnsOf(of).map(({ name, says }) => `  ${name.padEnd(16)}${says}`);
  return `Columns:
${columns.join("\n")}

In csv and ndjson, words of 64 bits are 0x and lower-case hex, all other numbers decimal. A cell without an answer is
empty (null in ndjson and Arrow).

Conditions compare columns, in 64 bits, exactly:
  = != < <= > >=      two columns, or a column and a number: 42, 0x2a, 4K, 2M, 1G, 1T (powers of 1024)
  kind = anon         names as they are or in quotes, of columns that have them: kind, compound, type, zone, alias
  order in (9, 18)    one of several; not in
  flags has dirty     a flag of the page's own word, by name: PG_dirty is the same
  pfn & 63 = 0        bits of a number; without a comparison: any of them is set
  pgmap = empty       the cell has no answer. All other comparisons with such a cell are false
  and or not ( )      also && || !; words in either case of letters`;
}

/** Runs a command that prints rows. */
export async function runRows(of: RowsOf, call: Call<typeof ROW_OPTIONS>): Promise<ExitCode> {
  const { operands, options, host } = call;
  const source = operands[0]!;
  const format = formatOf(options.format, options.json);
  const range = options.range === undefined ? {} : rangeOf(options.range);
  const rowOptions: RowOptions = {
    range,
    ...(options.columns === undefined ? {} : { columns: columnNames(options.columns, of) }),
    ...(options.where === undefined ? {} : { where: options.where }),
    ...(options.limit === undefined ? {} : { limit: countOf("--limit", options.limit) }),
  };
  const map = await openSource(call, source);
  if (options.range !== undefined) await warnIfEmpty(options.range, map, host);
  const rows = (of === "pages" ? pageRows : folioRows)(map, rowOptions);
  const total = map.slots;
  const progress = new Progress(host);
  const shown: Rows = {
    ...rows,
    blocks: tapped(rows.blocks, ({ pagesSeen }) => {
      progress.update({ what: `writing ${of}`, done: pagesSeen, total, unit: "pages" });
    }),
  };
  const sources = source === LIVE ? [] : [source, ...options.part];
  try {
    await writeTo(options.output, sources, host, async (sink) => {
      for (const chunk of await encoded(shown, format)) {
        await sink.write(chunk);
        // Writes to a file or a pipe may all be done at once: signals come in here.
        await setImmediate();
        host.signal.throwIfAborted();
      }
    });
  } finally {
    progress.clear();
    map.dispose();
  }
  return 0;
}

async function encoded(rows: Rows, format: Format): Promise<Iterable<Uint8Array>> {
  if (format === "csv") return csvOf(rows);
  if (format === "ndjson") return ndjsonOf(rows);
  const { arrowOf } = await import("../rows/arrow.js");
  return arrowOf(rows);
}

function* tapped(blocks: Iterable<RowBlock>, visit: (block: RowBlock) => void): Generator<RowBlock, void> {
  for (const block of blocks) {
    visit(block);
    yield block;
  }
}

function formatOf(text: string | undefined, json: boolean): Format {
  if (text === undefined) return json ? "ndjson" : "csv";
  const format = FORMATS.find((candidate) => candidate === text);
  if (format === undefined) throw badUse(`--format: no format ${strangeName(text, FORMATS)}`);
  if (json && format !== "ndjson") throw badUse(`--json is --format ndjson, and --format ${format} is given too`);
  return format;
}

function columnNames(text: string, of: RowsOf): string[] {
  if (text.trim() === "all") return columnsOf(of).map(({ name }) => name);
  return text.split(",").map((name) => name.trim());
}
