/** Device page maps: what a driver asks for, and what it gets. */
import type { Folio } from "./folio.js";
import type { AltmapRecord, PgmapRange, PgmapRecord } from "./image/image.js";
import type { MemoryType } from "./profile/index.js";

/** What a driver does for its pages (struct dev_pagemap_ops). */
export interface PgmapOps {
  /** A page went out of use: page_free, the name up to 6.18. Its count is that of a freed page, its mapping as the kernel leaves it. */
  pageFree?(pfn: number): void;
  /** The same, by the name of 7.0 on. Where both are given, this one is called. */
  folioFree?(folio: Folio): void;
  /** The CPU touched a device-private page: migrate_to_ram. */
  migrateToRam?(pfn: number): void;
  /** Memory went bad: memory_failure. `false` says -EOPNOTSUPP: the kernel's own handling follows. */
  memoryFailure?: ((pfn: number, nrPages: number) => boolean) | ((pfn: number, nrPages: number) => void);
  /** A device-private folio was split: once for each new folio, then once with null (folio_split, 7.0 on). */
  folioSplit?(original: Folio, part: Folio | null): void;
}

/** What memremapPages takes. All in PFNs and pages. */
export interface MemremapOptions {
  readonly type: MemoryType;
  /** Multiples of 512 pages (2 MiB), end exclusive. */
  readonly ranges: readonly PgmapRange[];
  /** Order of the folios the slots are made as. @default 0 */
  readonly vmemmapShift?: number;
  /** Kernel address of whoever owns device-private or coherent memory. */
  readonly owner?: bigint | null;
  /** The first `reserve` pages are the driver's, the next `free` hold the struct pages of the one range. */
  readonly altmap?: { readonly reserve: number; readonly free: number } | null;
  readonly ops?: PgmapOps | null;
  /** NUMA node. @default 0 */
  readonly node?: number;
  /** Kernel address of the struct dev_pagemap, a multiple of 8: the word its pages hold. @default an unused one */
  readonly address?: bigint;
  /** `false`: each slot has its own frame where the kernel would deduplicate the vmemmap. @default true */
  readonly vmemmapOptimize?: boolean;
}

/** References held on a pgmap, as the engine counts them. */
export interface PgmapState {
  refs(pgmap: PgmapRecord): number;
  isDying(pgmap: PgmapRecord): boolean;
}

/** A device page map made by memremapPages, as {@link Vmemmap.pgmaps} lists it. */
export class Pgmap implements PgmapRecord {
  readonly address: bigint;
  readonly type: number;
  readonly typeName: string;
  readonly flags: number;
  readonly vmemmapShift: number;
  readonly ranges: readonly PgmapRange[];
  readonly altmap: AltmapRecord | null;
  readonly owner: bigint | null;
  readonly ops: bigint | null;
  readonly memoryType: MemoryType;
  /** The driver's functions. */
  readonly callbacks: Readonly<PgmapOps>;
  readonly #state: PgmapState;

  /** @internal */
  constructor(record: PgmapRecord, memoryType: MemoryType, callbacks: PgmapOps, state: PgmapState) {
    this.address = record.address;
    this.type = record.type;
    this.typeName = record.typeName;
    this.flags = record.flags;
    this.vmemmapShift = record.vmemmapShift;
    this.ranges = record.ranges;
    this.altmap = record.altmap;
    this.owner = record.owner;
    this.ops = record.ops;
    this.memoryType = memoryType;
    this.callbacks = callbacks;
    this.#state = state;
  }

  /**
   * References held on it (percpu_ref): one from the start, one for each folio-sized unit but of private and coherent
   * memory, and those of pages in use. 0 once it is unmapped.
   */
  get refs(): number {
    return this.#state.refs(this);
  }

  /** It is being torn down, or is gone: it gives no new references. */
  get dying(): boolean {
    return this.#state.isDying(this);
  }
}
