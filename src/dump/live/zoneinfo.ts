/** What /proc says in text of the machine's memory: zones, RAM, the kernel's release. */
import { PAGES_PER_SECTION } from "../../sections.js";

/** PFNs that a zone spans on a node (/proc/zoneinfo). */
export interface ZoneSpan {
  readonly node: number;
  /** As the kernel writes it: "DMA32", "Normal". */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The zones that span any page. */
export function parseZoneinfo(text: string): ZoneSpan[] {
  const spans: ZoneSpan[] = [];
  for (const part of text.split(/^(?=Node \d+, zone)/m)) {
    const named = /^Node (\d+), zone +(\w+)/.exec(part);
    const spanned = /^ +spanned +(\d+)$/m.exec(part);
    const start = /^ +start_pfn: +(\d+)$/m.exec(part);
    if (named === null || spanned === null || start === null || spanned[1] === "0") continue;
    const first = Number(start[1]);
    spans.push({ node: Number(named[1]), name: named[2]!, start: first, end: first + Number(spanned[1]) });
  }
  return spans;
}

/** PFNs. */
export interface FrameSpan {
  readonly start: number;
  readonly end: number;
}

/** PFNs of System RAM (/proc/iomem, whose addresses only root sees; to others they are all 0). */
export function parseIomem(text: string): FrameSpan[] {
  return spansOf(text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) : System RAM$/gm));
}

/** The same with RAM that a driver added, at any depth: "System RAM (kmem)". */
export function parseRam(text: string): FrameSpan[] {
  return spansOf(text.matchAll(/^ *([0-9a-f]+)-([0-9a-f]+) : System RAM\b/gm));
}

function spansOf(lines: Iterable<RegExpExecArray>): FrameSpan[] {
  return Array.from(lines, ([, first, last]) => ({
    start: Math.floor(Number(`0x${first}`) / 4096),
    end: Math.ceil((Number(`0x${last}`) + 1) / 4096),
  })).filter(({ start, end }) => end - start > 1);
}

/** Numbers of the sections that ranges of PFNs touch, rising. */
export function sectionsOfRanges(ranges: readonly FrameSpan[]): number[] {
  const numbers = new Set<number>();
  for (const { start, end } of ranges) {
    const last = Math.floor((end - 1) / PAGES_PER_SECTION);
    for (let number = Math.floor(start / PAGES_PER_SECTION); number <= last; number++) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** The release in /proc/version: "Linux version 7.3.4+deb13-amd64 (…". */
export function parseRelease(text: string): string | null {
  return /^Linux version (\S+)/.exec(text)?.[1] ?? null;
}
