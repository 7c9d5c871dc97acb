import { isNode } from "../host.js";
import { type Container, detect } from "./detect.js";
import type { RandomAccessFile } from "./file.js";
import { unflatten } from "./flattened.js";
import type { SpoolOptions } from "./spool.js";
import { badDump } from "./structure.js";

/** A dump may be flattened and then packed, and packed twice by mistake. */
const MAX_LAYERS = 3;

export type Details = Record<string, string | number | boolean>;

export interface UnwrapOptions {
  /** Ends what takes long; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How a file that is packed as a whole, by gzip or zstd, is unpacked: to a temporary file in Node, to a Blob elsewhere. */
  readonly spool?: Omit<SpoolOptions, "signal">;
}

/**
 * Take off what the file is packed in, for good: `files[i]` is then what is inside, and the details tell what it was in.
 *
 * @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable", "no-space", "out-of-memory"; whatever `signal` was aborted with
 */
export async function unwrap(
  files: RandomAccessFile[],
  i: number,
  details: Details,
  options: UnwrapOptions,
): Promise<Container> {
  for (let layers = 0; layers <= MAX_LAYERS; layers++) {
    options.signal?.throwIfAborted();
    const file = files[i]!;
    const container = await detect(file);
    if (container === "flattened") {
      const inner = await unflatten(file, options.signal);
      files[i] = inner;
      details["flattened"] = true;
      details["records"] = inner.records;
      if (inner.truncated) details["truncated"] = true;
    } else if (container === "gzip" || container === "zstd") {
      files[i] = await unpacked(file, container, options);
      details["packing"] = container;
      await file.close();
    } else return container;
  }
  throw badDump(files[i]!, 0, `expected a dump, found more than ${MAX_LAYERS} layers of packing around it`);
}

async function unpacked(
  file: RandomAccessFile,
  packing: "gzip" | "zstd",
  { signal, spool: spoolOptions }: UnwrapOptions,
): Promise<RandomAccessFile> {
  const options = { ...spoolOptions, ...(signal && { signal }) };
  if (isNode()) return (await import("./spool.js")).spool(file, packing, options);
  return (await import("./unpack-blob.js")).unpackToBlob(file, packing, options);
}
