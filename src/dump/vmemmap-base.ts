/** Where the kernel has its slots: told by VMCOREINFO, by mem_section, or by the paging mode; held against the page tables. */
import { VmemmapError } from "../errors.js";
import { SECTION_BYTES } from "../sections.js";
import { type Fact, hex } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";
import { MAX_SECTIONS, sectionLimit } from "./limits.js";
import type { SectionTable } from "./sections.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

/** VMEMMAP_START without KASLR (Documentation/arch/x86/x86_64/mm.rst). */
const DEFAULT_BASES = { 4: 0xffffea0000000000n, 5: 0xffd4000000000000n } as const;
/** KASLR moves it by whole PUDs. */
const BASE_ALIGNMENT = 1n << 30n;

export interface FoundBase {
  readonly base: bigint;
  /** Sections whose slots the page tables map from there on, by rising number. */
  readonly units: Float64Array;
  /** mem_section, unless it proved wrong. */
  readonly table: SectionTable;
  readonly facts: readonly Fact[];
}

/**
 * The vmemmap's base: the first of SYMBOL(vmemmap), mem_section's and the paging mode's default that the page tables bear out.
 *
 * @throws VmemmapError "bad-dump": none is; "out-of-memory": more memory than any map can hold
 */
export async function findVmemmapBase(
  kernel: KernelMemory,
  info: Vmcoreinfo,
  { table, bits }: { readonly table: SectionTable; readonly bits: number },
  signal?: AbortSignal,
): Promise<FoundBase> {
  const limit = sectionLimit(bits);
  const unitsOf = async (base: bigint): Promise<Float64Array> => {
    if (base + BigInt(limit) * BigInt(SECTION_BYTES) > 1n << 64n) return new Float64Array(0);
    const units = await kernel.unitsOf(base, limit, MAX_SECTIONS, signal);
    if (units !== null) return units;
    throw new VmemmapError(
      "out-of-memory",
      `the page tables map slots of more than ${MAX_SECTIONS} sections from ${hex(base)} on (${MAX_SECTIONS / 8} GiB of memory): no map holds them`,
    );
  };

  const told = commonBase(table);
  const toldUnits = told === null || told % BASE_ALIGNMENT !== 0n ? new Float64Array(0) : await unitsOf(told);
  const isMapped = new Set(toldUnits);
  const toldHolds =
    table.entries.length > 0 &&
    table.entries.every(({ base }) => base === told) &&
    table.entries.filter(({ number }) => isMapped.has(number)).length * 2 > table.entries.length;

  const candidates: [from: string, base: bigint | null][] = [
    ["SYMBOL(vmemmap)", info.symbol("vmemmap") ?? null],
    ["mem_section", told],
    [`default of ${kernel.levels}-level page tables`, DEFAULT_BASES[kernel.levels]],
  ];
  const dismissed: string[] = [];
  for (const [from, base] of candidates) {
    if (base === null) continue;
    const dismiss = (why: string) => dismissed.push(`${from} says ${hex(base)}, but ${why}`);
    if (base % BASE_ALIGNMENT !== 0n) dismiss("that is no multiple of 1 GiB");
    else if (toldHolds && base !== told) dismiss(`mem_section has ${hex(told!)}, and the page tables agree`);
    else {
      const units = base === told ? toldUnits : await unitsOf(base);
      const complaint = complaintOf(units, toldHolds);
      if (complaint !== null) {
        dismiss(complaint);
        continue;
      }
      const facts: Fact[] = [{ name: "vmemmapBase", value: base, from }];
      facts.push(...dismissed.map((value): Fact => ({ name: "vmemmapBase.dismissed", value, from: "page tables" })));
      return { base, units, table: toldHolds ? table : mistrusted(table, told), facts };
    }
  }
  throw new VmemmapError("bad-dump", `no vmemmap found: ${dismissed.join("; ")}`);
}

function complaintOf(units: Float64Array, toldHolds: boolean): string | null {
  if (units.length === 0) return "the page tables map nothing there";
  // Page 0 is RAM on every x86_64 machine.
  if (!toldHolds && units[0] !== 0) return "the page tables map no slot of PFN 0 there";
  return null;
}

/** The base most entries have; null without entries. */
function commonBase({ entries }: SectionTable): bigint | null {
  const counts = new Map<bigint, number>();
  for (const { base } of entries) counts.set(base, (counts.get(base) ?? 0) + 1);
  let best: bigint | null = null;
  for (const [base, count] of counts) if (best === null || count > counts.get(best)!) best = base;
  return best;
}

/** A table that does not fit the page tables is not asked for sections. */
function mistrusted(table: SectionTable, told: bigint | null): SectionTable {
  const problem =
    table.problem ??
    `its ${table.entries.length} entries (most with vmemmap base ${hex(told ?? 0n)}) do not fit the page tables`;
  return { entries: [], lost: [], problem };
}
