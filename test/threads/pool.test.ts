/** Threads answer as one thread does. They run the built package: a worker is a file of its own. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type PfnSource, Vmemmap, VmemmapError } from "../../dist/src/index.js";
import { batchNames, type BatchName, type OutList } from "../../dist/src/threads/batches.js";
import { ThreadedVmemmap } from "../../dist/src/threads/index.js";
import type { Pool } from "../../src/threads/pool.js";

const imageOf = (name: string) => readFileSync(new URL(`../../maps/${name}.vmemmap`, import.meta.url));

/** A batch of a map, on one thread or several. */
function ask(map: Vmemmap<ArrayBufferLike> | ThreadedVmemmap, name: BatchName, pages: PfnSource, out: OutList) {
  return map[name as "headsInto"](pages, out as Uint32Array);
}

const isWide = (map: Vmemmap<ArrayBufferLike>) => map.endPfn >= 2 ** 32;

function pfnList(map: Vmemmap<ArrayBufferLike>, length: number, shared: boolean): Uint32Array | Float64Array {
  const buffer = shared ? new SharedArrayBuffer(length * 8) : new ArrayBuffer(length * 8);
  return isWide(map) ? new Float64Array(buffer, 0, length) : new Uint32Array(buffer, 0, length);
}

/** The pool of a map that has one. */
const poolOf = (map: ThreadedVmemmap) => (map as unknown as { readonly pool: Pool }).pool;

/** Lists that the batch may answer to, of some length: in memory of their own, or shared. */
function outsOf(map: Vmemmap<ArrayBufferLike>, name: BatchName, length: number): OutList[] {
  const shared = new SharedArrayBuffer(length * 8);
  if (/Words|[fF]lags/.test(name)) return [new BigUint64Array(length), new BigUint64Array(shared)];
  if (name === "slotsOf") return [new Uint32Array(length), new Uint32Array(shared, 0, length)];
  if (name === "headsInto") return [pfnList(map, length, false), pfnList(map, length, true)];
  return [new Uint32Array(length), new Int32Array(shared, 0, length), new Float64Array(length)];
}

/** Pages here and there, absent ones too; the same each time. */
function somePages(map: Vmemmap<ArrayBufferLike>, length: number, shared = false): Uint32Array | Float64Array {
  const list = pfnList(map, length, shared);
  const sections = map.sections;
  let state = 12345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const section = sections[state % sections.length]!;
    list[i] = (section.number + Number(state % 97 === 0)) * 32768 + (state >>> 17);
  }
  return list;
}

function expectSame(found: ArrayLike<number | bigint>, wanted: ArrayLike<number | bigint>, what: unknown): void {
  const differs = Array.prototype.findIndex.call(found, (value, i) => !Object.is(value, wanted[i]));
  expect([what, found.length, differs]).toEqual([what, wanted.length, -1]);
}

/** A buffer that can change its length (ES2024). */
function growable<B extends ArrayBufferLike>(kind: new (bytes: number) => B, bytes: number, maxByteLength: number): B {
  return Reflect.construct(kind, [bytes, { maxByteLength }]) as B;
}

async function refused(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => "answered",
    (error: unknown) => error,
  );
  return error instanceof VmemmapError ? error.code : String(error);
}

