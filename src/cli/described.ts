/** What `info` tells of a source, gathered from its map, or from all windows of it. */
import { SLOTS_PER_VMEMMAP_PAGE } from "../aliases.js";
import type { FactRecord } from "../dump/fact.js";
import type { PgmapRecord } from "../image/image.js";
import { SLOT_BYTES } from "../sections.js";
import type { PfnRange } from "../types.js";
import type { VmemmapUsage } from "../usage.js";
import type { Vmemmap } from "../vmemmap.js";
import { factsOf } from "./facts.js";
import type { Source } from "./source.js";

export interface Described {
  readonly slots: number;
  readonly facts: readonly FactRecord[];
  readonly filtered: readonly PfnRange[];
  readonly pgmaps: readonly PgmapRecord[];
  readonly vmemmapUsage: VmemmapUsage;
  readonly lookups: string;
  readonly provenance: Readonly<Record<string, unknown>>;
}

export async function describe(source: Source): Promise<Described> {
  const filtered: { start: number; count: number }[] = [];
  const frames = new SharedFrames();
  const counts: FactRecord[] = [];
  let first: Pick<Described, "facts" | "pgmaps" | "lookups" | "provenance"> | undefined;
  let [slots, nominalBytes] = [0, 0];
  for await (const map of source.windows()) {
    const facts = factsOf(map);
    const { part: _window, ...provenance } = map.provenance;
    first ??= {
      facts,
      pgmaps: map.pgmaps,
      lookups: `head index ${map.headIndex.state}, ${map.build} build`,
      provenance: source.fits() ? map.provenance : provenance,
    };
    slots += map.slots;
    nominalBytes += map.vmemmapUsage().nominalBytes;
    frames.add(map);
    counts.push(...facts.filter(isCount));
    for (const range of map.filtered) {
      const last = filtered.at(-1);
      if (last !== undefined && last.start + last.count === range.start) last.count += range.count;
      else filtered.push({ ...range });
    }
  }
  const { facts, ...rest } = first!;
  const savedBytes = frames.savedPages * SLOTS_PER_VMEMMAP_PAGE * SLOT_BYTES;
  return {
    slots,
    facts: withCounts(facts, counts),
    filtered,
    vmemmapUsage: { nominalBytes, realBytes: nominalBytes - savedBytes, savedBytes },
    ...rest,
  };
}

/** A fact that each window has its own of. */
function isCount({ name }: FactRecord): boolean {
  return name === "filtered";
}

/** Facts of one window with the sums of all windows' counts in place of its own. */
function withCounts(facts: readonly FactRecord[], counts: readonly FactRecord[]): FactRecord[] {
  const sums = new Map<string, FactRecord>();
  for (const fact of counts) {
    const { value = 0 } = sums.get(fact.from) ?? {};
    sums.set(fact.from, { ...fact, value: Number(value) + Number(fact.value) });
  }
  const at = facts.findIndex(isCount);
  const others = facts.filter((fact) => !isCount(fact));
  return at < 0 ? [...others, ...sums.values()] : [...others.slice(0, at), ...sums.values(), ...others.slice(at)];
}

/**
 * Frames of the vmemmap that several of its pages show. Those that are no page's own may show in several windows: a zone has one for
 * each order (zone->vmemmap_tails, 7.1), which zone, node and mask in its slots tell from all others.
 */
class SharedFrames {
  #pages = 0;
  #frames = 0;
  readonly #ofZones = new Set<string>();

  add(map: Vmemmap): void {
    const { pfns, frames, home } = map.aliases;
    const owned = new Set(frames.filter((_, i) => home[i] === 1));
    const seen = new Set<number>();
    const slot = new Uint8Array(SLOT_BYTES);
    frames.forEach((frame, i) => {
      if (owned.has(frame) || seen.has(frame)) return;
      seen.add(frame);
      map.readSlots(pfns[i]!, slot);
      this.#ofZones.add(slot.join());
    });
    this.#pages += pfns.length;
    this.#frames += owned.size;
  }

  get savedPages(): number {
    return this.#pages - this.#frames - this.#ofZones.size;
  }
}
