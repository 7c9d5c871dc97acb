/** The kernel's virtual memory: page tables from init_top_pgt, walked over what a dump has of physical memory. */
import { VmemmapError } from "../errors.js";
import { hex } from "./fact.js";
import { FRAME_BYTES, FRAME_SHIFT, FrameState, type PhysicalMemory } from "./memory.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

/** A table has 512 entries of 8 bytes: it is a frame, and a level takes 9 bits of an address. */
const TABLE_BITS = 9;
const TABLE_ENTRIES = 1 << TABLE_BITS;

//   entry, low word                       entry, high word
//   31          12 11     7     0         31  20 19            0
//   | frame, low | … | PSE | … | P |      | … | frame, high     |      a frame has 40 bits
const PRESENT = 1 << 0;
/** A leaf above the last level (_PAGE_PSE). */
const PSE = 1 << 7;
const FRAME_LOW_BITS = 32 - FRAME_SHIFT;
const FRAME_HIGH_MASK = 0xfffff;

/** Where the kernel image is mapped (__START_KERNEL_map). */
const START_KERNEL_MAP = 0xffffffff80000000n;
const U64 = (1n << 64n) - 1n;

/** What there is to know of page tables. */
export interface PageTables {
  /** Frame of the top table. */
  readonly root: number;
  readonly levels: 4 | 5;
  /** The bit that marks encrypted memory in entries (sme_mask), 0 where there is none. */
  readonly smeMask: bigint;
}

/** What {@link KernelMemory.framesOf} answers in place of a frame: nothing is mapped there. */
export const UNMAPPED = -1;
/** The same: a table on the way is not in the dump, so nobody knows. */
export const UNKNOWN = -2;

/** Tables that are read at once. */
const TABLES_AT_ONCE = 256;

/** A table and the page that its first entry is about, counted from the start of the range. */
interface WalkTable {
  readonly frame: number;
  readonly page: number;
}

/** What a walk tells: pages are counted from the start of the range and may lie outside it. An answer of false ends the walk. */
interface WalkVisitor {
  /** `count` pages on neighbouring frames. */
  readonly leaf: (page: number, count: number, frame: number) => boolean;
  /** A table below the lowest level asked for. */
  readonly table?: (page: number) => boolean;
  /** A table that the dump lacks is about these pages. */
  readonly lost: (page: number, count: number) => unknown;
  readonly signal: AbortSignal | undefined;
}

/** Pages in a row whose frames a walk finds faster than one look at the tables for each. */
const WORTH_A_WALK = 16;

/** What there is of some bytes. */
export interface PresentBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether `count` bytes from `at` on, one at least, are there. */
  readonly has: (at: number, count: number) => boolean;
}

/** Tables that are kept: 16 MiB of them. */
const CACHED_TABLES = 4096;

/** Virtual memory of the kernel in a dump. Addresses are bigints, PFNs (frames) numbers. */
export class KernelMemory {
  readonly #cache = new Map<number, Uint32Array>();
  readonly #highMask: number;
  readonly #lowMask: number;

  constructor(
    readonly memory: PhysicalMemory,
    readonly tables: PageTables,
  ) {
    this.#highMask = FRAME_HIGH_MASK & ~Number((tables.smeMask >> 32n) & 0xffffffffn);
    this.#lowMask = ~Number(tables.smeMask & 0xffffffffn);
  }

  get levels(): 4 | 5 {
    return this.tables.levels;
  }

