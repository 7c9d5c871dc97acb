/**
 * Vmemmap pages (64 slots, 4 KiB) that share their frame with another: HVO and device-dax map one frame at many places,
 * so a write to one slot shows in others. One entry per such page, by rising PFN.
 */
export interface VmemmapAliases {
  /** First PFN of the vmemmap page, a multiple of 64. */
  readonly pfns: Float64Array;
  /** Which frame: the same number for all pages that show it. */
  readonly frames: Uint32Array;
  /** 1: the frame's slots are about this page's own PFNs; the other pages only read it. At most one page a frame. */
  readonly home: Uint8Array;
}

export const SLOTS_PER_VMEMMAP_PAGE = 64;

/** Check what holds for all lists of aliases. Throws what `refuse` makes of the reason. */
export function checkAliasLists(aliases: VmemmapAliases, refuse: (message: string) => Error): void {
  const { pfns, frames, home } = Object(aliases) as VmemmapAliases;
  if (!(pfns instanceof Float64Array && frames instanceof Uint32Array && home instanceof Uint8Array)) {
    throw refuse("expected aliases as { pfns: Float64Array, frames: Uint32Array, home: Uint8Array }");
  }
  if (frames.length !== pfns.length || home.length !== pfns.length) {
    throw refuse(`expected ${pfns.length} frames and homes, found ${frames.length} and ${home.length}`);
  }
  const homes = new Set<number>();
  let before = -1;
  pfns.forEach((pfn, i) => {
    if (!(pfn > before) || pfn % SLOTS_PER_VMEMMAP_PAGE !== 0) {
      throw refuse(
        `expected rising multiples of ${SLOTS_PER_VMEMMAP_PAGE} as PFNs of aliases, found ${pfn} after ${before}`,
      );
    }
    before = pfn;
    if (home[i]! > 1) throw refuse(`expected home 0 or 1, found ${home[i]}`);
    if (home[i] === 0) return;
    if (homes.has(frames[i]!)) throw refuse(`expected one home a frame, found a second for frame ${frames[i]}`);
    homes.add(frames[i]!);
  });
}

/** Pages of the vmemmap by first PFN, each with twice its frame's number, and one more where it is the frame's home. */
export class AliasTable {
  readonly #entries = new Map<number, number>();
  #nextFrame = 0;

  /** A frame that several pages will show. */
  newFrame(): number {
    return this.#nextFrame++;
  }

  add(pfn: number, frame: number, home: boolean): void {
    this.#entries.set(pfn, 2 * frame + Number(home));
    this.#nextFrame = Math.max(this.#nextFrame, frame + 1);
  }

  delete(pfn: number): void {
    this.#entries.delete(pfn);
  }

  /** Forget the pages of the vmemmap for PFNs `start` to `end`. */
  deleteRange(start: number, end: number): void {
    if ((end - start) / SLOTS_PER_VMEMMAP_PAGE < this.#entries.size) {
      for (let pfn = start; pfn < end; pfn += SLOTS_PER_VMEMMAP_PAGE) this.#entries.delete(pfn);
    } else {
      for (const pfn of this.#entries.keys()) if (pfn >= start && pfn < end) this.#entries.delete(pfn);
    }
  }

  isHome(pfn: number): boolean {
    return (this.#entries.get(pfn) ?? 0) % 2 === 1;
  }

  /** First PFN of some vmemmap page in the table of which `wanted` holds. */
  find(wanted: (pfn: number) => boolean): number | undefined {
    for (const pfn of this.#entries.keys()) if (wanted(pfn)) return pfn;
    return undefined;
  }

  /** The frame a vmemmap page shows, if others show it too. */
  frameOf(pfn: number): number | undefined {
    const entry = this.#entries.get(pfn);
    return entry === undefined ? undefined : Math.floor(entry / 2);
  }

  /** Of the frame that a vmemmap page shows with others: the page it is about, if one is, and how many show it. */
  sharing(pfn: number): { readonly home: number | null; readonly pages: number } | null {
    const frame = this.frameOf(pfn);
    if (frame === undefined) return null;
    let home: number | null = null;
    let pages = 0;
    for (const [other, entry] of this.#entries) {
      if (Math.floor(entry / 2) !== frame) continue;
      pages++;
      if (entry % 2 === 1) home = other;
    }
    return { home, pages };
  }

  /** How many pages of the vmemmap take no memory of their own. */
  get savedPages(): number {
    const frames = new Set(Array.from(this.#entries.values(), (entry) => Math.floor(entry / 2)));
    return this.#entries.size - frames.size;
  }

  /** All entries, frames numbered as they first appear. */
  toArrays(): VmemmapAliases {
    const pfns = Float64Array.from(this.#entries.keys()).sort();
    const numbers = new Map<number, number>();
    const frames = new Uint32Array(pfns.length);
    const home = new Uint8Array(pfns.length);
    pfns.forEach((pfn, i) => {
      const frame = this.frameOf(pfn)!;
      if (!numbers.has(frame)) numbers.set(frame, numbers.size);
      frames[i] = numbers.get(frame)!;
      home[i] = Number(this.isHome(pfn));
    });
    return { pfns, frames, home };
  }
}
