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

it("more findings than a pass lists are listed in further passes, each once", () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: 32768 }] });
  map.prepCompoundPage(0, 10);
  map.prepCompoundPage(16384, 14);
  const slots = new DataView(map.slotBytes().buffer, map.slotBytes().byteOffset);
  // Tails that have a count, but for each 16th.
  const pfns = Array.from({ length: 16384 }, (_, i) => 16384 + i).filter((pfn) => pfn % 16 !== 0);
  for (const pfn of pfns) slots.setInt32(map.slotOf(pfn) * 64 + 52, pfn, true);
  const report = map.verify({ limit: 1_000_000 });
  expect(report.counts).toEqual({ "tail-refcount": 15360 });
  expect(report.findings).toEqual(pfns.map((pfn) => ({ code: "tail-refcount", pfn, found: pfn, expected: 0 })));
  expect(map.verify({ limit: 12_345 })).toEqual({ ...report, findings: report.findings.slice(0, 12_345) });
});
