import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import type { RandomAccessFile } from "../../src/dump/file.js";
import { openKdump } from "../../src/dump/kdump.js";
import { FrameState } from "../../src/dump/memory.js";
import { expectFrames, refusal, someFrames, somePage } from "./some-memory.js";
import { areas, type KdumpToWrite, pack, PAGE, type Packing, writeKdump } from "./write-kdump.js";

const open = (...files: Uint8Array[]) => openKdump(files.map((bytes, i) => new BytesFile(bytes, `part${i}`)));
const frames = someFrames(700);

/** A file with some bytes of it changed. */
function changed(dump: KdumpToWrite, change: (view: DataView, at: ReturnType<typeof areas>) => void): Uint8Array {
  const file = writeKdump(dump);
  change(new DataView(file.buffer), areas(file));
  return file;
}

describe("pages", () => {
  it.each<Packing>(["raw", "zlib", "lzo", "snappy", "zstd"])("packed by %s", async (packing) => {
    await expectFrames(await open(writeKdump({ frames, packing })), frames);
  });

  it("packed by several, as each page's flags say", async () => {
    const packings = ["raw", "zlib", "lzo", "snappy", "zstd"] as const;
    await expectFrames(await open(writeKdump({ frames, packing: (frame) => packings[frame % 5]! })), frames);
  });

  it.each([1, 2, 3, 4, 5, 6])("of header version %i", async (version) => {
    const dump = await open(writeKdump({ frames, version }));
    await expectFrames(dump, frames);
    expect(dump.vmcoreinfo).toBe(version >= 3 ? "OSRELEASE=6.1\n" : null);
  });

  it("beyond one block of bitmap, in lists of any order, more than once", async () => {
    const far = new Map([3, 32767, 32768, 70000, 98303, 98304].map((frame) => [frame, somePage(frame + 2)]));
    const { memory } = await open(writeKdump({ frames: far, endFrame: 100_000 }));
    const list = [98304, 3, 70000, 32768, 3, 32767, 98303, 50000];
    const out = new Uint8Array(list.length * PAGE);
    await memory.readFrames(list, out);
    list.forEach((frame, i) =>
      expect(Buffer.compare(out.subarray(i * PAGE, (i + 1) * PAGE), far.get(frame) ?? new Uint8Array(PAGE))).toBe(0),
    );
  });

  it("of no frames", async () => {
    const dump = await open(writeKdump({ frames: new Map() }));
    expect(dump.memory.endFrame).toBe(0);
    expect(dump.memory.stateOf(0)).toBe(FrameState.ABSENT);
  });

  it("of frames that are no frame read as zero", async () => {
    const { memory } = await open(writeKdump({ frames }));
    const list = [-1, NaN, 2 ** 60];
    expect(list.map((frame) => memory.stateOf(frame))).toEqual(list.map(() => FrameState.ABSENT));
  });

  it("as QEMU writes them: bitmaps of more blocks than frames need", async () => {
    const file = writeKdump({ frames });
    const { ram, pages, descriptors } = areas(file);
    const wide = new Uint8Array(file.length + 2 * PAGE);
    wide.set(file.subarray(0, pages));
    wide.set(file.subarray(pages, descriptors), pages + PAGE);
    wide.set(file.subarray(descriptors), descriptors + 2 * PAGE);
    const view = new DataView(wide.buffer);
    view.setUint32(436, 4, true);
    const count = [...frames.values()].filter((page) => page !== null).length;
    for (let i = 0; i < count; i++) {
      const at = descriptors + 2 * PAGE + 24 * i;
      view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(2 * PAGE), true);
    }
    expect(ram).toBe(2 * PAGE);
    await expectFrames(await open(wide), frames);
  });

  it("read with few reads where they stand side by side", async () => {
    const noise = new Map(Array.from({ length: 512 }, (_, frame) => [frame, somePage(4 * frame + 3)]));
    const bytes = new BytesFile(writeKdump({ frames: noise, packing: "raw" }));
    let reads = 0;
    const counting: RandomAccessFile = {
      name: "counting",
      size: bytes.size,
      readInto: (out, offset) => {
        reads++;
        bytes.readInto(out, offset);
        return undefined;
      },
      close: () => Promise.resolve(),
    };
    const { memory } = await openKdump([counting]);
    reads = 0;
    await memory.readFrames([...noise.keys()], new Uint8Array(512 * PAGE));
    expect(reads).toBe(3);
  });
});

