import { describe, expect, it } from "vitest";
import { defineProfile, Vmemmap, VmemmapError } from "../../src/index.js";
import { builds, compound, machine, poke, SECTION } from "./machine.js";

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<BufferSource>).arrayBuffer());
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(VmemmapError);
    expect((error as VmemmapError).message.length).toBeGreaterThan(10);
    return (error as VmemmapError).code;
  }
  return "loaded";
}

/** A map with holes, a hot-added piece, a far device range, folios, an optimised hugetlb folio and garbage. */
function sample(): Vmemmap {
  const map = new Vmemmap({
    profile: defineProfile("6.18", { name: "my kernel" }),
    vmemmapBase: 0xfffff5c340000000n,
    memory: [
      { start: 0, end: SECTION },
      { start: 3 * SECTION + 512, end: 3 * SECTION + 1024, hotplug: true },
      { start: 2 ** 32, end: 2 ** 32 + SECTION, zone: "DEVICE", node: 2 },
    ],
  });
  compound(map, 512, 9);
  map.setPageType(512, "hugetlb");
  map.folio(512).setRefcount(1);
  map.hugetlbVmemmapOptimizeFolio(512);
  compound(map, 2 ** 32, 9);
  map.provenance = { host: "lab 3", taken: "2026-01-02", cpus: 8, nested: { a: [1, null, "x"] } };
  map.pgmaps = [];
  map.writeWord(5, 8, 0xffffeb0000000001n);
  for (let i = 0; i < 1024; i++)
    poke(map, 9000 + (i % 512), ((i * 8) % 40) & ~7, 8, (BigInt(i) * 0x9e3779b97f4a7c15n) & 0xfffffffffffffffen);
  return map;
}

describe("save, then load", () => {
  it.each(builds)("the same bytes, sections, aliases, profile, base, provenance (%s build)", async (build) => {
    const map = sample();
    const loaded = await Vmemmap.load(await bytesOf(map.save()), { build, listCapacity: 32 });
    expect(loaded.build).toBe(build);
    expect(Buffer.compare(map.slotBytes(), loaded.slotBytes())).toBe(0);
    expect(loaded.sections).toEqual(map.sections);
    expect(loaded.aliases).toEqual(map.aliases);
    expect(loaded.aliases.pfns.length).toBe(8);
    expect([loaded.isAlias(512), loaded.isAlias(576), loaded.isAlias(1024)]).toEqual([false, true, false]);
    expect(loaded.profile).toEqual(map.profile);
    expect(loaded.profile.name).toBe("my kernel");
    expect(loaded.vmemmapBase).toBe(0xfffff5c340000000n);
    expect(loaded.provenance).toEqual({ host: "lab 3", taken: "2026-01-02", cpus: 8, nested: { a: [1, null, "x"] } });
    expect([loaded.slots, loaded.startPfn, loaded.endPfn]).toEqual([map.slots, map.startPfn, map.endPfn]);
    expect([loaded.compoundHead(2 ** 32 + 511), loaded.compoundHead(1023), loaded.folioOrder(640)]).toEqual([
      2 ** 32,
      512,
      9,
    ]);
    expect(loaded.list(8).length).toBe(8);
  });

  it("loading scans: sections without an ill-formed word are marked", async () => {
    const loaded = await Vmemmap.load(await bytesOf(sample().save()));
    expect([loaded.isWellFormed(5), loaded.isWellFormed(2 ** 32)]).toEqual([false, true]);
  });

  it("a loaded folio of aliased slots is still refused changes", async () => {
    const loaded = await Vmemmap.load(await bytesOf(sample().save()));
    expect(await codeOf(Promise.resolve().then(() => loaded.setFlag(600, "hwpoison")))).toBe("aliased-slots");
    loaded.hugetlbVmemmapRestoreFolio(512);
    expect(loaded.isAlias(576)).toBe(false);
  });

  it("saved twice and saved again after loading, the bytes are the same", async () => {
    const map = sample();
    const [a, b] = [await bytesOf(map.save()), await bytesOf(map.save())];
    const c = await bytesOf((await Vmemmap.load(a)).save());
    expect([Buffer.compare(a, b), Buffer.compare(a, c)]).toEqual([0, 0]);
  });

  it("from a stream, in pieces of any size", async () => {
    const map = sample();
    const image = await bytesOf(map.save());
    for (const size of [1009, 65536, image.length]) {
      let at = 0;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= image.length) controller.close();
          else controller.enqueue(image.slice(at, (at += size)));
        },
      });
      expect(Buffer.compare((await Vmemmap.load(stream)).slotBytes(), map.slotBytes())).toBe(0);
    }
  });

  it("straight from save()'s stream", async () => {
    const map = machine("7.3");
    map.prepCompoundPage(1024, 9);
    const loaded = await Vmemmap.load(map.save());
    expect([loaded.compoundHead(1500), loaded.profile.name]).toEqual([1024, "7.3"]);
  });
});

describe("what is no image", () => {
  it("no bytes, other bytes, a truncated image at many places (bad-image)", async () => {
    const image = await bytesOf(machine("7.3").save());
    expect(await codeOf(Vmemmap.load(new Uint8Array(0)))).toBe("bad-image");
    expect(await codeOf(Vmemmap.load(new Uint8Array(100).fill(0x41)))).toBe("bad-image");
    for (const length of [1, 7, 8, 16, 50, image.length >> 1, image.length - 1]) {
      expect([length, await codeOf(Vmemmap.load(image.slice(0, length)))]).toEqual([length, "bad-image"]);
    }
  });

  it("an image with one byte altered, wherever (bad-image)", async () => {
    const image = await bytesOf(machine("7.3").save());
    for (let i = 0; i < 40; i++) {
      const at = i < 20 ? i : Math.floor(((i - 20) * (image.length - 1)) / 19);
      const altered = image.slice();
      altered[at]! ^= 0x10;
      expect([at, await codeOf(Vmemmap.load(altered))]).toEqual([at, "bad-image"]);
    }
  });

  it("an image with bytes after its end (bad-image)", async () => {
    const image = await bytesOf(machine("7.3").save());
    expect(await codeOf(Vmemmap.load(Buffer.concat([image, new Uint8Array(9)])))).toBe("bad-image");
  });
});
