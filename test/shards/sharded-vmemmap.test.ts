/** A map of several memories answers as one of one memory does. It runs the built package, whose workers are files of their own. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type AnswerList, type PfnList, type PfnSource, Vmemmap, VmemmapError } from "../../dist/src/index.js";
import { type ShardOptions, ShardedVmemmap } from "../../dist/src/shards/index.js";
import { ROUTED } from "../../dist/src/shards/router.js";
import type { OutList } from "../../dist/src/threads/batches.js";
import { runs, timeout } from "../property/runs.js";

/** Pages between cuts. */
const CUT = 2 ** 22;
const SECTION = 32768;
/** First page of a device. */
const DEVICE = 3 * CUT + SECTION;
/** Where PFNs are doubles. */
const FAR = 2 ** 32;

/** Sections before and after cuts, a shard without any between them. */
const nearMemory = [
  { start: 0, end: SECTION },
  { start: CUT - SECTION, end: CUT + 2 * SECTION },
  { start: DEVICE, end: DEVICE + 1024, hotplug: true, zone: "DEVICE" },
];
const farMemory = [...nearMemory, { start: FAR + CUT, end: FAR + CUT + SECTION }];

const batches = {
  headsInto: "pfns",
  ordersInto: "answers",
  flagsInto: "words",
  folioFlagsInto: "words",
  refcountsInto: "answers",
  folioRefcountsInto: "answers",
  mapcountsInto: "answers",
  folioMapcountsInto: "answers",
  pgmapsInto: "answers",
  devPagemapsInto: "answers",
  pgmapWordsInto: "words",
} as const;
type Batch = keyof typeof batches;
const names = Object.keys(batches) as Batch[];

type Map = Vmemmap<ArrayBufferLike> | ShardedVmemmap;

/** A batch's answers, and how many were invalid. */
async function answer(map: Map, name: Batch, pages: PfnSource, out: OutList): Promise<unknown[]> {
  const invalid = await map[name as "headsInto"](pages, out as PfnList);
  return [invalid, out];
}

function outsOf(name: Batch, length: number, wide: boolean): OutList[] {
  if (batches[name] === "words") return [new BigUint64Array(length)];
  if (batches[name] === "pfns") return [wide ? new Float64Array(length) : new Uint32Array(length)];
  return [new Uint32Array(length), new Int32Array(length), new Float64Array(length)];
}

/** The part of both maps that writes. */
type Changes = Pick<Vmemmap, "prepCompoundPage" | "writeWord" | "pgmaps">;

const pgmap = {
  address: 0xffff888000100000n,
  owner: null,
  ops: null,
  type: 4,
  typeName: "MEMORY_DEVICE_GENERIC",
  flags: 0,
  vmemmapShift: 0,
  ranges: [
    { start: CUT - 512, end: CUT + 512 },
    { start: DEVICE, end: DEVICE + 1024 },
  ],
  altmap: null,
};

/** Folios up to each side of a cut, counts, a pgmap over a cut, words that lead nowhere. */
function fill(map: Changes): void {
  map.prepCompoundPage(CUT - 2 ** 14, 14);
  map.prepCompoundPage(CUT, 9);
  for (let i = 0; i < 40; i++) map.prepCompoundPage(CUT + 1024 + 64 * i, 1 + (i % 6));
  map.prepCompoundPage(DEVICE, 9);
  map.writeWord(DEVICE, 8, pgmap.address);
  for (let i = 512; i < 1000; i++) map.writeWord(DEVICE + i, 8, pgmap.address);
  for (let i = 0; i < 100; i++) map.writeWord(CUT + SECTION + 37 * i, 8, 0xdead0000beef0001n + BigInt(2 * i));
  for (let i = 0; i < 100; i++) map.writeWord(16 * i, 48, BigInt(i) << 32n);
}

const open: { dispose(): void }[] = [];
afterEach(() => open.splice(0).forEach((map) => map.dispose()));

async function both(options: Omit<ShardOptions, "pagesPerShard">) {
  const { threads: _threads, ...rest } = options;
  const sharded = await ShardedVmemmap.create({ ...options, pagesPerShard: CUT });
  const one = new Vmemmap(rest);
  open.push(sharded, one);
  return { sharded, one };
}

/** Pages of all sections, absent ones among them, some in a row. */
function somePages(length: number, wide: boolean): PfnList {
  const list = wide ? new Float64Array(length) : new Uint32Array(length);
  const starts = [0, CUT - SECTION, CUT, CUT + SECTION, DEVICE, 2 * CUT, ...(wide ? [FAR + CUT] : [])];
  let state = 4711;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    list[i] = starts[(state >>> 8) % starts.length]! + (state % 3 === 0 ? state >>> 20 : state >>> 17);
  }
  return list;
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    return error instanceof VmemmapError ? error.code : String(error);
  }
}

