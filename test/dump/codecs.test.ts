/** The codecs by themselves: what they unpack, and that no bytes make them do more than that. */
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { compress } from "snappyjs";
import { beforeAll, describe, expect, it } from "vitest";
import { codecOf, loadCodecs } from "../../src/dump/codecs/index.js";
import { runs, timeout } from "../property/runs.js";
import { haveRealDumps, readReal } from "./real-dumps.js";
import { somePage } from "./some-memory.js";
import { areas, lzoLiterals, pack, PAGE, zstdFrame } from "./write-kdump.js";

const BITS = { zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 } as const;
type Name = keyof typeof BITS;
const names = Object.keys(BITS) as Name[];

/** Bytes around a page, which must stay as they are. */
const MARGIN = 64;
const MARK = 0xa5;

beforeAll(() => loadCodecs(0x27));

/** Unpack to the middle of a buffer; what is around it is looked at. */
function unpack(name: Name, packed: Uint8Array, length = PAGE): { found: string | null; page: Uint8Array } {
  const buffer = new Uint8Array(length + 2 * MARGIN).fill(MARK);
  const page = buffer.subarray(MARGIN, MARGIN + length);
  const found = codecOf(BITS[name])(packed, page);
  expect(buffer.subarray(0, MARGIN).every((byte) => byte === MARK)).toBe(true);
  expect(buffer.subarray(MARGIN + length).every((byte) => byte === MARK)).toBe(true);
  return { found, page };
}

const unpacksTo = (name: Name, packed: Uint8Array, bytes: Uint8Array) => {
  const { found, page } = unpack(name, packed, bytes.length);
  expect(found).toBe(null);
  expect(Buffer.compare(page, bytes)).toBe(0);
};

describe("a page that was packed", () => {
  it.each(names)("by %s", (name) => {
    for (let seed = 0; seed < 40; seed++) unpacksTo(name, pack(somePage(seed), name), somePage(seed));
  });
});

describe("lzo", () => {
  const bytes = (...parts: (number | string)[]) =>
    Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part)])));
  const END = [0x11, 0, 0];

  it.each([
    ["no literals", bytes(...END), ""],
    ["1 to 3 literals first", bytes(18 + 1, "ab", ...END), "ab"],
    ["a run of 4 literals first", bytes(17 + 4, "abcd", ...END), "abcd"],
    ["a run told by L", bytes(5, "abcdefgh", ...END), "abcdefgh"],
    ["a run told by more bytes", bytes(0, 1, "abcdefghijklmnopqrs", ...END), "abcdefghijklmnopqrs"],
    ["2 bytes from near, after literals", bytes(18, "a", 0x02, 0, "bc", ...END), "aaabc"],
    ["3 and 4 bytes", bytes(17 + 4, "abcd", 0x40 | (3 << 2), 0, 0x60 | (1 << 2), 0, ...END), "abcdabcbcbc"],
    ["5 to 8 bytes, over themselves", bytes(17 + 4, "abcd", 0xe0 | 1, 0, "z", ...END), "abcdddddddddz"],
    [
      "a block within 16 KiB, with literals after it",
      bytes(17 + 4, "abcd", 0x20 | 2, (3 << 2) | 2, 0, "xy", ...END),
      "abcdabcdxy",
    ],
    [
      "a block whose length takes more bytes",
      bytes(18, "a", 0x20, 0, 1, 0, 0, ...END),
      "a".repeat(1 + 2 + 31 + 255 + 1),
    ],
  ] as const)("%s", (_, packed, text) => {
    // prettier-ignore
    unpacksTo("lzo", packed, Uint8Array.from(Buffer.from(text)));
  });

  it("3 bytes from 2 KiB and more back, after a run", () => {
    const run = Uint8Array.from({ length: 2100 }, (_, i) => i % 251);
    const stream = bytes(...lzoLiterals(run).subarray(0, -3), 0, 4, ...END);
    unpacksTo("lzo", stream, Uint8Array.of(...run, ...run.subarray(2100 - 2065, 2100 - 2062)));
  });

  it("a block from 16 KiB and more back", () => {
    const run = Uint8Array.from({ length: 40_000 }, (_, i) => (i * 7) % 253);
    const stream = bytes(...lzoLiterals(run).subarray(0, -3), 0x10 | 8 | 1, 4 << 2, 0, ...END);
    const from = 40_000 - (16384 + 16384 + 4);
    unpacksTo("lzo", stream, Uint8Array.of(...run, ...run.subarray(from, from + 3)));
  });

  it.each([
    ["no bytes", bytes(), "amid an instruction"],
    ["literals that are not there", bytes(17 + 4, "abc"), "amid an instruction"],
    ["a length without an end", bytes(0, 0, 0, 0), "amid an instruction"],
    ["no end", bytes(17 + 4, "abcd"), "amid an instruction"],
    ["half an end", bytes(17 + 4, "abcd", 0x11, 0), "amid an instruction"],
    ["a block from before the first byte", bytes(17 + 4, "abcd", 0x40, 1), "from 9 back where 4 bytes are unpacked"],
    ["bytes behind the end", bytes(17 + 4, "abcd", ...END, 0), "ends 1 bytes early"],
    ["more literals than room", bytes(17 + 5, "abcde", ...END), "more than 4"],
    ["a longer block than room", bytes(18, "a", 0x20, 0, 1, 0, 0, ...END), "more than 4"],
    ["fewer bytes", bytes(18, "a", ...END), "1"],
    ["an end that has a length", bytes(17 + 4, "abcd", 0x12, 0, 0), "an end mark of the wrong form"],
  ] as const)("refuses %s", (_, packed, found) => {
    // prettier-ignore
    expect(unpack("lzo", packed, 4).found).toContain(found);
  });
});

