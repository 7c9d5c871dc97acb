import { describe, expect, test } from "vitest";
import { folioFlagsLoop, orderLoop, pageFlagsLoop } from "../../bench/fields-javascript.js";
import { ENCODINGS } from "../../bench/options.js";
import { allPfns, obviousField, tinyMap } from "./tiny-map.js";

describe.each(ENCODINGS)("js-uint32, %s encoding", (encoding) => {
  const map = tinyMap(encoding);
  const pfns = allPfns(map);

  test.each([
    ["order", orderLoop, 1],
    ["folio-flags", folioFlagsLoop, 2],
    ["page-flags", pageFlagsLoop, 2],
  ] as const)("gives each page's %s", (field, makeLoop, words) => {
    const answers = new Uint32Array(pfns.length * words);
    makeLoop(map)(pfns, answers);
    expect(answers).toEqual(obviousField(map, pfns, field));
  });

  test("the map has orders, and flags of heads and tails that differ", () => {
    expect(new Set(obviousField(map, pfns, "order"))).toEqual(new Set([0, 1, 2, 6, 9, 10]));
    expect(obviousField(map, pfns, "folio-flags")).not.toEqual(obviousField(map, pfns, "page-flags"));
  });
});