describe.each(["linux-7.3.4-hvo", "linux-6.18.15-hvo-la57"])("%s on two threads", (name) => {
  it("is loaded byte for byte, and answers as on one, batch by batch and pass by pass", async () => {
    const image = imageOf(name);
    const one = await Vmemmap.load(image);
    const map = await ThreadedVmemmap.load(image, { threads: 2, listCapacity: 300_000 });
    try {
      expect([map.threads, map.reason, map.sync.build]).toEqual([2, null, "shared"]);
      expect(one.sections.map(({ number }) => one.isWellFormed(number * 32768))).toEqual(
        map.sync.sections.map(({ number }) => map.sync.isWellFormed(number * 32768)),
      );
      expect(map.sync.pgmaps).toEqual(one.pgmaps);
      expect(Buffer.compare(Buffer.from(map.sync.slotBytes()), Buffer.from(one.slotBytes()))).toBe(0);
      expect([await map.checkWellFormed()]).toEqual([one.checkWellFormed()]);

      const length = 66_001;
      const first = one.startPfn + 5;
      for (const batch of batchNames) {
        for (const pages of [somePages(one, length), somePages(one, length, true), { start: first, count: length }]) {
          const wanted = outsOf(one, batch, length);
          for (const [i, out] of outsOf(one, batch, length).entries()) {
            expect([batch, await ask(map, batch, pages, out)]).toEqual([batch, ask(one, batch, pages, wanted[i]!)]);
            expectSame(out, wanted[i]!, batch);
          }
        }
      }
      if (!isWide(one)) {
        const lists = [map.list(length), map.list(length)] as const;
        lists[0].set(somePages(one, length));
        const heads = new Uint32Array(length);
        expect(await map.headsInto(...lists)).toBe(one.headsInto(somePages(one, length) as Uint32Array, heads));
        expectSame(lists[1], heads, "lists in the shared memory");
        await map.heads(lists[0]);
        expectSame(lists[0], heads, "a list over itself");
      }
      expect(await map.foliosByOrder()).toEqual(one.foliosByOrder());
      for (const by of ["kind", "order", "zone", "node", "pgmap", "flags"] as const) {
        const range = { start: 100, count: 50_000 };
        expect(await map.census({ by })).toEqual(one.census({ by }));
        expect(await map.census({ by, range })).toEqual(one.census({ by, range }));
      }
      expectSame(await map.listHeads(), one.listHeads(), "listHeads");
      expectSame(await map.select({ type: "buddy" }), one.select({ type: "buddy" }), "select");
      expect(await map.verify({ limit: 10 })).toEqual(one.verify({ limit: 10 }));
    } finally {
      await map.close();
    }
  });
});

