/** Where a command's data goes: stdout, or the file of `-o`. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
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
 * Have `fill` write to a file, or to stdout where none is named. A file is written beside its name and takes it when it is whole: what was
 * there before stands until then, and a failed or interrupted run leaves it as it was.
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
  await checkOutput(path, sources);
  try {
    if (await isOther(path)) await fillFile(path, O_WRONLY, fill);
    else await fillBeside(await targetOf(path), fill);
  } catch (error) {
    throw unwritable(`--output: ${path}`, error);
  }
}

/**
 * Refuse a file that can't be written, before the work is done whose result it is to have.
 *
 * @throws VmemmapError "bad-argument"
 */
export async function checkOutput(path: string | undefined, sources: readonly string[]): Promise<void> {
  if (path === undefined) return;
  for (const source of sources)
    if (await isSameFile(path, source)) throw badUse(`--output: ${path} is the source itself`);
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw badUse(`--output: ${path}: it is a folder`);
  try {
    await access(there === undefined ? dirname(path) : path, constants.W_OK);
  } catch (error) {
    throw unwritable(`--output: ${path}`, error);
  }
}

const { O_CREAT, O_EXCL, O_WRONLY } = constants;

async function fillBeside(path: string, fill: (sink: Sink) => Promise<void>): Promise<void> {
  // Whoever may not write the file that is there may not replace it either.
  await access(path, constants.W_OK).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  });
  const mode = await stat(path).then(
    (before) => before.mode,
    () => undefined,
  );
  const beside = `${path}.${randomUUID().slice(0, 8)}.part`;
  try {
    await fillFile(beside, O_CREAT | O_EXCL | O_WRONLY, fill);
    if (mode !== undefined) await chmod(beside, mode);
    await rename(beside, path);
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    throw error;
  }
}

async function fillFile(path: string, flags: number, fill: (sink: Sink) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await fill({
      write: async (chunk) => {
        await file.writeFile(chunk);
      },
    });
  } finally {
    await file.close();
  }
}

/** Whether something stands there that is no file: a pipe, a device, which are written as they are. A folder is refused by its opening. */
async function isOther(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => !found.isFile(),
    () => false,
  );
}

/** The file behind links, which stay what they are. */
async function targetOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([stat(a), stat(b)]);
    return one.isFile() && one.dev === other.dev && one.ino === other.ino;
  } catch {
    return false;
  }
}
