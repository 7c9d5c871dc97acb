import { VmemmapError } from "../errors.js";
import { integer, listOf, object, orNull, text, word } from "../profile/shape.js";

/** PFNs, end exclusive. */
export interface PgmapRange {
  readonly start: number;
  readonly end: number;
}

/** struct vmem_altmap: part of the device's own memory holds its slots. All in pages. */
export interface AltmapRecord {
  readonly basePfn: number;
  readonly endPfn: number;
  readonly reserve: number;
  readonly free: number;
  readonly align: number;
  readonly alloc: number;
}

/** A live struct dev_pagemap. */
export interface PgmapRecord {
  /** Its kernel address: the word slots hold at +8. */
  readonly address: bigint;
  /** enum memory_type, as this kernel numbers it. */
  readonly type: number;
  /** "MEMORY_DEVICE_FS_DAX", … */
  readonly typeName: string;
  readonly flags: number;
  /** Order of the folios the slots were made as. */
  readonly vmemmapShift: number;
  readonly ranges: readonly PgmapRange[];
  readonly altmap: AltmapRecord | null;
  /** Kernel addresses; 0 is NULL, null is not known. */
  readonly owner: bigint | null;
  readonly ops: bigint | null;
}

const u32 = integer(0, 2 ** 32 - 1);
/** Physical addresses have at most 52 bits. */
const pfn = integer(0, 2 ** 40);

const readPgmaps = listOf(
  object<PgmapRecord>({
    address: word,
    type: u32,
    typeName: text,
    flags: u32,
    vmemmapShift: integer(0, 22),
    ranges: listOf(object<PgmapRange>({ start: pfn, end: pfn })),
    altmap: orNull(
      object<AltmapRecord>({ basePfn: pfn, endPfn: pfn, reserve: pfn, free: pfn, align: pfn, alloc: pfn }),
    ),
    owner: orNull(word),
    ops: orNull(word),
  }),
);

/** The record alone, of a pgmap that may know more. */
function recordOf(pgmap: PgmapRecord): PgmapRecord {
  const { address, type, typeName, flags, vmemmapShift, ranges, altmap, owner, ops } = pgmap;
  return { address, type, typeName, flags, vmemmapShift, ranges, altmap, owner, ops };
}

/** Check that these are records. @throws VmemmapError "bad-argument" */
export function checkRecords(pgmaps: unknown): asserts pgmaps is readonly PgmapRecord[] {
  try {
    const records = Array.isArray(pgmaps)
      ? pgmaps.map((pgmap: unknown) =>
          typeof pgmap === "object" && pgmap !== null ? recordOf(pgmap as PgmapRecord) : pgmap,
        )
      : pgmaps;
    readPgmaps(records, "pgmaps");
  } catch (cause) {
    const reason = cause instanceof VmemmapError ? cause.message.replace(/^profile\./, "") : String(cause);
    throw new VmemmapError("bad-argument", reason, { cause });
  }
}

/** JSON with 64-bit words as "0x…" strings. */
export function pgmapsToJson(pgmaps: readonly PgmapRecord[]): string {
  const records = pgmaps.map(recordOf);
  return JSON.stringify(records, (_key, value: unknown) =>
    typeof value === "bigint" ? `0x${value.toString(16)}` : value,
  );
}

/** The records of untrusted JSON; throws where it is none. */
export function pgmapsFromJson(json: string): readonly PgmapRecord[] {
  return readPgmaps(JSON.parse(json), "pgmaps");
}
