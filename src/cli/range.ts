/** Ranges of PFNs, as options have them. */
import type { PfnRange } from "../types.js";
import type { Machine } from "../dump/vmcore.js";
import { PAGES_PER_SECTION } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";
import { badUse } from "./arguments.js";
import type { Option } from "./command.js";
import { countOf } from "./count.js";

export const RANGE_OPTION = {
  type: "string",
  value: "A:B",
  help: "PFNs from A on, up to but not B; each decimal or 0x…, or left out",
} as const satisfies Option;

/** Ends that are left out are undefined. @throws VmemmapError "bad-argument" */
export function rangeOf(text: string): { readonly start?: number; readonly end?: number } {
  const parts = text.split(":");
  if (parts.length !== 2) throw badUse(`--range: ${JSON.stringify(text)}: expected PFNs as A:B, A: or :B`);
  const [start, end] = parts.map((part) => (part.trim() === "" ? undefined : countOf("--range", part.trim())));
  if (start !== undefined && end !== undefined && start > end)
    throw badUse(`--range: ${JSON.stringify(text)}: it ends before it starts`);
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

/** The same as a range of a machine's memory, whose own ends stand for those that are left out; undefined for no text. */
export function pfnRangeOf(text: string | undefined, { sections }: Machine): PfnRange | undefined {
  if (text === undefined) return undefined;
  const { start = sections[0]!.number * PAGES_PER_SECTION, end = (sections.at(-1)!.number + 1) * PAGES_PER_SECTION } =
    rangeOf(text);
  return { start, count: Math.max(end - start, 0) };
}

/** What of a range, or of all, a map has. */
export function within(range: PfnRange | undefined, { startPfn, endPfn }: Vmemmap): { readonly range?: PfnRange } {
  if (range === undefined) return {};
  const start = Math.max(range.start, startPfn);
  return { range: { start, count: Math.max(Math.min(range.start + range.count, endPfn) - start, 0) } };
}
