/** The pointers that an xarray of the kernel holds (lib/xarray.c), each once, whatever indices lead to it. */
import type { XarrayLayout } from "../profile/btf-layout.js";
import { hex } from "./fact.js";
import type { KernelMemory } from "./kernel-memory.js";

//  Entries by their low bits (include/linux/xarray.h):
//   …00  a pointer, or 0           …x1  a value           …10  internal: up to 4096 siblings and marks, above a node + 2
const INTERNAL_MASK = 3n;
const INTERNAL = 2n;
const LAST_MARK = 4096n;

/** A range of pages takes a slot of a node or more: hundreds of nodes on large machines. */
const MAX_NODES = 4096;

/**
 * The pointers, in the order of their indices.
 *
 * @param limit how many to answer at most
 * @returns or what is wrong with the array, or not in the dump
 */
export async function xarrayPointers(
  kernel: KernelMemory,
  address: bigint,
  layout: XarrayLayout,
  limit: number,
): Promise<readonly bigint[] | string> {
  const head = await kernel.tryRead(address + BigInt(layout.head), 8);
  if (head === null) return `the xarray at ${hex(address)} is not in the dump`;
  const found = new Set<bigint>();
  let nodes = 0;
  /** Nodes below have a smaller shift, so that no circle of them is followed for long. */
  const visit = async (entry: bigint, below: number): Promise<string | null> => {
    if ((entry & INTERNAL_MASK) !== INTERNAL) {
      if (entry !== 0n && (entry & 1n) === 0n) found.add(entry);
      return found.size > limit ? `the xarray at ${hex(address)} has more than ${limit} pointers` : null;
    }
    if (entry <= LAST_MARK) return null;
    const node = entry - INTERNAL;
    if (++nodes > MAX_NODES) return `the xarray at ${hex(address)} has more than ${MAX_NODES} nodes`;
    const bytes = await kernel.tryRead(node, layout.slots + layout.chunk * 8);
    if (bytes === null) return `the xarray's node at ${hex(node)} is not in the dump`;
    const shift = bytes[layout.shift]!;
    if (shift >= below) return `the xarray's node at ${hex(node)} has shift ${shift}: expected less than ${below}`;
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < layout.chunk; i++) {
      const problem = await visit(view.getBigUint64(layout.slots + i * 8, true), shift);
      if (problem !== null) return problem;
    }
    return null;
  };
  const problem = await visit(new DataView(head.buffer).getBigUint64(0, true), 64);
  return problem ?? Array.from(found);
}
