/** Cells of a column, for some rows: what each kind of column keeps. */

/** Where a cell has no answer: its code in a column of names. */
export const NO_NAME = 255;

/** Whole numbers, exact. */
export interface Numbers {
  readonly kind: "number";
  readonly values: Uint8Array | Int32Array | Uint32Array | Float64Array;
  /** 0: the cell has no answer. Undefined: all have. */
  readonly valid?: Uint8Array;
}

/** 64-bit words: low half and high half of each in turn. A BigUint64Array over the same buffer has them as one. */
export interface Words {
  readonly kind: "word";
  readonly halves: Uint32Array<ArrayBuffer>;
  readonly valid?: Uint8Array;
}

/** Names out of a list. */
export interface Names {
  readonly kind: "name";
  /** Places in `names`, or {@link NO_NAME}. */
  readonly codes: Uint8Array;
  readonly names: readonly string[];
}

/** Free text: names joined by `|`. */
export interface Texts {
  readonly kind: "text";
  readonly texts: readonly string[];
}

/** Yes (1) or no (0). */
export interface Truths {
  readonly kind: "truth";
  readonly values: Uint8Array;
}

export type Cells = Numbers | Words | Names | Texts | Truths;

/** Whether a cell has an answer. */
export function hasAnswer(cells: Cells, row: number): boolean {
  if (cells.kind === "name") return cells.codes[row] !== NO_NAME;
  return cells.kind === "text" || cells.kind === "truth" || cells.valid === undefined || cells.valid[row] !== 0;
}

/** The value of a cell: a number, bigint, string or boolean; null where it has no answer. */
export function valueOf(cells: Cells, row: number): number | bigint | string | boolean | null {
  if (!hasAnswer(cells, row)) return null;
  switch (cells.kind) {
    case "number":
      return cells.values[row]!;
    case "word":
      return (BigInt(cells.halves[2 * row + 1]!) << 32n) | BigInt(cells.halves[2 * row]!);
    case "name":
      return cells.names[cells.codes[row]!]!;
    case "text":
      return cells.texts[row]!;
    case "truth":
      return cells.values[row] !== 0;
  }
}

/** The cells of some of the rows. */
export function take(cells: Cells, rows: Uint32Array): Cells {
  switch (cells.kind) {
    case "number": {
      const { kind, values, valid } = cells;
      const taken = pick(values, rows);
      return valid === undefined ? { kind, values: taken } : { kind, values: taken, valid: pick(valid, rows) };
    }
    case "word": {
      const { kind, valid } = cells;
      const halves = new Uint32Array(2 * rows.length);
      for (let i = 0; i < rows.length; i++) {
        halves[2 * i] = cells.halves[2 * rows[i]!]!;
        halves[2 * i + 1] = cells.halves[2 * rows[i]! + 1]!;
      }
      return valid === undefined ? { kind, halves } : { kind, halves, valid: pick(valid, rows) };
    }
    case "name":
      return { ...cells, codes: pick(cells.codes, rows) };
    case "text":
      return { ...cells, texts: Array.from(rows, (row) => cells.texts[row]!) };
    case "truth":
      return { ...cells, values: pick(cells.values, rows) };
  }
}

/** The cells of rows of one column, one part after the other. */
export function joined(parts: readonly Cells[]): Cells {
  const first = parts[0]!;
  switch (first.kind) {
    case "number": {
      const all = parts.filter((part) => part.kind === first.kind);
      const values = chain(all.map((part) => part.values));
      if (all.every(({ valid }) => valid === undefined)) return { kind: first.kind, values };
      return { kind: first.kind, values, valid: chain(all.map((part) => part.valid ?? ones(part.values.length))) };
    }
    case "word": {
      const all = parts.filter((part) => part.kind === first.kind);
      const halves = chain(all.map((part) => part.halves));
      if (all.every(({ valid }) => valid === undefined)) return { kind: first.kind, halves };
      return { kind: first.kind, halves, valid: chain(all.map((part) => part.valid ?? ones(part.halves.length / 2))) };
    }
    case "name":
      return { ...first, codes: chain(parts.filter((part) => part.kind === first.kind).map(({ codes }) => codes)) };
    case "text":
      return { ...first, texts: parts.filter((part) => part.kind === first.kind).flatMap(({ texts }) => texts) };
    case "truth":
      return { ...first, values: chain(parts.filter((part) => part.kind === first.kind).map(({ values }) => values)) };
  }
}

function ones(length: number): Uint8Array {
  return new Uint8Array(length).fill(1);
}

/** Arrays one after the other; of several types, as those of PFNs in maps that reach beyond 2^32 pages or not, as doubles. */
function chain<T extends Numbers["values"]>(parts: readonly T[]): T {
  const made = new Set(parts.map((part) => part.constructor));
  const type = (made.size === 1 ? parts[0]!.constructor : Float64Array) as new (length: number) => T;
  const all = new type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function pick<T extends Uint8Array | Int32Array | Uint32Array | Float64Array>(values: T, rows: Uint32Array): T {
  const taken = new (values.constructor as new (length: number) => T)(rows.length);
  for (let i = 0; i < rows.length; i++) taken[i] = values[rows[i]!]!;
  return taken;
}
