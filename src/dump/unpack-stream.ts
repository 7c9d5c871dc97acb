import { isNode } from "../host.js";
import { BadPacking } from "./bad-packing.js";
import type { RandomAccessFile } from "./file.js";
import { badDump, unsupportedDump } from "./structure.js";
import { unzstd } from "./unzstd.js";
import { ZSTD_HEADER_BYTES, zstdFrame } from "./zstd-frame.js";

/** How a whole file is packed. */
export type Packing = "gzip" | "zstd";

/** How far unpacking is. */
export interface UnpackProgress {
  /** Packed bytes read, of how many. */
  readonly bytesRead: number;
  readonly bytesToRead: number;
  readonly bytesWritten: number;
}

export interface UnpackOptions {
  readonly signal?: AbortSignal;
  /**
   * Called before the first byte is written.
   *
   * @param path the temporary file; in browsers what messages call the unpacked bytes
   * @param expectedBytes what the first frame says it unpacks to; null if it does not say
   */
  readonly onStart?: (path: string, expectedBytes: number | null) => void;
  /** Called after every piece of some 100 KiB. */
  readonly onProgress?: (progress: UnpackProgress) => void;
}

/** Packed bytes read at a time. */
const PIECE_BYTES = 256 << 10;

/** Bytes that the first frame of a packed file unpacks to; null where it does not say. */
export async function contentSize(file: RandomAccessFile, packing: Packing): Promise<number | null> {
  if (packing === "gzip") return null;
  const bytes = new Uint8Array(Math.min(ZSTD_HEADER_BYTES, file.size));
  await file.readInto(bytes, 0);
  return zstdFrame(bytes)?.contentSize ?? null;
}

/**
 * Give all that is packed in `file` to `write`, front to back.
 *
 * @returns bytes given
 * @throws VmemmapError "bad-dump": damaged or truncated; "unsupported-dump": a zstd window that is too large; "unreadable"; whatever
 * `signal` was aborted with; what `write` throws
 */
export async function unpackInto(
  file: RandomAccessFile,
  packing: Packing,
  write: (piece: Uint8Array, position: number) => Promise<void> | undefined,
  { signal, onProgress }: UnpackOptions = {},
): Promise<number> {
  let bytesRead = 0;
  let bytesWritten = 0;
  // Node's own zstd, of 22.15 on, stops behind the first frame and takes a truncated stream for a whole one: it is of no use here.
  const unpack = packing === "zstd" ? unzstd : await gunzipOfHost();
  try {
    for await (const piece of unpack(pieces(file, (bytes) => (bytesRead = bytes)))) {
      signal?.throwIfAborted();
      await write(piece, bytesWritten);
      bytesWritten += piece.length;
      onProgress?.({ bytesRead, bytesToRead: file.size, bytesWritten });
    }
  } catch (error) {
    if (!(error instanceof BadPacking)) throw error;
    if (error.unsupported) throw unsupportedDump(file, error.message);
    throw badDump(
      file,
      bytesRead,
      `expected a whole ${packing} stream; before this offset it is ${error.message}`,
      error,
    );
  }
  return bytesWritten;
}

async function gunzipOfHost(): Promise<typeof unzstd> {
  const { gunzip } = isNode() ? await import("./gunzip-node.js") : await import("./gunzip-web.js");
  return gunzip;
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
