/** Writes device page maps into a kernel's memory, and the xarray that lists them. */
import type { PgmapArray } from "../../src/dump/kernel-profile.js";
import type { PgmapRecord } from "../../src/image/image.js";
import type { PgmapLayout } from "../../src/profile/index.js";
import type { KernelWriter } from "./write-kernel.js";

export const ARRAY: PgmapArray = {
  address: 0xffffffff83456780n,
  layout: { head: 8, shift: 0, slots: 40, chunk: 64 },
};
const NODES = 0xffff888000400000n;
const NODE_BYTES = 576n;
const SHIFTS = [18, 12, 6, 0];
/** What xarrays mark internal entries by: nodes, and siblings by the number of their slot. */
const INTERNAL = 2n;

export function putPgmap(writer: KernelWriter, pgmap: PgmapRecord, layout: PgmapLayout): void {
  const { address, altmap, ranges } = pgmap;
  const word = (at: number, value: bigint) => writer.words(address + BigInt(at), [value]);
  const u32 = (at: number, value: number) =>
    writer.put(address + BigInt(at), new Uint8Array(Uint32Array.of(value).buffer));
  word(layout.altmap, 0n);
  if (altmap !== null) {
    const { basePfn, endPfn, reserve, free, align, alloc } = altmap;
    [basePfn, endPfn, reserve, free, align, alloc].forEach((value, i) => word(layout.altmap + i * 8, BigInt(value)));
  }
  if (layout.ref !== null) word(layout.ref + 8, 0xffff888000500000n);
  u32(layout.type, pgmap.type);
  u32(layout.flags, pgmap.flags);
  if (layout.vmemmapShift !== null) word(layout.vmemmapShift, BigInt(pgmap.vmemmapShift));
  word(layout.ops, pgmap.ops ?? 0n);
  word(layout.owner, pgmap.owner ?? 0n);
  u32(layout.nrRange, ranges.length);
  ranges.forEach(({ start, end }, i) => {
    word(layout.range + i * 16, BigInt(start) * 4096n);
    word(layout.range + i * 16 + 8, BigInt(end) * 4096n - 1n);
  });
}

/** An xarray of four levels, the pgmaps in its lowest node, each with a sibling behind it. @returns its nodes, from the top down */
export function linkPgmaps(writer: KernelWriter, pgmaps: readonly bigint[]): { readonly nodes: readonly bigint[] } {
  const nodes = SHIFTS.map((_, level) => NODES + BigInt(level) * NODE_BYTES * 8n);
  SHIFTS.forEach((shift, level) => {
    const node = nodes[level]!;
    writer.put(node, new Uint8Array(Number(NODE_BYTES)));
    writer.put(node, Uint8Array.of(shift));
    const below = nodes[level + 1];
    const slots =
      below === undefined
        ? pgmaps.flatMap((pgmap, i) => [pgmap, (BigInt(i * 2) << 2n) | INTERNAL])
        : [below + INTERNAL];
    writer.words(node + BigInt(ARRAY.layout.slots), slots);
  });
  writer.words(ARRAY.address + BigInt(ARRAY.layout.head), [nodes[0]! + INTERNAL]);
  return { nodes };
}
