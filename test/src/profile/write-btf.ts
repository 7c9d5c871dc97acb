/** Writes BTF, type by type: what the reader is tested on. */

export interface MemberSpec {
  /** "" for an anonymous one. */
  readonly name: string;
  readonly type: number;
  readonly bit: number;
  /** Of a bit field; the struct then has kind_flag. */
  readonly width?: number;
}

const KIND_FLAG = 1 << 31;

export class BtfWriter {
  readonly #types: number[][] = [];
  readonly #names = new Map<string, number>([["", 0]]);
  #strings = "\0";

  int(name: string, bytes: number, bits = bytes * 8, first = 0): number {
    return this.#add(1, name, bytes, [(first << 16) | bits]);
  }

  pointer(type: number): number {
    return this.#add(2, "", type);
  }

  array(type: number, count: number): number {
    return this.#add(3, "", 0, [type, type, count]);
  }

  struct(name: string, bytes: number, members: readonly MemberSpec[]): number {
    return this.#aggregate(4, name, bytes, members);
  }

  union(name: string, bytes: number, members: readonly MemberSpec[]): number {
    return this.#aggregate(5, name, bytes, members);
  }

  enum(name: string, values: Readonly<Record<string, number>>, signed = false): number {
    const parts = Object.entries(values).flatMap(([each, value]) => [this.#name(each), value]);
    return this.#add(6, name, 4, parts, parts.length / 2, signed);
  }

  enum64(name: string, values: Readonly<Record<string, bigint>>): number {
    const parts = Object.entries(values).flatMap(([each, value]) => [
      this.#name(each),
      Number(BigInt.asUintN(32, value)),
      Number(BigInt.asUintN(32, value >> 32n)),
    ]);
    return this.#add(19, name, 8, parts, parts.length / 3);
  }

  typedef(name: string, type: number): number {
    return this.#add(8, name, type);
  }

  /** A qualifier, a tag, a forward declaration, a function, a float: what is one record and no more. */
  plain(kind: 7 | 9 | 10 | 11 | 12 | 16 | 18, name: string, sizeOrType: number): number {
    return this.#add(kind, name, sizeOrType);
  }

  /** Prototype, variable, data section, tag of a declaration: skipped by their lengths. */
  skipped(): void {
    this.#add(13, "", 0, [0, 0, 0, 0], 2);
    this.#add(14, "variable", 1, [0]);
    this.#add(15, ".data", 8, [1, 0, 8], 1);
    this.#add(17, "tag", 1, [0]);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const types = Uint32Array.from(this.#types.flat());
    const strings = new TextEncoder().encode(this.#strings);
    const header = new DataView(new ArrayBuffer(24));
    header.setUint16(0, 0xeb9f, true);
    header.setUint8(2, 1);
    [24, 0, types.byteLength, types.byteLength, strings.length].forEach((word, i) => {
      header.setUint32(4 + i * 4, word, true);
    });
    const bytes = new Uint8Array(24 + types.byteLength + strings.length);
    bytes.set(new Uint8Array(header.buffer));
    bytes.set(new Uint8Array(types.buffer), 24);
    bytes.set(strings, 24 + types.byteLength);
    return bytes;
  }

  #aggregate(kind: number, name: string, bytes: number, members: readonly MemberSpec[]): number {
    const packed = members.some(({ width }) => width !== undefined);
    const parts = members.flatMap((member) => [
      this.#name(member.name),
      member.type,
      packed ? ((member.width ?? 0) << 24) | member.bit : member.bit,
    ]);
    return this.#add(kind, name, bytes, parts, members.length, packed);
  }

  #add(kind: number, name: string, word: number, parts: number[] = [], vlen = 0, flag = false): number {
    this.#types.push([this.#name(name), ((kind << 24) | vlen | (flag ? KIND_FLAG : 0)) >>> 0, word, ...parts]);
    return this.#types.length;
  }

  #name(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const at = this.#strings.length;
    this.#names.set(name, at);
    this.#strings += `${name}\0`;
    return at;
  }
}
