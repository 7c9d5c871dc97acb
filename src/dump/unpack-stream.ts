import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { VmemmapError } from "../errors.js";
import { BadPacking } from "./bad-packing.js";
import type { RandomAccessFile } from "./file.js";
import { unzstd } from "./unzstd.js";

/** How a whole file is packed. */
export type Packing = "gzip" | "zstd";

/** Packed bytes read at a time. */
const PIECE_BYTES = 256 << 10;
/** Unpacked bytes that zlib gives at a time. */
const OUT_BYTES = 256 << 10;

/**
 * All that is packed in `file`, front to back.
 *
 * @param onRead told the packed bytes read so far
 * @throws BadPacking; VmemmapError "unreadable"
 */
export async function* unpack(
  file: RandomAccessFile,
  packing: Packing,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  const packed = pieces(file, onRead);
  // Node's own zstd, of 22.15 on, stops behind the first frame and takes a truncated stream for a whole one: it is of no use here.
  yield* packing === "gzip" ? gunzip(packed) : unzstd(packed);
}

async function* pieces(file: RandomAccessFile, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < file.size;) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, file.size - at));
    await file.readInto(piece, at);
    at += piece.length;
    onRead(at);
    yield piece;
  }
}

async function* gunzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
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
