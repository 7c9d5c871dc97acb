import { pipeline, Readable, type Transform } from "node:stream";
import * as zlib from "node:zlib";
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

/** Largest window that zstd can have: 2^31 bytes. */
const ZSTD_WINDOW_LOG_MAX = 31;

/** Node has zstd from 22.15 on. */
interface NodeZstd {
  readonly createZstdDecompress?: (options: { chunkSize: number; params: Record<number, number> }) => Transform;
}

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
  const { createZstdDecompress } = zlib as NodeZstd;
  if (packing === "gzip") yield* through(packed, zlib.createGunzip({ chunkSize: OUT_BYTES }));
  else if (createZstdDecompress === undefined) yield* unzstd(packed);
  else {
    const { ZSTD_d_windowLogMax } = zlib.constants as typeof zlib.constants & { ZSTD_d_windowLogMax: number };
    yield* through(
      packed,
      createZstdDecompress({ chunkSize: OUT_BYTES, params: { [ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } }),
    );
  }
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

/** `packed` through a stream of Node's. */
async function* through(packed: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array, void> {
  // What fails comes out of the transform, too.
  pipeline(Readable.from(packed), transform, () => {});
  try {
    for await (const piece of transform) yield piece as Uint8Array;
  } catch (error) {
    if (error instanceof VmemmapError) throw error;
    throw new BadPacking(error instanceof Error ? error.message : String(error), false, { cause: error });
  }
}
