/**
 * BTF, a kernel's own account of its types (section .BTF; include/uapi/linux/btf.h): sizes of structs, places of their members,
 * values of enumerators, by name. The bytes come from a dump and are not trusted: each type is walked once when the object is
 * made, and all that a type refers to is checked when it is followed.
 *
 *     | header | types: one record after another, ids from 1 on | strings: NUL-terminated, names are offsets |
 *
 * A record is 12 bytes (name, info, size or type) and what its kind adds:
 *
 *     info:  31         30 29  28  24 23    16 15             0
 *            | kind_flag | - | kind  |   -   |  vlen          |
 */
import { VmemmapError } from "../errors.js";

const MAGIC = 0xeb9f;
const VERSION = 1;
const MIN_HEADER = 24;
const RECORD = 12;
const MEMBER = 12;
const ENUMERATOR = 8;
const ENUMERATOR_64 = 12;

const Kind = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

/** Bytes that follow a record of each kind: so many, and so many for each of its vlen parts. */
const TAILS: readonly (readonly [fixed: number, each: number] | null)[] = [
  null,
  [4, 0],
  [0, 0],
  [12, 0],
  [0, MEMBER],
  [0, MEMBER],
  [0, ENUMERATOR],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 8],
  [4, 0],
  [0, 12],
  [0, 0],
  [4, 0],
  [0, 0],
  [0, ENUMERATOR_64],
];

const POINTER_BYTES = 8;
/** Typedefs, qualifiers, tags, arrays and anonymous members on the way to one thing; kernels have fewer than a dozen. */
const MAX_STEPS = 128;

/** KSYM_NAME_LEN */
const MAX_NAME = 512;

/** A member of a struct, wherever its anonymous members put it. */
export interface BtfField {
  /** Bytes from the start of the struct; of a bit field, the byte that holds its first bit. */
  readonly offset: number;
  /** Bytes; of an array, all of it; of a bit field, those of its declared type. */
  readonly size: number;
  /** Elements of an array. */
  readonly length: number | null;
  /** Where a bit field stands in the byte at `offset`, and how many bits it has. */
  readonly bits: { readonly shift: number; readonly width: number } | null;
}

interface Member {
  readonly name: number;
  readonly type: number;
  readonly bit: number;
  /** Bits of a bit field, 0 where it is none. */
  readonly width: number;
}

/** Where a member is found: a type, and the bit of the outermost struct where it begins. */
type Found = Pick<Member, "type" | "bit" | "width">;

/** Where the parts of the section stand, ends exclusive. */
export interface BtfSections {
  readonly types: number;
  readonly typesEnd: number;
  readonly strings: number;
  readonly stringsEnd: number;
}

/** How many bytes of types and strings have been read, from their starts on: few types are far from there in most kernels. */
export interface BtfPart {
  readonly types: number;
  readonly strings: number;
}

/** What was asked for may stand in what has not been read. */
export class BtfUnread extends Error {}

export class Btf {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the record of each type stands, by id; 0 for void. */
  readonly #places: Uint32Array;
  /** Those of kinds that are looked for by name. */
  readonly #sizedTypes: number[] = [];
  readonly #strings: number;
  readonly #stringsEnd: number;
  readonly #stringsRead: number;
  /** Whether all types were read. */
  readonly #whole: boolean;
  /** Types that were asked for: the same few, each for many members. */
  readonly #known = new Map<string, number | null>();

  /**
   * @param bytes all of the section .BTF; kept, not copied
   * @param part what of it has been read, the header besides. Then whatever is asked for may throw {@link BtfUnread}.
   * @throws VmemmapError "bad-dump": it is no BTF, or a damaged one
   */
  constructor(bytes: Uint8Array, part: BtfPart = { types: bytes.length, strings: bytes.length }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { types, typesEnd, strings, stringsEnd } = btfSections(bytes);
    this.#strings = strings;
    this.#stringsEnd = stringsEnd;
    this.#stringsRead = Math.min(strings + part.strings, stringsEnd);
    this.#whole = types + part.types >= typesEnd;
    this.#places = this.#index(types, typesEnd, types + part.types);
  }

  /** How many types it has, void aside. */
  get types(): number {
    return this.#places.length - 1;
  }

  /**
   * Bytes of a struct, union, enum or typedef.
   *
   * @returns null where no such type is defined
   * @throws VmemmapError "bad-dump"
   */
  sizeOf(name: string): number | null {
    const type = this.#sized(name);
    return type === null ? null : this.#sizeOf(type);
  }

