import { VmemmapError } from "../errors.js";
import { isNode } from "../host.js";
import { withLoss } from "./cut-short.js";
import { type Container, detect } from "./detect.js";
import { openElf } from "./elf.js";
import type { RandomAccessFile } from "./file.js";
import { unflatten } from "./flattened.js";
import { openLime } from "./lime.js";
import type { Dump } from "./memory.js";
import type { SpoolOptions } from "./spool.js";
import { badDump, unsupportedDump } from "./structure.js";

/** A dump may be flattened and then packed, and packed twice by mistake. */
const MAX_LAYERS = 3;

type Details = Record<string, string | number | boolean>;

export interface OpenDumpOptions {
  /** Ends what takes long (unpacking, indexing); the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Threads that unpack the pages of a kdump-compressed dump. */
  readonly threads?: number;
  /** How a dump that is packed as a whole, by gzip or zstd, is unpacked to a temporary file; in Node only. */
  readonly spool?: Omit<SpoolOptions, "signal">;
}

/**
 * Open a dump of whatever kind: it is told by its first bytes, and what it is packed in is taken off. The files are the dump's
 * from here on: its `close()` closes them, and so does an error.
 *
 * @param file one file, or all those of a split kdump
 * @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable", "no-space"; whatever `signal` was aborted with
 */
export async function openDumpFile(
  file: RandomAccessFile | readonly RandomAccessFile[],
  options: OpenDumpOptions = {},
): Promise<Dump> {
  const files = isList(file) ? [...file] : [file];
  if (files.length === 0) throw new VmemmapError("bad-argument", "files of a dump: none given");
  const details: Details = {};
  try {
    const containers: Container[] = [];
    for (let i = 0; i < files.length; i++) containers.push(await unwrap(files, i, details, options));
    return withDetails(await openInner(files, containers, options), details);
  } catch (error) {
    await Promise.allSettled(files.map((one) => one.close()));
    throw withLoss(error, details);
  }
}

function isList(file: RandomAccessFile | readonly RandomAccessFile[]): file is readonly RandomAccessFile[] {
  return Array.isArray(file);
}

/** Take off what the file is packed in, for good: `files[i]` is then what is inside, and the details tell what it was in. */
async function unwrap(
  files: RandomAccessFile[],
  i: number,
  details: Details,
  options: OpenDumpOptions,
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
      files[i] = await spooled(file, container, options);
      details["packing"] = container;
      await file.close();
    } else return container;
  }
  throw badDump(files[i]!, 0, `expected a dump, found more than ${MAX_LAYERS} layers of packing around it`);
}

async function spooled(
  file: RandomAccessFile,
  packing: "gzip" | "zstd",
  { signal, spool: spoolOptions }: OpenDumpOptions,
): Promise<RandomAccessFile> {
  if (!isNode())
    throw unsupportedDump(file, `packed by ${packing}, and a browser has no room to unpack it to: unpack it first`);
  const { spool } = await import("./spool.js");
  return spool(file, packing, { ...spoolOptions, ...(signal && { signal }) });
}

async function openInner(
  files: readonly RandomAccessFile[],
  containers: readonly Container[],
  options: OpenDumpOptions,
): Promise<Dump> {
  const first = files[0]!;
  const container = containers[0]!;
  const other = containers.findIndex((one) => one !== "kdump");
  if (files.length > 1 && other >= 0)
    throw unsupportedDump(
      files[other]!,
      `${containers[other]!} among ${files.length} files; only a split kdump (makedumpfile --split) has several`,
    );
  if (container === "elf") return openElf(first);
  if (container === "lime") return openLime(first);
  if (container === "kdump") {
    const { openKdump } = await import("./kdump.js");
    const { signal, threads } = options;
    return openKdump(files, { ...(signal && { signal }), ...(threads !== undefined && { threads }) });
  }
  throw badDump(first, 0, "expected a dump, found an image of this package: it is loaded as one");
}

/** The dump, its details told after those of what it was in. */
function withDetails(dump: Dump, details: Details): Dump {
  return {
    format: dump.format,
    memory: dump.memory,
    vmcoreinfo: dump.vmcoreinfo,
    // Who unpacks its pages shows while they are read.
    get details() {
      return { ...details, ...dump.details };
    },
    close: () => dump.close(),
  };
}
