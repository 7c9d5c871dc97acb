/** The checker's report, as the wrapper gives it. */
import { checkKeys, whole } from "./check.js";
import type { Core } from "./engine/core.js";
import type { CoreConstant } from "./engine/generated/core.js";
import { constant } from "./engine/modules.js";

/** Rules of compound pages and of ZONE_DEVICE that a page may break; those about pgmaps begin with "pgmap-". */
export type FindingCode =
  /** A tagged word that leads to no head, or not to that of the folio it stands in. */
  | "tail-head"
  /** A head whose PFN is no multiple of its folio's size. */
  | "head-unaligned"
  /** PG_head with an order that is 0, too large, or reaches past the pages there are. */
  | "head-order"
  /** The head's order says another number of pages than the run of tails. */
  | "order-run"
  /** The folio's number of pages is not that of its order. */
  | "nr-pages"
  /** A tail with a count. */
  | "tail-refcount"
  /** A tail without TAIL_MAPPING, where no field of the folio stands. */
  | "tail-mapping"
  /** A tagged page with PG_head. */
  | "tail-flag-head"
  /** A tail in another zone than its head. */
  | "zone-differs"
  /** A tail on another node than its head. */
  | "node-differs"
  /** A ZONE_DEVICE page whose word names no known pgmap. */
  | "pgmap-unknown"
  /** A page that its pgmap's ranges do not cover. */
  | "pgmap-range"
  /** A folio whose pages stand in ranges of several pgmaps. */
  | "pgmap-differs"
  /** A page that a pgmap has in use, in another zone than ZONE_DEVICE. */
  | "pgmap-zone"
  /** A count that the kernel's rules for this type of device memory can't lead to. */
  | "device-refcount"
  /** The head index leads a page to another head than its slot; the first such page of each 64. */
  | "index-head"
  /** The head index tells another order than the page's head; the first such page of each 64. */
  | "index-order"
  /** The head index tells another pgmap than the page's head (a number, or -2: not ZONE_DEVICE); the first page of each 512. */
  | "index-pgmap";

/** One broken rule. Addresses and words are "0x…", counts, orders, zones and nodes numbers. */
export interface Finding {
  readonly code: FindingCode;
  /** The page; the head where a folio as a whole is meant. */
  readonly pfn: number;
  readonly found: number | string;
  /** Null where what stands there does not tell what should. */
  readonly expected: number | string | null;
}

/** What a pass over a map found. It is plain JSON. */
export interface VerifyReport {
  /** Pages looked at: all valid ones. */
  readonly pages: number;
  /** How often each rule is broken, complete; a rule that holds is left out. */
  readonly counts: Readonly<Partial<Record<FindingCode, number>>>;
  /** The findings that the pass met first, as many as were wished, sorted by PFN. A folio's own come after its tails'. */
  readonly findings: readonly Finding[];
}

export interface VerifyOptions {
  /** The most findings to list, up to a million; each 5000 of them take a pass. @default 1000 */
  readonly limit?: number;
}

export const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 1_000_000;
/** Findings that a pass lists, as many as there is staging for. */
const PASS_LIMIT = 5000;
const NO_VALUE = (1n << 64n) - 1n;
/** Bytes of a Finding (assembly/bulk/findings.ts), and of the counts before the list. */
const FINDING_BYTES = 24;
const COUNTS_BYTES = 128;

const codes = {
  "Fault.TAIL_HEAD": "tail-head",
  "Fault.HEAD_UNALIGNED": "head-unaligned",
  "Fault.HEAD_ORDER": "head-order",
  "Fault.ORDER_RUN": "order-run",
  "Fault.NR_PAGES": "nr-pages",
  "Fault.TAIL_REFCOUNT": "tail-refcount",
  "Fault.TAIL_MAPPING": "tail-mapping",
  "Fault.TAIL_FLAG_HEAD": "tail-flag-head",
  "Fault.ZONE_DIFFERS": "zone-differs",
  "Fault.NODE_DIFFERS": "node-differs",
  "Fault.PGMAP_UNKNOWN": "pgmap-unknown",
  "Fault.PGMAP_RANGE": "pgmap-range",
  "Fault.PGMAP_DIFFERS": "pgmap-differs",
  "Fault.PGMAP_ZONE": "pgmap-zone",
  "Fault.DEVICE_REFCOUNT": "device-refcount",
  "Fault.INDEX_HEAD": "index-head",
  "Fault.INDEX_ORDER": "index-order",
  "Fault.INDEX_PGMAP": "index-pgmap",
} as const satisfies Record<Extract<CoreConstant, `Fault.${string}`>, FindingCode>;

/** Rules whose values are addresses or words. */
const IN_WORDS: ReadonlySet<FindingCode> = new Set([
  "tail-head",
  "tail-mapping",
  "tail-flag-head",
  "pgmap-unknown",
  "pgmap-range",
  "pgmap-differs",
]);

let byNumber: ReadonlyMap<number, FindingCode> | undefined;

/** How many findings are to be listed. @throws VmemmapError "bad-argument" @internal */
export function limitOf(options: VerifyOptions): number {
  checkKeys(options, ["limit"], "verify");
  return whole(options.limit ?? DEFAULT_LIMIT, 0, MAX_LIMIT, "limit");
}

/** A pass of the checker. @internal */
export function verify(core: Core, options: VerifyOptions): VerifyReport {
  const limit = limitOf(options);
  byNumber ??= new Map(Object.entries(codes).map(([name, code]) => [constant(name as CoreConstant), code]));
  const counts = core.area;
  const list = counts + COUNTS_BYTES;
  const pass = (skip: number) => core.exports.verify_all(counts, list, Math.min(limit - skip, PASS_LIMIT), skip) >>> 0;
  const pages = pass(0);
  const found = [...byNumber].map(([fault, code]) => [code, core.u32[counts / 4 + fault]!] as const);
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  const findings: Finding[] = [];
  for (const wanted = Math.min(total, limit); findings.length < wanted;) {
    if (findings.length > 0) pass(findings.length);
    const some = Math.min(wanted - findings.length, PASS_LIMIT);
    for (let i = 0; i < some; i++) findings.push(findingAt(core, list + i * FINDING_BYTES));
  }
  return {
    pages,
    counts: Object.fromEntries(found.filter(([, count]) => count > 0)),
    findings: findings.sort((a, b) => a.pfn - b.pfn),
  };
}

function findingAt(core: Core, at: number): Finding {
  const code = byNumber!.get(core.u32[at / 4 + 4]!)!;
  const expected = core.u64[at / 8 + 1]!;
  return {
    code,
    pfn: core.pfnOf(core.u32[at / 4 + 5]!),
    found: valueOf(code, core.u64[at / 8]!),
    expected: expected === NO_VALUE ? null : valueOf(code, expected),
  };
}

function valueOf(code: FindingCode, word: bigint): number | string {
  return IN_WORDS.has(code) ? `0x${word.toString(16)}` : Number(BigInt.asIntN(64, word));
}
