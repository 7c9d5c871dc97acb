/**
 * The kernel's own table of symbols (kernel/kallsyms.c), for the few that VMCOREINFO does not name. Names are packed: each byte
 * stands for a token, the first character of what they spell is the symbol's type.
 *
 *     names: | length | tokens … | length | …       a length of 128 and more takes two bytes, low 7 bits first (6.1 on)
 */
import { hex } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

const TOKENS = 256;
/** Distribution kernels have 3 MiB of names. */
const MAX_NAMES_BYTES = 2 ** 25;
/** token_index has 16 bits. */
const MAX_TOKENS_BYTES = 2 ** 16 + 2 ** 10;

/** Symbols that both tables name: how addresses are to be read is told by these. */
const ANCHORS = ["_stext", "init_uts_ns", "init_top_pgt"];

export interface FoundSymbols {
  /** Address of each name that was found, KASLR included. Of several symbols with one name, the first. */
  readonly addresses: ReadonlyMap<string, bigint>;
  /** Why no symbol could be looked up; null where they could. */
  readonly lacking: string | null;
}

/** The addresses of these symbols, as far as the dump has them; in one pass over the names. Never throws for what the dump holds. */
export async function findSymbols(
  info: Vmcoreinfo,
  kernel: KernelMemory,
  names: readonly string[],
): Promise<FoundSymbols> {
  const table = await readTable(info, kernel);
  if (typeof table === "string") return lacking(table);
  const numbers = numbersOf(table, new Set([...names, ...ANCHORS]));
  if (typeof numbers === "string") return lacking(numbers);
  const anchors = ANCHORS.flatMap((name) => {
    const number = numbers.get(name);
    const address = info.symbol(name);
    return number === undefined || address === undefined ? [] : [{ number, address }];
  });
  const read = await addressRule(info, kernel, anchors);
  if (typeof read === "string") return lacking(read);
  const addresses = new Map<string, bigint>();
  for (const name of names) {
    const number = numbers.get(name);
    const address = number === undefined ? null : await read(number);
    if (address !== null) addresses.set(name, address);
  }
  return { addresses, lacking: null };
}

function lacking(reason: string): FoundSymbols {
  return { addresses: new Map(), lacking: reason };
}

// ---- Names ------------------------------------------------------------------------------------------------------------

interface Table {
  readonly count: number;
  readonly names: Uint8Array;
  readonly tokens: readonly string[];
}

/** The table of names, or why it can't be read. */
async function readTable(info: Vmcoreinfo, kernel: KernelMemory): Promise<Table | string> {
  const place = (name: string) => info.symbol(`kallsyms_${name}`);
  const [num, names, table, index] = ["num_syms", "names", "token_table", "token_index"].map(place);
  if (num === undefined || names === undefined || table === undefined || index === undefined) {
    return "VMCOREINFO has no SYMBOL(kallsyms_…)";
  }
  // In every version the tokens follow the names, and their index follows them.
  const namesBytes = table - names;
  const tableBytes = index - table;
  if (namesBytes <= 0n || namesBytes > MAX_NAMES_BYTES || tableBytes <= 0n || tableBytes > MAX_TOKENS_BYTES) {
    return `kallsyms_names at ${hex(names)}, token_table at ${hex(table)}, token_index at ${hex(index)}: expected in this order`;
  }
  const parts = await Promise.all([
    kernel.tryRead(num, 4),
    kernel.tryRead(names, Number(namesBytes)),
    kernel.tryRead(table, Number(tableBytes)),
    kernel.tryRead(index, TOKENS * 2),
  ]);
  const [numBytes, nameBytes, tokenBytes, indexBytes] = parts;
  if (!numBytes || !nameBytes || !tokenBytes || !indexBytes) return "the pages of kallsyms are not in the dump";
  const starts = new Uint16Array(indexBytes.buffer);
  const tokens = Array.from(starts, (start) => {
    const end = tokenBytes.indexOf(0, start);
    return end < 0 ? null : String.fromCharCode(...tokenBytes.subarray(start, end));
  });
  if (!tokens.every((token) => token !== null && token.length < TOKENS)) {
    return `kallsyms_token_table at ${hex(table)}: expected ${TOKENS} strings`;
  }
  return { count: new Uint32Array(numBytes.buffer)[0]!, names: nameBytes, tokens: tokens as string[] };
}

