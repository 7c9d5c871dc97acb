/** The pages that `vmemmap page` is asked about: PFNs, and addresses that lead to one. */
import {
  PAGE_BYTES,
  PAGES_PER_SECTION,
  PAGES_PER_SUBSECTION,
  PFN_LIMIT,
  SLOT_BYTES,
  validSubsections,
} from "../sections.js";
import type { Machine } from "../dump/vmcore.js";
import { badUse } from "./arguments.js";
import { factValue } from "./facts.js";
import { sizedNumber } from "./size.js";

export interface Place {
  readonly pfn: number;
  /** How it was told: "PFN", "physical address", … */
  readonly by: string;
  /** Bytes from the start of the page, or of its struct page. */
  readonly offset: number;
}

/** First address of a kernel's half with 5-level page tables, and with 4 levels. */
const KERNEL_LA57 = 0xff00000000000000n;
const KERNEL = 0xffff800000000000n;

/** Where the direct map is without KASLR (Documentation/arch/x86/x86_64/mm.rst). */
const DIRECT_MAP = 0xffff888000000000n;
const DIRECT_MAP_LA57 = 0xff11000000000000n;

interface Windows {
  readonly levels: 4 | 5;
  readonly vmemmapEnd: bigint;
  readonly directMap: bigint;
  readonly directMapEnd: bigint;
  /** The dump tells where the direct map is. */
  readonly isTold: boolean;
}

function windowsOf(map: Machine): Windows {
  const { vmemmapBase } = map;
  const levels = factValue(map, "pagingLevels") === 5 || vmemmapBase < KERNEL ? 5 : 4;
  const physmemBits = levels === 5 ? 52n : 46n;
  const pageOffset = factValue(map, "pageOffsetBase");
  const isTold = typeof pageOffset === "string" && /^0x[0-9a-f]{1,16}$/i.test(pageOffset);
  const directMap = isTold ? BigInt(pageOffset) : levels === 5 ? DIRECT_MAP_LA57 : DIRECT_MAP;
  return {
    levels,
    vmemmapEnd: vmemmapBase + (BigInt(SLOT_BYTES) << (physmemBits - 12n)),
    directMap,
    directMapEnd: directMap + (1n << physmemBits),
    isTold,
  };
}

/** What help says of WHERE. */
export const WHERE_HELP = `WHERE is one of
  5120, 0x1400          a PFN
  phys:0x1400abc, 20M   a physical address
  0xffffea0000050000    an address in the vmemmap: of a struct page, or of a field of one
  0xffff888001400abc    an address in the direct map
of which addresses in the kernel's half may do without 0x, as crash prints them, and sizes are in powers of 1024 (K, M, G, T).
The vmemmap begins where the dump says. Where it does not say the same of the direct map, that is taken to be where it is without
KASLR, and the answer says so.`;

/** An address in the kernel's half as crash prints it. No PFN has letters without 0x. */
const BARE_ADDRESS = /^ff[0-9a-f]{14}$/i;

/** @throws VmemmapError "bad-argument": no number, an address of neither kind, a page without a struct page */
export function placeOf(map: Machine, text: string): Place {
  const [, prefix, number = ""] = /^(?:(pfn|phys):)?(.{1,20})$/.exec(text) ?? [];
  const told = sizedNumber(prefix === undefined && BARE_ADDRESS.test(number) ? `0x${number}` : number);
  if (told === undefined || told.value >= 1n << 64n || (prefix === "pfn" && told.isSize))
    throw badUse(`${JSON.stringify(text.slice(0, 60))} is no page: expected a PFN, phys:ADDRESS, or a kernel address`);
  const { value, isSize } = told;
  const isPhys = prefix === "phys" || isSize;
  const place = isPhys ? byFrame(value, "physical address") : byNumber(map, value, prefix === "pfn");
  if (pfnValid(map, place.pfn)) return place;
  const isPerhapsPhys = /^0x/i.test(text) && place.by === "PFN" && pfnValid(map, byFrame(value, "").pfn);
  const advice = isPerhapsPhys ? `; of a physical address write phys:${text}` : "";
  throw badUse(`PFN ${place.pfn} has no struct page: ${near(map, place.pfn)}${advice}`);
}

/** pfn_valid */
function pfnValid({ sections }: Machine, pfn: number): boolean {
  const section = sections.find(({ number }) => number === Math.floor(pfn / PAGES_PER_SECTION));
  if (section === undefined) return false;
  const subsection = Math.floor((pfn % PAGES_PER_SECTION) / PAGES_PER_SUBSECTION);
  return ((validSubsections(section) >> BigInt(subsection)) & 1n) === 1n;
}

function byFrame(address: bigint, by: string): Place {
  const frame = address / BigInt(PAGE_BYTES);
  if (frame >= BigInt(PFN_LIMIT)) throw badUse(`physical address ${hex(address)}: there are up to 52 bits of them`);
  return { pfn: Number(frame), by, offset: Number(address % BigInt(PAGE_BYTES)) };
}

function byNumber(map: Machine, value: bigint, isPfn: boolean): Place {
  if (value < BigInt(PFN_LIMIT)) return { pfn: Number(value), by: "PFN", offset: 0 };
  if (isPfn || value < KERNEL_LA57 || value >= 1n << 64n)
    throw badUse(
      `${hex(value)} is neither a PFN nor an address of the kernel; of a physical address write phys:${hex(value)}`,
    );
  const { vmemmapEnd, directMap, directMapEnd, isTold } = windowsOf(map);
  const { vmemmapBase } = map;
  if (value >= vmemmapBase && value < vmemmapEnd) {
    const offset = value - vmemmapBase;
    return {
      pfn: Number(offset / BigInt(SLOT_BYTES)),
      by: "address in the vmemmap",
      offset: Number(offset % BigInt(SLOT_BYTES)),
    };
  }
  const origin = isTold ? "" : " (the default without KASLR: the dump does not tell)";
  if (value >= directMap && value < directMapEnd)
    return byFrame(value - directMap, `address in the direct map, which begins at ${hex(directMap)}${origin}`);
  throw badUse(
    `${hex(value)} is neither in the vmemmap, from ${hex(vmemmapBase)}, nor in the direct map, from ${hex(directMap)}${origin}`,
  );
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** Which PFNs there are near one that has no struct page. */
function near(map: Machine, pfn: number): string {
  const runs: [first: number, last: number][] = [];
  for (const section of map.sections) {
    const valid = validSubsections(section);
    for (let i = 0; i < PAGES_PER_SECTION / PAGES_PER_SUBSECTION; i++) {
      if (((valid >> BigInt(i)) & 1n) === 0n) continue;
      const first = section.number * PAGES_PER_SECTION + i * PAGES_PER_SUBSECTION;
      const run = runs.at(-1);
      if (run?.[1] === first - 1) run[1] += PAGES_PER_SUBSECTION;
      else runs.push([first, first + PAGES_PER_SUBSECTION - 1]);
    }
  }
  const show = (run: readonly [number, number]): string => `${run[0]} to ${run[1]}`;
  const below = runs.findLast(([, last]) => last < pfn);
  const above = runs.find(([first]) => first > pfn);
  if (below !== undefined && above !== undefined)
    return `the nearest are PFNs ${show(below)} below it, ${show(above)} above`;
  const nearest = below ?? above;
  if (nearest === undefined) return "the map has none at all";
  return `the nearest are PFNs ${show(nearest)}`;
}
