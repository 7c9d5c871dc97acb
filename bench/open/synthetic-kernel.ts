/**
 * A machine whose kernel has a given map: physical memory with page tables, mem_section and the slots, and the VMCOREINFO that leads to
 * them. Frames stand in no order, as those of a machine that has run for a while.
 */
import { SLOTS_PER_VMEMMAP_PAGE } from "../../src/aliases.js";
import { type Dump, FRAME_BYTES, FrameState, type PhysicalMemory } from "../../src/dump/memory.js";
import type { Vmemmap } from "../../src/vmemmap.js";
import { PAGES_PER_SECTION, type Section } from "../../src/sections.js";

const PRESENT = 1n;
const PSE = 1n << 7n;
/** In a large leaf bit 12 is PAT: readers must not take it for an address. */
const PAT_LARGE = 1n << 12n;
const NX = 1n << 63n;
const FRAMES_2M = 512;
const FRAMES_1G = 262144;
const START_KERNEL_MAP = 0xffffffff80000000n;

export interface KernelShape {
  /** @default 4 */
  readonly levels?: 4 | 5;
  /** Physical address of the kernel image, a multiple of 2 MiB. @default 64 MiB */
  readonly imageAt?: bigint;
  /** Where the image is mapped, behind START_KERNEL_MAP: with an image below it phys_base is negative. @default 16 MiB */
  readonly imageOffset?: bigint;
  /** @default KASLR's */
  readonly directMap?: bigint;
  /** Pages that the direct map has. @default "1G" */
  readonly directPages?: "1G" | "2M" | "4K";
  /** Map slots by 4 KiB pages throughout. @default false: only where pages share a frame, or a section is not whole */
  readonly smallPages?: boolean;
  /** SIZE(mem_section). @default 32 */
  readonly entrySize?: 16 | 32;
  /** Where mem_section_usage has the map. @default 16 */
  readonly usageOffset?: 0 | 16;
  readonly smeMask?: bigint;
  /** How many blocks of 2 MiB to leave to other kernels, of the 2048 there are. @default 0 */
  readonly firstBlock?: number;
  /** Base of the slots. @default the map's */
  readonly vmemmapBase?: bigint;
  /** Lines of VMCOREINFO to change, or to leave out. */
  readonly lines?: Readonly<Record<string, string | undefined>>;
}

/** The machine, open to changes. */
export interface SyntheticKernel {
  readonly frames: Map<number, Uint8Array<ArrayBuffer>>;
  /** What the dump says of frames it does not have. */
  readonly filtered: Set<number>;
  readonly vmcoreinfo: string;
  /** As a dump with the note. */
  readonly dump: Dump;
  /** The frame of each vmemmap page, by first PFN. */
  readonly slotFrames: ReadonlyMap<number, number>;
  readonly root: number;
  readonly tables: readonly number[];
  /** Frames of mem_section's array, its roots and usages. */
  readonly sectionFrames: { readonly array: number; readonly roots: readonly number[]; readonly usages: number };
}

export function syntheticKernel(map: Vmemmap, shape: KernelShape = {}): SyntheticKernel {
  return new Builder(map, shape).build();
}

/** A dump of frames. */
export function dumpOf(
  frames: ReadonlyMap<number, Uint8Array>,
  vmcoreinfo: string | null,
  filtered: ReadonlySet<number> = new Set(),
): Dump {
  const memory: PhysicalMemory = {
    endFrame: Math.max(...frames.keys(), ...filtered) + 1,
    stateOf: (frame) =>
      filtered.has(frame) ? FrameState.FILTERED : frames.has(frame) ? FrameState.HERE : FrameState.ABSENT,
    readFrames(wanted, out) {
      for (let i = 0; i < wanted.length; i++) {
        const bytes = filtered.has(wanted[i]!) ? undefined : frames.get(wanted[i]!);
        if (bytes === undefined) out.fill(0, i * FRAME_BYTES, (i + 1) * FRAME_BYTES);
        else out.set(bytes, i * FRAME_BYTES);
      }
      return undefined;
    },
  };
  return { format: "elf", memory, vmcoreinfo, details: {}, close: () => Promise.resolve() };
}

