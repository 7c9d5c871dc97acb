/** Rows as an Arrow IPC stream. */
import type { Batch, Column as ArrowColumn, DataType } from "@uwdata/flechette";
import { type Cells, NO_NAME } from "./cells.js";
import { encoded, type RowEncoder } from "./encoder.js";
import { checkRows, type RowColumn, type Rows } from "./rows.js";

type Flechette = typeof import("@uwdata/flechette");

/** What ends a stream: a continuation mark and a length of 0. */
const END_BYTES = 8;

/**
 * Rows as an Arrow IPC stream, in chunks: a record batch a block. Words and PFNs are uint64, other numbers int32, names dictionaries of
 * utf8, texts utf8, truths bool; a cell without an answer is null.
 */
export async function arrowOf(rows: Rows): Promise<Iterable<Uint8Array>> {
  checkRows(rows, "arrowOf");
  return encoded(await arrowEncoder(rows.columns), rows.blocks);
}

/** @internal */
export async function arrowEncoder(columns: readonly RowColumn[]): Promise<RowEncoder> {
  const flechette = await import("@uwdata/flechette");
  const encoders = columns.map((column) => new ColumnEncoder(flechette, column));
  const encode = (batches: readonly (readonly Batch<unknown>[])[]): Uint8Array => {
    const table = flechette.tableFromColumns(
      encoders.map(({ name }, i) => [name, new flechette.Column([...batches[i]!])] as [string, ArrowColumn<unknown>]),
    );
    return flechette.tableToIPC(table, { format: "stream" })!;
  };
  // A stream is schema, dictionaries, batches and an end. Two empty batches take as much more than one as one takes; what comes
  // before them is the same in front of all batches.
  const empty = encoders.map((encoder) => encoder.empty());
  const one = encode(empty.map((batch) => [batch]));
  const two = encode(empty.map((batch) => [batch, batch]));
  const begin = one.length - (two.length - one.length) - END_BYTES;
  return {
    begin: one.subarray(0, begin),
    chunksOf: function* (blocks) {
      for (const { cells, length } of blocks) {
        const stream = encode(cells.map((column, i) => [encoders[i]!.batch(column, length)]));
        yield stream.subarray(begin, stream.length - END_BYTES);
      }
    },
    end: one.subarray(one.length - END_BYTES),
  };
}

/** Makes batches of a column, all of one type and with one dictionary. */
class ColumnEncoder {
  readonly name: string;
  readonly #flechette: Flechette;
  readonly #column: RowColumn;
  readonly #type: DataType;
  readonly #dictionary: ArrowColumn<string> | undefined;

  constructor(flechette: Flechette, column: RowColumn) {
    this.name = column.name;
    this.#flechette = flechette;
    this.#column = column;
    this.#type = typeOf(flechette, column);
    // The encoder knows a dictionary by the type of its values.
    if ("dictionary" in this.#type)
      this.#dictionary = flechette.columnFromArray<string>([...column.names], this.#type.dictionary);
  }

  empty(): Batch<unknown> {
    const { kind, names } = this.#column;
    const none = new Uint8Array();
    switch (kind) {
      case "number":
        return this.batch({ kind, values: none }, 0);
      case "word":
        return this.batch({ kind, halves: new Uint32Array() }, 0);
      case "name":
        return this.batch({ kind, codes: none, names }, 0);
      case "text":
        return this.batch({ kind, texts: [] }, 0);
      case "truth":
        return this.batch({ kind, values: none }, 0);
    }
  }

  batch(cells: Cells, length: number): Batch<unknown> {
    const { nullCount, validity } = validityOf(cells, length);
    const Kind = this.#flechette.batchType(this.#type) as typeof Batch<unknown>;
    const batch = new Kind({ length, nullCount, type: this.#type, validity, ...buffersOf(cells, this.#column.wide) });
    if (this.#dictionary !== undefined) {
      (batch as Batch<unknown> & { setDictionary(column: ArrowColumn<string>): void }).setDictionary(this.#dictionary);
    }
    return batch;
  }
}

function typeOf(flechette: Flechette, { kind, wide }: RowColumn): DataType {
  switch (kind) {
    case "number":
      return wide ? flechette.uint64() : flechette.int32();
    case "word":
      return flechette.uint64();
    case "name":
      return flechette.dictionary(flechette.utf8(), flechette.uint8());
    case "text":
      return flechette.utf8();
    case "truth":
      return flechette.bool();
  }
}

type Buffers = Pick<ConstructorParameters<typeof Batch>[0], "values" | "offsets">;

function buffersOf(cells: Cells, wide: boolean): Buffers {
  switch (cells.kind) {
    case "number":
      return { values: wide ? uint64s(cells.values) : Int32Array.from(cells.values) };
    case "word":
      return { values: new BigUint64Array(cells.halves.buffer) };
    case "name":
      return { values: cells.codes.map((code) => (code === NO_NAME ? 0 : code)) };
    case "text":
      return utf8(cells.texts);
    case "truth":
      return { values: bits(cells.values) };
  }
}

function uint64s(values: ArrayLike<number>): BigUint64Array {
  const halves = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    halves[2 * i] = values[i]!;
    halves[2 * i + 1] = Math.floor(values[i]! / 2 ** 32);
  }
  return new BigUint64Array(halves.buffer);
}

function utf8(texts: readonly string[]): Buffers {
  const bytes = new TextEncoder();
  const known = new Map<string, Uint8Array>();
  const parts = texts.map((text) => {
    const part = known.get(text) ?? bytes.encode(text);
    known.set(text, part);
    return part;
  });
  const offsets = new Int32Array(texts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = offsets[i]! + part.length));
  const values = new Uint8Array(offsets[texts.length]!);
  parts.forEach((part, i) => values.set(part, offsets[i]));
  return { values, offsets };
}

/** One bit for each byte, the lowest first. */
function bits(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(bytes.length / 8));
  for (let i = 0; i < bytes.length; i++) packed[i >> 3]! |= bytes[i]! << (i & 7);
  return packed;
}

function validityOf(cells: Cells, length: number): { readonly nullCount: number; readonly validity: Uint8Array } {
  const valid =
    cells.kind === "name"
      ? cells.codes.map((code) => Number(code !== NO_NAME))
      : cells.kind === "number" || cells.kind === "word"
        ? cells.valid
        : undefined;
  const nullCount = valid === undefined ? 0 : length - valid.reduce((sum, one) => sum + one, 0);
  return { nullCount, validity: nullCount === 0 || valid === undefined ? new Uint8Array() : bits(valid) };
}
