/** The columns that rows of pages and folios may have. */
import { display } from "../check.js";
import { VmemmapError } from "../errors.js";
import { PAGE_KINDS } from "../kinds.js";
import { strangeName } from "../nearest.js";
import type { BitField, PageFlag, Profile } from "../profile/index.js";
import { typeOf } from "../profile/names.js";
import { SLOT_BYTES } from "../sections.js";
import { refcountOrigin, slotOriginOf } from "../slot-origins.js";
import type { Vmemmap } from "../vmemmap.js";
import { type PageBlock, SLOT_WORDS } from "./block.js";
import { type Cells, NO_NAME, type Numbers, type Words } from "./cells.js";

/** Rows are pages, or folios by their heads. */
export type RowsOf = "pages" | "folios";

export interface Column {
  readonly name: string;
  /** How its cells are kept. */
  readonly kind: Cells["kind"];
  /** What help says of it. */
  readonly says: string;
  /** Its numbers may need more than 32 bits. */
  readonly wide?: true;
  /** It is a folio's, and no column of pages. */
  readonly folios?: true;
  /** Names of its cells, or names that conditions may use for its numbers. */
  readonly namesOf?: (profile: Profile) => readonly string[];
  /** Its word is the flags word. */
  readonly hasFlags?: true;
  /** Cells of a block. */
  readonly cells: (block: PageBlock) => Cells;
}

/** A 64-bit word of each slot, `offset` bytes from its start. */
function slotWords({ length, firstWord, words }: PageBlock, offset: number): Uint32Array<ArrayBuffer> {
  const halves = new Uint32Array(2 * length);
  let from = firstWord + offset / 4;
  for (let i = 0; i < 2 * length; i += 2, from += SLOT_WORDS) {
    halves[i] = words[from]!;
    halves[i + 1] = words[from + 1]!;
  }
  return halves;
}

/** A signed 32-bit word of each slot. */
function slotCounts({ length, firstWord, words }: PageBlock, offset: number): Int32Array {
  const values = new Int32Array(length);
  let from = firstWord + offset / 4;
  for (let i = 0; i < length; i++, from += SLOT_WORDS) values[i] = words[from]!;
  return values;
}

/** A field of each page's own flags word. */
function flagsField({ length, firstWord, words }: PageBlock, { shift, width }: BitField): Uint32Array {
  const values = new Uint32Array(length);
  const mask = width >= 32 ? -1 : (1 << width) - 1;
  let from = firstWord;
  for (let i = 0; i < length; i++, from += SLOT_WORDS) {
    const high = words[from + 1]!;
    // A field may stand in both halves.
    const bits =
      shift >= 32 ? high >>> (shift - 32) : (words[from]! >>> shift) | (shift === 0 ? 0 : high << (32 - shift));
    values[i] = bits & mask;
  }
  return values;
}

/** `base + step * i` for each page, as words. */
function run(base: bigint, step: number, length: number): Uint32Array<ArrayBuffer> {
  const halves = new Uint32Array(2 * length);
  let high = Number(base >> 32n);
  let low = Number(base & 0xffffffffn);
  for (let i = 0; i < 2 * length; i += 2) {
    halves[i] = low;
    halves[i + 1] = high;
    low += step;
    if (low >= 2 ** 32) {
      low -= 2 ** 32;
      high++;
    }
  }
  return halves;
}

function withFound({ found }: PageBlock, values: Numbers["values"]): Numbers {
  return found === undefined ? { kind: "number", values } : { kind: "number", values, valid: found };
}

/** Cells that have no answer where the map is a reconstruction that does not know the field. */
function ifKnown<C extends Numbers | Words>({ map, length }: PageBlock, field: string, cells: C): C {
  return slotOriginOf(map, field) === "unknown" ? { ...cells, valid: new Uint8Array(length) } : cells;
}

/** `field`: the word's name in page reports. */
function word(name: string, offset: number, says: string, field = name): Column {
  return {
    name,
    kind: "word",
    says,
    cells: (block) => ifKnown(block, field, { kind: "word", halves: slotWords(block, offset) }),
  };
}

