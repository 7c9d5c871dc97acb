/** Slots made of what /proc/kpageflags, kpagecount and kpagecgroup say of each page (fs/proc/page.c). */
import type { Core } from "../../engine/core.js";
import type { Profile } from "../../profile/index.js";
import { typeOf } from "../../profile/names.js";
import { SLOTS_PER_VMEMMAP_PAGE } from "../../aliases.js";
import { PAGES_PER_SECTION, SLOT_BYTES } from "../../sections.js";
import type { PfnRange } from "../../types.js";
import type { Vmemmap } from "../../vmemmap.js";
import { hasBit, KPF, KPF_FLAGS } from "./kpageflags.js";
import type { Machine } from "./machine.js";
import type { ZoneSpan } from "./zoneinfo.js";

/** One section's words of the three files, two u32 halves a page. */
export interface KpageWords {
  readonly flags: Uint32Array;
  readonly counts: Uint32Array;
  /** Inode numbers of memory cgroups; all 0 where the kernel has none. */
  readonly cgroups: Uint32Array;
}

/** What a reconstruction saw. */
export interface ReconstructionCounts {
  /** Pages of runs that are no folio: cut by a change between two reads. They stand as single pages. */
  torn: number;
  /** Fake heads that 6.17 to 7.0 show as heads: joined with their folios. */
  fakeHeads: number;
  /** Pages without any bit: used by the kernel for itself, or free on a list of a CPU. */
  silent: number;
}

const MAX_PAGE_ORDER = 10;
const WORDS_PER_SLOT = SLOT_BYTES / 4;
/** Word numbers of a slot's fields, in u32. */
const FLAGS = 0;
const MAPPING = 6;
const PRIVATE = 10;
const MAPCOUNT = 12;
const REFCOUNT = 13;
const MEMCG = 14;

/** Marks in place of the word mapping, whose pointer no file tells: its low bits, or that there is one. */
const MAPPING_ANON = 1;
const MAPPING_KSM = 3;
const MAPPING_SOME = 16;

/** A hugetlb page of 2 MiB. */
const HUGE_PAGES = 512;

interface Run {
  readonly start: number;
  length: number;
  readonly hugetlb: boolean;
  /** Of the first page, and of all. */
  readonly count: number;
  total: number;
  mapped: number;
}

/** Halves of a flags word that a flag, zone or node stands for. */
type Halves = readonly [low: number, high: number];

function halvesOf(word: bigint): Halves {
  return [Number(word & 0xffffffffn), Number(word >> 32n)];
}

/** Fills the slots of an empty map, section by rising section. */
export class Reconstruction {
  readonly counts: ReconstructionCounts = { torn: 0, fakeHeads: 0, silent: 0 };
  /** Pages that the files show nothing of since they are not online: holes, offline memory, ZONE_DEVICE. Their slots stay zero. */
  readonly absent: PfnRange[] = [];
  readonly #map: Vmemmap;
  readonly #ksm: boolean;
  readonly #ram: Machine["ram"];
  readonly #core: Core;
  readonly #profile: Profile;
  readonly #flags: readonly (readonly [bit: number, ...Halves])[];
  readonly #words: { buddy: number; offline: number; table: number; slab: number; hugetlb: number };
  readonly #zones: readonly (ZoneSpan & { readonly word: Halves })[];
  readonly #outside: Halves;
  #folio: Run | undefined;
  readonly #ended: Run[] = [];
  #lastFlags = { low: 0, high: 0, isTail: false, flags: [0, 0] as Halves };
  #free: { start: number; end: number } | undefined;

