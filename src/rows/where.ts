/** Conditions over columns, as `--where` takes them: compiled to functions over the cells of a block. */
import { VmemmapError } from "../errors.js";
import { strangeName } from "../nearest.js";
import type { Profile } from "../profile/index.js";
import { flagOf } from "../profile/names.js";
import { type Cells, hasAnswer } from "./cells.js";
import { type Column, columnsOf, type RowsOf } from "./columns.js";
import { type Comparison, type Condition, type Operand, parseWhere, type Term } from "./where-parse.js";
import { whereError } from "./where-tokens.js";

/** Cells by column. */
export type CellsOf = (column: Column) => Cells;

/** 1 for each of so many rows that matches. */
export type Predicate = (cells: CellsOf, rows: number) => Uint8Array;

/** Whole numbers of any sign and size that columns and conditions have: `high * 2^32 + low`. */
interface Wide {
  readonly high: Float64Array;
  readonly low: Uint32Array;
  /** 0 where there is no answer. */
  readonly valid: Uint8Array | undefined;
}

type Values = (cells: CellsOf, rows: number) => Wide;

/** What an operand is, once its names are known. */
type Resolved =
  | { readonly is: "number"; readonly values: Values; readonly names?: readonly string[]; readonly column?: Column }
  | { readonly is: "constant"; readonly value: bigint }
  | { readonly is: "names"; readonly column: Column; readonly names: readonly string[] }
  | { readonly is: "name"; readonly name: string }
  | { readonly is: "empty" };

const TRUTH_NAMES = ["false", "true"];
const LOW = 0xffffffffn;
/** Of the numbers in sums: as many of them as a condition has room for stay exact. */
const LARGEST = (1n << 64n) - 1n;

/**
 * Compile a condition.
 *
 * @throws VmemmapError "bad-argument": it can't be read, names no column, or compares what can't be compared; the message shows the
 * place
 */
export function compileWhere(text: string, rows: RowsOf, profile: Profile): Predicate {
  return new Compiler(text, rows, profile).compile(parseWhere(text));
}

class Compiler {
  readonly #text: string;
  readonly #columns: ReadonlyMap<string, Column>;
  readonly #profile: Profile;

  constructor(text: string, rows: RowsOf, profile: Profile) {
    this.#text = text;
    this.#columns = new Map(columnsOf(rows).map((column) => [column.name, column]));
    this.#profile = profile;
  }