  /** Physical address behind a virtual one; null where nothing is mapped, or a table on the way is not in the dump. */
  async translate(address: bigint): Promise<number | null> {
    if (!this.#isCanonical(address)) return null;
    let table = this.tables.root;
    for (let level = this.tables.levels - 1; ; level--) {
      const entries = await this.#table(table);
      if (entries === null) return null;
      const index = Number((address >> BigInt(FRAME_SHIFT + level * TABLE_BITS)) & BigInt(TABLE_ENTRIES - 1));
      const low = entries[index * 2]!;
      if ((low & PRESENT) === 0) return null;
      const frame = this.#frameOf(low, entries[index * 2 + 1]!);
      if (isLeaf(level, low)) {
        const pages = 2 ** (level * TABLE_BITS);
        // In a large leaf, bit 12 is PAT and no address: all bits below the leaf's size are the address's own.
        const first = frame - (frame % pages);
        const inside = Number(address & ((1n << BigInt(FRAME_SHIFT + level * TABLE_BITS)) - 1n));
        return first * FRAME_BYTES + inside;
      }
      table = frame;
    }
  }

  /**
   * `length` bytes at a virtual address.
   *
   * @throws VmemmapError "bad-dump": nothing is mapped at some of it, or its frame is not in the dump
   */
  async read(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#gather(address, length);
    if (typeof bytes === "string") throw new VmemmapError("bad-dump", bytes);
    return bytes;
  }

  /** {@link read}; null where some of it is not there. */
  async tryRead(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = await this.#gather(address, length);
    return typeof bytes === "string" ? null : bytes;
  }

  /** The u64 at an address. @throws VmemmapError "bad-dump" */
  async readWord(address: bigint): Promise<bigint> {
    return new DataView((await this.read(address, 8)).buffer).getBigUint64(0, true);
  }

  /** What there is of `length` bytes at a virtual address: pages that are not there read as zero. */
  async readPresent(address: bigint, length: number): Promise<PresentBytes> {
    const { before, page, pages } = pagesAround(address, length);
    const frames = await this.#framesAt(page, pages);
    const present = Uint8Array.from(frames, (frame) => Number(this.#stateOf(frame) === FrameState.HERE));
    const bytes = new Uint8Array(pages * FRAME_BYTES);
    const there = frames.filter((_, i) => present[i] === 1);
    const reading = this.memory.readFrames(there, bytes);
    if (reading !== undefined) await reading;
    if (there.length < pages) spread(bytes, present, there.length);
    const pageOf = (at: number) => Math.floor((before + at) / FRAME_BYTES);
    return {
      bytes: bytes.subarray(before, before + length),
      has: (at, count) => present.subarray(pageOf(at), pageOf(at + count - 1) + 1).every((there) => there === 1),
    };
  }

  /** The bytes, or what is wrong. */
  async #gather(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer> | string> {
    if (length === 0) return new Uint8Array(0);
    const { before, page, pages } = pagesAround(address, length);
    const frames = await this.#framesAt(page, pages);
    for (const [i, frame] of frames.entries()) {
      const state = this.#stateOf(frame);
      if (state === FrameState.HERE) continue;
      const place = `kernel address ${hex(page + BigInt(i * FRAME_BYTES))}`;
      if (frame < 0) return `${place}: nothing is mapped there`;
      return `${place}: its frame ${hex(frame)} ${state === FrameState.FILTERED ? "was left out of the dump" : "is not in the dump"}`;
    }
    const whole = new Uint8Array(pages * FRAME_BYTES);
    const reading = this.memory.readFrames(frames, whole);
    if (reading !== undefined) await reading;
    return whole.slice(before, before + length);
  }

  /** The frames behind a few pages, by the tables that are kept, or many, by a walk. */
  async #framesAt(page: bigint, pages: number): Promise<Float64Array> {
    if (pages >= WORTH_A_WALK) return this.framesOf(page, pages);
    const frames = new Float64Array(pages);
    for (let i = 0; i < pages; i++) {
      const physical = await this.translate(page + BigInt(i * FRAME_BYTES));
      frames[i] = physical === null ? UNMAPPED : physical / FRAME_BYTES;
    }
    return frames;
  }

  #stateOf(frame: number): FrameState {
    return frame < 0 ? FrameState.ABSENT : this.memory.stateOf(frame);
  }

