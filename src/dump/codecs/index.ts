/** How pages of a dump are packed, by the bits that kdump's headers and page descriptors have for it. */
import { VmemmapError } from "../../errors.js";
import type { Codec } from "./codec.js";

export type { Codec } from "./codec.js";

/** A page that is not packed. */
export const RAW = 0;

interface Compression {
  readonly name: string;
  readonly load: () => Promise<Codec>;
}

/** By makedumpfile's DUMP_DH_COMPRESSED_*. */
const compressions: ReadonlyMap<number, Compression> = new Map([
  [0x01, { name: "zlib", load: async () => (await import("./zlib.js")).zlib() }],
  [0x02, { name: "lzo", load: async () => (await import("./lzo1x.js")).lzo1x }],
  [0x04, { name: "snappy", load: async () => (await import("./snappy.js")).snappy() }],
  [0x20, { name: "zstd", load: async () => (await import("./zstd.js")).zstd() }],
]);

/** What a compression is called: "raw" for none, undefined for what is no compression or several. */
export function compressionName(bit: number): string | undefined {
  return bit === RAW ? "raw" : compressions.get(bit)?.name;
}

/** Names of the compressions whose bits are set. */
export function compressionNames(bits: number): string[] {
  return [...compressions].filter(([bit]) => bits & bit).map(([, { name }]) => name);
}

const loaded = new Map<number, Codec>();

/**
 * Make codecs ready for {@link codecOf}.
 *
 * @throws VmemmapError "unsupported-dump": a package that is not installed
 */
export async function loadCodecs(bits: number): Promise<void> {
  for (const [bit, { name, load }] of compressions) {
    if ((bits & bit) === 0 || loaded.has(bit)) continue;
    try {
      loaded.set(bit, await load());
    } catch (cause) {
      const message = `pages packed by ${name}: what unpacks them could not be loaded (${String(cause)})`;
      throw new VmemmapError("unsupported-dump", message, { cause });
    }
  }
}

/** A codec that was loaded. */
export function codecOf(bit: number): Codec {
  return loaded.get(bit)!;
}
