/** census by flags over real maps, held against a slow count by each page's head. */
import { describe, expect, it } from "vitest";
import { type Vmemmap } from "../src/index.js";
import { PAGES_PER_SECTION, SLOT_BYTES } from "../src/sections.js";
import { knownCapture } from "./captures.js";
import { mapNames } from "./truth.js";

/** Pages by the bits that are set in flags of their own. */
function slowCounts(map: Vmemmap): { readonly pages: number[]; readonly folios: number[] } {
  const { profile } = map;
  const [pages, folios] = [0, 1].map(() => new Array<number>(profile.nrPageFlags).fill(0)) as [number[], number[]];
  const headBit = 1n << BigInt(profile.flags["head"]!.bit);
  for (const { number } of map.sections) {
    const start = number * PAGES_PER_SECTION;
    const bytes = new Uint8Array(PAGES_PER_SECTION * SLOT_BYTES);
    map.readSlots(start, bytes);
    const slots = new DataView(bytes.buffer);
    const heads = new Uint32Array(PAGES_PER_SECTION);
    map.headsInto({ start, count: PAGES_PER_SECTION }, heads);
    const wordOf = (i: number) => slots.getBigUint64(i * SLOT_BYTES, true);
    // A tail without a tag: HVO shows the head there.
    const isFake = (i: number) => heads[i] !== start + i && (slots.getBigUint64(i * SLOT_BYTES + 8, true) & 1n) === 0n;
    for (let i = 0; i < PAGES_PER_SECTION; i++) {
      if (isFake(i)) continue;
      const before = i - 1;
      const isPage1 = i > 0 && heads[i] !== start + i && (heads[i] === start + before || isFake(before));
      const hasHead = i > 0 && (wordOf(before) & headBit) !== 0n;
      const own = isPage1 && hasHead ? wordOf(i) & ~profile.compound.freeSecondMask : wordOf(i);
      for (let bit = 0; bit < profile.nrPageFlags; bit++) {
        if (((own >> BigInt(bit)) & 1n) === 0n) continue;
        pages[bit]!++;
        if (heads[i] === start + i) folios[bit]!++;
      }
    }
  }
  return { pages, folios };
}

describe.each(mapNames)("%s", (name) => {
  it("each flag is of as many pages and folios as a slow count finds", async () => {
    const { map } = await knownCapture(name);
    const { pages, folios } = slowCounts(map);
    const { rows } = map.census({ by: "flags" });
    const wanted = pages.flatMap((count, number) =>
      count > 0 ? [{ number, pages: count, folios: folios[number] }] : [],
    );
    expect(rows.map(({ number, pages, folios }) => ({ number, pages, folios }))).toEqual(wanted);
  });

  it("what has the flag head is a head, each of them alone", async () => {
    const { map } = await knownCapture(name);
    const head = map.census({ by: "flags" }).rows.find(({ key }) => key === "head")!;
    const large = map.census({ by: "order" }).rows.filter(({ number }) => number > 0);
    expect(head.pages).toBe(head.folios);
    expect(head.folios).toBe(large.reduce((sum, { folios }) => sum + folios, 0));
  });
});
