/** Where a command's data goes: stdout, or the file of `-o`. */
import { constants } from "node:fs";
import { type FileHandle, open, stat, unlink } from "node:fs/promises";
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
 * Have `fill` write to a file, or to stdout where none is named. What a failed or interrupted run wrote of a file is removed.
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
  const { O_CREAT, O_TRUNC, O_WRONLY } = constants;
  let file: FileHandle | undefined;
  let isOurs = false;
  try {
    file = await open(path, O_CREAT | O_TRUNC | O_WRONLY);
    isOurs = (await file.stat()).isFile();
    const handle = file;
    await fill({
      write: async (chunk) => {
        await handle.writeFile(chunk);
      },
    });
    await file.close();
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (isOurs) await unlink(path).catch(() => undefined);
    throw unwritable(`--output: ${path}`, error);
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
