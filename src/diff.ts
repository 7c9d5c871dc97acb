/** Two maps of one machine, page by page: what changed between two moments. */
import { checkKeys, checkMap, whole } from "./check.js";
import { PAGE_KINDS, type UsageKind } from "./kinds.js";
import { isWide } from "./lists.js";
import { PAGES_PER_SECTION, PFN_LIMIT, SLOT_BYTES } from "./sections.js";
import type { PfnList } from "./types.js";
import type { Vmemmap } from "./vmemmap.js";

/** What is compared of a page. */
export const DIFF_FIELDS = [
  "head",
  "order",
  "kind",
  "flags",
  "refcount",
  "mapcount_raw",
  "mapping",
  "index",
  "private",
  "memcg",
] as const;

export type DiffField = (typeof DIFF_FIELDS)[number];

/** A page that differs. */
export interface PageDiff {
  readonly pfn: number;
  readonly fields: readonly DiffField[];
  readonly kinds: readonly [a: UsageKind, b: UsageKind];
}

export interface MapDiff {
  /** PFNs that both maps have slots of. */
  readonly pages: number;
  /** PFNs that one of them alone has. */
  readonly onlyA: number;
  readonly onlyB: number;
  /** Of those that both have, how many differ in any field compared. */
  readonly differing: number;
  /** How many pages differ in each field, those without a difference left out. */
  readonly fields: Readonly<Partial<Record<DiffField, number>>>;
  /** Fields that can't be compared: words with kernel addresses of two boots, or flags of two kernels. */
  readonly notCompared: readonly DiffField[];
  /** Pages whose kind changed, by from and to, the most frequent first. */
  readonly kinds: readonly { readonly from: UsageKind; readonly to: UsageKind; readonly pages: number }[];
  /** The first pages that differ. */
  readonly first: readonly PageDiff[];
}

export interface DiffOptions {
  /** How many pages to list. @default 20 */
  readonly limit?: number;
}

/** Words of a slot by field: first and number of u32. */
const WORDS = {
  flags: [0, 2],
  mapping: [6, 2],
  index: [8, 2],
  private: [10, 2],
  mapcount_raw: [12, 1],
  refcount: [13, 1],
  memcg: [14, 2],
} as const;

const WITH_ADDRESSES: readonly DiffField[] = ["mapping", "index", "private", "memcg"];
const KINDS = PAGE_KINDS.length;
const DEFAULT_LIMIT = 20;

interface Section {
  readonly heads: PfnList;
  readonly orders: Uint32Array;
  readonly kinds: Uint8Array;
  readonly words: Uint32Array;
}

function readSection(map: Vmemmap, start: number): Section {
  const pages = { start, count: PAGES_PER_SECTION };
  const read = {
    heads: isWide(map.core) ? new Float64Array(PAGES_PER_SECTION) : new Uint32Array(PAGES_PER_SECTION),
    orders: new Uint32Array(PAGES_PER_SECTION),
    kinds: new Uint8Array(PAGES_PER_SECTION),
    words: new Uint32Array((PAGES_PER_SECTION * SLOT_BYTES) / 4),
  };
  map.headsInto(pages, read.heads);
  map.ordersInto(pages, read.orders);
  map.usageKindsInto(pages, read.kinds);
  for (let pfn = start; pfn < start + PAGES_PER_SECTION; pfn += 512) {
    if (!map.pfnValid(pfn)) continue;
    map.readSlots(pfn, new Uint8Array(read.words.buffer, (pfn - start) * SLOT_BYTES, 512 * SLOT_BYTES));
  }
  return read;
}

/** What of the slots' words two maps can be held against each other by. */
function comparable(a: Vmemmap, b: Vmemmap): { fields: (keyof typeof WORDS)[]; notCompared: DiffField[] } {
  const sameFlags = JSON.stringify(a.profile.flags) === JSON.stringify(b.profile.flags);
  const sameBoot = a.vmemmapBase === b.vmemmapBase;
  const notCompared = [...(sameFlags ? [] : (["flags"] as const)), ...(sameBoot ? [] : WITH_ADDRESSES)];
  const fields = (Object.keys(WORDS) as (keyof typeof WORDS)[]).filter((field) => !notCompared.includes(field));
  return { fields, notCompared };
}

/**
 * Hold two maps against each other: heads, orders and kinds as they are looked up, and the slots' own words. Words that hold
 * kernel addresses are compared where both maps have the same vmemmap base, which tells one boot from another.
 *
 * @throws VmemmapError "bad-argument"
 */
