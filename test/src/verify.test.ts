/** What the checker's quick way over small folios must not pass by. */
import { expect, it } from "vitest";
import { presetNames, profile, Vmemmap } from "../../src/index.js";

it.each(presetNames)("%s: a small folio that says less than its run is found, though its fields agree", (name) => {
  const { folio } = profile(name);
  const map = new Vmemmap({ profile: name, memory: [{ start: 0, end: 32768 }] });
  map.prepCompoundPage(64, 4);
  map.prepCompoundPage(128, 4);
  const slots = new DataView(map.slotBytes().buffer, map.slotBytes().byteOffset);
  const head = map.slotOf(64) * 64;
  slots.setUint8(head + folio.order, 3);
  if (folio.nrPages !== null) slots.setUint32(head + folio.nrPages, 8, true);
  expect(map.verify()).toEqual({
    pages: 32768,
    counts: { "order-run": 1 },
    findings: [{ code: "order-run", pfn: 64, found: 16, expected: 8 }],
  });
});

it("a folio that ends with its subsection, and one that ends with the map, are no fault", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: 32768 }] });
  map.prepCompoundPage(508, 2);
  map.prepCompoundPage(512, 3);
  map.prepCompoundPage(32768 - 64, 6);
  expect(map.verify().counts).toEqual({});
});
