/** Real kernels' base of the vmemmap, by each way that leads to it. */
import { describe, expect, it } from "vitest";
import { BytesFile } from "../../src/dump/bytes-file.js";
import { openElf } from "../../src/dump/elf.js";
import { loadMap } from "../../src/dump/load-map.js";
import type { Dump } from "../../src/dump/memory.js";
import { Vmemmap } from "../../src/index.js";
import { mapNames, openMap } from "../truth.js";
import { haveRealDumps, unpackReal } from "./real-dumps.js";

const factOf = (map: Vmemmap, name: string) =>
  (map.provenance["facts"] as { name: string; from: string }[])
    .filter((fact) => fact.name === name)
    .map(({ from }) => from);

function without(dump: Dump, ...keys: string[]): Dump {
  const lines = dump.vmcoreinfo!.split("\n").filter((line) => !keys.some((key) => line.startsWith(`${key}=`)));
  return { ...dump, vmcoreinfo: lines.join("\n") };
}

describe.skipIf(!haveRealDumps).each(mapNames)("%s", (name) => {
  it("has its base by each way that it has one", async () => {
    const dump = await openElf(new BytesFile(await unpackReal(`${name}/vmcore-filtered.elf.zst`)));
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