  /**
   * The frame behind each of `pages` 4 KiB pages from an address on: {@link UNMAPPED} or {@link UNKNOWN} where there is none. Tables are
   * read level by level, so each once, and no more than the range has room for, wherever their entries lead.
   */
  async framesOf(start: bigint, pages: number, signal?: AbortSignal): Promise<Float64Array> {
    const frames = new Float64Array(pages).fill(UNMAPPED);
    await this.#descend(start, pages, 0, {
      leaf: (from, count, frame) => {
        const end = Math.min(from + count, pages);
        for (let page = Math.max(from, 0); page < end; page++) frames[page] = frame + page - from;
        return true;
      },
      lost: (page, count) => frames.fill(UNKNOWN, Math.max(page, 0), Math.min(page + count, pages)),
      signal,
    });
    return frames;
  }

  /**
   * Which 2 MiB units of a range have a mapping, or a table of one, by rising number: what a section's slots are mapped by. Null if
   * there are more than `limit`.
   */
  async unitsOf(start: bigint, units: number, limit: number, signal?: AbortSignal): Promise<Float64Array | null> {
    const found = new Set<number>();
    const add = (page: number, count: number) => {
      const end = Math.min((page + count) / TABLE_ENTRIES, units);
      for (let unit = Math.max(page / TABLE_ENTRIES, 0); unit < end && found.size <= limit; unit++) found.add(unit);
      return found.size <= limit;
    };
    const whole = await this.#descend(start, units * TABLE_ENTRIES, 1, {
      leaf: (page, count) => add(page, count),
      table: (page) => add(page, TABLE_ENTRIES),
      lost: () => undefined,
      signal,
    });
    return whole ? Float64Array.from(found).sort() : null;
  }

  /**
   * Walk what is mapped in a range down to a level: each leaf, and each table below that level. Answers whether it got to the end:
   * a visitor that answers false ends it.
   */
  async #descend(start: bigint, pages: number, lowest: number, visit: WalkVisitor): Promise<boolean> {
    const { root, levels } = this.tables;
    if (!this.#isCanonical(start)) return true;
    const top = BigInt.asUintN(levels * TABLE_BITS, start >> BigInt(FRAME_SHIFT));
    let tables: WalkTable[] = [{ frame: root, page: -Number(top) }];
    for (let level = levels - 1; level >= lowest && tables.length > 0; level--) {
      const span = 2 ** (level * TABLE_BITS);
      const next: WalkTable[] = [];
      const whole = await this.#eachTable(tables, visit.signal, ({ page }, entries) => {
        if (entries === null) {
          visit.lost(page, span * TABLE_ENTRIES);
          return true;
        }
        const end = Math.min(Math.ceil((pages - page) / span), TABLE_ENTRIES);
        for (let i = Math.max(Math.floor(-page / span), 0); i < end; i++) {
          const low = entries[i * 2]!;
          if ((low & PRESENT) === 0) continue;
          const frame = this.#frameOf(low, entries[i * 2 + 1]!);
          const at = page + i * span;
          if (isLeaf(level, low)) {
            if (!visit.leaf(at, span, frame - (frame % span))) return false;
          } else if (level > lowest) next.push({ frame, page: at });
          else if (visit.table?.(at) === false) return false;
        }
        return true;
      });
      if (!whole) return false;
      tables = next;
    }
    return true;
  }

  /** Visit tables by rising frame, many read at once, null for those the dump lacks; until a visit answers false. */
  async #eachTable(
    tables: WalkTable[],
    signal: AbortSignal | undefined,
    visit: (table: WalkTable, entries: Uint32Array | null) => boolean,
  ): Promise<boolean> {
    tables.sort((a, b) => a.frame - b.frame);
    const bytes = new Uint8Array(Math.min(tables.length, TABLES_AT_ONCE) * FRAME_BYTES);
    for (let from = 0; from < tables.length; from += TABLES_AT_ONCE) {
      signal?.throwIfAborted();
      const some = tables.slice(from, from + TABLES_AT_ONCE);
      const frames = [...new Set(some.map(({ frame }) => frame))].filter(
        (frame) => this.memory.stateOf(frame) === FrameState.HERE,
      );
      const reading = this.memory.readFrames(frames, bytes.subarray(0, frames.length * FRAME_BYTES));
      if (reading !== undefined) await reading;
      let i = 0;
      for (const table of some) {
        while (i < frames.length && frames[i]! < table.frame) i++;
        const here = frames[i] === table.frame;
        const entries = here ? new Uint32Array(bytes.buffer, i * FRAME_BYTES, FRAME_BYTES / 4) : null;
        if (!visit(table, entries)) return false;
      }
    }
    return true;
  }

  #isCanonical(address: bigint): boolean {
    const bits = BigInt(FRAME_SHIFT + this.tables.levels * TABLE_BITS);
    return address >= 0n && address <= U64 && BigInt.asUintN(64, BigInt.asIntN(Number(bits), address)) === address;
  }

  #frameOf(low: number, high: number): number {
    return (high & this.#highMask) * 2 ** FRAME_LOW_BITS + ((low & this.#lowMask) >>> FRAME_SHIFT);
  }

  /** The entries of a table, low and high words in turn; null where the dump lacks it. */
  async #table(frame: number): Promise<Uint32Array | null> {
    const known = this.#cache.get(frame);
    if (known !== undefined) return known;
    if (this.memory.stateOf(frame) !== FrameState.HERE) return null;
    const bytes = new Uint8Array(FRAME_BYTES);
    const reading = this.memory.readFrames([frame], bytes);
    if (reading !== undefined) await reading;
    const entries = new Uint32Array(bytes.buffer);
    if (this.#cache.size >= CACHED_TABLES) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(frame, entries);
    return entries;
  }
}