async function expectSameAnswers(sharded: ShardedVmemmap, one: Vmemmap, pages: PfnSource, length: number) {
  const wide = one.endPfn >= FAR;
  for (const name of names) {
    const outs = outsOf(name, length, wide);
    const wanted = outsOf(name, length, wide);
    for (const [i, out] of outs.entries()) {
      const [found, expected] = [await answer(sharded, name, pages, out), await answer(one, name, pages, wanted[i]!)];
      expect([name, found[0]]).toEqual([name, expected[0]]);
      const same = Buffer.compare(bytesOf(out), bytesOf(wanted[i]!)) === 0;
      expect([name, out.constructor.name, same]).toEqual([name, out.constructor.name, true]);
    }
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: OutList) => new Uint8Array(buffer, byteOffset, byteLength);

describe.each([
  { title: "near memory, one thread", memory: nearMemory, threads: 1, profile: "7.3" as const },
  { title: "far memory, one thread", memory: farMemory, threads: 1, profile: "6.18" as const },
  { title: "near memory, threads", memory: nearMemory, threads: 2, profile: "6.1" as const },
  { title: "far memory, threads", memory: farMemory, threads: 2, profile: "7.3" as const },
])("$title", ({ memory, threads, profile }) => {
  it("answers all batches and passes as one memory does", async () => {
    const { sharded, one } = await both({ memory, threads, profile });
    const wide = one.endPfn >= FAR;
    expect(sharded.shards.length).toBe(wide ? 4 : 3);
    expect([sharded.threads > 1, sharded.reason === null]).toEqual([threads > 1, threads > 1]);
    for (const map of [sharded, one]) {
      fill(map);
      map.pgmaps = [pgmap];
    }
    expect([sharded.slots, sharded.startPfn, sharded.endPfn]).toEqual([one.slots, one.startPfn, one.endPfn]);
    expect(sharded.sections).toEqual(one.sections);

    for (const pass of ["before", "after"]) {
      const list = somePages(ROUTED + 4321, wide);
      await expectSameAnswers(sharded, one, list, list.length);
      const inOneShard = list.slice(0, 5000).fill(CUT + 5);
      await expectSameAnswers(sharded, one, inOneShard, inOneShard.length);
      await expectSameAnswers(sharded, one, { start: CUT - 5000, count: 12000 }, 12000);
      await expectSameAnswers(sharded, one, { start: 2 * CUT - 10, count: 20 }, 20);
      await expectSameAnswers(sharded, one, list.slice(0, 0), 0);
      const [heads, wanted] = [list.slice(), list.slice()];
      expect([pass, await sharded.heads(heads)]).toEqual([pass, one.heads(wanted)]);
      expect(Buffer.compare(bytesOf(heads), bytesOf(wanted))).toBe(0);
      expect(await sharded.checkWellFormed()).toBe(one.checkWellFormed());
    }

    expect(await sharded.foliosByOrder()).toEqual(one.foliosByOrder());
    for (const by of ["kind", "order", "zone", "flags"] as const) {
      expect(await sharded.census({ by })).toEqual(one.census({ by }));
    }
    expect(await sharded.listHeads()).toEqual(one.listHeads());
    const want = { kinds: ["single" as const], minRefcount: 0, clear: ["locked"] };
    expect(await sharded.select(want)).toEqual(one.select(want));
    expect((await sharded.select({ pgmap })).length).toBe(one.select({ pgmap }).length);
    expect(await sharded.verify({ limit: 5000 })).toEqual(one.verify({ limit: 5000 }));
    expect((await sharded.verify({ limit: 3 })).findings.length).toBe(3);
    const { state, pagesBySlots, bytes } = sharded.headIndex;
    expect([state, pagesBySlots, bytes]).toEqual([
      one.headIndex.state,
      one.headIndex.pagesBySlots,
      one.headIndex.bytes,
    ]);
  });
});

it("routes what is no PFN to no shard", async () => {
  const { sharded, one } = await both({ memory: farMemory, threads: 1 });
  const list = Float64Array.of(NaN, -1, 0.5, 7, CUT, CUT + 0.5, Infinity, FAR + CUT, 2 ** 40, 2 ** 52, 2 ** 60, -0);
  await expectSameAnswers(sharded, one, list, list.length);
  await expectSameAnswers(sharded, one, list.slice(0, 3), 3);
});

describe("one page", () => {
  it("goes to its shard", async () => {
    const { sharded } = await both({ memory: nearMemory, threads: 1 });
    sharded.prepCompoundPage(CUT, 9);
    expect([sharded.compoundHead(CUT + 77), sharded.folio(CUT + 77).order]).toEqual([CUT, 9]);
    expect([sharded.pfnValid(CUT - 1), sharded.pfnValid(2 * CUT), sharded.pfnValid(-1)]).toEqual([true, false, false]);
    expect(sharded.shardOf(CUT)).toBe(sharded.shards[1]);
    sharded.splitFolioToOrder(CUT, 3);
    expect(sharded.folio(CUT + 77).order).toBe(3);
    sharded.freePagesPrepare(CUT + 72, 3);
    expect(sharded.compoundHead(CUT + 77)).toBe(CUT + 77);
    sharded.writeWord(CUT + 77, 16, 99n);
    expect(sharded.readWord(CUT + 77, 16)).toBe(99n);
    expect(sharded.headIndex.state).toBe("ready");
    sharded.headIndex.drop();
    expect([sharded.headIndex.state, sharded.headIndex.bytes]).toEqual(["dropped", 0]);
    sharded.headIndex.build();
    expect(sharded.headIndex.state).toBe("ready");
  });

  it("is refused by code", async () => {
    const { sharded } = await both({ memory: nearMemory, threads: 1 });
    expect(await codeOf(() => sharded.compoundHead(2 * CUT))).toBe("pfn-absent");
    expect(await codeOf(() => sharded.compoundHead(SECTION))).toBe("pfn-absent");
    expect(await codeOf(() => sharded.shardOf(0.5))).toBe("bad-argument");
    expect(await codeOf(() => sharded.prepCompoundPage(CUT + 1, 1))).toBe("unaligned");
    expect(await codeOf(() => sharded.prepCompoundPage(CUT - 2, 2))).toBe("unaligned");
  });
});

it("refuses lists and options by code", async () => {
  const { sharded } = await both({ memory: nearMemory, threads: 1 });
  const list = new Uint32Array(10);
  expect(await codeOf(() => sharded.headsInto(list, new Uint32Array(9)))).toBe("bad-array");
  expect(await codeOf(() => sharded.headsInto(new Float64Array(3), new Float64Array(3)))).toBe("bad-array");
  expect(await codeOf(() => sharded.flagsInto(list, list as unknown as BigUint64Array))).toBe("bad-array");
  expect(await codeOf(() => sharded.headsInto({ start: 2 ** 32 - 1, count: 2 }, new Uint32Array(2)))).toBe(
    "bad-argument",
  );
  expect(await codeOf(() => sharded.select({ zone: 99 }))).toBe("bad-argument");
  expect(await codeOf(() => sharded.verify({ limit: -1 }))).toBe("bad-argument");
  const create = (options: object) =>
    codeOf(() => ShardedVmemmap.create({ memory: nearMemory, threads: 1, ...options }));
  expect(await create({ pagesPerShard: CUT / 2 })).toBe("bad-argument");
  expect(await create({ pagesPerShard: CUT + SECTION })).toBe("bad-argument");
  expect(await create({ memory: [] })).toBe("bad-range");
  expect(
    await create({
      memory: [
        { start: 0, end: 512 },
        { start: 256, end: 1024 },
      ],
    }),
  ).toBe("bad-range");
  expect(await create({ threads: 0 })).toBe("bad-argument");
  expect(await create({ build: "simd" })).toBe("bad-argument");
  expect(await create({ pagesPerShard: 16 * CUT, memory: [{ start: 0, end: 16 * CUT }] })).toBe("out-of-memory");
  await sharded.close();
  expect(await codeOf(() => sharded.headsInto(list, list))).toBe("disposed");
  expect(await codeOf(() => sharded.verify())).toBe("disposed");
  expect(await codeOf(() => sharded.compoundHead(0))).toBe("disposed");
});

it("answers batches that are asked for at the same time, each with its own answers", async () => {
  const { sharded, one } = await both({ memory: nearMemory, threads: 2 });
  for (const map of [sharded, one]) fill(map);
  const lists = [1, 2, 3].map((n) => somePages(ROUTED * n, false));
  const found = await Promise.all(lists.map((list) => sharded.ordersInto(list, list.slice() as AnswerList)));
  expect(found).toEqual(lists.map((list) => one.ordersInto(list, list.slice() as AnswerList)));
  const lost = new Uint32Array(ROUTED * 3);
  const answers = sharded.heads(lost);
  structuredClone(lost.buffer, { transfer: [lost.buffer] });
  expect(await codeOf(() => answers)).toBe("bad-array");
});

it(
  "answers as one memory whatever folios and lists there are",
  async () => {
    const page = fc.oneof(
      fc.nat(SECTION),
      fc.integer({ min: CUT - SECTION - 2, max: CUT + 2 * SECTION + 2 }),
      fc.integer({ min: 3 * CUT, max: 3 * CUT + 2 * SECTION }),
      fc.nat(2 ** 32 - 1),
    );
    const folio = fc.record({ pfn: page, order: fc.nat(12) });
    const garbage = fc.record({ pfn: page, word: fc.bigInt(0n, 2n ** 64n - 1n) });
    const { sharded, one } = await both({ memory: nearMemory, threads: 1, profile: "7.3" });
    await fc.assert(
      fc.asyncProperty(
        fc.array(folio, { maxLength: 20 }),
        fc.array(garbage, { maxLength: 5 }),
        fc.array(page, { maxLength: 300 }),
        async (folios, words, pages) => {
          for (const { pfn, order } of folios) {
            const start = pfn - (pfn % 2 ** order);
            const [a, b] = [sharded, one].map((map) => codeOf(() => map.prepCompoundPage(start, order)));
            expect(await a).toBe(await b);
          }
          for (const { pfn, word } of words) {
            const [a, b] = [sharded, one].map((map) => codeOf(() => map.writeWord(pfn, 8, word)));
            expect(await a).toBe(await b);
          }
          await expectSameAnswers(sharded, one, Uint32Array.from(pages), pages.length);
        },
      ),
      runs(40),
    );
  },
  timeout,
);