  /**
   * A member by its path ("type", "altmap.base_pfn"): anonymous structs and unions, typedefs and qualifiers are looked through.
   *
   * @returns null where no such struct is defined, or it has no such member
   * @throws VmemmapError "bad-dump": a type on the way refers to none, to itself, or leaves its struct
   */
  field(struct: string, path: string): BtfField | null {
    const root = this.#sized(struct);
    if (root === null) return null;
    let found: Found = { type: root, bit: 0, width: 0 };
    for (const name of path.split(".")) {
      const inner = this.#member(found.type, new TextEncoder().encode(name));
      if (inner === null) return null;
      found = { ...inner, bit: found.bit + inner.bit };
    }
    return this.#fieldOf(found, `${struct}.${path}`, this.#sizeOf(root));
  }

  /**
   * The enumerators of an enum, by name.
   *
   * @returns null where no such enum is defined
   * @throws VmemmapError "bad-dump": a name lies outside the strings
   */
  enumerators(name: string): ReadonlyMap<string, bigint> | null {
    const type = this.#find(name, ENUMS);
    if (type === null) return null;
    const wide = this.#kind(type) === Kind.ENUM64;
    const signed = this.#kindFlag(type);
    const values = new Map<string, bigint>();
    for (let i = 0; i < this.#vlen(type); i++) {
      const at = this.#place(type) + RECORD + i * (wide ? ENUMERATOR_64 : ENUMERATOR);
      const low = BigInt(this.#u32(at + 4));
      const bits = wide ? low | (BigInt(this.#u32(at + 8)) << 32n) : low;
      const width = wide ? 64 : 32;
      values.set(this.#string(this.#u32(at), at), signed ? BigInt.asIntN(width, bits) : bits);
    }
    return values;
  }

  // ---- Records ------------------------------------------------------------------------------------------------------

  /** Walks all records that were read: their kinds are known, their parts end within the types, their names within the strings. */
  #index(start: number, end: number, read: number): Uint32Array {
    // No record is shorter: so the bytes themselves bound the count.
    const places = new Uint32Array(1 + Math.floor((Math.min(end, read) - start) / RECORD));
    let count = 1;
    for (let at = start; at < end; count++) {
      if (!this.#whole && at + RECORD > read) break;
      if (end - at < RECORD) throw bad(at, `${end - at} bytes of types left, expected a record of ${RECORD}`);
      const name = this.#u32(at);
      const info = this.#u32(at + 4);
      const kind = (info >>> 24) & 0x1f;
      const tail = TAILS[kind];
      if (tail === null || tail === undefined) throw bad(at + 4, `kind ${kind} of type ${count}, expected 1 to 19`);
      if ((info & 0x60ff0000) !== 0)
        throw bad(at + 4, `info 0x${info.toString(16)}, expected bits 16-23, 29, 30 clear`);
      if (name >= this.#stringsEnd - this.#strings) throw this.#outside(name, at);
      const size = RECORD + tail[0] + tail[1] * (info & 0xffff);
      if (size > end - at) throw bad(at, `type ${count} of ${size} bytes, expected at most ${end - at}`);
      if (!this.#whole && at + size > read) break;
      places[count] = at;
      if (((SIZED >>> kind) & 1) !== 0) this.#sizedTypes.push(count);
      at += size;
    }
    return places.slice(0, count);
  }

  #place(type: number): number {
    return this.#places[type]!;
  }

  #kind(type: number): number {
    return (this.#u32(this.#place(type) + 4) >>> 24) & 0x1f;
  }

  #kindFlag(type: number): boolean {
    return this.#u32(this.#place(type) + 4) >>> 31 === 1;
  }

  #vlen(type: number): number {
    return this.#u32(this.#place(type) + 4) & 0xffff;
  }

  /** The word that is a size or a type. */
  #sizeOrType(type: number): number {
    return this.#u32(this.#place(type) + 8);
  }

  /** A type that a record refers to at `at`; void is none that anything could be made of. */
  #reference(at: number): number {
    const type = this.#u32(at);
    if (type === 0 || type >= this.#places.length) {
      if (!this.#whole) throw new BtfUnread();
      throw bad(at, `type ${type}, expected 1 to ${this.#places.length - 1}`);
    }
    return type;
  }

  #sized(name: string): number | null {
    let type = this.#known.get(name);
    if (type === undefined) {
      type = this.#find(name, SIZED);
      this.#known.set(name, type);
    }
    return type;
  }

  /**
   * The first type of this name and of these kinds. Forward declarations define nothing, and are of another kind. Names stand once each in the
   * strings, so their offsets are compared; only where none is found the names are, for nothing says that it has to be so.
   */
  #find(name: string, kinds: number): number | null {
    const wanted = new TextEncoder().encode(name);
    const offset = this.#offsetOf(wanted);
    if (offset !== null) {
      const type = this.#first(kinds, (at) => this.#u32(at) === offset);
      if (type !== null) return type;
    }
    if (!this.#whole) throw new BtfUnread();
    return this.#first(kinds, (at) => this.#isNamed(this.#u32(at), wanted));
  }

  #first(kinds: number, isIt: (place: number) => boolean): number | null {
    const found = this.#sizedTypes.find((type) => ((kinds >>> this.#kind(type)) & 1) !== 0 && isIt(this.#place(type)));
    return found ?? null;
  }

