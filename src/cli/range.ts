/** Ranges of pages, as options have them: PFNs, or physical addresses. */
import type { PfnRange } from "../types.js";
import type { Machine } from "../dump/vmcore.js";
import { PAGE_BYTES, PAGES_PER_SECTION, PFN_LIMIT } from "../sections.js";
import type { Vmemmap } from "../vmemmap.js";
import { badUse } from "./arguments.js";
import type { Option } from "./command.js";
import { sizedNumber } from "./size.js";

export const RANGE_OPTION = {
  type: "string",
  value: "A:B",
  check: (text) => void rangeOf(text),
  help: `PFNs from A on, up to but not B; each decimal or 0x…, or left out; A:+N is N pages.
phys:A:B is the same in bytes, as is any range with a size: 4G:5G, phys:4G:+1G
(K, M, G, T: powers of 1024); A rounds down to its page, B up`,
} as const satisfies Option;

const EXPECTED = "expected PFNs as A:B, A:, :B or A:+N, or bytes as phys:A:B or 4G:5G";

function numberOf(part: string): { readonly value: bigint; readonly isSize: boolean } {
  const number = sizedNumber(part);
  if (number === undefined)
    throw badUse(`--range: ${JSON.stringify(part)} is no whole number, decimal or 0x…, nor a size such as 4G`);
  return number;
}

/**
 * PFNs of a range, end exclusive. Ends that are left out are undefined.
 *
 * @throws VmemmapError "bad-argument": no range; one in bytes and PFNs; an end before the start, or past all physical memory
 */
export function rangeOf(text: string): { readonly start?: number; readonly end?: number } {
  const shown = JSON.stringify(text.slice(0, 60));
  const isPhys = text.trim().startsWith("phys:");
  const parts = (isPhys ? text.trim().slice("phys:".length) : text).split(":").map((part) => part.trim());
  if (parts.length !== 2) throw badUse(`--range: ${shown}: ${EXPECTED}`);
  const [from, to] = parts as [string, string];
  const isLength = to.startsWith("+");
  if (isLength && from === "") throw badUse(`--range: ${shown}: a length needs a start`);
  const first = from === "" ? undefined : numberOf(from);
  const last = to === "" ? undefined : numberOf(isLength ? to.slice(1) : to);
  const isBytes = isPhys || first?.isSize === true || last?.isSize === true;
  // 4G:0x200000 may mean either: of the numbers that are no sizes, 0 alone is the same in both.
  const isMixed = !isPhys && isBytes && [first, last].some((end) => end?.isSize === false && end.value !== 0n);
  if (isMixed) throw badUse(`--range: ${shown}: a size beside a PFN; of bytes write phys:${text.trim()}`);
  const unit = isBytes ? BigInt(PAGE_BYTES) : 1n;
  const end = last === undefined ? undefined : last.value + (isLength ? first!.value : 0n);
  if (first !== undefined && end !== undefined && first.value > end)
    throw badUse(`--range: ${shown}: it ends before it starts`);
  const pages = {
    ...(first === undefined ? {} : { start: first.value / unit }),
    ...(end === undefined ? {} : { end: (end + unit - 1n) / unit }),
  };
  for (const pfn of Object.values(pages))
    if (pfn > BigInt(PFN_LIMIT)) throw badUse(`--range: ${shown}: there are ${PFN_LIMIT} PFNs, of 52 bits of bytes`);
  return Object.fromEntries(Object.entries(pages).map(([name, pfn]) => [name, Number(pfn)]));
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
