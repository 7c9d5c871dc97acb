import fc from "fast-check";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../../src/image/crc32.js";
import { type DecodedImage, decodeImage, encodeImage, type ImageHeader } from "../../../src/image/image.js";
import type { Section } from "../../../src/sections.js";
import { profile } from "../../../src/profile/index.js";

const SECTION_BYTES = 2 << 20;
const CHUNK_HEADER_SIZE = 24;
const FILE_HEADER_SIZE = 12;

const header: ImageHeader = {
  profile: profile("7.3"),
  vmemmapBase: 0xfffffb9640000000n,
  sections: [
    { number: 3, early: true, online: true, taintZoneDevice: true, subsections: 0xffff_ffff_ffff_ffffn },
    { number: 2 ** 25 - 1, early: false, online: false, taintZoneDevice: false, subsections: 1n << 63n },
  ],
  aliases: {
    pfns: Float64Array.of(3 * 32768 + 64, 3 * 32768 + 128, 2 ** 40 - 64),
    frames: Uint32Array.of(0, 0, 1),
    home: Uint8Array.of(1, 0, 0),
  },
  pgmaps: [
    {
      address: 0xffff8ba08243cd80n,
      type: 4,
      typeName: "MEMORY_DEVICE_GENERIC",
      flags: 0,
      vmemmapShift: 9,
      ranges: [{ start: 0x20000, end: 0x28000 }],
      altmap: null,
      owner: 0n,
      ops: null,
    },
  ],
  provenance: { kernel: "7.3.4", numbers: [1, 2, 3] },
  filtered: [
    { start: 3 * 32768 + 192, count: 64 },
    { start: 3 * 32768 + 320, count: 128 },
  ],
};

/** Slots that tell section and place. */
function slotsOf(section: Section): Uint8Array {
  const slots = new Uint32Array(SECTION_BYTES / 4);
  for (let i = 0; i < slots.length; i += 16) slots[i] = section.number * 32768 + i / 16;
  return new Uint8Array(slots.buffer);
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return new Uint8Array(Buffer.concat(all));
}

function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const piece = await pieces.next();
      if (piece.done === true) controller.close();
      else controller.enqueue(piece.value);
    },
  });
}

/** Reads everything, slots included. */
async function readAll(
  source: Parameters<typeof decodeImage>[0],
): Promise<{ header: ImageHeader; slots: Uint8Array[] }> {
  const image: DecodedImage = await decodeImage(source);
  const slots: Uint8Array[] = [];
  for await (const { bytes } of image.slots) slots.push(bytes);
  return { header: image.header, slots };
}

function badImage(message: RegExp | string): unknown {
  return expect.objectContaining({
    name: "VmemmapError",
    code: "bad-image",
    message: expect.stringMatching(message) as string,
  });
}

/** An image without sections is a few hundred bytes, so that every byte of it can be tried. */
const small = await bytesOf(encodeImage({ ...header, sections: [], aliases: noAliases(), filtered: [] }, slotsOf));
const whole = await bytesOf(encodeImage(header, slotsOf));

function noAliases(): ImageHeader["aliases"] {
  return { pfns: new Float64Array(0), frames: new Uint32Array(0), home: new Uint8Array(0) };
}