describe("a map on two threads", () => {
  const memory = [{ start: 0, end: 8 * 32768 }];

  async function withMap(use: (map: ThreadedVmemmap, one: Vmemmap) => Promise<void>, listCapacity = 0): Promise<void> {
    const map = await ThreadedVmemmap.create({ memory, threads: 2, listCapacity, hotplugCapacity: 4 * 32768 });
    try {
      map.sync.prepCompoundPage(512, 9);
      const one = new Vmemmap({ memory });
      one.prepCompoundPage(512, 9);
      await use(map, one);
    } finally {
      await map.close();
    }
  }

  it("answers lists of any length, short and empty ones too", () =>
    withMap(async (map, one) => {
      for (const length of [0, 1, 4096, 4097, 32768, 65537, 131_073]) {
        const pages = somePages(one, length);
        const [out, wanted] = [new Uint32Array(length), new Uint32Array(length)];
        expect(await map.headsInto(pages, out)).toBe(one.headsInto(pages, wanted));
        expectSame(out, wanted, length);
      }
    }));

  it("answers calls made at once, each its own", () =>
    withMap(async (map, one) => {
      const lists = [70_000, 5, 90_001, 4097].map((length) => somePages(one, length));
      const outs = lists.map(({ length }) => new Uint32Array(length));
      const [orders, ...rest] = await Promise.all([
        map.foliosByOrder(),
        ...lists.map((list, i) => map.headsInto(list, outs[i]!)),
      ]);
      expect(orders).toEqual(one.foliosByOrder());
      lists.forEach((list, i) => {
        const wanted = new Uint32Array(list.length);
        expect(rest[i]).toBe(one.headsInto(list, wanted));
        expectSame(outs[i]!, wanted, i);
      });
    }));

  it("has the list capacity it was asked for", () =>
    withMap(async (map) => {
      expect(map.list(1000).length).toBe(1000);
      expect(() => map.list(1)).toThrow(expect.objectContaining({ code: "out-of-memory" }));
      expect(await map.checkWellFormed()).toBe(0);
    }, 1000));

  it("sees what this thread changes, memory that makes its lists wide too", () =>
    withMap(async (map) => {
      const { sync } = map;
      const far = 2 ** 33;
      sync.memremapPages({ type: "generic", ranges: [{ start: far, end: far + 32768 }] });
      const pages = { start: far - 1, count: 5000 };
      const [out, wanted] = [new Float64Array(5000), new Float64Array(5000)];
      expect(await map.headsInto(pages, out)).toBe(sync.headsInto(pages, wanted));
      expectSame(out, wanted, "heads");
      expect(out[1]).toBe(far);
    }));

  it("answers what was before or what is after, while this thread splits and frees", () =>
    withMap(async (map) => {
      const { sync } = map;
      const pages = new Uint32Array(new SharedArrayBuffer(4_000_000)).fill(1023);
      const out = new Uint32Array(new SharedArrayBuffer(4_000_000));
      const asked = map.headsInto(pages, out);
      // Jobs are given out in a microtask, and done by others while this thread goes on.
      await Promise.resolve();
      for (let i = 0; i < 300; i++) {
        sync.splitFolioToOrder(512, 0);
        sync.prepCompoundPage(512, 9);
      }
      expect(await asked).toBe(0);
      expect([...new Set(out)].filter((head) => head !== 512 && head !== 1023)).toEqual([]);
      expect(sync.compoundHead(1023)).toBe(512);
    }));

  it("refuses by code, and goes on", () =>
    withMap(async (map, one) => {
      const pages = somePages(one, 5000);
      expect([
        await refused(map.headsInto(pages, new Uint32Array(3))),
        await refused(map.headsInto(new Int8Array(5000) as never, new Uint32Array(5000))),
        await refused(map.headsInto(pages, new Float64Array(5000))),
        await refused(map.flagsInto({ start: -1, count: 1 }, new BigUint64Array(1))),
        await refused(map.select({ kinds: ["nothing" as "head"] })),
        await refused(map.verify({ limit: -1 })),
        await refused(ThreadedVmemmap.create({ memory, threads: 0 })),
        await refused(ThreadedVmemmap.create({ memory, build: "simd" } as never)),
        await refused(ThreadedVmemmap.load(imageOf("linux-7.3.4-hvo"), { build: "simd" } as never)),
      ]).toEqual([
        "bad-array",
        "bad-array",
        "bad-array",
        "bad-argument",
        "bad-argument",
        "bad-argument",
        "bad-argument",
        "bad-argument",
        "bad-argument",
      ]);
      expect(() => (map.sync.build = "simd")).toThrow(expect.objectContaining({ code: "bad-argument" }));
      expect(() => (one.build = "shared")).toThrow(expect.objectContaining({ code: "bad-argument" }));
      expect(await map.orders(somePages(one, 5000))).toBe(one.orders(somePages(one, 5000)));
    }));

  it("rejects where a list is taken away before it is answered, and goes on", () =>
    withMap(async (map, one) => {
      const pages = somePages(one, 300_000);
      const asked = refused(map.heads(pages));
      await Promise.resolve();
      structuredClone(pages.buffer, { transfer: [pages.buffer as ArrayBuffer] });
      expect(await asked).toBe("bad-array");
      expect(await map.heads(somePages(one, 70_000))).toBe(one.heads(somePages(one, 70_000)));
    }));

  it("answers for the lists and ranges it was given, whatever becomes of them before their turn", () =>
    withMap(async (map, one) => {
      const pages = somePages(one, 70_000) as Uint32Array;
      const [range, wanted, out, other] = [{ start: 3, count: 5000 }, ...[0, 1, 2].map(() => new Uint32Array(5000))];
      one.headsInto(range, wanted!);
      const growing = growable(SharedArrayBuffer, 280_000, 400_000);
      const tracking = new Uint32Array(growing);
      tracking.set(pages);
      const kinds: "head"[] = ["head"];
      const limits = { limit: 3 };
      const asked = [
        map.heads(pages),
        map.headsInto(range, out!),
        map.headsInto(Object.assign({ extra: () => 1 }, range), other!),
        map.heads(tracking),
        map.select({ kinds }),
        map.verify(limits),
      ] as const;
      range.start = 7000;
      range.count = 2;
      (growing as unknown as { grow: (bytes: number) => void }).grow(400_000);
      kinds.pop();
      limits.limit = -1;
      const answers = await Promise.all(asked);
      const heads = somePages(one, 70_000) as Uint32Array;
      const invalid = one.heads(heads);
      expect(answers.slice(0, 4)).toEqual([invalid, 0, 0, invalid]);
      expectSame(out!, wanted!, "a range that changes");
      expectSame(other!, wanted!, "a range with more to it");
      expectSame(tracking.subarray(0, 70_000), heads, "a list that grows");
      expectSame(answers[4], one.listHeads(), "a predicate that changes");
      expect(answers[5]).toEqual(one.verify({ limit: 3 }));
    }));

  it.each([
    ["detached", (buffer: ArrayBuffer) => void structuredClone(buffer, { transfer: [buffer] })],
    ["cut short", (buffer: ArrayBuffer) => (buffer as unknown as { resize: (bytes: number) => void }).resize(100_000)],
  ])("rejects where the memory of a list is %s while another call is answered", (_, take) =>
    withMap(async (map, one) => {
      const listOf = () => new Uint32Array(growable(ArrayBuffer, 400_000, 800_000), 80_000);
      const lists = Array.from({ length: 5 }, listOf);
      const first = map.heads(somePages(one, 300_000));
      const asked = [
        map.heads(lists[0]!),
        map.headsInto(lists[1]!, new Uint32Array(80_000)),
        map.headsInto({ start: 0, count: 80_000 }, lists[2]!),
        map.ordersInto(new Uint32Array(80_000), lists[3]!),
      ].map(refused);
      for (const { buffer } of lists) take(buffer);
      expect(await Promise.all(asked)).toEqual(asked.map(() => "bad-array"));
      await first;
      // And amid its own.
      const long = new Uint32Array(growable(ArrayBuffer, 4_000_000, 8_000_000), 80_000);
      const under = refused(map.heads(long));
      await Promise.resolve();
      take(long.buffer);
      expect(await under).toBe("bad-array");
      expect(await map.heads(somePages(one, 70_000))).toBe(one.heads(somePages(one, 70_000)));
    }),
  );

  it.each([
    ["create(null)", () => ThreadedVmemmap.create(null as never)],
    ["create of a string", () => ThreadedVmemmap.create("7.3" as never)],
    ["create with threads: null", () => ThreadedVmemmap.create({ memory, threads: null as never })],
    ["create with threads: function", () => ThreadedVmemmap.create({ memory, threads: (() => 1) as never })],
    ["create with an unknown option", () => ThreadedVmemmap.create({ memory, thread: 2 } as never)],
    ["load with null", () => ThreadedVmemmap.load(imageOf("linux-7.3.4-hvo"), null as never)],
    ["load of null", () => ThreadedVmemmap.load(null as never)],
    ["verify(null)", (map: ThreadedVmemmap) => map.verify(null as never)],
    ["verify with limit: function", (map: ThreadedVmemmap) => map.verify({ limit: (() => 1) as never })],
    ["verify with limit: symbol", (map: ThreadedVmemmap) => map.verify({ limit: Symbol("3") as never })],
    ["verify with an unknown option", (map: ThreadedVmemmap) => map.verify({ most: () => 1 } as never)],
    ["select(null)", (map: ThreadedVmemmap) => map.select(null as never)],
    ["select with kinds: function", (map: ThreadedVmemmap) => map.select({ kinds: (() => 1) as never })],
    [
      "a range of no numbers",
      (map: ThreadedVmemmap) =>
        map.headsInto({ start: 0, count: Object.create(null) as number }, new Uint32Array(5000)),
    ],
  ])("refuses %s as a bad argument", (_, ask) =>
    withMap(async (map) => {
      expect(await refused(ask(map))).toBe("bad-argument");
    }),
  );

  it("refuses a damaged image as one thread does", async () => {
    const image = imageOf("linux-7.3.4-hvo");
    const slots = image.indexOf("SLOT");
    for (const at of [image.length - 10, slots + 5000, slots + 3]) {
      const damaged = Uint8Array.from(image);
      damaged[at]! ^= 0x10;
      const messages = await Promise.all(
        [Vmemmap.load(damaged), ThreadedVmemmap.load(damaged, { threads: 2 })].map((load) =>
          load.then(
            () => "loaded",
            (error: unknown) => `${(error as VmemmapError).code} ${(error as VmemmapError).message}`,
          ),
        ),
      );
      expect(messages[1]).toMatch(/^bad-image/);
      expect(messages[1]).toBe(messages[0]);
    }
  });

  it("rejects what is asked of it once it is closed, and what is under way when it is disposed of", async () => {
    const map = await ThreadedVmemmap.create({ memory, threads: 2 });
    const pages = somePages(map.sync, 500_000);
    const asked = map.heads(pages);
    const closed = map.close();
    expect(await refused(map.foliosByOrder())).toBe("disposed");
    expect(await asked).toBeGreaterThan(0);
    await closed;
    expect([await refused(map.heads(pages)), await refused(map.heads(pages.subarray(0, 1)))]).toEqual([
      "disposed",
      "disposed",
    ]);

    const other = await ThreadedVmemmap.create({ memory, threads: 2 });
    const dropped = [refused(other.heads(pages)), refused(other.verify())];
    other.dispose();
    expect(await Promise.all(dropped)).toEqual(["disposed", "disposed"]);
  });

  it("rejects the one call in which a worker meets an error of no known kind", () =>
    withMap(async (map, one) => {
      // A batch that there is none of: what the workers do then is not a VmemmapError.
      const pool = poolOf(map);
      const list = new Uint32Array(70_000);
      const shared = new Uint32Array(new SharedArrayBuffer(280_000));
      const wrong = [list, shared].map((pages) => refused(pool.queue(() => pool.batch("none" as never, pages, pages))));
      expect(await Promise.all(wrong)).toEqual(["worker-error", "worker-error"]);
      const threads = pool.members.map(({ thread }) => thread);
      expect(await map.heads(somePages(one, 70_000))).toBe(one.heads(somePages(one, 70_000)));
      expect(await map.foliosByOrder()).toEqual(one.foliosByOrder());
      expect(pool.members.map(({ thread }) => thread)).toEqual(threads);
    }));

  it("rejects what a worker dies in, and has another in its place for the next call", () =>
    withMap(async (map, one) => {
      const pool = poolOf(map);
      for (const member of pool.members) {
        const { thread } = member;
        const asked = [refused(map.heads(somePages(one, 2_000_000))), map.foliosByOrder()] as const;
        await Promise.resolve();
        await thread.terminate();
        expect(await asked[0]).toBe("worker-failed");
        expect(await asked[1]).toEqual(one.foliosByOrder());
        expect(member.thread).not.toBe(thread);
        // While nothing is under way.
        await member.thread.terminate();
        expect(await map.heads(somePages(one, 70_000))).toBe(one.heads(somePages(one, 70_000)));
      }
      expect(await map.checkWellFormed()).toBe(0);
    }));

  it("refuses what is asked of it while it is disposed of and a worker is replaced", () =>
    withMap(async (map, one) => {
      await poolOf(map).members[0]!.thread.terminate();
      const asked = refused(map.heads(somePages(one, 70_000)));
      await Promise.resolve();
      map.dispose();
      expect(await asked).toBe("disposed");
    }));
});

