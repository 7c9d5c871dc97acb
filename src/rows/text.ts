/** Rows as text: csv, and JSON a line. */
import { ByteWriter, bytesOf } from "./byte-writer.js";
import { type Cells, NO_NAME } from "./cells.js";
import type { RowEncoder } from "./encoder.js";
import { encoded } from "./encoder.js";
import { checkRows, type RowBlock, type RowColumn, type Rows } from "./rows.js";

/** The longest cell that is no name and no text: `"0x…"`. */
const MAX_CELL = 20;
const CHUNK = 256 * 1024;

/** What stands around cells. */
interface Form {
  /** Before each column's cell, the first one's with the start of the row. */
  readonly before: readonly Uint8Array[];
  readonly endOfRow: Uint8Array;
  /** A cell without an answer. */
  readonly none: Uint8Array;
  readonly quotesWords: boolean;
  readonly name: (name: string) => Uint8Array;
  readonly truth: readonly [no: Uint8Array, yes: Uint8Array];
}

const NO = bytesOf("");

/** A field of csv, in quotes where it has to be (RFC 4180). */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Rows as csv in UTF-8, in chunks: first a line of the columns' names. Words are `0x` and lower-case hex, other numbers decimal, truths
 * 0 and 1; a cell without an answer is empty.
 */
export function csvOf(rows: Rows): Iterable<Uint8Array> {
  checkRows(rows, "csvOf");
  return encoded(csvEncoder(rows.columns), rows.blocks);
}

/** @internal */
export function csvEncoder(columns: readonly RowColumn[]): RowEncoder {
  const comma = bytesOf(",");
  const form: Form = {
    before: columns.map((_, i) => (i === 0 ? NO : comma)),
    endOfRow: bytesOf("\n"),
    none: NO,
    quotesWords: false,
    name: (name) => bytesOf(csvField(name)),
    truth: [bytesOf("0"), bytesOf("1")],
  };
  const begin = bytesOf(`${columns.map(({ name }) => csvField(name)).join(",")}\n`);
  return { begin, chunksOf: (blocks) => textOf(blocks, form), end: NO };
}

/** Rows as JSON objects, one a line, in chunks of UTF-8. Words are strings, `"0x…"`; a cell without an answer is null. */
export function ndjsonOf(rows: Rows): Iterable<Uint8Array> {
  checkRows(rows, "ndjsonOf");
  return encoded(ndjsonEncoder(rows.columns), rows.blocks);
}

/** @internal */
export function ndjsonEncoder(columns: readonly RowColumn[]): RowEncoder {
  const form: Form = {
    before: columns.map(({ name }, i) => bytesOf(`${i === 0 ? "{" : ","}${JSON.stringify(name)}:`)),
    endOfRow: bytesOf("}\n"),
    none: bytesOf("null"),
    quotesWords: true,
    name: (name) => bytesOf(JSON.stringify(name)),
    truth: [bytesOf("false"), bytesOf("true")],
  };
  return { begin: NO, chunksOf: (blocks) => textOf(blocks, form), end: NO };
}

type PutCell = (row: number) => void;

function* textOf(blocks: Iterable<RowBlock>, form: Form): Generator<Uint8Array, void> {
  const writer = new ByteWriter(CHUNK);
  const known = new Map<string, Uint8Array>();
  const bytesOfName = (name: string): Uint8Array => {
    let bytes = known.get(name);
    if (bytes === undefined) known.set(name, (bytes = form.name(name)));
    return bytes;
  };
  const fixed = form.endOfRow.length + form.before.reduce((sum, bytes) => sum + bytes.length + MAX_CELL, 0);
  for (const { cells, length } of blocks) {
    const put = cells.map((column) => putterOf(column, writer, form, fixed, bytesOfName));
    for (let row = 0; row < length; row++) {
      writer.reserve(fixed);
      for (let i = 0; i < put.length; i++) {
        writer.bytes(form.before[i]!);
        put[i]!(row);
      }
      writer.bytes(form.endOfRow);
      if (writer.length >= CHUNK - 4096) yield writer.take();
    }
  }
  if (writer.length > 0) yield writer.take();
}

/** Puts the cell of a row. A row's `fixed` bytes have room; a longer cell makes its own, and leaves as much behind it. */
function putterOf(
  cells: Cells,
  writer: ByteWriter,
  form: Form,
  fixed: number,
  bytesOfName: (name: string) => Uint8Array,
): PutCell {
  const { none } = form;
  const putLong = (bytes: Uint8Array): void => {
    writer.reserve(bytes.length + fixed);
    writer.bytes(bytes);
  };
  switch (cells.kind) {
    case "number": {
      const { values, valid } = cells;
      return (row) => (valid?.[row] === 0 ? writer.bytes(none) : writer.decimal(values[row]!));
    }
    case "word": {
      const { halves, valid } = cells;
      return (row) => {
        if (valid?.[row] === 0) {
          writer.bytes(none);
          return;
        }
        if (form.quotesWords) writer.byte(34);
        writer.hex(halves[2 * row + 1]!, halves[2 * row]!);
        if (form.quotesWords) writer.byte(34);
      };
    }
    case "name": {
      const names = cells.names.map(bytesOfName);
      const { codes } = cells;
      return (row) => putLong(codes[row] === NO_NAME ? none : names[codes[row]!]!);
    }
    case "text": {
      const { texts } = cells;
      return (row) => putLong(bytesOfName(texts[row]!));
    }
    case "truth": {
      const { values } = cells;
      return (row) => writer.bytes(form.truth[values[row]!]!);
    }
  }
}