interface Span {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** Where each chunk of a sound image stands. */
function chunksOf(image: Uint8Array): Span[] {
  const view = new DataView(image.buffer);
  const spans: Span[] = [];
  for (let start = FILE_HEADER_SIZE; start < image.length;) {
    const end = start + CHUNK_HEADER_SIZE + view.getUint32(start + 8, true);
    spans.push({ type: String.fromCharCode(...image.subarray(start, start + 4)), start, end });
    start = end;
  }
  return spans;
}

function spanOf(image: Uint8Array, type: string): Span {
  return chunksOf(image).find((span) => span.type === type)!;
}

function splice(image: Uint8Array, start: number, end: number, insert: Uint8Array): Uint8Array {
  return Buffer.concat([image.subarray(0, start), insert, image.subarray(end)]);
}

/** A chunk as it stands in a file, with any header a wrong or evil writer might give it. */
function rawChunk(
  type: string,
  stored: Uint8Array,
  { encoding = 0, width = 0, zero = 0, rawLength = stored.length } = {},
): Uint8Array {
  const chunk = Buffer.alloc(CHUNK_HEADER_SIZE + stored.length);
  chunk.write(type, "latin1");
  chunk.writeUInt8(encoding, 4);
  chunk.writeUInt8(width, 5);
  chunk.writeUInt16LE(zero, 6);
  chunk.writeUInt32LE(stored.length, 8);
  chunk.writeUInt32LE(rawLength, 12);
  chunk.writeUInt32LE(crc32(stored), 16);
  chunk.writeUInt32LE(crc32(chunk.subarray(0, 20)), 20);
  chunk.set(stored, CHUNK_HEADER_SIZE);
  return chunk;
}

/** The small image with one chunk in another's place. */
function withChunk(type: string, chunk: Uint8Array): Uint8Array {
  const { start, end } = spanOf(small, type);
  return splice(small, start, end, chunk);
}

describe("round trip", () => {
  it("gives back header and slots", async () => {
    const read = await readAll(whole);
    expect(read.header).toEqual(header);
    expect(read.slots.length).toBe(2);
    header.sections.forEach((section, i) => expect(Buffer.compare(read.slots[i]!, slotsOf(section))).toBe(0));
  });

  it("takes aliases anywhere in an early section, whatever its subsections", async () => {
    const sections = [{ number: 3, early: true, online: true, taintZoneDevice: false, subsections: 1n }];
    const aliases = { pfns: Float64Array.of(4 * 32768 - 64), frames: Uint32Array.of(0), home: Uint8Array.of(0) };
    const read = await readAll(await bytesOf(encodeImage({ ...header, sections, aliases }, slotsOf)));
    expect(read.header.aliases).toEqual(aliases);
  });

  it("writes the same bytes for what it read", async () => {
    const read = await readAll(whole);
    const again = await bytesOf(
      encodeImage(read.header, (section) => read.slots[read.header.sections.indexOf(section)]!),
    );
    expect(Buffer.compare(again, whole)).toBe(0);
  });

  it("reads a ReadableStream and any async iterable, however cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (size) => {
        async function* pieces(): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < small.length; at += size) yield await Promise.resolve(small.subarray(at, at + size));
        }
        expect((await readAll(pieces())).header.pgmaps).toEqual(header.pgmaps);
        expect((await readAll(streamOf(pieces()))).header.pgmaps).toEqual(header.pgmaps);
      }),
      { numRuns: 20 },
    );
  });

  it("asks for no more than two sections of slots ahead of the reader, and lets go of the source when the reader leaves", async () => {
    const asked: number[] = [];
    let closed = false;
    const [first, last] = [header.sections[0]!, header.sections.at(-1)!];
    const between = Array.from({ length: 6 }, (_, i) => ({ ...first, number: first.number + 1 + i }));
    const sections = [first, ...between, last];
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        yield* encodeImage({ ...header, sections }, (section) => {
          asked.push(section.number);
          return slotsOf(section);
        });
      } finally {
        closed = true;
      }
    }
    const image = await decodeImage(pieces());
    expect(asked).toEqual([]);
    for await (const { section } of image.slots) {
      expect(asked).toEqual([section.number, section.number + 1, section.number + 2]);
      break;
    }
    expect(closed).toBe(true);
  });

  it("packs slots of a real kind well", () => {
    expect(whole.length).toBeLessThan(32 << 10);
  });
});