  compile(condition: Condition): Predicate {
    switch (condition.kind) {
      case "all":
      case "any": {
        const parts = condition.parts.map((part) => this.compile(part));
        const isAny = condition.kind === "any";
        return (cells, rows) => {
          const matches = parts[0]!(cells, rows);
          for (const part of parts.slice(1)) {
            const more = part(cells, rows);
            for (let i = 0; i < rows; i++) matches[i] = isAny ? matches[i]! | more[i]! : matches[i]! & more[i]!;
          }
          return matches;
        };
      }
      case "not": {
        const part = this.compile(condition.part);
        return (cells, rows) => {
          const matches = part(cells, rows);
          for (let i = 0; i < rows; i++) matches[i]! ^= 1;
          return matches;
        };
      }
      case "compare":
        return this.#compare(condition.how, condition.left, condition.right);
      case "in": {
        const parts = condition.list.map((value) => this.#compare("=", condition.left, value));
        return (cells, rows) => {
          const matches = new Uint8Array(rows);
          for (const part of parts) {
            const more = part(cells, rows);
            for (let i = 0; i < rows; i++) matches[i]! |= more[i]!;
          }
          return matches;
        };
      }
      case "has": {
        const left = this.#resolve(condition.left);
        if (left.is !== "number" || left.column?.hasFlags !== true)
          throw this.#noValue(left, condition.left, `has asks for a flag of the column ${this.#flagColumns()}`);
        return this.#isSet(bitsOf(left.values, this.#flagMask(condition.flag, condition.flagAt)));
      }
      case "truth": {
        const value = this.#resolve(condition.of);
        if (value.is !== "number" || (value.names !== TRUTH_NAMES && condition.of.kind !== "bits"))
          throw this.#noValue(value, condition.of, "a condition is missing: what shall it be compared with?");
        return this.#isSet(value.values);
      }
    }
  }

  #error({ at }: { readonly at: number }, message: string): VmemmapError {
    return whereError(this.#text, at, message);
  }

  #flagColumns(): string {
    return [...this.#columns.values()]
      .filter(({ hasFlags }) => hasFlags)
      .map(({ name }) => name)
      .join(", ");
  }

  #flagMask(asked: string, at: number): bigint {
    // PG_dirty, as the kernel has it, or dirty.
    const name = asked.replace(/^PG_/i, "").toLowerCase();
    const known = Object.entries(this.#profile.flags)
      .filter(([, { policy }]) => policy !== "second")
      .map(([flag]) => flag);
    if (!known.includes(name)) {
      const isSecond = Object.hasOwn(this.#profile.flags, name);
      throw this.#error(
        { at },
        isSecond ? `flag "${name}" is a folio's, in its page 1` : `no flag ${strangeName(name, known)}`,
      );
    }
    return 1n << BigInt(flagOf(this.#profile, name).bit);
  }

  #isSet(values: Values): Predicate {
    return (cells, rows) => {
      const { high, low, valid } = values(cells, rows);
      const matches = new Uint8Array(rows);
      for (let i = 0; i < rows; i++) matches[i] = Number((high[i] !== 0 || low[i] !== 0) && valid?.[i] !== 0);
      return matches;
    };
  }

  #resolve(operand: Operand): Resolved {
    switch (operand.kind) {
      case "number":
        return { is: "constant", value: operand.value };
      case "empty":
        return { is: "empty" };
      case "bits": {
        const of = this.#resolve(operand.of);
        if (of.is === "constant") return { is: "constant", value: BigInt.asUintN(64, of.value) & operand.mask };
        if (of.is !== "number") throw this.#noValue(of, operand.of, "& takes the bits of a number, and this is none");
        return { is: "number", values: bitsOf(of.values, operand.mask) };
      }
      case "sum":
        return this.#sum(operand.terms);
      case "name": {
        const column = operand.quoted ? undefined : this.#columns.get(operand.name);
        return column === undefined ? { is: "name", name: operand.name } : this.#column(column, operand);
      }
    }
  }

  #sum(terms: readonly Term[]): Resolved {
    const columns: { values: Values; isMinus: boolean }[] = [];
    let constant = 0n;
    for (const { of, isMinus } of terms) {
      const term = this.#resolve(of);
      if (term.is === "constant") {
        if (term.value > LARGEST || term.value < -LARGEST) throw this.#error(of, "numbers in sums have up to 64 bits");
        constant += isMinus ? -term.value : term.value;
      } else if (term.is === "number" && term.names !== TRUTH_NAMES) columns.push({ values: term.values, isMinus });
      else throw this.#noValue(term, of, "+ and - take numbers, and this is none");
    }
    return columns.length === 0
      ? { is: "constant", value: constant }
      : { is: "number", values: sumOf(columns, constant) };
  }

  #column(column: Column, operand: Operand): Resolved {
    const names = column.namesOf?.(this.#profile);
    switch (column.kind) {
      case "text":
        throw this.#error(operand, `${column.name} is for reading: ask ${this.#flagColumns()} has NAME`);
      case "name":
        return { is: "names", column, names: names ?? [] };
      default: {
        const values: Values = (cells) => wideOf(cells(column));
        const named = column.kind === "truth" ? TRUTH_NAMES : names;
        return named === undefined ? { is: "number", values, column } : { is: "number", values, column, names: named };
      }
    }
  }

