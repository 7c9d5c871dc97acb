import { expect, it } from "vitest";
import { placeSections } from "../../../src/engine/place.js";

it("puts neighbours side by side, in the first room that holds them all", () => {
  expect(placeSections([5, 6, 7], [0, undefined, undefined, 3, undefined, undefined, undefined, 9])).toEqual([4, 5, 6]);
});

it("fills small gaps with small runs", () => {
  expect(placeSections([5, 9, 10], [0, undefined, 2, undefined, undefined, 5])).toEqual([1, 3, 4]);
});

it("goes on behind the last place, and takes free ones that end there", () => {
  expect(placeSections([1, 2, 3], [0])).toEqual([1, 2, 3]);
  expect(placeSections([1, 2, 3], [0, 7, undefined])).toEqual([2, 3, 4]);
});

it("gives each run a place of its own", () => {
  expect(placeSections([1, 3, 4, 8], [])).toEqual([0, 1, 2, 3]);
  expect(placeSections([], [0, 1])).toEqual([]);
});
