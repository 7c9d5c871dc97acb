/** The layout that a kernel's BTF tells, read from its memory: no more of 5 MiB than it takes. */
import { Btf, type BtfPart, type BtfSections, btfSections, BtfUnread } from "../profile/btf.js";
import { type BtfLayout, layoutOf } from "../profile/btf-layout.js";
import type { KernelMemory } from "./kernel-memory.js";

const HEADER_BYTES = 64;
const SOME = 2 ** 19;

/**
 * What is read, one after another until it is enough. Strings come in the order in which they were first needed, and types too, up to 6.x,
 * and what every file includes is needed first; from 7.0 on types are sorted by name.
 */
const PARTS: readonly BtfPart[] = [
  { types: SOME, strings: SOME },
  { types: Infinity, strings: SOME },
  { types: Infinity, strings: Infinity },
];

/**
 * Read it.
 *
 * @param start address of the section .BTF, of `length` bytes
 * @returns null where pages that are needed are not in the dump
 * @throws VmemmapError "bad-dump": it is damaged where it is read
 */
export async function readBtfLayout(kernel: KernelMemory, start: bigint, length: number): Promise<BtfLayout | null> {
  const bytes = new Uint8Array(length);
  const read = async (from: number, to: number): Promise<boolean> => {
    if (from >= to) return true;
    const some = await kernel.tryRead(start + BigInt(from), to - from);
    if (some !== null) bytes.set(some, from);
    return some !== null;
  };
  if (!(await read(0, Math.min(HEADER_BYTES, length))) || !(await read(length - 1, length))) return null;
  const sections = btfSections(bytes);
  let done: BtfPart = { types: 0, strings: 0 };
  for (const wish of PARTS) {
    const part = within(sections, wish);
    const { types, strings } = sections;
    if (!(await read(types + done.types, types + part.types))) return null;
    if (!(await read(strings + done.strings, strings + part.strings))) return null;
    try {
      return layoutOf(new Btf(bytes, part));
    } catch (error) {
      if (!(error instanceof BtfUnread)) throw error;
    }
    done = part;
  }
  throw new Error("BTF that was read whole was not enough");
}

function within({ types, typesEnd, strings, stringsEnd }: BtfSections, part: BtfPart): BtfPart {
  return { types: Math.min(part.types, typesEnd - types), strings: Math.min(part.strings, stringsEnd - strings) };
}
