/** Writes a kernel's table of symbols, in each way that kernels have had. */
import type { KernelWriter } from "./write-kernel.js";

export type AddressRule = "percpu" | "relative" | "place" | "addresses";

export interface KallsymsSpec {
  readonly symbols: Readonly<Record<string, bigint>>;
  readonly rule: AddressRule;
  /** Put the markers and the numbers by name beside them, as kernels from 6.4 on have them; at multiples of so many bytes. */
  readonly sorted?: 4 | 8;
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
export function writeKallsyms(kernel: KernelWriter, { symbols, rule, sorted }: KallsymsSpec): string[] {
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
  const packed = Uint8Array.from(names.flatMap(packName));
  const places = { ...TABLES };
  if (sorted !== undefined) {
    // Nothing but padding between the tables.
    const before = roundUp(packed.length, sorted) + roundUp(Math.ceil(names.length / 256) * 4, sorted);
    places.names = TABLES.token_table - BigInt(before);
  }
  kernel.put(AT + places.names, packed);
  kernel.put(
    AT + TABLES.token_table,
    Uint8Array.from(texts.flatMap((text) => Array.from(`${text}\0`, (character) => character.charCodeAt(0)))),
  );
  kernel.put(AT + TABLES.token_index, new Uint8Array(Uint16Array.from(index).buffer));
  kernel.words(AT + TABLES.relative_base, [BASE]);
  if (rule === "addresses") kernel.words(AT + TABLES.offsets, addresses);
  else kernel.put(AT + TABLES.offsets, new Uint8Array(Int32Array.from(addresses, offsetBy(rule)).buffer));
  if (sorted !== undefined) writeSorted(kernel, { names, rule, alignment: sorted });
  const lines = Object.entries(places)
    .filter(([name]) => name !== "relative_base" || rule === "percpu" || rule === "relative")
    .map(([name, offset]) => {
      const key = rule === "addresses" && name === "offsets" ? "addresses" : name;
      return `SYMBOL(kallsyms_${key})=${(AT + offset).toString(16)}`;
    });
  const stext = symbols["_stext"];
  return stext === undefined ? lines : [`SYMBOL(_stext)=${stext.toString(16)}`, ...lines];
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** The markers, and the numbers of the symbols in the order of their names. */
function writeSorted(
  kernel: KernelWriter,
  { names, rule, alignment }: { names: readonly string[]; rule: AddressRule; alignment: number },
): void {
  let at = 0;
  const starts = names.map((name) => {
    const start = at;
    at += packName(name).length;
    return start;
  });
  const markers = starts.filter((_, number) => number % 256 === 0);
  kernel.put(
    AT + TABLES.token_table - BigInt(roundUp(markers.length * 4, alignment)),
    new Uint8Array(Uint32Array.from(markers).buffer),
  );
  const byName = names.map((_, number) => number).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
  const place =
    rule === "place" ? TABLES.offsets + BigInt(roundUp(names.length * 4, alignment)) : TABLES.relative_base + 8n;
  kernel.put(
    AT + place,
    Uint8Array.from(byName.flatMap((number) => [number >> 16, (number >> 8) & 255, number & 255])),
  );
}

function offsetBy(rule: AddressRule): (address: bigint, i: number) => number {
  return (address, i) => {
    if (rule === "place") return Number(BigInt.asIntN(32, address - (AT + TABLES.offsets + BigInt(i * 4))));
    // Up to 6.14, what is below the image is a per-CPU variable's offset, as it is.
    if (rule === "percpu") return Number(address < 0x7fffffffn ? address : BASE - 1n - address);
    return Number(BigInt.asIntN(32, address - BASE));
  };
}
