/** What the answers of all shards make together. */
import type { Census, CensusCount, CensusKey } from "../census.js";
import type { PfnList } from "../types.js";
import type { FindingCode, VerifyReport } from "../verify.js";

/** Counts by order, up to the largest that any shard tells. */
export function addCounts(parts: readonly (readonly number[])[]): number[] {
  const orders = Math.max(...parts.map(({ length }) => length));
  return Array.from({ length: orders }, (_, order) => parts.reduce((sum, part) => sum + (part[order] ?? 0), 0));
}

/** One list after the other, in a list of the map's kind. */
export function joinLists(parts: readonly PfnList[], wide: boolean): PfnList {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = wide ? new Float64Array(length) : new Uint32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Reports of shards by rising PFN. */
export function joinReports(parts: readonly VerifyReport[], limit: number): VerifyReport {
  const counts: Partial<Record<FindingCode, number>> = {};
  for (const part of parts) {
    for (const [code, count] of Object.entries(part.counts) as [FindingCode, number][]) {
      counts[code] = (counts[code] ?? 0) + count;
    }
  }
  return {
    pages: parts.reduce((sum, { pages }) => sum + pages, 0),
    counts,
    findings: parts.flatMap(({ findings }) => findings).slice(0, limit),
  };
}

/** Rows by key, rising with their numbers, which are the same in all shards. */
export function joinCensuses(by: CensusKey, parts: readonly Census[]): Census {
  const sum = (counts: readonly CensusCount[]): CensusCount => ({
    pages: counts.reduce((all, { pages }) => all + pages, 0),
    bytes: counts.reduce((all, { bytes }) => all + bytes, 0),
    folios: counts.reduce((all, { folios }) => all + folios, 0),
  });
  const rows = parts.flatMap((part) => part.rows);
  const keys = [...new Map(rows.map(({ key, number }) => [key, number]))].sort(([, a], [, b]) => a - b);
  return {
    by,
    rows: keys.map(([key, number]) => ({ key, number, ...sum(rows.filter((row) => row.key === key)) })),
    ...sum(parts),
  };
}
