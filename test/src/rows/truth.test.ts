/** csv of the real maps, every row of it, against what drgn and the kernel said of the same pages. */
import { describe, expect, it } from "vitest";
import { Vmemmap } from "../../../src/index.js";
import { csvOf, pageRows } from "../../../src/rows/index.js";
import { Kind, loadTruth, mapNames, openMap } from "../../truth.js";

const COLUMNS = ["pfn", "page", "flags", "head", "order", "refcount", "mapcount", "mapcount_raw", "zone", "node"];
const LAST = ["mapping", "pgmap", "compound"];
const ZONE_DEVICE = 4;

const hex = (word: bigint): string => `0x${word.toString(16)}`;

describe.each(mapNames)("%s", (name) => {
  it("every row says what drgn and kpagecount say", async () => {
    const truth = await loadTruth(name);
    const map = await Vmemmap.load(openMap(name));
    const text = Buffer.concat([...csvOf(pageRows(map, { columns: [...COLUMNS, ...LAST] }))]).toString();
    const lines = text.split("\n");
    expect(lines[0]).toBe([...COLUMNS, ...LAST].join(","));
    expect(lines.at(-1)).toBe("");
    expect(lines.length - 2).toBe(truth.pfns.length);

    const reserve = new Set(
      map.pgmaps.flatMap(({ altmap }) =>
        altmap === null ? [] : Array.from({ length: altmap.reserve }, (_, i) => altmap.basePfn + i),
      ),
    );
    const wrong: string[] = [];
    truth.pfns.forEach((pfn, i) => {
      const line = lines[i + 1]!;
      const page = map.vmemmapBase + 64n * BigInt(pfn);
      const ownList = page + 8n;
      const pgmap = truth.pgmap[i]!;
      const isTold = truth.zone[i] !== ZONE_DEVICE && truth.kpageflagsStable[i] === 1 && !reserve.has(pfn);
      const expected = [
        pfn,
        hex(page),
        hex(truth.flags[i]!),
        truth.heads[i],
        truth.order[i],
        truth.refcount[i],
        // What kpagecount does not tell is taken as it comes.
        isTold ? truth.kpagecount[i] : line.split(",")[6],
        truth.mapcountRaw[i],
        truth.zone[i],
        truth.node[i],
        hex(truth.mapping[i]!),
        pgmap === 0n || pgmap === ownList ? "" : hex(pgmap),
        (truth.kind[i]! & Kind.TAIL) !== 0 ? "tail" : (truth.kind[i]! & Kind.HEAD) !== 0 ? "head" : "single",
      ].join(",");
      if (line !== expected) wrong.push(`${line} for ${expected}`);
    });
    expect({ wrong: wrong.length, first: wrong.slice(0, 3) }).toEqual({ wrong: 0, first: [] });
    map.dispose();
  });
});