/** Which symbols, by number, have these names; or what is wrong with the table. Only names of a length that is looked for are spelt. */
function numbersOf({ count, names, tokens }: Table, wanted: ReadonlySet<string>): Map<string, number> | string {
  const lengths = Uint16Array.from(tokens, ({ length }) => length);
  const wantedLengths = new Set(Array.from(wanted, ({ length }) => length + 1));
  const found = new Map<string, number>();
  let at = 0;
  for (let number = 0; number < count; number++) {
    let length = names[at++] ?? 0;
    if (length >= 0x80) length = (length & 0x7f) | ((names[at++] ?? 0) << 7);
    const end = at + length;
    if (length === 0 || end > names.length) {
      return `kallsyms_names: symbol ${number} of ${count} has ${length} tokens at byte ${at} of ${names.length}`;
    }
    let characters = 0;
    for (let i = at; i < end; i++) characters += lengths[names[i]!]!;
    if (wantedLengths.has(characters)) {
      let name = "";
      for (let i = at; i < end; i++) name += tokens[names[i]!]!;
      name = name.slice(1);
      if (wanted.has(name) && !found.has(name)) found.set(name, number);
    }
    at = end;
  }
  return found;
}

// ---- Addresses --------------------------------------------------------------------------------------------------------

/** The address of a symbol by its number; null where the dump lacks it. */
type ReadAddress = (number: number) => Promise<bigint | null>;

interface Anchor {
  readonly number: number;
  readonly address: bigint;
}

/**
 * How addresses are kept, which no kernel tells: the first way in which the symbols that VMCOREINFO names too get the addresses it
 * gives. Or why there is none.
 */
async function addressRule(
  info: Vmcoreinfo,
  kernel: KernelMemory,
  anchors: readonly Anchor[],
): Promise<ReadAddress | string> {
  if (anchors.length === 0) return `kallsyms names none of ${ANCHORS.join(", ")}`;
  for (const read of await addressRules(info, kernel)) {
    const agree = await Promise.all(anchors.map(async ({ number, address }) => (await read(number)) === address));
    if (agree.every(Boolean)) return read;
  }
  return "kallsyms gives other addresses than VMCOREINFO";
}

async function addressRules(info: Vmcoreinfo, kernel: KernelMemory): Promise<ReadAddress[]> {
  const rules: ReadAddress[] = [];
  const addresses = info.symbol("kallsyms_addresses");
  if (addresses !== undefined) rules.push((number) => readU64(kernel, addresses + BigInt(number) * 8n));
  const offsets = info.symbol("kallsyms_offsets");
  if (offsets === undefined) return rules;
  const rule = (addressOf: (offset: bigint, place: bigint) => bigint): ReadAddress => {
    return async (number) => {
      const place = offsets + BigInt(number) * 4n;
      const bytes = await kernel.tryRead(place, 4);
      return bytes === null ? null : BigInt.asUintN(64, addressOf(BigInt(new Int32Array(bytes.buffer)[0]!), place));
    };
  };
  const baseAt = info.symbol("kallsyms_relative_base");
  const base = baseAt === undefined ? null : await readU64(kernel, baseAt);
  if (base !== null) {
    // KALLSYMS_ABSOLUTE_PERCPU, up to 6.14: what is not negative is an address itself, that of a per-CPU variable.
    rules.push(rule((offset) => (offset >= 0n ? offset : base - 1n - offset)));
    rules.push(rule((offset) => base + BigInt.asUintN(32, offset)));
  }
  // 7.x: relative to where the offset itself stands.
  rules.push(rule((offset, place) => place + offset));
  return rules;
}

async function readU64(kernel: KernelMemory, address: bigint): Promise<bigint | null> {
  const bytes = await kernel.tryRead(address, 8);
  return bytes === null ? null : new DataView(bytes.buffer).getBigUint64(0, true);
}
