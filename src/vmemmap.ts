/// <reference lib="esnext.disposable" preserve="true" />
import { AliasTable, checkAliasLists, SLOTS_PER_VMEMMAP_PAGE, type VmemmapAliases } from "./aliases.js";
import { MAX_LIST_ENTRIES } from "./batch-map.js";
import { checkField, initializeSlots, zoneNumber } from "./boot.js";
import { throwFirst } from "./callbacks.js";
import { checkApart } from "./changes.js";
import { checkBoolean, checkKeys, display, whole } from "./check.js";
import { DeviceMap } from "./device-map.js";
import { Devices } from "./devices.js";
import { Core, INVALID } from "./engine/core.js";
import { bestBuild, constant } from "./engine/modules.js";
import { errorOf } from "./engine/status.js";
import { VmemmapError, type VmemmapErrorCode } from "./errors.js";
import { Folio } from "./folio.js";
import { HeadIndex } from "./head-index.js";
import { noteOptimized, noteRestored } from "./hvo.js";
import {
  type ByteSource,
  decodeImage,
  type DecodedImage,
  encodeImage,
  type ImageHeader,
  unpackSlots,
} from "./image/image.js";
import { type FlagPolicy, profile as profileOf, type PresetName, type Profile } from "./profile/index.js";
import { flagOf, typeOf } from "./profile/names.js";
import {
  checkBase,
  checkSections,
  checkWindow,
  type MemoryRange,
  PAGES_PER_SECTION,
  PAGES_PER_SUBSECTION,
  PFN_LIMIT,
  type Section,
  SECTION_BYTES,
  sectionsOf,
  SLOT_BYTES,
} from "./sections.js";
import { isFiltered } from "./filtered.js";
import type { Build, PfnRange } from "./types.js";
import { type VmemmapUsage, vmemmapUsage } from "./usage.js";

/** How to make a map. */
export interface VmemmapOptions {
  /** The kernel's layout, or a preset's name. @default "7.3" */
  readonly profile?: Profile | PresetName;
  /** Physical memory, in PFNs. Either this or `sections`. */
  readonly memory?: readonly MemoryRange[];
  /** Present sections by rising number, for who knows them outright (a dump reader). */
  readonly sections?: readonly Section[];
  /** Kernel address of PFN 0's struct page. @default the profile's */
  readonly vmemmapBase?: bigint;
  /** Room for lists in the engine's own memory, in u32 entries: see {@link Vmemmap.list}. @default 0 */
  readonly listCapacity?: number;
  /**
   * Pages of device memory that may be added later while views of the engine's memory ({@link Vmemmap.list}, {@link
   * Vmemmap.slotBytes}) are in use, which forbid it to grow. @default 0
   */
  readonly hotplugCapacity?: number;
  /** Physical address bits up to which memory can be added later: 46, with 5-level page tables 52. @default 46 */
  readonly maxPhysmemBits?: 46 | 52;
  /** Which build of the core. @default SIMD where the host has it */
  readonly build?: Build;
  /**
   * Write each slot of `memory` as the kernel leaves free pages after boot: zone, node, refcount 0, mapcount 0. `false` leaves
   * all slots zero, for who writes them anyway; a slot of zeroes reads as a page that is mapped once.
   * @default true
   */
  readonly initialize?: boolean;
  /** Keep the {@link Vmemmap.headIndex}, where it fits beside the slots. @default true */
  readonly headIndex?: boolean;
}

/** What {@link Vmemmap.load} reads. */
export type ImageSource = ByteSource | ArrayBuffer | Blob;

/** What {@link Vmemmap.load} takes beside the image. */
export type LoadOptions = Pick<
  VmemmapOptions,
  "build" | "listCapacity" | "hotplugCapacity" | "maxPhysmemBits" | "headIndex"
>;

const LOAD_OPTIONS = ["build", "listCapacity", "hotplugCapacity", "maxPhysmemBits", "headIndex"];
const OPTIONS = [...LOAD_OPTIONS, "profile", "memory", "sections", "vmemmapBase", "initialize"];

const policies: Record<FlagPolicy, Parameters<typeof constant>[0]> = {
  any: "Policy.ANY",
  head: "Policy.HEAD",
  "no-tail": "Policy.NO_TAIL",
  "no-compound": "Policy.NO_COMPOUND",
  "only-head": "Policy.ONLY_HEAD",
  second: "Policy.SECOND",
};

