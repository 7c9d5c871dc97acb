/** What drgn and the kernel itself say of the maps in maps/, page by page: the files scripts/import-vmcores.mjs makes. */
import { createReadStream, readdirSync } from "node:fs";
import { ChunkReader } from "../src/image/chunk.js";

const MAPS = new URL("../maps/", import.meta.url);
const MAX_COLUMN_BYTES = 2 ** 26;

/** Names of the shipped maps. */
export const mapNames: readonly string[] = readdirSync(MAPS)
  .filter((file) => file.endsWith(".vmemmap"))
  .map((file) => file.slice(0, -".vmemmap".length))
  .sort();

/** The bytes of a shipped map. */
export function openMap(name: string): AsyncIterable<Uint8Array> {
  return createReadStream(new URL(`${name}.vmemmap`, MAPS)) as AsyncIterable<Uint8Array>;
}

/** drgn's `kind` bits. */
export const Kind = { HEAD: 1, TAIL: 2, SLAB: 4, ZONE_DEVICE: 8 } as const;

/** One entry per valid PFN in every column, in the order of `pfns`. */
export interface Truth {
  readonly name: string;
  /** Valid PFNs, end exclusive. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
  readonly pfns: Uint32Array;

  /** By drgn: the words of the page's own slot. */
  readonly flags: BigUint64Array;
  readonly mapping: BigUint64Array;
  readonly refcount: Int32Array;
  /** The word at +48. */
  readonly mapcountRaw: Int32Array;
  /** By drgn's helpers: compound_head, PageHead, PageTail, …, compound_order of the head, page_zonenum, page_to_nid. */
  readonly heads: Uint32Array;
  /** {@link Kind} bits; slab is the head's. */
  readonly kind: Uint8Array;
  readonly order: Uint8Array;
  readonly zone: Uint8Array;
  readonly node: Uint8Array;
  /** The pgmap word of the head, raw, of ZONE_DEVICE pages; 0 of others. */
  readonly pgmap: BigUint64Array;

  /** By the kernel: /proc/kpageflags, the second of two reads. */
  readonly kpageflags: BigUint64Array;
  /** 1: both reads gave the same. */
  readonly kpageflagsStable: Uint8Array;
  readonly kpagecount: BigUint64Array;
}

const ARRAYS = { BigUint64Array, Int32Array, Uint32Array, Uint8Array };

interface Description {
  readonly ranges: readonly (readonly [number, number])[];
  readonly columns: readonly { readonly name: string; readonly type: keyof typeof ARRAYS }[];
}

export async function loadTruth(name: string): Promise<Truth> {
  const reader = new ChunkReader(createReadStream(new URL(`${name}.truth`, MAPS)) as AsyncIterable<Uint8Array>);
  await reader.begin();
  const description = await reader.expect("TRUT", { max: 1 << 16 });
  const { ranges, columns } = JSON.parse(new TextDecoder().decode(description.bytes)) as Description;
  const columnsByName: Record<string, ArrayLike<number | bigint>> = {};
  for (const { name, type } of columns) {
    const { bytes } = await reader.expect("COLM", { max: MAX_COLUMN_BYTES });
    columnsByName[name] = new ARRAYS[type](bytes.buffer);
  }
  await reader.expectEnd();

  const pfns = Uint32Array.from(
    ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i)),
  );
  const distances = columnsByName["headDistance"] as Uint32Array;
  const heads = pfns.map((pfn, i) => pfn - distances[i]!);
  return { name, ranges, pfns, heads, ...columnsByName } as unknown as Truth;
}

/** A valid PFN's place in the columns. */
export function placeIn({ ranges }: Truth, pfn: number): number {
  let before = 0;
  for (const [start, end] of ranges) {
    if (pfn < end) return before + pfn - start;
    before += end - start;
  }
  throw new Error(`PFN ${pfn} is not valid`);
}