describe("damage", () => {
  it("refuses an image truncated anywhere", async () => {
    for (let length = 0; length < small.length; length++) {
      await expect(readAll(small.subarray(0, length)), `${length} bytes`).rejects.toEqual(
        badImage(/^image, offset \d+: expected \d+ more bytes of .*, found the end$/),
      );
    }
  });

  it("refuses an image with any byte altered", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: small.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, change) => {
          const altered = small.slice();
          altered[at]! ^= change;
          await expect(readAll(altered)).rejects.toEqual(badImage(/^image, offset \d+: /));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("refuses slots truncated or altered anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (at) => {
        await expect(readAll(whole.subarray(0, at))).rejects.toEqual(badImage(/found the end/));
        const altered = whole.slice();
        altered[at]! ^= 0x10;
        await expect(readAll(altered)).rejects.toEqual(badImage(/^image, offset \d+: /));
      }),
      { numRuns: 20 },
    );
  });

  it("refuses random bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await expect(readAll(bytes)).rejects.toEqual(badImage(/^image, offset \d+: expected/));
      }),
    );
  });

  it("names the version it can't read", async () => {
    const altered = small.slice();
    altered[8] = 7;
    await expect(readAll(altered)).rejects.toEqual(badImage(/^image, offset 8: expected version 1, found 7$/));
  });

  it("refuses bytes after the end", async () => {
    await expect(readAll(Buffer.concat([small, Uint8Array.of(0)]))).rejects.toEqual(
      badImage(`^image, offset ${small.length}: expected the end, found more bytes$`),
    );
  });

  it("refuses a missing chunk", async () => {
    const { start, end } = chunksOf(whole).findLast(({ type }) => type === "SLOT")!;
    await expect(readAll(splice(whole, start, end, new Uint8Array(0)))).rejects.toEqual(
      badImage(`^image, offset ${start}: expected chunk "SLOT", found "LAST"$`),
    );
  });

  it("refuses two chunks that changed places", async () => {
    const [first, second] = chunksOf(whole).filter(({ type }) => type === "SLOT") as [Span, Span];
    const swapped = Buffer.concat([
      whole.subarray(0, first.start),
      whole.subarray(second.start, second.end),
      whole.subarray(first.start, first.end),
      whole.subarray(second.end),
    ]);
    await expect(readAll(swapped)).rejects.toEqual(badImage(/expected the chunks as they were written$/));
  });
});

describe("chunks of later writers", () => {
  /** The small image with a chunk more before its sections and one at its end. */
  function withExtra(type: string): Uint8Array<ArrayBuffer> {
    const chunks: Uint8Array[] = chunksOf(small).map(({ start, end }) => small.subarray(start, end));
    chunks.splice(2, 0, rawChunk(type, new Uint8Array(1000), { encoding: 77 }));
    chunks.splice(-1, 1, rawChunk(type, Uint8Array.of(1, 2, 3)));
    return sealed(chunks);
  }

  /** A container of these chunks, with the last one that belongs to them. */
  function sealed(chunks: readonly Uint8Array[], count = chunks.length): Uint8Array<ArrayBuffer> {
    const told = Buffer.alloc(8);
    told.writeUInt32LE(count, 0);
    told.writeUInt32LE(crc32(Buffer.concat(chunks.map((chunk) => chunk.subarray(0, 20)))), 4);
    return new Uint8Array(Buffer.concat([small.subarray(0, FILE_HEADER_SIZE), ...chunks, rawChunk("LAST", told)]));
  }

  it("skips an optional one", async () => {
    expect((await readAll(withExtra("newx"))).header).toEqual((await readAll(small)).header);
  });

  it("refuses a last chunk that tells another number of chunks", async () => {
    const chunks = chunksOf(small).map(({ start, end }) => small.subarray(start, end));
    chunks.pop();
    await expect(readAll(sealed(chunks, chunks.length + 1))).rejects.toEqual(badImage(/expected 7 chunks, found 6$/));
  });

  it("refuses a required one", async () => {
    const image = withExtra("NEWX");
    const { start } = spanOf(image, "NEWX");
    await expect(readAll(image)).rejects.toEqual(
      badImage(`^image, offset ${start}: expected chunk "SECT", found "NEWX"$`),
    );
  });

  it("checks an optional one it skips", async () => {
    const image = withExtra("newx");
    image[spanOf(image, "newx").end - 1]! ^= 1;
    await expect(readAll(image)).rejects.toEqual(badImage(/chunk "newx": expected CRC-32/));
  });
});