/**
 * The memory map of one machine: a 64-byte `struct page` for each page frame of the present sections, byte for byte as
 * the kernel has it, and what the kernel asks of it.
 *
 * Pages are named by PFN. Calls about one page throw `pfn-absent` where it has no slot, and `bad-head` where its tagged
 * word leads nowhere; batches mark such pages and count them.
 */
export class Vmemmap<B extends ArrayBufferLike = ArrayBuffer> extends DeviceMap<B> {
  override readonly profile: Profile;
  /** Kernel address of PFN 0's struct page. */
  readonly vmemmapBase: bigint;
  /** Where the map comes from; kept by {@link save}. */
  provenance: Readonly<Record<string, unknown>> = {};
  /**
   * Pages whose slots the dump lacks, by rising PFN: a filter left them out (makedumpfile), or the dump never had them. They are
   * there and read as zeroes, like a page that is mapped once; kept by {@link save}.
   */
  override filtered: readonly PfnRange[] = [];
  /** @internal */
  override readonly devices: Devices;
  /** The index that lists of pages are looked up in. */
  readonly headIndex = new HeadIndex(() => this.core);
  #core: Core | undefined;
  readonly #aliases = new AliasTable();

  /**
   * @throws VmemmapError "bad-profile", "bad-range", "bad-argument", "out-of-memory"
   */
  constructor(options: VmemmapOptions) {
    super();
    checkKeys(options, OPTIONS, "new Vmemmap");
    const { memory = [], listCapacity = 0, hotplugCapacity = 0, maxPhysmemBits = 46, build = bestBuild() } = options;
    this.profile = profileOf(options.profile ?? "7.3");
    this.vmemmapBase = options.vmemmapBase ?? this.profile.vmemmapBase;
    if (options.memory !== undefined && options.sections !== undefined) {
      throw new VmemmapError("bad-argument", "memory and sections: give one of them");
    }
    const sections = options.sections ?? sectionsOf(memory);
    checkSections(sections, (message) => new VmemmapError("bad-range", message));
    if (sections.length === 0) throw new VmemmapError("bad-range", "a map needs at least one range of memory");
    checkBase(this.vmemmapBase, this.profile, sections, (message) => new VmemmapError("bad-argument", message));
    checkBoolean(options.headIndex, "headIndex");
    checkBoolean(options.initialize, "initialize");
    whole(listCapacity, 0, MAX_LIST_ENTRIES, "listCapacity");
    whole(hotplugCapacity, 0, PFN_LIMIT, "hotplugCapacity");
    checkWindow(this.vmemmapBase, maxPhysmemBits);
    this.#core = Core.make(build, this.profile, this.vmemmapBase, sections, {
      listCapacity,
      physmemBits: maxPhysmemBits,
      headIndex: options.headIndex ?? true,
      spareSections: Math.ceil(hotplugCapacity / PAGES_PER_SECTION),
    });
    this.devices = this.#makeDevices();
    if (options.initialize ?? true) initializeSlots(this.#core, this.profile, memory);
  }

  /** {@link dispose}, for `using`, where the host has Symbol.dispose. */
  declare readonly [Symbol.dispose]: () => void;

  static {
    if (typeof Symbol.dispose === "symbol") {
      const dispose = function (this: Vmemmap): void {
        this.dispose();
      };
      Object.defineProperty(this.prototype, Symbol.dispose, { value: dispose });
    }
  }

  #makeDevices(): Devices {
    const core = () => this.core;
    const aliases = this.#aliases;
    return new Devices({
      get core() {
        return core();
      },
      aliases,
      profile: this.profile,
      folioAt: (slot) => Folio.at(this, this.core.pfnOf(slot), slot),
    });
  }

  /** @internal */
  override get core(): Core {
    this.checkAlive();
    return this.#core!;
  }

  /** @internal */
  override checkAlive(): void {
    if (this.#core === undefined) throw new VmemmapError("disposed", "this map was disposed of");
  }

  /** Let go of the map's memory. Every later call throws "disposed". */
  dispose(): void {
    this.devices.dispose();
    this.#core = undefined;
  }

  // ---- The map --------------------------------------------------------------------------------------------------------

  /** Present sections by rising number. */
  get sections(): readonly Section[] {
    return this.core.sections;
  }

  /** How many slots there are: 32768 for each present section. */
  get slots(): number {
    return this.core.sections.length * PAGES_PER_SECTION;
  }

  /** First PFN of the first present section. */
  get startPfn(): number {
    return (this.core.sections[0]?.number ?? 0) * PAGES_PER_SECTION;
  }

  /** First PFN after the last present section. */
  get endPfn(): number {
    return ((this.core.sections.at(-1)?.number ?? -1) + 1) * PAGES_PER_SECTION;
  }

  /** Bytes of linear memory, slots and all. */
  get memoryBytes(): number {
    return this.core.u8.length;
  }

  /** The build of the core at work. Setting it swaps the code over the same memory. */
  get build(): Build {
    return this.core.build;
  }

  set build(build: Build) {
    this.core.build = build;
  }

  /** pfn_valid; false for what is no PFN at all. */
  pfnValid(pfn: number): boolean {
    return Number.isSafeInteger(pfn) && pfn >= 0 && this.core.slotOf(pfn) !== INVALID;
  }

  /** Slot of a PFN. @throws VmemmapError "pfn-absent" */
  override slotOf(pfn: number): number {
    const slot = this.core.slotOf(checkPfn(pfn));
    if (slot === INVALID) throw new VmemmapError("pfn-absent", `PFN ${pfn}: no present section holds it`);
    return slot;
  }

  /** PFN of a slot. @throws VmemmapError "bad-argument" */
  pfnOf(slot: number): number {
    if (
      !Number.isInteger(slot) ||
      slot < 0 ||
      slot >= this.core.slotLimit ||
      this.core.exports.slot_valid(slot) === 0
    ) {
      throw new VmemmapError("bad-argument", `slot ${slot}: no page of this map has it`);
    }
    return this.core.pfnOf(slot);
  }

  /** Kernel address of a page's struct page (pfn_to_page). */
  pageAddress(pfn: number): bigint {
    this.checkAlive();
    return this.vmemmapBase + BigInt(whole(pfn, 0, PFN_LIMIT - 1, "PFN")) * BigInt(SLOT_BYTES);
  }

  /** PFN of the struct page at a kernel address (page_to_pfn). @throws VmemmapError "bad-argument" */
  addressPfn(address: bigint): number {
    this.checkAlive();
    if (typeof address !== "bigint") {
      throw new VmemmapError("bad-argument", `address ${display(address)}: expected a bigint`);
    }
    const offset = address - this.vmemmapBase;
    if (offset < 0n || offset % BigInt(SLOT_BYTES) !== 0n || offset >> 46n !== 0n) {
      throw new VmemmapError("bad-argument", `0x${address.toString(16)} is no struct page of this vmemmap`);
    }
    return Number(offset / BigInt(SLOT_BYTES));
  }

  /** Whether the dump this map comes from lacks the page's slot: see {@link filtered}. @throws VmemmapError "bad-argument" */
  isFiltered(pfn: number): boolean {
    return isFiltered(this.filtered, checkPfn(pfn));
  }

  // ---- One page -------------------------------------------------------------------------------------------------------

  /** compound_head: PFN of the head; the page itself where it is no tail. @throws VmemmapError "pfn-absent", "bad-head" */
  override compoundHead(pfn: number): number {
    const narrow = typeof pfn === "number" ? pfn >>> 0 : NaN;
    if (narrow === pfn) {
      const head = this.core.exports.head_of_pfn(narrow) >>> 0;
      if (head !== INVALID) return head;
    }
    return this.core.pfnOf(this.headSlot(pfn));
  }

  /** Slot of a page's head. @internal */
  override headSlot(pfn: number): number {
    const head = this.core.exports.compound_head(this.slotOf(pfn)) >>> 0;
    if (head === INVALID) {
      throw new VmemmapError(
        "bad-head",
        `PFN ${pfn}: its word 0x${this.readWord(pfn, 8).toString(16)} leads to no present head`,
      );
    }
    return head;
  }

  /** page_folio: the folio of any of its pages. */
  override folio(pfn: number): Folio {
    const head = this.headSlot(pfn);
    return Folio.at(this, this.core.pfnOf(head), head);
  }

  /** PageTail: a tagged word, or a fake head. */
  pageTail(pfn: number): boolean {
    return this.core.exports.PageTail(this.slotOf(pfn)) !== 0;
  }

  /** PageHead: PG_head, and no fake head. */
  pageHead(pfn: number): boolean {
    return this.core.exports.PageHead(this.slotOf(pfn)) !== 0;
  }

  /** PageCompound: a head or a tail. */
  pageCompound(pfn: number): boolean {
    return this.core.exports.PageCompound(this.slotOf(pfn)) !== 0;
  }

  /** compound_order: of a head; 0 for every other page. */
  compoundOrder(pfn: number): number {
    return this.core.exports.compound_order(this.slotOf(pfn));
  }

  /** folio_order of the page's folio. */
  folioOrder(pfn: number): number {
    return this.core.exports.folio_order(this.headSlot(pfn));
  }

  /** folio_nr_pages of the page's folio. */
  folioNrPages(pfn: number): number {
    return this.core.exports.folio_nr_pages(this.headSlot(pfn)) >>> 0;
  }

  /** PFN of page `index` of the page's folio, NaN past its end. folio_page */
  folioPage(pfn: number, index: number): number {
    return this.folio(pfn).page(index);
  }

  /** folio_page_idx: which page of its folio this is. */
  folioPageIdx(pfn: number): number {
    return pfn - this.compoundHead(pfn);
  }

  /** page_count: the folio's refcount. */
  pageCount(pfn: number): number {
    return this.core.exports.page_ref_count(this.headSlot(pfn));
  }

  /** page_ref_count: the slot's own count. */
  pageRefCount(pfn: number): number {
    return this.core.exports.page_ref_count(this.slotOf(pfn));
  }

  /** try_get_page: take a reference on the page's folio; false where its count is 0 or less. */
  tryGetPage(pfn: number): boolean {
    const { try_get_page, last_passed } = this.core.exports;
    const answer = this.#done(try_get_page(this.slotOf(pfn)), `tryGetPage(${pfn})`);
    // In shared memory the page may have left its folio amid the call, which then had the folio's last reference.
    const errors: unknown[] = [];
    if (answer > 1) this.devices.finish(answer - 1, last_passed() >>> 0, errors);
    throwFirst(errors);
    return answer === 1;
  }

  /** Mappings of this page, as /proc/kpagecount shows: folio_precise_page_mapcount, page_mapcount up to 6.1. */
  pageMapcount(pfn: number): number {
    this.headSlot(pfn);
    return this.core.exports.page_mapcount(this.slotOf(pfn));
  }

  /** page_zonenum: the page's own zone bits, which may name no zone. */
  pageZone(pfn: number): number {
    return this.core.exports.page_zonenum(this.slotOf(pfn));
  }

  /** page_to_nid. */
  pageNode(pfn: number): number {
    return this.core.exports.page_to_nid(this.slotOf(pfn));
  }

  /** page_cpupid_last. */
  pageLastCpupid(pfn: number): number {
    return this.core.exports.page_cpupid_last(this.slotOf(pfn));
  }

  /** Whether a flag is set, on the page its policy names. */
  testFlag(pfn: number, name: string): boolean {
    const { bit, policy } = this.#flag(name);
    return (
      this.#done(this.core.exports.page_test_flag(this.slotOf(pfn), bit, policy), `testFlag(${pfn}, "${name}")`) === 1
    );
  }

  /**
   * Set a flag, on the page its policy names.
   *
   * @throws VmemmapError "flag-policy", "aliased-slots", "bad-argument" (no such flag), "pfn-absent", "bad-head"
   */
  setFlag(pfn: number, name: string): void {
    this.#changeFlag(pfn, name, true);
  }

  /** Clear a flag, on the page its policy names. Throws as {@link setFlag}. */
  clearFlag(pfn: number, name: string): void {
    this.#changeFlag(pfn, name, false);
  }

  #changeFlag(pfn: number, name: string, value: boolean): void {
    const { bit, policy } = this.#flag(name);
    const status = this.core.exports.page_change_flag(this.slotOf(pfn), bit, policy, Number(value));
    this.#done(status, `${value ? "setFlag" : "clearFlag"}(${pfn}, "${name}")`);
  }

  #flag(name: string): { bit: number; policy: number } {
    const { bit, policy } = flagOf(this.profile, name);
    return { bit, policy: constant(policies[policy]) };
  }

  /** Names of the flags set in the page's own word, aliases left out where another name has the bit. */
  flagNames(pfn: number): string[] {
    const word = this.readWord(pfn, 0);
    const seen = new Set<number>();
    return Object.entries(this.profile.flags)
      .filter(([, { bit, policy }]) => {
        if (policy === "second" || seen.has(bit) || ((word >> BigInt(bit)) & 1n) === 0n) return false;
        seen.add(bit);
        return true;
      })
      .map(([name]) => name);
  }

  /** The page's own type, by name; null where it has none (or is mapped). */
  pageType(pfn: number): string | null {
    const slot = this.slotOf(pfn);
    for (const name of Object.keys(this.profile.pageTypes.types)) {
      const { mask, value } = typeOf(this.profile, name);
      if (this.core.exports.page_has_type(slot, mask, value) !== 0) return name;
    }
    return null;
  }

  /**
   * __SetPage<type>. The type a page already has changes nothing.
   *
   * @throws VmemmapError "page-type": the word is not free for a type. From 6.12 on that is any word but "none"; up to 6.1
   * types are bits, and a page may take a second one.
   */
  setPageType(pfn: number, name: string): void {
    const { mask, value, word } = typeOf(this.profile, name);
    this.#done(this.core.exports.page_set_type(this.slotOf(pfn), mask, value, word), `setPageType(${pfn}, "${name}")`);
  }

  /** __ClearPage<type>; nothing to do on an untyped page from 6.12 on. @throws VmemmapError "page-type": it lacks the type */
  clearPageType(pfn: number, name: string): void {
    const { mask, value, word } = typeOf(this.profile, name);
    this.#done(
      this.core.exports.page_clear_type(this.slotOf(pfn), mask, value, word),
      `clearPageType(${pfn}, "${name}")`,
    );
  }

  // ---- Raw slots --------------------------------------------------------------------------------------------------

  /** A 64-bit word of a slot; `offset` in bytes, a multiple of 8 below 64. */
  override readWord(pfn: number, offset: number): bigint {
    return this.core.u64[this.#wordIndex(pfn, offset)] ?? 0n;
  }

  /**
   * Write a word as it is, of this slot alone, aliases or not. Lookups in its section are checked until the next
   * {@link checkWellFormed}.
   */
  writeWord(pfn: number, offset: number, value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      throw new VmemmapError("bad-argument", `word ${String(value)}: expected a bigint from 0 to 2^64 - 1`);
    }
    this.core.u64[this.#wordIndex(pfn, offset)] = value;
    this.core.exports.slots_written(this.slotOf(pfn), 1);
  }

  #wordIndex(pfn: number, offset: number): number {
    if (!Number.isInteger(offset) || offset < 0 || offset > 56 || offset % 8 !== 0) {
      throw new VmemmapError("bad-argument", `offset ${offset}: expected a multiple of 8 from 0 to 56`);
    }
    return (this.core.address(this.slotOf(pfn)) + offset) / 8;
  }

  /** Copy the slots of `out.length / 64` pages from `startPfn` on. */
  readSlots(startPfn: number, out: Uint8Array): void {
    this.#forSlots(startPfn, out, (address, offset, length) => {
      out.set(this.core.u8.subarray(address, address + length), offset);
    });
  }

  /** Write whole slots as they are. Lookups in their sections are checked until the next {@link checkWellFormed}. */
  writeSlots(startPfn: number, bytes: Uint8Array): void {
    this.#forSlots(startPfn, bytes, (address, offset, length, slot) => {
      this.core.u8.set(bytes.subarray(offset, offset + length), address);
      this.core.exports.slots_written(slot, length / SLOT_BYTES);
    });
  }

  /** Visit the stretches of slots that `bytes` is about, once all of its pages are known to be there. */
  #forSlots(
    startPfn: number,
    bytes: Uint8Array,
    visit: (address: number, offset: number, length: number, slot: number) => void,
  ): void {
    if (!(bytes instanceof Uint8Array) || bytes.length % SLOT_BYTES !== 0) {
      throw new VmemmapError("bad-array", `slots: expected a Uint8Array of a multiple of 64 bytes`);
    }
    const end = checkPfn(startPfn) + bytes.length / SLOT_BYTES;
    const stretches: [slot: number, pfn: number, pages: number][] = [];
    for (let pfn = startPfn; pfn < end;) {
      const stop = Math.min(end, (Math.floor(pfn / PAGES_PER_SUBSECTION) + 1) * PAGES_PER_SUBSECTION);
      stretches.push([this.slotOf(pfn), pfn, stop - pfn]);
      pfn = stop;
    }
    for (const [slot, pfn, pages] of stretches) {
      visit(this.core.address(slot), (pfn - startPfn) * SLOT_BYTES, pages * SLOT_BYTES, slot);
    }
  }

  /**
   * Live view of all slots, in slot order: 64 bytes each. Since it may be written through, lookups are checked until the next
   * {@link checkWellFormed}; whoever writes later calls that again. Its buffer is the engine's whole memory, which does not grow
   * from now on (`hotplugCapacity`).
   */
  slotBytes(): Uint8Array<B> {
    const { core } = this;
    core.viewsGiven = true;
    core.exports.slots_written(0, core.slotLimit);
    return core.u8.subarray(core.plan.slots, core.address(core.slotLimit)) as Uint8Array<B>;
  }

  /**
   * Read every tagged word, and mark the sections whose words all lead to present pages: lookups there take the fast,
   * unchecked loop. Answers how many words are ill-formed.
   */
  checkWellFormed(): number {
    this.core.exports.slots_written(0, this.core.slotLimit);
    return this.core.exports.scan_all() >>> 0;
  }

  /** Whether lookups in the page's section take the fast, unchecked loop. */
  isWellFormed(pfn: number): boolean {
    return this.core.exports.section_is_plain(this.slotOf(pfn)) !== 0;
  }

  // ---- Changes ------------------------------------------------------------------------------------------------------

  /** Throw for a refusal; what the core answered otherwise. */
  #done(status: number, what: string, details?: Partial<Record<VmemmapErrorCode, string>>): number {
    if (status < 0) throw errorOf(-status, what, details);
    return status;
  }

  /**
   * prep_compound_page: make 2^order pages from `pfn` on one compound page. No refcount is written. Order 0 is no compound:
   * nothing is written.
   *
   * @throws VmemmapError "pfn-absent", "order-too-large", "unaligned", "overlap", "aliased-slots"
   */
  prepCompoundPage(pfn: number, order: number): void {
    this.prepCompoundPages([pfn], order);
  }

  /** {@link prepCompoundPage} for each of a list, or for none if one is refused. One order, or one for each. */
  prepCompoundPages(pfns: ArrayLike<number>, order: number | ArrayLike<number>): void {
    const { check_prep, prep_compound_page } = this.core.exports;
    this.changeFolios("prepCompoundPage", pfns, order, check_prep, prep_compound_page);
  }

  /**
   * What __free_pages_prepare and free_tail_page_prepare write: the compound page (or single pages) become free pages.
   *
   * @throws VmemmapError "not-frozen"; "folio-mapped"; "order-too-large": the compound page has another order;
   * "not-compound": a tail; "overlap": the pages are not single and no compound; "unaligned"; "hwpoison": a poisoned single
   * page; "aliased-slots"; "pfn-absent"
   */
  freePagesPrepare(pfn: number, order: number): void {
    this.freePagesPrepareAll([pfn], order);
  }

  /** {@link freePagesPrepare} for each of a list, or for none if one is refused. */
  freePagesPrepareAll(pfns: ArrayLike<number>, order: number | ArrayLike<number>): void {
    const { check_free, free_pages_prepare } = this.core.exports;
    this.changeFolios("freePagesPrepare", pfns, order, check_free, free_pages_prepare);
  }

  /**
   * __split_folio_to_order: split a frozen, unmapped folio into folios of `newOrder`. No count is written; unfreeze each
   * part ({@link Folio.unfreeze}) afterwards. On ZONE_DEVICE each new head has the folio's pgmap, and the driver's folioSplit
   * is told.
   *
   * @throws VmemmapError "split-upwards", "not-frozen", "folio-mapped", "not-compound", "aliased-slots"
   */
  splitFolioToOrder(pfn: number, newOrder: number): void {
    this.splitFoliosToOrder([pfn], newOrder);
  }

  /** {@link splitFolioToOrder} for each of a list, or for none if one is refused. */
  splitFoliosToOrder(pfns: ArrayLike<number>, newOrder: number | ArrayLike<number>): void {
    const { check_split, split_folio_to_order } = this.core.exports;
    const split: { slot: number; order: number; newOrder: number }[] = [];
    this.changeFolios("splitFolioToOrder", pfns, newOrder, check_split, (slot, order) => {
      split.push({ slot, order: this.core.exports.compound_order(slot), newOrder: order });
      return split_folio_to_order(slot, order);
    });
    this.devices.tellSplits(split);
  }

  /** @internal */
  override changeFolios(
    name: string,
    pfns: ArrayLike<number>,
    orders: number | ArrayLike<number>,
    check: (slot: number, order: number) => number,
    change: (slot: number, order: number) => number,
    takesFolios = true,
  ): void {
    if (typeof pfns !== "object" || (pfns as unknown) === null || !Number.isSafeInteger(pfns.length)) {
      throw new VmemmapError("bad-array", `${name}: expected a list of PFNs, got ${display(pfns)}`);
    }
    if (typeof orders !== "number" && orders.length !== pfns.length) {
      throw new VmemmapError(
        "bad-array",
        `${name}: a list of ${pfns.length} PFNs with a list of ${orders.length} orders`,
      );
    }
    const list = Array.from(pfns, (pfn, i) => {
      const order = typeof orders === "number" ? orders : (orders[i] ?? NaN);
      if (!Number.isInteger(order) || order < 0 || order > 255) {
        throw new VmemmapError("bad-argument", `${name}: order ${order}: expected a whole number from 0`);
      }
      const slot = this.slotOf(pfn);
      const what = `${name}(PFN ${pfn}, order ${order})`;
      this.#done(-check(slot, order), what, this.#circumstances(name, slot, order));
      const folioOrder = takesFolios ? this.core.exports.compound_order(slot) : 0;
      return { pfn, order, slot, what, pages: 2 ** Math.max(order, folioOrder) };
    });
    if (list.length > 1) checkApart(list, name);
    for (const { slot, order, what } of list) this.#done(change(slot, order), what);
  }

  /** What a message about a refused change says of the page, by the reason. */
  #circumstances(name: string, slot: number, order: number): Partial<Record<VmemmapErrorCode, string>> {
    const { compound_order, page_ref_count } = this.core.exports;
    const own = compound_order(slot);
    if (
      name === "zoneDevicePageInit" &&
      !(this.profile.zoneDevice.pageInitRewrites && order > this.profile.maxFolioOrder)
    ) {
      return { "order-too-large": "this memory is handed out page by page" };
    }
    return {
      "order-too-large": own > 0 ? `the page has order ${own}` : `the largest order is ${this.profile.maxFolioOrder}`,
      unaligned: `expected a multiple of ${2 ** order}`,
      "split-upwards": `it has order ${own}`,
      "not-frozen": `it is ${page_ref_count(slot)}`,
    };
  }

  /** set_page_links: zone (by name or number) and node of `count` pages from `pfn` on. */
  setPageLinks(pfn: number, count: number, zone: string | number, node: number): void {
    whole(count, 1, this.slots, "count");
    checkField(this.profile, "node", node);
    const number = zoneNumber(this.profile, zone);
    const status = this.core.exports.set_page_links(this.slotOf(pfn), count, number, node);
    this.#done(status, `setPageLinks(${pfn}, ${count}, zone ${zone}, node ${node})`);
  }

  /** page_cpupid_xchg_last. */
  setLastCpupid(pfn: number, cpupid: number): void {
    checkField(this.profile, "lastCpupid", cpupid);
    this.#done(this.core.exports.page_cpupid_xchg_last(this.slotOf(pfn), cpupid), `setLastCpupid(${pfn}, ${cpupid})`);
  }

  // ---- Aliases -------------------------------------------------------------------------------------------------------

  /** Whether the page's slot shows another frame's bytes (HVO, device-dax). */
  isAlias(pfn: number): boolean {
    return this.core.exports.slot_is_alias(this.slotOf(pfn)) !== 0;
  }

  /** Pages of the vmemmap that share a frame. */
  get aliases(): VmemmapAliases {
    this.checkAlive();
    return this.#aliases.toArrays();
  }

  /** Of the frame that a page's slot stands in: see AliasTable.sharing. @internal */
  sharingOf(pfn: number): ReturnType<AliasTable["sharing"]> {
    return this.#aliases.sharing(pfn - (pfn % SLOTS_PER_VMEMMAP_PAGE));
  }

  override vmemmapUsage(): VmemmapUsage {
    return vmemmapUsage(this.core.sections, this.#aliases);
  }

  /**
   * Say which pages of the vmemmap share a frame, as a dump's page tables tell. The slots' bytes are not touched. Frames are
   * numbered within the call.
   *
   * @throws VmemmapError "bad-argument": lengths differ, a PFN is no rising multiple of 64, two homes for a frame, a page
   * that shares a frame already; "pfn-absent"
   */
  addAliases(aliases: VmemmapAliases): void {
    this.checkAlive();
    checkAliasLists(aliases, (message) => new VmemmapError("bad-argument", message));
    const { pfns, frames, home } = aliases;
    const slots = Array.from(pfns, (pfn) => {
      if (this.#aliases.frameOf(pfn) === undefined) return this.slotOf(pfn);
      throw new VmemmapError("bad-argument", `PFN ${pfn}: its page of the vmemmap shares a frame already`);
    });
    const numbers = new Map<number, number>();
    slots.forEach((slot, i) => {
      const frame = numbers.get(frames[i]!) ?? this.#aliases.newFrame();
      numbers.set(frames[i]!, frame);
      this.#aliases.add(pfns[i]!, frame, home[i] === 1);
      this.core.exports.set_slot_sharing(slot, constant(home[i] === 1 ? "Sharing.HOME" : "Sharing.ALIAS"));
    });
  }

  /**
   * hugetlb_vmemmap_optimize_folio (HVO): the folio's later slots show shared pages from now on, as the profile's kernel
   * maps them. Any compound page is taken for a hugetlb one.
   *
   * @throws VmemmapError "not-optimized": the folio is too small; "bad-head": a slot it keeps does not lead to it; "not-compound",
   * "aliased-slots", "pfn-absent"
   */
  hugetlbVmemmapOptimizeFolio(pfn: number): void {
    const slot = this.slotOf(pfn);
    this.#done(this.core.exports.hugetlb_vmemmap_optimize_folio(slot), `hugetlbVmemmapOptimizeFolio(${pfn})`);
    noteOptimized(this.core, this.#aliases, this.profile.tailEncoding, pfn);
  }

  /** hugetlb_vmemmap_restore_folio: each slot of the folio is its own again. @throws VmemmapError "not-optimized" */
  hugetlbVmemmapRestoreFolio(pfn: number): void {
    const slot = this.slotOf(pfn);
    this.#done(this.core.exports.hugetlb_vmemmap_restore_folio(slot), `hugetlbVmemmapRestoreFolio(${pfn})`);
    noteRestored(this.core, this.#aliases, pfn);
  }

  // ---- Images -----------------------------------------------------------------------------------------------------

  /**
   * Make the map of an image (docs/image-format.md): its bytes, a Blob (a File), or a stream of bytes.
   *
   * @throws VmemmapError "bad-image": no image, altered, or cut short; "out-of-memory"; "bad-argument": no source, or options
   */
  static async load(source: ImageSource, options: LoadOptions = {}): Promise<Vmemmap> {
    checkKeys(options, LOAD_OPTIONS, "Vmemmap.load");
    return Vmemmap.loadPart(source, options, (header) => header);
  }

  /** {@link load} of some sections alone: those of the header that is made of the image's. @internal */
  static async loadPart(
    source: ImageSource,
    options: LoadOptions,
    partOf: (header: ImageHeader) => ImageHeader,
  ): Promise<Vmemmap> {
    const fillSlots = async (map: Vmemmap, { packedSlots }: DecodedImage) => {
      const { core } = map;
      const isThere = ({ number }: Section) => core.sectionSlot(number) >= 0;
      for await (const { section, bytes } of unpackSlots(packedSlots, isThere)) {
        core.u8.set(bytes, core.address(core.sectionSlot(section.number)));
      }
      map.checkWellFormed();
    };
    return Vmemmap.fill(source, options, fillSlots, partOf);
  }

  /** {@link load} with another way to fill the slots and to mark what is well-formed. @internal */
  static async fill<B extends ArrayBufferLike = ArrayBuffer>(
    source: ImageSource,
    options: LoadOptions,
    fillSlots: (map: Vmemmap<B>, image: DecodedImage) => Promise<void>,
    partOf = (whole: ImageHeader): ImageHeader => whole,
  ): Promise<Vmemmap<B>> {
    const image = await decodeImage(streamOf(source));
    const { close } = image;
    try {
      const header = partOf(image.header);
      const { profile, vmemmapBase, sections } = header;
      const refuse = (message: string) => new VmemmapError("bad-image", `image: ${message}`);
      if (sections.length === 0) throw refuse("expected at least one section");
      checkBase(vmemmapBase, profile, sections, refuse);
      const map = new Vmemmap<B>({ ...options, profile, vmemmapBase, sections, initialize: false });
      await fillSlots(map, image);
      map.addAliases(header.aliases);
      map.pgmaps = header.pgmaps;
      map.provenance = header.provenance;
      map.filtered = header.filtered;
      return map;
    } finally {
      await close();
    }
  }

  /**
   * The map as an image, a section's slots at a time, each as it is when it is read: change nothing until the stream is at its end.
   * Pgmaps come back without their drivers' functions.
   */
  save(): ReadableStream<Uint8Array> {
    const { profile, vmemmapBase, sections, aliases, pgmaps, provenance, filtered } = this;
    const header = { profile, vmemmapBase, sections, aliases, pgmaps, provenance, filtered };
    const { core } = this;
    const pieces = encodeImage(header, (section) => {
      const slot = core.sectionSlot(section.number);
      if (slot < 0)
        throw new VmemmapError("pfn-absent", `save: section ${section.number} went while the map was saved`);
      const start = core.address(slot);
      return core.u8.subarray(start, start + SECTION_BYTES);
    });
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return();
      },
    });
  }
}

function checkPfn(pfn: number): number {
  if (!Number.isSafeInteger(pfn) || pfn < 0) {
    throw new VmemmapError("bad-argument", `PFN ${display(pfn)}: expected a whole number from 0`);
  }
  return pfn;
}

function streamOf(source: ImageSource): ByteSource {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return source.stream();
  return source;
}
