import { VmemmapError } from "../errors.js";
import { BlobFile } from "./blob-file.js";
import type { RandomAccessFile } from "./file.js";
import { contentSize, type Packing, unpackInto, type UnpackOptions } from "./unpack-stream.js";

/** Bytes gathered before they are given to the host, which may keep them on disk from then on. */
const PART_BYTES = 8 << 20;

/**
 * Unpack a file to a Blob, for hosts without files of their own: where its bytes are kept is the host's choice, and they go when nothing
 * reads it any more.
 *
 * @throws VmemmapError "no-space", "out-of-memory": the host refuses; else as {@link unpackInto}
 */
export async function unpackToBlob(
  file: RandomAccessFile,
  packing: Packing,
  options: UnpackOptions = {},
): Promise<RandomAccessFile> {
  const name = `${file.name} (unpacked)`;
  options.onStart?.(name, await contentSize(file, packing));
  const parts: Blob[] = [];
  let bytes = 0;
  let gathered: Uint8Array<ArrayBuffer>[] = [];
  let gatheredBytes = 0;
  const give = (): void => {
    if (gatheredBytes === 0) return;
    parts.push(new Blob(gathered));
    gathered = [];
    gatheredBytes = 0;
  };
  try {
    await unpackInto(
      file,
      packing,
      (piece) => {
        // A decoder may write to the piece again.
        gathered.push(piece.slice());
        gatheredBytes += piece.length;
        bytes += piece.length;
        if (gatheredBytes >= PART_BYTES) give();
        return undefined;
      },
      options,
    );
    give();
    const blob = new Blob(parts);
    // A browser that had no room says so only to who reads.
    for (const part of parts) await part.slice(part.size - 1).arrayBuffer();
    return new BlobFile(blob, name);
  } catch (error) {
    throw refused(error, `${file.name} is unpacked to ${bytes} bytes so far`);
  }
}

/** What hosts say where they keep no more, in words of ours. */
function refused(error: unknown, soFar: string): unknown {
  const advice = "unpack the dump yourself, and open what comes out";
  if (error instanceof RangeError)
    return new VmemmapError("out-of-memory", `${soFar}, and this host has no memory for more; ${advice}`, {
      cause: error,
    });
  if (error instanceof DOMException && ["QuotaExceededError", "NotReadableError"].includes(error.name))
    return new VmemmapError("no-space", `${soFar}, and this host keeps no more (${error.name}); ${advice}`, {
      cause: error,
    });
  return error;
}
