import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { VmemmapError } from "../../../src/errors.js";
import { Btf } from "../../../src/profile/btf.js";
import { BtfWriter } from "./write-btf.js";

function read(write: (writer: BtfWriter) => void): Btf {
  const writer = new BtfWriter();
  write(writer);
  return new Btf(writer.bytes());
}

function refusalOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof VmemmapError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("expected a refusal");
}

describe("Btf", () => {
  it("gives sizes of structs, unions, enums and typedefs", () => {
    const btf = read((w) => {
      const int = w.int("int", 4);
      w.struct("a", 24, [{ name: "x", type: w.array(int, 6), bit: 0 }]);
      w.union("b", 8, []);
      w.enum("c", { ONE: 1 });
      w.typedef("d", w.plain(10, "", w.array(w.pointer(int), 3)));
    });
    expect(["a", "b", "c", "d"].map((name) => btf.sizeOf(name))).toEqual([24, 8, 4, 24]);
  });

  it("answers null for what is not defined", () => {
    const btf = read((w) => {
      w.plain(7, "page", 0);
      w.struct("folio", 4, [{ name: "order", type: w.int("int", 4), bit: 0 }]);
    });
    expect(btf.sizeOf("page")).toBeNull();
    expect(btf.field("page", "flags")).toBeNull();
    expect(btf.field("folio", "flags")).toBeNull();
    expect(btf.enumerators("folio")).toBeNull();
  });

  it("finds members through anonymous structs and unions", () => {
    const btf = read((w) => {
      const long = w.int("long", 8);
      const inner = w.struct("", 16, [
        { name: "compound_head", type: long, bit: 0 },
        { name: "order", type: long, bit: 64 },
      ]);
      const union = w.union("", 16, [
        { name: "lru", type: long, bit: 0 },
        { name: "", type: w.plain(9, "", inner), bit: 0 },
      ]);
      w.struct("page", 24, [
        { name: "flags", type: long, bit: 0 },
        { name: "", type: union, bit: 64 },
      ]);
    });
    expect(btf.field("page", "order")).toEqual({ offset: 16, size: 8, length: null, bits: null });
    expect(btf.field("page", "compound_head")?.offset).toBe(8);
  });

  it("follows paths through typedefs, qualifiers and tags", () => {
    const btf = read((w) => {
      const altmap = w.struct("vmem_altmap", 16, [{ name: "alloc", type: w.int("long", 8), bit: 64 }]);
      const wrapped = w.plain(18, "rcu", w.plain(11, "", w.plain(10, "", w.typedef("altmap_t", altmap))));
      w.struct("dev_pagemap", 32, [{ name: "altmap", type: wrapped, bit: 128 }]);
    });
    expect(btf.field("dev_pagemap", "altmap.alloc")?.offset).toBe(24);
    expect(btf.field("dev_pagemap", "altmap")?.size).toBe(16);
  });

  it("tells an array's elements", () => {
    const btf = read((w) => {
      w.struct("xa_node", 512, [{ name: "slots", type: w.array(w.pointer(w.int("int", 4)), 64), bit: 0 }]);
    });
    expect(btf.field("xa_node", "slots")).toEqual({ offset: 0, size: 512, length: 64, bits: null });
  });

  it("tells bit fields of both ways", () => {
    const btf = read((w) => {
      const int = w.int("unsigned int", 4);
      w.struct("packed", 4, [{ name: "objects", type: int, bit: 16, width: 15 }]);
      w.struct("older", 4, [{ name: "frozen", type: w.int("unsigned int", 4, 1, 3), bit: 28 }]);
    });
    expect(btf.field("packed", "objects")).toEqual({ offset: 2, size: 4, length: null, bits: { shift: 0, width: 15 } });
    expect(btf.field("older", "frozen")?.bits).toEqual({ shift: 7, width: 1 });
  });

  it("gives enumerators of 32 and 64 bits, signed and unsigned", () => {
    const btf = read((w) => {
      w.enum("pageflags", { PG_locked: 0, PG_head: 6, big: 0xffffffff });
      w.enum("signed", { NEGATIVE: -3 }, true);
      w.enum64("wide", { HIGH: 1n << 63n });
    });
    expect(Object.fromEntries(btf.enumerators("pageflags")!)).toEqual({ PG_locked: 0n, PG_head: 6n, big: 0xffffffffn });
    expect(btf.enumerators("signed")!.get("NEGATIVE")).toBe(-3n);
    expect(btf.enumerators("wide")!.get("HIGH")).toBe(1n << 63n);
  });

  it("walks past every other kind of type", () => {
    const btf = read((w) => {
      w.int("int", 4);
      w.skipped();
      w.plain(12, "function", 2);
      w.plain(16, "float", 4);
      w.struct("last", 8, []);
    });
    expect(btf.types).toBe(8);
    expect(btf.sizeOf("last")).toBe(8);
  });

  describe.skipIf(!existsSync("/sys/kernel/btf/vmlinux"))("of the running kernel", () => {
    it("has a struct page of 64 bytes with the fixed skeleton, and zones", () => {
      const btf = new Btf(readFileSync("/sys/kernel/btf/vmlinux"));
      const places = ["flags", "lru", "mapping", "_mapcount", "_refcount"].map(
        (name) => btf.field("page", name)?.offset,
      );
      expect(btf.sizeOf("page")).toBe(64);
      expect(places).toEqual([0, 8, 24, 48, 52]);
      expect(btf.enumerators("zone_type")!.get("ZONE_NORMAL")).toBeDefined();
    });
  });
});

