import { closeSync, openSync, unlinkSync, write } from "node:fs";
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { VmemmapError } from "../errors.js";
import type { RandomAccessFile } from "./file.js";
import { nodeFileOf, unreadable } from "./node-file.js";
import { contentSize, type Packing, unpackInto, type UnpackOptions } from "./unpack-stream.js";

/** Bytes left free on the disk for whoever else needs it. */
const SPARE_BYTES = 64 << 20;
/** Bytes written between two looks at the room that is left. */
const LOOK_BYTES = 64 << 20;

export interface SpoolOptions extends UnpackOptions {
  /**
   * Where to put the temporary file.
   *
   * @default os.tmpdir(), which honours TMPDIR
   */
  readonly directory?: string;
}

/**
 * Unpack a file to a temporary one, of which nothing is left behind: its name is gone before the first byte is written, and its
 * bytes with `close()`, an error, an abort, or the end of the process.
 *
 * @throws VmemmapError "no-space"; "bad-dump": damaged or truncated; "unsupported-dump": a zstd window that is too large;
 * "unreadable"; whatever `signal` was aborted with
 */
export async function spool(
  file: RandomAccessFile,
  packing: Packing,
  options: SpoolOptions = {},
): Promise<RandomAccessFile> {
  const directory = options.directory ?? tmpdir();
  const expected = await contentSize(file, packing);
  const size = expected === null ? "does not say how many bytes it unpacks to" : `unpacks to ${expected} bytes`;
  await checkRoom(directory, expected ?? 0, `${file.name} ${size}`);
  const path = join(directory, `vmemmap-${process.pid}-${crypto.randomUUID()}`);
  options.onStart?.(path, expected);
  const fd = openTemporary(path);
  try {
    const size = await pour(file, packing, fd, directory, options);
    return nodeFileOf(fd, `${file.name} (unpacked)`, size);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A file without a name, for this process alone. */
function openTemporary(path: string): number {
  try {
    const fd = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return fd;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Unpack all of `file` into `fd`; answers the bytes written. */
function pour(
  file: RandomAccessFile,
  packing: Packing,
  fd: number,
  directory: string,
  options: SpoolOptions,
): Promise<number> {
  let lookAt = LOOK_BYTES;
  const write = async (piece: Uint8Array, position: number): Promise<void> => {
    await writeAll(fd, piece, position, directory);
    const written = position + piece.length;
    if (written < lookAt) return;
    lookAt += LOOK_BYTES;
    await checkRoom(directory, 0, `${file.name} is unpacked to ${written} bytes so far`);
  };
  return unpackInto(file, packing, write, options);
}

const writeAt = promisify(write);

async function writeAll(fd: number, bytes: Uint8Array, position: number, directory: string): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    try {
      at += (await writeAt(fd, bytes, at, bytes.length - at, position + at)).bytesWritten;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (!["ENOSPC", "EDQUOT", "EFBIG"].includes(code)) throw unreadable(directory, error);
      throw noSpace(`the host has no room for more than ${position + at} bytes in ${directory} (${code})`, error);
    }
  }
}

async function checkRoom(directory: string, needed: number, why: string): Promise<void> {
  let free: number;
  try {
    const { bavail, bsize } = await statfs(directory);
    free = bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      const why = `${directory}: no such folder to unpack to; set TMPDIR to one with room, or unpack the dump yourself`;
      throw new VmemmapError("unreadable", why, { cause: error });
    }
    throw unreadable(directory, error);
  }
  if (free < needed + SPARE_BYTES)
    throw noSpace(`${why}, and ${directory} has room for ${free} (${SPARE_BYTES} are kept free)`);
}

function noSpace(why: string, cause?: unknown): VmemmapError {
  return new VmemmapError("no-space", `${why}; set TMPDIR to a folder with more room, or unpack the dump yourself`, {
    cause,
  });
}