  /** `ksm`: the host merges pages; without, KPF_KSM says nothing (6.12 to 7.0 set it on all anonymous pages). */
  constructor(map: Vmemmap, { zones, ksm, ram }: Pick<Machine, "zones" | "ksm" | "ram">) {
    this.#ksm = ksm;
    this.#ram = ram;
    this.#map = map;
    this.#core = map.core;
    const profile = map.profile;
    this.#profile = profile;
    this.#flags = KPF_FLAGS.flatMap(([bit, ...names]) => {
      const name = names.find((known) => Object.hasOwn(profile.flags, known));
      return name === undefined ? [] : [[bit, ...halvesOf(1n << BigInt(profile.flags[name]!.bit))] as const];
    });
    const untyped = 0xffffffff;
    const word = (name: string) =>
      Object.hasOwn(profile.pageTypes.types, name) ? typeOf(profile, name).word : untyped;
    this.#words = {
      buddy: word("buddy"),
      offline: word("offline"),
      table: word("table"),
      slab: profile.slab.by === "type" ? word(profile.slab.name) : untyped,
      hugetlb: profile.hugetlb.by === "type" ? word(profile.hugetlb.name) : untyped,
    };
    this.#zones = zones.map((span) => ({ ...span, word: this.#links(span.name, span.node) }));
    this.#outside = this.#links(zones.at(-1)?.name ?? "Normal", 0);
  }

  /** The flags word's upper fields (set_page_links); last_cpupid as nobody's. */
  #links(zoneName: string, node: number): Halves {
    const { zone, node: nodeField, lastCpupid, zones } = this.#profile;
    const number = Math.max(zones.indexOf(zoneName.toUpperCase()), 0);
    const nobody = ((1n << BigInt(lastCpupid.width)) - 1n) << BigInt(lastCpupid.shift);
    return halvesOf((BigInt(number) << BigInt(zone.shift)) | (BigInt(node) << BigInt(nodeField.shift)) | nobody);
  }

  /** Takes the sections in rising order. */
  addSection(number: number, words: KpageWords): void {
    const first = number * PAGES_PER_SECTION;
    if (this.#folio !== undefined && this.#folio.start + this.#folio.length !== first) this.#endFolio();
    if (this.#free !== undefined && this.#free.end !== first) this.#endFree();
    const slots = this.#core.u32;
    let at = this.#core.address(this.#core.sectionSlot(number)) / 4;
    let span = this.#spanOf(first);
    const isRam = this.#ram.some(({ start, end }) => start < first + PAGES_PER_SECTION && first < end);
    for (let i = 0; i < PAGES_PER_SECTION; i++, at += WORDS_PER_SLOT) {
      if (i % SLOTS_PER_VMEMMAP_PAGE === 0 && this.#isAbsent(first + i, i, words, isRam)) {
        this.#endFolio();
        this.#addAbsent(first + i);
        i += SLOTS_PER_VMEMMAP_PAGE - 1;
        at += (SLOTS_PER_VMEMMAP_PAGE - 1) * WORDS_PER_SLOT;
        continue;
      }
      if (first + i >= span.end) span = this.#spanOf(first + i);
      this.#addPage(slots, at, first + i, i, span.word, words);
    }
    this.#writeFolios();
  }

  /**
   * Of pages that are not online, kpageflags shows KPF_NOPAGE up to 6.14, and nothing from 6.16 on (kpage_read, pfn_to_online_page). Nothing
   * is shown too of pages that the kernel keeps for itself; but those are RAM.
   */
  #isAbsent(pfn: number, i: number, { flags, counts, cgroups }: KpageWords, isRam: boolean): boolean {
    const end = 2 * (i + SLOTS_PER_VMEMMAP_PAGE);
    let nopage = true;
    let nothing = this.#ram.length > 0;
    for (let at = 2 * i; at < end && (nopage || nothing); at += 2) {
      const [low, high] = [flags[at]!, flags[at + 1]!];
      nopage &&= hasBit(low, high, KPF.NOPAGE);
      nothing &&= (low | high | counts[at]! | cgroups[at]!) === 0;
    }
    if (nopage || !nothing) return nopage;
    return !isRam || !this.#ram.some((ram) => ram.start < pfn + SLOTS_PER_VMEMMAP_PAGE && pfn < ram.end);
  }

  #addAbsent(pfn: number): void {
    const last = this.absent.at(-1);
    if (last === undefined || last.start + last.count !== pfn)
      this.absent.push({ start: pfn, count: SLOTS_PER_VMEMMAP_PAGE });
    else this.absent[this.absent.length - 1] = { start: last.start, count: last.count + SLOTS_PER_VMEMMAP_PAGE };
  }

  /** The map is complete. */
  finish(): ReconstructionCounts {
    this.#endFolio();
    this.#endFree();
    this.#writeFolios();
    this.#map.checkWellFormed();
    return this.counts;
  }

  /**
   * Of zones that overlap, since nodes may lie within each other, the one that spans least. Pages before a zone that none spans, as
   * PFN 0, have that one's (init_unavailable_range).
   */
  #spanOf(pfn: number): { readonly end: number; readonly word: Halves } {
    const span = this.#zones
      .filter(({ start, end }) => start <= pfn && pfn < end)
      .sort((a, b) => a.end - a.start - (b.end - b.start))[0];
    if (span !== undefined) return span;
    const next = this.#zones.filter(({ start }) => start > pfn).sort((a, b) => a.start - b.start)[0];
    return next === undefined ? { end: Infinity, word: this.#outside } : { end: next.start, word: next.word };
  }

  #addPage(slots: Uint32Array, at: number, pfn: number, i: number, links: Halves, words: KpageWords): void {
    const low = words.flags[2 * i]!;
    const high = words.flags[2 * i + 1]!;
    const count = words.counts[2 * i]!;
    const tail = hasBit(low, high, KPF.COMPOUND_TAIL);
    const isTail = this.#folio !== undefined && (tail || this.#isFakeHead(low, high, pfn));
    if (!isTail) {
      this.#endFolio();
      const hugetlb = hasBit(low, high, KPF.HUGE);
      if (hasBit(low, high, KPF.COMPOUND_HEAD))
        this.#folio = { start: pfn, length: 0, hugetlb, count, total: 0, mapped: 0 };
      else if (tail) this.counts.torn++;
    }
    const folio = this.#folio;
    if (folio !== undefined) {
      folio.length++;
      folio.total += count;
      folio.mapped += Number(count > 0);
    }
    const free = hasBit(low, high, KPF.BUDDY);
    if (free) {
      if (this.#free?.end !== pfn) {
        this.#endFree();
        this.#free = { start: pfn, end: pfn };
      }
      this.#free.end++;
    }
    if (low === 0 && high === 0 && count === 0) this.counts.silent++;
    const [flagsLow, flagsHigh] = this.#flagsOf(low, high, isTail);
    slots[at + FLAGS] = flagsLow | links[0];
    slots[at + FLAGS + 1] = flagsHigh | links[1];
    slots[at + MAPCOUNT] = isTail || free ? this.#tailCount(folio, count) : this.#typeWord(low, high, count);
    slots[at + REFCOUNT] = isTail || free ? 0 : Math.max(count, 1);
    if (isTail) return;
    slots[at + MAPPING] = this.#mappingOf(low, high);
    slots[at + MEMCG] = words.cgroups[2 * i]!;
    slots[at + MEMCG + 1] = words.cgroups[2 * i + 1]!;
  }

  /** hugetlb pages are counted as a whole, others page by page. */
  #tailCount(folio: Run | undefined, count: number): number {
    return folio === undefined || folio.hugetlb ? 0xffffffff : (count - 1) >>> 0;
  }

  /** 6.17 to 7.0 take a fake head for a head, and the tails behind it for that one's (snapshot_page). */
  #isFakeHead(low: number, high: number, pfn: number): boolean {
    const fake =
      this.#folio?.hugetlb === true &&
      hasBit(low, high, KPF.COMPOUND_HEAD) &&
      hasBit(low, high, KPF.HUGE) &&
      this.#profile.tailEncoding === "fake-heads" &&
      pfn % SLOTS_PER_VMEMMAP_PAGE === 0 &&
      pfn % HUGE_PAGES !== 0;
    if (fake) this.counts.fakeHeads++;
    return fake;
  }

  /** Neighbours are mostly alike. */
  #flagsOf(low: number, high: number, isTail: boolean): Halves {
    const last = this.#lastFlags;
    if (last.low !== low || last.high !== high || last.isTail !== isTail) {
      this.#lastFlags = { low, high, isTail, flags: this.#translate(low, high, isTail) };
    }
    return this.#lastFlags.flags;
  }

  #translate(low: number, high: number, isTail: boolean): Halves {
    let flagsLow = 0;
    let flagsHigh = 0;
    // Of a tail, kpageflags shows its head's flags from 6.12 on; poison alone is each page's own.
    for (const [bit, markLow, markHigh] of this.#flags) {
      if (!hasBit(low, high, bit) || (isTail && bit !== KPF.HWPOISON)) continue;
      flagsLow |= markLow;
      flagsHigh |= markHigh;
    }
    return [flagsLow, flagsHigh];
  }

  #typeWord(low: number, high: number, count: number): number {
    if (hasBit(low, high, KPF.OFFLINE)) return this.#words.offline;
    if (hasBit(low, high, KPF.PGTABLE)) return this.#words.table;
    if (hasBit(low, high, KPF.SLAB)) return this.#words.slab;
    if (hasBit(low, high, KPF.HUGE)) return this.#words.hugetlb;
    return (count - 1) >>> 0;
  }

  #mappingOf(low: number, high: number): number {
    // A slab's counters stand in the same word, so that 6.12 to 6.18 call some of them anonymous.
    if (hasBit(low, high, KPF.SLAB)) return 0;
    if (hasBit(low, high, KPF.ANON)) return this.#ksm && hasBit(low, high, KPF.KSM) ? MAPPING_KSM : MAPPING_ANON;
    return hasBit(low, high, KPF.LRU) || hasBit(low, high, KPF.SWAPBACKED) ? MAPPING_SOME : 0;
  }

  #endFolio(): void {
    const folio = this.#folio;
    this.#folio = undefined;
    if (folio === undefined) return;
    const order = Math.log2(folio.length);
    const whole = Number.isInteger(order) && order > 0 && folio.start % folio.length === 0;
    if (whole && order <= this.#profile.maxFolioOrder) this.#ended.push(folio);
    else this.counts.torn += folio.length;
  }

  /** Blocks of the buddy allocator, as large as alignment allows: where they were split is not told. */
  #endFree(): void {
    const free = this.#free;
    this.#free = undefined;
    if (free === undefined) return;
    for (let pfn = free.start; pfn < free.end;) {
      let order = 0;
      while (order < MAX_PAGE_ORDER && pfn % 2 ** (order + 1) === 0 && pfn + 2 ** (order + 1) <= free.end) order++;
      const at = this.#slotWord(pfn);
      this.#core.u32[at + MAPCOUNT] = this.#words.buddy;
      this.#core.u32[at + PRIVATE] = order;
      pfn += 2 ** order;
    }
  }

  #slotWord(pfn: number): number {
    return this.#core.address(this.#core.slotOf(pfn)) / 4;
  }

  #writeFolios(): void {
    const folios = this.#ended.splice(0);
    this.#map.prepCompoundPages(
      folios.map(({ start }) => start),
      folios.map(({ length }) => Math.log2(length)),
    );
    const { folio: layout, hugetlb: mark } = this.#profile;
    for (const folio of folios) {
      const at = this.#slotWord(folio.start);
      const { u8, u32 } = this.#core;
      const set = (offset: number | null, value: number) => {
        if (offset !== null) u32[at + offset / 4] = value >>> 0;
      };
      if (folio.hugetlb && mark.by === "dtor" && layout.dtor !== null) u8[at * 4 + layout.dtor] = mark.id;
      set(layout.largeMapcount, (folio.hugetlb ? folio.count : folio.total) - 1);
      if (folio.hugetlb) set(layout.entireMapcount, folio.count - 1);
      else set(layout.nrPagesMapped, folio.mapped);
    }
  }
}
