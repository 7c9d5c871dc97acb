/**
 * The present sections, as the kernel's mem_section tables tell (SPARSEMEM_EXTREME: an array of pointers to pages of
 * entries). Low bits of section_mem_map: include/linux/mmzone.h.
 */
const PAGE_SIZE = 4096;
const HAS_MEM_MAP = 1n << 1n;
const IS_ONLINE = 1n << 2n;
const IS_EARLY = 1n << 3n;
const TAINT_ZONE_DEVICE = 1n << 4n;
/** Wider than any kernel's flags; the vmemmap base, which is the rest of the word, is aligned far above. */
const FLAG_BITS = 0xfffn;
const USAGE_AT = 8n;
/** struct mem_section_usage: the map stands after an rcu_head (since 6.1; before, at 0). */
const SUBSECTION_MAP_AT = 16n;

export function readSections(memory, vmcoreinfo, { pfnLimit, vmemmapBase }) {
  const entrySize = Number(vmcoreinfo["SIZE(mem_section)"]);
  const perRoot = PAGE_SIZE / entrySize;
  const roots = BigInt(`0x${vmcoreinfo["SYMBOL(mem_section)"]}`);
  const sections = [];
  for (let number = 0; number < pfnLimit / 32768; number++) {
    const root = memory.word(roots + BigInt(Math.floor(number / perRoot) * 8));
    if (root === 0n) continue;
    const entry = root + BigInt((number % perRoot) * entrySize);
    const map = memory.word(entry);
    if (!(map & HAS_MEM_MAP)) continue;
    if ((map & ~FLAG_BITS) !== vmemmapBase) throw new Error(`section ${number}: its memmap is not in the vmemmap`);
    sections.push({
      number,
      early: (map & IS_EARLY) !== 0n,
      online: (map & IS_ONLINE) !== 0n,
      taintZoneDevice: (map & TAINT_ZONE_DEVICE) !== 0n,
      subsections: memory.word(memory.word(entry + USAGE_AT) + SUBSECTION_MAP_AT),
    });
  }
  return sections;
}