class Builder {
  readonly frames = new Map<number, Uint8Array<ArrayBuffer>>();
  readonly tables: number[] = [];
  readonly root: number;
  readonly map: Vmemmap;
  readonly shape: KernelShape;
  readonly levels: number;
  readonly base: bigint;
  readonly directMap: bigint;
  readonly sme: bigint;
  /** Blocks of 2 MiB of RAM, below 4 GiB, that are not given out. */
  #blocks = Array.from({ length: 2048 }, (_, i) => (i * 1021 + 77) % 2048);
  #singles: number[] = [];
  readonly #directDone = new Set<number>();

  constructor(map: Vmemmap, shape: KernelShape) {
    this.map = map;
    this.shape = shape;
    this.levels = shape.levels ?? 4;
    this.base = shape.vmemmapBase ?? map.vmemmapBase;
    this.directMap = shape.directMap ?? (this.levels === 5 ? 0xff110123c0000000n : 0xffff8ba040000000n);
    this.sme = shape.smeMask ?? 0n;
    const image = this.#imageFrame();
    this.#blocks.length -= shape.firstBlock ?? 0;
    this.#blocks = this.#blocks.filter((block) => block !== image / FRAMES_2M);
    // The image's own block: init_top_pgt is its page 0x2a.
    for (let i = 0; i < FRAMES_2M; i++) this.frames.set(image + i, new Uint8Array(FRAME_BYTES));
    this.root = image + 0x2a;
    this.tables.push(this.root);
  }

  build(): SyntheticKernel {
    const { frames, tables, root } = this;
    this.#mapLarge(this.#imageAddress(this.#imageFrame()), this.#imageFrame());
    const slotFrames = this.#placeSlots();
    const sectionFrames = this.#placeSections();
    const vmcoreinfo = this.#vmcoreinfo(sectionFrames.address);
    const filtered = new Set<number>();
    const dump = dumpOf(frames, vmcoreinfo, filtered);
    return { frames, filtered, vmcoreinfo, dump, slotFrames, root, tables, sectionFrames };
  }

  // ---- Memory -------------------------------------------------------------------------------------------------------

