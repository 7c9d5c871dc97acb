/** Writes a kernel's table of symbols, in each way that kernels have had. */
import type { KernelWriter } from "./write-kernel.js";

export type AddressRule = "percpu" | "relative" | "place" | "addresses";

export interface KallsymsSpec {
  readonly symbols: Readonly<Record<string, bigint>>;
  readonly rule: AddressRule;
}

/** The image, as kallsyms places its tables; far enough apart for any test. */
const AT = 0xffffffff82000000n;
const TABLES = {
  num_syms: 0n,
  names: 0x100n,
  token_table: 0x8000n,
  token_index: 0x9000n,
  offsets: 0xa000n,
  relative_base: 0xf000n,
};
const TABLES_BYTES = 0x10000;
const BASE = 0xffffffff81000000n;

/** Tokens: characters as they are, and two that stand for more, as scripts/kallsyms makes them. */
const PAIRS: readonly (readonly [token: number, text: string])[] = [
  [0x01, "pgmap"],
  [0x02, "_BTF"],
];

export function packName(name: string): number[] {
  let text = `T${name}`;
  for (const [token, pair] of PAIRS) text = text.replaceAll(pair, String.fromCharCode(token));
  const tokens = Array.from(text, (character) => character.charCodeAt(0));
  const { length } = tokens;
  return length < 0x80 ? [length, ...tokens] : [0x80 | (length & 0x7f), length >> 7, ...tokens];
}

/** Put the table into the kernel's memory. @returns its lines of VMCOREINFO, those of the anchors with them */
export function writeKallsyms(kernel: KernelWriter, { symbols, rule }: KallsymsSpec): string[] {
  const names = Object.keys(symbols);
  const addresses = Object.values(symbols);
  const tokens = Array.from(
    { length: 256 },
    (_, i) => PAIRS.find(([token]) => token === i)?.[1] ?? String.fromCharCode(i),
  );
  // Tokens that no name has are empty strings; NUL can't be one.
  const texts = tokens.map((text) => (text === "\0" || text.charCodeAt(0) > 0x7e ? "" : text));
  let at = 0;
  const index = texts.map((text) => {
    const start = at;
    at += text.length + 1;
    return start;
  });
  // No page between the tables is missing.
  kernel.put(AT, new Uint8Array(TABLES_BYTES));
  kernel.put(AT, new Uint8Array(Uint32Array.of(names.length).buffer));
  kernel.put(AT + TABLES.names, Uint8Array.from(names.flatMap(packName)));
  kernel.put(
    AT + TABLES.token_table,
    Uint8Array.from(texts.flatMap((text) => Array.from(`${text}\0`, (character) => character.charCodeAt(0)))),
  );
  kernel.put(AT + TABLES.token_index, new Uint8Array(Uint16Array.from(index).buffer));
  kernel.words(AT + TABLES.relative_base, [BASE]);
  if (rule === "addresses") kernel.words(AT + TABLES.offsets, addresses);
  else kernel.put(AT + TABLES.offsets, new Uint8Array(Int32Array.from(addresses, offsetBy(rule)).buffer));
  const lines = Object.entries(TABLES)
    .filter(([name]) => name !== "relative_base" || rule === "percpu" || rule === "relative")
    .map(([name, offset]) => {
      const key = rule === "addresses" && name === "offsets" ? "addresses" : name;
      return `SYMBOL(kallsyms_${key})=${(AT + offset).toString(16)}`;
    });
  const stext = symbols["_stext"];
  return stext === undefined ? lines : [`SYMBOL(_stext)=${stext.toString(16)}`, ...lines];
}

function offsetBy(rule: AddressRule): (address: bigint, i: number) => number {
  return (address, i) => {
    if (rule === "place") return Number(BigInt.asIntN(32, address - (AT + TABLES.offsets + BigInt(i * 4))));
    // Up to 6.14, what is below the image is a per-CPU variable's offset, as it is.
    if (rule === "percpu") return Number(address < 0x7fffffffn ? address : BASE - 1n - address);
    return Number(BigInt.asIntN(32, address - BASE));
  };
}
