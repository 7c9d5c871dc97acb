/**
 * The names of the kernel's table of symbols (kernel/kallsyms.c). They are packed: each byte stands for a token, the first character of
 * what they spell is the symbol's type.
 *
 *     names: | length | tokens … | length | …       a length of 128 and more takes two bytes, low 7 bits first (6.1 on)
 */
import { hex } from "./fact.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

const TOKENS = 256;
/** Distribution kernels have 3 MiB of names. */
const MAX_NAMES_BYTES = 2 ** 25;
/** token_index has 16 bits. */
const MAX_TOKENS_BYTES = 2 ** 16 + 2 ** 10;

/** Something that reads virtual memory: all of what is asked for, or nothing. */
export interface VirtualReader {
  tryRead(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** Where the names are, and what their bytes stand for. */
export interface NameTable {
  /** Symbols. */
  readonly count: number;
  /** Address of the names, and of what follows them at the latest. */
  readonly start: bigint;
  readonly end: bigint;
  readonly tokens: readonly string[];
}

/** A symbol's name in a stretch of names. */
interface PackedName {
  /** Its tokens. */
  readonly from: number;
  readonly to: number;
}

/** Which tables VMCOREINFO tells of, or why the names can't be read. */
export async function readNameTable(info: Vmcoreinfo, kernel: VirtualReader): Promise<NameTable | string> {
  const place = (name: string) => info.symbol(`kallsyms_${name}`);
  const [num, start, table, index] = ["num_syms", "names", "token_table", "token_index"].map(place);
  if (num === undefined || start === undefined || table === undefined || index === undefined) {
    return "VMCOREINFO has no SYMBOL(kallsyms_…)";
  }
  // In every version the tokens follow the names, and their index follows them.
  const namesBytes = table - start;
  const tableBytes = index - table;
  if (namesBytes <= 0n || namesBytes > MAX_NAMES_BYTES || tableBytes <= 0n || tableBytes > MAX_TOKENS_BYTES) {
    return `kallsyms_names at ${hex(start)}, token_table at ${hex(table)}, token_index at ${hex(index)}: expected in this order`;
  }
  const numBytes = await kernel.tryRead(num, 4);
  const tokenBytes = await kernel.tryRead(table, Number(tableBytes));
  const indexBytes = await kernel.tryRead(index, TOKENS * 2);
  if (!numBytes || !tokenBytes || !indexBytes) return NOT_IN_DUMP;
  const tokens = Array.from(new Uint16Array(indexBytes.buffer), (from) => {
    const to = tokenBytes.indexOf(0, from);
    return to < 0 ? null : String.fromCharCode(...tokenBytes.subarray(from, to));
  });
  if (!tokens.every((token) => token !== null && token.length < TOKENS)) {
    return `kallsyms_token_table at ${hex(table)}: expected ${TOKENS} strings`;
  }
  return { count: new Uint32Array(numBytes.buffer)[0]!, start, end: table, tokens: tokens as string[] };
}

const NOT_IN_DUMP = "the pages of kallsyms are not in the dump";

/** The name that begins at a byte; null if it is empty or leaves the names. */
export function packedNameAt(names: Uint8Array, at: number): PackedName | null {
  let from = at + 1;
  let length = names[at] ?? 0;
  if (length >= 0x80) length = (length & 0x7f) | ((names[from++] ?? 0) << 7);
  const to = from + length;
  return length === 0 || to > names.length ? null : { from, to };
}

/** What tokens spell, without the symbol's type. */
export function spell(tokens: readonly string[], names: Uint8Array, { from, to }: PackedName): string {
  let name = "";
  for (let i = from; i < to; i++) name += tokens[names[i]!]!;
  return name.slice(1);
}

/**
 * Which symbols, by number, have these names, in a pass over all; or why it can't be told. Of several symbols with one name, the first. Only
 * names of a length that is looked for are spelt.
 */
export async function numbersByPass(
  { count, start, end, tokens }: NameTable,
  kernel: VirtualReader,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number> | string> {
  const names = await kernel.tryRead(start, Number(end - start));
  if (names === null) return NOT_IN_DUMP;
  const lengths = Uint16Array.from(tokens, ({ length }) => length);
  const wantedLengths = new Set(Array.from(wanted, ({ length }) => length + 1));
  const found = new Map<string, number>();
  let at = 0;
  for (let number = 0; number < count; number++) {
    const packed = packedNameAt(names, at);
    if (packed === null) {
      return `kallsyms_names: symbol ${number} of ${count} begins at byte ${at} of ${names.length}, where no name does`;
    }
    let characters = 0;
    for (let i = packed.from; i < packed.to; i++) characters += lengths[names[i]!]!;
    if (wantedLengths.has(characters)) {
      const name = spell(tokens, names, packed);
      if (wanted.has(name) && !found.has(name)) found.set(name, number);
    }
    at = packed.to;
  }
  return found;
}
