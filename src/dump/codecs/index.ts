/** How pages of a dump are packed, by the bits that kdump's headers and page descriptors have for it. */
import type { Codec } from "./codec.js";
import { zlibOfNode } from "./zlib.js";

export type { Codec } from "./codec.js";

export const RAW = 0;

interface Compression {
  readonly name: string;
  readonly load: () => Promise<Codec>;
}

const compressions: ReadonlyMap<number, Compression> = new Map([[1, { name: "zlib", load: zlibOfNode }]]);

/** All bits that stand for a compression. */
export const compressionBits = [...compressions.keys()].reduce((all, bit) => all | bit, 0);

/** What a compression is called: "raw" for none, undefined for what is none. */
export function compressionName(bit: number): string | undefined {
  return bit === RAW ? "raw" : compressions.get(bit)?.name;
}

const loaded = new Map<number, Codec>();

/** Make codecs ready for {@link codecOf}. */
export async function loadCodecs(bits: number): Promise<void> {
  for (const [bit, { load }] of compressions) if (bits & bit && !loaded.has(bit)) loaded.set(bit, await load());
}

/** A codec that was loaded. */
export function codecOf(bit: number): Codec {
  return loaded.get(bit)!;
}
