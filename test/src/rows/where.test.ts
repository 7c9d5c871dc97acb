/** Conditions: what they mean, held against a naive reading of the same, and what is wrong with those that can't be read. */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Vmemmap, VmemmapError } from "../../../src/index.js";
import { columnsOf, pageRows, valueOf } from "../../../src/rows/index.js";
import { runs, timeout } from "../../property/runs.js";
import { openMap } from "../../truth.js";

type Value = number | bigint | string | boolean | null;
type Row = Readonly<Record<string, Value>>;

let map: Vmemmap;
/** Pages of every kind: device pages, folios, free blocks. */
const RANGES = [
  { start: 4096, end: 4096 + 1536 },
  { start: 131072 - 256, end: 131072 + 768 },
  { start: 196608, end: 196608 + 768 },
];
let rows: Row[];

beforeAll(async () => {
  map = await Vmemmap.load(openMap("linux-7.3.4-hvo"));
  rows = RANGES.flatMap((range) => readRows(range));
});

function readRows(range: { start: number; end: number }): Row[] {
  const columns = columnsOf("pages").map(({ name }) => name);
  return [...pageRows(map, { columns, range }).blocks].flatMap(({ cells, length }) =>
    Array.from({ length }, (_, i) => Object.fromEntries(columns.map((name, c) => [name, valueOf(cells[c]!, i)]))),
  );
}

function matching(where: string): number[] {
  return RANGES.flatMap((range) =>
    [...pageRows(map, { columns: ["pfn"], range, where }).blocks].flatMap(({ cells, length }) =>
      Array.from({ length }, (_, i) => valueOf(cells[0]!, i) as number),
    ),
  );
}

// ---- Random conditions, as text and as functions --------------------------------------------------------------------

interface Sample {
  readonly text: string;
  readonly holds: (row: Row) => boolean;
}

const NUMBERS = ["pfn", "head", "order", "refcount", "mapcount", "mapcount_raw", "zone", "node", "last_cpupid"];
const WORDS = ["phys", "page", "flags", "mapping", "index", "private", "memcg", "pgmap"];
const NAMES: Readonly<Record<string, readonly string[]>> = {
  kind: ["anon", "file", "free", "slab", "device-generic", "device-fsdax", "hugetlb", "other"],
  compound: ["single", "head", "tail"],
  type: ["buddy", "slab", "offline", "table"],
  zone_name: ["DMA", "DMA32", "NORMAL", "DEVICE"],
};

const COMPARE: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  "=": (a, b) => a === b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

const column = fc.constantFrom(...NUMBERS, ...WORDS);
const how = fc.constantFrom(...Object.keys(COMPARE));
const bigOf = (value: Value): bigint | null =>
  typeof value === "bigint" ? value : typeof value === "number" ? BigInt(value) : null;

/** A number, most often one that a row has or one beside it, in one of its spellings. */
const literal: fc.Arbitrary<{ readonly text: string; readonly value: bigint }> = fc
  .tuple(
    fc.oneof(
      fc.record({ row: fc.nat(), column, off: fc.integer({ min: -1, max: 1 }) }).map(({ row, column: name, off }) => {
        const value = bigOf(rows[row % rows.length]![name]!);
        return (value ?? 0n) + BigInt(off);
      }),
      fc.bigInt({ min: -(2n ** 33n), max: 2n ** 65n }),
      fc.integer({ min: -2, max: 20 }).map(BigInt),
    ),
    fc.boolean(),
  )
  .map(([value, isHex]) => {
    const digits = value < 0n ? -value : value;
    const sign = value < 0n ? "-" : "";
    if (digits !== 0n && digits % 1024n === 0n && !isHex) return { text: `${sign}${digits / 1024n}K`, value };
    return { text: `${sign}${isHex ? `0x${digits.toString(16)}` : digits}`, value };
  });

