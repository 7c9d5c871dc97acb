/** Reads what pahole prints of structs, and writes it as BTF: so each kernel's layout stands for its BTF where that is not at hand. */
import { BtfWriter, type MemberSpec } from "./write-btf.js";

/** A struct or union, or a member of one. */
export interface Layout {
  readonly name: string;
  /** Bytes from the start of the outermost struct. */
  readonly offset: number;
  readonly size: number;
  /** Elements, of an array. */
  readonly length: number | null;
  /** Null where it has none that are known. */
  readonly members: readonly Layout[] | null;
  readonly union: boolean;
}

interface Open {
  readonly union: boolean;
  readonly name: string;
  readonly members: Layout[];
}

/** The structs of a text of pahole. */
export function parsePahole(text: string): readonly Layout[] {
  const structs: Layout[] = [];
  const open: Open[] = [];
  for (const line of text.split("\n")) {
    const opening = /^\s*(struct|union)\s*(\w*)\s*\{\s*$/.exec(line);
    if (opening !== null) {
      open.push({ union: opening[1] === "union", name: opening[2]!, members: [] });
      continue;
    }
    const size = /^\t\/\* size: (\d+)/.exec(line);
    if (size !== null && open.length === 1) {
      const { union, name, members } = open.pop()!;
      structs.push({ name, offset: 0, size: Number(size[1]), length: null, members, union });
      continue;
    }
    const place = /\/\*\s*(\d+)\s+(\d+)\s*\*\/\s*$/.exec(line);
    if (place === null) continue;
    const [offset, bytes] = [Number(place[1]), Number(place[2])];
    const declared = line.slice(0, place.index).replace(/__attribute__\(\(.*?\)\)\)?/, "");
    const name = /(\w*)(?:\[(\d+)\])?\s*;\s*$/.exec(declared);
    const closes = /^\s*\}/.test(declared);
    const inner = closes ? open.pop()! : null;
    open.at(-1)?.members.push({
      name: closes ? (/\}\s*(\w*)/.exec(declared)?.[1] ?? "") : (name?.[1] ?? ""),
      offset,
      size: bytes,
      length: name?.[2] === undefined ? null : Number(name[2]),
      members: inner?.members ?? null,
      union: inner?.union ?? false,
    });
  }
  return structs;
}

/** Each named member by its path, those of anonymous members as the struct's own. */
export function pathsOf(struct: Layout): ReadonlyMap<string, Layout> {
  const paths = new Map<string, Layout>();
  const visit = (members: readonly Layout[], prefix: string) => {
    for (const member of members) {
      const path = member.name === "" ? prefix : `${prefix}${member.name}`;
      if (member.name !== "" && !paths.has(path)) paths.set(path, member);
      if (member.members !== null) visit(member.members, member.name === "" ? prefix : `${path}.`);
    }
  };
  visit(struct.members ?? [], "");
  return paths;
}

/** The structs as BTF types; a member whose parts are not known is bytes. */
export function writeLayouts(writer: BtfWriter, structs: readonly Layout[]): void {
  const typeOf = ({ offset: start, size, length, members, union, name }: Layout, isMember: boolean): number => {
    if (members === null) {
      const count = length ?? 1;
      const element = writer.struct("", count === 0 ? 8 : size / count, []);
      return length === null ? element : writer.array(element, length);
    }
    const specs = members.map((member): MemberSpec => ({
      name: member.name,
      type: typeOf(member, true),
      bit: (member.offset - start) * 8,
    }));
    const tag = isMember ? "" : name;
    return union ? writer.union(tag, size, specs) : writer.struct(tag, size, specs);
  };
  for (const struct of structs) typeOf(struct, false);
}
