import { checkBoolean, checkFunction, checkKeys, checkSignal, display, whole } from "../check.js";
import { VmemmapError } from "../errors.js";
import { isNode } from "../host.js";
import { type LoadOptions, Vmemmap } from "../vmemmap.js";
import type { RandomAccessFile } from "./file.js";
import type { LoadMapOptions } from "./load-map.js";
import type { OpenDumpOptions } from "./open-file.js";

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
];
const PIECE_BYTES = 1 << 20;
/** More than any host runs at a time. */
const MOST_THREADS = 1024;

/**
 * Open a crash dump, and make the map of the kernel in it; or load an image of a map. What the map was made by is in its
 * {@link Vmemmap.provenance}, and the pages whose slots the dump lacks in {@link Vmemmap.filtered}.
 *
 * @param source the dump's file, or all files of one that is split
 * @throws VmemmapError "unreadable"; "bad-dump", "bad-image": damaged, or none; "unsupported-dump"; "out-of-memory"; "no-space";
 * "bad-argument": no file, or an option of another kind
 */
export async function openVmcore(
  source: VmcoreFile | readonly VmcoreFile[],
  options: OpenVmcoreOptions = {},
): Promise<Vmemmap> {
  checkKeys(options, OPTIONS, "openVmcore");
  checkSignal(options.signal);
  checkBoolean(options.headIndex, "headIndex");
  if (options.threads !== undefined) whole(options.threads, 1, MOST_THREADS, "threads");
  checkFunction(options.onProgress, "onProgress");
  checkFunction(options.onUnpack, "onUnpack");
  const { threads, onUnpack, ...mapOptions } = options;
  const { signal, onProgress } = options;
  const given: readonly VmcoreFile[] = isList(source) ? source : [source];
  if (given.length === 0) throw new VmemmapError("bad-argument", "openVmcore: expected a file, got an empty list");
  onProgress?.({ stage: "open", done: 0, total: 1 });
  const files: RandomAccessFile[] = [];
  try {
    for (const file of given) files.push(await openFile(file, signal));
    const { openUnwrapped, unwrapFiles } = await import("./open-file.js");
    const dumpOptions: OpenDumpOptions = {
      ...(signal && { signal }),
      ...(threads !== undefined && { threads }),
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
      return await Vmemmap.load(piecesOf(unwrapped.files[0]!, signal), imageOptions(mapOptions));
    }
    const dump = await openUnwrapped(unwrapped, dumpOptions);
    try {
      const { loadMap } = await import("./load-map.js");
      return await loadMap(dump, mapOptions);
    } finally {
      await dump.close();
    }
  } finally {
    await Promise.allSettled(files.map((file) => file.close()));
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
  throw new VmemmapError("bad-argument", `openVmcore: expected a path, a Blob or a file, got ${display(source)}`);
}

async function* piecesOf(file: RandomAccessFile, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    const bytes = new Uint8Array(Math.min(PIECE_BYTES, file.size - at));
    await file.readInto(bytes, at);
    yield bytes;
  }
}

/** What an image takes of the options, without keys that were not given. */
function imageOptions({ build, headIndex, listCapacity, hotplugCapacity }: LoadMapOptions): LoadOptions {
  const given = Object.entries({ build, headIndex, listCapacity, hotplugCapacity });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