describe("what a dump says of itself", () => {
  it("is in its details", async () => {
    const { details, format } = await open(writeKdump({ frames, packing: "lzo", dumpLevel: 17 }));
    const here = [...frames.values()].filter((page) => page !== null).length;
    expect({ format, ...details }).toEqual({
      format: "kdump",
      headerVersion: 6,
      release: "6.1.0-test",
      machine: "x86_64",
      timestamp: 1_700_000_000,
      compression: "lzo",
      dumpLevel: 17,
      files: 1,
      incomplete: false,
      vmemmapExcluded: false,
      cpus: 2,
      physBase: -4096,
      writtenBlocks: 7,
      framesHere: here,
      framesFiltered: frames.size - here,
      framesAbsent: 700 - frames.size,
    });
  });

  it("has VMCOREINFO from a note where nothing else tells", async () => {
    expect((await open(writeKdump({ frames, byNote: true, vmcoreinfo: "A=1\n" }))).vmcoreinfo).toBe("A=1\n");
  });

  it("has an excluded vmemmap", async () => {
    const file = changed({ frames }, (view) => view.setUint32(424, 0x11, true));
    expect((await open(file)).details["vmemmapExcluded"]).toBe(true);
  });
});

describe("incomplete dumps", () => {
  it("have lost pages, which count as filtered", async () => {
    const lost = [0, 8, 698];
    const dump = await open(writeKdump({ frames, lost }));
    await expectFrames(dump, frames, lost);
    expect(dump.details["incomplete"]).toBe(true);
  });

  it("may end before their pages", async () => {
    const whole = writeKdump({ frames, lost: [0], packing: "raw" });
    const cut = whole.subarray(0, whole.length - 10 * PAGE - 1);
    const here = [...frames.keys()].filter((frame) => frames.get(frame)?.some((byte) => byte !== 0));
    await expectFrames(await open(cut), frames, [0, ...here.slice(-11)]);
  });

  it("may end before their descriptors", async () => {
    const whole = writeKdump({ frames, lost: [0] });
    const { memory, details } = await open(whole.subarray(0, areas(whole).descriptors + 24 * 5 + 7));
    expect(details["framesHere"]).toBe(0);
    expect(memory.stateOf(1)).toBe(FrameState.FILTERED);
  });
});

describe("split dumps", () => {
  const part = (first: number, end: number, version = 6) =>
    writeKdump({ frames, endFrame: 700, split: [first, end], version });

  it.each([6, 5, 2])("are read together in any order (version %i)", async (version) => {
    const dump = await open(part(450, 700, version), part(0, 100, version), part(100, 450, version));
    await expectFrames(dump, frames);
    expect(dump.details["files"]).toBe(3);
  });

  it("may have a part that ends with the last byte of its bitmaps, as makedumpfile writes it", async () => {
    const none = part(700, 700);
    const end = areas(none).pages + Math.ceil(700 / 8);
    await expectFrames(await open(none.subarray(0, end), part(0, 700)), frames);
    expect((await refusal(open(none.subarray(0, end - 1), part(0, 700))))[0]).toBe("bad-dump");
  });

  it("may have a part of no frames", async () => {
    await expectFrames(await open(part(0, 100), part(100, 100), part(100, 700)), frames);
  });

  it.each([
    ["first", [[100, 700]], "none for frames 0 to 99 in the 1 given"],
    ["last", [[0, 100]], "none for frames 100 to 699 in the 1 given"],
    ["middle", [[200, 700], [0, 100]], "none for frames 100 to 199 in the 2 given"], // prettier-ignore
  ] as const)("are refused without the %s part", async (_, ranges, message) => {
    const [code, text] = await refusal(open(...ranges.map(([first, end]) => part(first, end))));
    expect([code, text]).toEqual(["bad-dump", expect.stringContaining(message)]);
  });

  it("are refused with two parts about the same frames", async () => {
    const [code, text] = await refusal(open(part(0, 100), part(90, 700)));
    expect([code, text]).toEqual([
      "bad-dump",
      "part1, offset 4176: expected a part from frame 100 on, where part0 ends, found one from 90 on",
    ]);
  });

  it("are refused with a part of another dump", async () => {
    const other = changed({ frames, endFrame: 700, split: [100, 700] }, (view) => view.setBigInt64(408, 5n, true));
    const [code, text] = await refusal(open(part(0, 100), other));
    expect([code, text]).toEqual(["bad-dump", expect.stringContaining("timestamp 1700000000, found 5")]);
  });

  it("are refused with a whole dump among them", async () => {
    expect((await refusal(open(part(0, 100), writeKdump({ frames }))))[0]).toBe("bad-argument");
  });
});