function refcounts(block: PageBlock): Numbers {
  const values = slotCounts(block, 52);
  const known = (count: number) => Number(refcountOrigin(block.map, count) !== "unknown");
  const [ofNone, ofSome] = [known(0), known(1)];
  if (ofSome === 1) return { kind: "number", values };
  return { kind: "number", values, valid: Uint8Array.from(values, (count) => (count === 0 ? ofNone : ofSome)) };
}

function field(name: "zone" | "node" | "lastCpupid", column: string, says: string): Column {
  return {
    name: column,
    kind: "number",
    says,
    ...(name === "zone" ? { namesOf: ({ zones }: Profile) => zones } : {}),
    cells: (block) => {
      const layout = block.map.profile[name];
      const values = flagsField(block, layout);
      if (layout.width === 0) return { kind: "number", values, valid: new Uint8Array(block.length) };
      return name === "lastCpupid" ? ifKnown(block, column, { kind: "number", values }) : { kind: "number", values };
    },
  };
}

/** Places in PAGE_KINDS; 255, which is NO_NAME, where a page's word leads nowhere. */
function kindCodes({ map, pages, length }: PageBlock): Uint8Array {
  const codes = new Uint8Array(length);
  map.usageKindsInto(pages, codes);
  return codes;
}

const FILTERED = PAGE_KINDS.indexOf("filtered");

const COMPOUND_NAMES = ["single", "head", "tail"] as const;
const [SINGLE, HEAD, TAIL] = [0, 1, 2];

/** Whether each page is single, a head or a tail. */
function compoundCodes(block: PageBlock): Uint8Array {
  const { heads, found, length, pages, firstWord, words, map } = block;
  const headBit = 2 ** map.profile.flags["head"]!.bit;
  const codes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    if (found?.[i] === 0) codes[i] = NO_NAME;
    else if (heads[i] !== pages.start + i) codes[i] = TAIL;
    else codes[i] = (words[firstWord + SLOT_WORDS * i]! & headBit) === 0 ? SINGLE : HEAD;
  }
  return codes;
}

const PAGE_TYPE = 48;

/** As many as codes can tell. */
function typeNames({ pageTypes }: Profile): string[] {
  return Object.keys(pageTypes.types).slice(0, NO_NAME);
}

/** The type in each page's own word at +48. */
function typeCodes(block: PageBlock): Uint8Array {
  const { profile } = block.map;
  const types = typeNames(profile).map((name) => typeOf(profile, name));
  const codes = new Uint8Array(block.length).fill(NO_NAME);
  const words = slotCounts(block, PAGE_TYPE);
  for (let i = 0; i < words.length; i++) {
    const raw = words[i]!;
    // Most pages are mapped, or nothing at all.
    if (raw >= -1) continue;
    const code = types.findIndex(({ mask, value }) => (raw & mask) >>> 0 === value);
    if (code >= 0) codes[i] = code;
  }
  return codes;
}

/** Names of the flags that a page's own word may have, one a bit. */
function ownFlags({ flags }: Profile): Map<number, string> {
  const names = new Map<number, string>();
  for (const [name, { bit, policy }] of Object.entries<PageFlag>(flags))
    if (policy !== "second" && !names.has(bit)) names.set(bit, name);
  return names;
}

function flagTexts({ length, firstWord, words, map }: PageBlock): string[] {
  const names = [...ownFlags(map.profile)].sort(([a], [b]) => a - b);
  const bits = names.reduce((mask, [bit]) => mask | (1 << bit), 0);
  const known = new Map<number, string>();
  const texts: string[] = [];
  for (let i = 0; i < length; i++) {
    const flags = words[firstWord + SLOT_WORDS * i]! & bits;
    let text = known.get(flags);
    if (text === undefined) {
      text = names
        .filter(([bit]) => (flags & (1 << bit)) !== 0)
        .map(([, name]) => name)
        .join("|");
      known.set(flags, text);
    }
    texts.push(text);
  }
  return texts;
}

/** The words that name folios' pgmaps. An altmap's own pages have none: there, the word is the page's own list head. */
function pgmapWords(block: PageBlock): Cells {
  const { map, pages, length } = block;
  const answers = new BigUint64Array(length);
  map.pgmapWordsInto(pages, answers);
  const halves = new Uint32Array(answers.buffer);
  const own = run(map.pageAddress(pages.start) + 8n, SLOT_BYTES, length);
  const { found } = block;
  const valid = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const [low, high] = [halves[2 * i]!, halves[2 * i + 1]!];
    const isNone = (low === 0 && high === 0) || found?.[i] === 0 || (low === own[2 * i] && high === own[2 * i + 1]);
    valid[i] = Number(!isNone);
  }
  return { kind: "word", halves, valid };
}