describe("damaged BTF", () => {
  const good = () => {
    const writer = new BtfWriter();
    const int = writer.int("int", 4);
    writer.struct("page", 8, [{ name: "flags", type: int, bit: 0 }]);
    return writer.bytes();
  };
  const damaged = (at: number, word: number): Uint8Array => {
    const bytes = good();
    new DataView(bytes.buffer).setUint32(at, word, true);
    return bytes;
  };

  it.each([
    [new Uint8Array(3), "3 bytes, expected a header of 24"],
    [damaged(0, 0xeb9e), "byte 0: magic 0xeb9e, expected 0xeb9f"],
    [damaged(0, 0x0002eb9f), "byte 2: version 2, expected 1"],
    [damaged(4, 8), "a header of 8 bytes"],
    [damaged(4, 0xfffffff0), "a header of 4294967280 bytes"],
    [damaged(12, 0xffffffff), "types from 24 to 4294967319"],
    [damaged(20, 0x1000), "strings from"],
    [damaged(20, 0), "expected NUL at both ends"],
    [damaged(24, 999), "a name at 999"],
    [damaged(28, 0x1f000000), "kind 31 of type 1, expected 1 to 19"],
    [damaged(28, 0x01010000), "expected bits 16-23, 29, 30 clear"],
    [damaged(44, 0x0400ffff), "type 2 of 786432 bytes"],
  ])("is refused: %#", (bytes, reason) => {
    const refusal = refusalOf(() => new Btf(bytes));
    expect(refusal).toMatch(/^bad-dump: BTF, byte \d+: /);
    expect(refusal).toContain(reason);
  });

  it("is refused where a member's type is none", () => {
    const btf = new Btf(damaged(56, 77));
    expect(refusalOf(() => btf.field("page", "flags"))).toContain("byte 56: type 77, expected 1 to 2");
  });

  it("is refused where a member leaves its struct", () => {
    const btf = read((w) => w.struct("page", 8, [{ name: "flags", type: w.int("long", 8), bit: 32 }]));
    expect(refusalOf(() => btf.field("page", "flags"))).toContain("page.flags up to byte 12, expected an end by 8");
  });

  it("is refused where typedefs go in a circle", () => {
    const btf = read((w) => {
      w.typedef("a", 2);
      w.typedef("b", 1);
    });
    expect(refusalOf(() => btf.sizeOf("a"))).toContain("stands for another over and over");
  });

  it("is refused where an array is in itself", () => {
    const btf = read((w) => w.typedef("a", w.array(1, 1) + 1));
    const circle = read((w) => {
      w.array(1, 1);
      w.typedef("a", 1);
    });
    expect(refusalOf(() => btf.sizeOf("a"))).toMatch(/^bad-dump/);
    expect(refusalOf(() => circle.sizeOf("a"))).toContain("an array of arrays, expected at most 128");
  });

  it("is refused where sizes multiply beyond 4 GiB", () => {
    const btf = read((w) => w.typedef("a", w.array(w.array(w.int("int", 4), 0x10000), 0x10000)));
    expect(refusalOf(() => btf.sizeOf("a"))).toContain("expected less than 4 GiB");
  });

  it("is refused where a pointer's target would be a size", () => {
    const btf = read((w) => w.typedef("a", w.plain(12, "function", 1)));
    expect(refusalOf(() => btf.sizeOf("a"))).toContain("of kind 12, expected one with a size");
  });

  it("ends where anonymous members go in a circle", () => {
    const btf = read((w) => {
      w.struct("page", 8, [{ name: "", type: 2, bit: 0 }]);
      w.struct("", 8, [
        { name: "", type: 2, bit: 0 },
        { name: "", type: 1, bit: 0 },
      ]);
    });
    expect(btf.field("page", "flags")).toBeNull();
  });
});
