/** A map of any size, made of copies of a synthetic one: built and measured in a process of its own. */
import { ShardedVmemmap } from "../src/shards/index.js";
import { Router, ROUTED } from "../src/shards/router.js";
import { bestBuild } from "../src/engine/modules.js";

import { Vmemmap } from "../src/vmemmap.js";
import { formFolios } from "./mix.js";
import { defaultMix } from "./options.js";
import { fillPattern, type Pattern } from "./patterns.js";

/** Slots of the map that is copied. Its words hold masks, which are the same at every place. */
export const TEMPLATE_SLOTS = 2 ** 20;
const PROFILE = "7.3";
/** All in one zone, so that copies are alike. */
const memoryOf = (end: number) => [{ start: 0, end, zone: "NORMAL" }];

export function makeTemplate(seed: number): Vmemmap {
  const map = new Vmemmap({ profile: PROFILE, memory: memoryOf(TEMPLATE_SLOTS) });
  formFolios(map, defaultMix(), seed);
  map.checkWellFormed();
  return map;
}

export interface ScaleTask {
  readonly slots: number;
  readonly threads: number;
  readonly patterns: readonly Pattern[];
  readonly lookups: number;
  readonly rounds: number;
  readonly seed: number;
}

/** Seconds of what is done once, and bytes. */
export interface BuildFigures {
  readonly memories: number;
  readonly threads: number;
  /** Memory got, and each slot written as the kernel leaves free pages. */
  readonly firstTouch: number;
  /** Folios' slots copied in. */
  readonly copy: number;
  /** checkWellFormed, which makes the head index. */
  readonly check: number;
  readonly foliosByOrder: number;
  readonly verify: number;
  readonly maxRss: number;
}

export interface LookupFigure {
  readonly way: "slots" | "index";
  readonly pattern: Pattern;
  readonly nsPerLookup: number;
}

export interface ScaleFigures {
  readonly build: BuildFigures;
  readonly lookups: readonly LookupFigure[];
  /** Nanoseconds a random PFN to the shards' buckets and back, without any lookup; null where there is one memory. */
  readonly routing: number | null;
}

/** Does it all. @throws Error for a wrong answer */
export async function measureScale(task: ScaleTask): Promise<ScaleFigures> {
  const { slots, threads, seed } = task;
  const template = makeTemplate(seed);
  let map!: ShardedVmemmap;
  const firstTouch = await seconds(async () => {
    map = await ShardedVmemmap.create({ profile: PROFILE, memory: memoryOf(slots), threads });
  });
  const bytes = template.slotBytes();
  const copy = await seconds(() => {
    for (let pfn = 0; pfn < slots; pfn += TEMPLATE_SLOTS) map.shardOf(pfn).writeSlots(pfn, bytes);
  });
  template.checkWellFormed();
  const check = await seconds(() => map.checkWellFormed());
  let orders: readonly number[] = [];
  const foliosByOrder = await seconds(async () => (orders = await map.foliosByOrder()));
  const wanted = template.foliosByOrder().map((count) => (count * slots) / TEMPLATE_SLOTS);
  if (orders.join() !== wanted.join()) throw new Error(`folios by order: ${orders.join()}, not ${wanted.join()}`);
  const verify = await seconds(async () => {
    const { pages, counts } = await map.verify();
    if (pages !== slots || Object.keys(counts).length > 0) throw new Error(`verify: ${JSON.stringify(counts)}`);
  });

  const pfns = new Uint32Array(task.lookups);
  const heads = new Uint32Array(task.lookups);
  const lookups: LookupFigure[] = [];
  for (const way of ["index", "slots"] as const) {
    if (way === "slots") map.headIndex.drop();
    for (const pattern of task.patterns) {
      fillPattern(pfns, pattern, slots, seed);
      const times: number[] = [];
      for (let round = 0; round < task.rounds; round++) times.push(await seconds(() => map.headsInto(pfns, heads)));
      checkHeads(template, pfns, heads);
      lookups.push({ way, pattern, nsPerLookup: (median(times) * 1e9) / pfns.length });
    }
  }
  fillPattern(pfns, "random", slots, seed);
  const routing = map.shards.length === 1 ? null : routingCost(map, pfns, task.rounds);
  const memories = map.shards.length;
  const build = { memories, threads: map.threads, firstTouch, copy, check, foliosByOrder, verify, maxRss: maxRss() };
  map.dispose();
  return { build, lookups, routing };
}

/** The heads of copies are those of the template, as far on as the copies are. */
function checkHeads(template: Vmemmap, pfns: Uint32Array, heads: Uint32Array): void {
  const wanted = pfns.map((pfn) => pfn % TEMPLATE_SLOTS);
  template.heads(wanted);
  const wrong = wanted.findIndex((head, i) => head + pfns[i]! - (pfns[i]! % TEMPLATE_SLOTS) !== heads[i]!);
  if (wrong >= 0) throw new Error(`PFN ${pfns[wrong]}: its head is not ${heads[wrong]}`);
}

function routingCost(map: ShardedVmemmap, pfns: Uint32Array, rounds: number): number {
  const pages = map.shards.map(({ startPfn, endPfn }) => ({ start: startPfn, end: endPfn }));
  const router = new Router({ build: bestBuild(), shards: pages, wide: false });
  const out = new Uint32Array(pfns.length);
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    for (let at = 0, turn = 0; at < pfns.length; at += ROUTED, turn ^= 1) {
      const lane = router.lanes[turn]!;
      lane.fill(pfns.subarray(at, at + ROUTED));
      if (!lane.isOfOneShard()) lane.route();
      lane.gather(out.subarray(at, at + ROUTED));
    }
    return (performance.now() - start) / 1e3;
  });
  return (median(times) * 1e9) / pfns.length;
}

async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1e3;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function maxRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}
