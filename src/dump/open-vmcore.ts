import { checkBoolean, checkFunction, checkKeys, checkSignal, display, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import { isNode } from "../host.js";
import type { PfnRange } from "../types.js";
import type { Vmemmap } from "../vmemmap.js";
import type { RandomAccessFile } from "./file.js";
import type { LoadMapOptions } from "./load-map.js";
import type { OpenDumpOptions } from "./open-file.js";
import { checkPfnRange, checkWindowPages } from "./parts.js";
import type { Vmcore } from "./vmcore.js";

/** One file of a dump: a path (Node), a Blob or File, or anything that reads at any place, which is closed in the end. */
export type VmcoreFile = string | Blob | RandomAccessFile;

/** How to open a dump. */
export interface OpenVmcoreOptions extends LoadMapOptions {
  /** Threads that unpack a compressed dump. @default as many as help */
  readonly threads?: number;
  /**
   * Called before a file that is packed as a whole, by gzip or zstd, is unpacked.
   *
   * @param path the temporary file; where the host has none, and unpacks to a Blob, what messages call that
   * @param expectedBytes what it unpacks to; null where the packed file does not say
   */
  readonly onUnpack?: (path: string, expectedBytes: number | null) => void;
  /**
   * Called with who unpacks the pages of a kdump-compressed dump, when that changes: `"2 threads"`, or `"this thread (REASON)"` where
   * threads were wanted and can't. Not called where few pages are read, which this thread unpacks.
   */
  readonly onUnpackedBy?: (who: string) => void;
  /**
   * Only the sections of memory that these PFNs meet, and all others of the same 1 GiB of memory (2^18 PFNs), so that no folio is cut. The
   * map's {@link Vmemmap.provenance} says which `part` of the kernel's it is. @default all
   */
  readonly range?: PfnRange;
}

const OPTIONS = [
  "build",
  "headIndex",
  "listCapacity",
  "hotplugCapacity",
  "signal",
  "onProgress",
  "threads",
  "onUnpack",
  "onUnpackedBy",
  "range",
];
/** More than any host runs at a time. */
const MOST_THREADS = 1024;

/**
 * Open a crash dump, and make the map of the kernel in it; or load an image of a map. What the map was made by is in its
 * {@link Vmemmap.provenance}, and the pages whose slots the dump lacks in {@link Vmemmap.filtered}.
 *
 * @param source the dump's file, or all files of one that is split
 * @throws VmemmapError "unreadable"; "bad-dump", "bad-image": damaged, or none; "unsupported-dump"; "out-of-memory": its slots do not
 * fit, see {@link vmcoreWindows}; "bad-range": no memory in the range; "no-space"; "bad-argument": no file, or an option of another kind
 */
export async function openVmcore(
  source: VmcoreFile | readonly VmcoreFile[],
  options: OpenVmcoreOptions = {},
): Promise<Vmemmap> {
  checkKeys(options, OPTIONS, "openVmcore");
  const { range, ...rest } = options;
  if (range !== undefined) checkPfnRange(range);
  const vmcore = await openVmcoreFile(source, rest);
  try {
    return await vmcore.map(range);
  } finally {
    await vmcore.close();
  }
}

export interface VmcoreWindowsOptions extends OpenVmcoreOptions {
  /** Slots of a window, a multiple of 2^18: of the map of 1 GiB of memory. @default 2^22: 256 MiB of slots */
  readonly pagesPerWindow?: number;
}

/**
 * Open a dump, and make one map after the other, each of a window of so many PFNs, by rising PFN: for dumps of machines whose map fits
 * no memory, or to save memory. The file is opened once, and the kernel is read once. A map is disposed of when the next one is asked for,
 * and when the loop is left, which closes the file: keep what is wanted of it, not the map. No folio is cut, and each map says in its {@link
 * Vmemmap.provenance} which `part` it is. Windows without memory are left out.
 *
 * @throws VmemmapError as {@link openVmcore}, when the first window is asked for
 */
export async function* vmcoreWindows(
  source: VmcoreFile | readonly VmcoreFile[],
  options: VmcoreWindowsOptions = {},
): AsyncGenerator<Vmemmap, void> {
  checkKeys(options, [...OPTIONS, "pagesPerWindow"], "vmcoreWindows");
  const { range, pagesPerWindow, ...rest } = options;
  const pages = checkWindowPages(pagesPerWindow);
  if (range !== undefined) checkPfnRange(range);
  const vmcore = await openVmcoreFile(source, rest);
  try {
    yield* vmcore.windows(pages, range);
  } finally {
    await vmcore.close();
  }
}

/** Open a dump or an image for maps of all of it, or of parts. @internal */
export async function openVmcoreFile(
  source: VmcoreFile | readonly VmcoreFile[],
  options: Omit<OpenVmcoreOptions, "range">,
): Promise<Vmcore> {
  checkSignal(options.signal);
  checkBoolean(options.headIndex, "headIndex");
  if (options.threads !== undefined) whole(options.threads, 1, MOST_THREADS, "threads");
  checkFunction(options.onProgress, "onProgress");
  checkFunction(options.onUnpack, "onUnpack");
  checkFunction(options.onUnpackedBy, "onUnpackedBy");
  const { threads, onUnpack, onUnpackedBy, ...mapOptions } = options;
  const { signal, onProgress } = options;
  const given: readonly VmcoreFile[] = isList(source) ? source : [source];
  if (given.length === 0) throw new VmemmapError("bad-argument", "openVmcore: expected a file, got an empty list");
  onProgress?.({ stage: "open", done: 0, total: 1 });
  const files: RandomAccessFile[] = [];
  const close = async () => {
    await Promise.allSettled(files.map((file) => file.close()));
  };
  try {
    for (const file of given) files.push(await openFile(file, signal));
    const [{ Vmcore }, { openUnwrapped, unwrapFiles }] = await Promise.all([
      import("./vmcore.js"),
      import("./open-file.js"),
    ]);
    const dumpOptions: OpenDumpOptions = {
      ...(signal && { signal }),
      ...(threads !== undefined && { threads }),
      ...(onUnpackedBy && { onUnpackedBy }),
      spool: {
        ...(onUnpack && { onStart: onUnpack }),
        onProgress: ({ bytesRead, bytesToRead }) => {
          onProgress?.({ stage: "unpack", done: bytesRead, total: bytesToRead });
        },
      },
    };
    const unwrapped = await unwrapFiles(files, dumpOptions);
    if (unwrapped.files.length === 1 && unwrapped.containers[0] === "image") {
      files.push(unwrapped.files[0]!);
      return await Vmcore.ofImage(unwrapped.files[0]!, mapOptions);
    }
    const dump = await openUnwrapped(unwrapped, dumpOptions);
    try {
      return await Vmcore.ofDump(dump, mapOptions);
    } catch (error) {
      await dump.close();
      throw error;
    }
  } catch (error) {
    await close();
    throw error;
  }
}

function isList(source: VmcoreFile | readonly VmcoreFile[]): source is readonly VmcoreFile[] {
  return Array.isArray(source);
}

async function openFile(source: VmcoreFile, signal?: AbortSignal): Promise<RandomAccessFile> {
  if (typeof source === "string") {
    if (!isNode()) throw new VmemmapError("unreadable", `${source}: this host opens no paths: give a File or a Blob`);
    return (await import("./node-file.js")).openNodeFile(source);
  }
  if (source instanceof Blob) return new (await import("./blob-file.js")).BlobFile(source);
  if (typeof source === "object" && (source as unknown) !== null && "readInto" in source)
    return new (await import("./given-file.js")).GivenFile(source, signal);
  throw new VmemmapError(
    "bad-argument",
    `openVmcore: expected a path, a Blob or a file, got ${display(source)}${insteadOf(source)}`,
  );
}

/** What to give in place of what is often given. */
function insteadOf(source: unknown): string {
  if (source instanceof URL) return ", a URL: give fileURLToPath(url)";
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return ", bytes: give new Blob([bytes])";
  return "";
}
