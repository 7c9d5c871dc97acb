/**
 * Device page maps (struct dev_pagemap) of a dump: the kernel's own list of them, or where that is not to be had, what the words of
 * ZONE_DEVICE folios lead to. A map takes them by its `pgmaps`.
 */
import { constant } from "../engine/modules.js";
import type { AltmapRecord, PgmapRange, PgmapRecord } from "../image/image.js";
import type { PgmapLayout, Profile } from "../profile/index.js";
import { memoryTypeName } from "../profile/names.js";
import { PAGES_PER_SUBSECTION, PFN_LIMIT } from "../sections.js";
import type { DeviceWord } from "./device-words.js";
import { type Fact, hex } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";
import type { KernelProfile } from "./kernel-profile.js";
import { FRAME_BYTES } from "./memory.js";
import { xarrayPointers } from "./xarray.js";

export interface FoundPgmaps {
  /** By rising address of memory; none of them meet. */
  readonly pgmaps: readonly PgmapRecord[];
  /** How they were found, and what was found and not taken: freed ones that pages still name. */
  readonly facts: readonly Fact[];
}

/** PGMAP_ALTMAP_VALID */
const ALTMAP_VALID = 1;
const ALTMAP_WORDS = 6;
/** Physical addresses have 52 bits. */
const PHYSICAL_END = 1n << 52n;
/** Pointers that are followed: a kernel with more of them has none of its own. */
const MAX_CANDIDATES = 4096;
/** Facts about pgmaps that were not taken. */
const MAX_LEFT_FACTS = 32;

/** An address that may be a pgmap's, and the pages whose word it is. */
interface Candidate {
  readonly address: bigint;
  /** Null where the kernel lists it. */
  readonly named: DeviceWord | null;
}

/**
 * The pgmaps of a dump's kernel. Never throws for what the dump holds.
 *
 * @param deviceWords what to go by where the kernel's own list is not to be had
 */
export async function findPgmaps(
  kernel: KernelMemory,
  { profile, pgmapArray }: Pick<KernelProfile, "profile" | "pgmapArray">,
  deviceWords: () => readonly DeviceWord[] | Promise<readonly DeviceWord[]>,
): Promise<FoundPgmaps> {
  const listed =
    typeof pgmapArray === "string"
      ? pgmapArray
      : await xarrayPointers(kernel, pgmapArray.address, pgmapArray.layout, MAX_CANDIDATES);
  const isListed = typeof listed !== "string";
  const candidates = isListed
    ? listed.map((address): Candidate => ({ address, named: null }))
    : (await deviceWords()).map((named): Candidate => ({ address: named.word, named }));
  const taken = new Taken();
  const left: Fact[] = [];
  for (const candidate of candidates) {
    const read = await readPgmap(kernel, candidate, profile);
    const problem = typeof read === "string" ? read : taken.add(read);
    if (problem === null) continue;
    left.push({
      name: `pgmap ${hex(candidate.address)}`,
      value: "not taken",
      from: `${namers(candidate)}: ${problem}`,
    });
  }
  const found: Fact = {
    name: "pgmaps",
    value: taken.pgmaps.length,
    from: isListed ? "kallsyms pgmap_array" : `words of ZONE_DEVICE folios (${listed})`,
  };
  const rest = left.length - MAX_LEFT_FACTS;
  const more: Fact[] = rest > 0 ? [{ name: "more pgmaps", value: "not taken", from: `${rest} others` }] : [];
  return {
    pgmaps: taken.pgmaps.sort((a, b) => a.ranges[0]!.start - b.ranges[0]!.start),
    facts: [found, ...left.slice(0, MAX_LEFT_FACTS), ...more],
  };
}

function namers({ named }: Candidate): string {
  if (named === null) return "in pgmap_array";
  return `named by ${named.pages} pages from PFN ${hex(named.first)} to ${hex(named.last)}`;
}

// ---- One pgmap --------------------------------------------------------------------------------------------------------

