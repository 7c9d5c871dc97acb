/** Something a map was made by, and where it was found: a map keeps the list in its provenance. */
export interface Fact {
  /** "release", "vmemmapBase", "flags.head", … */
  readonly name: string;
  readonly value: string | number | boolean | bigint;
  /** "SYMBOL(vmemmap)", "BTF", "preset 7.3", … */
  readonly from: string;
}

/** A fact as JSON can hold it: 64-bit words as "0x…". */
export interface FactRecord {
  readonly name: string;
  readonly value: string | number | boolean;
  readonly from: string;
}

export function factRecord({ name, value, from }: Fact): FactRecord {
  return { name, value: typeof value === "bigint" ? hex(value) : value, from };
}

/** An address, or a word, as messages and facts show it. */
export function hex(word: bigint | number): string {
  return word < 0 ? `-0x${(-word).toString(16)}` : `0x${word.toString(16)}`;
}