describe("refusals", () => {
  const u32 = (at: number, value: number) => (view: DataView) => view.setUint32(at, value, true);
  const u64 = (at: number, value: bigint) => (view: DataView) => view.setBigUint64(at, value, true);
  it.each([
    ["an old diskdump", u64(0, 0x504d55444b534944n), "unsupported-dump", "old diskdump"],
    ["another signature", u32(0, 0), "bad-dump", "offset 0: expected the signature"],
    ["version 0", u32(8, 0), "bad-dump", "header version of 1 to 6, found 0"],
    ["version 7", u32(8, 7), "unsupported-dump", "header version 7"],
    ["another machine", u32(12 + 4 * 65, 0x36383669), "unsupported-dump", 'machine "i686'],
    ["another block size", u32(428, 65536), "unsupported-dump", "blocks of 65536 bytes"],
    ["no sub header", u32(432, 0), "bad-dump", "offset 432"],
    ["a sub header below none", u32(432, 0xffffffff), "bad-dump", "found -1"],
    ["a sub header beyond the file", u32(432, 0x7fffffff), "bad-dump", "up to 0x"],
    ["bitmaps beyond the file", u32(436, 0xfffffffe), "bad-dump", "expected two bitmaps of 700 frames"],
    ["bitmaps of two sizes", u32(436, 3), "bad-dump", "offset 436: expected two bitmaps of the same size"],
    ["more frames than bits", u64(PAGE + 96, 32769n), "bad-dump", "offset 4192: expected max_mapnr 32768 at most"],
    ["frames beyond 64 bits", u64(PAGE + 96, 2n ** 64n - 1n), "bad-dump", "max_mapnr 32768"],
    ["VMCOREINFO beyond the file", u64(PAGE + 32, 2n ** 63n), "bad-dump", "offset 4128: expected VMCOREINFO"],
    ["VMCOREINFO of too many bytes", u64(PAGE + 40, 2n ** 62n), "bad-dump", "expected VMCOREINFO of 1048576"],
    ["notes beyond the file", u64(PAGE + 56, 2n ** 40n), "bad-dump", "expected notes of"],
  ] as const)("%s", async (_, change, code, message) => {
    // prettier-ignore
    expect(await refusal(open(changed({ frames }, change)))).toEqual([code, expect.stringContaining(message)]);
  });

  it("files that end at any place of their headers, bitmaps and descriptors", async () => {
    const file = writeKdump({ frames });
    const { descriptors } = areas(file);
    const count = [...frames.values()].filter((page) => page !== null).length;
    for (let size = 0; size < descriptors + 24 * count; size += 61)
      expect((await refusal(open(file.subarray(0, size))))[0]).toBe("bad-dump");
  });

  it("no files", async () => {
    expect((await refusal(open()))[0]).toBe("bad-argument");
  });

  it("options that there are not", async () => {
    const file = new BytesFile(writeKdump({ frames }));
    expect((await refusal(openKdump([file], { thread: 1 } as object)))[0]).toBe("bad-argument");
    expect((await refusal(openKdump([file], { threads: 0 })))[0]).toBe("bad-argument");
  });

  it("an array that is too short", async () => {
    const { memory } = await open(writeKdump({ frames }));
    expect((await refusal(Promise.resolve(memory.readFrames([0, 1], new Uint8Array(2 * PAGE - 1)))))[0]).toBe(
      "bad-array",
    );
  });

  it("reads of a dump that was closed", async () => {
    const dump = await open(writeKdump({ frames }));
    await dump.close();
    expect((await refusal(Promise.resolve(dump.memory.readFrames([0], new Uint8Array(PAGE)))))[0]).toBe("disposed");
  });

  it("reads that were told to stop", async () => {
    const stop = new AbortController();
    const { memory } = await openKdump([new BytesFile(writeKdump({ frames }))], { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(memory.readFrames([0], new Uint8Array(PAGE))).rejects.toThrow("enough");
  });
});

describe("damaged pages", () => {
  /** A dump of one page of words at frame 2, its descriptor changed. */
  async function read(packing: Packing, change: (view: DataView, descriptor: number) => void) {
    const file = changed({ frames: new Map([[2, somePage(2)]]), packing }, (view, at) => change(view, at.descriptors));
    const { memory } = await open(file);
    return refusal(Promise.resolve(memory.readFrames([2], new Uint8Array(PAGE))));
  }
  const at = 4 * PAGE;

  it.each([
    ["flags of two compressions", 12, 3, "expected flags of one compression, found 0x3"],
    ["flags of none", 12, 0x40, "found 0x40"],
    ["no bytes", 8, 0, "expected 1 to 4096 bytes of a packed page, found 0"],
    ["too many bytes", 8, 4097, "found 4097"],
    ["a place among the descriptors", 0, at, "behind the descriptors, from 0x4018 to the file's end"],
    ["a place behind the end", 0, 0x7fff0000, "at 0x7fff0000"],
    ["a place beyond 32 bits", 4, 0x80000000, "at 0x80000000"],
  ] as const)("%s", async (_, field, value, message) => {
    // prettier-ignore
    const found = await read("zlib", (view, descriptor) => view.setUint32(descriptor + field, value, true));
    expect(found).toEqual(["bad-dump", expect.stringContaining(`part0, offset ${at}: frame 0x2:`)]);
    expect(found[1]).toContain(message);
  });

  it("raw ones of another size", async () => {
    const [, message] = await read("raw", (view, descriptor) => view.setUint32(descriptor + 8, 4095, true));
    expect(message).toContain("expected 4096 bytes of a page that is not packed, found 4095");
  });

  it("a wrong checksum", async () => {
    const [code, message] = await read("zlib", (view) => view.setUint8(view.byteLength - 1, 1));
    expect([code, message]).toEqual([
      "bad-dump",
      `part0, offset ${at + 24 + PAGE}: frame 0x2: expected a page of 4096 bytes packed by zlib, found a damaged stream (incorrect data check)`,
    ]);
  });

  it.each<Packing>(["zlib", "lzo", "snappy", "zstd"])("%s of fewer and of more bytes", async (packing) => {
    for (const [length, found] of [
      [2048, "found (2048|a damaged stream)"],
      [65536, "found (more than 4096|65536|a damaged)"],
    ] as const) {
      // prettier-ignore
      const stream = pack(new Uint8Array(length).fill(7), packing === "lzo" ? "zlib" : packing);
      const bytes = packing === "lzo" ? lzoOf(length) : stream;
      const [code, message] = await read(packing, (view, descriptor) => {
        view.setUint32(descriptor + 8, bytes.length, true);
        view.setUint32(descriptor + 12, { zlib: 1, lzo: 2, snappy: 4, zstd: 0x20, raw: 0 }[packing], true);
        new Uint8Array(view.buffer).set(bytes, view.byteLength - bytes.length);
        view.setBigUint64(descriptor, BigInt(view.byteLength - bytes.length), true);
      });
      expect(code).toBe("bad-dump");
      expect(message).toMatch(new RegExp(found));
    }
  });
});

/** An LZO1X stream of one byte many times over: 4 literals, and a copy from one byte back. */
function lzoOf(length: number): Uint8Array {
  let left = length - 4 - 2 - 31;
  const zeros: number[] = [];
  for (; left > 255; left -= 255) zeros.push(0);
  return Uint8Array.of(17 + 4, 7, 7, 7, 7, 0x20, ...zeros, left, 0, 0, 0x11, 0, 0);
}
