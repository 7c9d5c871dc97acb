/** Reads the types, imports and exports of a WebAssembly module from its bytes: what a host in any language sees. */

export interface Signature {
  readonly params: readonly string[];
  readonly results: readonly string[];
}

export interface ModuleShape {
  /** "module.name kind" of each import. */
  readonly imports: readonly string[];
  readonly functions: ReadonlyMap<string, Signature>;
  readonly globals: readonly string[];
  /** Names of exports that are neither functions nor globals. */
  readonly others: readonly string[];
  /** Whether the module has a start function. */
  readonly hasStart: boolean;
}

const VALUE_TYPES: Record<number, string> = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128" };
const KINDS = ["function", "table", "memory", "global"] as const;
const SECTIONS = { type: 1, import: 2, function: 3, export: 7, start: 8 } as const;

class Reader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error("the module ends too early");
    return byte;
  }

  /** LEB128, unsigned. */
  u32(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
    }
  }

  name(): string {
    const length = this.u32();
    const text = new TextDecoder().decode(this.bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }

  limits(): void {
    const hasMaximum = (this.byte() & 1) !== 0;
    this.u32();
    if (hasMaximum) this.u32();
  }
}

function readSignature(reader: Reader): Signature {
  if (reader.byte() !== 0x60) throw new Error("a type that is no function's");
  const types = () => reader.list(() => VALUE_TYPES[reader.byte()] ?? "?");
  return { params: types(), results: types() };
}

/** An import's text, and the type's index where it is a function. */
function readImport(reader: Reader): { text: string; type: number | null } {
  const text = `${reader.name()}.${reader.name()}`;
  const kind = reader.byte();
  let type: number | null = null;
  if (kind === 0) type = reader.u32();
  else if (kind === 2) reader.limits();
  else throw new Error(`import ${text} is of kind ${kind}`);
  return { text: `${text} ${KINDS[kind]}`, type };
}

export function shapeOf(bytes: Uint8Array): ModuleShape {
  const sections = new Map<number, Uint8Array>();
  const reader = new Reader(bytes);
  reader.at = 8;
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.u32();
    sections.set(id, bytes.subarray(reader.at, reader.at + length));
    reader.at += length;
  }
  const listOf = <T>(name: keyof typeof SECTIONS, read: (reader: Reader) => T): T[] => {
    const section = sections.get(SECTIONS[name]);
    if (section === undefined) return [];
    const inside = new Reader(section);
    return inside.list(() => read(inside));
  };
  const types = listOf("type", readSignature);
  const imports = listOf("import", readImport);
  const functionTypes = [
    ...imports.flatMap(({ type }) => (type === null ? [] : [type])),
    ...listOf("function", (inside) => inside.u32()),
  ];
  const exports = listOf("export", (inside) => ({ name: inside.name(), kind: inside.byte(), index: inside.u32() }));
  return {
    imports: imports.map(({ text }) => text),
    functions: new Map(
      exports.filter(({ kind }) => kind === 0).map(({ name, index }) => [name, types[functionTypes[index]!]!]),
    ),
    globals: exports.filter(({ kind }) => kind === 3).map(({ name }) => name),
    others: exports.filter(({ kind }) => kind === 1 || kind === 2).map(({ name }) => name),
    hasStart: sections.has(SECTIONS.start),
  };
}