it("the main module loads nothing of threads", () => {
  const seen = new Set<string>();
  const visit = (url: URL) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = readFileSync(url, "utf8");
    for (const [, path] of text.matchAll(/(?:from|import) "(\.[^"]+)"/g)) visit(new URL(path!, url));
  };
  visit(new URL("../../dist/src/index.js", import.meta.url));
  expect(seen.size).toBeGreaterThan(30);
  expect([...seen].filter((href) => /threads|shared/.test(href.slice(href.lastIndexOf("/dist/"))))).toEqual([]);
});

describe("a host", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  const memory = [{ start: 0, end: 32768 }];

  it.each([
    ["without shared memory", "SharedArrayBuffer", undefined, /cross-origin isolated/],
    ["whose page is not isolated", "crossOriginIsolated", false, /cross-origin isolated/],
    ["without workers", "process", Object.create(process, { versions: { value: {} } }), /no workers/],
  ])("%s has one thread, which answers it all and says why", async (_, global, value, why) => {
    vi.stubGlobal(global, value);
    const map = await ThreadedVmemmap.create({ memory, threads: 4 });
    expect([map.threads, map.sync.build]).toEqual([1, "simd"]);
    expect(map.reason).toMatch(why);
    const pages = Uint32Array.from({ length: 5000 }, (_, pfn) => pfn * 7);
    map.sync.prepCompoundPage(512, 9);
    expect(await map.heads(pages)).toBe(318);
    expect(pages[100]).toBe(512);
    expect((await map.foliosByOrder())[9]).toBe(1);
    expect([...(await map.listHeads())]).toEqual([512]);
    expect([await map.checkWellFormed(), (await map.verify()).counts]).toEqual([0, {}]);
    expect(await refused(map.headsInto(pages, new Uint32Array(1)))).toBe("bad-array");
    await map.close();
    expect(await refused(map.heads(pages))).toBe("disposed");
    const loaded = await ThreadedVmemmap.load(imageOf("linux-7.3.4-hvo"), { threads: 2 });
    expect([loaded.threads, loaded.reason === null]).toEqual([1, false]);
    await loaded.close();
  });

  it("whose WebAssembly has no threads has one, and says so", async () => {
    const { validate } = WebAssembly;
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const map = await ThreadedVmemmap.create({ memory });
    WebAssembly.validate = validate;
    expect([map.threads, map.reason]).toEqual([1, "this host's WebAssembly lacks threads or SIMD"]);
  });

  it("without Atomics.waitAsync gets its answers by message", async () => {
    vi.stubGlobal("Atomics", Object.create(Atomics, { waitAsync: { value: undefined } }));
    const map = await ThreadedVmemmap.create({ memory, threads: 2 });
    const pages = Uint32Array.from({ length: 70_000 }, (_, pfn) => pfn);
    expect(await map.heads(pages)).toBe(70_000 - 32768);
    const { thread } = poolOf(map).members[0]!;
    const place = { kind: 0, at: 0 };
    thread.block.resetCursor();
    expect(
      await refused(thread.batch({ batch: 999, source: place, out: place, count: 1, stretch: 1 }, thread.block)),
    ).toBe("worker-error");
    await map.close();
  });

  it("ends its process although a map with threads is left open", () => {
    const program = `
      import { ThreadedVmemmap } from ${JSON.stringify(new URL("../../dist/src/threads/index.js", import.meta.url).href)};
      const map = await ThreadedVmemmap.create({ memory: [{ start: 0, end: 32768 }], threads: 2 });
      console.log(await map.heads(Uint32Array.from({ length: 70000 }, (_, i) => i)), map.threads);`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(output).toBe("37232 2\n");
  });
});
