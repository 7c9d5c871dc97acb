/** Fields and facts as a person reads them. */
import { expect, it } from "vitest";
import { detailText, factText } from "../../../src/cli/told.js";

it.each([
  ["timestamp", 1_700_000_000, "timestamp", "2023-11-14T22:13:20Z"],
  ["timestamp", 1e300, "timestamp", "1e+300"],
  ["timestamp", -1, "timestamp", "-1"],
  ["timestamp", "soon", "timestamp", "soon"],
  ["physBase", -0x12200000, "phys base", "-0x12200000"],
  ["framesHere", 3657, "frames here", "3657 (14.3 MiB)"],
  ["bytesLost", 8192, "bytes lost", "8192 bytes (8 KiB)"],
  ["bytesLost", 100, "bytes lost", "100 bytes"],
  ["incomplete", true, "incomplete", "yes"],
  ["constructor", 7, "constructor", "7"],
])("detail %s %j", (name, value, label, shown) => {
  expect(detailText(name, value)).toEqual([label, shown]);
});

it.each(["", 0, false])("a field that is %j is left out", (value) => {
  expect(detailText("machine", value)).toBeNull();
});

it.each([
  ["flags.head", 6, "bit 6"],
  ["folio.pincountMinOrder", 1, "1"],
  ["folio.order", 64, "+64"],
  ["pgmap.range", 136, "+136"],
  ["pageTypes.slab", 245, "0xf5"],
  ["filtered", 256, "256 (1 MiB)"],
  ["btf", false, "no"],
  ["zones", "DMA, NORMAL", "DMA, NORMAL"],
  ["maxPhysmemBits", 46, "46"],
])("fact %s %j", (name, value, shown) => {
  expect(factText(name, value)).toBe(shown);
});