  /** The type behind typedefs, qualifiers and tags. */
  #bare(type: number): number {
    let bare = type;
    for (let steps = 0; WRAPPERS.includes(this.#kind(bare)); steps++) {
      if (steps === MAX_STEPS)
        throw bad(
          this.#place(type),
          `type ${type} stands for another over and over, expected at most ${MAX_STEPS} times`,
        );
      bare = this.#reference(this.#place(bare) + 8);
    }
    return bare;
  }

  #sizeOf(type: number): number {
    let elements = 1;
    let inner = this.#bare(type);
    for (let steps = 0; this.#kind(inner) === Kind.ARRAY; steps++) {
      if (steps === MAX_STEPS)
        throw bad(this.#place(type), `type ${type} is an array of arrays, expected at most ${MAX_STEPS} of them`);
      elements *= this.#u32(this.#place(inner) + RECORD + 8);
      inner = this.#bare(this.#reference(this.#place(inner) + RECORD));
    }
    const kind = this.#kind(inner);
    if (kind === Kind.PTR) return elements * POINTER_BYTES;
    if (!HAS_SIZE.includes(kind))
      throw bad(this.#place(inner), `type ${inner} of kind ${kind}, expected one with a size`);
    const size = elements * this.#sizeOrType(inner);
    if (size > 0xffffffff) throw bad(this.#place(type), `type ${type} of ${size} bytes, expected less than 4 GiB`);
    return size;
  }

  // ---- Members ------------------------------------------------------------------------------------------------------

  #memberAt(struct: number, index: number): Member {
    const at = this.#place(struct) + RECORD + index * MEMBER;
    const word = this.#u32(at + 8);
    const packed = this.#kindFlag(struct);
    return {
      name: this.#u32(at),
      type: this.#reference(at + 4),
      bit: packed ? word & 0xffffff : word,
      width: packed ? word >>> 24 : 0,
    };
  }

  /** The member of this name, breadth first through anonymous members; each struct is looked through once. */
  #member(type: number, name: Uint8Array): Found | null {
    const queue = [{ struct: this.#bare(type), bit: 0 }];
    const seen = new Set<number>();
    for (const { struct, bit } of queue) {
      const kind = this.#kind(struct);
      if ((kind !== Kind.STRUCT && kind !== Kind.UNION) || seen.has(struct)) continue;
      seen.add(struct);
      for (let i = 0; i < this.#vlen(struct); i++) {
        const member = this.#memberAt(struct, i);
        if (member.name === 0) queue.push({ struct: this.#bare(member.type), bit: bit + member.bit });
        else if (this.#isNamed(member.name, name)) return { ...member, bit: bit + member.bit };
      }
    }
    return null;
  }

  #fieldOf({ type, bit, width }: Found, what: string, limit: number): BtfField {
    const bare = this.#bare(type);
    const size = this.#sizeOf(bare);
    const offset = Math.floor(bit / 8);
    const bits = width > 0 ? { shift: bit % 8, width } : this.#narrowInt(bare, bit);
    if (bits === null && bit % 8 !== 0) throw bad(this.#place(bare), `${what} at bit ${bit}, expected a whole byte`);
    const end = bits === null ? offset + size : Math.ceil((bit + bits.width) / 8);
    if (end > limit) throw bad(this.#place(bare), `${what} up to byte ${end}, expected an end by ${limit}`);
    const length = this.#kind(bare) === Kind.ARRAY ? this.#u32(this.#place(bare) + RECORD + 8) : null;
    return { offset, size, length, bits };
  }

  /** A bit field in the older way: the INT itself has fewer bits than its bytes. */
  #narrowInt(type: number, bit: number): BtfField["bits"] {
    if (this.#kind(type) !== Kind.INT) return null;
    const word = this.#u32(this.#place(type) + RECORD);
    const width = word & 0xff;
    const first = bit + ((word >>> 16) & 0xff);
    return width === this.#sizeOrType(type) * 8 ? null : { shift: first % 8, width };
  }

  // ---- Strings ------------------------------------------------------------------------------------------------------

  #isNamed(name: number, wanted: Uint8Array): boolean {
    const at = this.#strings + name;
    if (at + wanted.length >= this.#stringsEnd) return false;
    if (at + wanted.length >= this.#stringsRead) throw new BtfUnread();
    if (this.#bytes[at + wanted.length] !== 0) return false;
    for (let i = 0; i < wanted.length; i++) if (this.#bytes[at + i] !== wanted[i]) return false;
    return true;
  }

  #string(name: number, place: number): string {
    const at = this.#strings + name;
    if (at >= this.#stringsEnd) throw this.#outside(name, place);
    if (at + MAX_NAME >= this.#stringsRead && this.#stringsRead < this.#stringsEnd) throw new BtfUnread();
    // The last byte of the strings is NUL.
    const bytes = this.#bytes.subarray(at, Math.min(at + MAX_NAME + 1, this.#stringsEnd));
    const length = bytes.indexOf(0);
    if (length < 0)
      throw bad(place, `a name at ${name} of the strings without an end, expected at most ${MAX_NAME} bytes`);
    return new TextDecoder().decode(bytes.subarray(0, length));
  }

  /** Where a string that has these bytes begins, the first of them; null without one. */
  #offsetOf(wanted: Uint8Array): number | null {
    const bytes = this.#bytes;
    const first = wanted[0]!;
    const end = this.#stringsRead - wanted.length;
    for (let at = this.#strings + 1; at < end; at++) {
      if (bytes[at] === first && bytes[at - 1] === 0 && this.#isNamed(at - this.#strings, wanted)) {
        return at - this.#strings;
      }
    }
    return null;
  }

  #outside(name: number, place: number): VmemmapError {
    return bad(place, `a name at ${name} of the strings, expected less than ${this.#stringsEnd - this.#strings}`);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }
}

/**
 * Where types and strings stand, as the header has it.
 *
 * @param bytes as long as all of the section; of them the header, and the last byte, are looked at
 * @throws VmemmapError "bad-dump"
 */
export function btfSections(bytes: Uint8Array): BtfSections {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const u32 = (at: number) => view.getUint32(at, true);
  if (length < MIN_HEADER) throw bad(0, `${length} bytes, expected a header of ${MIN_HEADER}`);
  const magic = view.getUint16(0, true);
  if (magic !== MAGIC) throw bad(0, `magic 0x${magic.toString(16)}, expected 0x${MAGIC.toString(16)}`);
  const version = bytes[2]!;
  if (version !== VERSION) throw bad(2, `version ${version}, expected ${VERSION}`);
  const header = u32(4);
  if (header < MIN_HEADER || header > length) {
    throw bad(4, `a header of ${header} bytes, expected ${MIN_HEADER} to ${length}`);
  }
  const section = (field: number, what: string) => {
    const start = header + u32(field);
    const end = start + u32(field + 4);
    if (end > length) throw bad(field, `${what} from ${start} to ${end}, expected an end by ${length}`);
    return [start, end] as const;
  };
  const [types, typesEnd] = section(8, "types");
  const [strings, stringsEnd] = section(16, "strings");
  if (types % 4 !== 0) throw bad(8, `types at ${types}, expected a multiple of 4`);
  if (strings === stringsEnd || bytes[strings] !== 0 || bytes[stringsEnd - 1] !== 0) {
    throw bad(16, `strings from ${strings} to ${stringsEnd}, expected NUL at both ends`);
  }
  return { types, typesEnd, strings, stringsEnd };
}

/** Sets of kinds that are looked for by name, a bit each; the second holds all. */
const ENUMS = (1 << Kind.ENUM) | (1 << Kind.ENUM64);
const SIZED = ENUMS | (1 << Kind.STRUCT) | (1 << Kind.UNION) | (1 << Kind.TYPEDEF);
const WRAPPERS: readonly number[] = [Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG];
const HAS_SIZE: readonly number[] = [
  Kind.INT,
  Kind.STRUCT,
  Kind.UNION,
  Kind.ENUM,
  Kind.FLOAT,
  Kind.DATASEC,
  Kind.ENUM64,
];

function bad(offset: number, what: string): VmemmapError {
  return new VmemmapError("bad-dump", `BTF, byte ${offset}: ${what}`);
}
