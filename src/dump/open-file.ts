import { VmemmapError } from "../errors.js";
import { withLoss } from "./cut-short.js";
import type { Container } from "./detect.js";
import { openElf } from "./elf.js";
import type { RandomAccessFile } from "./file.js";
import { openLime } from "./lime.js";
import type { Dump } from "./memory.js";
import { badDump, unsupportedDump } from "./structure.js";
import { type Details, unwrap, type UnwrapOptions } from "./unwrap.js";

export interface OpenDumpOptions extends UnwrapOptions {
  /** Threads that unpack the pages of a kdump-compressed dump. */
  readonly threads?: number;
  /** Called with who unpacks them when that changes. */
  readonly onUnpackedBy?: (who: string) => void;
}

/** Files out of what they were packed in. */
export interface Unwrapped {
  readonly files: readonly RandomAccessFile[];
  readonly containers: readonly Container[];
  /** What they were packed in. */
  readonly details: Details;
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
  return openUnwrapped(await unwrapFiles(isList(file) ? file : [file], options), options);
}

/** The first half of {@link openDumpFile}: who owns the files, and what is thrown, is as there. */
export async function unwrapFiles(given: readonly RandomAccessFile[], options: UnwrapOptions): Promise<Unwrapped> {
  const files = [...given];
  if (files.length === 0) throw new VmemmapError("bad-argument", "files of a dump: none given");
  const details: Details = {};
  return closingOnError({ files, details }, async () => {
    const containers: Container[] = [];
    for (let i = 0; i < files.length; i++) containers.push(await unwrap(files, i, details, options));
    return { files, containers, details };
  });
}

/** The second half. */
export async function openUnwrapped(unwrapped: Unwrapped, options: OpenDumpOptions): Promise<Dump> {
  const { files, containers, details } = unwrapped;
  return closingOnError(unwrapped, async () => withDetails(await openInner(files, containers, options), details));
}

async function closingOnError<T>(
  { files, details }: Pick<Unwrapped, "files" | "details">,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await Promise.allSettled(files.map((one) => one.close()));
    throw withLoss(error, details);
  }
}

function isList(file: RandomAccessFile | readonly RandomAccessFile[]): file is readonly RandomAccessFile[] {
  return Array.isArray(file);
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
    const { signal, threads, onUnpackedBy } = options;
    return openKdump(files, {
      ...(signal && { signal }),
      ...(threads !== undefined && { threads }),
      ...(onUnpackedBy && { onUnpackedBy }),
    });
  }
  throw badDump(first, 0, "expected a dump, found an image of this package: it is loaded as one");
}

/** The dump, its details told after those of what it was in. */
function withDetails(dump: Dump, details: Details): Dump {
  return {
    format: dump.format,
    memory: dump.memory,
    vmcoreinfo: dump.vmcoreinfo,
    details: { ...details, ...dump.details },
    close: () => dump.close(),
  };
}
