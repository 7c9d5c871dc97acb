import { close, closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import { VmemmapError } from "../errors.js";
import type { RandomAccessFile } from "./file.js";
import { badDump, checkWithin } from "./structure.js";

/** Reads up to here are done at once: a system call costs less than a promise. */
const AT_ONCE_BYTES = 64 << 10;
/** Most bytes of one system call; Linux would stop at 2 GiB less a page by itself. */
const CALL_BYTES = 1 << 30;

/** A file of the host, by Node. Nothing of it is kept in memory. */
class NodeFile implements RandomAccessFile {
  #fd: number | null;

  constructor(
    readonly name: string,
    readonly size: number,
    fd: number,
  ) {
    this.#fd = fd;
  }

  readInto(out: Uint8Array, offset: number): Promise<void> | undefined {
    checkWithin(this, offset, out.length);
    const fd = this.#open();
    if (out.length > AT_ONCE_BYTES) return this.#readLong(fd, out, offset);
    for (let at = 0; at < out.length;) {
      let got: number;
      try {
        got = readSync(fd, out, at, out.length - at, offset + at);
      } catch (error) {
        throw unreadable(this.name, error);
      }
      at += this.#some(got, offset + at);
    }
    return undefined;
  }

  close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = null;
    if (fd === null) return Promise.resolve();
    return new Promise((resolve, reject) => {
      close(fd, (error) => (error ? reject(unreadable(this.name, error)) : resolve()));
    });
  }

  async #readLong(fd: number, out: Uint8Array, offset: number): Promise<void> {
    for (let at = 0; at < out.length;) {
      const length = Math.min(CALL_BYTES, out.length - at);
      const got = await new Promise<number>((resolve, reject) => {
        read(fd, out, at, length, offset + at, (error, bytes) =>
          error ? reject(unreadable(this.name, error)) : resolve(bytes),
        );
      });
      at += this.#some(got, offset + at);
    }
  }

  #open(): number {
    if (this.#fd === null) throw new VmemmapError("disposed", `${this.name} was closed`);
    return this.#fd;
  }

  /** A file that is cut while it is read answers 0 bytes. */
  #some(got: number, offset: number): number {
    if (got === 0)
      throw badDump(this, offset, `expected bytes up to ${this.size}, found the end: the file was cut meanwhile`);
    return got;
  }
}

/** An open file of the host as one that can be read at any place; `close()` closes it. */
export function nodeFileOf(fd: number, name: string, size: number): RandomAccessFile {
  return new NodeFile(name, size, fd);
}

/**
 * Open a file for reading at any place, beyond 4 GiB too.
 *
 * @throws VmemmapError "unreadable": no such file, no permission, a directory, a pipe…
 */
export function openNodeFile(path: string): RandomAccessFile {
  let fd: number;
  try {
    // A pipe without a writer must not hang: O_NONBLOCK means nothing to files and disks.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) throw new VmemmapError("unreadable", `${path}: a directory; give the dump's file in it`);
    if (!stat.isFile())
      throw new VmemmapError(
        "unreadable",
        `${path}: no plain file; a dump is read at any place, so save it to a file first`,
      );
    return nodeFileOf(fd, path, stat.size);
  } catch (error) {
    closeSync(fd);
    throw unreadable(path, error);
  }
}

const HELP: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "no permission to read it; dumps are mostly root's",
  EPERM: "the host does not let this process read it",
  EISDIR: "a directory; give the dump's file in it",
  ENOTDIR: "a part of the path is no directory",
  ELOOP: "too many symbolic links",
  EMFILE: "this process has too many files open",
  ENFILE: "the host has too many files open",
  EIO: "the disk failed to read it",
  ERR_INVALID_ARG_VALUE: "no path of a file",
};

/** The host's own error, with a sentence that helps. */
export function unreadable(name: string, error: unknown): VmemmapError {
  if (error instanceof VmemmapError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const what = HELP[code] ?? (error instanceof Error ? error.message : String(error));
  return new VmemmapError("unreadable", `${name}: ${what}${code in HELP ? ` (${code})` : ""}`, { cause: error });
}