/** Sums as they are written: `refcount + 1 - mapcount`, `3 -0x1 - order`. */
const sum: fc.Arbitrary<{ readonly text: string; readonly valueOf: (row: Row) => bigint | null }> = fc
  .array(
    fc.record({
      term: fc.oneof(
        column.map((name) => ({ text: name, of: (row: Row) => bigOf(row[name]!) })),
        fc.integer({ min: 0, max: 70 }).map((value) => ({ text: String(value), of: () => BigInt(value) })),
        fc
          .bigInt({ min: 0n, max: 2n ** 64n - 1n })
          .map((value) => ({ text: `0x${value.toString(16)}`, of: () => value })),
        fc.tuple(column, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(([name, mask]) => ({
          text: `(${name} & ${mask})`,
          of: (row: Row) => {
            const cell = bigOf(row[name]!);
            return cell === null ? null : BigInt.asUintN(64, cell) & mask;
          },
        })),
      ),
      isMinus: fc.boolean(),
      space: fc.constantFrom("", " "),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((terms) => fc.tuple(fc.constant(terms), column))
  .map(([terms, name]) => ({
    text: terms.reduce((text, { term, isMinus, space }) => `${text} ${isMinus ? "-" : "+"}${space}${term.text}`, name),
    valueOf: (row: Row) =>
      terms.reduce<bigint | null>((value, { term, isMinus }) => {
        const other = term.of(row);
        if (value === null || other === null) return null;
        return isMinus ? value - other : value + other;
      }, bigOf(row[name]!)),
  }));

const compared: fc.Arbitrary<Sample> = fc.oneof(
  fc
    .tuple(
      sum,
      how,
      fc.oneof(
        sum,
        literal.map(({ text, value }) => ({ text, valueOf: () => value })),
      ),
    )
    .map(([a, sign, b]) => ({
      text: `${a.text} ${sign} ${b.text}`,
      holds: (row: Row) => {
        const [left, right] = [a.valueOf(row), b.valueOf(row)];
        return left !== null && right !== null && COMPARE[sign]!(left, right);
      },
    })),
  fc.tuple(sum, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(([{ text, valueOf }, mask]) => ({
    text: `${text} & ${mask}`,
    holds: (row: Row) => {
      const value = valueOf(row);
      return value !== null && (BigInt.asUintN(64, value) & mask) !== 0n;
    },
  })),
  fc.tuple(column, how, literal, fc.boolean()).map(([name, sign, { text, value }, isTurned]) => ({
    text: isTurned ? `${text} ${sign} ${name}` : `${name} ${sign} ${text}`,
    holds: (row: Row) => {
      const cell = bigOf(row[name]!);
      if (cell === null) return false;
      return isTurned ? COMPARE[sign]!(value, cell) : COMPARE[sign]!(cell, value);
    },
  })),
  fc.tuple(column, how, column).map(([a, sign, b]) => ({
    text: `${a}${sign}${b}`,
    holds: (row: Row) => {
      const [left, right] = [bigOf(row[a]!), bigOf(row[b]!)];
      return left !== null && right !== null && COMPARE[sign]!(left, right);
    },
  })),
  fc
    .constantFrom(...Object.keys(NAMES))
    .chain((name) =>
      fc.tuple(fc.constant(name), fc.constantFrom("=", "!="), fc.constantFrom(...NAMES[name]!), fc.boolean()),
    )
    .map(([name, sign, wanted, isQuoted]) => ({
      text: `${name} ${sign} ${isQuoted ? `"${wanted}"` : wanted}`,
      holds: (row: Row) => row[name] !== null && (row[name] === wanted) === (sign === "="),
    })),
  fc.tuple(column, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.option(literal)).map(([name, mask, wanted]) => ({
    text: `${name} & 0x${mask.toString(16)}${wanted === null ? "" : ` = ${wanted.text}`}`,
    holds: (row: Row) => {
      const cell = bigOf(row[name]!);
      if (cell === null) return false;
      const bits = BigInt.asUintN(64, cell) & mask;
      return wanted === null ? bits !== 0n : bits === wanted.value;
    },
  })),
  fc.tuple(column, fc.array(literal, { minLength: 1, maxLength: 4 }), fc.boolean()).map(([name, list, isNot]) => ({
    text: `${name} ${isNot ? "not in" : "in"} (${list.map(({ text }) => text).join(", ")})`,
    holds: (row: Row) => row[name] !== null && list.some(({ value }) => bigOf(row[name]!) === value) !== isNot,
  })),
  fc.tuple(fc.constantFrom("type", "pgmap"), fc.boolean()).map(([name, isNot]) => ({
    text: `${name} ${isNot ? "!=" : "="} empty`,
    holds: (row: Row) => (row[name] === null) !== isNot,
  })),
  fc.constantFrom("head", "reserved", "dirty", "lru", "uptodate", "swapbacked").map((flag) => ({
    text: `flags has ${flag}`,
    holds: (row: Row) => ((row["flags"] as bigint) >> BigInt(map.profile.flags[flag]!.bit)) % 2n === 1n,
  })),
  fc.constantFrom("alias", "filtered").map((name) => ({ text: name, holds: (row: Row) => row[name] === true })),
);

const condition: fc.Arbitrary<Sample> = fc.letrec<{ any: Sample }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    compared,
    fc
      .tuple(fc.constantFrom("and", "&&", "or", "||"), fc.array(tie("any"), { minLength: 2, maxLength: 3 }))
      .map(([word, parts]) => ({
        text: parts.map(({ text }) => `(${text})`).join(` ${word} `),
        holds: (row: Row) =>
          word === "and" || word === "&&"
            ? parts.every(({ holds }) => holds(row))
            : parts.some(({ holds }) => holds(row)),
      })),
    fc.tuple(fc.constantFrom("not ", "!"), tie("any")).map(([word, part]) => ({
      text: `${word}(${part.text})`,
      holds: (row: Row) => !part.holds(row),
    })),
  ),
})).any;

const WHOLE = { columns: ["pfn"] };

describe("conditions", () => {
  it(
    "choose the rows that a naive reading chooses",
    () => {
      fc.assert(
        fc.property(condition, ({ text, holds }) => {
          expect(matching(text)).toEqual(rows.filter(holds).map(({ pfn }) => pfn));
        }),
        runs(100),
      );
    },
    timeout,
  );

  it(
    "are read, or refused by a VmemmapError that points to a place, whatever the text",
    () => {
      const word = fc.constantFrom(
        ..."pfn kind order flags + - -1 has in not and or ( ) , = != & 1 0x9 'a' \" anon ! empty 4K".split(" "),
      );
      const texts = fc.oneof(
        fc.string({ maxLength: 40 }),
        fc.array(word, { maxLength: 12 }).map((words) => words.join(" ")),
      );
      fc.assert(
        fc.property(texts, (where) => {
          try {
            pageRows(map, { ...WHOLE, where });
          } catch (error) {
            expect(error).toBeInstanceOf(VmemmapError);
            expect((error as VmemmapError).message).toMatch(/\n {2}.*\n {2} *\^$/);
          }
        }),
        runs(2000),
      );
    },
    timeout,
  );

  it("and binds closer than or, & closer than =, not closer than and", () => {
    const of = (where: string) => matching(where).length;
    expect(of("order = 9 or order = 0 and refcount > 1")).toBe(of("order = 9 or (order = 0 and refcount > 1)"));
    expect(of("pfn & 63 = 0")).toBe(rows.filter(({ pfn }) => (pfn as number) % 64 === 0).length);
    expect(of("(pfn & 63) = 0")).toBe(of("pfn & 63 = 0"));
    expect(of("not order = 0 and refcount = 1")).toBe(of("(not (order = 0)) and refcount = 1"));
  });

  it("+ and - bind closer than &, from left to right, and sums don't wrap", () => {
    const of = (where: string) => matching(where);
    expect(of("head + 1 & 63 = 1")).toEqual(of("(head & 63) = 0"));
    expect(of("refcount - 1 - 1 = -1")).toEqual(of("refcount = 1"));
    expect(of("refcount -1 = 0")).toEqual(of("refcount = 1"));
    expect(of("refcount - (1 - 1) = 1")).toEqual(of("refcount = 1"));
    expect(of("refcount - 1 < 0").length).toBeGreaterThan(0);
    expect(of("page + 0xffffffffffffffff > page")).toEqual(of("pfn >= 0"));
    expect(of("pfn - head = 1")).toEqual(of("pfn = head + 1"));
    expect(of("pgmap + 1 = 0 or pgmap + 1 != 0")).toEqual(of("pgmap != empty"));
    expect(of("refcount in (mapcount + 1, mapcount + 2)")).toEqual(
      of("refcount = mapcount + 1 or refcount - mapcount = 2"),
    );
  });

  it("a hyphen inside a name is the name's", () => {
    expect(matching("kind = device-generic").length).toBeGreaterThan(0);
    expect(matching("kind = large-kmalloc and refcount - 1 >= 0").length).toBe(0);
  });

  it("a cell without an answer is neither in a list nor not in it", () => {
    expect(matching("type not in (buddy, slab)")).toEqual(matching("type != buddy and type != slab"));
    expect(matching("type not in (buddy)").length).toBeLessThan(rows.filter(({ type }) => type !== "buddy").length);
  });

  it("names are found whatever their case, and zones by number as well", () => {
    expect(matching("zone = device")).toEqual(matching("zone = 4"));
    expect(matching("zone = device").length).toBeGreaterThan(0);
    expect(matching("KIND = anon or kind = ANON".replace("KIND", "kind"))).toEqual(matching("kind = anon"));
  });
});

describe("words of conditions", () => {
  it("are found in either case of letters", () => {
    const lower = matching("not order in (0, 9) and kind not in (free) or flags has dirty and pgmap = empty");
    expect(matching("NOT order IN (0, 9) AND kind Not In (free) OR flags HAS dirty AND pgmap = EMPTY")).toEqual(lower);
    expect(lower.length).toBeGreaterThan(0);
  });

  it("may name a flag as the kernel does", () => {
    expect(matching("flags has PG_reserved")).toEqual(matching("flags has reserved"));
    expect(matching("flags has pg_RESERVED").length).toBeGreaterThan(0);
  });
});

describe("a condition that can't be read says where", () => {
  it.each([
    ["ordr > 3", 'no column "ordr"; did you mean order?', 0],
    ["order > ", "the condition ends here: expected a column or a value", 8],
    ["order > 3 kind = anon", '"kind" does not belong here: and, or?', 10],
    ["(order > 3", "the condition ends here: expected ) for the ( at column 1", 10],
    ["kind = annon", 'no kind "annon"; did you mean anon?', 7],
    ["flags has drity", 'no flag "drity"; did you mean dirty?', 10],
    ["flags has has_hwpoisoned", 'flag "has_hwpoisoned" is a folio\'s, in its page 1', 10],
    ["order has dirty", "has asks for a flag of the column flags", 0],
    ["kind < anon", "names are = or !=, there is no < of them", 7],
    ["kind = 3", "kind has names, and this is none", 7],
    ["order = anon", 'no column "anon"; there is', 8],
    ['order = "9"', "a number and a string can't be compared", 8],
    ["refcount", "a condition is missing: what shall it be compared with?", 0],
    ["3 = 3", "one side of a comparison has to be a column", 0],
    ["order = 12q", '"12q" is no number: 42, 0x2a, 4K, 2M, 1G, 1T are (powers of 1024)', 8],
    ["order = 9 ; 1", '";" has no meaning here', 10],
    ['kind = "anon', "the string has no end", 7],
    ["flag_names = lru", "flag_names is for reading: ask flags has NAME", 0],
    ["pfn & kind", '"kind": expected the bits that & takes, as a number of up to 64 bits', 6],
    ["type > empty", "empty takes = or !=, not >", 7],
    ["pincount > 1", 'no column "pincount"; there is', 0],
    ["", "the condition ends here: expected a column or a value", 0],
    ["order in 9", "a list in ( ) is missing", 9],
    ["refcount-1 = 0", 'no column "refcount-1"; a difference has spaces around its sign: refcount - 1', 0],
    ["1 = pfn-head", 'no column "pfn-head"; a difference has spaces around its sign: pfn - head', 4],
    ["refcount + anon = 1", 'no column "anon"; there is', 11],
    ["refcount + kind = 1", "+ and - take numbers, and this is none", 11],
    ["alias + 1 = 1", "+ and - take numbers, and this is none", 0],
    ["refcount - empty = 1", "+ and - take numbers, and this is none", 11],
    ["refcount + (order = 1)", "+ and - take values: this is a condition", 12],
    ["refcount + = 1", '"=": expected a column or a value', 11],
    ["refcount + 1", "a condition is missing: what shall it be compared with?", 0],
    ["refcount + 1 = empty", "only a column can be empty", 15],
    ["pfn & 63 + 1 = 0", '"+" behind &: put ( ) around what comes first', 9],
    ["pfn & 63 -1 = 0", '"-1" behind &: put ( ) around what comes first', 9],
    ["pfn + 0x10000000000000000 = 0", "numbers in sums have up to 64 bits", 6],
    ["order = - 1", '"-": expected a column or a value', 8],
    ["FLAGS HAS dirty", 'no column "FLAGS"; columns are in lower case: flags', 0],
    ["flgas has dirty", 'no column "flgas"; did you mean flags?', 0],
    ["Kind = anon", 'no column "Kind"; columns are in lower case: kind', 0],
    ["PFN & 63 = 0", 'no column "PFN"; columns are in lower case: pfn', 0],
    ["not ALIAS", 'no column "ALIAS"; columns are in lower case: alias', 4],
  ])("%s", (where, message, at) => {
    expect.assertions(2);
    try {
      pageRows(map, { ...WHOLE, where });
    } catch (error) {
      const lines = (error as VmemmapError).message.split("\n");
      expect(lines[0]!.startsWith(message) ? message : lines[0]).toBe(message);
      expect(lines.slice(1)).toEqual([`  ${where}`, `  ${" ".repeat(at)}^`]);
    }
  });

  it("long, but not deep", () => {
    const long = { ...WHOLE, range: { start: 4096, end: 4098 } };
    expect([...pageRows(map, { ...long, where: `pfn${" + 1 - 1".repeat(8000)} >= 0` }).blocks]).toHaveLength(1);
    expect([...pageRows(map, { ...long, where: `pfn${" & 4096".repeat(9000)} = 4096` }).blocks]).toHaveLength(1);
  });

  it("nested too deep", () => {
    const deep = `${"(".repeat(10_000)}order = 1${")".repeat(10_000)}`;
    expect(() => pageRows(map, { ...WHOLE, where: deep })).toThrow("more than 100 levels of nesting");
    expect(() => pageRows(map, { ...WHOLE, where: `${"not ".repeat(10_000)}alias` })).toThrow("levels of nesting");
    expect(() => pageRows(map, { ...WHOLE, where: "x".repeat(70_000) })).toThrow("at most 65536 characters");
  });
});