describe("hostile chunks", () => {
  it("refuses a zlib bomb without unpacking it", async () => {
    const bomb = deflateSync(new Uint8Array(64 << 20));
    await expect(
      readAll(withChunk("PROF", rawChunk("PROF", bomb, { encoding: 1, rawLength: 1 << 20 }))),
    ).rejects.toEqual(badImage(/chunk "PROF": expected a zlib stream of 1048576 bytes$/));
  });

  it("refuses a zlib stream that is too short, broken, or none", async () => {
    const packed = deflateSync(new Uint8Array(500));
    const broken = packed.subarray(0, packed.length - 6);
    for (const stored of [packed, broken, Buffer.from("no zlib stream at all")]) {
      await expect(
        readAll(withChunk("PROF", rawChunk("PROF", stored, { encoding: 1, rawLength: 600 }))),
      ).rejects.toEqual(badImage(/chunk "PROF": expected a zlib stream of 600 bytes$/));
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "a length above the type's",
      rawChunk("PROF", new Uint8Array(8), { encoding: 1, rawLength: 0xffffffff }),
      /expected 0 to 1048576 bytes/,
    ],
    [
      "more stored bytes than raw ones",
      rawChunk("PROF", new Uint8Array(9), { encoding: 1, rawLength: 8 }),
      /expected at most 8 stored bytes, found 9/,
    ],
    [
      "raw bytes of two lengths",
      rawChunk("PROF", new Uint8Array(7), { rawLength: 8 }),
      /expected 8 stored bytes, found 7/,
    ],
    ["an unknown encoding", rawChunk("PROF", new Uint8Array(8), { encoding: 2 }), /expected encoding 0 or 1, found 2/],
    [
      "bytes set that must be zero",
      rawChunk("PROF", new Uint8Array(8), { zero: 1 }),
      /expected zero bytes at 6, found 1/,
    ],
    [
      "a part of a record",
      rawChunk("PROF", new Uint8Array(8), { width: 3 }),
      /expected whole records of 3 bytes, found 8 bytes/,
    ],
    ["a type that is no word", rawChunk("PR1F", new Uint8Array(8)), /expected a chunk type of four letters/],
    ["a profile that is no text", rawChunk("PROF", Uint8Array.of(0xff, 0xfe)), /chunk "PROF": /],
    ["a profile that is no JSON", rawChunk("PROF", Buffer.from("{")), /chunk "PROF": .*JSON/],
    ["a profile that is none", rawChunk("PROF", Buffer.from("{}")), /chunk "PROF": /],
  ])("refuses %s", async (_what, chunk, message) => {
    await expect(readAll(withChunk("PROF", chunk))).rejects.toEqual(badImage(message));
  });

  it.each<[string, string, Uint8Array, RegExp]>([
    ["a base of 4 bytes", "BASE", new Uint8Array(4), /expected 8 bytes, found 4/],
    ["a third of a section", "SECT", new Uint8Array(5), /expected records of 16 bytes, found 5 bytes/],
    ["a section that is not present", "SECT", sectionRecord(1, 0), /expected section flags/],
    ["an unknown section flag", "SECT", sectionRecord(1, 0x43), /expected section flags/],
    [
      "a section past the address space",
      "SECT",
      sectionRecord(2 ** 25, 3),
      /rise from 0 to 33554431, found 33554432 after -1/,
    ],
    ["a section twice", "SECT", Buffer.concat([sectionRecord(4, 3), sectionRecord(4, 3)]), /rise .*, found 4 after 4/],
    ["aliases without sections", "ALIA", new Uint8Array(16), /expected 0 bytes, found 16/],
    ["pgmaps of another kind", "PMAP", Buffer.from('[{"address":1}]'), /chunk "PMAP": .*address/],
    ["provenance that is no object", "prov", Buffer.from("[]"), /chunk "prov": expected a JSON object/],
  ])("refuses %s", async (_what, type, stored, message) => {
    await expect(readAll(withChunk(type, rawChunk(type, stored)))).rejects.toEqual(badImage(message));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["half a record", new Uint8Array(8), /chunk "filt": expected records of 16 bytes, found 8 bytes/],
    ["no pages", range(64, 0), /found 0 from 64/],
    ["part of a vmemmap page", range(64, 32), /multiples of 64 PFNs below 1099511627776, found 32 from 64/],
    ["a start within a vmemmap page", range(32, 64), /found 64 from 32/],
    ["pages past the last section", range(2 ** 40 - 64, 128), /found 128 from 1099511627712/],
    ["ranges that fall", Buffer.concat([range(256, 64), range(64, 64)]), /found 64 from 64 after 320/],
    ["ranges that touch", Buffer.concat([range(0, 64), range(64, 64)]), /found 64 from 64 after 64/],
    ["numbers of 64 bits", new Uint8Array(16).fill(0xff), /expected rising ranges/],
    ["more ranges than pages of slots", new Uint8Array(513 * 16), /expected 0 to 8192 bytes, found 8208/],
  ])("refuses filtered pages of %s", async (_what, stored, message) => {
    const { start, end } = spanOf(whole, "filt");
    const image = splice(whole, start, end, rawChunk("filt", stored));
    await expect(readAll(image)).rejects.toEqual(badImage(message));
  });

  it("writes no chunk of filtered pages where there are none", async () => {
    const image = await bytesOf(encodeImage({ ...header, filtered: [] }, slotsOf));
    expect(chunksOf(image).map(({ type }) => type)).not.toContain("filt");
    expect((await readAll(image)).header.filtered).toEqual([]);
  });

  function range(start: number, count: number): Uint8Array {
    return new Uint8Array(BigUint64Array.of(BigInt(start), BigInt(count)).buffer);
  }

  function sectionRecord(number: number, flags: number): Uint8Array {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(number, 0);
    record.writeUInt32LE(flags, 4);
    return record;
  }
});

