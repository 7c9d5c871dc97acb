/** What the commands `pages` and `folios` share: rows as text or Arrow. */
import { setImmediate } from "node:timers/promises";
import { columnNamed, columnsOf, type RowsOf } from "../rows/columns.js";
import type { RowEncoder } from "../rows/encoder.js";
import {
  DEFAULT_COLUMNS,
  MAX_SORTED_ROWS,
  planRows,
  type RowBlock,
  type RowColumn,
  type RowOptions,
  type RowSort,
} from "../rows/rows.js";
import { csvEncoder, ndjsonEncoder } from "../rows/text.js";
import { PAGES_PER_SECTION } from "../sections.js";
import { badUse } from "./arguments.js";
import type { Call, ExitCode, Options } from "./command.js";
import { countOf } from "./count.js";
import { strangeName } from "../nearest.js";
import { Progress } from "./progress.js";
import { pfnRangeOf, RANGE_OPTION, rangeOf } from "./range.js";
import { checkOutput, OUTPUT_OPTION, writeTo } from "./sink.js";
import { filesOf, withSource } from "./source.js";

const FORMATS = ["csv", "ndjson", "arrow"] as const;
type Format = (typeof FORMATS)[number];

export const ROW_OPTIONS = {
  columns: { type: "string", value: "a,b,…", help: `of those above, or all (default: ${DEFAULT_COLUMNS.join(",")})` },
  where: { type: "string", value: "EXPR", help: "rows that match a condition, as above" },
  range: RANGE_OPTION,
  limit: { type: "string", value: "N", help: "no more than N rows" },
  sort: {
    type: "string",
    value: "COLUMN",
    help: `the first N rows by a column, or by COLUMN:desc, with --limit N up to ${MAX_SORTED_ROWS}; ties by PFN,\ncells without an answer last`,
  },
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
  flags has dirty     a flag of the page's own word, by name, or as the kernel has it: flags has PG_dirty
  refcount > mapcount + 1
                      + and - of columns and numbers, spaces around the sign; exact, below 0 too, never wrapped
  pfn & 63 = 0        bits of a number; without a comparison: any of them is set
  pgmap = empty       the cell has no answer. All other comparisons with such a cell are false
  and or not ( )      also && || !; words in either case of letters`;
}

/** Runs a command that prints rows. */
export async function runRows(of: RowsOf, call: Call<typeof ROW_OPTIONS>): Promise<ExitCode> {
  const { operands, options, host } = call;
  const name = operands[0]!;
  const format = formatOf(options.format, options.json);
  if (format === "arrow" && options.output === undefined && host.stdout.isTerminal)
    throw badUse("Arrow is no text for a terminal: name a file with -o FILE");
  const rowOptions: RowOptions = {
    range: options.range === undefined ? {} : rangeOf(options.range),
    ...(options.columns === undefined ? {} : { columns: columnNames(options.columns, of) }),
    ...(options.where === undefined ? {} : { where: options.where }),
    ...(options.limit === undefined ? {} : { limit: countOf("--limit", options.limit) }),
    ...(options.sort === undefined ? {} : { sort: sortOf(options.sort, options.limit) }),
  };
  const progress = new Progress(host);
  const sources = filesOf(call, name);
  await checkOutput(options.output, sources);
  await withSource(call, name, async (source) => {
    const { machine } = source;
    const plan = planRows(machine.profile, rowOptions, of);
    const range = pfnRangeOf(options.range, machine);
    const encoder = await encoderOf(format, plan.columns);
    // What can't be read is told before the output is opened.
    const maps = source.windows(range);
    let { value: map } = await maps.next();
    const total = machine.sections.length * PAGES_PER_SECTION;
    try {
      await writeTo(options.output, sources, host, async (sink) => {
        let left = plan.limit;
        let seen = 0;
        const tap = ({ length, pagesSeen }: RowBlock) => {
          left -= length;
          progress.update({ what: `writing ${of}`, done: seen + pagesSeen, total, unit: "pages" });
        };
        // Writes to a file or a pipe may all be done at once: signals come in here.
        const breathe = async () => {
          await setImmediate();
          host.signal.throwIfAborted();
        };
        const write = async (blocks: Iterable<RowBlock>) => {
          for (const chunk of encoder.chunksOf(blocks)) {
            await sink.write(chunk);
            await breathe();
          }
        };
        const sorted = plan.sorted?.();
        await sink.write(encoder.begin);
        while (map !== undefined) {
          if (sorted === undefined) {
            await write(tapped(plan.blocksOf(map, left), tap));
          } else {
            for (const done of sorted.add(map)) {
              progress.update({ what: `sorting ${of}`, done, total, unit: "pages" });
              await breathe();
            }
          }
          if (left === 0) break;
          seen += map.slots;
          map = (await maps.next()).value;
        }
        if (sorted !== undefined) await write(sorted.blocks());
        await sink.write(encoder.end);
      });
    } finally {
      progress.clear();
      await maps.return();
    }
  });
  return 0;
}

async function encoderOf(format: Format, columns: readonly RowColumn[]): Promise<RowEncoder> {
  if (format === "csv") return csvEncoder(columns);
  if (format === "ndjson") return ndjsonEncoder(columns);
  return (await import("../rows/arrow.js")).arrowEncoder(columns);
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

function sortOf(text: string, limit: string | undefined): RowSort {
  const [column, direction, ...rest] = text.split(":").map((part) => part.trim());
  if (rest.length > 0 || (direction !== undefined && direction !== "desc" && direction !== "asc"))
    throw badUse(`--sort: ${JSON.stringify(text)}: expected COLUMN, COLUMN:asc or COLUMN:desc`);
  if (limit === undefined) throw badUse(`--sort takes --limit N too: the first N rows, up to ${MAX_SORTED_ROWS}`);
  return { column: column!, descending: direction === "desc" };
}

function columnNames(text: string, of: RowsOf): string[] {
  if (text.trim() === "all") return columnsOf(of).map(({ name }) => name);
  return text.split(",").map((name) => columnNamed(name.trim(), of).name);
}