export function diffMaps(a: Vmemmap, b: Vmemmap, options: DiffOptions = {}): MapDiff {
  checkMap(a, "diffMaps");
  checkMap(b, "diffMaps");
  checkKeys(options, ["limit"], "diffMaps");
  const limit = whole(options.limit ?? DEFAULT_LIMIT, 0, PFN_LIMIT, "limit");
  const { fields: wordFields, notCompared } = comparable(a, b);
  const counts = new Map<DiffField, number>();
  const changes = new Uint32Array(KINDS * KINDS);
  const first: PageDiff[] = [];
  const found = { pages: 0, onlyA: 0, onlyB: 0, differing: 0 };
  const numbers = new Set([...a.sections, ...b.sections].map(({ number }) => number));
  for (const number of [...numbers].sort((x, y) => x - y)) {
    const start = number * PAGES_PER_SECTION;
    const [ofA, ofB] = [readSection(a, start), readSection(b, start)];
    for (let i = 0; i < PAGES_PER_SECTION; i++) {
      if (i % 512 === 0) {
        const [inA, inB] = [a.pfnValid(start + i), b.pfnValid(start + i)];
        if (inA && inB) found.pages += 512;
        else {
          if (inA) found.onlyA += 512;
          if (inB) found.onlyB += 512;
          i += 511;
          continue;
        }
      }
      const fields = differingFields(ofA, ofB, i, wordFields);
      if (fields.length === 0) continue;
      found.differing++;
      for (const field of fields) counts.set(field, (counts.get(field) ?? 0) + 1);
      const [from, to] = [ofA.kinds[i]!, ofB.kinds[i]!];
      if (from !== to && from < KINDS && to < KINDS) changes[from * KINDS + to]!++;
      if (first.length < limit) first.push({ pfn: start + i, fields, kinds: [kindName(from), kindName(to)] });
    }
  }
  return {
    ...found,
    fields: Object.fromEntries(
      DIFF_FIELDS.flatMap((field) => (counts.has(field) ? [[field, counts.get(field)!]] : [])),
    ),
    notCompared,
    kinds: changesOf(changes),
    first,
  };
}

/** What windows of two maps, one after the other, make together. @internal */
export function joinDiffs(parts: readonly MapDiff[]): MapDiff {
  const sum = (of: (part: MapDiff) => number) => parts.reduce((all, part) => all + of(part), 0);
  const changes = new Map<string, { from: UsageKind; to: UsageKind; pages: number }>();
  for (const { from, to, pages } of parts.flatMap(({ kinds }) => kinds)) {
    const known = changes.get(`${from} ${to}`);
    if (known === undefined) changes.set(`${from} ${to}`, { from, to, pages });
    else known.pages += pages;
  }
  const placeOf = ({ from, to }: { from: UsageKind; to: UsageKind }) =>
    PAGE_KINDS.indexOf(from) * KINDS + PAGE_KINDS.indexOf(to);
  return {
    pages: sum(({ pages }) => pages),
    onlyA: sum(({ onlyA }) => onlyA),
    onlyB: sum(({ onlyB }) => onlyB),
    differing: sum(({ differing }) => differing),
    fields: Object.fromEntries(
      DIFF_FIELDS.flatMap((field) => {
        const pages = sum(({ fields }) => fields[field] ?? 0);
        return pages > 0 ? [[field, pages]] : [];
      }),
    ),
    notCompared: parts.find(({ notCompared }) => notCompared.length > 0)?.notCompared ?? [],
    kinds: [...changes.values()].sort((x, y) => y.pages - x.pages || placeOf(x) - placeOf(y)),
    first: parts.flatMap(({ first }) => first),
  };
}

function kindName(number: number): UsageKind {
  return PAGE_KINDS[number] ?? "other";
}

/** A word that leads nowhere reads as all ones, or as NaN where PFNs are wide. */
function headOf({ heads }: Section, i: number): number | undefined {
  const head = heads[i]!;
  return (heads instanceof Uint32Array ? head === 0xffffffff : Number.isNaN(head)) ? undefined : head;
}

function differingFields(a: Section, b: Section, i: number, wordFields: readonly (keyof typeof WORDS)[]): DiffField[] {
  const fields: DiffField[] = [];
  if (headOf(a, i) !== headOf(b, i)) fields.push("head");
  if (a.orders[i] !== b.orders[i]) fields.push("order");
  if (a.kinds[i] !== b.kinds[i]) fields.push("kind");
  for (const field of wordFields) {
    const [word, count] = WORDS[field];
    const at = (i * SLOT_BYTES) / 4 + word;
    if (a.words[at] !== b.words[at] || (count === 2 && a.words[at + 1] !== b.words[at + 1])) fields.push(field);
  }
  return fields;
}

function changesOf(changes: Uint32Array): MapDiff["kinds"] {
  return Array.from(changes, (pages, i) => ({
    from: kindName(Math.floor(i / KINDS)),
    to: kindName(i % KINDS),
    pages,
  }))
    .filter(({ pages }) => pages > 0)
    .sort((x, y) => y.pages - x.pages);
}