/** The pages that hold `length` bytes, and how far into the first they begin. */
function pagesAround(address: bigint, length: number): { before: number; page: bigint; pages: number } {
  const before = Number(address & BigInt(FRAME_BYTES - 1));
  return { before, page: address - BigInt(before), pages: Math.ceil((before + length) / FRAME_BYTES) };
}

/** Move `count` pages that stand in a row to their places, the last first; zero the others. */
function spread(bytes: Uint8Array, present: Uint8Array, count: number): void {
  let from = count;
  for (let to = present.length - 1; to >= 0; to--) {
    if (present[to] === 1) bytes.copyWithin(to * FRAME_BYTES, --from * FRAME_BYTES, (from + 1) * FRAME_BYTES);
    else bytes.fill(0, to * FRAME_BYTES, (to + 1) * FRAME_BYTES);
  }
}

/** Level 0 has pages; at 1 and 2 (PMD, PUD) an entry may be a leaf of 2 MiB or 1 GiB. */
function isLeaf(level: number, low: number): boolean {
  return level === 0 || (level <= 2 && (low & PSE) !== 0);
}

/** An address of the kernel image as a physical one. phys_base is signed: the sum wraps. */
export function imageToPhysical(address: bigint, physBase: bigint): bigint {
  return (address - START_KERNEL_MAP + physBase) & U64;
}

/**
 * Where a kernel's page tables are, as its VMCOREINFO tells.
 *
 * @throws VmemmapError "unsupported-dump": it lacks SYMBOL(init_top_pgt) or NUMBER(phys_base), or is of another architecture;
 * "bad-dump": they lead nowhere
 */
export function pageTablesOf(info: Vmcoreinfo): PageTables {
  const top = info.symbol("init_top_pgt") ?? info.symbol("swapper_pg_dir");
  const physBase = info.integer("phys_base");
  if (top === undefined || physBase === undefined) {
    throw new VmemmapError(
      "unsupported-dump",
      `VMCOREINFO has no ${top === undefined ? "SYMBOL(init_top_pgt)" : "NUMBER(phys_base)"}: is this an x86_64 kernel's?`,
    );
  }
  const physical = imageToPhysical(top, physBase);
  if (physical % BigInt(FRAME_BYTES) !== 0n || physical >= 1n << 52n) {
    throw new VmemmapError(
      "bad-dump",
      `VMCOREINFO puts init_top_pgt (${hex(top)}) at physical address ${hex(physical)}: expected a page below 2^52`,
    );
  }
  return {
    root: Number(physical) / FRAME_BYTES,
    levels: (info.number("pgtable_l5_enabled") ?? 0) === 0 ? 4 : 5,
    smeMask: BigInt.asUintN(64, info.integer("sme_mask") ?? 0n),
  };
}
