/** The grammar of conditions. */
import { tokensOf, type Token, whereError } from "./where-tokens.js";

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** Something with a value. */
export type Operand =
  | { readonly kind: "number"; readonly value: bigint; readonly at: number }
  /** A column, or a name of what the other side has: `anon`, "file", NORMAL. */
  | { readonly kind: "name"; readonly name: string; readonly quoted: boolean; readonly at: number }
  | { readonly kind: "empty"; readonly at: number }
  /** Its terms added up, those that are `minus` taken away. */
  | { readonly kind: "sum"; readonly terms: readonly Term[]; readonly at: number }
  | { readonly kind: "bits"; readonly of: Operand; readonly mask: bigint; readonly at: number };

export interface Term {
  readonly of: Operand;
  readonly isMinus: boolean;
}

export type Condition =
  | { readonly kind: "all" | "any"; readonly parts: readonly Condition[]; readonly at: number }
  | { readonly kind: "not"; readonly part: Condition; readonly at: number }
  | {
      readonly kind: "compare";
      readonly how: Comparison;
      readonly left: Operand;
      readonly right: Operand;
      readonly at: number;
    }
  | { readonly kind: "in"; readonly left: Operand; readonly list: readonly Operand[]; readonly at: number }
  | {
      readonly kind: "has";
      readonly left: Operand;
      readonly flag: string;
      readonly flagAt: number;
      readonly at: number;
    }
  /** The value is not 0. */
  | { readonly kind: "truth"; readonly of: Operand; readonly at: number };

/** Deep enough for anyone, and far from the end of the stack. */
const MAX_DEPTH = 100;

const WORDS = new Set(["and", "or", "not", "in", "has", "empty"]);
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  "=": "=",
  "==": "=",
  "!=": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

/** @throws VmemmapError "bad-argument", with the place */
export function parseWhere(text: string): Condition {
  return new Parser(text).condition();
}

