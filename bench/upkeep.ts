import type { CoreExports } from "../src/engine/generated/core.js";
import type { TailEncoding } from "../src/profile/profile.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import { Vmemmap } from "../src/vmemmap.js";
import { useEngine } from "./engine.js";

/** A folio that is made, taken apart and freed. */
export interface FolioPlace {
  readonly slot: number;
  readonly order: number;
}

/** What one change costs, in nanoseconds, without the head index and with it. */
export interface UpkeepResult {
  readonly op: string;
  readonly encoding: TailEncoding;
  /** Of the folios, or where they are from. */
  readonly folios: string;
  readonly nsWithout: number;
  readonly nsWith: number;
  /** Time with the index over that without. */
  readonly ratio: number;
}

const WAYS = ["by-slots", "by-index"] as const;
type Way = (typeof WAYS)[number];
type Samples = Record<Way, number[]>;

/** Device memory that comes and goes: 1 GiB at 1 TiB, as large device-dax folios have it. */
const DEVICE = { start: 2 ** 28, end: 2 ** 28 + 2 ** 18 };
const FREED_AT_LEAST = 2 ** 14;

/** Folios of one order side by side, from slot 0 on. */
export function foliosOfOrder(order: number, slots: number): FolioPlace[] {
  const pages = Math.min(slots, Math.max(FREED_AT_LEAST, 16 * 2 ** order));
  return Array.from({ length: pages / 2 ** order }, (_, i) => ({ slot: i * 2 ** order, order }));
}

/** prep, split and free of folios at free places of a map of single pages; the map is as it was behind it. */
export function changeCosts(
  map: Vmemmap,
  folios: readonly FolioPlace[],
  rounds: number,
): { op: string; without: number; with: number }[] {
  const { exports } = map.core;
  const samples: Record<"prep" | "free" | "split", Samples> = { prep: none(), free: none(), split: none() };
  const timed = (to: Samples, way: Way, change: () => void): void => {
    const start = performance.now();
    change();
    to[way].push(((performance.now() - start) * 1e6) / folios.length);
  };
  for (let round = 0; round < rounds; round++) {
    for (const way of inTurn(round)) {
      useEngine(map, map.build, way)();
      timed(samples.prep, way, () => prep(exports, folios));
      timed(samples.free, way, () => free(exports, folios));
      prep(exports, folios);
      timed(samples.split, way, () => split(exports, folios));
      freeHalves(exports, folios);
    }
  }
  useEngine(map, map.build, "by-index")();
  return Object.entries(samples).map(([op, { "by-slots": without, "by-index": by }]) => ({
    op,
    without: median(without),
    with: median(by),
  }));
}

function prep(exports: CoreExports, folios: readonly FolioPlace[]): void {
  for (const { slot, order } of folios) exports.prep_compound_page(slot, order);
}

function free(exports: CoreExports, folios: readonly FolioPlace[]): void {
  for (const { slot, order } of folios) exports.free_pages_prepare(slot, order);
}

function split(exports: CoreExports, folios: readonly FolioPlace[]): void {
  for (const { slot, order } of folios) exports.split_folio_to_order(slot, order - 1);
}

function freeHalves(exports: CoreExports, folios: readonly FolioPlace[]): void {
  for (const { slot, order } of folios) {
    exports.free_pages_prepare(slot, order - 1);
    exports.free_pages_prepare(slot + 2 ** (order - 1), order - 1);
  }
}

/** memremap_pages and memunmap_pages of 1 GiB as folios of an order, by the page. */
export function deviceCosts(order: number, rounds: number): { op: string; without: number; with: number }[] {
  const memory = [{ start: 0, end: PAGES_PER_SECTION }];
  const pages = DEVICE.end - DEVICE.start;
  const maps: Record<Way, Vmemmap> = {
    "by-slots": new Vmemmap({ memory, hotplugCapacity: pages, headIndex: false }),
    "by-index": new Vmemmap({ memory, hotplugCapacity: pages }),
  };
  const memremap = none();
  const memunmap = none();
  for (let round = 0; round < rounds; round++) {
    for (const way of inTurn(round)) {
      const map = maps[way];
      const start = performance.now();
      const pgmap = map.memremapPages({ type: "generic", ranges: [DEVICE], vmemmapShift: order });
      const mapped = performance.now();
      map.memunmapPages(pgmap);
      memremap[way].push(((mapped - start) * 1e6) / pages);
      memunmap[way].push(((performance.now() - mapped) * 1e6) / pages);
    }
  }
  for (const map of Object.values(maps)) map.dispose();
  return Object.entries({ memremap, memunmap }).map(([op, { "by-slots": without, "by-index": by }]) => ({
    op,
    without: median(without),
    with: median(by),
  }));
}

function none(): Samples {
  return { "by-slots": [], "by-index": [] };
}

/** Both ways, now this one first, now the other. */
function inTurn(round: number): readonly Way[] {
  return round % 2 === 0 ? WAYS : WAYS.toReversed();
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