  /** Neighbouring frames, zeroed, mapped by the direct map. */
  #allocate(count: number): number {
    if (count === 1) {
      if (this.#singles.length === 0) {
        const block = this.#block();
        this.#singles = Array.from({ length: FRAMES_2M }, (_, i) => block + ((i * 211 + 5) % FRAMES_2M));
      }
      return this.#take(this.#singles.pop()!, 1);
    }
    if (count > FRAMES_2M) throw new Error(`no room for ${count} frames in a row`);
    return this.#take(this.#block(), count);
  }

  #block(): number {
    const block = this.#blocks.pop();
    if (block === undefined) throw new Error("the synthetic machine is full");
    return block * FRAMES_2M;
  }

  #take(first: number, count: number): number {
    for (let i = 0; i < count; i++) this.frames.set(first + i, new Uint8Array(FRAME_BYTES));
    return first;
  }

  /** The kernel's address of a frame, which the direct map has from now on. */
  #direct(frame: number): bigint {
    const address = this.directMap + BigInt(frame) * BigInt(FRAME_BYTES);
    const { directPages = "1G" } = this.shape;
    const unit = { "1G": FRAMES_1G, "2M": FRAMES_2M, "4K": 1 }[directPages];
    const first = frame - (frame % unit);
    if (this.#directDone.has(first)) return address;
    this.#directDone.add(first);
    const start = this.directMap + BigInt(first) * BigInt(FRAME_BYTES);
    const level = { "1G": 2, "2M": 1, "4K": 0 }[directPages];
    this.#setEntry(start, level, first, level > 0);
    return address;
  }

  #imageFrame(): number {
    return Number((this.shape.imageAt ?? 64n << 20n) / BigInt(FRAME_BYTES));
  }

  #imageAddress(frame: number): bigint {
    const offset = this.shape.imageOffset ?? 16n << 20n;
    return START_KERNEL_MAP + offset + BigInt(frame - this.#imageFrame()) * BigInt(FRAME_BYTES);
  }

  get #physBase(): bigint {
    return BigInt(this.#imageFrame() * FRAME_BYTES) - (this.shape.imageOffset ?? 16n << 20n);
  }

  // ---- Page tables --------------------------------------------------------------------------------------------------

  #mapSmall(address: bigint, frame: number): void {
    this.#setEntry(address, 0, frame, false);
  }

  #mapLarge(address: bigint, frame: number): void {
    this.#setEntry(address, 1, frame, true);
  }

  #setEntry(address: bigint, lowest: number, frame: number, large: boolean): void {
    let table = this.root;
    for (let level = this.levels - 1; level > lowest; level--) {
      const at = indexIn(address, level);
      const view = new DataView(this.frames.get(table)!.buffer);
      const old = view.getBigUint64(at * 8, true);
      if (old === 0n) {
        const next = this.#allocate(1);
        this.tables.push(next);
        view.setBigUint64(at * 8, this.#entry(next), true);
        table = next;
      } else table = Number((old & 0x000f_ffff_ffff_f000n & ~this.sme) / BigInt(FRAME_BYTES));
    }
    const view = new DataView(this.frames.get(table)!.buffer);
    const leaf = this.#entry(frame) | NX | (large ? PSE | PAT_LARGE : 0n);
    view.setBigUint64(indexIn(address, lowest) * 8, leaf, true);
  }

  #entry(frame: number): bigint {
    return (BigInt(frame) * BigInt(FRAME_BYTES)) | 0x62n | PRESENT | this.sme;
  }

  // ---- What the kernel keeps ----------------------------------------------------------------------------------------

  #placeSlots(): Map<number, number> {
    const placed = new Map<number, number>();
    const { pfns, frames: numbers } = this.map.aliases;
    const shared = new Map<number, number>();
    pfns.forEach((pfn, i) => shared.set(pfn, numbers[i]!));
    const ofNumber = new Map<number, number>();
    for (const section of this.map.sections) {
      const first = section.number * PAGES_PER_SECTION;
      const pages = Array.from({ length: 512 }, (_, i) => first + i * SLOTS_PER_VMEMMAP_PAGE);
      const whole = this.map.pfnValid(first) && pages.every((pfn) => this.map.pfnValid(pfn) && !shared.has(pfn));
      const address = (pfn: number) => this.base + BigInt(pfn) * 64n;
      if (whole && this.shape.smallPages !== true) {
        const block = this.#allocate(FRAMES_2M);
        this.#mapLarge(address(first), block);
        pages.forEach((pfn, i) => placed.set(pfn, block + i));
      } else {
        for (const pfn of pages) {
          if (!this.map.pfnValid(pfn)) continue;
          const number = shared.get(pfn);
          const frame = (number === undefined ? undefined : ofNumber.get(number)) ?? this.#allocate(1);
          if (number !== undefined) ofNumber.set(number, frame);
          this.#mapSmall(address(pfn), frame);
          placed.set(pfn, frame);
        }
      }
    }
    for (const [pfn, frame] of placed) this.map.readSlots(pfn, this.frames.get(frame)!);
    return placed;
  }

  #placeSections(): SyntheticKernel["sectionFrames"] & { readonly address: bigint } {
    const { entrySize = 32, usageOffset = 16 } = this.shape;
    const perRoot = FRAME_BYTES / entrySize;
    const last = this.map.sections.at(-1)!.number;
    // An array of pointers that begins within a page, as memblock may give it.
    const begin = 0x600;
    const arrayFrames = Math.ceil((begin + (Math.floor(last / perRoot) + 1) * 8) / FRAME_BYTES);
    const array = this.#allocate(Math.max(arrayFrames, 2));
    const usages = this.#allocate(Math.max(Math.ceil((this.map.sections.length * 88 + 40) / FRAME_BYTES), 2));
    const roots = new Map<number, number>();
    this.map.sections.forEach((section, i) => {
      const index = Math.floor(section.number / perRoot);
      let root = roots.get(index);
      if (root === undefined) {
        root = this.#allocate(1);
        roots.set(index, root);
        this.#store(array, begin + index * 8, this.#direct(root));
      }
      const usageAt = 40 + i * 88;
      this.#store(usages, usageAt + usageOffset, section.subsections);
      // The pageblock bits behind it, as they mostly are.
      for (let word = 1; word <= 4; word++) this.#store(usages, usageAt + usageOffset + word * 8, 0x2222222222222222n);
      const entry = (section.number % perRoot) * entrySize;
      this.#store(root, entry, this.base | flagsOf(section));
      this.#store(root, entry + 8, this.#direct(usages) + BigInt(usageAt));
    });
    for (let i = 0; i < arrayFrames; i++) this.#direct(array + i);
    for (let i = 0; i * FRAME_BYTES < this.map.sections.length * 88 + 40; i++) this.#direct(usages + i);
    return { array, roots: [...roots.values()], usages, address: this.#direct(array) + BigInt(begin) };
  }

  #store(frame: number, offset: number, word: bigint): void {
    const at = frame + Math.floor(offset / FRAME_BYTES);
    new DataView(this.frames.get(at)!.buffer).setBigUint64(offset % FRAME_BYTES, word, true);
  }

  #vmcoreinfo(memSection: bigint): string {
    const { profile } = this.map;
    const { entrySize = 32, lines = {} } = this.shape;
    const bits = this.levels === 5 ? 52 : 46;
    const hex = (word: bigint) => word.toString(16);
    const info: Record<string, string | undefined> = {
      OSRELEASE: `${profile.preset}.0-synthetic`,
      PAGESIZE: "4096",
      "SYMBOL(init_uts_ns)": hex(this.#imageAddress(this.#imageFrame() + 0x30)),
      "SYMBOL(swapper_pg_dir)": hex(this.#imageAddress(this.root)),
      "SYMBOL(_stext)": hex(this.#imageAddress(this.#imageFrame())),
      "SYMBOL(vmemmap)": hex(this.base),
      "SYMBOL(mem_section)": hex(memSection),
      "LENGTH(mem_section)": String(2 ** (bits - 27) / (FRAME_BYTES / entrySize)),
      "SIZE(mem_section)": String(entrySize),
      "OFFSET(mem_section.section_mem_map)": "0",
      "NUMBER(SECTION_SIZE_BITS)": "27",
      "NUMBER(MAX_PHYSMEM_BITS)": String(bits),
      "SIZE(page)": "64",
      [`OFFSET(page.compound_${profile.tailEncoding === "mask" ? "info" : "head"})`]: "8",
      "NUMBER(PG_lru)": String(profile.flags["lru"]!.bit),
      "NUMBER(PG_head_mask)": String(2 ** profile.flags["head"]!.bit),
      "NUMBER(phys_base)": String(this.#physBase),
      "SYMBOL(init_top_pgt)": hex(this.#imageAddress(this.root)),
      "NUMBER(pgtable_l5_enabled)": this.levels === 5 ? "1" : "0",
      "LENGTH(node_data)": "1024",
      "NUMBER(sme_mask)": String(this.sme),
      ...lines,
    };
    return Object.entries(info)
      .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}\n`]))
      .join("");
  }
}

function indexIn(address: bigint, level: number): number {
  return Number((address >> BigInt(12 + level * 9)) & 511n);
}

function flagsOf({ early, online, taintZoneDevice }: Section): bigint {
  return 0b11n | (online ? 4n : 0n) | (early ? 8n : 0n) | (taintZoneDevice ? 16n : 0n);
}