/** The pgmap at an address, or why there is none. */
async function readPgmap(
  kernel: KernelMemory,
  { address, named }: Candidate,
  profile: Profile,
): Promise<PgmapRecord | string> {
  const { pgmap: layout, maxFolioOrder } = profile;
  const { memoryTypes } = profile.zoneDevice;
  const bytes = await kernel.tryRead(
    address,
    Math.max(...Object.values(layout).map((at: number | null) => at ?? 0)) + 16,
  );
  if (bytes === null) return "it is not in the dump";
  const view = new DataView(bytes.buffer);
  const type = view.getInt32(layout.type, true);
  const count = view.getInt32(layout.nrRange, true);
  const memoryType = memoryTypes[type - 1];
  if (count < 1 || count > constant("MAX_PGMAP_RANGES")) {
    return `its nr_range is ${count}, expected 1 to ${constant("MAX_PGMAP_RANGES")}`;
  }
  if (memoryType === undefined) return `its type is ${type}, expected 1 to ${memoryTypes.length}`;
  if (layout.ref !== null && view.getBigUint64(layout.ref + 8, true) === 0n)
    return "its ref was let go of: it is unmapped";
  const shift = layout.vmemmapShift === null ? 0n : view.getBigUint64(layout.vmemmapShift, true);
  if (shift > maxFolioOrder) return `its vmemmap_shift is ${hex(shift)}, expected at most ${maxFolioOrder}`;
  const flags = view.getUint32(layout.flags, true);
  const ranges = await readRanges(kernel, address + BigInt(layout.range), count);
  if (typeof ranges === "string") return ranges;
  const covers = (pfn: number) => ranges.some(({ start, end }) => start <= pfn && pfn < end);
  if (named !== null && !covers(named.first) && !covers(named.last)) return "its ranges hold no page that names it";
  const altmap = (flags & ALTMAP_VALID) === 0 ? null : readAltmap(view, layout, ranges);
  if (typeof altmap === "string") return altmap;
  return {
    address,
    type,
    typeName: memoryTypeName(memoryType),
    flags,
    vmemmapShift: Number(shift),
    ranges,
    altmap,
    owner: view.getBigUint64(layout.owner, true),
    ops: view.getBigUint64(layout.ops, true),
  };
}

async function readRanges(
  kernel: KernelMemory,
  address: bigint,
  count: number,
): Promise<readonly PgmapRange[] | string> {
  const bytes = await kernel.tryRead(address, count * 16);
  if (bytes === null) return "its ranges are not in the dump";
  const view = new DataView(bytes.buffer);
  const ranges: PgmapRange[] = [];
  const frame = BigInt(FRAME_BYTES);
  for (let i = 0; i < count; i++) {
    const start = view.getBigUint64(i * 16, true);
    const end = view.getBigUint64(i * 16 + 8, true) + 1n;
    if (start >= end || end > PHYSICAL_END || start % frame !== 0n || end % frame !== 0n) {
      return `its range ${i} is ${hex(start)} to ${hex(end - 1n)}, expected whole pages below ${hex(PHYSICAL_END)}`;
    }
    ranges.push({ start: Number(start / frame), end: Number(end / frame) });
  }
  return ranges;
}

/**
 * The altmap of a pgmap of one range (memremap_pages takes no other): its pages are the range's first. Its base is that of the
 * subsection where the range starts.
 */
function readAltmap(
  view: DataView,
  { altmap }: PgmapLayout,
  [range, ...others]: readonly PgmapRange[],
): AltmapRecord | string {
  const words = Array.from({ length: ALTMAP_WORDS }, (_, i) => view.getBigUint64(altmap + i * 8, true));
  const [basePfn = 0, endPfn = 0, reserve = 0, free = 0, align = 0, alloc = 0] = words.map(Number);
  const { start, end } = range!;
  const fits =
    others.length === 0 &&
    basePfn <= start &&
    start - basePfn < PAGES_PER_SUBSECTION &&
    endPfn < PFN_LIMIT &&
    reserve + free <= end - start &&
    align + alloc <= free;
  return fits
    ? { basePfn, endPfn, reserve, free, align, alloc }
    : `its altmap has the words ${words.map(hex).join(", ")}, expected pages of its one range`;
}

/** Pgmaps whose ranges do not meet, as many as a map takes. */
class Taken {
  readonly pgmaps: PgmapRecord[] = [];
  /** All their ranges, by rising start. */
  #ranges: (PgmapRange & { readonly owner: bigint })[] = [];

  /** @returns why it can't be taken, null where it was */
  add(pgmap: PgmapRecord): string | null {
    const maxPgmaps = constant("MAX_PGMAPS");
    const maxRanges = constant("MAX_PGMAP_RANGES");
    if (this.pgmaps.length === maxPgmaps || this.#ranges.length + pgmap.ranges.length > maxRanges) {
      return `a map has room for ${maxPgmaps} pgmaps and ${maxRanges} ranges`;
    }
    const ranges = [...this.#ranges, ...pgmap.ranges.map((range) => ({ ...range, owner: pgmap.address }))];
    ranges.sort((a, b) => a.start - b.start);
    const meeting = ranges.findIndex(({ start }, i) => i > 0 && start < ranges[i - 1]!.end);
    if (meeting > 0) {
      const [a, b] = [ranges[meeting - 1]!, ranges[meeting]!];
      return `its ranges meet ${a.owner === b.owner ? "each other" : `those of the pgmap at ${hex(a.owner === pgmap.address ? b.owner : a.owner)}`}`;
    }
    this.#ranges = ranges;
    this.pgmaps.push(pgmap);
    return null;
  }
}
