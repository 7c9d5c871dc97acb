import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { VmemmapError } from "../errors.js";
import { BadPacking } from "./bad-packing.js";

/** Unpacked bytes that zlib gives at a time. */
const OUT_BYTES = 256 << 10;

/** Unpack gzip, of any number of members, by Node. @throws BadPacking */
export async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const transform = createGunzip({ chunkSize: OUT_BYTES });
  // What fails comes out of the transform, too.
  pipeline(Readable.from(packed), transform, () => {});
  try {
    for await (const piece of transform) yield piece as Uint8Array;
  } catch (error) {
    if (error instanceof VmemmapError) throw error;
    throw new BadPacking(error instanceof Error ? error.message : String(error), false, { cause: error });
  }
}
