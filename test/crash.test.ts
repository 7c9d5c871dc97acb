/** Flags, reference count and mapping of every page as crash's "kmem -p" prints them. */
import { describe, expect, it } from "vitest";
import { knownCapture } from "./captures.js";
import { haveRealDumps, realDumps, unpackReal } from "./dump/real-dumps.js";
import { documentedRow } from "./ground-truth-page.js";

const names = realDumps(/crash-kmem-p\.txt\.zst$/).map((path) => path.split(/[\\/]/)[0]!);

//             page        physical    mapping     index        count     flags, names
const LINE = /^([0-9a-f]+) +([0-9a-f]+) +([0-9a-f]+|-+) +(\S+) +(-?\d+) ([0-9a-f]+)/;

describe.skipIf(!haveRealDumps).each(haveRealDumps ? names : ["crash's page lists"])("%s", (name) => {
  it("crash read the same of every page", async () => {
    const { map, truth } = await knownCapture(name);
    const lines = new TextDecoder().decode(await unpackReal(`${name}/crash-kmem-p.txt.zst`)).split("\n");
    const pages = new Set<number>();
    const wrong: string[] = [];
    for (const line of lines) {
      const cells = LINE.exec(line);
      if (cells === null) continue;
      const [page, physical, mapping, , count, flags] = cells.slice(1) as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const pfn = map.addressPfn(BigInt(`0x${page}`));
      pages.add(pfn);
      const same =
        Number(`0x${physical}`) === pfn * 4096 &&
        BigInt(`0x${mapping}`) === map.readWord(pfn, 24) &&
        Number(count) === map.pageRefCount(pfn) &&
        BigInt(`0x${flags}`) === map.readWord(pfn, 0);
      if (!same) wrong.push(line);
    }
    expect({ wrong: wrong.length, first: wrong.slice(0, 3) }).toEqual({ wrong: 0, first: [] });
    expect(pages.size).toBe(truth.pfns.length);
    expect(documentedRow("crash's list of pages", name)).toEqual([pages.size, wrong.length]);
  });
});
