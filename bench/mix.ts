import type { Vmemmap } from "../src/vmemmap.js";
import type { OrderMix } from "./options.js";
import { Random } from "./random.js";

/**
 * Forms folios in an empty map so that the given percentages of memory are in folios of each order. Memory is cut as a
 * buddy allocator cuts it: a block is one folio or two halves, at random.
 */
export function formFolios(map: Vmemmap, mix: OrderMix, seed: number): void {
  const random = new Random(seed);
  const largest = Math.max(...[...mix].filter(([, percent]) => percent > 0).map(([order]) => order));
  const chances = Array.from({ length: largest + 1 }, (_, order) => chanceOfFolio(mix, order));

  const form = (pfn: number, order: number): void => {
    if (order === 0) return;
    if (random.next() < chances[order]! * 2 ** 32) {
      map.prepCompoundPage(pfn, order);
    } else {
      form(pfn, order - 1);
      form(pfn + 2 ** (order - 1), order - 1);
    }
  };
  for (let pfn = 0; pfn < map.slots; pfn += 2 ** largest) {
    if (pfn + 2 ** largest <= map.slots) form(pfn, largest);
  }
}

/** How probably a block of this order is one folio: the order's share among all orders up to it. */
function chanceOfFolio(mix: OrderMix, order: number): number {
  const upTo = [...mix].reduce((sum, [other, percent]) => (other <= order ? sum + percent : sum), 0);
  return upTo === 0 ? 0 : (mix.get(order) ?? 0) / upTo;
}