  #compare(how: Comparison, leftOperand: Operand, rightOperand: Operand): Predicate {
    const left = this.#resolve(leftOperand);
    const right = this.#resolve(rightOperand);
    // Constants, names and `empty` to the right.
    if (rank(left) > rank(right)) return this.#compareResolved(turned(how), right, rightOperand, left, leftOperand);
    return this.#compareResolved(how, left, leftOperand, right, rightOperand);
  }

  #compareResolved(
    how: Comparison,
    left: Resolved,
    leftOperand: Operand,
    right: Resolved,
    rightOperand: Operand,
  ): Predicate {
    if (left.is !== "number" && left.is !== "names") {
      // Neither side is a column.
      const [side, operand] =
        left.is === "constant" && right.is === "name" ? [right, rightOperand] : [left, leftOperand];
      throw this.#noValue(side, operand, "one side of a comparison has to be a column");
    }
    if (right.is === "empty") return this.#isEmpty(how, left, rightOperand);
    if (left.is === "names") return this.#compareNames(how, left, right, rightOperand);
    if (right.is === "names") throw this.#error(rightOperand, "a number and a name can't be compared");
    if (right.is === "number") return comparing(how, left.values, right.values);
    const value = right.is === "constant" ? right.value : BigInt(this.#place(left, right.name, rightOperand));
    if (right.is === "name" && how !== "=" && how !== "!=")
      throw this.#error(rightOperand, `names are = or !=, there is no ${how} of them`);
    return comparing(how, left.values, () => ({ constant: value }));
  }

  /** An operand that is not what stands there; a name that is no column's is told as that. */
  #noValue({ is }: Resolved, operand: Operand, message: string): VmemmapError {
    const isName = is === "name" && operand.kind === "name" && !operand.quoted;
    return this.#error(operand, isName ? this.#strangeColumn(operand.name) : message);
  }

  #strangeColumn(name: string): string {
    const [first, ...rest] = name.split("-");
    if (rest.length > 0 && this.#columns.has(first!))
      return `no column ${JSON.stringify(name)}; a difference has spaces around its sign: ${name.split("-").join(" - ")}`;
    const lower = name.toLowerCase();
    if (name !== lower && this.#columns.has(lower))
      return `no column ${JSON.stringify(name)}; columns are in lower case: ${lower}`;
    return `no column ${strangeName(name, [...this.#columns.keys()])}`;
  }

  /** The number that a name stands for, of a column whose numbers have names. */
  #place(left: Resolved & { readonly is: "number" }, name: string, operand: Operand): number {
    if (left.names === undefined) {
      const isQuoted = operand.kind === "name" && operand.quoted;
      throw this.#error(operand, isQuoted ? "a number and a string can't be compared" : this.#strangeColumn(name));
    }
    const place = left.names.findIndex((candidate) => candidate.toLowerCase() === name.toLowerCase());
    if (place < 0) throw this.#error(operand, `no ${left.column?.name ?? "name"} ${strangeName(name, left.names)}`);
    return place;
  }

  #compareNames(
    how: Comparison,
    { column, names }: Resolved & { readonly is: "names" },
    right: Resolved,
    operand: Operand,
  ): Predicate {
    if (how !== "=" && how !== "!=") throw this.#error(operand, `names are = or !=, there is no ${how} of them`);
    // A column's name may be a kind's or a type's as well.
    const name = right.is === "name" ? right.name : operand.kind === "name" ? operand.name : undefined;
    if (name === undefined) throw this.#error(operand, `${column.name} has names, and this is none`);
    const wanted = names.findIndex((candidate) => candidate.toLowerCase() === name.toLowerCase());
    if (wanted < 0) throw this.#error(operand, `no ${column.name} ${strangeName(name, names)}`);
    const isWanted = how === "=";
    return (cells, rows) => {
      const found = cells(column);
      const matches = new Uint8Array(rows);
      if (found.kind !== "name") return matches;
      for (let i = 0; i < rows; i++)
        matches[i] = Number((found.codes[i] === wanted) === isWanted && hasAnswer(found, i));
      return matches;
    };
  }

  #isEmpty(how: Comparison, left: Resolved & { readonly column?: Column }, operand: Operand): Predicate {
    const { column } = left;
    if (column === undefined) throw this.#error(operand, "only a column can be empty");
    if (how !== "=" && how !== "!=") throw this.#error(operand, `empty takes = or !=, not ${how}`);
    const wanted = how === "!=";
    return (cells, rows) => {
      const found = cells(column);
      const matches = new Uint8Array(rows);
      for (let i = 0; i < rows; i++) matches[i] = Number(hasAnswer(found, i) === wanted);
      return matches;
    };
  }
}

