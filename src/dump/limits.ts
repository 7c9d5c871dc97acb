/** What of a kernel's own figures can be taken: the map has one size of page, of slot and of section. */
import { VmemmapError } from "../errors.js";
import { PAGES_PER_SECTION, SLOT_BYTES } from "../sections.js";
import { FRAME_BYTES, FRAME_SHIFT } from "./memory.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

const SECTION_SIZE_BITS = FRAME_SHIFT + Math.log2(PAGES_PER_SECTION);
/** MAX_PHYSMEM_BITS with 4-level and with 5-level page tables. */
const PHYSMEM_BITS = { 4: 46, 5: 52 } as const;

/** Where struct page has what every kernel from 5.15 on has at one place (include/linux/mm_types.h). */
const PAGE_OFFSETS = {
  flags: 0,
  lru: 8,
  compound_head: 8,
  compound_info: 8,
  mapping: 24,
  private: 40,
  _mapcount: 48,
  _refcount: 52,
} as const;

/** 8 TiB of memory: what an image holds, and more than fits any memory of ours. */
export const MAX_SECTIONS = 65536;

/** Check that the kernel is one whose map this package can hold. @throws VmemmapError "unsupported-dump", "bad-dump" */
export function checkKernel(info: Vmcoreinfo): void {
  const expected: [key: string, found: number | undefined, expected: number, why: string][] = [
    ["PAGESIZE", info.pageSize, FRAME_BYTES, "x86_64 has pages of 4 KiB"],
    ["SIZE(page)", info.size("page"), SLOT_BYTES, "a build whose struct page has another size (KMSAN has 80)"],
    [
      "NUMBER(SECTION_SIZE_BITS)",
      info.number("SECTION_SIZE_BITS"),
      SECTION_SIZE_BITS,
      "x86_64 has sections of 128 MiB",
    ],
    ...Object.entries(PAGE_OFFSETS).map(([field, offset]): (typeof expected)[number] => [
      `OFFSET(page.${field})`,
      info.offset(`page.${field}`),
      offset,
      "a struct page that is laid out in another way",
    ]),
  ];
  for (const [key, found, wanted, why] of expected) {
    if (found !== undefined && found !== wanted) {
      throw new VmemmapError("unsupported-dump", `VMCOREINFO: ${key} is ${found}, expected ${wanted}: ${why}`);
    }
  }
}

/** MAX_PHYSMEM_BITS, or what it is by the levels of page tables. @throws VmemmapError "unsupported-dump" */
export function physmemBits(info: Vmcoreinfo, levels: 4 | 5): number {
  const bits = info.number("MAX_PHYSMEM_BITS");
  if (bits === undefined) return PHYSMEM_BITS[levels];
  if (bits >= 36 && bits <= PHYSMEM_BITS[levels]) return bits;
  throw new VmemmapError(
    "unsupported-dump",
    `VMCOREINFO: NUMBER(MAX_PHYSMEM_BITS) is ${bits}, expected 36 to ${PHYSMEM_BITS[levels]} with ${levels}-level page tables`,
  );
}

/** How many sections there can be. */
export function sectionLimit(bits: number): number {
  return 2 ** (bits - SECTION_SIZE_BITS);
}
