/** What keeping the head index costs: every change is done both ways, and leaves the map as it was. */
import { expect, it } from "vitest";
import { changeCosts, deviceCosts, foliosOfOrder } from "../../bench/upkeep.js";
import { realFolios } from "../../bench/maps.js";
import { Vmemmap } from "../../src/index.js";

it("folios are made, freed and split, and every page is single again", async () => {
  const map = new Vmemmap({ memory: [{ start: 0, end: 2 ** 18 }] });
  const { folios } = await realFolios("mask");
  expect(folios.length).toBeGreaterThan(1000);
  for (const list of [foliosOfOrder(3, 2 ** 15), folios]) {
    const costs = changeCosts(map, list, 2);
    expect(costs.map(({ op }) => op)).toEqual(["prep", "free", "split"]);
    for (const cost of costs) expect(cost.without > 0 && cost.with > 0).toBe(true);
    expect(map.foliosByOrder()[0]).toBe(2 ** 18);
    expect([map.headIndex.state, map.verify().counts]).toEqual(["ready", {}]);
  }
});

it("device memory comes and goes", () => {
  expect(deviceCosts(18, 1).map(({ op }) => op)).toEqual(["memremap", "memunmap"]);
});
