/** The kernel's own table of symbols (kernel/kallsyms.c), for the few that VMCOREINFO does not name. */
import { numbersByPass, readNameTable, type VirtualReader } from "./kallsyms-names.js";
import { numbersByHalving } from "./kallsyms-sorted.js";
import type { KernelMemory } from "./kernel-memory.js";
import { KernelPages } from "./kernel-pages.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

/** Symbols that both tables name: how addresses are to be read is told by these. */
const ANCHORS = ["_stext", "init_uts_ns", "init_top_pgt"];

export interface FoundSymbols {
  /** Address of each name that was found, KASLR included. Of several symbols with one name, the first. */
  readonly addresses: ReadonlyMap<string, bigint>;
  /** Why no symbol could be looked up; null where they could. */
  readonly lacking: string | null;
}

/** The addresses of these symbols, as far as the dump has them. Never throws for what the dump holds. */
export async function findSymbols(
  info: Vmcoreinfo,
  kernel: KernelMemory,
  names: readonly string[],
): Promise<FoundSymbols> {
  const pages = new KernelPages(kernel);
  const table = await readNameTable(info, pages);
  if (typeof table === "string") return lacking(table);
  const anchors = ANCHORS.filter((name) => info.symbol(name) !== undefined);
  const sorted = await numbersByHalving(info, pages, table, { wanted: names, anchors });
  if (sorted !== null) {
    const found = await addressesOf(info, pages, names, sorted);
    if (found.lacking === null) return found;
  }
  const numbers = await numbersByPass(table, kernel, new Set([...names, ...ANCHORS]));
  return typeof numbers === "string" ? lacking(numbers) : addressesOf(info, pages, names, numbers);
}

async function addressesOf(
  info: Vmcoreinfo,
  kernel: VirtualReader,
  names: readonly string[],
  numbers: ReadonlyMap<string, number>,
): Promise<FoundSymbols> {
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

// ---- How addresses are kept ---------------------------------------------------------------------------------------------

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
  kernel: VirtualReader,
  anchors: readonly Anchor[],
): Promise<ReadAddress | string> {
  if (anchors.length === 0) return `kallsyms names none of ${ANCHORS.join(", ")}`;
  for (const read of await addressRules(info, kernel)) {
    const agree = await Promise.all(anchors.map(async ({ number, address }) => (await read(number)) === address));
    if (agree.every(Boolean)) return read;
  }
  return "kallsyms gives other addresses than VMCOREINFO";
}

async function addressRules(info: Vmcoreinfo, kernel: VirtualReader): Promise<ReadAddress[]> {
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

async function readU64(kernel: VirtualReader, address: bigint): Promise<bigint | null> {
  const bytes = await kernel.tryRead(address, 8);
  return bytes === null ? null : new DataView(bytes.buffer).getBigUint64(0, true);
}