describe("snappy refuses", () => {
  it.each([
    ["no bytes", [], "a damaged length"],
    ["a length without an end", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80], "a damaged length"],
    ["another length", [5, 0x10, 1, 2, 3, 4, 5], "5"],
    ["a literal of a length that is negative as 32 bits", [4, 63 << 2, 0xf9, 0xff, 0xff, 0xff], "amid an element"],
    ["a literal that is not there", [4, 3 << 2, 1, 2, 3], "amid an element"],
    ["half a copy", [4, 0, 7, 0x01], "amid an element"],
    ["a copy from 0 back", [4, 0, 7, 0x01, 0], "from 0 back"],
    ["a copy from before the first byte", [4, 0, 7, 0x02 | (2 << 2), 2, 0], "from 2 back where 1 bytes"],
    ["a copy from far before", [4, 0, 7, 0x03 | (2 << 2), 0xff, 0xff, 0xff, 0xff], "from 4294967295 back"],
    ["more than it told", [4, 0, 7, 0x02 | (63 << 2), 1, 0], "more than 4"],
    ["fewer than it told", [4, 0, 7], "1"],
  ] as const)("%s", (_, packed, found) => {
    // prettier-ignore
    expect(unpack("snappy", Uint8Array.from(packed), 4).found).toContain(found);
  });
});

describe("zip bombs", () => {
  const bomb = new Uint8Array(1 << 24);
  it("of zlib are left at the first byte too many", () => {
    expect(unpack("zlib", deflateSync(bomb).subarray(0, PAGE)).found).toBe("more than 4096");
  });
  it("of zstd give nothing", () => {
    const blocks = Array.from({ length: 1000 }, () => [0x02, 0, 0x10, 7]).flat();
    const stream = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x60, ...blocks, 0x03, 0, 0x10, 7);
    expect(unpack("zstd", stream).found).toContain("damaged");
  });
  it("of zstd that tell a larger size give nothing", () => {
    expect(unpack("zstd", zstdFrame(new Uint8Array(8192).fill(3))).found).toContain("damaged");
  });
  it("of snappy are refused by their length", () => {
    expect(unpack("snappy", compress(bomb).subarray(0, PAGE)).found).toBe(String(1 << 24));
  });
});

describe("any bytes", () => {
  it.each(names)(
    "make %s answer, and write to the page alone",
    (name) => {
      const stream = fc.oneof(
        fc.uint8Array({ maxLength: 600 }),
        fc
          .tuple(fc.nat(30), fc.array(fc.tuple(fc.nat(PAGE), fc.nat(255)), { maxLength: 8 }), fc.nat(PAGE))
          .map(([seed, changes, length]) => {
            const packed = Uint8Array.from(pack(somePage(seed), name));
            for (const [at, byte] of changes) packed[at % packed.length] = byte;
            return packed.subarray(0, length % 4 === 0 ? length : packed.length);
          }),
      );
      fc.assert(
        fc.property(stream, (packed) => {
          const { found } = unpack(name, packed);
          expect(found === null || found.length > 0).toBe(true);
        }),
        runs(1000),
      );
    },
    timeout,
  );
});

describe.skipIf(!haveRealDumps)("pages that liblzo2 packed, damaged", () => {
  it(
    "make lzo answer",
    () => {
      const file = readReal("linux-7.3.4-hvo/vmcore-filtered.kdump-d31-lzo");
      const { descriptors } = areas(file);
      const view = new DataView(file.buffer);
      const damage = fc.array(fc.tuple(fc.nat(PAGE), fc.nat(255)), { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 3000 }), damage, (page, changes) => {
          const at = descriptors + 24 * page;
          if (view.getUint32(at + 12, true) !== BITS.lzo) return;
          const offset = Number(view.getBigUint64(at, true));
          const packed = file.slice(offset, offset + view.getUint32(at + 8, true));
          for (const [place, byte] of changes) packed[place % packed.length] = byte;
          unpack("lzo", packed);
        }),
        runs(2000),
      );
    },
    timeout,
  );
});
