/** The one way to name where a map comes from: the path of a dump, or `live`. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { VmemmapError } from "../errors.js";
import { Vmemmap } from "../vmemmap.js";
import type { Host } from "./host.js";
import { Progress } from "./progress.js";

/** The kernel that runs here. */
export const LIVE = "live";

/**
 * Open the map that an operand names, with progress on a terminal; stops when the host says so.
 *
 * @throws VmemmapError "unreadable", "bad-dump", "bad-image", "unsupported-dump", "out-of-memory", "no-space"
 */
export async function openSource(
  { options, host }: { readonly options: { readonly part: readonly string[] }; readonly host: Host },
  name: string,
): Promise<Vmemmap> {
  const progress = new Progress(host);
  try {
    const paths = [name, ...options.part];
    return await openVmcore(paths.length === 1 ? name : paths, { signal: host.signal, onProgress: progress.update });
  } finally {
    progress.clear();
  }
}

/** Images only. */
async function openVmcore(
  pathOrPaths: string | readonly string[],
  { signal }: { readonly signal: AbortSignal; readonly onProgress: Progress["update"] },
): Promise<Vmemmap> {
  if (typeof pathOrPaths !== "string" || pathOrPaths === LIVE)
    throw new VmemmapError("unsupported-dump", `${String(pathOrPaths)}: only images of maps can be read`);
  try {
    if ((await stat(pathOrPaths)).isDirectory())
      throw new VmemmapError("unreadable", `${pathOrPaths} is a folder: name a file in it`);
    return await Vmemmap.load(createReadStream(pathOrPaths, { signal }));
  } catch (error) {
    if (error instanceof VmemmapError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new VmemmapError("unreadable", `${pathOrPaths}: ${reasonOf(code)}`, { cause: error });
  }
}

function reasonOf(code: string | undefined): string {
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "you may not read it";
  return `it can't be read (${code})`;
}
