import type { Fact } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";
import type { Vmcoreinfo } from "./vmcoreinfo.js";

/** KASLR moves the direct map by whole entries of a PUD (kernel_randomize_memory). */
const PUD_BYTES = 1n << 30n;

/**
 * page_offset_base: where the direct map of physical memory begins. The roots of mem_section are of memory that is mapped there, so their
 * address less their physical one is it. No fact where they are mapped elsewhere, or not at all.
 */
export async function pageOffsetFacts(kernel: KernelMemory, info: Vmcoreinfo): Promise<Fact[]> {
  const roots = info.symbol("mem_section");
  if (roots === undefined) return [];
  const physical = await kernel.translate(roots);
  if (physical === null) return [];
  const base = roots - BigInt(physical);
  if (base % PUD_BYTES !== 0n || base < 1n << 63n) return [];
  return [{ name: "pageOffsetBase", value: base, from: "SYMBOL(mem_section) less its physical address" }];
}
