/** Where a command's data goes: stdout, or the file of `-o`. */
import { constants, type Stats } from "node:fs";
import { access, chmod, type FileHandle, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { badUse } from "./arguments.js";
import type { Option } from "./command.js";
import type { Host } from "./host.js";
import { unwritable } from "./unwritable.js";

/** The option, for commands that have it. */
export const OUTPUT_OPTION = {
  type: "string",
  short: "o",
  value: "FILE",
  help: "write to a file in place of stdout",
} as const satisfies Option;

export interface Sink {
  /** Resolves when there is room for more. */
  write(chunk: string | Uint8Array): Promise<void>;
}

/**
 * Have `fill` write to a file, or to stdout where none is named. A file takes its name once it is complete: a failed or interrupted run
 * leaves what stood there before. Devices and pipes are written as they stand.
 *
 * @param sources paths that are being read: none may be written over
 * @throws VmemmapError "bad-argument": the file can't be written; "no-space"; what `fill` throws
 */
export async function writeTo(
  path: string | undefined,
  sources: readonly string[],
  host: Host,
  fill: (sink: Sink) => Promise<void>,
): Promise<void> {
  if (path === undefined) {
    await fill(host.stdout);
    return;
  }
  for (const source of sources)
    if (await isSameFile(path, source)) throw badUse(`--output: ${path} is the source itself`);
  const { O_CREAT, O_EXCL, O_WRONLY, W_OK } = constants;
  let file: FileHandle | undefined;
  let beside: string | undefined;
  try {
    const before = await statOf(path);
    if (before !== undefined && !before.isFile()) {
      file = await open(path, O_WRONLY);
      await fillFile(file, fill);
      return;
    }
    // A link stays one: it is its target that is written anew.
    const target = before === undefined ? path : await realpath(path);
    if (before !== undefined) await access(target, W_OK);
    const unfinished = `${target}.${process.pid}.part`;
    file = await open(unfinished, O_CREAT | O_EXCL | O_WRONLY);
    beside = unfinished;
    await fillFile(file, fill);
    if (before !== undefined) await chmod(unfinished, before.mode & 0o7777);
    await rename(unfinished, target);
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (beside !== undefined) await unlink(beside).catch(() => undefined);
    throw unwritable(`--output: ${path}`, error);
  }
}

async function fillFile(file: FileHandle, fill: (sink: Sink) => Promise<void>): Promise<void> {
  await fill({
    write: async (chunk) => {
      await file.writeFile(chunk);
    },
  });
  await file.close();
}

/** Undefined where there is none. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([stat(a), stat(b)]);
    return one.isFile() && one.dev === other.dev && one.ino === other.ino;
  } catch {
    return false;
  }
}
