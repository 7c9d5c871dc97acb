import { VmemmapError } from "../errors.js";
import type { RandomAccessFile } from "./file.js";
import { KdumpMemory } from "./kdump/kdump-memory.js";
import { KdumpPart } from "./kdump/part.js";
import type { Dump } from "./memory.js";

export interface KdumpOptions {
  /** Stops what is under way, which throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Open a kdump-compressed dump, as makedumpfile and QEMU write it.
 *
 * @param files the dump, or all parts of a split one in any order; `close` closes them
 * @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable"
 */
export async function openKdump(files: readonly RandomAccessFile[], options: KdumpOptions = {}): Promise<Dump> {
  const { signal } = options;
  if (files.length === 0) throw new VmemmapError("bad-argument", "no files: expected a dump, or the parts of one");
  const parts: KdumpPart[] = [];
  for (const file of files) parts.push(await KdumpPart.open(file, signal));
  const { header } = parts[0]!;
  return {
    format: "kdump",
    memory: new KdumpMemory(header.endFrame, parts, signal),
    vmcoreinfo: null,
    details: {},
    close: async () => {
      for (const file of files) await file.close();
    },
  };
}
