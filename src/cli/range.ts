/** Ranges of PFNs, as options have them. */
import type { PfnRange } from "../types.js";
import type { Vmemmap } from "../vmemmap.js";
import { badUse } from "./arguments.js";
import type { Option } from "./command.js";

export const RANGE_OPTION = {
  type: "string",
  value: "A:B",
  help: "PFNs from A on, up to but not B; each decimal or 0x…, or left out",
} as const satisfies Option;

function pfnOf(text: string, whole: string): number {
  const pfn = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(pfn)) throw badUse(`--range: ${JSON.stringify(whole)}: ${JSON.stringify(text)} is no PFN`);
  return pfn;
}

/** `A:B`; where an end is left out, the map's. Undefined for undefined. @throws VmemmapError "bad-argument" */
export function rangeOf(text: string | undefined, map: Vmemmap): PfnRange | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(":").map((part) => part.trim());
  if (parts.length !== 2) throw badUse(`--range: ${JSON.stringify(text)}: expected PFNs as A:B, A: or :B`);
  const start = parts[0] === "" ? map.startPfn : pfnOf(parts[0]!, text);
  const end = parts[1] === "" ? map.endPfn : pfnOf(parts[1]!, text);
  if (end <= start) throw badUse(`--range: ${JSON.stringify(text)}: it ends before it starts`);
  return { start, count: end - start };
}
