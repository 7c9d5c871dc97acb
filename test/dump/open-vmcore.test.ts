import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openVmcore, Vmemmap } from "../../src/index.js";
import { expectSameMap } from "../same-map.js";
import { openMap } from "../truth.js";
import { refusal } from "./refusal.js";
import { syntheticKernel } from "../../bench/open/synthetic-kernel.js";
import { vmcoreinfo, writeElf } from "./write-elf.js";
import { storeZstd } from "./write-zstd.js";

const SECTION = 32768;

function coreOf(told: (vmcoreinfo: string) => string): Uint8Array<ArrayBuffer> {
  const map = new Vmemmap({ memory: [{ start: 0, end: SECTION }], vmemmapBase: 0xfffffb9640000000n });
  map.prepCompoundPage(512, 9);
  const { frames, vmcoreinfo: text } = syntheticKernel(map);
  const segments = [...frames].sort(([a], [b]) => a - b).map(([frame, bytes]) => ({ address: frame * 4096, bytes }));
  return writeElf(segments, { notes: [[vmcoreinfo(told(text))]] });
}

const core = () => coreOf((text) => text);

it.each([
  ["a Blob", (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes])],
  ["a file that reads anywhere", (bytes: Uint8Array<ArrayBuffer>) => new BytesFile(bytes)],
  ["a list of one", (bytes: Uint8Array<ArrayBuffer>) => [new BytesFile(bytes)]],
])("opens %s, with the options of a map", async (_what, source) => {
  const stages = new Set<string>();
  const map = await openVmcore(source(core()), {
    build: "scalar",
    listCapacity: 64,
    headIndex: false,
    hotplugCapacity: SECTION,
    threads: 1,
    onProgress: ({ stage }) => stages.add(stage),
  });
  expect([map.compoundHead(1000), map.build, map.list(64).length]).toEqual([512, "scalar", 64]);
  expect([...stages]).toEqual(["open", "vmcoreinfo", "page tables", "slots", "check"]);
  expect(map.provenance).toMatchObject({ format: "elf", kernel: "7.3.0-synthetic" });
  expect(JSON.parse(JSON.stringify(map.provenance))).toEqual(map.provenance);
});

it("loads an image of a map, from a path", async () => {
  const known = await Vmemmap.load(openMap("linux-7.3.4"));
  const map = await openVmcore(fileURLToPath(new URL("../../maps/linux-7.3.4.vmemmap", import.meta.url)), {
    build: "scalar",
  });
  expect([map.sections, map.build]).toEqual([known.sections, "scalar"]);
});

it.each(["gzip", "zstd"] as const)("loads an image that is packed by %s as a whole", async (packing) => {
  const known = new Vmemmap({ memory: [{ start: 0, end: SECTION }] });
  known.prepCompoundPage(512, 9);
  const pieces: Uint8Array[] = [];
  for await (const piece of known.save()) pieces.push(piece.slice());
  const image = Buffer.concat(pieces);
  const bytes = packing === "gzip" ? gzipSync(image) : storeZstd(image);
  const told: (number | null)[] = [];
  const stages = new Set<string>();
  const map = await openVmcore(new BytesFile(bytes, "map"), {
    onUnpack: (_path, expected) => told.push(expected),
    onProgress: ({ stage }) => stages.add(stage),
  });
  expectSameMap(map, known);
  expect(told).toEqual([packing === "zstd" ? image.length : null]);
  expect([...stages]).toEqual(["open", "unpack"]);
  const damaged = gzipSync(image.subarray(0, image.length - 1));
  expect(await refusal(() => openVmcore(new File([damaged], "small.vmemmap")))).toMatch(
    /^bad-image: small\.vmemmap \(unpacked\): image, offset \d+: /,
  );
});

it("tells of a core that ends early what it lacks", async () => {
  const bytes = core();
  const half = new Blob([bytes.subarray(0, bytes.length / 2)]);
  expect(await refusal(() => openVmcore(half))).toMatch(
    /^bad-dump: no vmemmap found.*; the file is cut short: it lacks \d+ bytes that its headers promise$/,
  );
  const nearly = await openVmcore(new Blob([bytes.subarray(0, bytes.length - 1)]));
  expect(nearly.provenance["facts"]).toContainEqual(expect.objectContaining({ name: "bytesLost", value: 1 }));
});

it.each<[string, () => unknown, RegExp]>([
  ["no file", () => openVmcore([]), /^bad-argument: /],
  [
    "what is no source",
    () => openVmcore(5 as unknown as string),
    /^bad-argument: openVmcore: expected a path, a Blob or a file, got 5/,
  ],
  [
    "a URL",
    () => openVmcore(new URL("file:///dump") as unknown as string),
    /^bad-argument: .*got an object, a URL: give fileURLToPath\(url\)$/,
  ],
  [
    "bytes",
    () => openVmcore(new Uint8Array(8) as unknown as string),
    /^bad-argument: .*got an object, bytes: give new Blob\(\[bytes\]\)$/,
  ],
  ["null", () => openVmcore(null as unknown as string), /^bad-argument: /],
  ["an unknown option", () => openVmcore("x", { thread: 1 } as object), /^bad-argument: .*"thread"/],
  ["a signal that is none", () => openVmcore("x", { signal: {} as AbortSignal }), /^bad-argument: signal an object/],
  [
    "a callback that is none",
    () => openVmcore("x", { onProgress: 5 as unknown as () => void }),
    /^bad-argument: onProgress 5: expected a function/,
  ],
  ...(["no", 1, null] as const).map((headIndex): [string, () => unknown, RegExp] => [
    `headIndex ${headIndex}`,
    () => openVmcore("x", { headIndex } as object),
    /^bad-argument: headIndex .*: expected true or false/,
  ]),
  ...[0, -1, 1.5, NaN, 2 ** 40, "2", null].map((threads): [string, () => unknown, RegExp] => [
    `threads ${threads}`,
    () => openVmcore("x", { threads } as object),
    /^bad-argument: threads .*: expected a whole number/,
  ]),
  [
    "a core whose OSRELEASE is empty",
    () => openVmcore(new Blob([coreOf((text) => text.replace(/^OSRELEASE=.*$/m, "OSRELEASE="))])),
    /^bad-dump: VMCOREINFO: line \d+, OSRELEASE: expected a kernel's release, found ""/,
  ],
  ["a path where nothing is", () => openVmcore("/nowhere/vmcore"), /^unreadable: \/nowhere\/vmcore: no such file/],
  ["an empty file", () => openVmcore(new Blob([])), /^bad-dump: /],
  ["text", () => openVmcore(new Blob(["no dump at all, whatever it is"])), /^bad-dump: /],
  ["half a core", () => openVmcore(new Blob([core().subarray(0, 4096)])), /^(bad|unsupported)-dump: /],
])("refuses %s", async (_what, call, message) => {
  expect(await refusal(call)).toMatch(message);
});

it("stops when told to, and closes the file", async () => {
  const file = new BytesFile(core());
  let closed = 0;
  const counted = {
    name: file.name,
    size: file.size,
    readInto: (out: Uint8Array, offset: number) => file.readInto(out, offset),
    close: () => {
      closed++;
      return Promise.resolve();
    },
  };
  await expect(openVmcore(counted, { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
  expect(closed).toBeGreaterThan(0);
});
