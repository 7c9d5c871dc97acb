import { describe, expect, test } from "vitest";
import { bigintLoop, uint32Loop } from "../../bench/javascript.js";
import { ENCODINGS } from "../../bench/options.js";
import { allPfns, obviousHead, tinyMap } from "./tiny-map.js";

describe.each(ENCODINGS)("%s encoding", (encoding) => {
  const map = tinyMap(encoding);
  const pfns = allPfns(map);
  const expected = pfns.map((pfn) => obviousHead(map, pfn));

  test.each([
    ["js-uint32", uint32Loop],
    ["js-bigint", bigintLoop],
  ])("%s gives the head of every page", (_name, makeLoop) => {
    const heads = new Uint32Array(pfns.length);
    makeLoop(map)(pfns, heads);
    expect(heads).toEqual(expected);
  });

  test("the map has tails that lead far back", () => {
    expect(expected[2047]).toBe(1024);
    expect(expected[1023]).toBe(512);
    expect(expected[512 + 64]).toBe(512);
  });
});
