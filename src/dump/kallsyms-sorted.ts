/**
 * Names found by halving (kallsyms_seqs_of_names, 6.2 on: the symbols' numbers in the order of their names, three bytes each, the highest
 * first): a few pages of 3 MiB. VMCOREINFO names neither that table nor the markers, which tell where every 256th name begins; but from 6.4
 * on the markers end where the tokens begin, and the numbers follow the addresses.
 */
import { type NameTable, packedNameAt, spell, type VirtualReader } from "./kallsyms-names.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

const GROUP = 256;
const MARKER_BYTES = 4;
const NUMBER_BYTES = 3;
const OFFSET_BYTES = 4;
const ADDRESS_BYTES = 8;
/** Tables begin at multiples of 8, in newer kernels of 4. */
const ALIGNMENTS = [8, 4];
const MAX_PADDING = 8;
/** More symbols than a number of three bytes tells. */
const MAX_SYMBOLS = 2 ** 24;

/**
 * Which symbols, by number, have these names. Null where the tables are not as they should be as far as they were looked at, or do not know
 * all of `anchors`, which every kernel names: then nothing can be said, and not that a name is missing either.
 */
export async function numbersByHalving(
  info: Vmcoreinfo,
  kernel: VirtualReader,
  table: NameTable,
  { wanted, anchors }: { readonly wanted: Iterable<string>; readonly anchors: readonly string[] },
): Promise<ReadonlyMap<string, number> | null> {
  if (anchors.length === 0 || table.count === 0 || table.count > MAX_SYMBOLS) return null;
  const names = await sortedNames(kernel, table);
  if (names === null) return null;
  for (const seqs of placesOfNumbers(info, table.count)) {
    const found = await lookUp([...anchors, ...wanted], { kernel, names, seqs });
    if (found !== null && anchors.every((name) => found.has(name))) return found;
  }
  return null;
}

/** Where the numbers may stand: behind the base of the addresses, or where there is none behind those. */
function placesOfNumbers(info: Vmcoreinfo, count: number): bigint[] {
  const base = info.symbol("kallsyms_relative_base");
  const offsets = info.symbol("kallsyms_offsets");
  if (base !== undefined) return [base + BigInt(ADDRESS_BYTES)];
  if (offsets === undefined) return [];
  return aligned((alignment) => roundUp(offsets + BigInt(count * OFFSET_BYTES), alignment));
}

function aligned(place: (alignment: bigint) => bigint): bigint[] {
  return [...new Set(ALIGNMENTS.map((alignment) => place(BigInt(alignment))))];
}

function roundUp(address: bigint, alignment: bigint): bigint {
  return ((address + alignment - 1n) / alignment) * alignment;
}

/** Names by number. */
class Names {
  constructor(
    private readonly kernel: VirtualReader,
    private readonly table: NameTable,
    /** Where each group of names begins. */
    private readonly markers: Uint32Array,
    /** Where the last ends, or less than 8 bytes before. */
    private readonly end: number,
  ) {}

  get count(): number {
    return this.table.count;
  }

  /** Null where it is not there. */
  async at(number: number): Promise<string | null> {
    const group = Math.floor(number / GROUP);
    const from = this.markers[group]!;
    const to = this.markers[group + 1] ?? this.end;
    const bytes = await this.kernel.tryRead(this.table.start + BigInt(from), to - from);
    if (bytes === null) return null;
    // All names of the group, so that they are seen to end where the next begins: a marker that is off would name every symbol wrongly.
    let name: string | null = null;
    let at = 0;
    for (let i = group * GROUP; i < Math.min((group + 1) * GROUP, this.count); i++) {
      const packed = packedNameAt(bytes, at);
      if (packed === null) return null;
      if (i === number) name = spell(this.table.tokens, bytes, packed);
      at = packed.to;
    }
    const rest = bytes.length - at;
    return rest === 0 || (to === this.end && rest < MAX_PADDING) ? name : null;
  }
}

/** The names, if the words that end where the tokens begin are markers: from 0 on rising by what 256 names take. */
async function sortedNames(kernel: VirtualReader, table: NameTable): Promise<Names | null> {
  const groups = Math.ceil(table.count / GROUP);
  const places = aligned((alignment) => table.end - roundUp(BigInt(groups * MARKER_BYTES), alignment));
  for (const place of places) {
    const end = Number(place - table.start);
    const bytes = end <= 0 ? null : await kernel.tryRead(place, groups * MARKER_BYTES);
    if (bytes === null) continue;
    const markers = new Uint32Array(bytes.buffer);
    const rises = markers.every((marker, i) => (i === 0 ? marker === 0 : marker - markers[i - 1]! >= 2 * GROUP));
    if (rises && markers.at(-1)! < end) return new Names(kernel, table, markers, end);
  }
  return null;
}

interface Sorted {
  readonly kernel: VirtualReader;
  readonly names: Names;
  readonly seqs: bigint;
}

/** The numbers of those names that are there; null where the order is none. */
async function lookUp(wanted: readonly string[], sorted: Sorted): Promise<Map<string, number> | null> {
  const found = new Map<string, number>();
  for (const name of wanted) {
    const number = await firstOf(name, sorted);
    if (number === null) return null;
    if (number !== ABSENT) found.set(name, number);
  }
  return found;
}

const ABSENT = -1;

/** A symbol as the order of names has it: of one name by rising numbers. */
interface NamedNumber {
  readonly name: string;
  readonly number: number;
}

function precedes(a: NamedNumber, b: NamedNumber): boolean {
  return a.name < b.name || (a.name === b.name && a.number < b.number);
}

/** The first symbol of this name, {@link ABSENT} without one; null where symbols on the way are in no order. */
async function firstOf(wanted: string, sorted: Sorted): Promise<number | null> {
  let low = 0;
  let high = sorted.names.count;
  let before: NamedNumber | null = null;
  let behind: NamedNumber | null = null;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const symbol = await symbolAt(middle, sorted);
    if (symbol === null || (before && !precedes(before, symbol)) || (behind && !precedes(symbol, behind))) return null;
    if (symbol.name < wanted) {
      low = middle + 1;
      before = symbol;
    } else {
      high = middle;
      behind = symbol;
    }
  }
  return behind?.name === wanted ? behind.number : ABSENT;
}

/** A symbol by its place in the order of names. */
async function symbolAt(place: number, { kernel, names, seqs }: Sorted): Promise<NamedNumber | null> {
  const bytes = await kernel.tryRead(seqs + BigInt(place * NUMBER_BYTES), NUMBER_BYTES);
  if (bytes === null) return null;
  const number = (bytes[0]! << 16) | (bytes[1]! << 8) | bytes[2]!;
  const name = number < names.count ? await names.at(number) : null;
  return name === null ? null : { name, number };
}
