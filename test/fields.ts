/** What a map tells of every page beside what drgn and the kernel told, field by field. */
import type { Vmemmap } from "../src/index.js";
import { altmapReserve, isTold, KIND_RULES, KindsOfMap, ZONE_DEVICE } from "./kind-rules.js";
import type { Truth } from "./truth.js";

export const FIELDS = ["head", "order", "flags", "refcount", "zone", "node", "pgmap", "mapcount", "kind"] as const;
export type Field = (typeof FIELDS)[number];

export interface FieldCounts {
  readonly compared: number;
  /** For kinds: those that no rule explains. */
  readonly differing: number;
}

/**
 * All fields by drgn's records but for two, on all pages. Mapcounts are held against kpagecount where /proc tells of a page; kinds there against
 * kpageflags, and on ZONE_DEVICE pages against drgn's pgmap.
 */
export function compareFields(map: Vmemmap, truth: Truth): Readonly<Record<Field, FieldCounts>> {
  const { pfns } = truth;
  const reserve = altmapReserve(map);
  const places = Array.from(pfns.keys());
  const differing = (same: (i: number) => boolean, among: readonly number[] = places): FieldCounts => ({
    compared: among.length,
    differing: among.reduce((count, i) => count + Number(!same(i)), 0),
  });
  /** What a batch answers; a page without an answer differs from anything. */
  const asked = <T extends Uint32Array | Int32Array | BigUint64Array>(out: T, ask: (out: T) => number): T => {
    if (ask(out) !== 0) throw new Error(`${truth.name}: pages without an answer`);
    return out;
  };
  const u32 = () => new Uint32Array(pfns.length);
  const i32 = () => new Int32Array(pfns.length);
  const u64 = () => new BigUint64Array(pfns.length);

  const heads = asked(u32(), (out) => map.headsInto(pfns, out));
  const orders = asked(u32(), (out) => map.ordersInto(pfns, out));
  const flags = asked(u64(), (out) => map.flagsInto(pfns, out));
  const refcounts = asked(i32(), (out) => map.refcountsInto(pfns, out));
  const mapcounts = asked(i32(), (out) => map.mapcountsInto(pfns, out));
  const words = asked(u64(), (out) => map.pgmapWordsInto(pfns, out));
  const kinds = new KindsOfMap(map, truth);
  const broken = new Set(KIND_RULES.flatMap((rule) => rule.broken(kinds)));

  return {
    head: differing((i) => heads[i] === truth.heads[i]),
    order: differing((i) => orders[i] === truth.order[i]),
    flags: differing((i) => flags[i] === truth.flags[i]),
    refcount: differing((i) => refcounts[i] === truth.refcount[i]),
    zone: differing((i) => map.pageZone(pfns[i]!) === truth.zone[i]),
    node: differing((i) => map.pageNode(pfns[i]!) === truth.node[i]),
    pgmap: differing((i) => words[i] === truth.pgmap[i]),
    mapcount: differing(
      (i) => BigInt(mapcounts[i]!) === truth.kpagecount[i],
      places.filter((i) => isTold(truth, reserve, i)),
    ),
    kind: differing(
      (i) => !broken.has(i),
      places.filter((i) => isTold(truth, reserve, i) || truth.zone[i] === ZONE_DEVICE || reserve.has(pfns[i]!)),
    ),
  };
}
