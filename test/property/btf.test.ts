/** BTF that is damaged, or made of types that refer to each other at random: an answer or "bad-dump", and soon. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VmemmapError } from "../../src/errors.js";
import { Btf, btfSections, BtfUnread } from "../../src/profile/btf.js";
import { layoutOf } from "../../src/profile/btf-layout.js";
import { BtfWriter, type MemberSpec } from "../src/profile/write-btf.js";
import { runs, timeout } from "./runs.js";

const STRUCTS = ["page", "folio", "dev_pagemap", "xarray", "xa_node", "nodemask_t", "cpumask", "lruvec"];
const MEMBERS = [
  "",
  "",
  "flags",
  "compound_order",
  "_flags_1",
  "_pincount",
  "type",
  "nr_range",
  "xa_head",
  "slots",
  "lrugen",
];
const ENUMS = ["pageflags", "pagetype", "zone_type", "memory_type"];
const ENUMERATORS = ["PG_locked", "PG_head", "PGTY_buddy", "ZONE_DMA", "MEMORY_DEVICE_PRIVATE", "__NR_PAGEFLAGS"];

/** Ask everything; what it refuses must be refused as a dump. */
function ask(bytes: Uint8Array): "answered" | "refused" {
  try {
    const btf = new Btf(bytes);
    layoutOf(btf);
    for (const name of STRUCTS) for (const member of MEMBERS) btf.field(name, `${member}.${member}`);
    return "answered";
  } catch (error) {
    if (!(error instanceof VmemmapError)) throw error;
    expect(error.code).toBe("bad-dump");
    expect(error.message).toMatch(/^BTF, byte \d+: .*expected/);
    return "refused";
  }
}

/** What is answered, or why not. */
function outcomeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof BtfUnread) return "unread";
    if (error instanceof VmemmapError) return error.message;
    throw error;
  }
}

const reference = fc.nat(24);
const member = fc.record({
  name: fc.constantFrom(...MEMBERS),
  type: reference,
  bit: fc.nat(2 ** 12),
  width: fc.option(fc.nat(63), { nil: undefined }),
});
const members = fc.array(member, { maxLength: 6 });
const type = fc.oneof(
  fc.record({ kind: fc.constant("int" as const), bytes: fc.nat(16), bits: fc.nat(255), first: fc.nat(255) }),
  fc.record({ kind: fc.constant("array" as const), type: reference, count: fc.oneof(fc.nat(64), fc.nat(2 ** 31 - 1)) }),
  fc.record({
    kind: fc.constantFrom("struct" as const, "union" as const),
    name: fc.constantFrom("", ...STRUCTS),
    bytes: fc.nat(2 ** 10),
    members,
  }),
  fc.record({
    kind: fc.constant("wrap" as const),
    name: fc.constantFrom("", ...STRUCTS),
    to: reference,
    as: fc.constantFrom(9 as const, 10 as const, 11 as const, 18 as const),
  }),
  fc.record({ kind: fc.constant("typedef" as const), name: fc.constantFrom(...STRUCTS), to: reference }),
  fc.record({
    kind: fc.constant("enum" as const),
    name: fc.constantFrom(...ENUMS),
    values: fc.dictionary(fc.constantFrom(...ENUMERATORS), fc.nat(2 ** 31 - 1)),
  }),
);

function write(types: readonly (typeof type extends fc.Arbitrary<infer T> ? T : never)[]): Uint8Array<ArrayBuffer> {
  const writer = new BtfWriter();
  for (const each of types) {
    switch (each.kind) {
      case "int":
        writer.int("int", each.bytes, each.bits, each.first);
        break;
      case "array":
        writer.array(each.type, each.count);
        break;
      case "struct":
      case "union": {
        const parts = each.members.map(({ width, ...part }): MemberSpec =>
          width === undefined ? part : { ...part, width },
        );
        writer[each.kind](each.name, each.bytes, parts);
        break;
      }
      case "wrap":
        writer.plain(each.as, each.name, each.to);
        break;
      case "typedef":
        writer.typedef(each.name, each.to);
        break;
      case "enum":
        writer.enum(each.name, each.values);
    }
  }
  return writer.bytes();
}

const graphs = fc.array(type, { minLength: 1, maxLength: 24 });
const change = fc.record({ at: fc.nat(), value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)) });

describe("BTF from anywhere", () => {
  it(
    "of types that refer to each other at random is answered or refused",
    () => {
      fc.assert(
        fc.property(graphs, (types) => {
          ask(write(types));
        }),
        runs(2000),
      );
    },
    timeout,
  );

  it(
    "of which a part was read is answered as the whole is, or more is asked for",
    () => {
      let [answered, unread] = [0, 0];
      fc.assert(
        fc.property(graphs, fc.nat(400), fc.nat(200), (types, typesRead, stringsRead) => {
          const bytes = write(types);
          const part = bytes.slice();
          const sections = btfSections(bytes);
          part.fill(0, Math.min(sections.types + typesRead, sections.typesEnd), sections.typesEnd);
          part.fill(0, Math.min(sections.strings + stringsRead, sections.stringsEnd), sections.stringsEnd);
          const ofPart = outcomeOf(() => layoutOf(new Btf(part, { types: typesRead, strings: stringsRead })));
          if (ofPart === "unread") unread++;
          else {
            answered++;
            expect(ofPart).toEqual(outcomeOf(() => layoutOf(new Btf(bytes))));
          }
        }),
        runs(2000),
      );
      expect(Math.min(answered, unread)).toBeGreaterThan(100);
    },
    timeout,
  );

  it(
    "with some bytes changed is answered or refused",
    () => {
      fc.assert(
        fc.property(graphs, fc.array(change, { minLength: 1, maxLength: 8 }), (types, changes) => {
          const bytes = write(types);
          for (const { at, value } of changes) bytes[at % bytes.length] = value;
          ask(bytes);
        }),
        runs(3000),
      );
    },
    timeout,
  );

  it(
    "cut short anywhere is refused",
    () => {
      fc.assert(
        fc.property(graphs, fc.nat(), (types, at) => {
          const bytes = write(types);
          expect(ask(bytes.subarray(0, at % bytes.length))).toBe("refused");
        }),
        runs(500),
      );
    },
    timeout,
  );
});