function rank({ is }: Resolved): number {
  return is === "number" || is === "names" ? 0 : 1;
}

function turned(how: Comparison): Comparison {
  const other: Partial<Record<Comparison, Comparison>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };
  return other[how] ?? how;
}

function wideOf(cells: Cells): Wide {
  if (cells.kind === "word") {
    const { halves, valid } = cells;
    const rows = halves.length / 2;
    const high = new Float64Array(rows);
    const low = new Uint32Array(rows);
    for (let i = 0; i < rows; i++) {
      low[i] = halves[2 * i]!;
      high[i] = halves[2 * i + 1]!;
    }
    return { high, low, valid };
  }
  const values = cells.kind === "number" || cells.kind === "truth" ? cells.values : new Uint8Array();
  const high = new Float64Array(values.length);
  const low = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    high[i] = Math.floor(values[i]! / 2 ** 32);
    low[i] = values[i]! - high[i]! * 2 ** 32;
  }
  return { high, low, valid: cells.kind === "number" ? cells.valid : undefined };
}

/** The bits of values under a mask; a negative number has those of its 64-bit two's complement. */
function bitsOf(values: Values, mask: bigint): Values {
  const maskHigh = Number(mask >> 32n);
  const maskLow = Number(mask & LOW);
  return (cells, rows) => {
    const { high, low, valid } = values(cells, rows);
    for (let i = 0; i < rows; i++) {
      high[i] = (high[i]! & maskHigh) >>> 0;
      low[i]! &= maskLow;
    }
    return { high, low, valid };
  };
}

/** Values added up and taken away, and a constant with them: exact, whatever their sign. No answer where one of them has none. */
function sumOf(terms: readonly { readonly values: Values; readonly isMinus: boolean }[], constant: bigint): Values {
  const constantHigh = Number(constant >> 32n);
  const constantLow = Number(constant & LOW);
  return (cells, rows) => {
    const high = new Float64Array(rows).fill(constantHigh);
    const low = new Uint32Array(rows).fill(constantLow);
    const valid = new Uint8Array(rows).fill(1);
    for (const { values, isMinus } of terms) {
      const sign = isMinus ? -1 : 1;
      const term = values(cells, rows);
      for (let i = 0; i < rows; i++) {
        const sum = low[i]! + sign * term.low[i]!;
        low[i] = sum;
        high[i]! += sign * term.high[i]! + Math.floor(sum / 2 ** 32);
        if (term.valid !== undefined) valid[i]! &= term.valid[i]!;
      }
    }
    return { high, low, valid };
  };
}

/** Rows whose two values compare so; those without an answer on either side do not. */
function comparing(how: Comparison, left: Values, right: Values | (() => { readonly constant: bigint })): Predicate {
  // The difference's sign is what counts: of the high halves, or, where they are equal, of the low ones.
  const [less, equal, greater] = [
    how === "<" || how === "<=" || how === "!=",
    how === "=" || how === "<=" || how === ">=",
    how === ">" || how === ">=" || how === "!=",
  ].map(Number) as [number, number, number];
  return (cells, rows) => {
    const a = left(cells, rows);
    const b = right(cells, rows);
    const matches = new Uint8Array(rows);
    const isConstant = "constant" in b;
    const high = isConstant ? Number(b.constant >> 32n) : 0;
    const low = isConstant ? Number(b.constant & LOW) : 0;
    for (let i = 0; i < rows; i++) {
      const over = a.high[i]! - (isConstant ? high : b.high[i]!);
      const difference = over !== 0 ? over : a.low[i]! - (isConstant ? low : b.low[i]!);
      matches[i] = difference < 0 ? less : difference === 0 ? equal : greater;
    }
    for (const valid of [a.valid, isConstant ? undefined : b.valid])
      if (valid !== undefined) for (let i = 0; i < rows; i++) matches[i]! &= valid[i]!;
    return matches;
  };
}
