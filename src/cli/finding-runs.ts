/** Findings that follow each other, as one. */
import type { Finding, FindingCode } from "../verify.js";

/** Findings of one rule at even distances, which found the same and expected the same. */
export interface FindingRun {
  readonly code: FindingCode;
  readonly firstPfn: number;
  /** Included. */
  readonly lastPfn: number;
  /** How many findings it is. */
  readonly count: number;
  /** PFNs from one to the next: 1 for pages in a row, more where a rule is about folios as a whole or blocks of pages. */
  readonly step: number;
  readonly found: Finding["found"];
  readonly expected: Finding["expected"];
}

/** Rules that are reported once for a folio or a block of pages: findings next to each other are further apart. */
const ONE_OF_SEVERAL: ReadonlySet<FindingCode> = new Set([
  "order-run",
  "nr-pages",
  "pgmap-unknown",
  "pgmap-range",
  "pgmap-differs",
  "pgmap-zone",
  "device-refcount",
  "index-head",
  "index-order",
  "index-pgmap",
]);

function joins({ lastPfn, count, step, found, expected }: FindingRun, next: Finding): boolean {
  const distance = next.pfn - lastPfn;
  if (next.found !== found || next.expected !== expected || distance < 1) return false;
  if (count > 1) return distance === step;
  const isFolio = Number.isInteger(Math.log2(distance));
  return distance === 1 || (ONE_OF_SEVERAL.has(next.code) && isFolio);
}

/** Runs of findings, which rise by PFN, in the order of their first pages. */
export function runsOf(findings: readonly Finding[]): FindingRun[] {
  const runs: FindingRun[] = [];
  /** Where the last run of each rule stands: findings of several rules come mixed. */
  const open = new Map<FindingCode, number>();
  for (const finding of findings) {
    const { code, pfn, found, expected } = finding;
    const place = open.get(code);
    const run = place === undefined ? undefined : runs[place];
    if (place !== undefined && run !== undefined && joins(run, finding)) {
      runs[place] = { ...run, lastPfn: pfn, count: run.count + 1, step: pfn - run.lastPfn };
      continue;
    }
    open.set(code, runs.length);
    runs.push({ code, firstPfn: pfn, lastPfn: pfn, count: 1, step: 1, found, expected });
  }
  return runs;
}