describe("what can't be written", () => {
  async function refusal(changes: Partial<ImageHeader>, slots = slotsOf): Promise<unknown> {
    return bytesOf(encodeImage({ ...header, ...changes }, slots)).catch((error: unknown) => error);
  }
  const badArgument = (message: RegExp): unknown =>
    expect.objectContaining({ code: "bad-argument", message: expect.stringMatching(message) as string });
  const aliases = (pfns: number[], frames: number[], home: number[]): Partial<ImageHeader> => ({
    aliases: { pfns: Float64Array.from(pfns), frames: Uint32Array.from(frames), home: Uint8Array.from(home) },
  });
  const first = 3 * 32768;

  it("refuses sections out of order", async () => {
    expect(await refusal({ sections: header.sections.toReversed() })).toEqual(badArgument(/found 3 after 33554431/));
  });

  it("refuses more provenance than a reader takes", async () => {
    expect(await refusal({ provenance: { notes: "x".repeat(1 << 20) } })).toEqual(badArgument(/at most 1048576 bytes/));
  });

  it("refuses slots of another length", async () => {
    expect(await refusal({}, () => new Uint8Array(64))).toEqual(badArgument(/slots of section 3: .* found 64/));
  });

  it.each<[string, Partial<ImageHeader>, RegExp]>([
    ["out of order", aliases([first + 64, first], [0, 0], [0, 0]), /rising multiples of 64/],
    ["between vmemmap pages", aliases([first + 1], [0], [0]), /rising multiples of 64/],
    ["in absent sections", aliases([0], [0], [0]), /present sections, found PFN 0/],
    ["with frames out of order", aliases([first, first + 64], [1, 0], [0, 0]), /order of appearance, found 1 before 0/],
    ["with two homes", aliases([first, first + 64], [0, 0], [1, 1]), /one home a frame, found a second for frame 0/],
    ["of unequal lengths", aliases([first], [0], []), /expected 1 frames and homes, found 1 and 0/],
  ])("refuses aliases %s", async (_what, changes, message) => {
    expect(await refusal(changes)).toEqual(badArgument(message));
  });
});
