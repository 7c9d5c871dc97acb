/** The words of a condition. */
import { VmemmapError } from "../errors.js";

export interface Token {
  readonly kind: "name" | "string" | "number" | "sign" | "end";
  /** As it stands; of a string, what stands between its quotes. */
  readonly text: string;
  /** Of a number. */
  readonly value: bigint;
  /** Characters before it. */
  readonly at: number;
  /** Characters it takes. */
  readonly length: number;
}

const MAX_LENGTH = 64 * 1024;

const SPACE = /\s+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*/y;
const NUMBER = /-?(?:0[xX][0-9a-fA-F]+|[0-9]+)[A-Za-z0-9_]*/y;
const NUMBER_PARTS = /^(-?)(0[xX][0-9a-fA-F]+|[0-9]+)([KMGT]i?B?)?$/;
const STRING = /"([^"]*)"|'([^']*)'/y;
const SIGN = /<=|>=|==|!=|&&|\|\||[<>=!&(),+-]/y;

const SIZES = new Map([
  ["K", 10n],
  ["M", 20n],
  ["G", 30n],
  ["T", 40n],
]);

/** A "bad-argument" that shows where in the condition it is. */
export function whereError(text: string, at: number, message: string): VmemmapError {
  // A long condition is shown around the place; what a terminal would act on is left out.
  const from = Math.max(0, at - 60);
  const shown = text.slice(from, at + 60).replace(/[\p{Cc}\p{Cf}]/gu, " ");
  const begin = from > 0 ? "…" : "";
  return new VmemmapError("bad-argument", `${message}\n  ${begin}${shown}\n  ${" ".repeat(begin.length + at - from)}^`);
}

/** @throws VmemmapError "bad-argument": a character that belongs to nothing, a string or a number that is none */
export function tokensOf(text: string): Token[] {
  if (text.length > MAX_LENGTH)
    throw new VmemmapError("bad-argument", `a condition has at most ${MAX_LENGTH} characters, this one ${text.length}`);
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const add = (kind: Token["kind"], length: number, shown: string, value = 0n): void => {
    tokens.push({ kind, text: shown, value, at, length });
    at += length;
  };
  while (at < text.length) {
    const space = match(SPACE);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const name = match(NAME);
    const number = match(NUMBER);
    const string = match(STRING);
    const sign = match(SIGN);
    if (name !== null) add("name", name[0].length, name[0]);
    else if (number !== null) add("number", number[0].length, number[0], numberOf(number[0], text, at));
    else if (string !== null) add("string", string[0].length, string[1] ?? string[2] ?? "");
    else if (sign !== null) add("sign", sign[0].length, sign[0]);
    else if (text[at] === '"' || text[at] === "'") throw whereError(text, at, "the string has no end");
    else
      throw whereError(text, at, `${JSON.stringify(String.fromCodePoint(text.codePointAt(at)!))} has no meaning here`);
  }
  add("end", 0, "the end");
  return tokens;
}

function numberOf(word: string, text: string, at: number): bigint {
  const parts = NUMBER_PARTS.exec(word);
  if (parts === null)
    throw whereError(text, at, `${JSON.stringify(word)} is no number: 42, 0x2a, 4K, 2M, 1G, 1T are (powers of 1024)`);
  const [, minus, digits, size] = parts;
  const value = BigInt(digits!) << (size === undefined ? 0n : SIZES.get(size[0]!)!);
  return minus === "-" ? -value : value;
}