type Parsed = { readonly is: "condition"; readonly of: Condition } | { readonly is: "operand"; readonly of: Operand };

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  condition(): Condition {
    const whole = this.#asCondition(this.#any());
    const rest = this.#peek();
    if (rest.kind !== "end") throw this.#error(rest, `${shown(rest)} does not belong here: and, or?`);
    return whole;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  /** Whether the next token is one of these words or signs, which is then taken. */
  #took(...texts: readonly string[]): boolean {
    const { kind, text } = this.#peek();
    if ((kind !== "name" && kind !== "sign") || !texts.includes(text.toLowerCase())) return false;
    this.#next++;
    return true;
  }

  #error({ at }: { readonly at: number }, message: string): Error {
    return whereError(this.#text, at, message);
  }

  #any(): Parsed {
    return this.#chain("any", ["or", "||"], () => this.#chain("all", ["and", "&&"], () => this.#not()));
  }

  #chain(kind: "all" | "any", words: readonly string[], part: () => Parsed): Parsed {
    const first = part();
    if (!this.#took(...words)) return first;
    const parts = [this.#asCondition(first)];
    do parts.push(this.#asCondition(part()));
    while (this.#took(...words));
    return { is: "condition", of: { kind, parts, at: parts[0]!.at } };
  }

  #not(): Parsed {
    const { at } = this.#peek();
    if (!this.#took("not", "!")) return this.#compared();
    const part = this.#deeper(() => this.#asCondition(this.#not()));
    return { is: "condition", of: { kind: "not", part, at } };
  }

  #deeper<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.#error(this.#peek(), `more than ${MAX_DEPTH} levels of nesting`);
    const parsed = parse();
    this.#depth--;
    return parsed;
  }

  #compared(): Parsed {
    const left = this.#primary();
    if (left.is === "condition") return left;
    const token = this.#peek();
    const how = token.kind === "sign" ? COMPARISONS[token.text] : undefined;
    const { at } = left.of;
    if (how !== undefined) {
      this.#take();
      return { is: "condition", of: { kind: "compare", how, left: left.of, right: this.#operand(), at } };
    }
    if (this.#took("has")) {
      const flag = this.#take();
      if (flag.kind !== "name" && flag.kind !== "string") throw this.#error(flag, "the name of a flag is missing");
      return { is: "condition", of: { kind: "has", left: left.of, flag: flag.text, flagAt: flag.at, at } };
    }
    if (this.#took("in")) return { is: "condition", of: { kind: "in", left: left.of, list: this.#list(), at } };
    if (isWord(token, "not") && isWord(this.#tokens[this.#next + 1], "in")) {
      this.#next += 2;
      // Not the opposite of `in`: a cell without an answer is in no list, and unequal to no value.
      const parts = this.#list().map((right): Condition => ({ kind: "compare", how: "!=", left: left.of, right, at }));
      return { is: "condition", of: { kind: "all", parts, at } };
    }
    return left;
  }

  #list(): Operand[] {
    const open = this.#peek();
    if (!this.#took("(")) throw this.#error(open, "a list in ( ) is missing");
    const list: Operand[] = [];
    do list.push(this.#operand());
    while (this.#took(","));
    const close = this.#peek();
    if (!this.#took(")")) throw this.#error(close, ") is missing");
    return list;
  }

  #operand(): Operand {
    const parsed = this.#primary();
    if (parsed.is === "condition") throw this.#error(parsed.of, "a value is missing: this is a condition");
    return parsed.of;
  }

  /** A sum, its bits, or what stands in parentheses. */
  #primary(): Parsed {
    let parsed = this.#sum();
    while (this.#peek().text === "&" && this.#peek().kind === "sign") {
      const sign = this.#take();
      if (parsed.is === "condition")
        throw this.#error(sign, "& takes the bits of a value: for conditions there is and");
      const mask = this.#take();
      if (mask.kind !== "number" || mask.value < 0n || mask.value >= 1n << 64n)
        throw this.#error(mask, `${shown(mask)}: expected the bits that & takes, as a number of up to 64 bits`);
      const { of } = parsed;
      const bits = of.kind === "bits" ? { ...of, mask: of.mask & mask.value } : { of, mask: mask.value };
      parsed = { is: "operand", of: { kind: "bits", ...bits, at: of.at } };
      const next = this.#peek();
      if (this.#addition(next) !== undefined)
        throw this.#error(next, `${shown(next)} behind &: put ( ) around what comes first`);
    }
    return parsed;
  }

  #sum(): Parsed {
    const first = this.#atom();
    if (this.#addition(this.#peek()) === undefined) return first;
    const terms = [this.#term(first, false)];
    for (;;) {
      const token = this.#peek();
      const sign = this.#addition(token);
      if (sign === undefined) return { is: "operand", of: { kind: "sum", terms, at: terms[0]!.of.at } };
      // Of `refcount -1` the minus is the number's.
      if (token.kind === "sign") this.#take();
      terms.push(this.#term(this.#atom(), token.kind === "sign" && sign === "-"));
    }
  }

  #term(parsed: Parsed, isMinus: boolean): Term {
    if (parsed.is === "condition") throw this.#error(parsed.of, "+ and - take values: this is a condition");
    return { of: parsed.of, isMinus };
  }

  /** What goes on with a sum: a sign, or a number that brings its own. */
  #addition({ kind, text }: Token): "+" | "-" | undefined {
    if (kind === "sign") return text === "+" || text === "-" ? text : undefined;
    return kind === "number" && text.startsWith("-") ? "-" : undefined;
  }

  #atom(): Parsed {
    const token = this.#take();
    const { at, text, value } = token;
    if (token.kind === "number") return { is: "operand", of: { kind: "number", value, at } };
    if (token.kind === "string") return { is: "operand", of: { kind: "name", name: text, quoted: true, at } };
    if (isWord(token, "empty")) return { is: "operand", of: { kind: "empty", at } };
    if (token.kind === "name" && !WORDS.has(text.toLowerCase()))
      return { is: "operand", of: { kind: "name", name: text, quoted: false, at } };
    if (token.kind !== "sign" || text !== "(")
      throw this.#error(token, `${shown(token)}: expected a column or a value`);
    const inner = this.#deeper(() => this.#any());
    const close = this.#peek();
    if (!this.#took(")")) throw this.#error(close, `${shown(close)}: expected ) for the ( at column ${at + 1}`);
    return inner;
  }

  #asCondition(parsed: Parsed): Condition {
    return parsed.is === "condition" ? parsed.of : { kind: "truth", of: parsed.of, at: parsed.of.at };
  }
}

/** Words of the grammar are found in either case of letters. */
function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "name" && token.text.toLowerCase() === word;
}

function shown({ kind, text }: Token): string {
  return kind === "end" ? "the condition ends here" : JSON.stringify(text.slice(0, 60));
}