/** A field of folios of two pages and more; single pages have no answer. */
function folioField(
  name: string,
  says: string,
  has: (profile: Profile, order: number) => boolean,
  ask: (map: Vmemmap, slot: number) => number,
): Column {
  return {
    name,
    kind: "number",
    says,
    folios: true,
    cells: (block) => {
      const { map, pages, length } = block;
      const orders = ordersOf(block);
      const codes = compoundCodes(block);
      const values = new Int32Array(length);
      const valid = new Uint8Array(length);
      const isUnknown = slotOriginOf(map, `_${name}`) === "unknown";
      for (let i = 0; i < length && !isUnknown; i++) {
        if (codes[i] !== HEAD || !has(map.profile, orders[i]!)) continue;
        values[i] = ask(map, map.core.slotOf(pages.start + i));
        valid[i] = 1;
      }
      return { kind: "number", values, valid };
    },
  };
}

function ordersOf({ map, pages, length }: PageBlock): Int32Array {
  const orders = new Int32Array(length);
  map.ordersInto(pages, orders);
  return orders;
}

const all: readonly Column[] = [
  {
    name: "pfn",
    kind: "number",
    wide: true,
    says: "page frame number",
    cells: ({ pages: { start }, length }) => {
      const values = new Float64Array(length);
      for (let i = 0; i < length; i++) values[i] = start + i;
      return { kind: "number", values };
    },
  },
  {
    name: "phys",
    kind: "word",
    says: "physical address",
    cells: ({ pages: { start }, length }) => ({ kind: "word", halves: run(BigInt(start) << 12n, 4096, length) }),
  },
  {
    name: "page",
    kind: "word",
    says: "address of the page's struct page",
    cells: ({ map, pages: { start }, length }) => ({
      kind: "word",
      halves: run(map.pageAddress(start), SLOT_BYTES, length),
    }),
  },
  {
    name: "kind",
    kind: "name",
    says: "what the page is used for; a tail has its head's",
    namesOf: () => PAGE_KINDS,
    cells: (block) => ({ kind: "name", codes: kindCodes(block), names: PAGE_KINDS }),
  },
  { ...word("flags", 0, "the flags word, zone and node bits included"), hasFlags: true },
  {
    name: "flag_names",
    kind: "text",
    says: "names of the flags set in it, joined by |",
    cells: (block) => ({ kind: "text", texts: flagTexts(block) }),
  },
  {
    name: "compound",
    kind: "name",
    says: "single, head or tail",
    namesOf: () => COMPOUND_NAMES,
    cells: (block) => ({ kind: "name", codes: compoundCodes(block), names: COMPOUND_NAMES }),
  },
  {
    name: "head",
    kind: "number",
    wide: true,
    says: "PFN of the head; its own for a page that is no tail",
    cells: (block) => withFound(block, block.heads),
  },
  {
    name: "order",
    kind: "number",
    says: "order of the folio; 0 for a single page",
    cells: (block) => withFound(block, ordersOf(block)),
  },
  {
    name: "refcount",
    kind: "number",
    says: "the page's own _refcount",
    cells: refcounts,
  },
  {
    name: "mapcount",
    kind: "number",
    says: "mappings of the page, as /proc/kpagecount has them",
    cells: (block) => {
      const values = new Int32Array(block.length);
      block.map.mapcountsInto(block.pages, values);
      return withFound(block, values);
    },
  },
  {
    name: "mapcount_raw",
    kind: "number",
    says: "the word at +48 (_mapcount, page_type), signed",
    cells: (block) => ({ kind: "number", values: slotCounts(block, PAGE_TYPE) }),
  },
  {
    name: "type",
    kind: "name",
    says: "page type in that word: buddy, slab, table, …",
    namesOf: typeNames,
    cells: (block) => ({
      kind: "name",
      codes: typeCodes(block),
      names: typeNames(block.map.profile),
    }),
  },
  field("zone", "zone", "number of the zone; conditions may say its name"),
  {
    name: "zone_name",
    kind: "name",
    says: "name of the zone",
    namesOf: ({ zones }) => zones,
    cells: (block) => {
      const { zone, zones } = block.map.profile;
      const numbers = flagsField(block, zone);
      const codes = new Uint8Array(block.length);
      for (let i = 0; i < codes.length; i++) codes[i] = numbers[i]! < zones.length ? numbers[i]! : NO_NAME;
      return { kind: "name", codes, names: zones };
    },
  },
  field("node", "node", "NUMA node"),
  field("lastCpupid", "last_cpupid", "CPU and process that used it last, as the flags word has them"),
  word("mapping", 24, "the word mapping, low bits included"),
  word("index", 32, "the word index (share, pt_mm, …)"),
  word("private", 40, "the word private"),
  word("memcg", 56, "the word memcg_data", "memcg_data"),
  {
    name: "pgmap",
    kind: "word",
    says: "the folio's dev_pagemap, of ZONE_DEVICE pages that have one",
    cells: pgmapWords,
  },
  {
    name: "alias",
    kind: "truth",
    says: "its slot shows another frame's bytes (HVO, device-dax)",
    cells: ({ map, pages, length }) => {
      const slot = map.slotOf(pages.start);
      const { slot_is_alias } = map.core.exports;
      const values = new Uint8Array(length);
      for (let i = 0; i < length; i++) values[i] = Number(slot_is_alias(slot + i) !== 0);
      return { kind: "truth", values };
    },
  },
  {
    name: "filtered",
    kind: "truth",
    says: "the dump left its slot out: it reads as zero, and nothing is known",
    cells: (block) => ({ kind: "truth", values: kindCodes(block).map((kind) => Number(kind === FILTERED)) }),
  },
  {
    name: "nr_pages",
    kind: "number",
    says: "pages of the folio",
    folios: true,
    cells: (block) => {
      const { map, pages, length } = block;
      const codes = compoundCodes(block);
      const values = new Uint32Array(length).fill(1);
      for (let i = 0; i < length; i++)
        if (codes[i] === HEAD) values[i] = map.core.exports.folio_nr_pages(map.core.slotOf(pages.start + i));
      return withFound(block, values);
    },
  },
  {
    name: "folio_mapcount",
    kind: "number",
    says: "mappings of all its pages, an entire mapping counted once",
    folios: true,
    cells: (block) => {
      const values = new Int32Array(block.length);
      block.map.folioMapcountsInto(block.pages, values);
      return withFound(block, values);
    },
  },
  folioField(
    "large_mapcount",
    "_large_mapcount + 1 (6.11 on)",
    ({ folio }) => folio.largeMapcount !== null,
    ({ core }, slot) => core.exports.folio_large_mapcount(slot),
  ),
  folioField(
    "entire_mapcount",
    "_entire_mapcount + 1: mappings of the folio as a whole",
    () => true,
    ({ core }, slot) => core.exports.folio_entire_mapcount(slot),
  ),
  folioField(
    "nr_pages_mapped",
    "_nr_pages_mapped as it stands",
    ({ folio }) => folio.nrPagesMapped !== null,
    ({ core }, slot) => core.exports.folio_nr_pages_mapped(slot),
  ),
  folioField(
    "pincount",
    "_pincount: FOLL_PIN references",
    ({ folio }, order) => folio.pincount !== null && order >= folio.pincountMinOrder,
    ({ core }, slot) => core.exports.folio_pincount(slot),
  ),
];

/** Columns of pages, or of folios. @throws VmemmapError "bad-argument": neither */
export function columnsOf(rows: RowsOf): readonly Column[] {
  if (rows !== "pages" && (rows as unknown) !== "folios")
    throw new VmemmapError("bad-argument", `columns of ${display(rows)}: expected "pages" or "folios"`);
  return rows === "folios" ? all : all.filter(({ folios }) => folios !== true);
}

/** A column by name. @throws VmemmapError "bad-argument" */
export function columnNamed(name: string, rows: RowsOf): Column {
  const column = columnsOf(rows).find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  if (all.some((candidate) => candidate.name === name))
    throw new VmemmapError("bad-argument", `column "${name}" is one of folios, not of pages`);
  const names = columnsOf(rows).map((candidate) => candidate.name);
  throw new VmemmapError("bad-argument", `no column ${strangeName(name, names)}`);
}
