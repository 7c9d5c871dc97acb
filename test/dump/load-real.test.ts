/** The dumps of real kernels: what is opened is what drgn's walk of the same dump gave, byte for byte. */
import { describe, expect, it } from "vitest";
import { ZSTDDecoder } from "zstddec";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openElf } from "../../src/dump/elf.js";
import { loadMap } from "../../src/dump/load-map.js";
import type { Dump } from "../../src/dump/memory.js";
import { openVmcore, Vmemmap } from "../../src/index.js";
import { mapNames, openMap } from "../truth.js";
import { readReal, realDumps } from "./real-dumps.js";

const SECTION_BYTES = 2 ** 21;
const ROOM = 2 ** 28;
const captures = new Set(realDumps(/vmcore-filtered\.elf\.zst$/).map((path) => path.split(/[\\/]/)[0]));

async function unpacked(name: string, file: string): Promise<Uint8Array> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder.decode(readReal(`${name}/${file}`), ROOM);
}

const factOf = (map: Vmemmap, name: string) =>
  (map.provenance["facts"] as { name: string; from: string }[])
    .filter((fact) => fact.name === name)
    .map(({ from }) => from);

function without(dump: Dump, ...keys: string[]): Dump {
  const lines = dump.vmcoreinfo!.split("\n").filter((line) => !keys.some((key) => line.startsWith(`${key}=`)));
  return { ...dump, vmcoreinfo: lines.join("\n") };
}

describe.each(mapNames)("%s", (name) => {
  const here = it.skipIf(!captures.has(name));

  here("gives the slots, sections, aliases, base, profile and pgmaps that it should", async () => {
    const elf = await unpacked(name, "vmcore-filtered.elf.zst");
    const slots = await unpacked(name, "vmemmap.bin.zst");
    const map = await openVmcore(new Blob([new Uint8Array(elf)]));
    const known = await Vmemmap.load(openMap(name));

    expect(map.sections).toEqual(known.sections);
    const { core } = map;
    for (const { number } of map.sections) {
      const start = core.address(core.sectionSlot(number));
      const wanted = slots.subarray(number * SECTION_BYTES, (number + 1) * SECTION_BYTES);
      expect(Buffer.compare(core.u8.subarray(start, start + SECTION_BYTES), wanted), `section ${number}`).toBe(0);
    }
    expect(map.aliases).toEqual(known.aliases);
    expect(map.vmemmapBase).toBe(known.vmemmapBase);
    expect(map.profile).toEqual(known.profile);
    expect(map.filtered).toEqual([]);
    expect(map.checkWellFormed()).toBe(0);
    const where = ({ pgmaps }: Vmemmap) =>
      pgmaps.map(({ address, type, ranges, altmap }) => ({ address, type, ranges, altmap }));
    expect(where(map)).toEqual(where(known));
    // Its pgmaps are objects in the direct map, of memory that the machine has.
    const [told] = (map.provenance["facts"] as { name: string; value: string }[]).filter(
      (fact) => fact.name === "pageOffsetBase",
    );
    for (const { address } of map.pgmaps) {
      const physical = address - BigInt(told!.value);
      expect(physical >= 0n && map.pfnValid(Number(physical >> 12n)), `pgmap at physical ${physical}`).toBe(true);
    }
  });

  here("has its base by each way that it has one", async () => {
    const dump = await openElf(new BytesFile(await unpacked(name, "vmcore-filtered.elf.zst")));
    const { vmemmapBase } = await Vmemmap.load(openMap(name));
    const symbol = dump.vmcoreinfo!.includes("SYMBOL(vmemmap)=");
    const whole = await loadMap(dump);
    expect(factOf(whole, "vmemmapBase")).toEqual([symbol ? "SYMBOL(vmemmap)" : "mem_section"]);
    const bySections = await loadMap(without(dump, "SYMBOL(vmemmap)"));
    expect([bySections.vmemmapBase, factOf(bySections, "vmemmapBase")]).toEqual([vmemmapBase, ["mem_section"]]);
    expect(bySections.aliases).toEqual(whole.aliases);

    if (symbol) {
      const byTables = await loadMap(without(dump, "SYMBOL(mem_section)"));
      expect([byTables.vmemmapBase, factOf(byTables, "vmemmapBase")]).toEqual([vmemmapBase, ["SYMBOL(vmemmap)"]]);
      const numbers = ({ sections }: Vmemmap) => sections.map(({ number }) => number);
      expect(numbers(byTables)).toEqual(numbers(whole));
    }
    // KASLR moved it: the default is no way to it, and is seen to be none.
    const neither = loadMap(without(dump, "SYMBOL(vmemmap)", "SYMBOL(mem_section)"));
    await expect(neither).rejects.toMatchObject({
      code: "bad-dump",
      message: expect.stringMatching(/no vmemmap/) as unknown,
    });
  });
});
